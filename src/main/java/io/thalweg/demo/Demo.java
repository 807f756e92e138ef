package io.thalweg.demo;

import io.thalweg.audit.Verification;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.local.EmbeddedBroker;
import io.thalweg.local.EmbeddedRegistry;
import io.thalweg.output.EmissionReader;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StopException;
import io.thalweg.runtime.Topics;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.avro.message.RawMessageEncoder;
import org.apache.avro.specific.SpecificData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Utils;

/**
 * The main job from start to end in one process: a real broker, a real registry, 100,000 real flights in the order in which they
 * left, a learner that is asked of each whether it will be late and is then told, and an audit of what came of it.
 */
public final class Demo {
    private static final byte[] MODEL = "late-flights".getBytes(StandardCharsets.UTF_8);
    private static final Duration POLL = Duration.ofMillis(100);
    private static final long PATIENCE_NANOS = Duration.ofMinutes(2).toNanos();

    private final Function<Map<String, ?>, ThalwegConfig> settings;
    private final Screen screen;

    private final Figures figures = new Figures();
    private final StrongestWeights strongest = new StrongestWeights();
    private Metrics metrics;
    private int deadLetters;

    /**
     * What came of it.
     *
     * @param examples how many were sent
     * @param seconds from the first example sent to the last prediction read
     */
    public record Result(
            int examples,
            int predictions,
            int deadLetters,
            double logLoss,
            double baseRateLogLoss,
            double accuracy,
            double auc,
            double seconds,
            Verification.Report audit) {}

    /** @param settings gives the settings, over those that the demo begins with */
    public Demo(Function<Map<String, ?>, ThalwegConfig> settings, Screen screen) {
        this.settings = settings;
        this.screen = screen;
    }

    /** Runs it. @throws StopException if it cannot go on */
    public Result run() throws IOException {
        Path directory = Files.createTempDirectory("thalweg-demo-");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory.toFile()), "demo-clean-up"));
        screen.say("starting a Kafka broker, a schema registry and the learner …");
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0);
                EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0)) {
            Map<String, Object> defaults = new LinkedHashMap<>();
            defaults.put(ThalwegConfig.APPLICATION_ID, "thalweg-demo");
            defaults.put(ThalwegConfig.BOOTSTRAP_SERVERS, broker.bootstrapServers());
            defaults.put(ThalwegConfig.REGISTRY_URL, registry.url());
            // so that the table moves
            defaults.put(ThalwegConfig.WEIGHTS_INTERVAL_MS, 250);
            return run(settings.apply(defaults));
        } finally {
            delete(directory.toFile());
        }
    }

    private static void delete(File directory) {
        try {
            Utils.delete(directory);
        } catch (IOException e) {
            // a temporary directory; the system clears it some day
        }
    }

    private Result run(ThalwegConfig config) {
        try (ConfluentSchemas schemas = new ConfluentSchemas(
                        config.registry(), Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS)));
                Admin admin = KafkaSettings.admin(config)) {
            new Topics(config, admin).create();
            double seconds;
            try (LearnerRuntime learner = LearnerRuntime.start(config, schemas, schemas)) {
                seconds = follow(config, schemas, learner);
            }
            screen.say("verifying: replaying every example from the topics …");
            Verification.Report audit = new Verification(config, schemas).run(progress -> {});
            return new Result(
                    Flights.COUNT,
                    figures.size(),
                    deadLetters,
                    figures.logLoss(),
                    figures.baseRateLogLoss(),
                    figures.accuracy(),
                    figures.auc(),
                    seconds,
                    audit);
        }
    }

    /** Sends the flights and reads what comes of them. @return seconds from the first example to the last prediction */
    private double follow(ThalwegConfig config, ConfluentSchemas schemas, LearnerRuntime learner) {
        EmissionReader<Prediction> predictions = new EmissionReader<>(schemas, Prediction.getClassSchema());
        EmissionReader<Weights> weights = new EmissionReader<>(schemas, Weights.getClassSchema());
        EmissionReader<Metrics> metricsReader = new EmissionReader<>(schemas, Metrics.getClassSchema());
        String predictionsTopic = config.getString(ThalwegConfig.PREDICTIONS_TOPIC);
        String weightsTopic = config.getString(ThalwegConfig.WEIGHTS_TOPIC);
        String metricsTopic = config.getString(ThalwegConfig.METRICS_TOPIC);
        String deadLettersTopic = config.getString(ThalwegConfig.DEAD_LETTERS_TOPIC);

        try (KafkaConsumer<byte[], byte[]> reader = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            List<TopicPartition> all = Stream.of(predictionsTopic, weightsTopic, metricsTopic, deadLettersTopic)
                    .flatMap(topic -> reader.partitionsFor(topic).stream())
                    .map(info -> new TopicPartition(info.topic(), info.partition()))
                    .toList();
            reader.assign(all);
            reader.seekToBeginning(all);

            long begin = System.nanoTime();
            long end = begin;
            long progress = begin;
            CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> send(config, schemas));
            while (figures.size() + deadLetters < Flights.COUNT || strongest.version() < figures.size()) {
                for (ConsumerRecord<byte[], byte[]> record : reader.poll(POLL)) {
                    progress = System.nanoTime();
                    if (record.topic().equals(predictionsTopic)) {
                        figures.add(predictions.read(record.value()));
                        end = progress;
                    } else if (record.topic().equals(weightsTopic)) {
                        if (record.value() != null) {
                            strongest.add(weights.read(record.value()));
                        }
                    } else if (record.topic().equals(metricsTopic)) {
                        metrics = metricsReader.read(record.value());
                        screen.point(metrics);
                    } else {
                        deadLetters++;
                    }
                }
                if (sending.isCompletedExceptionally()) {
                    sending.join();
                }
                if (learner.hasEnded()) {
                    learner.await();
                }
                if (System.nanoTime() - progress > PATIENCE_NANOS) {
                    throw new StopException(
                            ExitCode.DIED,
                            "nothing has moved for two minutes, after " + figures.size() + " predictions");
                }
                screen.show(figures.size(), Flights.COUNT, (System.nanoTime() - begin) / 1e9, metrics, strongest);
            }
            sending.join();
            double seconds = (end - begin) / 1e9;
            screen.last(figures.size(), Flights.COUNT, seconds, metrics, strongest);
            return seconds;
        } catch (IOException e) {
            throw new StopException(ExitCode.DIED, "an output topic holds what cannot be read: " + e.getMessage());
        }
    }

    private static void send(ThalwegConfig config, ConfluentSchemas schemas) {
        String topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        int schemaId = schemas.idFor(topic, Example.getClassSchema());
        RawMessageEncoder<Example> encoder =
                new RawMessageEncoder<>(SpecificData.get(), Example.getClassSchema(), true);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config).writer());
                Stream<Flight> flights = Flights.stream()) {
            flights.forEachOrdered(flight -> {
                Example example = new Example(flight.id(), flight.label(), 1.0, flight.features());
                try {
                    ByteBuffer avro = encoder.encode(example);
                    ByteBuffer value = ByteBuffer.allocate(5 + avro.remaining());
                    value.put((byte) 0).putInt(schemaId).put(avro);
                    producer.send(new ProducerRecord<>(topic, MODEL, value.array()));
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
