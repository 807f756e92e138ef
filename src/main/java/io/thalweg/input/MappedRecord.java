package io.thalweg.input;

import io.thalweg.mapping.FeatureCollector;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.util.Arrays;
import org.apache.avro.AvroRuntimeException;

/**
 * The contents of the record that is being read: its example, and the model that it names. The readers of fields write
 * to it. A decoder has one, and reuses it for records of all schemas. Not thread-safe.
 */
final class MappedRecord {
    /** How many records may be nested. Deeper ones are damaged, or were made to exhaust the stack. */
    static final int DEEPEST = 500;

    private final Mapping mapping;
    private final FeatureCollector features;
    /** The importance of a record that has none: an event counts once, and a label leaves it to its event. */
    private final double absentImportance;

    // set by begin, before a reader writes to it
    @SuppressWarnings("NullAway.Init")
    private Example example;

    private byte[] model = {};
    private int modelLength = -1;
    private int depth;

    MappedRecord(Mapping mapping) {
        this.mapping = mapping;
        features = new FeatureCollector(mapping);
        absentImportance = mapping.isOfLabels() ? Double.NaN : 1;
    }

    /**
     * Begins a record.
     *
     * @param into a cleared example, which is filled
     */
    void begin(Example into) {
        example = into;
        depth = 0;
        modelLength = -1;
        into.importance(absentImportance);
        features.begin(into);
    }

    /**
     * Ends a record.
     *
     * @throws Rejection if it has too many features
     */
    void end() throws Rejection {
        features.end();
    }

    /**
     * Checks the label of a record that was read completely.
     *
     * @throws Rejection if it is not from 0 to 1. What label records have is checked when it meets its event
     */
    void checkLabel() throws Rejection {
        if (!mapping.isOfLabels() && example.labelled() && (example.label() < 0 || example.label() > 1)) {
            String field = mapping.label().field();
            throw new Rejection(
                    Reason.LABEL_OUT_OF_RANGE,
                    ("field %s is %s; a label must be from 0 to 1. If these are classes, compare them, such as with"
                                    + " %s = %s")
                            .formatted(
                                    field, example.label(), Mapping.LABEL, Label.suggestion(field, example.label())));
        }
    }

    /** The features of the record. */
    FeatureCollector features() {
        return features;
    }

    void label(double y) {
        example.label(y);
    }

    void id(byte[] utf8) {
        example.id(utf8);
    }

    void id(byte[] utf8, int from, int length) {
        example.id(Arrays.copyOfRange(utf8, from, from + length));
    }

    void importance(double importance) {
        example.importance(importance);
    }

    void model(byte[] utf8) {
        model(utf8, 0, utf8.length);
    }

    void model(byte[] utf8, int from, int length) {
        if (length > model.length) {
            model = new byte[length];
        }
        System.arraycopy(utf8, from, model, 0, length);
        modelLength = length;
    }

    /** The model that the record names, as UTF-8; only the first {@link #modelLength} bytes count. */
    byte[] model() {
        return model;
    }

    /** The length of the model's name; below 0 if the record does not name one. */
    int modelLength() {
        return modelLength;
    }

    /**
     * Enters a record in the record.
     *
     * @throws AvroRuntimeException if too many are nested
     */
    void enter() {
        if (++depth > DEEPEST) {
            throw new AvroRuntimeException(
                    "it has more than " + DEEPEST + " records nested in each other, which is too deep");
        }
    }

    /** Forgets the records that were entered, before something is read again from its beginning. */
    void resetDepth() {
        depth = 0;
    }

    /** Leaves a record in the record. */
    void leave() {
        depth--;
    }
}
