package io.thalweg.store;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.Optimizer;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.StepTarget;
import io.thalweg.output.PublishedWeights;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The state of a task: its models, the next offset of each partition of its input, and the settings that it has learned
 * under. It is kept on the heap. Each commit writes what has changed to a changelog, as blocks or as steps, whichever
 * is smaller ({@link Journal}). After a crash it is restored from there.
 *
 * <p>Not thread-safe. Belongs to one task, which decides what happens to the models.
 */
public final class TaskState {
    private static final Logger LOG = LoggerFactory.getLogger(TaskState.class);

    private static final int NOT_JOURNALLED = -1;

    private static final Path TEMPORARY = Path.of(System.getProperty("java.io.tmpdir"));

    /** Whether anything is written. The state of an audit is not. */
    private final boolean logged;
    /** Whether a commit is written completely or not at all. Without transactions, a crash can leave a part of it. */
    private boolean transactional = true;

    private final TaskModels models = new TaskModels();
    private final InputOffsets offsets = new InputOffsets();
    private final SettingsHistory history = new SettingsHistory();
    private final LayoutHistory layouts = new LayoutHistory();
    /** How many partitions the input has; 0 if that is not known. */
    private int partitions;

    private String input = "";

    private final Journal journal;
    private final LateLabels lateLabels;
    private final ChangelogReader reader;
    private final ChangelogWriter writer;

    /** The models as the changelog has them, after they have moved to another algorithm and before that was written. */
    private final Map<ModelEntry, Unmigrated> beforeMigration = new HashMap<>();

    private record Unmigrated(Model model, PublishedWeights published) {}

    private TaskState(String name, boolean logged, Journal journal, Path directory) {
        this.logged = logged;
        this.journal = journal;
        lateLabels = new LateLabels(logged, directory, logged ? HeapBudget.OF_PROCESS : HeapBudget.usual());
        reader = new ChangelogReader(name, models, offsets, history, journal, lateLabels, layouts);
        writer = new ChangelogWriter(models, offsets, history, journal, lateLabels, layouts);
    }

    /**
     * Returns state that is written to a changelog.
     *
     * @param name the name of the store, for messages
     * @param directory where temporary files can be, for what waits for its label and needs too much of the heap
     */
    public static TaskState logged(String name, Path directory) {
        return new TaskState(name, true, new Journal(), directory);
    }

    /** Returns state that is written to a changelog, with a journal that has its own limits. */
    static TaskState logged(String name, Journal journal) {
        return new TaskState(name, true, journal, TEMPORARY);
    }

    /** Returns state that is not written anywhere. */
    public static TaskState inMemory() {
        return new TaskState("memory", false, new Journal(), TEMPORARY);
    }

    /**
     * Says how many partitions the input has. Models that were learned with another number are refused.
     *
     * @param topic the name of the input, for messages
     * @param partitionsOfInput 0 if it is not known
     * @return this
     */
    public TaskState of(String topic, int partitionsOfInput) {
        input = topic;
        partitions = partitionsOfInput;
        return this;
    }

    /** Returns what is kept because labels come later than their events. */
    public LateLabels lateLabels() {
        return lateLabels;
    }

    // ---- models and offsets

    /** Returns the model with an id; null if there is none. */
    public @Nullable ModelEntry get(String id) {
        return models.get(id);
    }

    /** Returns all models, in the order in which they were started. */
    public Collection<ModelEntry> models() {
        return models.all();
    }

    /** Returns how many models there are. */
    public int size() {
        return models.all().size();
    }

    /** Returns the layout that the models were learned in; {@link Layout#UNKNOWN} if that is not known. */
    public Layout layout() {
        return layouts.layout();
    }

    /** Returns the next offset of each partition of the input. */
    public InputOffsets offsets() {
        return offsets;
    }

    /**
     * Creates a model that has taken no step here. It is not part of the state until it is added.
     *
     * @param start what it begins with; null to begin at zero
     */
    public ModelEntry newModel(String id, Optimizer optimizer, @Nullable Model start) {
        ModelEntry entry;
        if (start == null) {
            entry = new ModelEntry(id, optimizer);
        } else {
            entry = new ModelEntry(start.copyAs(id));
            entry.model().learnsBy(optimizer);
        }
        if (logged) {
            entry.follow();
        }
        return entry;
    }

    /** Adds a model that has just taken its first step. */
    public void add(ModelEntry entry) {
        models.add(entry);
        if (logged) {
            models.number(entry);
            models.mustBeWritten(entry);
        }
    }

    /**
     * Removes a model.
     *
     * @return the model; null if there was none
     */
    public @Nullable ModelEntry remove(String id) {
        ModelEntry entry = models.remove(id);
        if (entry != null && logged) {
            models.mustBeDeleted(entry);
            journal.outdated();
        }
        return entry;
    }

