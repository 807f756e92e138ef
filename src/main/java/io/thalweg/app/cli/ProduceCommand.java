package io.thalweg.app.cli;

import io.thalweg.app.files.ExampleFile;
import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.app.files.LabelRecords;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.ExampleSender;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "produce",
        description =
                "Sends examples from a file in CSV, JSON Lines or LIBSVM text, plain or gzipped; or, with --labels, "
                        + "labels that come later than their events, from CSV or JSON Lines.",
        footer = {
            "",
            FileOptions.COLUMNS,
            "",
            "JSON objects can also be examples as they are:",
            "  {\"model\": \"m\", \"id\": \"7\", \"label\": 1, \"importance\": 1, \"features\": {\"age\": 41}}",
            "  {\"features\": [0.5, 2]}    {\"features\": {\"indices\": [3, 17], \"values\": [1, 0.5]}}",
            "or delete a model:",
            "  {\"model\": \"m\", \"delete\": true}",
            "",
            "With --labels, each row is a label, sent as a record with the fields that the settings labels.id.field, "
                    + "labels.label, labels.importance.field and labels.model.from name. The columns have the same "
                    + "names, unless --id-column, --label, --importance-column or --model-column say otherwise. "
                    + "Other columns are ignored. Events need --id-column, and the same id. To learn from a history, "
                    + "send its events and labels, both with --time, before the learner runs for the first time: it "
                    + "then reads them in the order of their times."
        },
        mixinStandardHelpOptions = true)
final class ProduceCommand implements Callable<Integer> {
    private static final int BAD_LINES_SHOWN = 10;
    /** How many lines of a file are looked at before anything is sent. */
    private static final int LINES_CHECKED = 1000;
    /** So many models in these lines are hardly meant. */
    private static final int SAME_MODEL_HARDLY_EVER = LINES_CHECKED * 98 / 100;
    /** So many skipped lines, and one in so many, are worth a warning. */
    private static final int SOME_SKIPPED = 10;

    @Mixin
    private SettingsOptions settings;

    @Parameters(
            arity = "0..1",
            defaultValue = ExampleFile.STANDARD_INPUT,
            paramLabel = "FILE",
            description = "The file; - for standard input, which is the default.")
    private String file;

    @Mixin
    private FileOptions options;

    @ArgGroup
    private final ModelOptions model = new ModelOptions();

    private static final class ModelOptions extends ModelColumnOption {
        @Option(
                names = "--model",
                paramLabel = "ID",
                description = "The model that all examples are for, unless a JSON example names its own.")
        private String id;
    }

    @Option(names = "--labels", description = "Send labels to labels.topic, for events that were sent without a label.")
    private boolean isOfLabels;

    @Option(
            names = "--time",
            paramLabel = "COLUMN",
            description = "The column that contains the timestamp of the record: milliseconds since 1970, or such as "
                    + "2026-05-01T12:00:00Z. labels.wait.ms counts from it. It is not a feature, unless a setting "
                    + "names it too. Default: the time of sending.")
    private String timeColumn;

    @Mixin
    private SkipBadOption skipBad;

    @Option(names = "--rate", paramLabel = "N", description = "Send at most this many examples per second.")
    private double rate = Double.POSITIVE_INFINITY;

    @Spec
    private CommandSpec spec;

    private volatile boolean stopping;
    private long skipped;
    private String firstSkipped;
    private final Set<String> models = new HashSet<>();
    /** The warnings that were printed, without the values that they show. */
    private final Set<String> warned = new HashSet<>();

    private long labelled;
    /** Whether an event without a label waits for one on the labels topic. */
    private boolean isLabelExpected;

