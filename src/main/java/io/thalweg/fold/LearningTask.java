package io.thalweg.fold;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.input.RecordReader.InputKind;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Example;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.output.DeadLetters;
import io.thalweg.output.MetricsRecords;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.Predictions;
import io.thalweg.output.PublishedWeights;
import io.thalweg.output.WeightsRecords;
import io.thalweg.store.Changelog;
import io.thalweg.store.InputOffsets;
import io.thalweg.store.ModelEntry;
import io.thalweg.store.StateException;
import io.thalweg.store.TaskState;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.kafka.common.header.Headers;

/**
 * The state machine of one partition: it applies the records of the input, in order, to the models, and gives what there is to publish.
 * At a commit it writes what has changed, and it takes back what was written. Kafka Streams drives it in the running learner, an audit
 * drives it over the same input again, and {@code evaluate} over a file.
 *
 * <p>Applying a record is deterministic: the same records in the same order, under the same settings, give the same models and the same
 * outputs, bit for bit. It follows the way of the data: read the record, find its model, validate, resolve, predict, learn, publish. A
 * record that cannot be used leaves everything as it was and is published as a dead letter.
 *
 * <p>What a task takes in is one of several kinds ({@link InputKind}), which {@link RecordReader#read} tells; each has a method here.
 *
 * <p>The life of a task: {@link #clear}, {@link #restore} for each record of its changelog, {@link #begin}, and then {@link #apply},
 * {@link #publishRest} and {@link #commit} in turn. Not thread-safe.
 */
public final class LearningTask {
    private final TaskState state;
    private final SchemaSource schemas;

    // as the settings say
    private ThalwegConfig config;
    private String keyless;
    private RecordReader reader;
    private Learner learner;
    private DeadLetters deadLetters;
    private PublishedWeights.Policy weightsPolicy;
    private int metricsEvery;
    private boolean modelIsKey;

    /** The models that the weights topic does not hold as they are, in the order in which that began. */
    private List<ModelEntry> unpublished = new ArrayList<>();

    // of the record that was applied last
    private final Example example = new Example();
    private final PredictionResult prediction = new PredictionResult();
    private String modelId;
    private Model model;
    private double logLoss;
    private Rejection rejection;

    /** What has come of a record. */
    public enum Applied {
        /** It was predicted; it has no label. */
        PREDICTED,
        /** It was predicted and learned from. */
        LEARNED,
        /** It deletes a model, which is gone now if there was one. */
        DELETED,
        /** It cannot be used. */
        REJECTED,
        /** It had been applied before. */
        SKIPPED
    }

    /**
     * A task that has nothing yet.
     *
     * @param schemas finds the schema that an example was written with
     * @param keyless the model of records without key; empty if those are rejected
     */
    public LearningTask(ThalwegConfig config, SchemaSource schemas, String keyless, TaskState state) {
        this.state = state;
        this.schemas = schemas;
        use(config, keyless);
    }

    private void use(ThalwegConfig settings, String modelOfKeyless) {
        config = settings;
        keyless = modelOfKeyless;
        reader = new RecordReader(schemas, config, keyless);
        learner = new Learner(config.learner(), config.getInt(ThalwegConfig.WEIGHTS_WINDOW));
        deadLetters = new DeadLetters(config.getInt(ThalwegConfig.DEAD_LETTERS_MAX_BYTES));
        weightsPolicy = new PublishedWeights.Policy(
                config.getInt(ThalwegConfig.WEIGHTS_RECORD_MAX), config.getInt(ThalwegConfig.WEIGHTS_EVERY));
        metricsEvery = config.getInt(ThalwegConfig.METRICS_EVERY);
        modelIsKey = config.mapping().isModelFromKey();
    }

    /** The settings that records are applied under. */
    public ThalwegConfig settings() {
        return config;
    }

    // ---- life

    /** Forgets everything. @param transactional whether what is written at a commit comes back whole or not at all */
    public void clear(boolean transactional) {
        state.clear(transactional);
        unpublished.clear();
    }

    /** Takes back a record of the changelog; a null value is a tombstone. */
    public void restore(byte[] key, byte[] value) {
        state.restore(key, value);
    }

    /**
     * Begins to apply records, once everything has been restored.
     *
     * @throws StateException if what was restored cannot be used under the settings
     */
    public void begin() {
        state.begin(
                config.replayedSettings(keyless), learner.optimizer(), config.getBoolean(ThalwegConfig.STATE_MIGRATE));
        unpublished.clear();
        for (ModelEntry entry : state.models()) {
            entry.published().waits(false);
            if (!entry.published().isCurrent()) {
                waitForPublication(entry);
            }
        }
    }

    /** Writes what has changed since the last commit, if anything has. Called before each commit, in the same transaction. */
    public void commit(Changelog changelog) {
        state.writeChanges(changelog);
    }

    /** Drops what has changed without a record, as the settings do, and has not been written. */
    public void dropUnwritten() {
        state.dropUnwritten();
    }

    /** Goes on under other settings, from the next record on. For a replay, which knows when the learner did. */
    public void goOnUnder(ThalwegConfig settings, String modelOfKeyless) {
        boolean migrates = !settings.isOfTheKindOf(config);
        use(settings, modelOfKeyless);
        state.goOn(learner.optimizer(), migrates);
    }

    // ---- the fold

