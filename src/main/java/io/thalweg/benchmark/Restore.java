package io.thalweg.benchmark;

import io.thalweg.avro.Example;
import io.thalweg.benchmark.Contestant.Program;
import io.thalweg.benchmark.ContestantProcess.Limits;
import io.thalweg.benchmark.Mark.Event;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.StopException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Time until a learner with a large model goes on: its successor is started after a clean stop or SIGKILL, or an instance that stood
 * by takes over. An example is sent at once, and counts as predicted when a reader of what is committed has its prediction.
 */
final class Restore {
    /** As many as fit into an example. */
    private static final int FEATURES_OF_EXAMPLE = 1 << 16;

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
    record Row(int bits, Ending ending, boolean quick) {
        String name() {
            return "restore 2^" + bits + " " + ending.title;
        }
    }

    static List<Row> rows() {
        return List.of(
                new Row(20, Ending.CLEAN, true),
                new Row(20, Ending.KILLED, false),
                new Row(20, Ending.KILLED_BESIDE_STANDBY, false),
                new Row(24, Ending.CLEAN, false),
                new Row(24, Ending.KILLED, false),
                new Row(24, Ending.KILLED_BESIDE_STANDBY, false));
    }

    Restore(LocalCluster cluster, Consumer<String> progress) {
        this.cluster = cluster;
        this.progress = progress;
    }

    void run(List<Row> rows, Report report) {
        for (Row row : rows) {
            progress.accept(row.name() + " …");
            run(row, report);
        }
    }

    private void run(Row row, Report report) {
        String application = "restore-" + row.bits() + "-" + row.ending().ordinal();
        Map<String, String> settings = cluster.settings(application, application + "-examples");
        settings.put(ThalwegConfig.FEATURES_SPACE_BITS, String.valueOf(row.bits()));
        boolean standby = row.ending() == Ending.KILLED_BESIDE_STANDBY;
        if (standby) {
            settings.put("num.standby.replicas", "1");
        }
        ThalwegConfig config = new ThalwegConfig(settings);
        try (Child first = start(application, 1, settings);
                Child second = standby ? start(application, 2, settings) : null;
                Sender sender = new Sender(config, row.bits());
                Reader reader = new Reader(config)) {
            first.await(Event.RUNNING);
            if (standby) {
                second.await(Event.RUNNING);
            }
            int examples = Math.max(1, (1 << row.bits()) / FEATURES_OF_EXAMPLE);
            for (int i = 0; i < examples; i++) {
                sender.send(i * FEATURES_OF_EXAMPLE);
            }
            reader.await(examples);
            switch (row.ending()) {
                case CLEAN -> first.stop();
                case KILLED -> first.kill();
                case KILLED_BESIDE_STANDBY -> {
                    boolean firstWorks = first.isActive();
                    // waits for the other to have a copy
                    if (second.isActive() == firstWorks) {
                        throw new StopException(ExitCode.DIED, "both instances say that they have the same role");
                    }
                    (firstWorks ? first : second).kill();
                }
            }
            long begin = System.nanoTime();
            double running = Double.NaN;
            sender.send(0);
            if (standby) {
                reader.await(1);
            } else {
                try (Child next = start(application, 3, settings)) {
                    next.await(Event.RUNNING);
                    running = secondsSince(begin);
                    reader.await(1);
                }
            }
            report(row, running, secondsSince(begin), report);
        }
        cluster.deleteTopics(application);
    }

    private Child start(String application, int number, Map<String, String> settings) {
        return Child.start(
                Program.LEARNER,
                Limits.NONE,
                settings,
                cluster.directory().resolve(application + "-" + number + ".log"),
                null);
    }

    private static double secondsSince(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }

    private static void report(Row row, double running, double predicted, Report report) {
        if (!Double.isNaN(running)) {
            report.figure(row.name() + " seconds until it runs", running);
        }
        report.figure(row.name() + " seconds until the first committed prediction", predicted);
        report.add(
                "Until a model goes on",
                List.of("row", "runs", "first committed prediction"),
                row.name(),
                Double.isNaN(running) ? "" : String.format(Locale.ROOT, "%.1f s", running),
                String.format(Locale.ROOT, "%.1f s", predicted));
    }

    /** Sends examples of many features in a row. */
    private final class Sender implements AutoCloseable {
        private final String topic;
        private final byte[] header;
        private final int features;
        private final Producer<byte[], byte[]> producer;

        Sender(ThalwegConfig config, int bits) {
            topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
            int schemaId = cluster.schemas().idFor(topic, Example.getClassSchema());
            header = ByteBuffer.allocate(5).putInt(1, schemaId).array();
            features = Math.min(FEATURES_OF_EXAMPLE, 1 << bits);
            producer = new KafkaProducer<>(new KafkaSettings(config).writer());
        }

        /** @param from the first feature */
        void send(int from) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 20);
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
            producer.send(new ProducerRecord<>(topic, KEY, bytes.toByteArray()));
            producer.flush();
        }

        @Override
        public void close() {
            producer.close();
        }
    }

    /** Waits for committed predictions. */
    private static final class Reader implements AutoCloseable {
        private final KafkaConsumer<byte[], byte[]> consumer;
        private long count;
        private long awaited;

        Reader(ThalwegConfig config) {
            TopicPartition partition = new TopicPartition(config.getString(ThalwegConfig.PREDICTIONS_TOPIC), 0);
            consumer = new KafkaConsumer<>(new KafkaSettings(config).reader());
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
        }

        /** @param more than were awaited before */
        void await(int more) {
            awaited += more;
            long begin = System.nanoTime();
            while (count < awaited) {
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
