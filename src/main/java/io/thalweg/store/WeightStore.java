package io.thalweg.store;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureNames;
import io.thalweg.math.Form;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.Model;
import io.thalweg.math.Models;
import io.thalweg.math.Outcome;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.state.StoreBuilder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The models of a task; the next offset of each of its input partitions; and the settings under which they were learned.
 *
 * <p>The next offsets are written with the weights that they belong to. A record before them has been learned from already and is
 * not learned from again, whatever offset the consumer group says: offsets expire and are reset by hand.
 */
public final class WeightStore extends ChangelogAtCommit implements Models {
    private static final Logger LOG = LoggerFactory.getLogger(WeightStore.class);

    private final Map<String, Kept> models = new HashMap<>();
    private final Map<TopicPartition, Position> positions = new LinkedHashMap<>();
    private final List<Epoch> epochs = new ArrayList<>();
    /** Those in the changelog, where one has begun that is not. */
    private final List<Epoch> epochsBefore = new ArrayList<>();

    /** Names as they were restored, by model and chunk; a chunk that is gone is empty. */
    private final Map<String, Map<Integer, List<byte[]>>> restoredNames = new HashMap<>();

    private final Journal journal;
    /** The number that the next model will have in it. */
    private int nextNumber;
    /** The number of the next commit. */
    private long commit = 1;
    /** What all models come to in the changelog, about. */
    private long modelBytes;

    private final List<Kept> changed = new ArrayList<>();
    private final List<Kept> unpublished = new ArrayList<>();
    private final List<Model> removed = new ArrayList<>();
    private boolean epochBegan;

    /** The models as they are in the changelog, where another algorithm is to go on with them and nothing was written since. */
    private final Map<String, Model> beforeMigration = new HashMap<>();

    /** Those that were asked for last: most records are of the model and the partition of the one before. */
    private Kept last;

    private TopicPartition lastPartition;
    private Position lastPosition;

    /** How far a partition of the input has been taken into account. */
    private static final class Position {
        long next;
        boolean moved;
    }

    WeightStore(String name, Journal journal) {
        super(name);
        this.journal = journal;
    }

    /** Builds the store of each task, with its changelog, which is compacted. */
    public static StoreBuilder<WeightStore> builder(String name) {
        return new Builder(name);
    }

    // ---- what the processor sees

    /**
     * Called when all has been restored and before the first record: checks that the state means the same under the settings that
     * are now, and remembers them if they are others.
     *
     * @param course what {@link ThalwegConfig#course} gives
     * @param algorithm that goes on with the models
     * @param migrate whether it goes on from the weights of another algorithm
     * @throws StateException if it does not
     */
    public void begin(Map<String, String> course, Algorithm algorithm, boolean migrate) {
        restoredNames.forEach((id, chunks) -> {
            Model model = models.get(id).model;
            model.restoreNames(names(model, chunks));
        });
        restoredNames.clear();
        if (!transactional()) {
            // cut off in the middle of its first write; its examples come again
            models.values().removeIf(kept -> kept.model.form() == null);
            last = null;
        }
        Map<String, String> before =
                epochs.isEmpty() ? Map.of() : epochs.get(epochs.size() - 1).course();
        for (Kept kept : models.values()) {
            if (kept.model.form() == null) {
                throw new StateException("the changelog of store " + name() + " holds parts of model " + kept.id
                        + " but not its head; forget this learner's state with `thalweg reset`");
            }
        }
        checkNumbersKept(before);
        boolean migrates =
                !models.isEmpty() && ThalwegConfig.KIND.stream().anyMatch(name -> differs(name, before, course));
        if (!models.isEmpty()) {
            check(before, course);
        }
        if (migrates) {
            checkMigration(before, course, algorithm, migrate);
        }
        Algorithm learned = models.isEmpty() ? algorithm : takeJournalledSteps(before);
        for (Kept kept : models.values()) {
            kept.model.learnsBy(migrates ? learned : algorithm);
            kept.model.restored(kept.since);
        }
        if (migrates) {
            LOG.info(
                    "{} models go on from the weights that they have, under {} = {}",
                    models.size(),
                    ThalwegConfig.ALGORITHM,
                    course.get(ThalwegConfig.ALGORITHM));
            models.forEach((id, kept) -> {
                beforeMigration.put(id, kept.model);
                kept.model = kept.model.under(algorithm);
                mustBeWritten(kept);
            });
        }
        for (Kept kept : models.values()) {
            kept.loggedNames = kept.model.names().size();
            kept.unpublished = false;
            modelBytes += kept.recount();
        }
        numberModels();
        unpublished.clear();
        models.values().stream()
                .filter(kept -> kept.model.publishedVersion() < kept.model.version())
                .forEach(this::unpublished);
        if (!before.equals(course)) {
            epochsBefore.clear();
            epochsBefore.addAll(epochs);
            Map<TopicPartition, Long> from = nextOffsets();
            // one that nothing was learned under leaves no trace, unless it has changed the state
            int lastEpoch = epochs.size() - 1;
            if (!migrates && lastEpoch >= 0 && epochs.get(lastEpoch).from().equals(from)) {
                epochs.remove(lastEpoch);
            }
            epochs.add(new Epoch(from, Map.copyOf(course)));
            epochBegan = true;
            // steps are taken again under the settings of the last epoch, so there must be none left from before it
            journal.end(this::mustBeWritten);
        }
    }

