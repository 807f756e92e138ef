package io.thalweg.demo;

import io.thalweg.audit.Report;
import io.thalweg.audit.Verification;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.local.EmbeddedBroker;
import io.thalweg.local.EmbeddedRegistry;
import io.thalweg.math.ExactFigures;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.ExampleSender;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.OutputReader;
import io.thalweg.runtime.OutputReader.Entry;
import io.thalweg.runtime.StopException;
import io.thalweg.runtime.Topics;
import io.thalweg.runtime.WeightsBoard;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.utils.Utils;

/**
 * The main job from start to end in one process: a real broker, a real registry, 100,000 real flights in the order in which they
 * left, a learner that is asked of each whether it will be late and is then told, and an audit of what came of it.
 */
public final class Demo {
    private static final String MODEL = "late-flights";
    private static final Duration POLL = Duration.ofMillis(100);
    private static final long PATIENCE_NANOS = Duration.ofMinutes(2).toNanos();

    private final Function<Map<String, ?>, ThalwegConfig> settings;
    private final Screen screen;

    /** From the published predictions alone: an independent check of what the learner says of itself. */
    private final ExactFigures figures = new ExactFigures();

    private final WeightsBoard weights = new WeightsBoard();
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
            Report audit) {}

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
            Report audit = new Verification(config, schemas).run(progress -> {});
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
        try (OutputReader<Prediction> predictions =
                        open(config, schemas, ThalwegConfig.PREDICTIONS_TOPIC, Prediction.class);
                OutputReader<DeadLetter> letters =
                        open(config, schemas, ThalwegConfig.DEAD_LETTERS_TOPIC, DeadLetter.class);
                OutputReader<Metrics> metricsReader =
                        open(config, schemas, ThalwegConfig.METRICS_TOPIC, Metrics.class);
                OutputReader<Weights> weights = open(config, schemas, ThalwegConfig.WEIGHTS_TOPIC, Weights.class)) {
            while (!learner.isRunning() && !learner.hasEnded()) {
                predictions.poll(POLL);
            }
            long begin = System.nanoTime();
            long end = begin;
            CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> send(config, schemas));
            while (figures.size() + deadLetters < Flights.COUNT || weightsVersion() < figures.size()) {
                for (Entry<Prediction> entry : predictions.poll(POLL)) {
                    Prediction prediction = value(entry);
                    figures.add(prediction.getLogit(), prediction.getLabel(), 1);
                    end = System.nanoTime();
                }
                deadLetters += letters.poll(Duration.ZERO).size();
                metricsReader.poll(Duration.ZERO).forEach(entry -> screen.point(metrics = value(entry)));
                weights.poll(Duration.ZERO).forEach(this::take);
                if (sending.isCompletedExceptionally()) {
                    sending.join();
                }
                if (learner.hasEnded()) {
                    learner.await();
                }
                if (System.nanoTime() - end > PATIENCE_NANOS) {
                    throw new StopException(
                            ExitCode.DIED,
                            "nothing has moved for two minutes, after " + figures.size() + " predictions");
                }
                screen.show(figures.size(), Flights.COUNT, seconds(begin, System.nanoTime()), metrics, board());
            }
            sending.join();
            screen.last(figures.size(), Flights.COUNT, seconds(begin, end), metrics, board());
            return seconds(begin, end);
        }
    }

    private static <T extends SpecificRecord> OutputReader<T> open(
            ThalwegConfig config, ConfluentSchemas schemas, String setting, Class<T> type) {
        return OutputReader.open(config, schemas, setting, type, null, OutputReader.Start.BEGINNING);
    }

    private static <T> T value(Entry<T> entry) {
        if (entry.problem() != null) {
            throw new StopException(
                    ExitCode.DIED, entry.source().topic() + " holds what cannot be read: " + entry.problem());
        }
        return entry.value();
    }

    private void take(Entry<Weights> entry) {
        weights.take(new String(entry.source().key(), StandardCharsets.UTF_8), value(entry));
    }

    private WeightsBoard.Board board() {
        return weights.size() == 0 ? null : weights.latest(1).get(0);
    }

    private long weightsVersion() {
        return weights.size() == 0 ? 0 : board().version();
    }

    private static double seconds(long from, long to) {
        return (to - from) / 1e9;
    }

    private static void send(ThalwegConfig config, ConfluentSchemas schemas) {
        try (ExampleSender sender = ExampleSender.open(config, schemas);
                Stream<Flight> flights = Flights.stream()) {
            flights.forEachOrdered(
                    flight -> sender.send(MODEL, new Example(flight.id(), flight.label(), 1.0, flight.features())));
            sender.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
