package io.thalweg.math;

/** Says that an example cannot be used, and why. State is as it was before. */
public final class Rejection extends Exception {
    private static final long serialVersionUID = 1;

    /** The kinds of fault. The names are part of what is published. */
    public enum Reason {
        /** The record has no key and the topic has more than one partition. */
        NO_KEY,
        /** The key is not UTF-8, is empty or too long, or holds a NUL character. */
        BAD_KEY,
        /** There is no value, and the record is not one that deletes a model. */
        NO_VALUE,
        /** The value is not an Avro record that can be read as an example. */
        UNREADABLE,
        /** The schema registry says that it does not know the schema id in the value. */
        UNKNOWN_SCHEMA,
        /** Events of this schema have no field that the label could be made from. */
        NO_LABEL_FIELD,
        /** A field does not hold what the mapping says that it holds. */
        BAD_VALUE,
        /** The record is larger than the limit. */
        TOO_LARGE,
        /** There are no features. */
        NO_FEATURES,
        /** The features are there but empty. */
        EMPTY,
        /** A feature, the label or the importance is NaN or infinite. */
        NOT_FINITE,
        /** The label is below 0 or above 1. */
        LABEL_OUT_OF_RANGE,
        /** The importance is below 0. */
        NEGATIVE_IMPORTANCE,
        /** A sparse example has more indices than values, or fewer. */
        LENGTHS_DIFFER,
        /** An index is below 0 or beyond the feature space. */
        INDEX_OUT_OF_RANGE,
        /** An index or a name is there twice. */
        DUPLICATE_FEATURE,
        /** The form is not the model's, or not one that is allowed. */
        FORM_DIFFERS,
        /** A dense example has not as many features as the model. */
        LENGTH_DIFFERS,
        /** It would begin one model more than a task may hold. */
        TOO_MANY_MODELS,
        /** The logit, or a weight after the step, would not be a finite number. */
        OVERFLOW
    }

    private final Reason reason;

    public Rejection(Reason reason, String detail) {
        // bad input can come at the full rate of the stream, and nobody reads the stack
        super(detail, null, false, false);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }
}
