package io.thalweg.app.benchmark;

import io.thalweg.app.benchmark.Candidate.Program;
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
 * Measures the time until a learner with a large model, or with many events that wait for their labels, resumes: its
 * successor is started after a clean stop or SIGKILL, or a standby instance takes over. Small examples are sent all the
 * time, so that a learner that is killed has an open transaction. The time ends when a read_committed consumer has the
 * prediction of the first example that was sent after the end of the learner.
 */
final class Restore {
    /** The number of features of a large example: as many as fit. */
    private static final int FEATURES_OF_EXAMPLE = 1 << 16;

    private static final int FEATURES_OF_SMALL_EXAMPLE = 16;
    /** How many events wait for their labels. */
    private static final int WAITING = 1_000_000;

    /**
     * Small enough that the examples sent before the successor runs are soon processed. They are sent for a second
     * before the learner ends.
     */
    private static final int SMALL_EXAMPLES_PER_SECOND = 500;

    private static final byte[] KEY = "model".getBytes(StandardCharsets.UTF_8);
    private static final Duration POLL = Duration.ofMillis(10);
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final LocalCluster cluster;
    private final Consumer<String> progress;

    /** How the first learner ends. */
    enum Ending {
        CLEAN("after a clean stop"),
        KILLED("after kill -9"),
        KILLED_BESIDE_STANDBY("after kill -9 with a standby");

        private final String title;

        Ending(String title) {
            this.title = title;
        }
    }

    /**
     * A row of the report.
     *
     * @param bits the model has two to the power of this many weights, each of which a step has changed; 0 if events
     *     wait instead
     */
    record RestoreRow(Program program, int bits, Ending ending, boolean quick) {
        static RestoreRow ofModel(int bits, Ending ending, boolean quick) {
            return new RestoreRow(Program.LEARNER, bits, ending, quick);
        }

        static RestoreRow ofWaiting(Program program) {
            return new RestoreRow(program, 0, Ending.KILLED, false);
        }

        String name() {
            return bits > 0
                    ? "restore 2^" + bits + " " + ending.title
                    : "restore waiting " + program.title() + " " + ending.title;
        }
    }

