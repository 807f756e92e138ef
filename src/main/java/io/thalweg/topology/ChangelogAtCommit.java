package io.thalweg.topology;

import io.thalweg.store.Changelog;
import java.util.Collection;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorContextUtils;
import org.apache.kafka.streams.processor.internals.RecordBatchingStateRestoreCallback;
import org.apache.kafka.streams.processor.internals.RecordCollector;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;

/**
 * A store that keeps its state on the heap and writes what has changed to its changelog just before each commit.
 *
 * <p><b>The commit protocol.</b> Kafka Streams commits a task in this order: it calls
 * {@link CachedStateStore#flushCache()} on every store that is a {@code CachedStateStore}, flushes the producer, adds
 * the input offsets to the transaction, and commits it. So predictions, changes of the weights, and the offsets of the
 * examples become visible together or not at all. A crash before the commit aborts all three. The next owner of the
 * task restores the last committed state and reads the same examples again.
 *
 * <p><b>Why an internal interface.</b> Nothing in the public API of Kafka Streams runs at that moment. With
 * exactly-once semantics, a commit of a running task calls neither {@link StateStore#flush()} nor
 * {@link StateStore#commit}. A store that wrote its changes there would lose the steps since its last write, because
 * the committed offsets are ahead of them. This is the only class that uses internals of Kafka Streams. The tests that
 * kill a process fail if the call does not come.
 *
 * <p><b>Constraints.</b> In {@code flushCache}, nothing can be forwarded, and there may be no current record. A store
 * object is reused when its task is revived, which calls {@link #init} again. It is also reused when the task changes
 * between active and standby. That calls {@code clearCache} and not {@code init}, and the state stays, because the task
 * continues with it.
 */
abstract class ChangelogAtCommit implements StateStore, CachedStateStore<byte[], byte[]> {
    private final String name;
    private InternalProcessorContext<?, ?> context;
    private boolean flushOutputsFirst;
    private boolean open;
    private boolean failed;

    ChangelogAtCommit(String name) {
        this.name = name;
    }

    /**
     * Removes all state.
     *
     * @param transactional whether a commit is written completely or not at all
     */
    abstract void clear(boolean transactional);

    /** Undoes changes that were made without an example and that may not have been written. */
    abstract void dropUnwritten();

    /** Writes what has changed since the last call. */
    abstract void writeChanges(Changelog changelog);

    @Override
    public final String name() {
        return name;
    }

    /** Called when the store is opened, before it is restored. */
    abstract void opened(int partition);

    /** Restores records of the changelog, which tell when they were written. */
    abstract void restore(Collection<ConsumerRecord<byte[], byte[]>> records);

    @Override
    public final void init(StateStoreContext stateStoreContext, StateStore root) {
        context = ProcessorContextUtils.asInternalProcessorContext(stateStoreContext);
        // With at-least-once, a crash between the two sends could keep the steps and lose their predictions, which
        // would never be made again. Exactly-once needs no order, because both are in one transaction.
        flushOutputsFirst = StreamsConfig.AT_LEAST_ONCE.equals(
                stateStoreContext.appConfigs().get(StreamsConfig.PROCESSING_GUARANTEE_CONFIG));
        clear(!flushOutputsFirst);
        opened(stateStoreContext.taskId().partition());
        failed = false;
        stateStoreContext.register(root, (RecordBatchingStateRestoreCallback) this::restore);
        open = true;
    }

    /**
     * Called when a record could not be processed to its end. Kafka Streams flushes a task even if it closes it because
     * of that. With at-least-once, this would write steps whose outputs are lost, and that are then not taken again.
     */
    final void fail() {
        failed = true;
    }

    @Override
    public final void flushCache() {
        if (failed) {
            // not in silence: the offsets must not be committed either
            throw new IllegalStateException("the task has failed, so its changes are not written");
        }
        // an output that could not be sent is reported once
        failed = true;
        if (flushOutputsFirst && context instanceof RecordCollector.Supplier collector) {
            collector.recordCollector().flush();
        }
        long now = context.currentSystemTimeMs();
        writeChanges((key, value) ->
                context.logChange(name, Bytes.wrap(key), value, now, new RecordHeaders(), Position.emptyPosition()));
        failed = false;
    }

    @Override
    public final void clearCache() {
        // the task continues as active or standby with the state it has, of which only this is not committed
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
