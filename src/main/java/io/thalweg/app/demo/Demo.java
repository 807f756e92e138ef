package io.thalweg.app.demo;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.app.page.PageEndpoints;
import io.thalweg.app.serve.Serving;
import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import io.thalweg.math.ExactMetrics;
import io.thalweg.output.OutputTopic;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.registry.Registry;
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
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.StreamsConfig;
import org.jspecify.annotations.Nullable;

/**
 * The demo: a Kafka broker, a schema registry and two learners in one process. The learners read 100,000 real flights
 * in the order of departure. Each predicts whether a flight will be late before it learns whether it was. At the end
 * both are verified. One learner is {@code sgd}, the other {@code auto}. They read the same examples and write to
 * topics of their own.
 *
 * <p>Then two others do it as in real life: whether a flight is late is known when it lands. Departures are events, and
 * landings are labels on a topic of their own.
 */
public final class Demo {
    private static final String MODEL = "late-flights";
    private static final List<Algorithm> ALGORITHMS = List.of(Algorithm.SGD, Algorithm.AUTO);
    /** The learner that can be looked at in a browser. */
    private static final Algorithm SERVED = Algorithm.AUTO;

    private static final Duration POLL = Duration.ofMillis(50);
    private static final long PATIENCE_NANOS = Duration.ofMinutes(2).toNanos();

    private final Function<Map<String, ?>, ThalwegConfig> settings;
    private final Screen screen;
    private final int examples;
    /** How many flights were in the air at most, once all are sent. */
    private volatile int mostInTheAir;

    /** How long a flight waits for its landing: none was later than that. */
    private static final Duration WAIT = Duration.ofDays(3);

    private static final Schema LANDING = SchemaBuilder.record("Landing")
            .namespace("io.thalweg.demo")
            .fields()
            .requiredString("flight")
            .requiredInt("delay")
            .endRecord();

    /**
     * The result of the demo.
     *
     * @param examples how many examples were sent
     * @param learners the results of the learners by algorithm: sgd, then auto
     * @param late the results of the learners whose labels come when the flights land
     * @param mostInTheAir how many flights were in the air at most
     */
    public record Result(
            int examples, Map<Algorithm, Learned> learners, Map<Algorithm, Learned> late, int mostInTheAir) {
        /** Whether all learners predicted every example, and all replays match. */
        public boolean isComplete() {
            return Stream.of(learners, late)
                    .flatMap(all -> all.values().stream())
                    .allMatch(learned -> learned.predictions == examples && learned.audit.replayMatches());
        }

        /** Two lines about what it costs that labels come later. */
        public List<String> priceOfLateness() {
            Learned auto = late.get(Algorithm.AUTO);
            Learned sgd = late.get(Algorithm.SGD);
            return List.of(
                    String.format(
                            Locale.ROOT,
                            "Labels at landing, with up to %,d flights in the air: auto has a log loss of %.4f instead"
                                    + " of %.4f, because a label at once also tells how today is going.",
                            mostInTheAir,
                            auto.logLoss,
                            learners.get(Algorithm.AUTO).logLoss),
                    String.format(
                            Locale.ROOT,
                            "sgd has %.4f (base rate %.4f): a learning rate that suits labels at once chases a day that"
                                    + " is over. auto needs no other setting.",
                            sgd.logLoss,
                            sgd.baseRateLogLoss));
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
            int inTime,
            int givenUp,
            long delayP50Ms,
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
     * @param end receives the result
     * @param visit receives the address of a page afterwards, which is there until it returns; null if nobody is there
     *     to look at it
     * @throws StopException if it cannot continue
     */
    public Result run(Consumer<Result> end, @Nullable Consumer<String> visit) throws IOException {
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
            ThalwegConfig config = settings.apply(defaults)
                    .with(ThalwegConfig.BOOTSTRAP_SERVERS, broker.bootstrapServers())
                    .with(ThalwegConfig.REGISTRY_URL, registry.url());
            Result result = run(config);
            end.accept(result);
            if (visit != null) {
                serveAgain(own(config, SERVED), visit);
            }
            return result;
        } finally {
            delete(directory.toFile());
        }
    }

    /** Starts a learner again, which has nothing to learn any more, so that its page can be looked at. */
    private static void serveAgain(ThalwegConfig config, Consumer<String> visit) {
        try (Registry schemas =
                        Registry.of(config, Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS)));
                Serving serving = Serving.start(Serving.onThisMachine(config), schemas, PageEndpoints::new)) {
            visit.accept(serving.url());
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
        Map<Algorithm, Learned> atOnce = run(config, false);
        screen.say("");
        screen.say("the same flights again, as in real life: whether a flight is late is known when it lands …");
        screen.again();
        Map<Algorithm, Learned> late = run(late(config), true);
        return new Result(examples, atOnce, late, mostInTheAir);
    }

