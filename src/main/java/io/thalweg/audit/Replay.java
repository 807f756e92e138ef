package io.thalweg.audit;

import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SourceCoordinates;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Example;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.Models;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.output.Predictions;
import io.thalweg.store.SettingsSpan;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.streams.StreamsConfig;

/** The fold of the learning step over a partition of the input, from nothing: what must have come of each record. */
final class Replay implements Models {
    private final SchemaSource schemas;
    private final Map<String, Model> models = new HashMap<>();
    private final Deque<Stretch> stretches = new ArrayDeque<>();
    private final Example example = new Example();
    private final PredictionResult result = new PredictionResult();

    private final boolean routed;
    /** The last offset of each partition of the examples topic that was sent on. */
    private final Map<TopicPartition, Long> sentOn = new HashMap<>();

    private ThalwegConfig settings;
    private RecordReader reader;
    private Learner learner;

    /** Offsets from {@code from} on were learned under these settings. */
    private record Stretch(long from, ThalwegConfig settings, String keyless) {}

    /** What comes of a record. */
    sealed interface Result {}

    /** A prediction by a model, and a step if {@code learned} is not null: then it is the model after it. */
    record Predicted(String model, Prediction prediction, Model learned) implements Result {}

    /** The model is gone, if there was one. */
    record Deleted(String model) implements Result {}

    /** Nothing: the record was sent on a second time. */
    record Repeated() implements Result {}

    /** A dead letter. */
    record Rejected(Rejection rejection) implements Result {}

    /**
     * @param config stands in for settings that the spans do not hold
     * @param spans of the task, at least one
     */
    Replay(ThalwegConfig config, SchemaSource schemas, TopicPartition source, List<SettingsSpan> spans) {
        this.schemas = schemas;
        routed = source.topic().equals(config.routedTopic());
        for (SettingsSpan span : spans) {
            Map<String, String> settings = config.replayedSettings("");
            // a span that says nothing of them was learned from Examples
            settings.keySet().removeAll(Mapping.SETTINGS);
            settings.putAll(span.settings());
            String keyless = settings.get(ThalwegConfig.MODEL_DEFAULT);
            if (StreamsConfig.AT_LEAST_ONCE.equals(settings.get(ThalwegConfig.PROCESSING_GUARANTEE))) {
                throw new UnverifiableException(
                        "a part of " + source + " was learned with processing.guarantee = at_least_once, under"
                                + " which a crash may repeat outputs and steps, so a replay says nothing");
            }
            try {
                stretches.add(
                        new Stretch(span.from().getOrDefault(source, 0L), ThalwegConfig.ofReplayed(settings), keyless));
            } catch (ConfigException e) {
                throw new UnverifiableException(
                        "the learner recorded settings that this version of Thalweg does not know (" + e.getMessage()
                                + "); verify with the version that learned",
                        e);
            }
        }
    }

    /** The settings that the last record was learned under. */
    ThalwegConfig settings() {
        return settings;
    }

    /**
     * Takes the next record.
     *
     * @param schemaWasUnknown whether a dead letter says that the registry did not know the schema id; it may know it now
     */
    Result take(ConsumerRecord<byte[], byte[]> record, boolean schemaWasUnknown) {
        enter(record.offset());
        SourceCoordinates coordinates = routed ? SourceCoordinates.of(record.headers()) : null;
        if (coordinates != null) {
            TopicPartition first = new TopicPartition(coordinates.topic(), coordinates.partition());
            if (sentOn.getOrDefault(first, -1L) >= coordinates.offset()) {
                return new Repeated();
            }
            sentOn.put(first, coordinates.offset());
        }
        try {
            String modelId = reader.modelId(
                    coordinates == null ? record.key() : coordinates.key(),
                    record.value(),
                    coordinates == null ? record.headers() : coordinates.headers());
            if (record.value() == null) {
                models.remove(modelId);
                return new Deleted(modelId);
            }
            if (schemaWasUnknown && record.value().length >= 5 && record.value()[0] == 0) {
                throw new Rejection(Reason.UNKNOWN_SCHEMA, "as its dead letter says");
            }
            modelId = reader.example(record.value(), modelId, example);
            learner.process(this, modelId, example, result);
            return new Predicted(
                    modelId,
                    Predictions.of(example, result, record.partition(), record.offset()),
                    result.learned() ? result.model() : null);
        } catch (Rejection rejection) {
            return new Rejected(rejection);
        }
    }

    /** Changes to the settings that count from this offset on. */
    private void enter(long offset) {
        // the first has nothing before it
        while (!stretches.isEmpty() && (settings == null || stretches.peek().from <= offset)) {
            enter(stretches.remove());
        }
    }

    private void enter(Stretch next) {
        boolean migrates = settings != null && !settings.isOfTheKindOf(next.settings);
        settings = next.settings;
        reader = new RecordReader(schemas, settings, next.keyless);
        learner = new Learner(settings.learner(), settings.getInt(ThalwegConfig.WEIGHTS_WINDOW));
        if (migrates) {
            models.replaceAll((id, model) -> model.under(learner.optimizer()));
        } else {
            models.values().forEach(model -> model.learnsBy(learner.optimizer()));
        }
    }

    @Override
    public Model get(String id) {
        return models.get(id);
    }

    @Override
    public void add(Model model) {
        models.put(model.id(), model);
    }

    @Override
    public int size() {
        return models.size();
    }

    Collection<Model> all() {
        return models.values();
    }
}