    /**
     * Notes that a model has taken a step.
     *
     * @param version the version of the model before the step
     * @param x the example, its features resolved
     */
    public void stepped(ModelEntry entry, long version, Example x) {
        if (logged) {
            int size = transactional && entry.isJournalled() ? journal.add(entry, version, x) : NOT_JOURNALLED;
            stepped(entry, size);
        }
    }

    /**
     * Notes that a model has taken a step for an event whose label came later.
     *
     * @param version the version of the model before the step
     * @param x the example, its features resolved
     * @param served the prediction that the step is for
     * @param earlierLabel the label that the target revises, if it does
     */
    public void steppedLate(
            ModelEntry entry,
            long version,
            Example x,
            PredictionResult served,
            StepTarget target,
            double earlierLabel) {
        if (logged) {
            int size = transactional && entry.isJournalled()
                    ? journal.addLate(entry, version, x, served, target, earlierLabel)
                    : NOT_JOURNALLED;
            stepped(entry, size);
        }
    }

    /** @param size the size of the step in the journal; {@link #NOT_JOURNALLED} if it does not go there */
    private void stepped(ModelEntry entry, int size) {
        if (size != NOT_JOURNALLED) {
            boolean settled = entry.journalled(size, writer.commit());
            // the commit has nothing to do for this model and need not look at it
            Model model = entry.model();
            if (settled && (model.form() != FeatureForm.NAMED || model.names().size() == entry.loggedNames)) {
                return;
            }
        }
        models.changed(entry);
    }

    /** Notes that the weights topic has the present version of a model. */
    public void published(ModelEntry entry) {
        if (!logged) {
            return;
        }
        if (transactional && entry.isJournalled()) {
            journal.addPublished(entry);
        } else {
            models.changed(entry);
        }
    }

    // ---- standing by

    /** Returns whether the state is that of a whole commit, and not in the middle of one that is being restored. */
    public boolean isAtCommit() {
        return reader.isAtCommit();
    }

    /**
     * Returns a copy of a model with its journaled steps taken. The state itself stays as it was restored, so that more
     * can be restored.
     *
     * @return null if there is no such model
     */
    public @Nullable Model standbyCopy(String id) {
        ModelEntry entry = models.get(id);
        if (entry == null || entry.model().form() == null) {
            return null;
        }
        Learner learner = new Learner(ThalwegConfig.ofReplayed(history.last()).learner());
        entry.model().learnsBy(learner.optimizer());
        Model copy = entry.model().copyToGoOn();
        copy.restoreNames(reader.namesOf(entry.model()));
        journal.replay(entry, copy, learner);
        return copy;
    }

    // ---- start

    /**
     * Ends the restoration, before the first record is applied: checks that the state means the same under the present
     * settings, and remembers them if they are new.
     *
     * @param settings what {@link ThalwegConfig#replayedSettings} returns, with the SHA-256 of the file that new models
     *     begin with, if there is one
     * @param optimizer the optimizer that takes the next steps
     * @param migrate whether it may start from the weights of another algorithm
     * @throws StateException if the state cannot be used
     */
    public void begin(Map<String, String> settings, Optimizer optimizer, boolean migrate) {
        reader.end(transactional);
        layouts.begin(input, partitions);
        Map<String, String> before = history.last();
        checkFormats(before);
        boolean migrates = !models.all().isEmpty() && history.changesKind(settings);
        if (!models.all().isEmpty()) {
            history.check(settings);
            history.checkLabel(settings, migrate);
            checkForms(settings);
        }
        if (migrates) {
            history.checkMigration(settings, optimizer, migrate, transactional);
        }
        Optimizer learned = models.all().isEmpty() ? optimizer : takeJournalledSteps(before);
        for (ModelEntry entry : models.all()) {
            entry.model().learnsBy(migrates ? learned : optimizer);
            entry.model().restored();
            entry.follow();
        }
        if (migrates) {
            migrate(settings, optimizer);
        }
        models.restored();
        if (!before.equals(settings)) {
            history.begin(offsets.next(), settings, migrates);
            // steps are replayed under the settings of the last span, so none may be left from before it
            journal.end(models::mustBeWritten);
        }
    }

    /** Continues under other settings, without writing or restoring anything, as an audit does. */
    public void goOn(Optimizer optimizer, boolean migrate) {
        for (ModelEntry entry : models.all()) {
            if (migrate) {
                entry.migrate(optimizer);
            } else {
                entry.model().learnsBy(optimizer);
            }
        }
    }

    private void migrate(Map<String, String> settings, Optimizer optimizer) {
        LOG.info(
                "{} models keep their weights and continue with {} = {}",
                models.all().size(),
                ThalwegConfig.ALGORITHM,
                settings.get(ThalwegConfig.ALGORITHM));
        for (ModelEntry entry : models.all()) {
            beforeMigration.put(entry, new Unmigrated(entry.model(), entry.published()));
            entry.migrate(optimizer);
            models.mustBeWritten(entry);
        }
    }

