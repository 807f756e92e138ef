package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.runtime.CommittedRecords;
import io.thalweg.runtime.ExampleRange;
import io.thalweg.runtime.ExampleRange.Span;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The first label of each event, from a topic of their own. What came of an event is known when a model is trained on
 * the past, so a label counts however late it came. All are in the heap.
 */
final class FirstLabels {
    private final Map<EventKey, FirstLabel> labels = new HashMap<>();
    private final boolean missingIsNegative;
    private final long waitMs;
    /** The latest time of all labels and of the events so far. */
    private long now = Long.MIN_VALUE;

    /** The model and the id of an event. */
    record EventKey(String model, String id) {
        static EventKey of(String model, byte[] id) {
            return new EventKey(model, new String(id, StandardCharsets.UTF_8));
        }
    }

    /**
     * The first label of an event.
     *
     * @param importance NaN if the label has none
     * @param time when it came, in milliseconds since 1970
     */
    record FirstLabel(double label, double importance, long time) {
        FirstLabel earlier(FirstLabel other) {
            return other.time < time ? other : this;
        }
    }

    private FirstLabels(ThalwegConfig config) {
        missingIsNegative = DelayedLabels.isMissingNegative(config);
        waitMs = config.getLong(ThalwegConfig.LABELS_WAIT_MS);
    }

    /** Reads all labels of a range. */
    static FirstLabels read(ThalwegConfig config, ExampleRange range, RecordReader reader, SkippedExamples skipped) {
        FirstLabels labels = new FirstLabels(config);
        Example x = new Example();
        for (Span span : range.spans()) {
            CommittedRecords records = range.read(span);
            while (records.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = records.next();
                try {
                    reader.read(InputRecord.produced(record).asLabel(), x);
                } catch (Rejection e) {
                    skipped.add(record, e);
                    continue;
                }
                labels.now = Math.max(labels.now, record.timestamp());
                if (x.id() != null) {
                    labels.labels.merge(
                            EventKey.of(reader.modelId(), x.id()),
                            new FirstLabel(x.label(), x.importance(), record.timestamp()),
                            FirstLabel::earlier);
                }
            }
        }
        range.closeReaders();
        return labels;
    }

    /**
     * Gives an event its label, if it has none and one came. If none came in time, that may be the label 0.
     *
     * @param time that of the event
     */
    void label(String model, Example x, long time) {
        now = Math.max(now, time);
        if (x.labelled() || x.id() == null) {
            return;
        }
        FirstLabel first = labels.get(EventKey.of(model, x.id()));
        if (first != null) {
            x.label(first.label);
            if (!Double.isNaN(first.importance)) {
                x.importance(first.importance);
            }
        } else if (missingIsNegative && now > time && now - time > waitMs) {
            x.label(0);
        }
    }
}