    /** Heads without a number are from when {@code auto} and {@code scaling=standard} kept other numbers of a feature. */
    private void checkNumbersKept(Map<String, String> before) {
        boolean others = "auto".equals(before.get(ThalwegConfig.ALGORITHM))
                || "standard".equals(before.get(ThalwegConfig.SCALING));
        if (others && models.values().stream().anyMatch(kept -> kept.number == StateRecords.NO_NUMBER)) {
            throw new StateException(
                    "the changelog of store " + name() + " was written by a version of Thalweg that kept other"
                            + " numbers for " + ThalwegConfig.ALGORITHM + " = auto and " + ThalwegConfig.SCALING
                            + " = standard; forget this learner's state with `thalweg reset`");
        }
    }

    /** @param course under which they were taken first @return the algorithm that took them */
    private Algorithm takeJournalledSteps(Map<String, String> course) {
        LearnerSettings settings = ThalwegConfig.ofCourse(course).learner();
        Algorithm algorithm = Algorithm.of(settings);
        models.values().forEach(kept -> kept.model.learnsBy(algorithm));
        try {
            journal.replay(modelsByNumber(), algorithm, settings.metricsWindow());
        } catch (IllegalArgumentException e) {
            throw new StateException("the changelog of store " + name() + " holds steps that cannot be taken again ("
                    + e.getMessage() + "); forget this learner's state with `thalweg reset`");
        }
        return algorithm;
    }

    private Map<Integer, Kept> modelsByNumber() {
        Map<Integer, Kept> byNumber = new HashMap<>();
        models.values().forEach(kept -> byNumber.put(kept.number, kept));
        return byNumber;
    }

    /** Gives numbers to models whose heads were written before there were numbers. */
    private void numberModels() {
        nextNumber =
                models.values().stream().mapToInt(kept -> kept.number).max().orElse(StateRecords.NO_NUMBER) + 1;
        for (Kept kept : models.values()) {
            if (kept.number == StateRecords.NO_NUMBER) {
                kept.number = nextNumber++;
                mustBeWritten(kept);
            }
        }
    }

    /** The names that a model has, as in a task that was active before it was a standby, with those that were restored over them. */
    private FeatureNames names(Model model, Map<Integer, List<byte[]>> restored) {
        TreeMap<Integer, List<byte[]>> chunks = new TreeMap<>();
        for (int i = 0; i < model.names().size(); i++) {
            chunks.computeIfAbsent(i / StateRecords.NAMES_IN_CHUNK, chunk -> new ArrayList<>())
                    .add(model.names().get(i));
        }
        chunks.putAll(restored);
        FeatureNames names = new FeatureNames();
        chunks.forEach((chunk, part) -> {
            if (!part.isEmpty() && names.size() != chunk * StateRecords.NAMES_IN_CHUNK) {
                throw new StateException("the changelog of store " + name() + " has lost names of model " + model.id()
                        + "; forget this learner's state with `thalweg reset`");
            }
            part.forEach(names::add);
        });
        return names;
    }

