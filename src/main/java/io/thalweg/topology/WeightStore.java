package io.thalweg.topology;

import io.thalweg.fold.LearningTask;
import io.thalweg.store.Changelog;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * The Kafka Streams store that contains a {@link LearningTask}, so that the task writes what has changed with each
 * commit and is restored from its changelog.
 */
final class WeightStore extends ChangelogAtCommit {
    private final LearningTask task;

    private WeightStore(String name, LearningTask task) {
        super(name);
        this.task = task;
    }

    /** Returns a builder for the store of each task, with a compacted changelog. */
    static StoreBuilder<WeightStore> builder(String name, Supplier<LearningTask> tasks) {
        return new Builder(name, tasks);
    }

    /** Returns the task in this store. */
    LearningTask task() {
        return task;
    }

    @Override
    void clear(boolean transactional) {
        task.clear(transactional);
    }

    @Override
    void dropUnwritten() {
        task.dropUnwritten();
    }

    @Override
    void restore(byte[] key, byte[] value) {
        task.restore(key, value);
    }

    @Override
    void writeChanges(Changelog changelog) {
        task.commit(changelog);
    }

    private record Builder(String name, Supplier<LearningTask> tasks) implements StoreBuilder<WeightStore> {
        @Override
        public WeightStore build() {
            return new WeightStore(name, tasks.get());
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
            throw new UnsupportedOperationException("without its changelog the store would lose everything");
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
