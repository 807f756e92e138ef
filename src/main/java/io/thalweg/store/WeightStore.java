package io.thalweg.store;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.FeatureNames;
import io.thalweg.math.Model;
import io.thalweg.math.Models;
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

/**
 * The models of a task; the next offset of each of its input partitions; and the settings under which they were learned.
 *
 * <p>The next offsets are written with the weights that they belong to. A record before them has been learned from already and is
 * not learned from again, whatever offset the consumer group says: offsets expire and are reset by hand.
 */
public final class WeightStore extends ChangelogAtCommit implements Models {
    private final Map<String, Model> models = new HashMap<>();
    private final Map<TopicPartition, Long> nextOffsets = new LinkedHashMap<>();
    private final List<Epoch> epochs = new ArrayList<>();

    /** Names as they were restored, by model and chunk; a chunk that is gone is empty. */
    private final Map<String, Map<Integer, List<byte[]>>> restoredNames = new HashMap<>();

    private final Set<Model> changed = new LinkedHashSet<>();
    private final Set<Model> unpublished = new LinkedHashSet<>();
    private final Map<Model, Integer> loggedNames = new HashMap<>();
    private final List<Model> removed = new ArrayList<>();
    private final Set<TopicPartition> moved = new LinkedHashSet<>();
    private boolean epochBegan;

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
     * @throws StateException if it does not
     */
    public void begin(Map<String, String> course) {
        restoredNames.forEach((id, chunks) -> models.get(id).restoreNames(names(models.get(id), chunks)));
        restoredNames.clear();
        unpublished.clear();
        loggedNames.clear();
        if (!transactional()) {
            // cut off in the middle of its first write; its examples come again
            models.values().removeIf(model -> model.form() == null);
        }
        for (Model model : models.values()) {
            if (model.form() == null) {
                throw new StateException("the changelog of store " + name() + " holds parts of model " + model.id()
                        + " but not its head; forget this learner's state with `thalweg reset`");
            }
            model.restored();
            if (model.publishedVersion() < model.version()) {
                unpublished.add(model);
            }
            loggedNames.put(model, model.names().size());
        }
        Map<String, String> before =
                epochs.isEmpty() ? Map.of() : epochs.get(epochs.size() - 1).course();
        if (!models.isEmpty()) {
            check(before, course);
        }
        if (!before.equals(course)) {
            // one that nothing was learned under leaves no trace
            epochs.removeIf(epoch -> epoch.from().equals(nextOffsets));
            epochs.add(new Epoch(Map.copyOf(nextOffsets), Map.copyOf(course)));
            epochBegan = true;
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
            if (before.containsKey(name) && !before.get(name).equals(now.get(name))) {
                throw new StateException(
                        "the weights were learned with " + name + " = " + before.get(name) + " and it is now "
                                + now.get(name) + "; set it back, or forget the weights with `thalweg reset`");
            }
        }
        String from = before.getOrDefault(ThalwegConfig.MODEL_FROM, Mapping.MODEL_FROM_KEY);
        String fromNow = now.getOrDefault(ThalwegConfig.MODEL_FROM, Mapping.MODEL_FROM_KEY);
        if (!from.equals(fromNow)) {
            throw new StateException("the models were learned with " + ThalwegConfig.MODEL_FROM + " = " + from
                    + " and it is now " + fromNow
                    + ", so that others would be; set it back, or forget them with `thalweg reset`");
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

    /** Says that a model has changed. */
    public void changed(Model model) {
        changed.add(model);
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
        Model.Changes blocks = model.unlogged();
        for (int i = 0; i < blocks.size(); i++) {
            int block = blocks.get(i);
            changelog.write(StateRecords.key(StateRecords.BLOCK, block, model.id()), StateRecords.block(model, block));
        }
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
        changelog.write(StateRecords.headKey(model.id()), StateRecords.head(model));
        model.logged();
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
                    models.remove(id);
                    restoredNames.remove(id);
                } else {
                    model(id).restore(StateRecords.readHead(value));
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

    private Model model(String id) {
        return models.computeIfAbsent(id, Model::new);
    }

    @Override
    void dropUnwritten() {
        if (epochBegan) {
            // nothing was learned under it, and meanwhile another may learn under other settings
            epochs.remove(epochs.size() - 1);
            epochBegan = false;
        }
    }

    @Override
    void drop() {
        models.clear();
        nextOffsets.clear();
        epochs.clear();
        restoredNames.clear();
        changed.clear();
        unpublished.clear();
        loggedNames.clear();
        removed.clear();
        moved.clear();
        epochBegan = false;
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
