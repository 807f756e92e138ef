package io.thalweg.store;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureNames;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.Model;
import io.thalweg.math.Models;
import io.thalweg.math.Outcome;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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

    private final Map<String, Model> models = new HashMap<>();
    private final Map<TopicPartition, Long> nextOffsets = new LinkedHashMap<>();
    private final List<Epoch> epochs = new ArrayList<>();
    /** Those in the changelog, where one has begun that is not. */
    private final List<Epoch> epochsBefore = new ArrayList<>();

    /** Names as they were restored, by model and chunk; a chunk that is gone is empty. */
    private final Map<String, Map<Integer, List<byte[]>>> restoredNames = new HashMap<>();

    private final Map<String, Journal> journals = new HashMap<>();
    private final Journal.Budget journalBudget = new Journal.Budget();
    private final Set<Model> changed = new LinkedHashSet<>();
    private final Set<Model> unpublished = new LinkedHashSet<>();
    private final Map<Model, Integer> loggedNames = new HashMap<>();
    private final List<Model> removed = new ArrayList<>();
    private final Set<TopicPartition> moved = new LinkedHashSet<>();
    private boolean epochBegan;

    /** The models as they are in the changelog, where another algorithm is to go on with them and nothing was written since. */
    private final Map<String, Model> beforeMigration = new HashMap<>();

    private WeightStore(String name) {
        super(name);
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
        restoredNames.forEach((id, chunks) -> models.get(id).restoreNames(names(models.get(id), chunks)));
        restoredNames.clear();
        unpublished.clear();
        loggedNames.clear();
        if (!transactional()) {
            // cut off in the middle of its first write; its examples come again
            models.values().removeIf(model -> model.form() == null);
        }
        Map<String, String> before =
                epochs.isEmpty() ? Map.of() : epochs.get(epochs.size() - 1).course();
        for (Model model : models.values()) {
            if (model.form() == null) {
                throw new StateException("the changelog of store " + name() + " holds parts of model " + model.id()
                        + " but not its head; forget this learner's state with `thalweg reset`");
            }
        }
        boolean migrates =
                !models.isEmpty() && ThalwegConfig.KIND.stream().anyMatch(name -> differs(name, before, course));
        if (!models.isEmpty()) {
            check(before, course);
        }
        if (migrates) {
            checkMigration(before, course, algorithm, migrate);
        }
        journals.keySet().retainAll(models.keySet());
        if (!journals.isEmpty()) {
            takeJournalledSteps(before);
        }
        journalBudget.clear();
        journals.forEach((id, journal) -> journal.count(models.get(id), journalBudget));
        Algorithm learned =
                migrates ? Algorithm.of(ThalwegConfig.ofCourse(before).learner()) : algorithm;
        for (Model model : models.values()) {
            Journal journal = journals.get(model.id());
            model.learnsBy(learned);
            model.restored(journal == null ? model.version() : journal.since());
        }
        if (migrates) {
            LOG.info(
                    "{} models go on from the weights that they have, under {} = {}",
                    models.size(),
                    ThalwegConfig.ALGORITHM,
                    course.get(ThalwegConfig.ALGORITHM));
            beforeMigration.putAll(models);
            models.replaceAll((id, model) -> model.under(algorithm));
            changed.addAll(models.values());
        }
        for (Model model : models.values()) {
            if (model.publishedVersion() < model.version()) {
                unpublished.add(model);
            }
            loggedNames.put(model, model.names().size());
        }
        if (!before.equals(course)) {
            epochsBefore.clear();
            epochsBefore.addAll(epochs);
            // one that nothing was learned under leaves no trace, unless it has changed the state
            int last = epochs.size() - 1;
            if (!migrates && last >= 0 && epochs.get(last).from().equals(nextOffsets)) {
                epochs.remove(last);
            }
            epochs.add(new Epoch(Map.copyOf(nextOffsets), Map.copyOf(course)));
            epochBegan = true;
            // steps are taken again under the settings of the last epoch, so there must be none left from before it
            journals.forEach((id, journal) -> {
                journal.end();
                if (journal.parts() > 0) {
                    changed.add(models.get(id));
                }
            });
        }
    }

    /** @param course under which they were taken first */
    private void takeJournalledSteps(Map<String, String> course) {
        LearnerSettings learned = ThalwegConfig.ofCourse(course).learner();
        Algorithm algorithm = Algorithm.of(learned);
        journals.forEach((id, journal) -> {
            Model model = models.get(id);
            model.learnsBy(algorithm);
            try {
                journal.replay(model, algorithm, learned.metricsWindow());
            } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
                throw new StateException("the changelog of store " + name() + " holds steps of model " + id
                        + " that cannot be taken again (" + e.getMessage()
                        + "); forget this learner's state with `thalweg reset`");
            }
        });
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
        for (Model model : models.values()) {
            String learned = model.form().name().toLowerCase(Locale.ROOT);
            if (form != null && !form.equals("any") && !form.equals(learned)) {
                throw new StateException("model " + model.id() + " was learned from " + learned + " features and "
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
        Long next = nextOffsets.get(partition);
        return next != null && offset < next;
    }

    /** Says that a record has been taken into account. */
    public void took(TopicPartition partition, long offset) {
        nextOffsets.put(partition, offset + 1);
        moved.add(partition);
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

    /** Says that the weights topic does not hold the model as it is. */
    public void unpublished(Model model) {
        unpublished.add(model);
    }

    /** Hands over the models that the weights topic does not hold as they are, to be published now. */
    public void takeUnpublished(Consumer<Model> publish) {
        for (Model model : unpublished) {
            publish.accept(model);
            changed.add(model);
        }
        unpublished.clear();
    }

    /** Says that a model has taken a step. @param x as the learner left it */
    public void stepped(Outcome outcome, Example x) {
        Model model = outcome.model();
        changed.add(model);
        Journal journal = journals.get(model.id());
        if (journal != null) {
            journal.add(model, outcome.version(), x);
        }
    }

    /** Forgets a model. @return the model as it was, if there was one */
    public Optional<Model> remove(String id) {
        Model model = models.remove(id);
        if (model == null) {
            return Optional.empty();
        }
        changed.remove(model);
        unpublished.remove(model);
        loggedNames.remove(model);
        removed.add(model);
        return Optional.of(model);
    }

    // ---- the changelog

    @Override
    void writeChanges(Changelog changelog) {
        // before the values: a model may have been forgotten and begun again since the last commit
        for (Model model : removed) {
            writeRemoval(model, changelog);
        }
        removed.clear();
        for (Model model : changed) {
            writeModel(model, changelog);
        }
        changed.clear();
        if (epochBegan) {
            changelog.write(StateRecords.settingsKey(), StateRecords.settings(epochs));
            epochBegan = false;
            beforeMigration.clear();
        }
        // last: without transactions a part may be written and the rest not, and then steps are taken again rather than
        // lost
        for (TopicPartition partition : moved) {
            changelog.write(
                    StateRecords.key(StateRecords.OFFSET, partition.partition(), partition.topic()),
                    StateRecords.offset(nextOffsets.get(partition)));
        }
        moved.clear();
    }

    private void writeModel(Model model, Changelog changelog) {
        writeNewNames(model, changelog);
        Journal journal = journals.get(model.id());
        Model.Changes blocks = model.unlogged();
        long bytes = 0;
        for (int i = 0; i < blocks.size(); i++) {
            bytes += StateRecords.blockBytes(model, blocks.get(i));
        }
        if (journal != null && journal.isSmaller(model, bytes, journalBudget)) {
            int part = journal.parts();
            for (byte[] steps : journal.pending()) {
                changelog.write(StateRecords.key(StateRecords.STEPS, part++, model.id()), StateRecords.steps(steps));
            }
            journal.written(model, journalBudget);
            if (journal.isNewlyPublished(model)) {
                changelog.write(StateRecords.publishedKey(model.id()), StateRecords.published(model));
                journal.published(model);
            }
            return;
        }
        for (int i = 0; i < blocks.size(); i++) {
            int block = blocks.get(i);
            changelog.write(StateRecords.key(StateRecords.BLOCK, block, model.id()), StateRecords.block(model, block));
        }
        changelog.write(StateRecords.headKey(model.id()), StateRecords.head(model));
        model.logged();
        if (journal != null) {
            removeSteps(model, journal, changelog);
        } else if (transactional() && Journal.isWorthIt(bytes)) {
            journal = new Journal();
            journals.put(model.id(), journal);
        }
        if (journal != null) {
            journal.replaced(model, bytes, journalBudget);
        }
        if (!transactional()) {
            // steps beside blocks want both to be written or neither
            journals.remove(model.id());
        }
    }

    private static void removeSteps(Model model, Journal journal, Changelog changelog) {
        for (int part = 0; part < journal.parts(); part++) {
            changelog.write(StateRecords.key(StateRecords.STEPS, part, model.id()), null);
        }
        if (journal.saysPublished()) {
            changelog.write(StateRecords.publishedKey(model.id()), null);
        }
    }

    private void writeNewNames(Model model, Changelog changelog) {
        int names = model.names().size();
        int logged = loggedNames.getOrDefault(model, 0);
        if (names > logged) {
            for (int chunk = logged / StateRecords.NAMES_IN_CHUNK;
                    chunk * StateRecords.NAMES_IN_CHUNK < names;
                    chunk++) {
                changelog.write(
                        StateRecords.key(StateRecords.NAMES, chunk, model.id()), StateRecords.names(model, chunk));
            }
            loggedNames.put(model, names);
        }
    }

    private void writeRemoval(Model model, Changelog changelog) {
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                changelog.write(StateRecords.key(StateRecords.BLOCK, block, model.id()), null);
            }
        }
        for (int chunk = 0; chunk * StateRecords.NAMES_IN_CHUNK < model.names().size(); chunk++) {
            changelog.write(StateRecords.key(StateRecords.NAMES, chunk, model.id()), null);
        }
        Journal journal = journals.remove(model.id());
        if (journal != null) {
            removeSteps(model, journal, changelog);
            journal.replaced(model, 0, journalBudget);
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
                    models.remove(id);
                    restoredNames.remove(id);
                    journals.remove(id);
                } else {
                    Model.Head head = StateRecords.readHead(value);
                    model(id).restore(head);
                    if (journals.containsKey(id)) {
                        journals.get(id).begin(head.version());
                    }
                }
            }
            case StateRecords.BLOCK -> {
                int block = rest.getInt();
                String id = StateRecords.text(rest);
                if (value != null) {
                    StateRecords.restoreBlock(model(id), block, value);
                } else if (models.containsKey(id)) {
                    models.get(id).dropBlock(block);
                }
            }
            case StateRecords.NAMES -> {
                int chunk = rest.getInt();
                String id = StateRecords.text(rest);
                if (value != null || models.containsKey(id)) {
                    model(id);
                    restoredNames
                            .computeIfAbsent(id, i -> new HashMap<>())
                            .put(chunk, value == null ? List.of() : StateRecords.readNames(value));
                }
            }
            case StateRecords.STEPS -> {
                int part = rest.getInt();
                String id = StateRecords.text(rest);
                if (value != null || journals.containsKey(id)) {
                    journal(id).restore(part, value == null ? null : StateRecords.readSteps(value));
                }
            }
            case StateRecords.PUBLISHED -> {
                if (value != null) {
                    String id = StateRecords.text(rest);
                    StateRecords.restorePublished(model(id), value);
                    journal(id).published(model(id));
                }
            }
            case StateRecords.OFFSET -> {
                int partition = rest.getInt();
                nextOffsets.put(new TopicPartition(StateRecords.text(rest), partition), StateRecords.readOffset(value));
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

    private Journal journal(String id) {
        return journals.computeIfAbsent(id, i -> {
            Journal journal = new Journal();
            journal.begin(model(id).version());
            return journal;
        });
    }

    private Model model(String id) {
        return models.computeIfAbsent(id, Model::new);
    }

    @Override
    void dropUnwritten() {
        if (epochBegan) {
            // nothing was learned under it, and meanwhile another may learn under other settings
            epochs.clear();
            epochs.addAll(epochsBefore);
            epochBegan = false;
            changed.clear();
            models.putAll(beforeMigration);
            beforeMigration.clear();
        }
    }

    @Override
    void drop() {
        models.clear();
        nextOffsets.clear();
        epochs.clear();
        restoredNames.clear();
        journals.clear();
        journalBudget.clear();
        changed.clear();
        unpublished.clear();
        loggedNames.clear();
        removed.clear();
        moved.clear();
        epochBegan = false;
        beforeMigration.clear();
    }

    private record Builder(String name) implements StoreBuilder<WeightStore> {
        @Override
        public WeightStore build() {
            return new WeightStore(name);
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
