package io.thalweg.app.cli;

import io.thalweg.app.view.JsonView;
import io.thalweg.app.view.Printable;
import io.thalweg.app.view.RowsView;
import io.thalweg.app.view.Terminal;
import io.thalweg.app.view.View;
import io.thalweg.app.view.WeightsView;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Quality;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.ExactMetrics;
import io.thalweg.math.MetricSums;
import io.thalweg.output.OutputTopic;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.OutputReader;
import io.thalweg.runtime.OutputReader.Entry;
import io.thalweg.runtime.OutputReader.Start;
import io.thalweg.runtime.StopException;
import io.thalweg.runtime.WeightsBoard;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.errors.WakeupException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

@Command(
        name = "watch",
        description = "Prints the records of an output topic in readable form as they arrive, until it is stopped.",
        mixinStandardHelpOptions = true)
final class WatchCommand implements Callable<Integer> {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    @Mixin
    private SettingsOptions settings;

    @Parameters(
            paramLabel = "TOPIC",
            converter = Outputs.class,
            completionCandidates = Outputs.class,
            description = "One of ${COMPLETION-CANDIDATES}; the settings say what the topic is named.")
    private OutputTopic topic;

    @Option(
            names = "--from-beginning",
            description =
                    "Begin with the oldest record. This is always so for weights and metrics, which are compacted.")
    private boolean fromBeginning;

    @Option(names = "--limit", paramLabel = "N", description = "Stop after this many records.")
    private long limit = Long.MAX_VALUE;

    @Option(names = "--model", paramLabel = "ID", description = "Only this model; for dead letters, only this key.")
    private String model;

    @Option(names = "--partition", paramLabel = "P", description = "Only this partition.")
    private Integer partition;

    @Option(
            names = "--top",
            paramLabel = "N",
            description =
                    "How many of the strongest weights of a model to show. Default: 20, or fewer if more models then"
                            + " fit on the screen.")
    private Integer top;

    @Option(
            names = "--models",
            paramLabel = "N",
            description =
                    "How many models to show, of those that changed last. Default: as many as fit on the screen, or 3"
                            + " without a screen.")
    private Integer models;

    @Option(
            names = "--json",
            description = "Print each record as one line of JSON, with key, timestamp, partition, offset, and in value"
                    + " the fields of its schema.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    private final ExactMetrics seen = new ExactMetrics();
    private boolean isJudged;

    /** The names of the topics. */
    static final class Outputs implements ITypeConverter<OutputTopic>, Iterable<String> {
        @Override
        public OutputTopic convert(String name) {
            return Arrays.stream(OutputTopic.values())
                    .filter(output -> output.sink().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new TypeConversionException(
                            "'" + name + "' is not one of " + String.join(", ", (Iterable<String>) this::iterator)));
        }

        @Override
        public Iterator<String> iterator() {
            return Stream.of(OutputTopic.values()).map(OutputTopic::sink).iterator();
        }
    }

    /** The class of a topic's values, and the view that shows them. */
    private record Watched<T extends SpecificRecord>(Class<T> type, View<T> view) {}

    @Override
    public Integer call() {
        if (limit < 1 || top != null && top < 1 || models != null && models < 1) {
            throw new ParameterException(spec.commandLine(), "--limit, --top and --models must be 1 or more");
        }
        ThalwegConfig config = settings.config();
        if (!OutputTopic.of(config).contains(topic)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s are published only if labels come later than their events; set %s"
                            .formatted(topic.sink(), ThalwegConfig.LABELS_TOPIC));
        }
        PrintWriter out = spec.commandLine().getOut();
        int width = Terminal.width(System.getenv("COLUMNS"), Terminal.find());
        // as an expression, this does not compile if a topic has no view
        Watched<?> watched = switch (topic) {
            case PREDICTIONS -> new Watched<>(Prediction.class, RowsView.predictions(out, width));
            case METRICS -> new Watched<>(Metrics.class, RowsView.metrics(out, width, config.hasLateLabels()));
            case OUTCOMES -> new Watched<>(Outcome.class, RowsView.outcomes(out, width));
            case DEAD_LETTERS -> new Watched<>(DeadLetter.class, RowsView.deadLetters(out));
            case WEIGHTS ->
                new Watched<>(
                        Weights.class,
                        new WeightsView(
                                out,
                                top,
                                models,
                                System.console() != null && Ansi.AUTO.enabled(),
                                Ansi.AUTO.enabled(),
                                () -> Terminal.find().map(Terminal::lines).orElse(0),
                                System::nanoTime));
        };
        watch(config, watched);
        return ExitCode.OK.code();
    }

