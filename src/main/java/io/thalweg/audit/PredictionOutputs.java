package io.thalweg.audit;

import io.thalweg.avro.Prediction;
import org.apache.kafka.common.TopicPartition;

/**
 * The predictions as a sequence: in the order of their examples.
 *
 * @param source the partition of the examples
 * @param committed the offset at which the replay ends
 */
record PredictionOutputs(TopicPartition source, long committed) implements SequenceAudit.Sequence<Prediction> {
    @Override
    public String name() {
        return "prediction";
    }

    @Override
    public long order(Prediction value) {
        return value.getOffset();
    }

    @Override
    public boolean isCommitted(Prediction value) {
        return value.getOffset() < committed;
    }

    @Override
    public String place(long order) {
        return source + "@" + order;
    }

    @Override
    public InputPosition position(Prediction value) {
        return new InputPosition(source, value.getOffset());
    }

    @Override
    public String missing(Prediction expected) {
        return "%s has no prediction; the replay gives probability %s at version %d"
                .formatted(place(expected.getOffset()), expected.getProbability(), expected.getVersion());
    }
}