    @Override
    public Integer call() throws IOException {
        if (!(rate > 0)) {
            throw new ParameterException(spec.commandLine(), "--rate must be above 0");
        }
        ThalwegConfig config = settings.config();
        LabelRecords labels = isOfLabels ? options.labels(config, model.id, model.column()) : null;
        isLabelExpected = config.hasLateLabels() && !isOfLabels;
        // the file first, because problems with it can be found at once
        if (!skipBad.isGiven() && !file.equals(ExampleFile.STANDARD_INPUT)) {
            checkFirstLabels(config, labels);
        }
        try (ExampleFile examples = open(config, labels);
                Registry schemas =
                        Registry.of(config, Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS)))) {
            schemas.check();
            try (ExampleSender sender = isOfLabels
                    ? ExampleSender.openForLabels(config, schemas, labels.schema())
                    : ExampleSender.open(config, schemas)) {
                send(examples, sender);
            }
        }
        return ExitCode.OK.code();
    }

    private ExampleFile open(ThalwegConfig config, LabelRecords labels) {
        return isOfLabels
                ? options.open(file, labels, timeColumn)
                : options.open(config, file, model.column(), timeColumn);
    }

    /**
     * Checks labels before anything is sent. Of classes 1 and 2, a 1 would be sent as a label before the first 2 shows
     * that it is none.
     */
    private void checkFirstLabels(ThalwegConfig config, LabelRecords labels) throws IOException {
        try (ExampleFile examples = open(config, labels)) {
            Line line = null;
            do {
                try {
                    line = examples.next();
                } catch (BadLineException e) {
                    if (e.isOfLabel()) {
                        throw new StopException(
                                ExitCode.BAD_SETTINGS,
                                "%s, line %d: %s; nothing was sent"
                                        .formatted(examples.name(), examples.lineNumber(), e.getMessage()));
                    }
                    // it is said when it is its turn
                    return;
                }
            } while (line != null && examples.lineNumber() < LINES_CHECKED);
        }
    }

    private void send(ExampleFile examples, ExampleSender sender) {
        Shutdown.Watch watch = Shutdown.whenAsked(() -> {
            stopping = true;
            sender.close();
            say(examples, sender);
        });
        try {
            sendAll(examples, sender);
            if (!stopping) {
                sender.flush();
                say(examples, sender);
            }
        } catch (IllegalStateException e) {
            // the sender was closed during a send
            if (!stopping) {
                throw e;
            }
        } finally {
            watch.close();
        }
    }

    private void sendAll(ExampleFile examples, ExampleSender sender) {
        long start = System.nanoTime();
        long sent = 0;
        while (!stopping) {
            try {
                Line line = examples.next();
                if (line == null) {
                    return;
                }
                String modelId = line.model() == null ? model.id : line.model();
                if (modelId == null && sender.partitions() > 1) {
                    throw new BadLineException(
                            "it does not name a model, although the topic has more than one partition (%d);"
                                            .formatted(sender.partitions())
                                    + " use --model or --model-column");
                }
                checkFindable(line.example());
                pace(start, sent++);
                look(examples, modelId, sent);
                if (isOfLabels) {
                    sender.send(modelId, line.time(), line.label());
                } else if (line.example() == null) {
                    sender.delete(modelId, line.time());
                } else {
                    sender.send(modelId, line.time(), line.example());
                    labelled += line.example().getLabel() == null ? 0 : 1;
                }
            } catch (BadLineException e) {
                skip(examples, sender, e);
            }
        }
    }

    /** Says while the file is being sent what is hardly meant, and not only when it is too late. */
    private void look(ExampleFile examples, String modelId, long lines) {
        if (lines > LINES_CHECKED) {
            return;
        }
        if (modelId != null) {
            models.add(modelId);
        }
        if (lines == LINES_CHECKED) {
            if (models.size() >= SAME_MODEL_HARDLY_EVER) {
                warn(("warning: %d of the first %d lines name a model of their own; a model that is met once learns"
                                + " nothing that helps")
                        .formatted(models.size(), LINES_CHECKED));
            }
            examples.remarks().stream()
                    .filter(remark -> remark.startsWith(ExampleFile.WARNING))
                    .forEach(this::warn);
            err().flush();
        }
    }

    private void warn(String line) {
        if (warned.add(line.replaceFirst("such as .*", ""))) {
            err().println(line);
        }
    }

    /** Checks that a label that comes later can find its event, which would be a dead letter otherwise. */
    private void checkFindable(Example example) throws BadLineException {
        if (isLabelExpected && example != null && example.getLabel() == null && example.getId() == null) {
            throw new BadLineException(
                    "it has neither a label nor an id, by which its label could find it on labels.topic;"
                            + " use --id-column");
        }
    }

    private void skip(ExampleFile examples, ExampleSender sender, BadLineException bad) {
        String message = "%s, line %d: %s".formatted(examples.name(), examples.lineNumber(), bad.getMessage());
        if (!skipBad.isGiven()) {
            sender.flush();
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s; the %d before it were sent%s"
                            .formatted(
                                    message,
                                    sender.taken(),
                                    bad.isOfLabel() ? "" : ". Use --skip-bad to skip such lines"));
        }
        if (++skipped == 1) {
            firstSkipped = message;
        }
        if (skipped <= BAD_LINES_SHOWN) {
            err().println("skipped " + message);
        }
    }

    private void pace(long start, long sent) {
        long due = start + (long) (sent / rate * TimeUnit.SECONDS.toNanos(1));
        for (long wait = due - System.nanoTime(); wait > 0 && !stopping; wait = due - System.nanoTime()) {
            LockSupport.parkNanos(wait);
        }
    }

    private void say(ExampleFile examples, ExampleSender sender) {
        String columns = examples.columns();
        if (columns != null) {
            err().println(columns);
        }
        examples.remarks().forEach(this::warn);
        long lines = sender.taken() + skipped;
        if (skipped >= SOME_SKIPPED && skipped >= lines / SOME_SKIPPED) {
            warn("warning: %d of %d lines cannot be used; the first: %s".formatted(skipped, lines, firstSkipped));
        }
        String what = isOfLabels ? "label" : "example";
        err().println("sent %d %s%s to %s (%d %s)%s"
                .formatted(
                        sender.taken(),
                        sender.taken() == 1 ? what : what + "s",
                        isOfLabels ? "" : ", %d with a label,".formatted(labelled),
                        sender.topic(),
                        sender.partitions(),
                        sender.partitions() == 1 ? "partition" : "partitions",
                        skipped == 0 ? "" : "; skipped %d that cannot be used".formatted(skipped)));
        err().flush();
    }

    private PrintWriter err() {
        return spec.commandLine().getErr();
    }
}