    private void check(Map<String, String> before, Map<String, String> now) {
        for (String name : ThalwegConfig.FINGERPRINT) {
            if (differs(name, before, now)) {
                throw new StateException(
                        learnedWith(name, before, now) + "; set it back, or forget the weights with `thalweg reset`");
            }
        }
        String form = now.get(ThalwegConfig.FEATURES_FORM);
        for (Kept kept : models.values()) {
            String learned = kept.model.form().name().toLowerCase(Locale.ROOT);
            if (form != null && !form.equals("any") && !form.equals(learned)) {
                throw new StateException("model " + kept.id + " was learned from " + learned + " features and "
                        + ThalwegConfig.FEATURES_FORM + " is now " + form
                        + "; set it back, or forget the weights with `thalweg reset`");
            }
        }
    }

    private static boolean differs(String name, Map<String, String> before, Map<String, String> now) {
        return !before.isEmpty() && !setting(name, before).equals(setting(name, now));
    }

    /** A setting that there was not, or that the algorithm has no use for, is as if it were at its default. */
    private static String setting(String name, Map<String, String> course) {
        return course.getOrDefault(
                name, String.valueOf(ThalwegConfig.DEFINITION.defaultValues().get(name)));
    }

    private static String learnedWith(String name, Map<String, String> before, Map<String, String> now) {
        return "the weights were learned with " + name + " = " + setting(name, before) + " and it is now "
                + setting(name, now);
    }

    private void checkMigration(
            Map<String, String> before, Map<String, String> now, Algorithm algorithm, boolean migrate) {
        String learned = ThalwegConfig.KIND.stream()
                .filter(name -> differs(name, before, now))
                .map(name -> learnedWith(name, before, now))
                .findFirst()
                .orElseThrow();
        if (!migrate && algorithm.begins()) {
            throw new StateException(learned + "; set it back, set " + ThalwegConfig.STATE_MIGRATE
                    + " = true to go on from those weights, or forget them with `thalweg reset`");
        }
        if (!algorithm.begins()) {
            throw new StateException(learned
                    + ", which cannot go on from given weights; set it back, or forget them with `thalweg reset`");
        }
        if (!transactional()) {
            throw new StateException(learned + "; " + ThalwegConfig.STATE_MIGRATE
                    + " needs exactly_once_v2, because a crash would leave a part of each");
        }
    }

    /** Whether a record has been taken into account already. */
    public boolean has(TopicPartition partition, long offset) {
        return offset < position(partition).next;
    }

    /** Says that a record has been taken into account. */
    public void took(TopicPartition partition, long offset) {
        Position position = position(partition);
        position.next = offset + 1;
        position.moved = true;
    }

    private Position position(TopicPartition partition) {
        if (!partition.equals(lastPartition)) {
            lastPartition = partition;
            lastPosition = positions.computeIfAbsent(partition, p -> new Position());
        }
        return lastPosition;
    }

    private Map<TopicPartition, Long> nextOffsets() {
        Map<TopicPartition, Long> next = new HashMap<>();
        positions.forEach((partition, position) -> {
            if (position.next > 0) {
                next.put(partition, position.next);
            }
        });
        return Map.copyOf(next);
    }

    @Override
    public Model get(String id) {
        Kept kept = kept(id);
        return kept == null ? null : kept.model;
    }

    private Kept kept(String id) {
        if (last == null || !last.id.equals(id)) {
            Kept found = models.get(id);
            if (found == null) {
                return null;
            }
            last = found;
        }
        return last;
    }

    @Override
    public void add(Model model) {
        Kept kept = new Kept(model.id(), model);
        kept.number = nextNumber++;
        models.put(model.id(), kept);
        mustBeWritten(kept);
    }

    @Override
    public int size() {
        return models.size();
    }

    /** Says that the weights topic does not hold the model as it is. */
    public void unpublished(Model model) {
        unpublished(kept(model.id()));
    }

    private void unpublished(Kept kept) {
        if (!kept.unpublished) {
            kept.unpublished = true;
            unpublished.add(kept);
        }
    }

    /** Hands over the models that the weights topic does not hold as they are, to be published now. */
    public void takeUnpublished(Consumer<Model> publish) {
        for (Kept kept : unpublished) {
            if (!kept.gone) {
                kept.unpublished = false;
                publish.accept(kept.model);
                published(kept);
            }
        }
        unpublished.clear();
    }

    /** Says that the weights topic holds the model as it is, since its last step. */
    public void published(Model model) {
        published(kept(model.id()));
    }

    private void published(Kept kept) {
        if (transactional() && kept.isJournalled()) {
            journal.addPublished(kept);
        } else {
            changed(kept);
        }
    }

