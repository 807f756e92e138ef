package io.thalweg.app.demo;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import io.thalweg.math.ExactMetrics;
import io.thalweg.output.OutputTopic;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.ExampleSender;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.OutputReader;
import io.thalweg.runtime.OutputReader.Entry;
import io.thalweg.runtime.StopException;
import io.thalweg.runtime.Topics;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.utils.Utils;

/**
 * The demo: a Kafka broker, a schema registry and two learners in one process. The learners read 100,000 real flights
 * in the order of departure. Each predicts whether a flight will be late before it learns whether it was. At the end
 * both are verified. One learner is {@code sgd}, the other {@code auto}. They read the same examples and write to
 * topics of their own.
 */
public final class Demo {
    private static final String MODEL = "late-flights";
    private static final List<Algorithm> ALGORITHMS = List.of(Algorithm.SGD, Algorithm.AUTO);
    private static final Duration POLL = Duration.ofMillis(50);
    private static final long PATIENCE_NANOS = Duration.ofMinutes(2).toNanos();

    private final Function<Map<String, ?>, ThalwegConfig> settings;
    private final Screen screen;
    private final int examples;

    /**
     * The result of the demo.
     *
     * @param examples how many examples were sent
     * @param learners the results of the learners by algorithm: sgd, then auto
     */
    public record Result(int examples, Map<Algorithm, Learned> learners) {
        /** Whether both learners predicted every example, and both replays match. */
        public boolean isComplete() {
            return learners.values().stream()
                    .allMatch(learned -> learned.predictions == examples && learned.audit.replayMatches());
        }

        /** A sentence that says which learner is ahead, and by how much. */
        public String lead() {
            Map<Algorithm, Double> losses = new LinkedHashMap<>();
            learners.forEach((algorithm, learned) -> losses.put(algorithm, learned.logLoss));
            return Screen.lead(losses);
        }
    }

    /**
     * The result of one learner. Everything except the audit is computed from the predictions that it published.
     *
     * @param seconds the time from the first example sent to the last prediction read
     */
    public record Learned(
            int predictions,
            int deadLetters,
            double logLoss,
            double baseRateLogLoss,
            double accuracy,
            double auc,
            double calibration,
            double seconds,
            VerificationReport audit) {}

    /** @param settings creates the settings from the defaults of the demo, which they override */
    public Demo(Function<Map<String, ?>, ThalwegConfig> settings, Screen screen) {
        this(settings, screen, Flights.COUNT);
    }

    /** @param examples how many of the flights to send */
    Demo(Function<Map<String, ?>, ThalwegConfig> settings, Screen screen, int examples) {
        this.settings = settings;
        this.screen = screen;
        this.examples = examples;
    }