    static List<RestoreRow> rows() {
        return List.of(
                RestoreRow.ofModel(20, Ending.CLEAN, true),
                RestoreRow.ofModel(20, Ending.KILLED, false),
                RestoreRow.ofModel(20, Ending.KILLED_BESIDE_STANDBY, false),
                RestoreRow.ofModel(24, Ending.CLEAN, false),
                RestoreRow.ofModel(24, Ending.KILLED, false),
                RestoreRow.ofModel(24, Ending.KILLED_BESIDE_STANDBY, false),
                RestoreRow.ofWaiting(Program.LEARNER),
                RestoreRow.ofWaiting(Program.ROCKSDB_EVENTS),
                RestoreRow.ofWaiting(Program.ROCKSDB_TRANSACTIONAL));
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
        String application = "restore-" + row.bits() + "-" + row.program().title() + "-"
                + row.ending().ordinal();
        Map<String, String> settings = cluster.settings(
                application,
                application + "-examples",
                row.bits() > 0
                        ? Map.of(ThalwegConfig.FEATURES_SPACE_BITS, String.valueOf(row.bits()))
                        : Workload.DENSE_LATE.settings());
        boolean standby = row.ending() == Ending.KILLED_BESIDE_STANDBY;
        if (standby) {
            settings.put("num.standby.replicas", "1");
        }
        ThalwegConfig config = new ThalwegConfig(settings);
        try (CandidateHandle first = start(row, application, 1, settings);
                CandidateHandle second = standby ? start(row, application, 2, settings) : null;
                Sender sender =
                        new Sender(config, row.bits() > 0 ? new LargeModel(row.bits()) : new UnlabeledEvents());
                PredictionReader reader = new PredictionReader(config)) {
            first.await(Event.RUNNING);
            if (standby) {
                second.await(Event.RUNNING);
            }
            int examples = sender.fill();
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
                    // this waits until the other has a copy
                    if (second.isActive() == firstWorks) {
                        throw new StopException(ExitCode.DIED, "both instances say that they have the same role");
                    }
                    awaitOpenTransaction(application);
                    (firstWorks ? first : second).kill();
                }
            }
            RestoreTimes times = new RestoreTimes(System.nanoTime());
            times.openTransactions = cluster.openTransactions(application);
            long offset = sender.send();
            if (standby) {
                reader.await(offset + 1);
            } else {
                try (CandidateHandle next = start(row, application, 3, settings)) {
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

    /** The times of events after the end of a learner, in seconds. */
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

    private CandidateHandle start(RestoreRow row, String application, int number, Map<String, String> settings) {
        return CandidateHandle.running(
                row.program(), settings, cluster.directory().resolve(application + "-" + number + ".log"));
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
                "Time until a model resumes",
                List.of("row", "open transaction", "changelog", "read in", "runs", "first committed prediction"),
                cells.toArray(String[]::new));
    }

    private static String seconds(double seconds) {
        return String.format(Locale.ROOT, "%.1f s", seconds);
    }

    /** The values of the examples that are sent, in Avro without a header. */
    private interface ExampleValues {
        /** How many examples come first, so that there is much to restore. */
        int filling();

        /** Returns one of those. */
        byte[] filling(int number, byte[] header);

        /** Returns one of those that are sent all the time. */
        byte[] next(byte[] header);
    }

    /** Examples with consecutive features, which give a large model all of its weights. */
    private static final class LargeModel implements ExampleValues {
        private final int space;
        private int next;

        LargeModel(int bits) {
            space = 1 << bits;
        }

        @Override
        public int filling() {
            return Math.max(1, space / FEATURES_OF_EXAMPLE);
        }

        @Override
        public byte[] filling(int number, byte[] header) {
            return value(number * FEATURES_OF_EXAMPLE, Math.min(FEATURES_OF_EXAMPLE, space), header);
        }

        /** Returns a small example. The features of many are spread over the whole model. */
        @Override
        public byte[] next(byte[] header) {
            byte[] value = value(next, FEATURES_OF_SMALL_EXAMPLE, header);
            // any odd stride reaches every feature
            next = next + 0x9e3779b1 & space - FEATURES_OF_SMALL_EXAMPLE;
            return value;
        }

        private static byte[] value(int from, int features, byte[] header) {
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
                    // all values are different, so that they are as hard to compress as weights
                    encoder.writeDouble(StrictMath.sin(from + i + 1.0) / features);
                }
                encoder.writeArrayEnd();
                encoder.flush();
            } catch (IOException e) {
                throw new UncheckedIOException("writing to memory", e);
            }
            return bytes.toByteArray();
        }
    }

    /** Events whose labels do not come. */
    private static final class UnlabeledEvents implements ExampleValues {
        private Workload.RecordValues values;

        @Override
        public int filling() {
            return WAITING;
        }

        @Override
        public byte[] filling(int number, byte[] header) {
            return next(header);
        }

        @Override
        public byte[] next(byte[] header) {
            if (values == null) {
                values = Workload.DENSE_LATE.values(ByteBuffer.wrap(header).getInt(1));
            }
            return values.next();
        }
    }

    /** A sender of examples. */
    private final class Sender implements AutoCloseable {
        private final String topic;
        private final byte[] header;
        private final ExampleValues values;
        private final Producer<byte[], byte[]> producer;
        private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();

        Sender(ThalwegConfig config, ExampleValues values) {
            this.values = values;
            topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
            int schemaId = cluster.schemas().idFor(topic, Example.getClassSchema());
            header = ByteBuffer.allocate(5).putInt(1, schemaId).array();
            producer = new KafkaProducer<>(new KafkaSettings(config).writer());
        }

        /** Sends those examples after which there is much to restore. @return how many there are */
        int fill() {
            for (int i = 0; i < values.filling(); i++) {
                producer.send(record(values.filling(i, header)));
            }
            producer.flush();
            return values.filling();
        }

        /** Starts sending small examples. */
        void keepSending() {
            clock.scheduleAtFixedRate(
                    () -> producer.send(nextRecord()),
                    0,
                    TimeUnit.SECONDS.toNanos(1) / SMALL_EXAMPLES_PER_SECOND,
                    TimeUnit.NANOSECONDS);
        }

        /**
         * Sends an example immediately.
         *
         * @return its offset, which is how many examples precede it
         */
        long send() {
            Future<RecordMetadata> sent = producer.send(nextRecord());
            producer.flush();
            try {
                return sent.get().offset();
            } catch (ExecutionException e) {
                throw new StopException(
                        ExitCode.NOT_READY, "topic " + topic + " does not accept an example: " + e.getCause());
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        /** The clock and the caller take turns. */
        private synchronized ProducerRecord<byte[], byte[]> nextRecord() {
            return record(values.next(header));
        }

        private ProducerRecord<byte[], byte[]> record(byte[] value) {
            return new ProducerRecord<>(topic, KEY, value);
        }

        @Override
        public void close() {
            clock.shutdownNow();
            producer.close();
        }
    }

    /**
     * A reader that waits for committed predictions. There is one partition, and each example has one prediction, so
     * the n-th prediction is for the n-th example.
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

        /** @param predictions how many predictions to wait for, from the first */
        void await(long predictions) {
            long begin = System.nanoTime();
            while (count < predictions) {
                count += consumer.poll(POLL).count();
                if (System.nanoTime() - begin > PATIENCE.toNanos()) {
                    throw new StopException(
                            ExitCode.DIED, "a prediction did not arrive within %d s".formatted(PATIENCE.toSeconds()));
                }
            }
        }

        @Override
        public void close() {
            consumer.close();
        }
    }
}
