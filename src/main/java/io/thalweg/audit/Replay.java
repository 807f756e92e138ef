package io.thalweg.audit;

import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.config.SettingFlag;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.InputRecord;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Model;
import io.thalweg.math.Rejection;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.ModelEntry;
import io.thalweg.store.SettingsSpan;
import io.thalweg.store.StartModels;
import io.thalweg.store.TaskState;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.StreamsConfig;

/**
 * Runs a {@link LearningTask} over a partition of the input again, from the beginning, to compute the result of each
 * record.
 */
final class Replay {
    private final SchemaSource schemas;
    private final ThalwegConfig names;
    private final Deque<ReplayedSpan> spans = new ArrayDeque<>();
    private final LastOutputs last = new LastOutputs();
    private final Consumer<Model> onStep;
    private final TaskState state;
    private final AuditedStretch stretch;
    private LearningTask task;
    /** The largest timestamp so far, by topic. */
    private final Map<String, Long> latest = new HashMap<>();

    /**
     * Settings that applied from an offset on.
     *
     * @param from by topic; 0 for a topic that is not in the map
     */
    private record ReplayedSpan(Map<String, Long> from, ThalwegConfig settings, String keyless, StartModels start) {
        long fromIn(String topic) {
            return from.getOrDefault(topic, 0L);
        }
    }

    /** The result of a record. */
    sealed interface ReplayedRecord {}

    /**
     * A prediction.
     *
     * @param model the id of the model
     * @param prediction the prediction
     */
    record Predicted(String model, Prediction prediction) implements ReplayedRecord {}

    /** A label that was applied to its event, or waits for it. */
    record Labeled() implements ReplayedRecord {}

    /** The deletion of a model, whether or not it existed. */
    record Deleted(String model) implements ReplayedRecord {}

    /** Nothing, because the record was routed a second time. */
    record Repeated() implements ReplayedRecord {}

    /** Nothing, because the event is of a type that is passed over. */
    record PassedOver() implements ReplayedRecord {}

    /** A dead letter. */
    record Rejected(InputRecord record, Rejection rejection) implements ReplayedRecord {}

    /**
     * An outcome.
     *
     * @param key the key of its record
     */
    record ReplayedOutcome(byte[] key, Outcome outcome) {}

    /** Keeps the prediction and the outcomes of the last record. Everything else is compared with the models. */
    private static final class LastOutputs implements OutputSink {
        Prediction prediction;
        final List<ReplayedOutcome> outcomes = new ArrayList<>();

        @Override
        public boolean wants(OutputTopic topic) {
            return topic == OutputTopic.PREDICTIONS || topic == OutputTopic.OUTCOMES;
        }

