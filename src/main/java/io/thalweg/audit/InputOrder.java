package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.audit.OutputDecoder.Unreadable;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The events and labels of a partition, in the order in which the learner applied them.
 *
 * <p>Kafka Streams takes records from two topics in an order that it does not repeat, so the outputs record it. A
 * prediction says how many labels were applied before its event. Where an event has no prediction, because it was
 * rejected or deletes a model, outcomes say how many events were applied before them. Where neither
 * says anything, the order does not matter.
 *
 * <p>If outputs were altered, the order may be another one. Then the replay differs from them, which is what it has to
 * find out.
 */
final class InputOrder implements Iterator<ConsumerRecord<byte[], byte[]>> {
    private final Records events;
    private final Records labels;
    private final Lookahead<Prediction> predictions;
    private final Lookahead<Outcome> outcomes;
    private final Iterator<Barrier> barriers;

    private ConsumerRecord<byte[], byte[]> event;
    private ConsumerRecord<byte[], byte[]> label;
    private Barrier barrier;

    /** Offsets at which the settings changed: everything before them comes first. */
    record Barrier(long event, long label) {}

    /** The readable records of an output, one after the other. */
    private static final class Lookahead<T extends SpecificRecordBase> {
        private final Records records;
        private final OutputDecoder<T> decoder;
        private T next;

        Lookahead(Records records, OutputDecoder<T> decoder) {
            this.records = records;
            this.decoder = decoder;
        }

        /** Returns the next one without going on; null if there is none. */
        T peek() {
            while (next == null && records.hasNext()) {
                try {
                    next = decoder.read(records.next().value());
                } catch (Unreadable e) {
                    // the audit of this output reports it
                }
            }
            return next;
        }

        void skip() {
            next = null;
        }
    }

    /**
     * Creates the order.
     *
     * @param barriers in order
     */
    InputOrder(
            Records events,
            Records labels,
            Records predictions,
            OutputDecoder<Prediction> predictionDecoder,
            Records outcomes,
            OutputDecoder<Outcome> outcomeDecoder,
            List<Barrier> barriers) {
        this.events = events;
        this.labels = labels;
        this.predictions = new Lookahead<>(predictions, predictionDecoder);
        this.outcomes = new Lookahead<>(outcomes, outcomeDecoder);
        this.barriers = barriers.iterator();
        event = next(events);
        label = next(labels);
        barrier = this.barriers.hasNext() ? this.barriers.next() : null;
    }

    private static ConsumerRecord<byte[], byte[]> next(Records records) {
        return records.hasNext() ? records.next() : null;
    }

    @Override
    public boolean hasNext() {
        return event != null || label != null;
    }

    @Override
    public ConsumerRecord<byte[], byte[]> next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        ConsumerRecord<byte[], byte[]> first;
        if (isLabelFirst()) {
            first = label;
            label = next(labels);
        } else {
            first = event;
            event = next(events);
        }
        return first;
    }

    private boolean isLabelFirst() {
        if (event == null || label == null) {
            return event == null;
        }
        while (barrier != null && event.offset() >= barrier.event && label.offset() >= barrier.label) {
            barrier = barriers.hasNext() ? barriers.next() : null;
        }
        if (barrier != null && (event.offset() >= barrier.event || label.offset() >= barrier.label)) {
            return event.offset() >= barrier.event;
        }
        Long labelsBefore = labelsBeforeEvent();
        if (labelsBefore != null) {
            return label.offset() < labelsBefore;
        }
        Long before = eventsBeforeLabel();
        return before != null && before <= event.offset();
    }

    /** Returns how many labels were applied before the next event; null if it has no prediction that says so. */
    private Long labelsBeforeEvent() {
        Prediction prediction = predictions.peek();
        while (prediction != null && prediction.getOffset() < event.offset()) {
            predictions.skip();
            prediction = predictions.peek();
        }
        return prediction == null || prediction.getOffset() > event.offset() ? null : prediction.getLabelsOffset();
    }

    /**
     * Returns how many events were applied at most before the next label: as many as before the first outcome that
     * counts the label among those that were read. Returns null if there is none.
     */
    private Long eventsBeforeLabel() {
        Outcome outcome = outcomes.peek();
        while (outcome != null && outcome.getNextLabel() <= label.offset()) {
            outcomes.skip();
            outcome = outcomes.peek();
        }
        if (outcome == null) {
            return null;
        }
        // what an event decides comes after the labels that were read before it
        return outcome.getByLabel() ? outcome.getNextEvent() : outcome.getNextEvent() - 1;
    }
}