    /**
     * Rejects models of an earlier format that were learned with {@code auto} or with scaling: the versions that wrote
     * them kept other state.
     */
    private void checkFormats(Map<String, String> before) {
        boolean others = Algorithm.AUTO.toString().equals(before.get(ThalwegConfig.ALGORITHM))
                || !"none".equals(before.getOrDefault(ThalwegConfig.SCALING, "none"));
        if (others && models.all().stream().anyMatch(entry -> entry.format < ChangelogFormat.HEAD_FORMAT)) {
            throw reader.unusable("was written by a version of Thalweg that kept other state for "
                    + ThalwegConfig.ALGORITHM + " = auto and for " + ThalwegConfig.SCALING);
        }
    }

    private void checkForms(Map<String, String> settings) {
        for (ModelEntry entry : models.all()) {
            checkForm(entry.id, entry.model().head().form(), settings);
        }
    }

    /**
     * Checks that a model goes on with features of the same form.
     *
     * @throws StateException if the settings want another
     */
    static void checkForm(String id, FeatureForm form, Map<String, String> settings) {
        String wanted = settings.get(ThalwegConfig.FEATURES_FORM);
        String learned = form.name().toLowerCase(Locale.ROOT);
        if (wanted != null && !wanted.equals("any") && !wanted.equals(learned)) {
            throw new StateException("model " + id + " was learned from " + learned + " features and "
                    + ThalwegConfig.FEATURES_FORM + " is now " + wanted
                    + "; set it back, or delete the weights with `thalweg reset`");
        }
    }

    /**
     * Replays the steps in the journal.
     *
     * @param settings the settings under which they were first taken
     * @return the optimizer that took them
     */
    private Optimizer takeJournalledSteps(Map<String, String> settings) {
        Learner learner = new Learner(ThalwegConfig.ofReplayed(settings).learner());
        Map<Integer, ModelEntry> byNumber = new HashMap<>();
        for (ModelEntry entry : models.all()) {
            entry.model().learnsBy(learner.optimizer());
            byNumber.put(entry.number, entry);
        }
        try {
            journal.replay(byNumber, learner);
        } catch (IllegalArgumentException e) {
            throw reader.unusable("has steps that cannot be replayed (" + e.getMessage() + ")");
        }
        return learner.optimizer();
    }

    // ---- the changelog

    /** Writes what has changed since the last call. */
    public void writeChanges(Changelog changelog) {
        boolean spanBegan = history.spanBegan();
        writer.writeChanges(changelog, transactional);
        if (spanBegan) {
            beforeMigration.clear();
        }
    }

    /**
     * Restores a record of the changelog.
     *
     * @param key the key
     * @param value the value; null for a tombstone
     */
    public void restore(byte[] key, byte @Nullable [] value) {
        reader.restore(key, value);
    }

    // ---- moving to another layout

    /** Takes a model over from a state of another layout, with all that the weights topic has of it. */
    void adopt(ModelEntry entry) {
        models.add(entry);
        if (logged) {
            entry.unwritten();
            models.number(entry);
            models.mustBeWritten(entry);
        }
    }

    /** Returns the settings that were learned under, oldest first. */
    public List<SettingsSpan> spans() {
        return history.spans();
    }

    /** Returns the layouts before the present one, oldest first. Only the state of the first partition has them. */
    public List<PastLayout> pastLayouts() {
        return layouts.past();
    }

    /**
     * Begins to learn in a layout that models have just been moved to.
     *
     * @param layout the layout
     * @param past the layouts before it; empty unless this is the state of the first partition
     * @param settings what {@link ThalwegConfig#replayedSettings} returns
     */
    public void beginIn(Layout layout, List<PastLayout> past, Map<String, String> settings) {
        layouts.move(layout, past);
        history.begin(offsets.next(), settings, false);
    }

    /**
     * Returns a digest of each model, by id: two models with the same digest have the same weights, names, metrics, and
     * counts of labels.
     */
    public Map<String, String> digests() {
        Map<String, String> digests = new HashMap<>();
        for (ModelEntry entry : models.all()) {
            digests.put(entry.id(), ChangelogFormat.digest(entry, lateLabels.counts(entry.id())));
        }
        return digests;
    }

    // ---- dropping

    /** Undoes changes that were made without a record, such as a change of settings, and that were not written. */
    public void dropUnwritten() {
        if (history.spanBegan()) {
            history.dropUnwritten();
            models.nothingChanged();
            beforeMigration.forEach((entry, before) -> entry.goBackTo(before.model(), before.published()));
            beforeMigration.clear();
        }
    }

    /**
     * Removes everything.
     *
     * @param isTransactional whether a commit is written completely or not at all
     */
    public void clear(boolean isTransactional) {
        transactional = isTransactional;
        models.clear();
        offsets.clear();
        history.clear();
        layouts.clear();
        reader.clear();
        journal.clear();
        lateLabels.clear();
        beforeMigration.clear();
    }
}