    /** The settings of the learners whose labels come later. Their topics have names of their own. */
    private static ThalwegConfig late(ThalwegConfig config) {
        Map<String, Object> late = new LinkedHashMap<>(config.originals());
        late.put(ThalwegConfig.APPLICATION_ID, config.getString(ThalwegConfig.APPLICATION_ID) + "-late");
        late.put(ThalwegConfig.EXAMPLES_TOPIC, "departures");
        late.put(ThalwegConfig.LABELS_TOPIC, "landings");
        late.put(ThalwegConfig.LABELS_ID_FIELD, "flight");
        late.put(ThalwegConfig.LABELS_LABEL, "delay > " + Flights.LATE_MINUTES);
        late.put(ThalwegConfig.LABELS_WAIT_MS, WAIT.toMillis());
        // a day passes within a second: without this, a learner would run ahead of the landings
        late.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, 5000);
        for (OutputTopic output : OutputTopic.values()) {
            late.put(output.setting(), "late-" + output.nameIn(config));
        }
        return new ThalwegConfig(late);
    }

    private Map<Algorithm, Learned> run(ThalwegConfig config, boolean isLate) {
        try (ConfluentSchemas schemas = new ConfluentSchemas(
                        config.registry(), Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS)));
                Admin admin = KafkaSettings.admin(config)) {
            List<Lane> lanes = new ArrayList<>();
            for (Algorithm algorithm : ALGORITHMS) {
                ThalwegConfig own = own(config, algorithm);
                new Topics(own, admin).create();
                lanes.add(new Lane(own, schemas, new DemoLearner(algorithm, examples, Screen.POINTS, isLate)));
            }
            if (isLate) {
                // before a learner starts, so that it can check the mapping
                schemas.idFor(config.getString(ThalwegConfig.LABELS_TOPIC), LANDING);
            }
            try {
                lanes.forEach(Lane::start);
                for (Lane lane : lanes) {
                    if (lane.url != null) {
                        screen.say("%s can be looked at in a browser, while it learns: %s"
                                .formatted(lane.demoLearner.algorithm(), lane.url));
                    }
                }
                follow(lanes, isLate ? () -> sendLate(config, schemas) : () -> send(config, schemas));
            } finally {
                lanes.forEach(Lane::close);
            }
            screen.say("verifying both learners: replaying every example from the topics …");
            Map<Algorithm, Learned> learners = new LinkedHashMap<>();
            lanes.forEach(lane -> learners.put(lane.demoLearner.algorithm(), lane.learned()));
            return learners;
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
        /** The address of the page; null if the learner has none. */
        String url;

        OutputReader<Prediction> predictions;
        OutputReader<DeadLetter> letters;
        OutputReader<Metrics> metrics;
        OutputReader<Weights> weights;
        OutputReader<Outcome> outcomes;
        long delayP50Ms;
        long begin;
        /** When the last prediction was read. */
        long end;

        Lane(ThalwegConfig config, ConfluentSchemas schemas, DemoLearner demoLearner) {
            this.config = config;
            this.schemas = schemas;
            this.demoLearner = demoLearner;
        }

        void start() {
            if (demoLearner.algorithm() == SERVED) {
                Serving serving = Serving.start(Serving.onThisMachine(config), schemas, PageEndpoints::new);
                url = serving.url();
                learner = serving.learner();
                open.add(serving);
            } else {
                learner = LearnerRuntime.start(config, schemas, schemas);
                open.add(learner);
            }
            predictions = reader(OutputTopic.PREDICTIONS, Prediction.class);
            letters = reader(OutputTopic.DEAD_LETTERS, DeadLetter.class);
            metrics = reader(OutputTopic.METRICS, Metrics.class);
            weights = reader(OutputTopic.WEIGHTS, Weights.class);
            if (config.hasLateLabels()) {
                outcomes = reader(OutputTopic.OUTCOMES, Outcome.class);
            }
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
            if (outcomes != null) {
                for (Entry<Outcome> entry : outcomes.poll(more)) {
                    demoLearner.take(value(entry));
                    end = System.nanoTime();
                }
            }
            demoLearner.takeDeadLetters(letters.poll(more).size());
            for (Entry<Metrics> entry : metrics.poll(more)) {
                Metrics record = value(entry);
                demoLearner.take(record);
                if (record.getLabels() != null) {
                    delayP50Ms = record.getLabels().getDelayP50Ms();
                }
            }
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
                    demoLearner.predictions(),
                    demoLearner.deadLetters(),
                    exact.size(),
                    demoLearner.givenUp(),
                    delayP50Ms,
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

    private void sendLate(ThalwegConfig config, ConfluentSchemas schemas) {
        PriorityQueue<Flight> inTheAir =
                new PriorityQueue<>(Comparator.comparingLong(Flight::landing).thenComparing(Flight::id));
        try (ExampleSender departures = ExampleSender.open(config, schemas);
                ExampleSender landings = ExampleSender.openForLabels(config, schemas, LANDING);
                Stream<Flight> flights = Flights.stream().limit(examples)) {
            flights.forEachOrdered(flight -> {
                land(inTheAir, flight.departure(), landings);
                departures.send(MODEL, flight.departure(), new Example(flight.id(), null, 1.0, flight.features()));
                inTheAir.add(flight);
                mostInTheAir = Math.max(mostInTheAir, inTheAir.size());
            });
            land(inTheAir, Long.MAX_VALUE, landings);
            departures.flush();
            landings.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void land(PriorityQueue<Flight> inTheAir, long now, ExampleSender landings) {
        while (!inTheAir.isEmpty() && inTheAir.peek().landing() <= now) {
            Flight flight = inTheAir.poll();
            landings.send(
                    MODEL,
                    flight.landing(),
                    new GenericRecordBuilder(LANDING)
                            .set("flight", flight.id())
                            .set("delay", flight.delay())
                            .build());
        }
    }
}
