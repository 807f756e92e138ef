package io.thalweg.fold;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.ReadAhead.ExampleAhead;
import io.thalweg.input.RecordReader;
import io.thalweg.input.RecordReader.InputKind;
import io.thalweg.input.SchemaSource;
import io.thalweg.mapping.CategorySample;
import io.thalweg.math.Example;
import io.thalweg.math.LabelCounts;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.math.StepTarget;
import io.thalweg.output.DeadLetters;
import io.thalweg.output.MetricsRecords;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.Predictions;
import io.thalweg.output.PublishedWeights;
import io.thalweg.output.WeightsRecords;
import io.thalweg.store.Changelog;
import io.thalweg.store.InputOffsets;
import io.thalweg.store.InputOffsets.UnreadGap;
import io.thalweg.store.ModelEntry;
import io.thalweg.store.StartModels;
import io.thalweg.store.StateException;
import io.thalweg.store.TaskState;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/**
 * The state machine of one partition: it applies the records of the input, in order, to the models, and publishes the
 * results. At a commit it writes what has changed, and after a crash it restores that. Kafka Streams drives it in the
 * running learner, an audit drives it over the same input again, and {@code evaluate} over a file.
 *
 * <p>Applying a record is deterministic: the same records in the same order, under the same settings, give the same
 * models and the same outputs, bit for bit. The steps are: read the record, find its model, validate, resolve, predict,
 * learn, publish. A record that cannot be used changes nothing and is published as a dead letter.
 *
 * <p>There are several kinds of input ({@link InputKind}). {@link RecordReader#read} tells the kind of a record, and
 * each kind has a method here.
 *
 * <p>Life cycle: {@link #clear}, {@link #restore} for each record of the changelog, {@link #begin}, and then
 * {@link #apply}, {@link #publishRest} and {@link #commit} in turn. Not thread-safe.
 */
public final class LearningTask {
    private final TaskState state;
    private final SchemaSource schemas;

    // from the settings
    private ThalwegConfig config;
    private String keyless;
    private RecordReader reader;
    private Learner learner;
    private StartModels start;
    /** For predictions of models that are not there yet, by what these begin with. */
    private final Map<Model, ModelEntry> unmet = new IdentityHashMap<>();

    private DeadLetters deadLetters;
    private PublishedWeights.Policy weightsPolicy;
    private int metricsEvery;
    private boolean modelIsKey;
    /** Joins labels that come later; null if they are in the events. */
    private @Nullable LabelJoin join;

    // the offsets of the next records
    private long nextEvent;
    private long nextLabel;

    /**
     * The models of which the weights topic does not have the present version, in the order in which they got there.
     */
    private List<ModelEntry> unpublished = new ArrayList<>();

    // about the last record
    private final Example example = new Example();
    /** The example that was predicted last. */
    private Example predicted = example;

    private final PredictionResult prediction = new PredictionResult();
    private String modelId = "";
    private double logLoss;

    // set by apply, before anybody asks for them
    @SuppressWarnings("NullAway.Init")
    private Model model;

    @SuppressWarnings("NullAway.Init")
    private Rejection rejection;

    /** How many steps were taken since the object was created. */
    private long steps;

    private Consumer<Model> stepListener = stepped -> {};

    /** The result of applying a record. */
    public enum Applied {
        /** The example was predicted. It has no label. */
        PREDICTED,
        /** The example was predicted and learned from. */
        LEARNED,
        /** The record is a label, and was applied to its event, or waits for it. */
        LABELED,
        /** The record deletes a model, which is now gone if it existed. */
        DELETED,
        /** The record cannot be used. */
        REJECTED,
        /** The record had been applied before. */
        SKIPPED,
        /** The record is of a type that is not learned from. */
        PASSED_OVER
    }

    /**
     * Creates a task without models. What they begin with is read from the file in {@value ThalwegConfig#MODEL_START}.
     *
     * @param schemas finds the schema that an example was written with
     * @param keyless the model of records without a key; empty if these are rejected
     * @throws org.apache.kafka.common.config.ConfigException if that file cannot be used
     */
    public LearningTask(ThalwegConfig config, SchemaSource schemas, String keyless, TaskState state) {
        this(config, schemas, keyless, state, StartModels.of(config));
    }

