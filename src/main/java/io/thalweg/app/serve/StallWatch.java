package io.thalweg.app.serve;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.CommittedRecords;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StopException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.TaskMetadata;
import org.apache.kafka.streams.ThreadMetadata;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A watch for partitions whose committed offsets stand still although there are records to read. It asks the brokers
 * and not the learner's own consumers, which may be what hangs. While the brokers do not answer, it learns nothing, and
 * the learner counts as alive: to restart it would not help.
 */
final class StallWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StallWatch.class);
    private static final long LONGEST_INTERVAL_MS = 10_000;
    private static final long PATIENCE_MS = 10_000;

    private final ThalwegConfig config;
    private final AtomicReference<LearnerRuntime> learner;
    private final long limitMs;
    private final LongSupplier nanoTime;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "http-health");
        thread.setDaemon(true);
        return thread;
    });

    /** Created when it is first needed. */
    private Admin admin;

    private boolean isClosed;

    private final RecordSearch records;
    private final Map<TopicPartition, PartitionProgress> seen = new HashMap<>();
    private volatile List<PartitionProgress> latest = List.of();

    /** A search for records in a range of offsets, which may have only markers of transactions and aborted records. */
    @FunctionalInterface
    interface RecordSearch {
        /**
         * Returns whether there is a committed record.
         *
         * @param from the first offset, which retention may have deleted
         * @param to the offset after the last
         */
        boolean finds(TopicPartition partition, long from, long to);
    }

    /**
     * What was seen of a partition.
     *
     * @param committed the committed offset
     * @param since when it was first seen, or it was last known that nothing follows, in nanoseconds
     * @param end the end of the partition at the last look
     * @param emptyUpTo up to which offset there is known to be nothing to read
     * @param isBehind whether there is known to be a record between that and the end
     */
    record PartitionProgress(
            TopicPartition partition, long committed, long since, long end, long emptyUpTo, boolean isBehind) {
        /** Returns how many records are not committed yet. Markers of transactions count too. */
        long lag() {
            return Math.max(0, end - committed);
        }
    }

    StallWatch(ThalwegConfig config, AtomicReference<LearnerRuntime> learner) {
        this(config, learner, System::nanoTime, onBrokers(config));
    }

    StallWatch(
            ThalwegConfig config,
            AtomicReference<LearnerRuntime> learner,
            LongSupplier nanoTime,
            RecordSearch records) {
        this.config = config;
        this.learner = learner;
        this.nanoTime = nanoTime;
        this.records = records;
        limitMs = config.getLong(ThalwegConfig.HTTP_STALL_MAX_MS);
    }

    /** Returns a search that reads from the brokers. */
    static RecordSearch onBrokers(ThalwegConfig config) {
        return (partition, from, to) -> {
            try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
                return new CommittedRecords(consumer, partition, from, to).hasNext();
            }
        };
    }

    /** Begins to look, several times within the time that offsets may stand still. */
    void begin() {
        long interval = Math.min(LONGEST_INTERVAL_MS, limitMs / 5);
        timer.scheduleWithFixedDelay(this::look, interval, interval, TimeUnit.MILLISECONDS);
    }

    /** Returns what was seen of each partition that is active here. */
    List<PartitionProgress> latest() {
        return latest;
    }

    /** Returns why the learner does not progress, one line for each partition that stands still. */
    List<String> stalls() {
        long now = nanoTime.getAsLong();
        return latest.stream()
                .filter(each -> each.isBehind && isLongAgo(each.since, now))
                .map(each -> "the committed offset of %s has been %d for %d s, but the partition ends at %d"
                        .formatted(
                                each.partition,
                                each.committed,
                                TimeUnit.NANOSECONDS.toSeconds(now - each.since),
                                each.end))
                .toList();
    }

    private boolean isLongAgo(long since, long now) {
        return TimeUnit.NANOSECONDS.toMillis(now - since) > limitMs;
    }

    /** Asks the brokers. */
    void look() {
        try {
            LearnerRuntime running = learner.get();
            if (running == null || running.streams().state() != KafkaStreams.State.RUNNING) {
                forget();
                return;
            }
            Set<TopicPartition> partitions = active(running.streams());
            if (partitions.isEmpty()) {
                forget();
                return;
            }
            note(partitions, committed(), ends(partitions));
        } catch (ExecutionException | TimeoutException | KafkaException e) {
            LOG.debug("the brokers did not say how far the learner is", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            // the timer would not call this again
            LOG.warn("looking for the progress of the learner failed", e);
        }
    }

    private void forget() {
        seen.clear();
        latest = List.of();
    }

    private static Set<TopicPartition> active(KafkaStreams streams) {
        Set<TopicPartition> partitions = new HashSet<>();
        for (ThreadMetadata thread : streams.metadataForLocalThreads()) {
            for (TaskMetadata task : thread.activeTasks()) {
                partitions.addAll(task.topicPartitions());
            }
        }
        return partitions;
    }

    private Map<TopicPartition, OffsetAndMetadata> committed()
            throws ExecutionException, InterruptedException, TimeoutException {
        return admin().listConsumerGroupOffsets(config.getString(ThalwegConfig.APPLICATION_ID))
                .partitionsToOffsetAndMetadata()
                .get(PATIENCE_MS, TimeUnit.MILLISECONDS);
    }

    private Map<TopicPartition, ListOffsetsResultInfo> ends(Collection<TopicPartition> partitions)
            throws ExecutionException, InterruptedException, TimeoutException {
        return admin().listOffsets(
                        partitions.stream().collect(Collectors.toMap(each -> each, each -> OffsetSpec.latest())),
                        new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
                .all()
                .get(PATIENCE_MS, TimeUnit.MILLISECONDS);
    }

    private synchronized Admin admin() {
        if (isClosed) {
            throw new KafkaException("it has been closed meanwhile");
        }
        if (admin == null) {
            admin = KafkaSettings.admin(config);
        }
        return admin;
    }

    /** Notes what the brokers say. */
    void note(
            Set<TopicPartition> partitions,
            Map<TopicPartition, OffsetAndMetadata> committed,
            Map<TopicPartition, ListOffsetsResultInfo> ends) {
        seen.keySet().retainAll(partitions);
        long now = nanoTime.getAsLong();
        for (TopicPartition partition : partitions) {
            OffsetAndMetadata at = committed.get(partition);
            long offset = at == null ? 0 : at.offset();
            long end = ends.get(partition).offset();
            PartitionProgress before = seen.get(partition);
            if (before == null || before.committed != offset) {
                seen.put(partition, new PartitionProgress(partition, offset, now, end, offset, false));
            } else {
                // a record that comes later does not wait since then
                long since = end > before.emptyUpTo ? before.since : now;
                seen.put(
                        partition,
                        new PartitionProgress(partition, offset, since, end, before.emptyUpTo, before.isBehind));
            }
        }
        latest = List.copyOf(seen.values());
        for (PartitionProgress each : latest) {
            if (isLongAgo(each.since, now) && !each.isBehind && each.emptyUpTo < each.end) {
                seen.put(each.partition, searched(each, now));
            }
        }
        latest = List.copyOf(seen.values());
    }

    /**
     * Reads on behind the committed offset, where there may be nothing but markers of transactions and aborted records.
     * The metrics of the learner's consumer do not tell: they do not say what is not processed yet, and do not change
     * while its requests hang.
     */
    private PartitionProgress searched(PartitionProgress progress, long now) {
        boolean isBehind;
        try {
            isBehind = records.finds(progress.partition, progress.emptyUpTo, progress.end);
        } catch (StopException e) {
            LOG.debug("it is not known whether there is something to read", e);
            return progress;
        }
        return isBehind
                ? new PartitionProgress(
                        progress.partition, progress.committed, progress.since, progress.end, progress.emptyUpTo, true)
                : new PartitionProgress(progress.partition, progress.committed, now, progress.end, progress.end, false);
    }

    @Override
    public void close() {
        timer.shutdownNow();
        synchronized (this) {
            // a look that is under way must not make another client
            isClosed = true;
            if (admin != null) {
                admin.close(Duration.ZERO);
            }
        }
    }
}
