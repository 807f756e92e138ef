package io.thalweg.audit;

import io.thalweg.avro.Outcome;
import org.apache.kafka.common.TopicPartition;

/**
 * The outcomes as a sequence: in the order of their numbers.
 *
 * @param events the partition of the events
 * @param labels the partition of the labels
 * @param committedEvents the offset at which the replay of the events ends
 * @param committedLabels the offset at which the replay of the labels ends
 */
record OutcomeOutputs(TopicPartition events, TopicPartition labels, long committedEvents, long committedLabels)
        implements SequenceAudit.Sequence<Outcome> {
    @Override
    public String name() {
        return "outcome";
    }

    @Override
    public long order(Outcome value) {
        return value.getSequence();
    }

    @Override
    public boolean isCommitted(Outcome value) {
        return value.getNextEvent() <= committedEvents && value.getNextLabel() <= committedLabels;
    }

    @Override
    public String place(long order) {
        return labels + ", number " + order;
    }

    @Override
    public InputPosition position(Outcome value) {
        return value.getLabelOffset() == null
                ? new InputPosition(events, value.getEventOffset() == null ? Finding.NONE : value.getEventOffset())
                : new InputPosition(labels, value.getLabelOffset());
    }

    @Override
    public String missing(Outcome expected) {
        return "%s has no outcome; the replay gives %s for id %s"
                .formatted(
                        position(expected),
                        expected.getOutcome(),
                        RecordDiff.text(expected.getId().toString()));
    }
}
