package io.thalweg.audit;

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
import io.thalweg.store.TaskState;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Map;
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
    private final boolean sentOn;
    private final Deque<ReplayedSpan> spans = new ArrayDeque<>();
    private final LastPrediction last = new LastPrediction();
    private LearningTask task;

    /** Settings that applied from an offset on. */
    private record ReplayedSpan(long from, ThalwegConfig settings, String keyless) {}

    /** The result of a record. */
    sealed interface ReplayedRecord {}

    /**
     * A prediction, and perhaps a step.
     *
     * @param model the id of the model
     * @param prediction the prediction
     * @param learned the model after the step; null if there was no step
     */
    record Predicted(String model, Prediction prediction, Model learned) implements ReplayedRecord {}

    /** The deletion of a model, whether or not it existed. */
    record Deleted(String model) implements ReplayedRecord {}

    /** Nothing, because the record was routed a second time. */
    record Repeated() implements ReplayedRecord {}

    /** A dead letter. */
    record Rejected(InputRecord record, Rejection rejection) implements ReplayedRecord {}

    /** Keeps the prediction of the last record. Everything else is compared with the models. */
    private static final class LastPrediction implements OutputSink {
        Prediction prediction;

        @Override
        public boolean wants(OutputTopic topic) {
            return topic == OutputTopic.PREDICTIONS;
        }

        @Override
        public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
            prediction = (Prediction) value;
        }
    }

    /**
     * Creates a replay of a partition.
     *
     * @param config provides the settings that the spans do not have
     * @param learned the spans of the task, at least one
     */
    Replay(ThalwegConfig config, SchemaSource schemas, TopicPartition source, List<SettingsSpan> learned) {
        this.schemas = schemas;
        sentOn = source.topic().equals(config.routedTopic());
        for (SettingsSpan span : learned) {
            Map<String, String> settings = config.replayedSettings("");
            // a span without mapping settings was learned from records of the schema Example
            settings.keySet().removeAll(ThalwegConfig.settings(SettingFlag.MAPPING));
            settings.putAll(span.settings());
            String keyless = settings.get(ThalwegConfig.MODEL_DEFAULT);
            if (StreamsConfig.AT_LEAST_ONCE.equals(settings.get(ThalwegConfig.PROCESSING_GUARANTEE))) {
                throw new UnverifiableException("a part of " + source
                        + " was learned with processing.guarantee = at_least_once. A crash may then"
                        + " repeat outputs and steps, so a replay proves nothing");
            }
            try {
                spans.add(new ReplayedSpan(
                        span.from().getOrDefault(source, 0L), ThalwegConfig.ofReplayed(settings), keyless));
            } catch (ConfigException e) {
                throw new UnverifiableException(
                        "the learner recorded settings that this version of Thalweg does not know (" + e.getMessage()
                                + "); verify with the version that learned",
                        e);
            }
        }
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
        enter(record.offset());
        InputRecord input = sentOn ? InputRecord.sentOn(record) : InputRecord.produced(record);
        return switch (task.apply(schemaWasUnknown ? input.withUnknownSchema() : input, last)) {
            case PREDICTED -> new Predicted(task.modelId(), last.prediction, null);
            case LEARNED -> new Predicted(task.modelId(), last.prediction, task.model());
            case DELETED -> new Deleted(task.modelId());
            case REJECTED -> new Rejected(input, task.rejection());
            case SKIPPED -> new Repeated();
        };
    }

    /** Switches to the settings that apply from an offset on. */
    private void enter(long offset) {
        // the first span applies to everything before it too
        while (!spans.isEmpty() && (task == null || spans.peek().from <= offset)) {
            ReplayedSpan span = spans.remove();
            if (task == null) {
                task = new LearningTask(span.settings, schemas, span.keyless, TaskState.inMemory());
            } else {
                task.goOnUnder(span.settings, span.keyless);
            }
        }
    }

    /** Returns the model with an id; null if there is none. */
    Model get(String id) {
        return task == null ? null : task.model(id);
    }

    /** Returns how many models there are. */
    int size() {
        return task == null ? 0 : task.models().size();
    }

    /** Returns all models, in the order in which they were started. */
    Collection<Model> all() {
        return task == null
                ? List.of()
                : task.models().stream().map(ModelEntry::model).toList();
    }
}
