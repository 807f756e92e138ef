package io.thalweg.input;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;

/**
 * Reads records of the labels topic: it gives the model id, the id of the event, the label, and perhaps an importance;
 * or the reason why a record is rejected. Not thread-safe.
 */
final class LabelReader {
    private final RecordReader records;
    private final Mapping mapping;

    /**
     * Creates a reader.
     *
     * @param keyless the model of records without a key; empty if they are rejected
     */
    LabelReader(SchemaSource schemas, ThalwegConfig config, String keyless) {
        mapping = config.labelsMapping();
        records = RecordReader.ofLabels(schemas, config, keyless);
    }

    /**
     * Reads a label.
     *
     * @param x is cleared and filled with id, label and importance; the importance is NaN if the record has none
     * @return the model id
     * @throws Rejection if the record cannot be read, or lacks one of these
     */
    String read(InputRecord record, Example x) throws Rejection {
        byte[] value = record.value();
        if (value == null) {
            throw new Rejection(Reason.NO_VALUE, "a label record needs a value");
        }
        records.checkKeySchemaKnown(record);
        String modelId = records.modelId(record.sourceKey(), value, record.sourceHeaders());
        RecordReader.checkSchemaKnown(record, value);
        modelId = records.example(value, record.sourceHeaders(), modelId, x);
        if (!Double.isNaN(mapping.constantLabel())) {
            x.label(mapping.constantLabel());
        }
        check(x);
        return modelId;
    }

    private void check(Example x) throws Rejection {
        if (x.id() == null) {
            throw new Rejection(
                    Reason.NO_ID,
                    "field " + mapping.id() + ", which " + ThalwegConfig.LABELS_ID_FIELD
                            + " names, is null or missing");
        }
        if (!x.labelled()) {
            throw new Rejection(
                    Reason.BAD_VALUE,
                    "field " + mapping.label().field() + ", which " + ThalwegConfig.LABELS_LABEL + " names, is null");
        }
        if (!Double.isFinite(x.label()) || x.label() < 0 || x.label() > 1) {
            throw new Rejection(Reason.LABEL_OUT_OF_RANGE, "the label is " + x.label() + "; it must be from 0 to 1");
        }
        double c = x.importance();
        if (Double.isInfinite(c) || c < 0) {
            throw new Rejection(
                    c < 0 ? Reason.NEGATIVE_IMPORTANCE : Reason.NOT_FINITE,
                    "the importance is " + c + "; it must be a number, 0 or more");
        }
    }
}