    /**
     * Creates a task without models.
     *
     * @param schemas finds the schema that an example was written with
     * @param keyless the model of records without a key; empty if these are rejected
     * @param start what new models begin with
     */
    public LearningTask(
            ThalwegConfig config, SchemaSource schemas, String keyless, TaskState state, StartModels start) {
        this.state = state;
        this.schemas = schemas;
        use(config, keyless, start);
    }

    private void use(ThalwegConfig settings, String modelOfKeyless, StartModels ofNewModels) {
        config = settings;
        keyless = modelOfKeyless;
        start = ofNewModels;
        unmet.clear();
        reader = new RecordReader(schemas, config, keyless);
        learner = new Learner(config.learner(), config.getInt(ThalwegConfig.WEIGHTS_WINDOW));
        deadLetters = new DeadLetters(config);
        weightsPolicy = new PublishedWeights.Policy(
                config.getInt(ThalwegConfig.WEIGHTS_RECORD_MAX), config.getInt(ThalwegConfig.WEIGHTS_EVERY));
        metricsEvery = config.getInt(ThalwegConfig.METRICS_EVERY);
        modelIsKey = config.areKeysModelIds();
        join = config.hasLateLabels() ? new LabelJoin(config, state.lateLabels(), new LateSteps()) : null;
    }

    /** Returns the settings under which records are applied. */
    public ThalwegConfig settings() {
        return config;
    }

    // ---- life cycle

    /**
     * Removes all state.
     *
     * @param transactional whether a commit is written completely or not at all
     */
    public void clear(boolean transactional) {
        state.clear(transactional);
        unpublished.clear();
    }

    /**
     * Restores a record of the changelog.
     *
     * @param key the key
     * @param value the value; null for a tombstone
     */
    public void restore(byte[] key, byte @Nullable [] value) {
        state.restore(key, value);
    }

    /**
     * Ends the restoration, so that records can be applied.
     *
     * @throws StateException if the restored state cannot be used under the settings
     */
    public void begin() {
        Map<String, String> settings = config.replayedSettings(keyless);
        if (!start.sha256().isEmpty()) {
            settings.put(ThalwegConfig.MODEL_START, start.sha256());
        }
        state.begin(settings, learner.optimizer(), config.getBoolean(ThalwegConfig.STATE_MIGRATE));
        unpublished.clear();
        nextEvent = nextOffset(config.routedTopic(), config.getString(ThalwegConfig.EXAMPLES_TOPIC));
        nextLabel = nextOffset(config.routedLabelsTopic(), config.getString(ThalwegConfig.LABELS_TOPIC));
        for (ModelEntry entry : state.models()) {
            entry.published().waits(false);
            if (!entry.published().isCurrent()) {
                waitForPublication(entry);
            }
        }
    }

    /** Returns the next offset of the topic that is read: the one that records are sent on to, if they are. */
    private long nextOffset(String sentOnTo, String producedTo) {
        long next = state.offsets().next(sentOnTo);
        boolean isSentOn = config.learnedTopics(state.layout().partitions()).contains(sentOnTo);
        return next > 0 || isSentOn ? next : state.offsets().next(producedTo);
    }

    /** Writes what has changed since the last commit. Called before each commit, in the same transaction. */
    public void commit(Changelog changelog) {
        state.writeChanges(changelog);
    }

    /** Undoes changes that were made without a record, such as a change of settings, and that were not written. */
    public void dropUnwritten() {
        state.dropUnwritten();
    }

    /**
     * Continues under other settings, from the next record on. For a replay, which knows when the settings changed.
     *
     * @param ofNewModels what new models begin with from then on
     */
    public void goOnUnder(ThalwegConfig settings, String modelOfKeyless, StartModels ofNewModels) {
        boolean migrates = !settings.isOfTheKindOf(config);
        use(settings, modelOfKeyless, ofNewModels);
        state.goOn(learner.optimizer(), migrates);
    }

    /**
     * Notes where a partition of the input begins.
     *
     * @return what was deleted before it was applied; empty if nothing was
     */
    public Optional<UnreadGap> beginsAt(TopicPartition partition, long beginning) {
        Optional<UnreadGap> gap = state.offsets().beginsAt(partition, beginning);
        if (gap.isPresent() && config.isOfLabels(partition.topic())) {
            nextLabel = beginning;
        } else if (gap.isPresent()) {
            nextEvent = beginning;
        }
        return gap;
    }