    private <T extends SpecificRecord> void watch(ThalwegConfig config, Watched<T> watched) {
        View<T> view = json ? new JsonView<>(spec.commandLine().getOut()) : watched.view;
        Start start = fromBeginning || topic.isCompacted() ? Start.BEGINNING : Start.END;
        Duration retry = Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS));
        CountDownLatch done = new CountDownLatch(1);
        try (Registry schemas = Registry.of(config, retry)) {
            schemas.check();
            try (OutputReader<T> reader = OutputReader.open(config, schemas, topic, watched.type, partition, start)) {
                Shutdown.Watch watch = Shutdown.whenAsked(() -> {
                    reader.wakeup();
                    await(done);
                });
                try {
                    follow(reader, view);
                } catch (WakeupException e) {
                    // asked to stop
                } finally {
                    view.end();
                    spec.commandLine().getOut().flush();
                    done.countDown();
                    watch.close();
                }
            }
        }
    }

    private static void await(CountDownLatch done) {
        try {
            done.await(LAST_WORDS.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private <T extends SpecificRecord> void follow(OutputReader<T> reader, View<T> view) {
        long taken = 0;
        while (true) {
            for (Entry<T> entry : reader.poll(POLL)) {
                if (!isWanted(entry)) {
                    continue;
                }
                if (entry.problem() != null || entry.value() == null && !topic.isCompacted()) {
                    passOver(entry);
                    continue;
                }
                view.take(entry);
                judge(entry.value());
                if (++taken == limit) {
                    return;
                }
            }
            view.rest();
        }
    }

    /** Says once if what is seen is worse than always predicting the base rate. */
    private void judge(SpecificRecord value) {
        if (isJudged) {
            return;
        }
        if (value instanceof Metrics metrics && metrics.getOverall().getExamples() >= MetricSums.JUDGED_AT) {
            Quality overall = metrics.getOverall();
            judge(overall.getExamples(), overall.getLogLoss(), overall.getBaseRateLogLoss());
        } else if (value instanceof Prediction prediction && prediction.getLabel() != null) {
            seen.add(prediction.getLogit(), prediction.getLabel(), 1);
            if (seen.size() == MetricSums.JUDGED_AT) {
                judge(seen.size(), seen.logLoss(), seen.baseRateLogLoss());
                isJudged = true;
            }
        }
    }

    private void judge(long examples, double logLoss, double baseRateLogLoss) {
        if (MetricSums.isClearlyWorse(logLoss, baseRateLogLoss)) {
            isJudged = true;
            err(("warning: the log loss of %,d examples is %.4f, worse than %.4f for always predicting the base rate;"
                            + " the log of the learner says which setting helps; algorithm=auto needs none")
                    .formatted(examples, logLoss, baseRateLogLoss));
        }
    }

    private void err(String line) {
        spec.commandLine().getErr().println(line);
        spec.commandLine().getErr().flush();
    }

    private boolean isWanted(Entry<?> entry) {
        byte[] key = entry.source().key();
        if (model == null || key == null) {
            return model == null;
        }
        return Printable.utf8(key)
                .map(text -> topic.key() == OutputTopic.Key.MODEL_OR_BLOCK ? WeightsBoard.model(text) : text)
                .filter(model::equals)
                .isPresent();
    }

    private void passOver(Entry<?> entry) {
        spec.commandLine()
                .getErr()
                .println("skipped %s-%d@%d: %s"
                        .formatted(
                                entry.source().topic(),
                                entry.source().partition(),
                                entry.source().offset(),
                                entry.problem() == null ? "it has no value" : Printable.of(entry.problem())));
    }
}
