package io.thalweg.app.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.app.files.ExampleFile;
import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.app.view.Figures;
import io.thalweg.app.view.Table;
import io.thalweg.avro.ModelOrigin;
import io.thalweg.avro.ModelSource;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.Model;
import io.thalweg.math.Rejection;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.CommittedRecords;
import io.thalweg.runtime.ExampleRange;
import io.thalweg.runtime.ExampleRange.Span;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StopException;
import io.thalweg.store.ModelFile;
import io.thalweg.store.StartModels;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "train",
        description = "Learns from files, without Kafka, or from a range of the examples topic, in several passes, and"
                + " writes a model file with the weights of the best pass: the one after which the mean log loss over"
                + " the whole training set was least. A learner with the setting model.start, and evaluate --model, go"
                + " on from that file. Files are CSV, JSON Lines or LIBSVM text, plain or gzipped.",
        footer = {"", FileOptions.COLUMNS},
        mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {
    private static final int MOST_PASSES = 100;
    private static final int USUAL_PATIENCE = 5;
    private static final int BAR = 40;
    /** How much larger a loss is that makes one wonder. */
    private static final double WORSE = 1.01;

    private static final String EVERY_PASS = "pass";

    @Mixin
    private SettingsOptions settings;

    @ArgGroup(multiplicity = "1")
    private TrainingSource source;

    /** The source of the examples: files or a topic. */
    static final class TrainingSource extends ExampleSource {
        @Parameters(
                paramLabel = "FILE",
                arity = "1..*",
                description = "The files, which are one training set; - for standard input.")
        private List<String> files;
    }

    @Mixin
    private RangeOptions rangeOptions;

    @Mixin
    private FileOptions options;

    @Mixin
    private ModelColumnOption modelColumn;

    @Mixin
    private SkipBadOption skipBad;

    @Mixin
    private ModelOption model;

    @Option(
            names = "--passes",
            paramLabel = "N",
            description = "How many passes to make. Default: up to " + MOST_PASSES + ", as --patience says.")
    private Integer passes;

    @Option(
            names = "--patience",
            paramLabel = "N",
            description = "Stop after so many passes that together lowered the least loss by less than 0.01%%. 0 makes"
                    + " all passes. Default: " + USUAL_PATIENCE + ", and 0 if --passes is given.")
    private Integer patience;

    @Option(
            names = "--shuffle",
            paramLabel = "SEED",
            description = "Take the examples in a random order, another one in each pass. The same seed, a whole"
                    + " number, gives the same orders. Default: the order in which they come.")
    private Long seed;

    @Option(
            names = "--holdout",
            paramLabel = "SHARE",
            description = "Hold out this share of the examples, such as 0.1, and choose the pass by the mean log loss"
                    + " over these: the last ones, in a topic the last of each partition, or with --shuffle any.")
    private double holdout;

    @Option(
            names = "--rates",
            paramLabel = "RATE",
            split = ",",
            description = "Train with each of these learning rates, side by side, and keep the best.")
    private List<Double> rates = List.of();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "The model file to write. One of that name is replaced. Default: ${DEFAULT-VALUE}.")
    private Path output = Path.of("model.avro");

    @Option(names = "--json", description = "Print the result as one JSON object, the last line of standard output.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        check();
        source.addTo(settings);
        model.addTo(settings);
        ThalwegConfig config = settings.config(model.defaults(settings.given(), !source.isTopic()));
        if (!rates.isEmpty() && config.algorithm() == Algorithm.AUTO) {
            throw new ParameterException(spec.commandLine(), "auto sets its own learning rates; drop --rates");
        }
        StartModels start = StartModels.of(config);
        options.goOnFrom(start);
        SkippedExamples skipped = new SkippedExamples(err());
        long begin = System.nanoTime();
        try (TrainingSet set = new TrainingSet(config)) {
            Map<String, String> learnedWith = new HashMap<>(config.replayedSettings(""));
            List<ModelSource> sources = new ArrayList<>();
            int partitions = 1;
            if (!source.isTopic()) {
                options.mapping(config, modelColumn.column()).forEach((name, value) -> {
                    if (!value.isBlank()) {
                        learnedWith.put(name, value);
                    }
                });
                for (String file : source.files) {
                    sources.add(read(file, config, set, skipped));
                }
            } else {
                partitions = read(config, set, sources, skipped);
            }
            set.end(holdout, seed);
            requireExamples(set, skipped);
            ThalwegConfig ofAll = config.with(ThalwegConfig.MODELS_MAX, (int)
                    Math.min(Integer.MAX_VALUE, (long) config.getInt(ThalwegConfig.MODELS_MAX) * partitions));
            List<TrainedLearner> learners = rates.isEmpty()
                    ? List.of(new TrainedLearner(ofAll, set, start))
                    : rates.stream()
                            .map(rate -> new TrainedLearner(ofAll.with(ThalwegConfig.LEARNING_RATE, rate), set, start))
                            .toList();
            train(set, learners, skipped);
            skipped.printCount();
            TrainedLearner best = learners.stream()
                    .min(Comparator.comparingDouble(TrainedLearner::least))
                    .orElseThrow();
            requireModels(best, skipped);
            learnedWith.put(
                    ThalwegConfig.LEARNING_RATE, String.valueOf(best.config().getDouble(ThalwegConfig.LEARNING_RATE)));
            ModelFile.write(output, origin(learnedWith, sources, start, best), best.kept());
            report(set, learners, best, skipped, (System.nanoTime() - begin) / (double) TimeUnit.SECONDS.toNanos(1));
        }
        return ExitCode.OK.code();
    }

    // ---- options

    private void check() {
        require(passes == null || passes > 0, "--passes must be 1 or more");
        require(patience == null || patience >= 0, "--patience must be 0 or more");
        require(holdout >= 0 && holdout < 1, "--holdout must be a share from 0 to 1, without 1, such as 0.1");
        require(
                rates.stream().allMatch(rate -> rate > 0 && !rate.isInfinite()),
                "--rates must be finite numbers above 0");
        source.refuseOptionsOfTheOther(spec, "files", "rangeOptions", List.of("modelColumn", "options"));
        Path directory = output.toAbsolutePath().getParent();
        if (!Files.isDirectory(directory) || !Files.isWritable(directory) || Files.isDirectory(output)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, "cannot write the model file " + output + "; name another with --output");
        }
    }

    private void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    private int passesMax() {
        return passes == null ? MOST_PASSES : passes;
    }

    private int patience() {
        return patience != null ? patience : passes == null ? USUAL_PATIENCE : 0;
    }

    // ---- reading

    private ModelSource read(String file, ThalwegConfig config, TrainingSet set, SkippedExamples skipped)
            throws IOException {
        Example x = new Example();
        try (ExampleFile lines = options.open(config, file, modelColumn.column())) {
            set.source(escaped(lines.name()) + ", line %d");
            while (true) {
                try {
                    Line line = lines.next();
                    if (line == null) {
                        break;
                    }
                    take(line, config, set, x);
                } catch (BadLineException | Rejection e) {
                    String why = e instanceof Rejection rejection
                            ? rejection.reason() + ": " + e.getMessage()
                            : e.getMessage();
                    bad("%s, line %d: %s".formatted(lines.name(), lines.lineNumber(), why), skipped);
                }
            }
            if (lines.columns() != null) {
                err().println(lines.columns());
            }
            lines.remarks().forEach(err()::println);
            err().flush();
        }
        // a pipe can be read only once
        boolean canBeReadAgain = !file.equals(ExampleFile.STANDARD_INPUT) && Files.isRegularFile(Path.of(file));
        return new ModelSource(file, canBeReadAgain ? ModelFile.sha256(Path.of(file)) : null);
    }

    private static void take(Line line, ThalwegConfig config, TrainingSet set, Example x) throws Rejection {
        String id = line.model() == null ? config.getString(ThalwegConfig.MODEL_DEFAULT) : line.model();
        if (line.example() == null) {
            set.delete(id);
            return;
        }
        Evaluation.fill(x, line.example());
        if (line.example().getLabel() != null) {
            x.label(line.example().getLabel());
        }
        set.add(id, x, line.number());
    }

    /** @return how many partitions the topic has */
    private int read(ThalwegConfig config, TrainingSet set, List<ModelSource> sources, SkippedExamples skipped) {
        Duration retry = Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS));
        try (ExampleRange range = rangeOptions.open(config);
                ExampleRange ofLabels =
                        config.hasLateLabels() ? rangeOptions.openLabels(config, range.partitions()) : null;
                Registry schemas = Registry.of(config, retry)) {
            schemas.check();
            RecordReader reader = new RecordReader(schemas, config, LearnerRuntime.keyless(config, range.partitions()));
            rangeOptions.requireOffsets(config, range);
            List<Span> read = new ArrayList<>(range.spans());
            FirstLabels labels = null;
            if (ofLabels != null) {
                labels = FirstLabels.read(config, ofLabels, reader, skipped);
                read.addAll(ofLabels.spans());
                ofLabels.spans().stream()
                        .filter(span -> span.size() > 0)
                        .forEach(span -> sources.add(new ModelSource(RangeOptions.words(span), null)));
            }
            Example x = new Example();
            for (Span span : range.spans()) {
                set.nextPartition();
                set.source(escaped(span.partition().toString()) + "@%d");
                if (span.size() > 0) {
                    sources.add(new ModelSource(RangeOptions.words(span), null));
                }
                CommittedRecords records = range.read(span);
                while (records.hasNext()) {
                    ConsumerRecord<byte[], byte[]> record = records.next();
                    try {
                        take(record, reader, labels, set, x);
                    } catch (Rejection e) {
                        // a learner would make it a dead letter and go on
                        skipped.add(record, e);
                    }
                }
            }
            err().println("read " + RangeOptions.words(read));
            err().flush();
            return range.partitions();
        }
    }

    /** @param labels those that came on a topic of their own; null if none do */
    private static void take(
            ConsumerRecord<byte[], byte[]> record,
            RecordReader reader,
            @Nullable FirstLabels labels,
            TrainingSet set,
            Example x)
            throws Rejection {
        switch (reader.read(InputRecord.produced(record), x)) {
            case EXAMPLE -> {
                if (labels != null) {
                    labels.label(reader.modelId(), x, record.timestamp());
                }
                set.add(reader.modelId(), x, record.offset());
            }
            case DELETION -> set.delete(reader.modelId());
            case LABEL, OF_OTHER_TYPE -> {
                // the learner passes it over, too
            }
        }
    }

    /** Escapes a name for a format. */
    private static String escaped(String name) {
        return name.replace("%", "%%");
    }

    private void bad(String message, SkippedExamples skipped) {
        if (!skipBad.isGiven()) {
            throw new StopException(ExitCode.BAD_SETTINGS, message + ". Use --skip-bad to skip such lines");
        }
        skipped.add(message);
    }

    private void requireExamples(TrainingSet set, SkippedExamples skipped) {
        if (set.size() == 0) {
            throw noExamples(
                    set.deleted() > 0
                            ? "the models of all examples with a label (%d) are deleted after them"
                                    .formatted(set.deleted())
                            : "there is no example with a label (%d without one, %d skipped)%s"
                                    .formatted(
                                            set.unlabelled(),
                                            skipped.count(),
                                            !source.isTopic() ? "; define it with --label" : " in the range"));
        }
        if (holdout > 0 && set.heldOut() == 0) {
            throw noExamples("--holdout %s of %d examples is none%s; hold out a larger share, or give more examples"
                    .formatted(holdout, set.size(), source.isTopic() && seed == null ? ", in each partition" : ""));
        }
        if (!set.isLearnable()) {
            throw noExamples("the importance of every example%s is 0, so there is nothing to learn"
                    .formatted(holdout > 0 ? " that is not held out" : ""));
        }
        if (holdout > 0 && !set.isJudged()) {
            throw noExamples("the importance of every example that is held out is 0, so no pass can be chosen by them;"
                    + " hold out a larger share, or any with --shuffle");
        }
    }

    private StopException noExamples(String message) {
        err().flush();
        return new StopException(ExitCode.BAD_SETTINGS, message);
    }

    // ---- training

    private void train(TrainingSet set, List<TrainedLearner> learners, SkippedExamples skipped) {
        Table table = table(learners);
        people().println(table.header());
        people().flush();
        Random seeds = seed == null ? null : new Random(seed);
        boolean skips = skipBad.isGiven() || source.isTopic();
        for (int pass = 1; pass <= passesMax(); pass++) {
            List<TrainedLearner> going = learners.stream().filter(this::goesOn).toList();
            if (going.isEmpty()) {
                return;
            }
            Long order = seeds == null ? null : (Long) seeds.nextLong();
            LongConsumer progress = progress(pass, 2 * set.size() * going.size());
            // what does not fit its model does not in any pass, nor at any rate; so one learner reports it once. What
            // overflows depends on the weights, and counts if it does so there
            TrainedLearner reporter = pass == 1 ? learners.get(0) : null;
            going.parallelStream().forEach(learner -> {
                Consumer<String> bad = learner == reporter ? skipped::add : message -> {};
                learner.pass(order, skips ? bad : null, progress);
            });
            clearProgress();
            people().println(row(table, pass, learners));
            people().flush();
        }
    }

    private boolean goesOn(TrainedLearner learner) {
        return !learner.hasEnded() && (patience() == 0 || learner.passesInVain() < patience());
    }

    private Table table(List<TrainedLearner> learners) {
        List<Table.Column> columns = new ArrayList<>();
        columns.add(Table.Column.right(EVERY_PASS, 4));
        if (learners.size() == 1) {
            columns.add(Table.Column.right("log loss", 8));
            if (holdout > 0) {
                columns.add(Table.Column.right("held out", 8));
            }
            columns.add(Table.Column.right("progressive", 8));
            columns.add(Table.Column.left("", 0));
        } else {
            learners.forEach(learner -> columns.add(
                    Table.Column.right(Figures.brief(learner.config().getDouble(ThalwegConfig.LEARNING_RATE)), 8)));
        }
        return new Table(columns.toArray(Table.Column[]::new));
    }

    private String row(Table table, int pass, List<TrainedLearner> learners) {
        List<String> cells = new ArrayList<>();
        cells.add(String.valueOf(pass));
        if (learners.size() == 1) {
            TrainedLearner only = learners.get(0);
            cells.add(five(only.losses(), pass));
            if (holdout > 0) {
                cells.add(five(only.heldOutLosses(), pass));
            }
            cells.add(five(only.progressiveLosses(), pass));
            cells.add(only.pass() == pass ? "least so far" : "");
        } else {
            learners.forEach(
                    learner -> cells.add(five(holdout > 0 ? learner.heldOutLosses() : learner.losses(), pass)));
        }
        return table.row(cells.toArray(String[]::new));
    }

    /** The loss of a pass; a dash if it was not made. */
    private static String five(List<Double> losses, int pass) {
        return losses.size() < pass ? Figures.NONE : String.format(Locale.ROOT, "%.5f", losses.get(pass - 1));
    }

    private LongConsumer progress(int pass, long all) {
        if (System.console() == null || json) {
            return read -> {};
        }
        AtomicLong done = new AtomicLong();
        return read -> {
            double share = done.addAndGet(read) / (double) all;
            err().print("\r%4d  %s %3.0f%%".formatted(pass, Figures.bar(share, BAR), 100 * share));
            err().flush();
        };
    }

    private void clearProgress() {
        if (System.console() != null && !json) {
            err().print("\r" + " ".repeat(BAR + 12) + "\r");
            err().flush();
        }
    }

    private void requireModels(TrainedLearner best, SkippedExamples skipped) {
        if (best.hasEnded() && best.pass() == 0) {
            throw new StopException(ExitCode.BAD_SETTINGS, best.end() + ". Use --skip-bad to skip such examples");
        }
        if (!best.hasLearned()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, "no example could be learned from (%d skipped)".formatted(skipped.count()));
        }
        if (holdout > 0 && !best.isJudged()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "no example that is held out could be predicted (%d skipped)".formatted(skipped.count()));
        }
        if (best.pass() == 0) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "the log loss was not a finite number after any pass; use a lower learning.rate, or algorithm ="
                            + " auto");
        }
    }

    // ---- the result

    private ModelOrigin origin(
            Map<String, String> learnedWith, List<ModelSource> sources, StartModels start, TrainedLearner best)
            throws IOException {
        Map<CharSequence, CharSequence> sorted = new LinkedHashMap<>();
        learnedWith.keySet().stream().sorted().forEach(name -> sorted.put(name, learnedWith.get(name)));
        sorted.keySet().removeAll(ThalwegConfig.unusedBy(best.config().algorithm()));
        return new ModelOrigin(
                ModelFile.FORMAT,
                new Thalweg.Version().getVersion()[0],
                sorted,
                sources,
                start.sha256().isEmpty() ? null : start.sha256(),
                best.examples(),
                best.heldOut(),
                seed,
                best.passes(),
                best.pass(),
                best.losses(),
                best.heldOutLosses());
    }

    private void report(
            TrainingSet set,
            List<TrainedLearner> learners,
            TrainedLearner best,
            SkippedExamples skipped,
            double seconds)
            throws IOException {
        boolean rated = best.config().algorithm() != Algorithm.AUTO;
        double rate = best.config().getDouble(ThalwegConfig.LEARNING_RATE);
        double logLoss = best.losses().get(best.pass() - 1);
        people().println(String.format(
                Locale.ROOT,
                "kept pass %d of %d%s: log loss %.5f over %,d examples%s; the base rate's is %.5f",
                best.pass(),
                best.passes(),
                learners.size() > 1 ? ", learning rate " + Figures.brief(rate) : "",
                logLoss,
                best.examples(),
                best.heldOut() == 0
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                ", %.5f over %,d held out",
                                best.heldOutLosses().get(best.pass() - 1),
                                best.heldOut()),
                best.baseRateLogLoss()));
        Optional<String> same = EvaluationView.wordsIfEveryLabelIs(best.baseRate());
        if (same.isPresent()) {
            err().println((holdout > 0 ? "of the examples that are not held out, " : "") + same.get());
        } else if (seed == null && isWorseThanShuffled(best)) {
            err().println("the weights after a pass depend much on its last examples; try --shuffle");
        }
        err().flush();
        String sha256 = ModelFile.sha256(output);
        people().println("wrote %s with %s, SHA-256 %s"
                .formatted(
                        output,
                        best.kept().size() == 1 ? "1 model" : best.kept().size() + " models",
                        sha256));
        people().flush();
        if (!json) {
            return;
        }
        Map<String, Object> result = figures(best);
        result.put("examples", best.examples());
        result.put("unlabelled", set.unlabelled());
        result.put("skipped", skipped.count());
        result.put("held_out", best.heldOut());
        result.put("base_rate_log_loss", orNull(best.baseRateLogLoss()));
        result.put("models", best.kept().size());
        result.put("steps", best.kept().stream().mapToLong(Model::version).sum());
        result.put("algorithm", best.config().getString(ThalwegConfig.ALGORITHM));
        if (rated) {
            result.put("scaling", best.config().getString(ThalwegConfig.SCALING));
        }
        result.put("shuffle", seed);
        result.put("seconds", seconds);
        result.put("model_file", output.toString());
        result.put("sha256", sha256);
        if (learners.size() > 1) {
            result.put("rates", learners.stream().map(TrainCommand::figures).toList());
        }
        PrintWriter out = spec.commandLine().getOut();
        out.println(new ObjectMapper().writeValueAsString(result));
        out.flush();
    }

    /**
     * Whether it seems that another order would give better weights: predictions that were made before learning were
     * better than those of any fixed weights, although these have seen the examples, or further passes made it worse.
     */
    private static boolean isWorseThanShuffled(TrainedLearner learner) {
        double least = learner.losses().get(learner.pass() - 1);
        double last = learner.losses().get(learner.passes() - 1);
        return last > least * WORSE
                || least > learner.progressiveLosses().get(learner.pass() - 1) * WORSE
                || least > learner.baseRateLogLoss();
    }

    private static Map<String, Object> figures(TrainedLearner learner) {
        Map<String, Object> figures = new LinkedHashMap<>();
        if (learner.config().algorithm() != Algorithm.AUTO) {
            figures.put("learning_rate", learner.config().getDouble(ThalwegConfig.LEARNING_RATE));
        }
        figures.put(
                "log_loss", learner.pass() == 0 ? null : orNull(learner.losses().get(learner.pass() - 1)));
        if (!learner.heldOutLosses().isEmpty()) {
            figures.put("held_out_log_loss", orNull(learner.least()));
        }
        figures.put(EVERY_PASS, learner.pass());
        figures.put("passes", learner.passes());
        figures.put(
                "losses", learner.losses().stream().map(TrainCommand::orNull).toList());
        figures.put(
                "progressive_losses",
                learner.progressiveLosses().stream().map(TrainCommand::orNull).toList());
        if (!learner.heldOutLosses().isEmpty()) {
            figures.put(
                    "held_out_losses",
                    learner.heldOutLosses().stream().map(TrainCommand::orNull).toList());
        }
        if (learner.hasEnded()) {
            figures.put("ended", learner.end());
        }
        return figures;
    }

    /** JSON has neither NaN nor infinity. */
    private static Double orNull(double figure) {
        return Double.isFinite(figure) ? (Double) figure : null;
    }

    /** Where what is for people goes. */
    private PrintWriter people() {
        return json ? err() : spec.commandLine().getOut();
    }

    private PrintWriter err() {
        return spec.commandLine().getErr();
    }
}