    /** Applies a record. What has come of it can be asked for until the next one is applied. */
    public Applied apply(InputRecord record, OutputSink sink) {
        InputOffsets offsets = state.offsets();
        // what has lost its offsets sends on again what it has sent on before
        if (offsets.isApplied(record.partition(), record.offset())
                || record.wasSentOn() && offsets.isApplied(record.sourcePartition(), record.sourceOffset())) {
            return Applied.SKIPPED;
        }
        Applied applied;
        try {
            applied = switch (reader.read(record, example)) {
                case EXAMPLE -> example(record, sink);
                case DELETION -> deletion(record, sink);
            };
        } catch (Rejection e) {
            rejection = e;
            publishDeadLetter(record, sink);
            applied = Applied.REJECTED;
        }
        offsets.advanceTo(record.partition(), record.offset());
        if (record.wasSentOn()) {
            offsets.advanceTo(record.sourcePartition(), record.sourceOffset());
        }
        return applied;
    }

    private Applied example(InputRecord record, OutputSink sink) throws Rejection {
        ModelEntry entry = predictAndLearn(reader.modelId(), example);
        publishPrediction(record, sink);
        if (!example.labelled()) {
            return Applied.PREDICTED;
        }
        publishStep(entry, record.timestamp(), sink);
        return Applied.LEARNED;
    }

    private Applied deletion(InputRecord record, OutputSink sink) {
        ModelEntry entry = delete(reader.modelId());
        if (entry != null) {
            if (sink.wants(OutputTopic.WEIGHTS)) {
                entry.published().retract(weights(sink, record.timestamp()));
            }
            if (sink.wants(OutputTopic.METRICS)) {
                sink.publish(OutputTopic.METRICS, WeightsRecords.key(modelId), null, record.timestamp(), null);
            }
        }
        return Applied.DELETED;
    }

    /**
     * Applies an example that has been read already, and publishes nothing.
     *
     * @param id of its model
     * @throws Rejection if it cannot be used; nothing has changed then
     */
    public Applied apply(String id, Example x) throws Rejection {
        predictAndLearn(id, x);
        return x.labelled() ? Applied.LEARNED : Applied.PREDICTED;
    }

    private ModelEntry predictAndLearn(String id, Example x) throws Rejection {
        ModelEntry known = state.get(id);
        learner.validate(x, known == null ? null : known.model(), state.size());
        // one that never takes a step is forgotten
        ModelEntry entry = known == null ? state.newModel(id, learner.optimizer()) : known;
        modelId = id;
        model = entry.model();
        learner.resolve(x, model);
        learner.predict(model, x, prediction);
        if (x.labelled()) {
            logLoss = learner.learn(model, x, prediction);
            if (known == null) {
                state.add(entry);
            }
            state.stepped(entry, prediction.version(), x);
        }
        return entry;
    }

    /** Deletes a model. @return the model as it was; null if there was none */
    public ModelEntry delete(String id) {
        modelId = id;
        return state.remove(id);
    }

    // ---- what has come of the record that was applied last

    /** The model that it is for. Not after a rejection. */
    public String modelId() {
        return modelId;
    }

    /** The model, after the step if there was one. After a prediction. */
    public Model model() {
        return model;
    }

    /** What was predicted. */
    public PredictionResult prediction() {
        return prediction;
    }

    /** Why it cannot be used. After a rejection. */
    public Rejection rejection() {
        return rejection;
    }

    /** The next offset of each partition of the input. */
    public InputOffsets offsets() {
        return state.offsets();
    }

    /** All models, in the order in which they began. */
    public Collection<ModelEntry> models() {
        return state.models();
    }

    /** The model with this id; null if there is none. */
    public Model model(String id) {
        ModelEntry entry = state.get(id);
        return entry == null ? null : entry.model();
    }

    // ---- publishing

    /** Publishes the weights that no step has published. @param now the timestamp of the records */
    public void publishRest(long now, OutputSink sink) {
        List<ModelEntry> waiting = unpublished;
        unpublished = new ArrayList<>();
        for (ModelEntry entry : waiting) {
            if (!entry.isGone()) {
                entry.published().waits(false);
                entry.published().publish(weightsPolicy, weights(sink, now));
                state.published(entry);
            }
        }
    }

    private void publishPrediction(InputRecord record, OutputSink sink) {
        if (!sink.wants(OutputTopic.PREDICTIONS)) {
            return;
        }
        sink.publish(
                OutputTopic.PREDICTIONS,
                // the key that the record has, where that is the model id
                record.key() == null || !modelIsKey ? WeightsRecords.key(modelId) : record.key(),
                Predictions.of(example, prediction, logLoss, record.partition().partition(), record.offset()),
                record.timestamp(),
                record.headers());
    }

    private void publishStep(ModelEntry entry, long timestamp, OutputSink sink) {
        if (sink.wants(OutputTopic.WEIGHTS)) {
            if (entry.published().afterStep(weightsPolicy, weights(sink, timestamp))) {
                state.published(entry);
            } else {
                waitForPublication(entry);
            }
        }
        if (model.version() % metricsEvery == 0 && sink.wants(OutputTopic.METRICS)) {
            sink.publish(OutputTopic.METRICS, WeightsRecords.key(modelId), MetricsRecords.of(model), timestamp, null);
        }
    }

    private void waitForPublication(ModelEntry entry) {
        if (!entry.published().waits()) {
            entry.published().waits(true);
            unpublished.add(entry);
        }
    }

    private static PublishedWeights.Sink weights(OutputSink sink, long timestamp) {
        return (byte[] key, Weights value) -> sink.publish(OutputTopic.WEIGHTS, key, value, timestamp, null);
    }

    private void publishDeadLetter(InputRecord record, OutputSink sink) {
        if (!sink.wants(OutputTopic.DEAD_LETTERS)) {
            return;
        }
        DeadLetter letter = deadLetters.of(record, rejection);
        Headers headers = deadLetters.headers(letter, record);
        sink.publish(OutputTopic.DEAD_LETTERS, deadLetters.key(record), letter, record.timestamp(), headers);
    }
}
