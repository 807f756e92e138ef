package io.thalweg.app.cli;

import io.thalweg.app.cli.EvaluationReport.Late;
import io.thalweg.app.cli.FirstLabels.EventKey;
import io.thalweg.app.cli.FirstLabels.FirstLabel;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.runtime.CommittedRecords;
import io.thalweg.runtime.ExampleRange;
import io.thalweg.runtime.ExampleRange.Span;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The events of a topic with their labels, which come on another one. It gives both to an {@link Evaluation} in the
 * order of their timestamps, an event before a label of the same time.
 *
 * <p>As with files ({@link DelayedLabels}), a prediction is judged by the first label of its event, even if that comes
 * too late to be learned from. An event that still waits at the end is only predicted.
 */
final class JoinedTopics {
    private final ThalwegConfig config;
    private final ExampleRange events;
    private final ExampleRange labels;
    private final RecordReader reader;
    private final Evaluation evaluation;
    private final SkippedExamples skipped;
    private final boolean missingIsNegative;
    private final long waitMs;

    private final OutcomeCounts outcomes = new OutcomeCounts();
    private final Example x = new Example();
    /** The predictions that are not judged yet, by model and id of the event. */
    private final Map<EventKey, UnjudgedPrediction> unjudged = new HashMap<>();
    /** The first labels that came before their events. */
    private final Map<EventKey, FirstLabel> early = new HashMap<>();

    private long now = Long.MIN_VALUE;
    private long labelsRead;

    /** A prediction that was served. @param time that of its event */
    private record UnjudgedPrediction(double logit, double importance, long time) {}

    /** A partition that is read. */
    private static final class JoinedPartition {
        private final CommittedRecords records;
        private final boolean isOfLabels;
        private ConsumerRecord<byte[], byte[]> head;
        private long time;
        private long latest;

        JoinedPartition(CommittedRecords records, boolean isOfLabels) {
            this.records = records;
            this.isOfLabels = isOfLabels;
        }

        /** Moves to the next record. @return whether there is one */
        boolean next() {
            if (!records.hasNext()) {
                return false;
            }
            head = records.next();
            // as in the learner
            time = head.timestamp() >= 0 ? head.timestamp() : latest;
            latest = Math.max(latest, time);
            return true;
        }

        InputRecord record() {
            InputRecord record = InputRecord.produced(head);
            return isOfLabels ? record.asLabel() : record;
        }
    }

    JoinedTopics(
            ThalwegConfig config,
            ExampleRange events,
            ExampleRange labels,
            RecordReader reader,
            Evaluation evaluation,
            SkippedExamples skipped) {
        this.config = config;
        this.events = events;
        this.labels = labels;
        this.reader = reader;
        this.evaluation = evaluation;
        this.skipped = skipped;
        missingIsNegative = DelayedLabels.isMissingNegative(config);
        waitMs = config.getLong(ThalwegConfig.LABELS_WAIT_MS);
    }

    /** Takes all events and labels. */
    void takeAll() {
        if (config.isRouted(events.partitions()) || config.areLabelsRouted(events.partitions())) {
            takeAll(events.spans(), labels.spans());
        } else {
            for (Span span : events.spans()) {
                evaluation.nextPartition();
                takeAll(
                        List.of(span),
                        labels.spans().stream()
                                .filter(of -> of.partition().partition()
                                        == span.partition().partition())
                                .toList());
            }
        }
    }

    private void takeAll(List<Span> ofEvents, List<Span> ofLabels) {
        PriorityQueue<JoinedPartition> partitions =
                new PriorityQueue<>(Comparator.comparingLong((JoinedPartition partition) -> partition.time)
                        .thenComparing(partition -> partition.isOfLabels));
        for (Span span : ofEvents) {
            add(partitions, new JoinedPartition(events.readBesideOthers(span), false));
        }
        for (Span span : ofLabels) {
            add(partitions, new JoinedPartition(labels.readBesideOthers(span), true));
        }
        while (!partitions.isEmpty()) {
            JoinedPartition first = partitions.remove();
            try {
                take(first.record(), first.time);
            } catch (Rejection e) {
                skipped.add(first.head, e);
            }
            add(partitions, first);
        }
        judgeRest();
        events.closeReaders();
        labels.closeReaders();
    }

    private static void add(PriorityQueue<JoinedPartition> partitions, JoinedPartition partition) {
        if (partition.next()) {
            partitions.add(partition);
        }
    }

    private void take(InputRecord record, long time) throws Rejection {
        switch (reader.read(record, x)) {
            case EXAMPLE -> takeEvent(reader.modelId(), time);
            case LABEL -> takeLabel(reader.modelId(), time);
            case DELETION -> evaluation.delete(reader.modelId());
            case OF_OTHER_TYPE -> {
                // the learner passes it over
            }
        }
    }

    private void takeEvent(String model, long time) throws Rejection {
        byte[] id = x.id();
        boolean hasLabel = evaluation.takeEvent(model, x, time, outcomes);
        now = Math.max(now, time);
        if (hasLabel || id == null) {
            return;
        }
        EventKey key = EventKey.of(model, id);
        UnjudgedPrediction prediction = new UnjudgedPrediction(evaluation.logit(), x.importance(), time);
        FirstLabel label = early.remove(key);
        if (label != null) {
            judge(prediction, label.label(), label.importance());
            return;
        }
        // an id can be used again when nothing is remembered of it
        UnjudgedPrediction before = unjudged.put(key, prediction);
        if (before != null) {
            judgeWithoutLabel(before);
        }
    }

    private void takeLabel(String model, long time) throws Rejection {
        labelsRead++;
        now = Math.max(now, time);
        byte[] id = x.id();
        if (id != null) {
            EventKey key = EventKey.of(model, id);
            UnjudgedPrediction prediction = unjudged.remove(key);
            if (prediction != null) {
                judge(prediction, x.label(), x.importance());
            } else {
                early.putIfAbsent(key, new FirstLabel(x.label(), x.importance(), time));
            }
        }
        evaluation.takeLabel(model, x, time, outcomes);
    }

    private void judge(UnjudgedPrediction prediction, double label, double importance) {
        evaluation.judge(prediction.logit, label, Double.isNaN(importance) ? prediction.importance : importance);
    }

    /** Judges a prediction whose label did not come, if that makes it a negative. */
    private void judgeWithoutLabel(UnjudgedPrediction prediction) {
        if (missingIsNegative && now > prediction.time && now - prediction.time > waitMs) {
            judge(prediction, 0, Double.NaN);
        } else {
            evaluation.onlyPredicted();
        }
    }

    private void judgeRest() {
        unjudged.values().forEach(this::judgeWithoutLabel);
        unjudged.clear();
        early.clear();
        now = Long.MIN_VALUE;
    }

    /** The spans of both topics that were read. */
    List<Span> spans() {
        List<Span> spans = new ArrayList<>(events.spans());
        spans.addAll(labels.spans());
        return spans;
    }

    /** What came of the labels. */
    Late figures() {
        return outcomes.figures(labelsRead);
    }
}