    /** Says that a model has taken a step. @param x as the learner left it */
    public void stepped(Outcome outcome, Example x) {
        Model model = outcome.model();
        Kept kept = kept(model.id());
        if (transactional() && kept.isJournalled()) {
            boolean settled = kept.journalled(journal.add(kept, outcome.version(), x), commit);
            // then the commit has nothing to do for it, and need not look at it
            if (settled && (model.form() != Form.NAMED || model.names().size() == kept.loggedNames)) {
                return;
            }
        }
        changed(kept);
    }

    private void changed(Kept kept) {
        if (!kept.changed) {
            kept.changed = true;
            changed.add(kept);
        }
    }

    private void mustBeWritten(Kept kept) {
        kept.mustBeWritten();
        changed(kept);
    }

    /** Forgets a model. @return the model as it was, if there was one */
    public Optional<Model> remove(String id) {
        Kept kept = models.remove(id);
        if (kept == null) {
            return Optional.empty();
        }
        forget(kept);
        removed.add(kept.model);
        return Optional.of(kept.model);
    }

    private void forget(Kept kept) {
        kept.gone = true;
        journal.outdated();
        modelBytes -= kept.bytes;
        last = null;
    }

    // ---- the changelog

    @Override
    void writeChanges(Changelog changelog) {
        // before the values: a model may have been forgotten and begun again since the last commit
        for (Model model : removed) {
            writeRemoval(model, changelog);
        }
        removed.clear();
        journal.makeRoom(modelBytes, this::mustBeWritten);
        journal.close();
        for (Kept kept : changed) {
            if (!kept.gone) {
                kept.changed = false;
                write(kept, changelog);
            }
        }
        changed.clear();
        journal.write(changelog);
        commit++;
        journal.dropUseless(changelog);
        if (epochBegan) {
            changelog.write(StateRecords.settingsKey(), StateRecords.settings(epochs));
            epochBegan = false;
            beforeMigration.clear();
        }
        // last: without transactions a part may be written and the rest not, and then steps are taken again rather than
        // lost
        positions.forEach((partition, position) -> {
            if (position.moved) {
                position.moved = false;
                changelog.write(
                        StateRecords.key(StateRecords.OFFSET, partition.partition(), partition.topic()),
                        StateRecords.offset(position.next));
            }
        });
    }

    /** Whichever is smaller: the blocks that have changed, or the steps that have changed them. */
    private void write(Kept kept, Changelog changelog) {
        Model model = kept.model;
        writeNewNames(kept, changelog);
        Model.Changes blocks = model.unlogged();
        // steps beside blocks want both to be written or neither
        if (transactional()
                && (kept.isSmallerAsSteps(0, commit) || kept.isSmallerAsSteps(bytes(model, blocks), commit))) {
            return;
        }
        for (int i = 0; i < blocks.size(); i++) {
            int block = blocks.get(i);
            changelog.write(StateRecords.key(StateRecords.BLOCK, block, kept.id), StateRecords.block(model, block));
        }
        byte[] head = StateRecords.head(model, journal.next(), kept.number);
        changelog.write(StateRecords.headKey(kept.id), head);
        kept.wroteBlocks(head.length, journal.next());
        journal.outdated();
        modelBytes += kept.recount();
    }

    private static long bytes(Model model, Model.Changes blocks) {
        long bytes = 0;
        for (int i = 0; i < blocks.size(); i++) {
            bytes += StateRecords.blockBytes(model, blocks.get(i));
        }
        return bytes;
    }

    private static void writeNewNames(Kept kept, Changelog changelog) {
        int names = kept.model.names().size();
        if (names > kept.loggedNames) {
            for (int chunk = kept.loggedNames / StateRecords.NAMES_IN_CHUNK;
                    chunk * StateRecords.NAMES_IN_CHUNK < names;
                    chunk++) {
                changelog.write(
                        StateRecords.key(StateRecords.NAMES, chunk, kept.id), StateRecords.names(kept.model, chunk));
            }
            kept.loggedNames = names;
        }
    }