    /**
     * Runs the demo.
     *
     * @throws StopException if it cannot continue
     */
    public Result run() throws IOException {
        Path directory = Files.createTempDirectory("thalweg-demo-");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory.toFile()), "demo-clean-up"));
        screen.say("starting a Kafka broker, a schema registry and two learners, sgd and auto …");
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0);
                EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0)) {
            Map<String, Object> defaults = new LinkedHashMap<>();
            defaults.put(ThalwegConfig.APPLICATION_ID, "thalweg-demo");
            defaults.put(ThalwegConfig.BOOTSTRAP_SERVERS, broker.bootstrapServers());
            defaults.put(ThalwegConfig.REGISTRY_URL, registry.url());
            // often, so that the table is always up to date
            defaults.put(ThalwegConfig.WEIGHTS_INTERVAL_MS, 250);
            // the demo always uses its own broker and registry, even if others are set
            return run(settings.apply(defaults)
                    .with(ThalwegConfig.BOOTSTRAP_SERVERS, broker.bootstrapServers())
                    .with(ThalwegConfig.REGISTRY_URL, registry.url()));
        } finally {
            delete(directory.toFile());
        }
    }

    private static void delete(File directory) {
        try {
            Utils.delete(directory);
        } catch (IOException e) {
            // it is a temporary directory, which the system will delete at some point
        }
    }

    private Result run(ThalwegConfig config) {
        passedOver(config).forEach(screen::say);
        try (ConfluentSchemas schemas = new ConfluentSchemas(
                        config.registry(), Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS)));
                Admin admin = KafkaSettings.admin(config)) {
            List<Lane> lanes = new ArrayList<>();
            for (Algorithm algorithm : ALGORITHMS) {
                ThalwegConfig own = own(config, algorithm);
                new Topics(own, admin).create();
                lanes.add(new Lane(own, schemas, new DemoLearner(algorithm, examples, Screen.POINTS)));
            }
            try {
                lanes.forEach(Lane::start);
                follow(lanes, () -> send(config, schemas));
            } finally {
                lanes.forEach(Lane::close);
            }
            screen.say("verifying both learners: replaying every example from the topics …");
            Map<Algorithm, Learned> learners = new LinkedHashMap<>();
            lanes.forEach(lane -> learners.put(lane.demoLearner.algorithm(), lane.learned()));
            return new Result(examples, learners);
        }
    }

    /** Messages about settings that have no effect, one line for each. */
    static List<String> passedOver(ThalwegConfig config) {
        List<String> lines = new ArrayList<>();
        if (config.isGiven(ThalwegConfig.ALGORITHM)) {
            lines.add("algorithm = " + config.algorithm()
                    + " is ignored: the demo sets it, sgd for one learner and auto for the other");
        }
        String unused = ThalwegConfig.unusedBy(Algorithm.SGD).stream()
                .filter(ThalwegConfig.unusedBy(Algorithm.AUTO)::contains)
                .filter(config::isGiven)
                .collect(Collectors.joining(", "));
        if (!unused.isEmpty()) {
            lines.add("also ignored, because neither learner uses them: " + unused);
        }
        return lines;
    }

    /**
     * The settings of one learner, with an application id and output topics of its own. The output topics of
     * {@code sgd} have their plain names. Settings that the algorithm does not accept are left out, so settings of the
     * step are for {@code sgd} only.
     */
    static ThalwegConfig own(ThalwegConfig config, Algorithm algorithm) {
        Map<String, Object> own = new LinkedHashMap<>(config.originals());
        own.keySet().removeAll(ThalwegConfig.unusedBy(algorithm));
        own.put(ThalwegConfig.ALGORITHM, algorithm.toString());
        own.put(ThalwegConfig.APPLICATION_ID, config.getString(ThalwegConfig.APPLICATION_ID) + "-" + algorithm);
        if (algorithm != Algorithm.SGD) {
            for (OutputTopic output : OutputTopic.of(config)) {
                own.put(output.setting(), algorithm + "-" + output.nameIn(config));
            }
        }
        return new ThalwegConfig(own);
    }

    /** A learner, with readers of its output topics. */
    private static final class Lane implements AutoCloseable {
        final ThalwegConfig config;
        final ConfluentSchemas schemas;
        final DemoLearner demoLearner;
        final List<AutoCloseable> open = new ArrayList<>();
        LearnerRuntime learner;
        OutputReader<Prediction> predictions;
        OutputReader<DeadLetter> letters;
        OutputReader<Metrics> metrics;
        OutputReader<Weights> weights;
        long begin;
        /** When the last prediction was read. */
        long end;

        Lane(ThalwegConfig config, ConfluentSchemas schemas, DemoLearner demoLearner) {
            this.config = config;
            this.schemas = schemas;
            this.demoLearner = demoLearner;
        }

        void start() {
            learner = LearnerRuntime.start(config, schemas, schemas);
            open.add(learner);
            predictions = reader(OutputTopic.PREDICTIONS, Prediction.class);
            letters = reader(OutputTopic.DEAD_LETTERS, DeadLetter.class);
            metrics = reader(OutputTopic.METRICS, Metrics.class);
            weights = reader(OutputTopic.WEIGHTS, Weights.class);
        }

        private <T extends SpecificRecord> OutputReader<T> reader(OutputTopic topic, Class<T> type) {
            OutputReader<T> reader =
                    OutputReader.open(config, schemas, topic, type, null, OutputReader.Start.BEGINNING);
            open.add(reader);
            return reader;
        }

        void begin(long now) {
            begin = now;
            end = now;
        }

        /**
         * Reads the outputs that have arrived.
         *
         * @param patience how long to wait for predictions
         * @param more how long to wait for each of the other outputs
         * @throws StopException if the learner has ended, or no prediction arrives for too long
         */
        void read(Duration patience, Duration more) {
            for (Entry<Prediction> entry : predictions.poll(patience)) {
                demoLearner.take(value(entry));
                end = System.nanoTime();
            }
            demoLearner.takeDeadLetters(letters.poll(more).size());
            metrics.poll(more).forEach(entry -> demoLearner.take(value(entry)));
            for (Entry<Weights> entry : weights.poll(more)) {
                demoLearner.take(new String(entry.source().key(), StandardCharsets.UTF_8), value(entry));
            }
            if (learner.hasEnded()) {
                learner.await();
            }
            if (System.nanoTime() - end > PATIENCE_NANOS) {
                throw new StopException(
                        ExitCode.DIED,
                        "no prediction has arrived for two minutes, after %d from %s"
                                .formatted(demoLearner.exact().size(), demoLearner.algorithm()));
            }
        }

        Learned learned() {
            VerificationReport audit = new Verification(config, schemas).run(progress -> {});
            ExactMetrics exact = demoLearner.exact();
            return new Learned(
                    exact.size(),
                    demoLearner.deadLetters(),
                    exact.logLoss(),
                    exact.baseRateLogLoss(),
                    exact.accuracy(),
                    exact.auc(),
                    exact.calibration(),
                    (end - begin) / 1e9,
                    audit);
        }

        /** Stops the learner, then the readers. */
        @Override
        public void close() {
            open.forEach(each -> Utils.closeQuietly(each, "the demo's " + demoLearner.algorithm()));
        }
    }

    /** Starts sending the examples, and reads the outputs until all of them have arrived. */
    private void follow(List<Lane> lanes, Runnable sending) {
        while (!lanes.stream().allMatch(lane -> lane.learner.isRunning() || lane.learner.hasEnded())) {
            lanes.get(0).predictions.poll(POLL);
        }
        List<DemoLearner> demoLearners =
                lanes.stream().map(lane -> lane.demoLearner).toList();
        long begin = System.nanoTime();
        lanes.forEach(lane -> lane.begin(begin));
        CompletableFuture<Void> sent = CompletableFuture.runAsync(sending);
        while (!demoLearners.stream().allMatch(DemoLearner::isComplete)) {
            for (Lane lane : lanes) {
                if (!lane.demoLearner.isComplete()) {
                    lane.read(POLL, Duration.ZERO);
                }
            }
            if (sent.isCompletedExceptionally()) {
                sent.join();
            }
            screen.show(demoLearners, examples, seconds(lanes));
        }
        sent.join();
        // the last metrics were committed with the last predictions
        lanes.forEach(lane -> lane.read(POLL, POLL));
        screen.last(demoLearners, examples, seconds(lanes));
    }

    /** How long each learner has learned, in seconds. */
    private static double[] seconds(List<Lane> lanes) {
        return lanes.stream().mapToDouble(lane -> (lane.end - lane.begin) / 1e9).toArray();
    }

    private static <T> T value(Entry<T> entry) {
        if (entry.problem() != null) {
            throw new StopException(
                    ExitCode.DIED, entry.source().topic() + " has an unreadable record: " + entry.problem());
        }
        return entry.value();
    }

    private void send(ThalwegConfig config, ConfluentSchemas schemas) {
        try (ExampleSender sender = ExampleSender.open(config, schemas);
                Stream<Flight> flights = Flights.stream().limit(examples)) {
            flights.forEachOrdered(
                    flight -> sender.send(MODEL, new Example(flight.id(), flight.label(), 1.0, flight.features())));
            sender.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
