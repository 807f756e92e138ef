package io.thalweg.math;

/** Says that an example cannot be used, and why. Nothing has changed when it is thrown. */
public final class Rejection extends Exception {
    private static final long serialVersionUID = 1;

    /** The reasons for a rejection. Their names are published in dead letters. */
    public enum Reason {
        /** The record has no key, and the topic has more than one partition. */
        NO_KEY,
        /** The key is not UTF-8, is empty or too long, or contains a NUL character. */
        BAD_KEY,
        /** Models were moved to other partitions, and that of the record is in another one. */
        WRONG_PARTITION,
        /** The record has no value, and is not one that deletes a model. */
        NO_VALUE,
        /** The value is not an Avro record that can be read as an example. */
        UNREADABLE,
        /** The schema registry does not know the schema id in the value. */
        UNKNOWN_SCHEMA,
        /** Events of this schema have no field from which the label could be made. */
        NO_LABEL_FIELD,
        /** A field does not contain what the mapping says it contains. */
        BAD_VALUE,
        /** The record is larger than the limit. */
        TOO_LARGE,
        /** The field with the features is null. */
        NO_FEATURES,
        /** The features are there but empty. */
        EMPTY,
        /** A feature, the label or the importance is NaN or infinite. */
        NOT_FINITE,
        /** An event or a label has no id, and labels come on a topic of their own. */
        NO_ID,
        /** Another event with the same id is remembered. */
        DUPLICATE_ID,
        /** The event has had another label. */
        CONFLICTING_LABEL,
        /** The label is below 0 or above 1. */
        LABEL_OUT_OF_RANGE,
        /** The importance is below 0. */
        NEGATIVE_IMPORTANCE,
        /** A sparse example has a different number of indices and values. */
        LENGTHS_DIFFER,
        /** An index is negative or beyond the feature space. */
        INDEX_OUT_OF_RANGE,
        /** An index or a name is there twice. */
        DUPLICATE_FEATURE,
        /** The features have another form than those of the model, or a form that the settings do not allow. */
        FORM_DIFFERS,
        /** A dense example has another number of features than the model. */
        LENGTH_DIFFERS,
        /** The example would start one model more than a task may have. */
        TOO_MANY_MODELS,
        /** The logit, or a weight after the step, would not be a finite number. */
        OVERFLOW
    }

    private final Reason reason;

    /**
     * Creates a rejection without a stack trace: bad input can come at the full rate of the stream, and nobody reads
     * the stack.
     */
    public Rejection(Reason reason, String detail) {
        super(detail, null, false, false);
        this.reason = reason;
    }

    /** Returns the reason. */
    public Reason reason() {
        return reason;
    }
}
