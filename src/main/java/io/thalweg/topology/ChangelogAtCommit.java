package io.thalweg.topology;

import io.thalweg.store.Changelog;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorContextUtils;
import org.apache.kafka.streams.processor.internals.RecordCollector;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;

/**
 * A store that keeps its state on the heap and writes what has changed to its changelog just before each commit.
 *
 * <p><b>The commit protocol.</b> Kafka Streams commits a task in this order: it calls {@link CachedStateStore#flushCache()} on
 * every store that is a {@code CachedStateStore}, flushes the producer, adds the input offsets to the transaction and commits it.
 * So the predictions, the changes of the weights and the offsets of the examples that made them become visible together or not at
 * all. A crash before the commit aborts all three; the next owner of the task restores what was last committed, and reads the same
 * examples again.
 *
 * <p><b>Why an internal interface.</b> Nothing in Kafka Streams' public interface runs at that moment. Under exactly-once a commit
 * while running calls neither {@link StateStore#flush()} nor {@link StateStore#commit}; a store that wrote its changes there would
 * lose the steps since its last write, for the committed offsets are ahead of them. This class is the only one that uses Kafka
 * Streams' internals, and the tests that kill a process fail when the call does not come.
 *
 * <p><b>What must hold.</b> At {@code flushCache} nothing can be forwarded, and there may be no current record. A store object is
 * used again when its task is revived, which calls {@link #init} anew; and when the task changes between active and standby, which
 * calls {@code clearCache} and does not, because it goes on from where it is: then the state stays.
 */
abstract class ChangelogAtCommit implements StateStore, CachedStateStore<byte[], byte[]> {
    private final String name;
    private InternalProcessorContext<?, ?> context;
    private boolean flushOutputsFirst;
    private boolean open;

    ChangelogAtCommit(String name) {
        this.name = name;
    }

    /** Drops all state. @param transactional whether what is written at a commit comes back whole or not at all */
    abstract void clear(boolean transactional);

    /** Drops what has changed without an example, and so may not have been written. */
    abstract void dropUnwritten();

    /** Takes back a record of the changelog; a null value is a tombstone. */
    abstract void restore(byte[] key, byte[] value);

    /** Writes what has changed since the last call, if anything has. */
    abstract void writeChanges(Changelog changelog);

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final void init(StateStoreContext stateStoreContext, StateStore root) {
        context = ProcessorContextUtils.asInternalProcessorContext(stateStoreContext);
        // Under at-least-once a crash between the two sends could keep the steps and lose their predictions, which
        // would then never be made again. Exactly-once needs no such order: both are in one transaction.
        flushOutputsFirst = StreamsConfig.AT_LEAST_ONCE.equals(
                stateStoreContext.appConfigs().get(StreamsConfig.PROCESSING_GUARANTEE_CONFIG));
        clear(!flushOutputsFirst);
        stateStoreContext.register(root, this::restore);
        open = true;
    }

    @Override
    public final void flushCache() {
        if (flushOutputsFirst && context instanceof RecordCollector.Supplier collector) {
            collector.recordCollector().flush();
        }
        long now = context.currentSystemTimeMs();
        writeChanges((key, value) ->
                context.logChange(name, Bytes.wrap(key), value, now, new RecordHeaders(), Position.emptyPosition()));
    }

    @Override
    public final void clearCache() {
        // the task goes on as the other kind with the state it has; all that examples have changed has been committed
        dropUnwritten();
    }

    @Override
    public final boolean setFlushListener(CacheFlushListener<byte[], byte[]> listener, boolean sendOldValues) {
        return false;
    }

    @Override
    public final void commit(Map<TopicPartition, Long> changelogOffsets) {
        // the changelog is the only copy outside the heap
    }

    @Override
    public final boolean persistent() {
        return false;
    }

    @Override
    public final boolean isOpen() {
        return open;
    }

    @Override
    public final void close() {
        open = false;
        clear(!flushOutputsFirst);
    }
}
