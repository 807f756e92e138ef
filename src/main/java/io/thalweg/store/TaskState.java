package io.thalweg.store;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.FeatureNames;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.Optimizer;
import io.thalweg.output.PublishedWeights;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
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

    private final String name;
    /** Whether anything is written. The state of an audit is not. */
    private final boolean logged;
    /** Whether a commit is written completely or not at all. Without transactions, a crash can leave a part of it. */
    private boolean transactional = true;

    /** The models by id, in the order in which they were started. */
    private final Map<String, ModelEntry> models = new LinkedHashMap<>();

    private final InputOffsets offsets = new InputOffsets();
    private final SettingsHistory history = new SettingsHistory();
    private final Journal journal;

    /** The last lookup: most records are of the same model as the one before. */
    private ModelEntry last;

    /** The restored names by model and chunk. A chunk that was deleted is empty. */
    private final Map<String, Map<Integer, List<byte[]>>> restoredNames = new HashMap<>();

    /** The number that the next model gets in the journal. */
    private int nextNumber;
    /** The number of the next commit. */
    private long commit = 1;
    /** The approximate size of all models in the changelog. */
    private long modelBytes;

    private final List<ModelEntry> changed = new ArrayList<>();
    private final List<Model> removed = new ArrayList<>();

    /** The models as the changelog has them, after they have moved to another algorithm and before that was written. */
    private final Map<String, Unmigrated> beforeMigration = new HashMap<>();

    private record Unmigrated(Model model, PublishedWeights published) {}

    private TaskState(String name, boolean logged, Journal journal) {
        this.name = name;
        this.logged = logged;
        this.journal = journal;
    }

    /**
     * Returns state that is written to a changelog.
     *
     * @param name the name of the store, for messages
     */
    public static TaskState logged(String name) {
        return new TaskState(name, true, new Journal());
    }

    /** Returns state that is written to a changelog, with a journal that has its own limits. */
    static TaskState logged(String name, Journal journal) {
        return new TaskState(name, true, journal);
    }

    /** Returns state that is not written anywhere. */
    public static TaskState inMemory() {
        return new TaskState("memory", false, new Journal());
    }

    // ---- models and offsets

    /** Returns the model with an id; null if there is none. */
    public ModelEntry get(String id) {
        if (last == null || !last.id.equals(id)) {
            ModelEntry found = models.get(id);
            if (found == null) {
                return null;
            }
            last = found;
        }
        return last;
    }

    /** Returns all models, in the order in which they were started. */
    public Collection<ModelEntry> models() {
        return models.values();
    }

    /** Returns how many models there are. */
    public int size() {
        return models.size();
    }

    /** Returns the next offset of each partition of the input. */
    public InputOffsets offsets() {
        return offsets;
    }

    /** Creates a model that has taken no step. It is not part of the state until it is added. */
    public ModelEntry newModel(String id, Optimizer optimizer) {
        ModelEntry entry = new ModelEntry(id, optimizer);
        if (logged) {
            entry.follow();
        }
        return entry;
    }

    /** Adds a model that has just taken its first step. */
    public void add(ModelEntry entry) {
        models.put(entry.id, entry);
        if (logged) {
            entry.number = nextNumber++;
            mustBeWritten(entry);
        }
    }

    /**
     * Removes a model.
     *
     * @return the model; null if there was none
     */
    public ModelEntry remove(String id) {
        ModelEntry entry = models.remove(id);
        if (entry != null) {
            forget(entry);
            if (logged) {
                removed.add(entry.model());
            }
        }
        return entry;
    }

    private void forget(ModelEntry entry) {
        entry.gone = true;
        journal.outdated();
        modelBytes -= entry.bytes;
        last = null;
    }

    /**
     * Notes that a model has taken a step.
     *
     * @param version the version of the model before the step
     * @param x the example, its features resolved
     */
    public void stepped(ModelEntry entry, long version, Example x) {
        if (!logged) {
            return;
        }
        if (transactional && entry.isJournalled()) {
            boolean settled = entry.journalled(journal.add(entry, version, x), commit);
            // the commit has nothing to do for this model and need not look at it
            Model model = entry.model();
            if (settled && (model.form() != FeatureForm.NAMED || model.names().size() == entry.loggedNames)) {
                return;
            }
        }
        changed(entry);
    }

    /** Notes that the weights topic has the present version of a model. */
    public void published(ModelEntry entry) {
        if (!logged) {
            return;
        }
        if (transactional && entry.isJournalled()) {
            journal.addPublished(entry);
        } else {
            changed(entry);
        }
    }

    private void changed(ModelEntry entry) {
        if (!entry.changed) {
            entry.changed = true;
            changed.add(entry);
        }
    }

    private void mustBeWritten(ModelEntry entry) {
        entry.mustBeWritten();
        changed(entry);
    }

    // ---- start

    /**
     * Ends the restoration, before the first record is applied: checks that the state means the same under the present
     * settings, and remembers them if they are new.
     *
     * @param settings what {@link ThalwegConfig#replayedSettings} returns
     * @param optimizer the optimizer that takes the next steps
     * @param migrate whether it may start from the weights of another algorithm
     * @throws StateException if the state cannot be used
     */
    public void begin(Map<String, String> settings, Optimizer optimizer, boolean migrate) {
        takeRestoredNames();
        if (!transactional) {
            // a crash came in the middle of the model's first write; its examples will be read again
            models.values().removeIf(entry -> entry.model().form() == null);
            last = null;
        }
        for (ModelEntry entry : models.values()) {
            if (entry.model().form() == null) {
                throw unusable("has parts of model " + entry.id + " but not its head");
            }
        }
        Map<String, String> before = history.last();
        checkNumbersKept(before);
        boolean migrates = !models.isEmpty() && history.changesKind(settings);
        if (!models.isEmpty()) {
            history.check(settings);
            checkForms(settings);
        }
        if (migrates) {
            history.checkMigration(settings, optimizer, migrate, transactional);
        }
        Optimizer learned = models.isEmpty() ? optimizer : takeJournalledSteps(before);
        for (ModelEntry entry : models.values()) {
            entry.model().learnsBy(migrates ? learned : optimizer);
            entry.model().restored();
            entry.follow();
        }
        if (migrates) {
            migrate(settings, optimizer);
        }
        for (ModelEntry entry : models.values()) {
            entry.loggedNames = entry.model().names().size();
            modelBytes += entry.recount();
        }
        numberModels();
        if (!before.equals(settings)) {
            history.begin(offsets.next(), settings, migrates);
            // steps are replayed under the settings of the last span, so none may be left from before it
            journal.end(this::mustBeWritten);
        }
    }

    /** Continues under other settings, without writing or restoring anything, as an audit does. */
    public void goOn(Optimizer optimizer, boolean migrate) {
        for (ModelEntry entry : models.values()) {
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
                models.size(),
                ThalwegConfig.ALGORITHM,
                settings.get(ThalwegConfig.ALGORITHM));
        models.forEach((id, entry) -> {
            beforeMigration.put(id, new Unmigrated(entry.model(), entry.published()));
            entry.migrate(optimizer);
            mustBeWritten(entry);
        });
    }

    private StateException unusable(String why) {
        return new StateException("the changelog of store " + name + " " + why
                + "; delete this learner's state with `thalweg reset` and learn again from the input");
    }

    /**
     * Rejects models without a number that were learned with {@code auto} or {@code scaling=standard}: the versions
     * that wrote them kept other state for a feature.
     */
    private void checkNumbersKept(Map<String, String> before) {
        boolean others = Algorithm.AUTO.toString().equals(before.get(ThalwegConfig.ALGORITHM))
                || "standard".equals(before.get(ThalwegConfig.SCALING));
        if (others && models.values().stream().anyMatch(entry -> entry.number == ChangelogFormat.NO_NUMBER)) {
            throw unusable("was written by a version of Thalweg that kept other state for " + ThalwegConfig.ALGORITHM
                    + " = auto and " + ThalwegConfig.SCALING + " = standard");
        }
    }

    private void checkForms(Map<String, String> settings) {
        String form = settings.get(ThalwegConfig.FEATURES_FORM);
        for (ModelEntry entry : models.values()) {
            String learned = entry.model().form().name().toLowerCase(Locale.ROOT);
            if (form != null && !form.equals("any") && !form.equals(learned)) {
                throw new StateException("model " + entry.id + " was learned from " + learned + " features and "
                        + ThalwegConfig.FEATURES_FORM + " is now " + form
                        + "; set it back, or delete the weights with `thalweg reset`");
            }
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
        for (ModelEntry entry : models.values()) {
            entry.model().learnsBy(learner.optimizer());
            byNumber.put(entry.number, entry);
        }
        try {
            journal.replay(byNumber, learner);
        } catch (IllegalArgumentException e) {
            throw unusable("has steps that cannot be replayed (" + e.getMessage() + ")");
        }
        return learner.optimizer();
    }

    /** Gives a number to each model whose head was written before models had numbers. */
    private void numberModels() {
        nextNumber =
                models.values().stream().mapToInt(entry -> entry.number).max().orElse(ChangelogFormat.NO_NUMBER) + 1;
        for (ModelEntry entry : models.values()) {
            if (entry.number == ChangelogFormat.NO_NUMBER) {
                entry.number = nextNumber++;
                mustBeWritten(entry);
            }
        }
    }

    private void takeRestoredNames() {
        restoredNames.forEach((id, chunks) -> {
            Model model = models.get(id).model();
            model.restoreNames(names(model, chunks));
        });
        restoredNames.clear();
    }

    /**
     * Returns the names of a model: those that it has, in a task that was active before it became a standby, replaced
     * by those that were restored.
     */
    private FeatureNames names(Model model, Map<Integer, List<byte[]>> restored) {
        TreeMap<Integer, List<byte[]>> chunks = new TreeMap<>();
        for (int i = 0; i < model.names().size(); i++) {
            chunks.computeIfAbsent(i / ChangelogFormat.NAMES_IN_CHUNK, chunk -> new ArrayList<>())
                    .add(model.names().get(i));
        }
        chunks.putAll(restored);
        FeatureNames names = new FeatureNames();
        chunks.forEach((chunk, part) -> {
            if (!part.isEmpty() && names.size() != chunk * ChangelogFormat.NAMES_IN_CHUNK) {
                throw unusable("has lost names of model " + model.id());
            }
            part.forEach(names::add);
        });
        return names;
    }

    // ---- writing

    /** Writes what has changed since the last call. */
    public void writeChanges(Changelog changelog) {
        // before the new values: a model may have been removed and started again since the last commit
        for (Model model : removed) {
            writeRemoval(model, changelog);
        }
        removed.clear();
        journal.makeRoom(modelBytes, this::mustBeWritten);
        journal.close();
        for (ModelEntry entry : changed) {
            if (!entry.gone) {
                entry.changed = false;
                write(entry, changelog);
            }
        }
        changed.clear();
        journal.write(changelog);
        commit++;
        journal.dropUseless(changelog);
        if (history.spanBegan()) {
            history.writeChanges(changelog);
            beforeMigration.clear();
        }
        // last: without transactions, a crash may leave a part, and then steps are repeated rather than lost
        offsets.writeChanges(changelog);
    }

    /** Writes the blocks that have changed, unless the steps that changed them are smaller and in the journal. */
    private void write(ModelEntry entry, Changelog changelog) {
        Model model = entry.model();
        writeNewNames(entry, changelog);
        // steps and blocks together need all or nothing to be written
        if (transactional
                && (entry.isSmallerAsSteps(0, commit) || entry.isSmallerAsSteps(bytesOfBlocks(entry), commit))) {
            return;
        }
        for (int i = 0; i < entry.unlogged().size(); i++) {
            int block = entry.unlogged().get(i);
            changelog.write(
                    ChangelogFormat.key(ChangelogFormat.BLOCK, block, entry.id), ChangelogFormat.block(model, block));
        }
        byte[] head = ChangelogFormat.head(entry, journal.next());
        changelog.write(ChangelogFormat.headKey(entry.id), head);
        entry.wroteBlocks(head.length, journal.next());
        journal.outdated();
        modelBytes += entry.recount();
    }

    private static long bytesOfBlocks(ModelEntry entry) {
        long bytes = 0;
        for (int i = 0; i < entry.unlogged().size(); i++) {
            bytes += ChangelogFormat.blockBytes(entry.model(), entry.unlogged().get(i));
        }
        return bytes;
    }

    private static void writeNewNames(ModelEntry entry, Changelog changelog) {
        Model model = entry.model();
        int names = model.names().size();
        if (names > entry.loggedNames) {
            for (int chunk = entry.loggedNames / ChangelogFormat.NAMES_IN_CHUNK;
                    chunk * ChangelogFormat.NAMES_IN_CHUNK < names;
                    chunk++) {
                changelog.write(
                        ChangelogFormat.key(ChangelogFormat.NAMES, chunk, entry.id),
                        ChangelogFormat.names(model, chunk));
            }
            entry.loggedNames = names;
        }
    }

    private static void writeRemoval(Model model, Changelog changelog) {
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                changelog.write(ChangelogFormat.key(ChangelogFormat.BLOCK, block, model.id()), null);
            }
        }
        for (int chunk = 0;
                chunk * ChangelogFormat.NAMES_IN_CHUNK < model.names().size();
                chunk++) {
            changelog.write(ChangelogFormat.key(ChangelogFormat.NAMES, chunk, model.id()), null);
        }
        changelog.write(ChangelogFormat.headKey(model.id()), null);
    }

    // ---- restoring

    /**
     * Restores a record of the changelog.
     *
     * @param key the key
     * @param value the value; null for a tombstone
     */
    public void restore(byte[] key, byte[] value) {
        ByteBuffer rest = ByteBuffer.wrap(key);
        byte kind = rest.get();
        switch (kind) {
            case ChangelogFormat.HEAD -> restoreHead(ChangelogFormat.text(rest), value);
            case ChangelogFormat.BLOCK -> restoreBlock(rest.getInt(), ChangelogFormat.text(rest), value);
            case ChangelogFormat.NAMES -> restoreNames(rest.getInt(), ChangelogFormat.text(rest), value);
            case ChangelogFormat.JOURNAL ->
                journal.restore(rest.getLong(), value == null ? null : ChangelogFormat.checkPart(value));
            case ChangelogFormat.STEPS_OF_MODEL, ChangelogFormat.PUBLISHED_OF_MODEL -> {
                if (value != null) {
                    throw new StateException("the changelog of store " + name
                            + " has steps in a format of an earlier version of Thalweg, which this one does not read;"
                            + " delete this learner's state with `thalweg reset` and learn again from the input");
                }
            }
            case ChangelogFormat.OFFSET -> {
                int partition = rest.getInt();
                offsets.restore(
                        new TopicPartition(ChangelogFormat.text(rest), partition), ChangelogFormat.readOffset(value));
            }
            case ChangelogFormat.SETTINGS -> history.restore(ChangelogFormat.readSettings(value));
            default ->
                throw new StateException("the changelog of store " + name + " has a record of unknown kind " + kind
                        + "; it was written by a later version of Thalweg, which you should run, or by another"
                        + " program");
        }
    }

    private void restoreHead(String id, byte[] value) {
        if (value == null) {
            ModelEntry entry = models.remove(id);
            if (entry != null) {
                forget(entry);
            }
            restoredNames.remove(id);
        } else {
            ChangelogFormat.EntryHead head = ChangelogFormat.readHead(value);
            ModelEntry entry = restored(id);
            entry.model().restore(head.model());
            entry.published().restore(head.publishedVersion(), head.publishedWhole());
            entry.number = head.number();
            entry.restoredHead(value.length, head.model().version(), head.part());
            journal.beginAt(head.part());
        }
    }

    private void restoreBlock(int block, String id, byte[] value) {
        if (value != null) {
            ChangelogFormat.restoreBlock(restored(id).model(), block, value);
        } else if (models.containsKey(id)) {
            models.get(id).model().dropBlock(block);
        }
    }

    private void restoreNames(int chunk, String id, byte[] value) {
        if (value != null || models.containsKey(id)) {
            restored(id);
            restoredNames
                    .computeIfAbsent(id, i -> new HashMap<>())
                    .put(chunk, value == null ? List.of() : ChangelogFormat.readNames(value));
        }
    }

    private ModelEntry restored(String id) {
        return models.computeIfAbsent(id, ModelEntry::new);
    }

    // ---- dropping

    /** Undoes changes that were made without a record, such as a change of settings, and that were not written. */
    public void dropUnwritten() {
        if (history.spanBegan()) {
            history.dropUnwritten();
            changed.forEach(entry -> entry.changed = false);
            changed.clear();
            beforeMigration.forEach((id, before) -> models.get(id).goBackTo(before.model(), before.published()));
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
        restoredNames.clear();
        journal.clear();
        modelBytes = 0;
        nextNumber = 0;
        changed.clear();
        removed.clear();
        beforeMigration.clear();
        last = null;
    }
}
