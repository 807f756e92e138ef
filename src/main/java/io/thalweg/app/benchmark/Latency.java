package io.thalweg.app.benchmark;

import io.thalweg.app.benchmark.Candidate.Guarantee;
import io.thalweg.app.benchmark.Candidate.Program;
import io.thalweg.app.benchmark.ProcessEvent.Event;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.StopException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Measures the time from an example to its prediction. 1,000 examples a second are sent on a fixed schedule, and a
 * reader records when it has the prediction of each, or the example itself. Times count from when the example was due
 * to be sent, so that a stall counts for all examples that waited because of it.
 *
 * <p>Before that, many examples are sent at once: at 1,000 a second it would take minutes until broker, learner and
 * clients are compiled, and on two cores the measurement would mostly show waiting for the compiler.
 */
final class Latency {
    private static final int PER_SECOND = 1000;
    private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1) / PER_SECOND;
    private static final Duration POLL = Duration.ofMillis(100);
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private final LocalCluster cluster;
    private final Consumer<String> progress;
    private final int atOnce;
    private final int warmUp;
    private final int measured;

    /**
     * A row: what is measured.
     *
     * @param topic the setting that names the topic to read
     * @param isolation the isolation level of the reader
     */
    record LatencyRow(String name, Guarantee guarantee, String topic, String isolation, boolean quick) {}

    /**
     * The rows. The last is the time that broker, sender and reader take by themselves: while a learner runs, the
     * examples are read as they are.
     */
    static List<LatencyRow> rows() {
        String predictions = OutputTopic.PREDICTIONS.setting();
        String committed = "read_committed";
        String uncommitted = "read_uncommitted";
        Guarantee once = Guarantee.EXACTLY_ONCE;
        Guarantee atLeastOnce = Guarantee.AT_LEAST_ONCE;
        return List.of(
                new LatencyRow("latency exactly-once read_committed", once, predictions, committed, true),
                new LatencyRow("latency exactly-once read_uncommitted", once, predictions, uncommitted, true),
                new LatencyRow("latency at-least-once", atLeastOnce, predictions, committed, false),
                new LatencyRow("latency consumer", atLeastOnce, ThalwegConfig.EXAMPLES_TOPIC, uncommitted, false));
    }

    Latency(LocalCluster cluster, boolean quick, Consumer<String> progress) {
        this.cluster = cluster;
        this.progress = progress;
        atOnce = quick ? 200_000 : 600_000;
        warmUp = (quick ? 3 : 30) * PER_SECOND;
        measured = (quick ? 5 : 20) * PER_SECOND;
    }

    void run(List<LatencyRow> rows, BenchmarkReport report) {
        for (Guarantee guarantee : Guarantee.values()) {
            List<LatencyRow> together =
                    rows.stream().filter(row -> row.guarantee() == guarantee).toList();
            if (!together.isEmpty()) {
                run(guarantee, together, report);
            }
        }
    }

    /** Runs one learner, and a reader for each row. */
    private void run(Guarantee guarantee, List<LatencyRow> rows, BenchmarkReport report) {
        String application = "latency-" + guarantee.setting();
        progress.accept("latency %s: %,d examples a second for %d s …"
                .formatted(guarantee.title(), PER_SECOND, (warmUp + measured) / PER_SECOND));
        Map<String, String> settings = cluster.settings(application, application + "-examples");
        settings.put(ThalwegConfig.PROCESSING_GUARANTEE, guarantee.setting());
        ThalwegConfig config = new ThalwegConfig(settings);
        try (CandidateHandle handle = CandidateHandle.running(
                Program.LEARNER, settings, cluster.directory().resolve(application + ".log"))) {
            handle.await(Event.RUNNING);
            CountDownLatch warm = new CountDownLatch(rows.size());
            CompletableFuture<Long> begin = new CompletableFuture<>();
            List<CompletableFuture<long[]>> readers = new ArrayList<>();
            for (LatencyRow row : rows) {
                readers.add(CompletableFuture.supplyAsync(
                        () -> read(config, row, warm, begin), task -> new Thread(task, row.name()).start()));
            }
            send(config, warm, begin);
            for (int i = 0; i < rows.size(); i++) {
                report(rows.get(i), readers.get(i).join(), report);
            }
            handle.stop();
        }
        cluster.deleteTopics(application);
    }

    private void send(ThalwegConfig config, CountDownLatch warm, CompletableFuture<Long> beginning) {
        String topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        Workload.RecordValues values = Workload.DENSE.values(cluster.schemas().idFor(topic, Example.getClassSchema()));
        Map<String, Object> settings = new KafkaSettings(config).writer();
        // measures the time of the learner, not of the sender
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "none");
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
            for (int i = 0; i < atOnce; i++) {
                producer.send(new ProducerRecord<>(topic, Workload.DENSE.key(i), values.next()));
            }
            await(warm);
            long begin = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
            beginning.complete(begin);
            for (int i = 0; i < warmUp + measured; i++) {
                ProducerRecord<byte[], byte[]> record =
                        new ProducerRecord<>(topic, Workload.DENSE.key(i), values.next());
                for (long early = due(begin, i) - System.nanoTime(); early > 0; ) {
                    LockSupport.parkNanos(early);
                    early = due(begin, i) - System.nanoTime();
                }
                producer.send(record);
            }
        }
    }

    private static void await(CountDownLatch warm) {
        try {
            if (!warm.await(PATIENCE.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new StopException(
                        ExitCode.DIED, "the examples for warming up were not predicted within a minute");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static long due(long begin, int number) {
        return begin + number * INTERVAL_NANOS;
    }

    /**
     * Reads the times. There is one partition, and each example has one prediction: the n-th record is the n-th example
     * or its prediction.
     */
    private long[] read(ThalwegConfig config, LatencyRow row, CountDownLatch warm, CompletableFuture<Long> beginning) {
        Map<String, Object> settings = new KafkaSettings(config).reader();
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, row.isolation());
        TopicPartition partition = new TopicPartition(config.getString(row.topic()), 0);
        long[] nanos = new long[measured];
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long last = System.nanoTime();
            for (int number = -atOnce; number < warmUp + measured; ) {
                List<ConsumerRecord<byte[], byte[]>> records =
                        consumer.poll(POLL).records(partition);
                long now = System.nanoTime();
                for (int i = 0; i < records.size(); i++, number++) {
                    if (number >= warmUp) {
                        nanos[number - warmUp] = now - due(beginning.join(), number);
                    }
                }
                if (number >= 0 && number - records.size() < 0) {
                    warm.countDown();
                }
                last = records.isEmpty() ? last : now;
                if (now - last > PATIENCE.toNanos()) {
                    throw new StopException(
                            ExitCode.DIED,
                            "%s: no record has arrived for a minute, after %d of %d"
                                    .formatted(row.name(), atOnce + number, atOnce + warmUp + measured));
                }
            }
        }
        return nanos;
    }

    private static void report(LatencyRow row, long[] nanos, BenchmarkReport report) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        Map<String, Double> shares = new LinkedHashMap<>();
        shares.put("p50", 0.5);
        shares.put("p99", 0.99);
        shares.put("p99.9", 0.999);
        List<String> cells = new ArrayList<>(List.of(row.name()));
        shares.forEach((title, share) -> {
            double millis = MedianRange.quantile(sorted, share) / 1e6;
            report.figure(row.name() + " " + title + " ms", millis);
            cells.add(String.format(Locale.ROOT, "%.1f ms", millis));
        });
        report.add(
                "Time from an example to its prediction, or for a consumer to the example itself, at 1,000 per second",
                List.of("row", "p50", "p99", "p99.9"),
                cells.toArray(String[]::new));
    }
}
