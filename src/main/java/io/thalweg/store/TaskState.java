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
 * All that a task remembers: its models, the next offset of each partition of its input, and the settings that it has learned under.
 * It lies on the heap. What has changed is written to a changelog at each commit, as blocks or as steps, whichever is less
 * ({@link Journal}), and can be read back from there.
 *
 * <p>Not thread-safe. Belongs to one task, which says what happens to the models.
 */
public final class TaskState {
    private static final Logger LOG = LoggerFactory.getLogger(TaskState.class);

    private final String name;
    /** Whether anything is written: an audit remembers only for itself. */
    private final boolean logged;
    /** Whether what is written at a commit comes back whole or not at all. Without transactions a crash can leave a part of it. */
    private boolean transactional = true;

    /** By id, in the order in which they began. */
    private final Map<String, ModelEntry> models = new LinkedHashMap<>();

    private final InputOffsets offsets = new InputOffsets();
    private final SettingsHistory history = new SettingsHistory();
    private final Journal journal;

    /** The one that was asked for last: most records are of the model of the one before. */
    private ModelEntry last;

    /** Names as they were restored, by model and chunk; a chunk that is gone is empty. */
    private final Map<String, Map<Integer, List<byte[]>>> restoredNames = new HashMap<>();

    /** The number that the next model will have in the journal. */
    private int nextNumber;
    /** The number of the next commit. */
    private long commit = 1;
    /** What all models come to in the changelog, about. */
    private long modelBytes;

    private final List<ModelEntry> changed = new ArrayList<>();
    private final List<Model> removed = new ArrayList<>();

    /** The models as they are in the changelog, where another algorithm is to go on with them and nothing was written since. */
    private final Map<String, Unmigrated> beforeMigration = new HashMap<>();

    private record Unmigrated(Model model, PublishedWeights published) {}

    private TaskState(String name, boolean logged, Journal journal) {
        this.name = name;
        this.logged = logged;
        this.journal = journal;
    }

    /** State that is written to a changelog. @param name of the store, for messages */
    public static TaskState logged(String name) {
        return new TaskState(name, true, new Journal());
    }

    /** State that is written to a changelog, with a journal that has limits of its own. */
    static TaskState logged(String name, Journal journal) {
        return new TaskState(name, true, journal);
    }

    /** State that is forgotten with the process. */
    public static TaskState inMemory() {
        return new TaskState("memory", false, new Journal());
    }

    // ---- what a task remembers

    /** The model with this id; null if there is none. */
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

    /** All models, in the order in which they began. */
    public Collection<ModelEntry> models() {
        return models.values();
    }

    /** How many models there are. */
    public int size() {
        return models.size();
    }

    /** The next offset of each partition of the input. */
    public InputOffsets offsets() {
        return offsets;
    }

    /** A model that has taken no step, and is not among the models before it is added. */
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

    /** Forgets a model. @return the model as it was; null if there was none */
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
     * @param version of the model before it
     * @param x the example, its features resolved
     */
    public void stepped(ModelEntry entry, long version, Example x) {
        if (!logged) {
            return;
        }
        if (transactional && entry.isJournalled()) {
            boolean settled = entry.journalled(journal.add(entry, version, x), commit);
            // then the commit has nothing to do for it, and need not look at it
            Model model = entry.model();
            if (settled && (model.form() != FeatureForm.NAMED || model.names().size() == entry.loggedNames)) {
                return;
            }
        }
        changed(entry);
    }

    /** Notes that the weights topic holds a model as it is. */
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

    // ---- beginning

    /**
     * Called when all has been restored and before the first record: checks that the state means the same under the settings that
     * are now, and remembers them if they are others.
     *
     * @param settings what {@link ThalwegConfig#replayedSettings} gives
     * @param optimizer that goes on with the models
     * @param migrate whether it goes on from the weights of another algorithm
     * @throws StateException if the state cannot be used
     */
    public void begin(Map<String, String> settings, Optimizer optimizer, boolean migrate) {
        takeRestoredNames();
        if (!transactional) {
            // cut off in the middle of its first write; its examples come again
            models.values().removeIf(entry -> entry.model().form() == null);
            last = null;
        }
        for (ModelEntry entry : models.values()) {
            if (entry.model().form() == null) {
                throw unusable("holds parts of model " + entry.id + " but not its head");
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
            // steps are taken again under the settings of the last span, so there must be none left from before it
            journal.end(this::mustBeWritten);
        }
    }

    /** Goes on under other settings without having been written or read back, as an audit does. */
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
                "{} models go on from the weights that they have, under {} = {}",
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
        return new StateException(
                "the changelog of store " + name + " " + why + "; forget this learner's state with `thalweg reset`");
    }

    /** Heads without a number are from when {@code auto} and {@code scaling=standard} kept other numbers of a feature. */
    private void checkNumbersKept(Map<String, String> before) {
        boolean others = Algorithm.AUTO.toString().equals(before.get(ThalwegConfig.ALGORITHM))
                || "standard".equals(before.get(ThalwegConfig.SCALING));
        if (others && models.values().stream().anyMatch(entry -> entry.number == ChangelogFormat.NO_NUMBER)) {
            throw unusable("was written by a version of Thalweg that kept other numbers for " + ThalwegConfig.ALGORITHM
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
                        + "; set it back, or forget the weights with `thalweg reset`");
            }
        }
    }

    /** @param settings under which they were taken first @return the optimizer that took them */
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
            throw unusable("holds steps that cannot be taken again (" + e.getMessage() + ")");
        }
        return learner.optimizer();
    }

    /** Gives numbers to models whose heads were written before there were numbers. */
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

    /** The names that a model has, as in a task that was active before it was a standby, with those that were restored over them. */
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

    /** Writes what has changed since the last call, if anything has. */
    public void writeChanges(Changelog changelog) {
        // before the values: a model may have been forgotten and begun again since the last commit
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
        // last: without transactions a part may be written and the rest not, and then steps are taken again rather than
        // lost
        offsets.writeChanges(changelog);
    }

    /** Whichever is smaller: the blocks that have changed, or the steps that have changed them. */
    private void write(ModelEntry entry, Changelog changelog) {
        Model model = entry.model();
        writeNewNames(entry, changelog);
        // steps beside blocks want both to be written or neither
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

    // ---- reading back

    /** Takes back a record of the changelog; a null value is a tombstone. */
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
                            + " holds steps as an earlier version of Thalweg wrote them, which this one does not read;"
                            + " forget this learner's state with `thalweg reset` and learn again from the input");
                }
            }
            case ChangelogFormat.OFFSET -> {
                int partition = rest.getInt();
                offsets.restore(
                        new TopicPartition(ChangelogFormat.text(rest), partition), ChangelogFormat.readOffset(value));
            }
            case ChangelogFormat.SETTINGS -> history.restore(ChangelogFormat.readSettings(value));
            default ->
                throw new StateException("the changelog of store " + name + " holds a record of unknown kind " + kind
                        + "; it was written by a later version of Thalweg, or by something else");
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

    // ---- forgetting

    /** Drops what has changed without a record, and so may not have been written. */
    public void dropUnwritten() {
        if (history.spanBegan()) {
            history.dropUnwritten();
            changed.forEach(entry -> entry.changed = false);
            changed.clear();
            beforeMigration.forEach((id, before) -> models.get(id).goBackTo(before.model(), before.published()));
            beforeMigration.clear();
        }
    }

    /** Drops everything. @param isTransactional whether what is written at a commit comes back whole or not at all */
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
