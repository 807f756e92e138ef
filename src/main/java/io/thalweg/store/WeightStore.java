package io.thalweg.store;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.FeatureNames;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.Model;
import io.thalweg.math.Models;
import io.thalweg.math.Optimizer;
import io.thalweg.math.PredictionResult;
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

    private final Map<String, ModelEntry> models = new HashMap<>();
    private final Map<TopicPartition, Position> positions = new LinkedHashMap<>();
    private final List<SettingsSpan> spans = new ArrayList<>();
    /** Those in the changelog, where one has begun that is not. */
    private final List<SettingsSpan> spansBefore = new ArrayList<>();

    /** Names as they were restored, by model and chunk; a chunk that is gone is empty. */
    private final Map<String, Map<Integer, List<byte[]>>> restoredNames = new HashMap<>();

    private final Journal journal;
    /** The number that the next model will have in it. */
    private int nextNumber;
    /** The number of the next commit. */
    private long commit = 1;
    /** What all models come to in the changelog, about. */
    private long modelBytes;

    private final List<ModelEntry> changed = new ArrayList<>();
    private final List<ModelEntry> unpublished = new ArrayList<>();
    private final List<Model> removed = new ArrayList<>();
    private boolean spanBegan;

    /** The models as they are in the changelog, where another algorithm is to go on with them and nothing was written since. */
    private final Map<String, Model> beforeMigration = new HashMap<>();

    /** Those that were asked for last: most records are of the model and the partition of the one before. */
    private ModelEntry last;

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
     * @param replayed what {@link ThalwegConfig#replayedSettings} gives
     * @param optimizer that goes on with the models
     * @param migrate whether it goes on from the weights of another algorithm
     * @throws StateException if it does not
     */
    public void begin(Map<String, String> replayed, Optimizer optimizer, boolean migrate) {
        restoredNames.forEach((id, chunks) -> {
            Model model = models.get(id).model;
            model.restoreNames(names(model, chunks));
        });
        restoredNames.clear();
        if (!transactional()) {
            // cut off in the middle of its first write; its examples come again
            models.values().removeIf(entry -> entry.model.form() == null);
            last = null;
        }
        Map<String, String> before =
                spans.isEmpty() ? Map.of() : spans.get(spans.size() - 1).settings();
        for (ModelEntry entry : models.values()) {
            if (entry.model.form() == null) {
                throw new StateException("the changelog of store " + name() + " holds parts of model " + entry.id
                        + " but not its head; forget this learner's state with `thalweg reset`");
            }
        }
        checkNumbersKept(before);
        boolean migrates =
                !models.isEmpty() && ThalwegConfig.KIND.stream().anyMatch(name -> differs(name, before, replayed));
        if (!models.isEmpty()) {
            check(before, replayed);
        }
        if (migrates) {
            checkMigration(before, replayed, optimizer, migrate);
        }
        Optimizer learned = models.isEmpty() ? optimizer : takeJournalledSteps(before);
        for (ModelEntry entry : models.values()) {
            entry.model.learnsBy(migrates ? learned : optimizer);
            entry.model.restored(entry.since);
        }
        if (migrates) {
            LOG.info(
                    "{} models go on from the weights that they have, under {} = {}",
                    models.size(),
                    ThalwegConfig.ALGORITHM,
                    replayed.get(ThalwegConfig.ALGORITHM));
            models.forEach((id, entry) -> {
                beforeMigration.put(id, entry.model);
                entry.model = entry.model.under(optimizer);
                mustBeWritten(entry);
            });
        }
        for (ModelEntry entry : models.values()) {
            entry.loggedNames = entry.model.names().size();
            entry.unpublished = false;
            modelBytes += entry.recount();
        }
        numberModels();
        unpublished.clear();
        models.values().stream()
                .filter(entry -> entry.model.publishedVersion() < entry.model.version())
                .forEach(this::unpublished);
        if (!before.equals(replayed)) {
            spansBefore.clear();
            spansBefore.addAll(spans);
            Map<TopicPartition, Long> from = nextOffsets();
            // one that nothing was learned under leaves no trace, unless it has changed the state
            int lastSpan = spans.size() - 1;
            if (!migrates && lastSpan >= 0 && spans.get(lastSpan).from().equals(from)) {
                spans.remove(lastSpan);
            }
            spans.add(new SettingsSpan(from, Map.copyOf(replayed)));
            spanBegan = true;
            // steps are taken again under the settings of the last span, so there must be none left from before it
            journal.end(this::mustBeWritten);
        }
    }

    /** Heads without a number are from when {@code auto} and {@code scaling=standard} kept other numbers of a feature. */
    private void checkNumbersKept(Map<String, String> before) {
        boolean others = "auto".equals(before.get(ThalwegConfig.ALGORITHM))
                || "standard".equals(before.get(ThalwegConfig.SCALING));
        if (others && models.values().stream().anyMatch(entry -> entry.number == ChangelogFormat.NO_NUMBER)) {
            throw new StateException(
                    "the changelog of store " + name() + " was written by a version of Thalweg that kept other"
                            + " numbers for " + ThalwegConfig.ALGORITHM + " = auto and " + ThalwegConfig.SCALING
                            + " = standard; forget this learner's state with `thalweg reset`");
        }
    }

    /** @param replayed under which they were taken first @return the algorithm that took them */
    private Optimizer takeJournalledSteps(Map<String, String> replayed) {
        LearnerSettings settings = ThalwegConfig.ofReplayed(replayed).learner();
        Optimizer optimizer = Optimizer.of(settings);
        models.values().forEach(entry -> entry.model.learnsBy(optimizer));
        try {
            journal.replay(modelsByNumber(), optimizer, settings.metricsWindow());
        } catch (IllegalArgumentException e) {
            throw new StateException("the changelog of store " + name() + " holds steps that cannot be taken again ("
                    + e.getMessage() + "); forget this learner's state with `thalweg reset`");
        }
        return optimizer;
    }

    private Map<Integer, ModelEntry> modelsByNumber() {
        Map<Integer, ModelEntry> byNumber = new HashMap<>();
        models.values().forEach(entry -> byNumber.put(entry.number, entry));
        return byNumber;
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
        for (ModelEntry entry : models.values()) {
            String learned = entry.model.form().name().toLowerCase(Locale.ROOT);
            if (form != null && !form.equals("any") && !form.equals(learned)) {
                throw new StateException("model " + entry.id + " was learned from " + learned + " features and "
                        + ThalwegConfig.FEATURES_FORM + " is now " + form
                        + "; set it back, or forget the weights with `thalweg reset`");
            }
        }
    }

    private static boolean differs(String name, Map<String, String> before, Map<String, String> now) {
        return !before.isEmpty() && !setting(name, before).equals(setting(name, now));
    }

    /** A setting that there was not, or that the algorithm has no use for, is as if it were at its default. */
    private static String setting(String name, Map<String, String> replayed) {
        return replayed.getOrDefault(
                name, String.valueOf(ThalwegConfig.DEFINITION.defaultValues().get(name)));
    }

    private static String learnedWith(String name, Map<String, String> before, Map<String, String> now) {
        return "the weights were learned with " + name + " = " + setting(name, before) + " and it is now "
                + setting(name, now);
    }

    private void checkMigration(
            Map<String, String> before, Map<String, String> now, Optimizer optimizer, boolean migrate) {
        String learned = ThalwegConfig.KIND.stream()
                .filter(name -> differs(name, before, now))
                .map(name -> learnedWith(name, before, now))
                .findFirst()
                .orElseThrow();
        if (!migrate && optimizer.canStartFromWeights()) {
            throw new StateException(learned + "; set it back, set " + ThalwegConfig.STATE_MIGRATE
                    + " = true to go on from those weights, or forget them with `thalweg reset`");
        }
        if (!optimizer.canStartFromWeights()) {
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
        ModelEntry entry = entry(id);
        return entry == null ? null : entry.model;
    }

    private ModelEntry entry(String id) {
        if (last == null || !last.id.equals(id)) {
            ModelEntry found = models.get(id);
            if (found == null) {
                return null;
            }
            last = found;
        }
        return last;
    }

    @Override
    public void add(Model model) {
        ModelEntry entry = new ModelEntry(model.id(), model);
        entry.number = nextNumber++;
        models.put(model.id(), entry);
        mustBeWritten(entry);
    }

    @Override
    public int size() {
        return models.size();
    }

    /** Says that the weights topic does not hold the model as it is. */
    public void unpublished(Model model) {
        unpublished(entry(model.id()));
    }

    private void unpublished(ModelEntry entry) {
        if (!entry.unpublished) {
            entry.unpublished = true;
            unpublished.add(entry);
        }
    }

    /** Hands over the models that the weights topic does not hold as they are, to be published now. */
    public void takeUnpublished(Consumer<Model> publish) {
        for (ModelEntry entry : unpublished) {
            if (!entry.gone) {
                entry.unpublished = false;
                publish.accept(entry.model);
                published(entry);
            }
        }
        unpublished.clear();
    }

    /** Says that the weights topic holds the model as it is, since its last step. */
    public void published(Model model) {
        published(entry(model.id()));
    }

    private void published(ModelEntry entry) {
        if (transactional() && entry.isJournalled()) {
            journal.addPublished(entry);
        } else {
            changed(entry);
        }
    }

    /** Says that a model has taken a step. @param x as the learner left it */
    public void stepped(PredictionResult result, Example x) {
        Model model = result.model();
        ModelEntry entry = entry(model.id());
        if (transactional() && entry.isJournalled()) {
            boolean settled = entry.journalled(journal.add(entry, result.version(), x), commit);
            // then the commit has nothing to do for it, and need not look at it
            if (settled && (model.form() != FeatureForm.NAMED || model.names().size() == entry.loggedNames)) {
                return;
            }
        }
        changed(entry);
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

    /** Forgets a model. @return the model as it was, if there was one */
    public Optional<Model> remove(String id) {
        ModelEntry entry = models.remove(id);
        if (entry == null) {
            return Optional.empty();
        }
        forget(entry);
        removed.add(entry.model);
        return Optional.of(entry.model);
    }

    private void forget(ModelEntry entry) {
        entry.gone = true;
        journal.outdated();
        modelBytes -= entry.bytes;
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
        if (spanBegan) {
            changelog.write(ChangelogFormat.settingsKey(), ChangelogFormat.settings(spans));
            spanBegan = false;
            beforeMigration.clear();
        }
        // last: without transactions a part may be written and the rest not, and then steps are taken again rather than
        // lost
        positions.forEach((partition, position) -> {
            if (position.moved) {
                position.moved = false;
                changelog.write(
                        ChangelogFormat.key(ChangelogFormat.OFFSET, partition.partition(), partition.topic()),
                        ChangelogFormat.offset(position.next));
            }
        });
    }

    /** Whichever is smaller: the blocks that have changed, or the steps that have changed them. */
    private void write(ModelEntry entry, Changelog changelog) {
        Model model = entry.model;
        writeNewNames(entry, changelog);
        Model.Changes blocks = model.unlogged();
        // steps beside blocks want both to be written or neither
        if (transactional()
                && (entry.isSmallerAsSteps(0, commit) || entry.isSmallerAsSteps(bytes(model, blocks), commit))) {
            return;
        }
        for (int i = 0; i < blocks.size(); i++) {
            int block = blocks.get(i);
            changelog.write(
                    ChangelogFormat.key(ChangelogFormat.BLOCK, block, entry.id), ChangelogFormat.block(model, block));
        }
        byte[] head = ChangelogFormat.head(model, journal.next(), entry.number);
        changelog.write(ChangelogFormat.headKey(entry.id), head);
        entry.wroteBlocks(head.length, journal.next());
        journal.outdated();
        modelBytes += entry.recount();
    }

    private static long bytes(Model model, Model.Changes blocks) {
        long bytes = 0;
        for (int i = 0; i < blocks.size(); i++) {
            bytes += ChangelogFormat.blockBytes(model, blocks.get(i));
        }
        return bytes;
    }

    private static void writeNewNames(ModelEntry entry, Changelog changelog) {
        int names = entry.model.names().size();
        if (names > entry.loggedNames) {
            for (int chunk = entry.loggedNames / ChangelogFormat.NAMES_IN_CHUNK;
                    chunk * ChangelogFormat.NAMES_IN_CHUNK < names;
                    chunk++) {
                changelog.write(
                        ChangelogFormat.key(ChangelogFormat.NAMES, chunk, entry.id),
                        ChangelogFormat.names(entry.model, chunk));
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

    @Override
    void restore(byte[] key, byte[] value) {
        ByteBuffer rest = ByteBuffer.wrap(key);
        byte kind = rest.get();
        switch (kind) {
            case ChangelogFormat.HEAD -> {
                String id = ChangelogFormat.text(rest);
                if (value == null) {
                    ModelEntry entry = models.remove(id);
                    if (entry != null) {
                        forget(entry);
                    }
                    restoredNames.remove(id);
                } else {
                    ChangelogFormat.Head head = ChangelogFormat.readHead(value);
                    ModelEntry entry = restored(id);
                    entry.model.restore(head.model());
                    entry.number = head.number();
                    entry.restoredHead(value.length, head.model().version(), head.part());
                    journal.beginAt(head.part());
                }
            }
            case ChangelogFormat.BLOCK -> {
                int block = rest.getInt();
                String id = ChangelogFormat.text(rest);
                if (value != null) {
                    ChangelogFormat.restoreBlock(restored(id).model, block, value);
                } else if (models.containsKey(id)) {
                    models.get(id).model.dropBlock(block);
                }
            }
            case ChangelogFormat.NAMES -> {
                int chunk = rest.getInt();
                String id = ChangelogFormat.text(rest);
                if (value != null || models.containsKey(id)) {
                    restored(id);
                    restoredNames
                            .computeIfAbsent(id, i -> new HashMap<>())
                            .put(chunk, value == null ? List.of() : ChangelogFormat.readNames(value));
                }
            }
            case ChangelogFormat.JOURNAL ->
                journal.restore(rest.getLong(), value == null ? null : ChangelogFormat.checkPart(value));
            case ChangelogFormat.STEPS_OF_MODEL, ChangelogFormat.PUBLISHED_OF_MODEL -> {
                if (value != null) {
                    throw new StateException("the changelog of store " + name()
                            + " holds steps as an earlier version of Thalweg wrote them, which this one does not read;"
                            + " forget this learner's state with `thalweg reset` and learn again from the input");
                }
            }
            case ChangelogFormat.OFFSET -> {
                int partition = rest.getInt();
                position(new TopicPartition(ChangelogFormat.text(rest), partition)).next =
                        ChangelogFormat.readOffset(value);
            }
            case ChangelogFormat.SETTINGS -> {
                spans.clear();
                spans.addAll(ChangelogFormat.readSettings(value));
            }
            default ->
                throw new StateException("the changelog of store " + name() + " holds a record of unknown kind " + kind
                        + "; it was written by a later version of Thalweg, or by something else");
        }
    }

    private ModelEntry restored(String id) {
        return models.computeIfAbsent(id, i -> new ModelEntry(i, new Model(i)));
    }

    @Override
    void dropUnwritten() {
        if (spanBegan) {
            // nothing was learned under it, and meanwhile another may learn under other settings
            spans.clear();
            spans.addAll(spansBefore);
            spanBegan = false;
            changed.forEach(entry -> entry.changed = false);
            changed.clear();
            beforeMigration.forEach((id, model) -> models.get(id).model = model);
            beforeMigration.clear();
        }
    }

    @Override
    void drop() {
        models.clear();
        positions.clear();
        spans.clear();
        restoredNames.clear();
        journal.clear();
        modelBytes = 0;
        nextNumber = 0;
        changed.clear();
        unpublished.clear();
        removed.clear();
        spanBegan = false;
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