    /** Continues a replay at these offsets of events and labels. */
    public void resumeAt(long event, long label) {
        nextEvent = event;
        nextLabel = label;
    }

    // ---- applying records

    /** Applies a record. The methods below return details of it until the next record is applied. */
    public Applied apply(InputRecord record, OutputSink sink) {
        return apply(record, null, sink);
    }

    /** Applies a record. @param ahead the example in it, if that has been read before; null if not */
    public Applied apply(InputRecord record, @Nullable ExampleAhead ahead, OutputSink sink) {
        InputOffsets offsets = state.offsets();
        // a router that has lost its offsets routes records a second time
        if (offsets.isApplied(record.partition(), record.offset())
                || record.wasSentOn() && offsets.isApplied(record.sourcePartition(), record.sourceOffset())) {
            return Applied.SKIPPED;
        }
        Applied applied;
        try {
            InputKind kind = ahead != null ? InputKind.EXAMPLE : reader.read(record, example);
            String id = ahead != null ? ahead.modelId() : reader.modelId();
            if (kind != InputKind.OF_OTHER_TYPE) {
                checkHome(id, record.partition().partition());
            }
            applied = switch (kind) {
                case EXAMPLE -> example(id, ahead != null ? ahead.example() : example, record, sink);
                case LABEL -> label(reader.modelId(), example, record, sink);
                case DELETION -> deletion(record, sink);
                case OF_OTHER_TYPE -> Applied.PASSED_OVER;
            };
        } catch (Rejection e) {
            rejection = e;
            publishDeadLetter(record, sink);
            applied = Applied.REJECTED;
        }
        offsets.advanceTo(record.partition(), record.offset());
        if (record.isLabel()) {
            nextLabel = record.offset() + 1;
        } else {
            nextEvent = record.offset() + 1;
        }
        if (record.wasSentOn()) {
            offsets.advanceTo(record.sourcePartition(), record.sourceOffset());
        }
        return applied;
    }

    /**
     * Rejects a record of a model that is in another partition since models were moved. Its producer has not noticed
     * yet that the topic has other partitions, and a second model of the same id would begin here.
     */
    private void checkHome(String id, int partition) throws Rejection {
        int home = state.layout().home(id, partition);
        if (home != partition) {
            throw new Rejection(
                    Reason.WRONG_PARTITION,
                    "models were moved to other partitions, and this one is in partition " + home
                            + " now; the producer of the record does not know the present number of partitions, or"
                            + " chooses them in another way");
        }
    }

    private Applied example(String id, Example x, InputRecord record, OutputSink sink) throws Rejection {
        LabelJoin waits = x.labelled() ? null : join;
        if (join != null) {
            // first: a record that is rejected does not move the time on, so that its place among labels does not
            // matter
            validate(id, x);
            if (waits != null) {
                waits.check(id, x, record);
            }
            join.begin(record, record.offset() + 1, nextLabel, sink);
        }
        ModelEntry entry = predictAndLearn(id, x);
        publishPrediction(x, record, sink);
        if (waits != null) {
            waits.predicted(modelId, x, prediction);
            return Applied.PREDICTED;
        }
        if (!x.labelled()) {
            return Applied.PREDICTED;
        }
        publishStep(entry, record.timestamp(), sink);
        return Applied.LEARNED;
    }

    private Applied label(String id, Example label, InputRecord record, OutputSink sink) throws Rejection {
        LabelJoin joining = join();
        modelId = id;
        joining.begin(record, nextEvent, record.offset() + 1, sink);
        joining.label(id, label);
        return Applied.LABELED;
    }

    private LabelJoin join() {
        if (join == null) {
            throw new IllegalStateException("there is no topic of labels");
        }
        return join;
    }