    private static void writeRemoval(Model model, Changelog changelog) {
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                changelog.write(StateRecords.key(StateRecords.BLOCK, block, model.id()), null);
            }
        }
        for (int chunk = 0; chunk * StateRecords.NAMES_IN_CHUNK < model.names().size(); chunk++) {
            changelog.write(StateRecords.key(StateRecords.NAMES, chunk, model.id()), null);
        }
        changelog.write(StateRecords.headKey(model.id()), null);
    }

    @Override
    void restore(byte[] key, byte[] value) {
        ByteBuffer rest = ByteBuffer.wrap(key);
        byte kind = rest.get();
        switch (kind) {
            case StateRecords.HEAD -> {
                String id = StateRecords.text(rest);
                if (value == null) {
                    Kept kept = models.remove(id);
                    if (kept != null) {
                        forget(kept);
                    }
                    restoredNames.remove(id);
                } else {
                    StateRecords.Head head = StateRecords.readHead(value);
                    Kept kept = restored(id);
                    kept.model.restore(head.model());
                    kept.number = head.number();
                    kept.restoredHead(value.length, head.model().version(), head.part());
                    journal.beginAt(head.part());
                }
            }
            case StateRecords.BLOCK -> {
                int block = rest.getInt();
                String id = StateRecords.text(rest);
                if (value != null) {
                    StateRecords.restoreBlock(restored(id).model, block, value);
                } else if (models.containsKey(id)) {
                    models.get(id).model.dropBlock(block);
                }
            }
            case StateRecords.NAMES -> {
                int chunk = rest.getInt();
                String id = StateRecords.text(rest);
                if (value != null || models.containsKey(id)) {
                    restored(id);
                    restoredNames
                            .computeIfAbsent(id, i -> new HashMap<>())
                            .put(chunk, value == null ? List.of() : StateRecords.readNames(value));
                }
            }
            case StateRecords.JOURNAL ->
                journal.restore(rest.getLong(), value == null ? null : StateRecords.checkPart(value));
            case StateRecords.STEPS_OF_MODEL, StateRecords.PUBLISHED_OF_MODEL -> {
                if (value != null) {
                    throw new StateException("the changelog of store " + name()
                            + " holds steps as an earlier version of Thalweg wrote them, which this one does not read;"
                            + " forget this learner's state with `thalweg reset` and learn again from the input");
                }
            }
            case StateRecords.OFFSET -> {
                int partition = rest.getInt();
                position(new TopicPartition(StateRecords.text(rest), partition)).next = StateRecords.readOffset(value);
            }
            case StateRecords.SETTINGS -> {
                epochs.clear();
                epochs.addAll(StateRecords.readSettings(value));
            }
            default ->
                throw new StateException("the changelog of store " + name() + " holds a record of unknown kind " + kind
                        + "; it was written by a later version of Thalweg, or by something else");
        }
    }

    private Kept restored(String id) {
        return models.computeIfAbsent(id, i -> new Kept(i, new Model(i)));
    }

    @Override
    void dropUnwritten() {
        if (epochBegan) {
            // nothing was learned under it, and meanwhile another may learn under other settings
            epochs.clear();
            epochs.addAll(epochsBefore);
            epochBegan = false;
            changed.forEach(kept -> kept.changed = false);
            changed.clear();
            beforeMigration.forEach((id, model) -> models.get(id).model = model);
            beforeMigration.clear();
        }
    }

    @Override
    void drop() {
        models.clear();
        positions.clear();
        epochs.clear();
        restoredNames.clear();
        journal.clear();
        modelBytes = 0;
        nextNumber = 0;
        changed.clear();
        unpublished.clear();
        removed.clear();
        epochBegan = false;
        beforeMigration.clear();
        last = null;
        lastPartition = null;
        lastPosition = null;
    }

    private record Builder(String name) implements StoreBuilder<WeightStore> {
        @Override
        public WeightStore build() {
            return new WeightStore(name, new Journal());
        }

        @Override
        public StoreBuilder<WeightStore> withCachingEnabled() {
            throw new UnsupportedOperationException("the store is its own cache");
        }

        @Override
        public StoreBuilder<WeightStore> withCachingDisabled() {
            return this;
        }

        @Override
        public StoreBuilder<WeightStore> withLoggingEnabled(Map<String, String> config) {
            throw new UnsupportedOperationException("set topic.* in the configuration of Kafka Streams instead");
        }

        @Override
        public StoreBuilder<WeightStore> withLoggingDisabled() {
            throw new UnsupportedOperationException("without its changelog the store would forget everything");
        }

        @Override
        public Map<String, String> logConfig() {
            return Map.of();
        }

        @Override
        public boolean loggingEnabled() {
            return true;
        }
    }
}
