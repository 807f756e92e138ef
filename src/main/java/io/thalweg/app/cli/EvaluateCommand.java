package io.thalweg.app.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.app.files.ExampleFile;
import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.app.view.Figures;
import io.thalweg.app.view.Printable;
import io.thalweg.app.view.Table;
import io.thalweg.avro.Share;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.math.ExactMetrics;
import io.thalweg.math.Model;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.output.MetricsRecords;
import io.thalweg.output.WeightsRecords;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.CommittedRecords;
import io.thalweg.runtime.ExampleRange;
import io.thalweg.runtime.ExampleRange.Place;
import io.thalweg.runtime.ExampleRange.Span;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StopException;
import io.thalweg.runtime.WeightsBoard;
import io.thalweg.runtime.WeightsBoard.Strong;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

@Command(
        name = "evaluate",
        description =
                "Runs a file, without Kafka, or the examples topic through the learner, and says how well it predicts what it"
                        + " has not learned from yet. Files are CSV, JSON Lines or LIBSVM text, plain or gzipped. Nothing is"
                        + " written anywhere.",
        footer = {"", FileOptions.COLUMNS},
        mixinStandardHelpOptions = true)
final class EvaluateCommand implements Callable<Integer> {
    private static final int BAD_LINES_SHOWN = 10;
    private static final int BAR = 12;

    @Mixin
    private SettingsOptions settings;

    @ArgGroup(multiplicity = "1")
    private Source source;

    /** Where the examples come from: one of these. */
    static final class Source {
        @Option(
                names = {"-f", "--file"},
                paramLabel = "FILE",
                description = "The file; - for standard input.")
        private String file;

        @Option(
                names = {"-t", "--topic"},
                arity = "0..1",
                fallbackValue = "",
                paramLabel = "NAME",
                description = "The examples topic, up to its end as it is now. By default as the settings call it.")
        private String topic;
    }

    @Option(
            names = "--from",
            paramLabel = "PLACE",
            converter = Places.class,
            description =
                    "Begin each partition of the topic at this offset, or at the first record of this ISO timestamp"
                            + " or later. By default with the oldest record there is.")
    private Place from;

    @Option(
            names = "--to",
            paramLabel = "PLACE",
            converter = Places.class,
            description = "Stop before this offset, or before the first record of this ISO timestamp or later.")
    private Place to;

    @Option(names = "--partition", paramLabel = "P", description = "Only this partition of the topic.")
    private Integer partition;

    @Mixin
    private FileOptions options;

    @Option(names = "--model-column", paramLabel = "COLUMN", description = "The column that holds the model.")
    private String modelColumn;

    @Option(names = "--skip-bad", description = "Pass over lines that cannot be used, and say how many.")
    private boolean skipBad;

    @Option(
            names = "--top",
            paramLabel = "N",
            description = "How many of the strongest weights to show. By default 20.")
    private int top = 20;