    private Applied deletion(InputRecord record, OutputSink sink) {
        state.lateLabels().deleteModel(reader.modelId(), record.offset() + 1);
        ModelEntry entry = remove(reader.modelId());
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
     * Applies an example that has been read already. Publishes nothing.
     *
     * @param id the id of its model
     * @throws Rejection if the example cannot be used; nothing has changed then
     */
    public Applied apply(String id, Example x) throws Rejection {
        predictAndLearn(id, x);
        return x.labelled() ? Applied.LEARNED : Applied.PREDICTED;
    }

    /**
     * Applies an event that has been read already, as if it were the next record of the events, at a time.
     *
     * @param id the id of its model
     * @param x if it has no label, that comes later
     * @throws Rejection if the event cannot be used; nothing has changed then
     */
    public Applied applyEvent(String id, Example x, long time, OutputSink sink) throws Rejection {
        Applied applied = example(id, x, at(ThalwegConfig.EXAMPLES_TOPIC, nextEvent, time), sink);
        nextEvent++;
        return applied;
    }

    /**
     * Applies a label that has been read already, as if it were the next record of the labels, at a time.
     *
     * @param id the id of its model
     * @param label the label with the id of its event; its importance is NaN if it has none
     * @throws Rejection if it contradicts another one, or the model cannot learn from it
     */
    public void applyLabel(String id, Example label, long time, OutputSink sink) throws Rejection {
        InputRecord record = at(ThalwegConfig.LABELS_TOPIC, nextLabel, time);
        nextLabel++;
        label(id, label, record.asLabel(), sink);
    }

    /** Moves the time on, and gives up the events whose labels did not come in time. */
    public void advanceTo(long time, OutputSink sink) {
        join().begin(at(ThalwegConfig.EXAMPLES_TOPIC, nextEvent, time), nextEvent, nextLabel, sink);
    }

    /** Stands for the record of what has been read already. */
    private InputRecord at(String topic, long offset, long time) {
        return InputRecord.produced(
                new TopicPartition(config.getString(topic), 0), offset, time, null, null, new RecordHeaders());
    }

    private void validate(String id, Example x) throws Rejection {
        validate(id, x, state.get(id));
    }

    private void validate(String id, Example x, @Nullable ModelEntry known) throws Rejection {
        learner.validate(x, known == null ? null : known.model(), state.size(), known == null ? start.of(id) : null);
    }

    private ModelEntry predictAndLearn(String id, Example x) throws Rejection {
        ModelEntry known = state.get(id);
        validate(id, x, known);
        // a model that takes no step is not kept
        ModelEntry entry = known != null ? known : x.labelled() ? newModel(id) : unmet(id);
        modelId = id;
        model = entry.model();
        learner.resolve(x, model);
        learner.predict(model, x, prediction);
        predicted = x;
        if (x.labelled()) {
            logLoss = learner.learn(model, x, prediction);
            if (known == null) {
                state.add(entry);
            }
            state.stepped(entry, prediction.version(), x);
            steps++;
        }
        return entry;
    }

    private ModelEntry newModel(String id) {
        // it may be for this model alone
        unmet.remove(start.of(id));
        return state.newModel(id, learner.optimizer(), start.of(id));
    }

    /**
     * Returns a model that predicts as a new one would. To make a new one for each prediction would copy all that it
     * begins with.
     */
    private ModelEntry unmet(String id) {
        Model from = start.of(id);
        ModelEntry entry = from == null ? null : unmet.get(from);
        if (entry == null) {
            entry = newModel(id);
            if (from != null) {
                unmet.put(from, entry);
            }
        }
        return entry;
    }

    /** The steps that labels call for when they come later. */
    private final class LateSteps implements LabelJoin.Steps {
        @Override
        public long step(
                String id,
                Example x,
                PredictionResult served,
                StepTarget target,
                double earlierLabel,
                long timestamp,
                OutputSink sink)
                throws Rejection {
            ModelEntry known = state.get(id);
            validate(id, x, known);
            ModelEntry entry = known == null ? newModel(id) : known;
            modelId = id;
            model = entry.model();
            long version = model.version();
            learner.resolve(x, model);
            learner.learn(model, x, served, target, earlierLabel);
            if (known == null) {
                state.add(entry);
            }
            state.steppedLate(entry, version, x, served, target, earlierLabel);
            steps++;
            publishStep(entry, timestamp, sink);
            return model.version();
        }

        @Override
        public boolean hasModel(String id) {
            return state.get(id) != null;
        }
    }

    /**
     * Deletes a model.
     *
     * @return the model; null if there was none
     */
    public @Nullable ModelEntry delete(String id) {
        state.lateLabels().deleteModel(id, nextEvent);
        return remove(id);
    }

    private @Nullable ModelEntry remove(String id) {
        modelId = id;
        return state.remove(id);
    }

    // ---- the last record

    /** Returns how many steps were taken since this object was created. */
    public long steps() {
        return steps;
    }

    /** Returns the id of the model that the record is for. Not valid after a rejection. */
    public String modelId() {
        return modelId;
    }

    /** Returns the model, after the step if there was one. Valid after a prediction. */
    public Model model() {
        return model;
    }

    /** Returns the prediction. */
    public PredictionResult prediction() {
        return prediction;
    }

    /** Returns the largest magnitude of a feature of the last example. Valid after a prediction. */
    public double largestValue() {
        double largest = 0;
        for (int k = 0; k < predicted.size(); k++) {
            largest = Math.max(largest, Math.abs(predicted.value(k)));
        }
        return largest;
    }

    /** Returns what the first categories of each field are like; empty if records are not mapped. */
    public Map<String, CategorySample> categories() {
        return reader.categories();
    }

    /** Returns why the record cannot be used. Valid after a rejection. */
    public Rejection rejection() {
        return rejection;
    }

    /** Returns the next offset of each partition of the input. */
    public InputOffsets offsets() {
        return state.offsets();
    }

    /** Returns all models, in the order in which they were started. */
    public Collection<ModelEntry> models() {
        return state.models();
    }

    /** Returns the model with an id; null if there is none. */
    public @Nullable Model model(String id) {
        ModelEntry entry = state.get(id);
        return entry == null ? null : entry.model();
    }

    /** Returns whether the state is that of a whole commit, while the task is restored or stands by. */
    public boolean isAtCommit() {
        return state.isAtCommit();
    }

    /**
     * Returns a copy of a model with its journaled steps taken, while the task is restored or stands by; null if there
     * is no such model.
     */
    public @Nullable Model standbyCopy(String id) {
        return state.standbyCopy(id);
    }

    /** Returns the entry of the model with an id; null if there is none. */
    public @Nullable ModelEntry entry(String id) {
        return state.get(id);
    }

    /** Calls a listener after each step, with the model that has taken it. */
    public void onStep(Consumer<Model> listener) {
        stepListener = listener;
    }

    // ---- publishing

    /**
     * Publishes the weights that have not been published after a step.
     *
     * @param now the timestamp of the records
     */
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

    private void publishPrediction(Example x, InputRecord record, OutputSink sink) {
        if (!sink.wants(OutputTopic.PREDICTIONS)) {
            return;
        }
        sink.publish(
                OutputTopic.PREDICTIONS,
                // the key of the record, if that is the model id
                record.key() == null || !modelIsKey ? WeightsRecords.key(modelId) : record.key(),
                Predictions.of(
                        x,
                        prediction,
                        logLoss,
                        record.partition().partition(),
                        record.offset(),
                        join == null ? null : (Long) nextLabel),
                record.timestamp(),
                record.headers());
    }

    private void publishStep(ModelEntry entry, long timestamp, OutputSink sink) {
        stepListener.accept(model);
        if (sink.wants(OutputTopic.WEIGHTS)) {
            if (entry.published().afterStep(weightsPolicy, weights(sink, timestamp))) {
                state.published(entry);
            } else {
                waitForPublication(entry);
            }
        }
        if (model.version() % metricsEvery == 0 && sink.wants(OutputTopic.METRICS)) {
            sink.publish(OutputTopic.METRICS, WeightsRecords.key(modelId), metrics(model), timestamp, null);
        }
    }

    /** Returns the metrics of a model as it is now. */
    public Metrics metrics(Model of) {
        LabelCounts labels = join == null ? null : state.lateLabels().counts(of.id());
        return MetricsRecords.of(of, labels == null && join != null ? new LabelCounts() : labels);
    }

    /** Returns what came of the labels of a model; null if labels are in the events, or none came. */
    public @Nullable LabelCounts labels(String id) {
        return join == null ? null : state.lateLabels().counts(id);
    }

    private void waitForPublication(ModelEntry entry) {
        if (!entry.published().waits()) {
            entry.published().waits(true);
            unpublished.add(entry);
        }
    }

    private static PublishedWeights.Sink weights(OutputSink sink, long timestamp) {
        return (byte[] key, @Nullable Weights value) -> sink.publish(OutputTopic.WEIGHTS, key, value, timestamp, null);
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
