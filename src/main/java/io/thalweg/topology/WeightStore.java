package io.thalweg.topology;

import io.thalweg.fold.LearningTask;
import io.thalweg.store.Changelog;
import java.util.Collection;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * The Kafka Streams store that contains a {@link LearningTask}, so that the task writes what has changed with each
 * commit and is restored from its changelog.
 */
final class WeightStore extends ChangelogAtCommit {
    private final LearningTask task;
    /** Null if nobody reads. */
    private final TaskReads reads;

    private WeightStore(String name, LearningTask task, CommittedReads readers) {
        super(name);
        this.task = task;
        reads = readers == null ? null : new TaskReads(readers);
    }

    /**
     * Returns a builder for the store of each task, with a compacted changelog.
     *
     * @param readers what other threads want to read; null if nobody does
     */
    static StoreBuilder<WeightStore> builder(String name, Supplier<LearningTask> tasks, CommittedReads readers) {
        return new Builder(name, tasks, readers);
    }

    /** Returns the task in this store. */
    LearningTask task() {
        return task;
    }

    /** Returns what other threads want to read of the task; null if nobody does. */
    TaskReads reads() {
        return reads;
    }

    @Override
    void clear(boolean transactional) {
        endReads();
        task.clear(transactional);
    }

    @Override
    void dropUnwritten() {
        task.dropUnwritten();
        if (reads != null) {
            reads.continueStandingBy();
        }
    }

    @Override
    void opened(int partition) {
        if (reads != null) {
            reads.standBy(task, partition);
        }
    }

    @Override
    void restore(Collection<ConsumerRecord<byte[], byte[]>> records) {
        if (reads != null) {
            reads.restore(records);
        } else {
            records.forEach(record -> task.restore(record.key(), record.value()));
        }
    }

    @Override
    void writeChanges(Changelog changelog) {
        task.commit(changelog);
        if (reads != null) {
            reads.commit();
        }
    }

    private void endReads() {
        if (reads != null) {
            reads.end();
        }
    }

    private record Builder(String name, Supplier<LearningTask> tasks, CommittedReads readers)
            implements StoreBuilder<WeightStore> {
        @Override
        public WeightStore build() {
            return new WeightStore(name, tasks.get(), readers);
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