    @Option(names = "--json", description = "Print the result as one JSON object, the last line of standard output.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    private long skipped;
    private final Map<Reason, Long> reasons = new EnumMap<>(Reason.class);

    /** Reads places. */
    static final class Places implements ITypeConverter<Place> {
        @Override
        public Place convert(String text) {
            try {
                return Place.of(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    @Override
    public Integer call() throws IOException {
        if (top < 0) {
            throw new ParameterException(spec.commandLine(), "--top must be 0 or more");
        }
        refuseOptionsOfTheOther();
        ThalwegConfig config = settings.config();
        if (source.topic != null && !source.topic.isEmpty()) {
            config = config.with(ThalwegConfig.EXAMPLES_TOPIC, source.topic);
        }
        Evaluation evaluation;
        double seconds;
        if (source.topic == null) {
            evaluation = new Evaluation(config, config.getString(ThalwegConfig.MODEL_DEFAULT));
            try (ExampleFile examples = options.open(config, source.file, modelColumn)) {
                long begin = System.nanoTime();
                takeAll(examples, evaluation);
                seconds = secondsSince(begin);
                sayWhatWasRead(examples, evaluation);
            }
        } else {
            Duration retry = Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS));
            try (ExampleRange range = ExampleRange.open(config, partition, from, to);
                    ConfluentSchemas schemas = new ConfluentSchemas(config.registry(), retry)) {
                schemas.check();
                String keyless = LearnerRuntime.keyless(config, range.partitions());
                requireOffsets(config, range);
                evaluation = new Evaluation(config, keyless);
                long begin = System.nanoTime();
                takeAll(
                        range,
                        new RecordReader(schemas, config, keyless),
                        config.isRouted(range.partitions()),
                        evaluation);
                seconds = secondsSince(begin);
                sayWhatWasRead(range, config, evaluation);
            }
        }
        Map<String, Object> result = result(config, evaluation, seconds);
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter people = json ? err() : out;
        show(result, evaluation, people);
        people.flush();
        if (json) {
            out.println(new ObjectMapper().writeValueAsString(result));
            out.flush();
        }
        return ExitCode.OK.code();
    }

    private static double secondsSince(long begin) {
        return (System.nanoTime() - begin) / (double) TimeUnit.SECONDS.toNanos(1);
    }

    /** An option that would do nothing was meant for something. */
    private void refuseOptionsOfTheOther() {
        List<String> others = new ArrayList<>();
        if (source.topic == null) {
            others.addAll(List.of("--from", "--to", "--partition"));
        } else {
            others.addAll(List.of("--model-column", "--skip-bad"));
            spec.mixins().get("options").options().forEach(option -> others.add(option.longestName()));
        }
        for (String other : others) {
            if (spec.commandLine().getParseResult().hasMatchedOption(other)) {
                throw new ParameterException(
                        spec.commandLine(),
                        other + " goes with " + (source.topic == null ? "--topic" : "--file") + " only");
            }
        }
    }

    private void requireOffsets(ThalwegConfig config, ExampleRange range) {
        if (range.spans().stream().allMatch(span -> span.size() == 0)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "the range of topic %s is empty: %s"
                            .formatted(
                                    config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                                    from == null && to == null
                                            ? "it holds no committed record"
                                            : "--from and --to leave none of its records"));
        }
    }

    /** @param routed whether the learner brings the events of a model together, wherever they are */
    private void takeAll(ExampleRange range, RecordReader reader, boolean routed, Evaluation evaluation) {
        for (Span span : range.spans()) {
            if (!routed) {
                evaluation.nextPartition();
            }
            CommittedRecords records = range.read(span);
            while (records.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = records.next();
                try {
                    evaluation.take(record, reader);
                } catch (Rejection e) {
                    reasons.merge(e.reason(), 1L, Long::sum);
                    if (++skipped <= BAD_LINES_SHOWN) {
                        err().println("skipped %s-%d@%d: %s: %s"
                                .formatted(
                                        record.topic(),
                                        record.partition(),
                                        record.offset(),
                                        e.reason(),
                                        Printable.of(e.getMessage())));
                    }
                }
            }
        }
    }

    private void sayWhatWasRead(ExampleRange range, ThalwegConfig config, Evaluation evaluation) {
        if (skipped > 0) {
            err().println("skipped %d that cannot be used: %s"
                    .formatted(
                            skipped,
                            reasons.entrySet().stream()
                                    .map(reason -> reason.getKey() + " " + reason.getValue())
                                    .collect(Collectors.joining(", "))));
        }
        if (evaluation.metrics().size() == 0) {
            err().flush();
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "topic %s has no example with a label in the range (%d without one, %d skipped)"
                            .formatted(
                                    config.getString(ThalwegConfig.EXAMPLES_TOPIC), evaluation.unlabelled(), skipped));
        }
        err().println("read %s"
                .formatted(range.spans().stream()
                        .filter(span -> span.size() > 0)
                        .map(span -> "%s@%d to %d".formatted(span.partition(), span.from(), span.to() - 1))
                        .collect(Collectors.joining(", "))));
        sayIfAllAreEqual(evaluation);
    }

    private void takeAll(ExampleFile examples, Evaluation evaluation) {
        while (true) {
            try {
                Line line = examples.next();
                if (line == null) {
                    return;
                }
                evaluation.take(line);
            } catch (BadLineException e) {
                skip(examples, e);
            }
        }
    }

    private void skip(ExampleFile examples, BadLineException bad) {
        String message = "%s, line %d: %s".formatted(examples.name(), examples.lineNumber(), bad.getMessage());
        if (!skipBad) {
            throw new StopException(ExitCode.BAD_SETTINGS, message + ". --skip-bad passes over such lines");
        }
        if (++skipped <= BAD_LINES_SHOWN) {
            err().println("skipped " + message);
        }
    }

    private void sayWhatWasRead(ExampleFile examples, Evaluation evaluation) {
        String columns = examples.columns();
        if (evaluation.metrics().size() == 0) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s has no example with a label (%d without one, %d skipped); --label says what it is%s"
                            .formatted(
                                    examples.name(),
                                    evaluation.unlabelled(),
                                    skipped,
                                    columns == null ? "" : "; the columns are " + columns));
        }
        if (columns != null) {
            err().println(columns);
        }
        if (skipped > 0) {
            err().println("skipped %d that cannot be used".formatted(skipped));
        }
        sayIfAllAreEqual(evaluation);
    }

    private void sayIfAllAreEqual(Evaluation evaluation) {
        double baseRate = evaluation.metrics().baseRate();
        if (baseRate == 0 || baseRate == 1) {
            err().println("every label is %.0f, so that there is nothing to tell apart".formatted(baseRate));
        }
        err().flush();
    }

    private Map<String, Object> result(ThalwegConfig config, Evaluation evaluation, double seconds) {
        ExactMetrics metrics = evaluation.metrics();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("examples", metrics.size());
        result.put("unlabelled", evaluation.unlabelled());
        result.put("skipped", skipped);
        result.put("log_loss", known(metrics.logLoss()));
        result.put("base_rate_log_loss", known(metrics.baseRateLogLoss()));
        result.put("accuracy", known(metrics.accuracy()));
        result.put("auc", known(metrics.auc()));
        result.put("calibration", known(metrics.calibration()));
        result.put("seconds", seconds);
        result.put("examples_per_second", (metrics.size() + evaluation.unlabelled()) / seconds);
        result.put("algorithm", config.getString(ThalwegConfig.ALGORITHM));
        if (mixture(evaluation).isEmpty()) {
            result.put("scaling", config.getString(ThalwegConfig.SCALING));
            result.put("learning_rate", config.getDouble(ThalwegConfig.LEARNING_RATE));
        }
        result.put(
                "mixture",
                mixture(evaluation).stream().map(EvaluateCommand::share).toList());
        return result;
    }

    /** The model that has learned most. */
    private static Optional<Model> mostLearned(Evaluation evaluation) {
        return evaluation.models().stream().max(Comparator.comparingLong(Model::version));
    }

    private static List<Share> mixture(Evaluation evaluation) {
        return mostLearned(evaluation).map(MetricsRecords::mixture).orElse(List.of());
    }

    private static Map<String, Object> share(Share share) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("kind", share.getKind().toString());
        json.put("learning_rate", share.getLearningRate());
        json.put("share", share.getShare());
        return json;
    }

    /** JSON has no NaN. */
    private static Double known(double figure) {
        return Double.isNaN(figure) ? null : (Double) figure;
    }

    private static void show(Map<String, Object> result, String name, String figure, PrintWriter out) {
        out.println("%-12s %s"
                .formatted(
                        name,
                        result.get(figure) == null
                                ? Figures.NONE
                                : String.format(Locale.ROOT, "%.5f", (Double) result.get(figure))));
    }

    private void show(Map<String, Object> result, Evaluation evaluation, PrintWriter out) {
        long unlabelled = evaluation.unlabelled();
        out.println(String.format(
                Locale.ROOT,
                "%-12s %,d%s in %.2f s (%,.0f per second); %s%s",
                "examples",
                evaluation.metrics().size(),
                unlabelled == 0 ? "" : String.format(Locale.ROOT, ", and %,d without a label,", unlabelled),
                (Double) result.get("seconds"),
                (Double) result.get("examples_per_second"),
                result.get("algorithm"),
                mixture(evaluation).isEmpty()
                        ? ("none".equals(result.get("scaling")) ? "" : ", scaling " + result.get("scaling"))
                                + ", learning rate " + Figures.brief((Double) result.get("learning_rate"))
                        : ": " + Figures.mixture(mixture(evaluation))));
        show(result, "log loss", "log_loss", out);
        show(result, "base rate's", "base_rate_log_loss", out);
        show(result, "accuracy", "accuracy", out);
        show(result, "AUC", "auc", out);
        show(result, "calibration", "calibration", out);
        Double logLoss = (Double) result.get("log_loss");
        Double baseRate = (Double) result.get("base_rate_log_loss");
        if (logLoss != null
                && baseRate != null
                && logLoss > baseRate
                && mixture(evaluation).isEmpty()) {
            err().println(
                            "worse than knowing the base rate alone: set algorithm = auto, or scaling = standard, or a lower"
                                    + " learning.rate");
        }
        mostLearned(evaluation)
                .ifPresent(model -> showWeights(model, evaluation.models().size(), out));
    }

    private void showWeights(Model model, int models, PrintWriter out) {
        WeightsBoard board = new WeightsBoard();
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                board.take(
                        new String(WeightsRecords.key(model.id(), block), StandardCharsets.UTF_8),
                        WeightsRecords.block(model, block, null));
            }
        }
        if (top == 0 || board.size() == 0) {
            return;
        }
        List<Strong> strongest = board.latest(1).get(0).strongest(top);
        out.println();
        out.println(String.format(
                Locale.ROOT,
                "The strongest of %,d weights%s, bias %s:",
                board.latest(1).get(0).size(),
                models == 1
                        ? ""
                        : " of %s, which has learned most of %,d models".formatted(Printable.of(model.id()), models),
                Figures.signed(model.bias())));
        Table table = new Table(Table.Column.left("", 0), Table.Column.right("", 0), Table.Column.left("", 0));
        for (int pass = 0; pass < 2; pass++) {
            for (Strong strong : strongest) {
                String row = table.row(
                        "  " + Printable.of(strong.name()),
                        Figures.signed(strong.weight()),
                        Figures.bar(Math.abs(strong.weight() / strongest.get(0).weight()), BAR));
                // the first pass only finds how wide the columns are
                if (pass == 1) {
                    out.println(row);
                }
            }
        }
    }

    private PrintWriter err() {
        return spec.commandLine().getErr();
    }
}
