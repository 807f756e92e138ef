package io.thalweg.app.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.app.cli.EvaluationReport.Late;
import io.thalweg.app.files.ExampleFile;
import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.math.Rejection;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.CommittedRecords;
import io.thalweg.runtime.ExampleRange;
import io.thalweg.runtime.ExampleRange.Span;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "evaluate",
        description = "Runs a file, without Kafka, or the examples topic through the learner, and reports how well it"
                + " predicts examples before it learns from them. Files are CSV, JSON Lines or LIBSVM text,"
                + " plain or gzipped. With labels.topic, labels of events in the topic are read there. Nothing is"
                + " written anywhere.",
        footer = {"", FileOptions.COLUMNS},
        mixinStandardHelpOptions = true)
final class EvaluateCommand implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @ArgGroup(multiplicity = "1")
    private Source source;

    /** The source of the examples: a file or a topic. */
    static final class Source extends ExampleSource {
        @Option(
                names = {"-f", "--file"},
                paramLabel = "FILE",
                description = "The file; - for standard input.")
        private String file;
    }

    @Mixin
    private RangeOptions rangeOptions;

    @Mixin
    private ModelOption model;

    @Mixin
    private FileOptions options;

    @Mixin
    private DelayOptions delays;

    @Mixin
    private ModelColumnOption modelColumn;

    @Mixin
    private SkipBadOption skipBad;

    @Option(names = "--top", paramLabel = "N", description = "How many of the strongest weights to show. Default: 20.")
    private int top = 20;

    @Option(names = "--json", description = "Print the result as one JSON object, the last line of standard output.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (top < 0) {
            throw new ParameterException(spec.commandLine(), "--top must be 0 or more");
        }
        source.refuseOptionsOfTheOther(
                spec, "--file", "rangeOptions", List.of("modelColumn", "skipBad", "options", "delays"));
        delays.check(spec.commandLine());
        source.addTo(settings);
        model.addTo(settings);
        ThalwegConfig config = delays.withTopicOfLabels(settings, model.defaults(settings.given(), !source.isTopic()));
        SkippedExamples skipped = new SkippedExamples(err());
        Evaluation evaluation;
        Late late = null;
        double seconds;
        if (!source.isTopic()) {
            evaluation = new Evaluation(config, config.getString(ThalwegConfig.MODEL_DEFAULT));
            options.goOnFrom(evaluation.start());
            try (ExampleFile examples =
                    options.open(config, source.file, modelColumn.column(), delays.time(), delays.labelTime())) {
                long begin = System.nanoTime();
                if (delays.isGiven()) {
                    DelayedLabels delayed = new DelayedLabels(
                            config, evaluation, delays, (line, e) -> bad(examples, line, "its label: ", e, skipped));
                    takeAll(examples, delayed::take, skipped);
                    delayed.end();
                    late = delayed.figures();
                } else {
                    takeAll(examples, evaluation::take, skipped);
                }
                seconds = secondsSince(begin);
                printWhatWasRead(examples, evaluation, skipped);
                printWhenLabelsCome(config);
            }
        } else {
            Duration retry = Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS));
            try (ExampleRange range = rangeOptions.open(config);
                    ExampleRange labels =
                            config.hasLateLabels() ? rangeOptions.openLabels(config, range.partitions()) : null;
                    Registry schemas = Registry.of(config, retry)) {
                schemas.check();
                String keyless = LearnerRuntime.keyless(config, range.partitions());
                rangeOptions.requireOffsets(config, range);
                LearnerRuntime.checkMapping(config, schemas).forEach(err()::println);
                evaluation = new Evaluation(config, keyless);
                long begin = System.nanoTime();
                RecordReader reader = new RecordReader(schemas, config, keyless);
                List<Span> read = range.spans();
                if (labels == null) {
                    takeAll(range, reader, config.isRouted(range.partitions()), evaluation, skipped);
                } else {
                    JoinedTopics joined = new JoinedTopics(config, range, labels, reader, evaluation, skipped);
                    joined.takeAll();
                    late = joined.figures();
                    read = joined.spans();
                }
                seconds = secondsSince(begin);
                printWhatWasRead(read, config, evaluation, skipped);
            }
        }
        EvaluationReport report = EvaluationReport.of(config, evaluation, skipped.count(), seconds, late);
        PrintWriter out = spec.commandLine().getOut();
        new EvaluationView(json ? err() : out, err(), top).show(report, evaluation.models());
        if (json) {
            out.println(new ObjectMapper().writeValueAsString(report.json()));
            out.flush();
        }
        return ExitCode.OK.code();
    }

    private static double secondsSince(long begin) {
        return (System.nanoTime() - begin) / (double) TimeUnit.SECONDS.toNanos(1);
    }

    /** @param routed whether the learner routes records to the partition of their model */
    private static void takeAll(
            ExampleRange range, RecordReader reader, boolean routed, Evaluation evaluation, SkippedExamples skipped) {
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
                    skipped.add(record, e);
                }
            }
        }
    }

    private void printWhatWasRead(
            List<Span> read, ThalwegConfig config, Evaluation evaluation, SkippedExamples skipped) {
        skipped.printCount();
        if (evaluation.metrics().size() == 0) {
            err().flush();
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "topic %s has no example with a label in the range (%d without one, %d skipped)"
                            .formatted(
                                    config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                                    evaluation.unlabelled(),
                                    skipped.count()));
        }
        err().println("read %s".formatted(RangeOptions.words(read)));
        printIfAllLabelsAreEqual(evaluation);
    }

    /** Takes a line. */
    private interface Taker {
        void take(Line line) throws BadLineException;
    }

    private void takeAll(ExampleFile examples, Taker taker, SkippedExamples skipped) {
        while (true) {
            try {
                Line line = examples.next();
                if (line == null) {
                    return;
                }
                taker.take(line);
            } catch (BadLineException e) {
                bad(examples, examples.lineNumber(), "", e, skipped);
            }
        }
    }

    /** @param of what in the line is meant, and a colon; empty if it is the line */
    private void bad(ExampleFile examples, long line, String of, BadLineException e, SkippedExamples skipped) {
        String message = "%s, line %d: %s%s".formatted(examples.name(), line, of, e.getMessage());
        if (!skipBad.isGiven()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, message + (e.isOfLabel() ? "" : ". Use --skip-bad to skip such lines"));
        }
        skipped.add(message);
    }

    private void printWhenLabelsCome(ThalwegConfig config) {
        if (delays.isGiven()) {
            err().println(delays.words(config));
            err().flush();
        } else if (config.hasLateLabels()) {
            err().println("labels come with their events here; --label-delay and --label-time let them come later");
            err().flush();
        }
    }

    private void printWhatWasRead(ExampleFile examples, Evaluation evaluation, SkippedExamples skipped) {
        String columns = examples.columns();
        if (evaluation.metrics().size() == 0) {
            examples.remarks().forEach(err()::println);
            err().flush();
            if (evaluation.unlabelled() == 0 && skipped.count() == 0) {
                throw new StopException(ExitCode.BAD_SETTINGS, examples.name() + " has no rows, only a header");
            }
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s has no example with a label (%d without one, %d skipped); define it with --label%s"
                            .formatted(
                                    examples.name(),
                                    evaluation.unlabelled(),
                                    skipped.count(),
                                    columns == null ? "" : "; the columns are " + columns));
        }
        if (columns != null) {
            err().println(columns);
        }
        examples.remarks().forEach(err()::println);
        skipped.printCount();
        printIfAllLabelsAreEqual(evaluation);
    }

    private void printIfAllLabelsAreEqual(Evaluation evaluation) {
        EvaluationView.wordsIfEveryLabelIs(evaluation.metrics().baseRate()).ifPresent(err()::println);
        err().flush();
    }

    private PrintWriter err() {
        return spec.commandLine().getErr();
    }
}
