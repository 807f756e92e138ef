package io.thalweg.app.benchmark;

import io.thalweg.app.benchmark.ProcessEvent.Event;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.StopException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Time until a learner with a large model goes on: its successor is started after a clean stop or SIGKILL, or an
 * instance that stood by takes over. Small examples keep coming all the while, so that whoever is killed has a
 * transaction open. The first example that is sent after the end counts as predicted when a reader of what is committed
 * has its prediction.
 */
final class Restore {
    /** As many as fit into an example. */
    private static final int FEATURES_OF_EXAMPLE = 1 << 16;

    private static final int FEATURES_OF_SMALL_EXAMPLE = 16;
    /** So few that what comes before the successor runs is soon learned. A second of them comes before the end. */
    private static final int SMALL_EXAMPLES_PER_SECOND = 500;

    private static final byte[] KEY = "model".getBytes(StandardCharsets.UTF_8);
    private static final Duration POLL = Duration.ofMillis(10);
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final LocalCluster cluster;
    private final Consumer<String> progress;

    /** How the one before ends. */
    enum Ending {
        CLEAN("after a clean stop"),
        KILLED("after kill -9"),
        KILLED_BESIDE_STANDBY("after kill -9 with a standby");

        private final String title;

        Ending(String title) {
            this.title = title;
        }
    }

    /** @param bits the model has two to this power weights, all of which a step has moved */
    record RestoreRow(int bits, Ending ending, boolean quick) {
        String name() {
            return "restore 2^" + bits + " " + ending.title;
        }
    }

    static List<RestoreRow> rows() {
        return List.of(
                new RestoreRow(20, Ending.CLEAN, true),
                new RestoreRow(20, Ending.KILLED, false),
                new RestoreRow(20, Ending.KILLED_BESIDE_STANDBY, false),
                new RestoreRow(24, Ending.CLEAN, false),
                new RestoreRow(24, Ending.KILLED, false),
                new RestoreRow(24, Ending.KILLED_BESIDE_STANDBY, false));
    }

    Restore(LocalCluster cluster, Consumer<String> progress) {
        this.cluster = cluster;
        this.progress = progress;
    }

    void run(List<RestoreRow> rows, BenchmarkReport report) {
        for (RestoreRow row : rows) {
            progress.accept(row.name() + " …");
            run(row, report);
        }
    }

    private void run(RestoreRow row, BenchmarkReport report) {
        String application = "restore-" + row.bits() + "-" + row.ending().ordinal();
        Map<String, String> settings = cluster.settings(application, application + "-examples");
        settings.put(ThalwegConfig.FEATURES_SPACE_BITS, String.valueOf(row.bits()));
        boolean standby = row.ending() == Ending.KILLED_BESIDE_STANDBY;
        if (standby) {
            settings.put("num.standby.replicas", "1");
        }
        ThalwegConfig config = new ThalwegConfig(settings);
        try (CandidateHandle first = start(application, 1, settings);
                CandidateHandle second = standby ? start(application, 2, settings) : null;
                Sender sender = new Sender(config, row.bits());
                PredictionReader reader = new PredictionReader(config)) {
            first.await(Event.RUNNING);
            if (standby) {
                second.await(Event.RUNNING);
            }
            int examples = Math.max(1, (1 << row.bits()) / FEATURES_OF_EXAMPLE);
            for (int i = 0; i < examples; i++) {
                sender.send(i * FEATURES_OF_EXAMPLE, FEATURES_OF_EXAMPLE);
            }
            reader.await(examples);
            sender.keepSending();
            reader.await(examples + SMALL_EXAMPLES_PER_SECOND);
            switch (row.ending()) {
                case CLEAN -> first.stop();
                case KILLED -> {
                    awaitOpenTransaction(application);
                    first.kill();
                }
                case KILLED_BESIDE_STANDBY -> {
                    boolean firstWorks = first.isActive();
                    // waits for the other to have a copy
                    if (second.isActive() == firstWorks) {
                        throw new StopException(ExitCode.DIED, "both instances say that they have the same role");
                    }
                    awaitOpenTransaction(application);
                    (firstWorks ? first : second).kill();
                }
            }
            RestoreTimes times = new RestoreTimes(System.nanoTime());
            times.openTransactions = cluster.openTransactions(application);
            long offset = sender.send(0, FEATURES_OF_SMALL_EXAMPLE);
            if (standby) {
                reader.await(offset + 1);
            } else {
                try (CandidateHandle next = start(application, 3, settings)) {
                    times.restoring = next.await(Event.RUNNING).restoring();
                    times.running = times.seconds();
                    reader.await(offset + 1);
                }
            }
            times.predicted = times.seconds();
            report(row, times, report);
        }
        cluster.deleteTopics(application);
    }

    private void awaitOpenTransaction(String application) {
        long begin = System.nanoTime();
        while (cluster.openTransactions(application) == 0) {
            if (System.nanoTime() - begin > PATIENCE.toNanos()) {
                throw new StopException(ExitCode.DIED, "the learner has no transaction open");
            }
        }
    }

    /** What happened after an end, in seconds since. */
    private static final class RestoreTimes {
        private final long begin;
        private long openTransactions;
        private ProcessEvent.RestoreStats restoring;
        private double running;
        private double predicted;