        @Override
        public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
            if (topic == OutputTopic.PREDICTIONS) {
                prediction = (Prediction) value;
            } else {
                outcomes.add(new ReplayedOutcome(key, (Outcome) value));
            }
        }
    }

    /**
     * Creates a replay of a partition.
     *
     * @param config provides the settings that the spans do not have
     * @param stretch what is replayed
     * @param learned the spans of the task, at least one
     * @param startFiles the files that models may have begun with
     * @param onStep called after each step, with the model that has taken it
     */
    Replay(
            ThalwegConfig config,
            SchemaSource schemas,
            AuditedStretch stretch,
            List<SettingsSpan> learned,
            StartFiles startFiles,
            Consumer<Model> onStep) {
        TopicPartition source = stretch.source();
        this.stretch = stretch;
        state = stretch.state();
        this.schemas = schemas;
        this.onStep = onStep;
        names = config;
        for (SettingsSpan span : learned) {
            Map<String, String> settings = config.replayedSettings("");
            // a span without mapping settings was learned from records of the schema Example
            settings.keySet().removeAll(ThalwegConfig.settings(SettingFlag.MAPPING));
            // and one without settings of labels from labels in the events
            settings.keySet().removeAll(ThalwegConfig.settings(SettingFlag.LABELS));
            // and one without settings of formats from the formats that are the defaults
            settings.keySet().removeAll(ThalwegConfig.settings(SettingFlag.FORMAT));
            settings.putAll(span.settings());
            String keyless = settings.get(ThalwegConfig.MODEL_DEFAULT);
            if (StreamsConfig.AT_LEAST_ONCE.equals(settings.get(ThalwegConfig.PROCESSING_GUARANTEE))) {
                throw new UnverifiableException("a part of " + source
                        + " was learned with processing.guarantee = at_least_once. A crash may then"
                        + " repeat outputs and steps, so a replay proves nothing");
            }
            try {
                Map<String, Long> from = new HashMap<>();
                span.from().forEach((partition, offset) -> {
                    if (partition.partition() == source.partition()) {
                        from.put(partition.topic(), offset);
                    }
                });
                String labels = settings.getOrDefault(ThalwegConfig.LABELS_TOPIC, "");
                if (!labels.isEmpty() && !labels.equals(config.getString(ThalwegConfig.LABELS_TOPIC))) {
                    throw new UnverifiableException(
                            "a part of %s was learned with labels from topic %s; set %s = %s to verify that"
                                    .formatted(source, labels, ThalwegConfig.LABELS_TOPIC, labels));
                }
                ThalwegConfig replayed = ThalwegConfig.ofReplayed(settings);
                spans.add(new ReplayedSpan(
                        from,
                        replayed,
                        keyless,
                        startFiles.get(settings.getOrDefault(ThalwegConfig.MODEL_START, ""), replayed, source)));
            } catch (ConfigException e) {
                throw new UnverifiableException(
                        "the learner recorded settings that this version of Thalweg does not know (" + e.getMessage()
                                + "); verify with the version that learned",
                        e);
            }
        }
    }

    /**
     * Returns the offsets at which the settings changed.
     *
     * @param events the topic of the events
     * @param labels the topic of the labels
     */
    List<InputOrder.Barrier> barriers(String events, String labels) {
        return spans.stream()
                .map(span -> new InputOrder.Barrier(span.fromIn(events), span.fromIn(labels)))
                .toList();
    }

    /** Returns the settings that the last record was learned under. */
    ThalwegConfig settings() {
        return task.settings();
    }

    /**
     * Applies the next record.
     *
     * @param schemaWasUnknown whether a dead letter says that the registry did not know the schema id; it may know it
     *     now
     */
    ReplayedRecord take(ConsumerRecord<byte[], byte[]> record, boolean schemaWasUnknown) {
        enter(record.topic(), record.offset());
        ConsumerRecord<byte[], byte[]> timed = timed(record);
        InputRecord input = names.isSentOn(record.topic()) ? InputRecord.sentOn(timed) : InputRecord.produced(timed);
        if (names.isOfLabels(record.topic())) {
            input = input.asLabel();
        }
        last.outcomes.clear();
        return switch (task.apply(schemaWasUnknown ? input.withUnknownSchema() : input, last)) {
            case PREDICTED, LEARNED -> new Predicted(task.modelId(), last.prediction);
            case LABELED -> new Labeled();
            case DELETED -> new Deleted(task.modelId());
            case REJECTED -> new Rejected(input, task.rejection());
            case SKIPPED -> new Repeated();
            case PASSED_OVER -> new PassedOver();
        };
    }

    /** Returns a record with the timestamp that the learner gives it if it has none: the largest before it. */
    private ConsumerRecord<byte[], byte[]> timed(ConsumerRecord<byte[], byte[]> record) {
        long before = latest.getOrDefault(record.topic(), 0L);
        if (record.timestamp() >= 0) {
            latest.put(record.topic(), Math.max(before, record.timestamp()));
            return record;
        }
        return new ConsumerRecord<>(
                record.topic(),
                record.partition(),
                record.offset(),
                before,
                record.timestampType(),
                record.serializedKeySize(),
                record.serializedValueSize(),
                record.key(),
                record.value(),
                record.headers(),
                record.leaderEpoch());
    }

    /** Switches to the settings that apply from an offset on. */
    private void enter(String topic, long offset) {
        // the first span applies to everything before it too
        while (!spans.isEmpty() && (task == null || spans.peek().fromIn(topic) <= offset)) {
            ReplayedSpan span = spans.remove();
            if (task == null) {
                task = new LearningTask(span.settings, schemas, span.keyless, state, span.start);
                task.onStep(onStep);
                // models that were learned before, in another layout, have the optimizer of that
                task.goOnUnder(span.settings, span.keyless, span.start);
                task.resumeAt(stretch.from(), stretch.labelsFrom());
            } else {
                task.goOnUnder(span.settings, span.keyless, span.start);
            }
        }
    }

    /** Returns the outcomes of the last record, in order. Valid until the next one is taken. */
    List<ReplayedOutcome> outcomes() {
        return last.outcomes;
    }

    /** Returns the metrics of a model as it is now. */
    Metrics metrics(Model model) {
        return task.metrics(model);
    }

    /** Returns the model with an id; null if there is none. */
    Model get(String id) {
        ModelEntry entry = state.get(id);
        return entry == null ? null : entry.model();
    }

    /** Returns how many models there are. */
    int size() {
        return state.size();
    }

    /** Returns all models, in the order in which they were started. */
    Collection<Model> all() {
        return state.models().stream().map(ModelEntry::model).toList();
    }
}
