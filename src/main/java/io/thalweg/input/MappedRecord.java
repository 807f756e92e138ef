package io.thalweg.input;

import io.thalweg.mapping.FeatureCollector;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import java.util.Arrays;
import org.apache.avro.AvroRuntimeException;

/**
 * What has been read of one record: its example, and the model that it names. The readers of fields write to it. A
 * decoder has one, for records of all schemas, and uses it again for each. Not thread-safe.
 */
final class MappedRecord {
    /** How many records may lie in each other. Deeper ones are damaged, or made to exhaust the stack. */
    static final int DEEPEST = 500;

    private final FeatureCollector features;
    private Example example;
    private byte[] model = {};
    private int modelLength = -1;
    private int depth;

    MappedRecord(Mapping mapping) {
        features = new FeatureCollector(mapping);
    }

    /** Begins a record. @param into cleared; it is filled */
    void begin(Example into) {
        example = into;
        depth = 0;
        modelLength = -1;
        features.begin(into);
    }

    /** Ends a record. @throws Rejection if its features are too many */
    void end() throws Rejection {
        features.end();
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

    /** The model that the record names, as UTF-8; the first {@link #modelLength} bytes. */
    byte[] model() {
        return model;
    }

    /** How long the name of the model is; below 0 if the record names none. */
    int modelLength() {
        return modelLength;
    }

    /** Goes into a record in the record. @throws AvroRuntimeException if there are too many around it */
    void enter() {
        if (++depth > DEEPEST) {
            throw new AvroRuntimeException("it holds records within records, more than " + DEEPEST + " deep");
        }
    }

    /** Comes out of a record in the record. */
    void leave() {
        depth--;
    }
}