        RestoreTimes(long begin) {
            this.begin = begin;
        }

        double seconds() {
            return (System.nanoTime() - begin) / 1e9;
        }
    }

    private CandidateHandle start(String application, int number, Map<String, String> settings) {
        return CandidateHandle.learner(settings, cluster.directory().resolve(application + "-" + number + ".log"));
    }

    private static void report(RestoreRow row, RestoreTimes times, BenchmarkReport report) {
        List<String> cells = new ArrayList<>(List.of(row.name(), times.openTransactions > 0 ? "yes" : "no"));
        if (times.restoring == null) {
            cells.addAll(List.of("", "", ""));
        } else {
            report.figure(row.name() + " bytes restored", times.restoring.bytes());
            report.figure(row.name() + " seconds of restoring", times.restoring.seconds());
            report.figure(row.name() + " seconds until it runs", times.running);
            cells.add(BenchmarkReport.megabytes(times.restoring.bytes()));
            cells.add(seconds(times.restoring.seconds()));
            cells.add(seconds(times.running));
        }
        report.figure(row.name() + " seconds until the first committed prediction", times.predicted);
        cells.add(seconds(times.predicted));
        report.add(
                "Until a model goes on",
                List.of("row", "open transaction", "changelog", "read in", "runs", "first committed prediction"),
                cells.toArray(String[]::new));
    }

    private static String seconds(double seconds) {
        return String.format(Locale.ROOT, "%.1f s", seconds);
    }

    /** Sends examples of features in a row. */
    private final class Sender implements AutoCloseable {
        private final String topic;
        private final byte[] header;
        private final int space;
        private final Producer<byte[], byte[]> producer;
        private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
        private int next;

        Sender(ThalwegConfig config, int bits) {
            topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
            int schemaId = cluster.schemas().idFor(topic, Example.getClassSchema());
            header = ByteBuffer.allocate(5).putInt(1, schemaId).array();
            space = 1 << bits;
            producer = new KafkaProducer<>(new KafkaSettings(config).writer());
        }

        /** Sends small examples from now on, all over the model. */
        void keepSending() {
            clock.scheduleAtFixedRate(
                    () -> {
                        producer.send(record(next, FEATURES_OF_SMALL_EXAMPLE));
                        // any odd stride comes by everywhere
                        next = next + 0x9e3779b1 & space - FEATURES_OF_SMALL_EXAMPLE;
                    },
                    0,
                    TimeUnit.SECONDS.toNanos(1) / SMALL_EXAMPLES_PER_SECOND,
                    TimeUnit.NANOSECONDS);
        }

        /**
         * Sends an example at once.
         *
         * @param from the first feature
         * @return its offset: how many there are before it
         */
        long send(int from, int features) {
            Future<RecordMetadata> sent = producer.send(record(from, Math.min(features, space)));
            producer.flush();
            try {
                return sent.get().offset();
            } catch (ExecutionException e) {
                throw new StopException(
                        ExitCode.NOT_READY, "topic " + topic + " does not take an example: " + e.getCause());
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        private ProducerRecord<byte[], byte[]> record(int from, int features) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(64 + 16 * features);
            bytes.writeBytes(header);
            BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
            try {
                encoder.writeIndex(0);
                encoder.writeIndex(1);
                encoder.writeDouble(1);
                encoder.writeDouble(1);
                encoder.writeIndex(2);
                encoder.writeArrayStart();
                encoder.setItemCount(features);
                for (int i = 0; i < features; i++) {
                    encoder.startItem();
                    encoder.writeInt(from + i);
                }
                encoder.writeArrayEnd();
                encoder.writeArrayStart();
                encoder.setItemCount(features);
                for (int i = 0; i < features; i++) {
                    encoder.startItem();
                    // all different, so that they are as hard to compress as weights are
                    encoder.writeDouble(StrictMath.sin(from + i + 1.0) / features);
                }
                encoder.writeArrayEnd();
                encoder.flush();
            } catch (IOException e) {
                throw new UncheckedIOException("writing to memory", e);
            }
            return new ProducerRecord<>(topic, KEY, bytes.toByteArray());
        }

        @Override
        public void close() {
            clock.shutdownNow();
            producer.close();
        }
    }

    /**
     * Waits for committed predictions. Each example has one, and there is one partition: the n-th is that of the
     * n-th example.
     */
    private static final class PredictionReader implements AutoCloseable {
        private final KafkaConsumer<byte[], byte[]> consumer;
        private long count;

        PredictionReader(ThalwegConfig config) {
            TopicPartition partition = new TopicPartition(OutputTopic.PREDICTIONS.nameIn(config), 0);
            consumer = new KafkaConsumer<>(new KafkaSettings(config).reader());
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
        }

        /** @param predictions how many, from the first */
        void await(long predictions) {
            long begin = System.nanoTime();
            while (count < predictions) {
                count += consumer.poll(POLL).count();
                if (System.nanoTime() - begin > PATIENCE.toNanos()) {
                    throw new StopException(
                            ExitCode.DIED, "a prediction has not come within %d s".formatted(PATIENCE.toSeconds()));
                }
            }
        }

        @Override
        public void close() {
            consumer.close();
        }
    }
}
