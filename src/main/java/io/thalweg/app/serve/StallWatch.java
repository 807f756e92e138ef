package io.thalweg.app.serve;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
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
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
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

    private final Map<TopicPartition, PartitionProgress> seen = new HashMap<>();
    private volatile List<PartitionProgress> latest = List.of();

    /**
     * What was seen of a partition.
     *
     * @param committed the committed offset
     * @param since when it was first seen, in nanoseconds
     * @param end the end of the partition at the last look
     * @param isRead whether the learner's consumer says that it has read everything
     */
    record PartitionProgress(TopicPartition partition, long committed, long since, long end, boolean isRead) {
        /** Returns how many records are not committed yet. Markers of transactions count too. */
        long lag() {
            return Math.max(0, end - committed);
        }
    }

    StallWatch(ThalwegConfig config, AtomicReference<LearnerRuntime> learner) {
        this(config, learner, System::nanoTime);
    }

    StallWatch(ThalwegConfig config, AtomicReference<LearnerRuntime> learner, LongSupplier nanoTime) {
        this.config = config;
        this.learner = learner;
        this.nanoTime = nanoTime;
        limitMs = config.getLong(ThalwegConfig.HTTP_STALL_MAX_MS);
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
                // what was committed last may be followed by nothing but markers of transactions; then the consumer has
                // read everything, and goes on asking for more
                .filter(each -> each.lag() > 0 && (!each.isRead || isSilent()))
                .filter(each -> TimeUnit.NANOSECONDS.toMillis(now - each.since) > limitMs)
                .map(each -> "the committed offset of %s has been %d for %d s, but the partition ends at %d"
                        .formatted(
                                each.partition,
                                each.committed,
                                TimeUnit.NANOSECONDS.toSeconds(now - each.since),
                                each.end))
                .toList();
    }

    /** Returns whether a consumer of the learner has not asked for records for longer than offsets may stand still. */
    private boolean isSilent() {
        return metrics("last-poll-seconds-ago").stream().anyMatch(seconds -> seconds * 1000 > limitMs);
    }

    private List<Double> metrics(String name) {
        LearnerRuntime running = learner.get();
        if (running == null) {
            return List.of();
        }
        return running.streams().metrics().entrySet().stream()
                .filter(metric -> metric.getKey().name().equals(name)
                        && metric.getKey().group().equals("consumer-metrics")
                        && !metric.getKey().tags().getOrDefault("client-id", "").contains("restore"))
                .map(metric -> metric.getValue().metricValue())
                .filter(Double.class::isInstance)
                .map(Double.class::cast)
                .toList();
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
            note(partitions, committed(), ends(partitions), read(running.streams()));
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

    /** Returns the partitions of which the learner's consumers say that they have read everything. */
    private static Set<TopicPartition> read(KafkaStreams streams) {
        Set<TopicPartition> read = new HashSet<>();
        for (Map.Entry<MetricName, ? extends Metric> metric : streams.metrics().entrySet()) {
            Map<String, String> tags = metric.getKey().tags();
            if (metric.getKey().name().equals("records-lag")
                    && tags.containsKey("partition")
                    && metric.getValue().metricValue() instanceof Double lag
                    && lag == 0) {
                read.add(new TopicPartition(tags.get("topic"), Integer.parseInt(tags.get("partition"))));
            }
        }
        return read;
    }

    private void note(
            Set<TopicPartition> partitions,
            Map<TopicPartition, OffsetAndMetadata> committed,
            Map<TopicPartition, ListOffsetsResultInfo> ends,
            Set<TopicPartition> read) {
        seen.keySet().retainAll(partitions);
        long now = nanoTime.getAsLong();
        for (TopicPartition partition : partitions) {
            OffsetAndMetadata at = committed.get(partition);
            long offset = at == null ? 0 : at.offset();
            long end = ends.get(partition).offset();
            PartitionProgress before = seen.get(partition);
            boolean stands = before != null && before.committed == offset && end > offset;
            seen.put(
                    partition,
                    new PartitionProgress(
                            partition, offset, stands ? before.since : now, end, read.contains(partition)));
        }
        latest = List.copyOf(seen.values());
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
