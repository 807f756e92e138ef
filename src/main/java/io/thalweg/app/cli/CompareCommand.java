package io.thalweg.app.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.app.demo.Flight;
import io.thalweg.app.demo.Flights;
import io.thalweg.app.files.ExampleFile;
import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.app.view.Figures;
import io.thalweg.app.view.Printable;
import io.thalweg.app.view.Table;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import io.thalweg.math.ExactMetrics;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "compare",
        description = "Runs files through every algorithm, without Kafka: auto with its defaults, and each of the "
                + "others with many learning rates, of which the best is shown, chosen in hindsight. "
                + "Without a file, it uses the flights of the demo.",
        footer = {"", FileOptions.COLUMNS},
        mixinStandardHelpOptions = true)
final class CompareCommand implements Callable<Integer> {
    private static final double[] RATES = {
        1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2
    };
    /** How many examples come before each of the log losses that show how fast a model learns at first. */
    private static final int[] EARLY = {100, 1_000, 10_000};

    private static final int BATCH = 1024;
    /** A learner whose log loss is this many times that of auto is shown as diverging. */
    private static final double DIVERGES = 100;

    private static final String AUTO = Algorithm.AUTO.toString();
    private static final String TO_BEST = "auto_to_best_tuned";

    /** An algorithm and a scaling, whose learning rate is chosen in hindsight. */
    private record TunedAlgorithm(Algorithm algorithm, String scaling) {
        static final List<TunedAlgorithm> ALL = List.of(
                new TunedAlgorithm(Algorithm.SGD, "none"),
                new TunedAlgorithm(Algorithm.SGD, "max-abs"),
                new TunedAlgorithm(Algorithm.SGD, "standard"),
                new TunedAlgorithm(Algorithm.ADAGRAD, "none"),
                new TunedAlgorithm(Algorithm.ADAGRAD, "standard"),
                new TunedAlgorithm(Algorithm.FTRL, "none"),
                new TunedAlgorithm(Algorithm.FTRL, "max-abs"));

        @Override
        public String toString() {
            return scaling.equals("none") ? algorithm.toString() : algorithm + ", scaling " + scaling;
        }
    }

    @Mixin
    private SettingsOptions settings;

    @Parameters(paramLabel = "FILE", arity = "0..*", description = "Files; each is learned from separately.")
    private List<String> files = List.of();

    @Mixin
    private FileOptions options;

    @Option(names = "--flights", description = "Use the flights of the demo, too.")
    private boolean flights;

    @Option(names = "--json", description = "Print the results as one JSON object, the last line of standard output.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    /** One of the learners that are compared. */
    private static final class ComparedLearner {
        final String kind;
        final double rate;
        final Evaluation evaluation;
        /** The mean log loss of the first examples, for each number in {@link #EARLY}; NaN if there are not as many. */
        final double[] early = new double[EARLY.length];
        /** Why it had to stop; null if it did not. */
        BadLineException end;

        ComparedLearner(String kind, double rate, ThalwegConfig config) {
            this.kind = kind;
            this.rate = rate;
            evaluation = new Evaluation(config, config.getString(ThalwegConfig.MODEL_DEFAULT));
            Arrays.fill(early, Double.NaN);
        }

        void take(List<Line> lines) {
            for (Line line : lines) {
                if (end != null) {
                    return;
                }
                try {
                    evaluation.take(line);
                    int at = Arrays.binarySearch(EARLY, metrics().size());
                    if (at >= 0) {
                        early[at] = metrics().logLoss();
                    }
                } catch (BadLineException e) {
                    end = e;
                }
            }
        }

        ExactMetrics metrics() {
            return evaluation.metrics();
        }

        /** The mean log loss; infinite if it had to stop. */
        double logLoss() {
            return end == null ? metrics().logLoss() : Double.POSITIVE_INFINITY;
        }
    }

    private interface Lines {
        /** The next line; null at the end. */
        Line next() throws BadLineException;
    }

    @Override
    public Integer call() throws IOException {
        Map<String, Map<String, Object>> result = new LinkedHashMap<>();
        PrintWriter people =
                json ? spec.commandLine().getErr() : spec.commandLine().getOut();
        for (String file : files) {
            try (ExampleFile examples = options.open(config(), file, null)) {
                result.put(file, compare(file, () -> next(examples), people));
                examples.remarks().forEach(spec.commandLine().getErr()::println);
            }
        }
        if (flights || files.isEmpty()) {
            try (Stream<Flight> all = Flights.stream()) {
                Iterator<Flight> rows = all.iterator();
                result.put("flights", compare("flights", () -> rows.hasNext() ? line(rows.next()) : null, people));
            }
        }
        double worst = result.values().stream()
                .mapToDouble(one -> (Double) one.get(TO_BEST))
                .max()
                .orElseThrow();
        people.println(String.format(
                Locale.ROOT,
                "auto's log loss is %s the best of the others, chosen in hindsight",
                String.format(Locale.ROOT, result.size() == 1 ? "%.3f times" : "at most %.3f times", worst)));
        people.flush();
        if (json) {
            PrintWriter out = spec.commandLine().getOut();
            out.println(new ObjectMapper().writeValueAsString(result));
            out.flush();
        }
        return ExitCode.OK.code();
    }

    private static Line line(Flight flight) {
        return new Line(0, null, new Example(flight.id(), flight.label(), 1.0, flight.features()));
    }

    private static Line next(ExampleFile examples) {
        try {
            return examples.next();
        } catch (BadLineException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s, line %d: %s".formatted(examples.name(), examples.lineNumber(), e.getMessage()));
        }
    }

    private ThalwegConfig config() {
        ThalwegConfig config = settings.config();
        for (String setting : List.of(ThalwegConfig.ALGORITHM, ThalwegConfig.SCALING, ThalwegConfig.LEARNING_RATE)) {
            if (config.isGiven(setting)) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS, "compare tries every " + setting + "; remove that setting");
            }
        }
        return config;
    }

    private static List<ComparedLearner> contestants(ThalwegConfig config) {
        List<ComparedLearner> learners = new ArrayList<>();
        learners.add(new ComparedLearner(AUTO, Double.NaN, config.with(ThalwegConfig.ALGORITHM, AUTO)));
        for (TunedAlgorithm kind : TunedAlgorithm.ALL) {
            for (double rate : RATES) {
                learners.add(new ComparedLearner(
                        kind.toString(),
                        rate,
                        config.with(ThalwegConfig.ALGORITHM, kind.algorithm.toString())
                                .with(ThalwegConfig.SCALING, kind.scaling)
                                .with(ThalwegConfig.LEARNING_RATE, rate)));
            }
        }
        return learners;
    }

    private Map<String, Object> compare(String name, Lines lines, PrintWriter people) {
        ThalwegConfig config = config();
        List<ComparedLearner> learners = contestants(config);
        List<Line> batch = new ArrayList<>(BATCH);
        boolean more = true;
        while (more) {
            batch.clear();
            more = fill(batch, lines);
            learners.parallelStream().forEach(learner -> learner.take(batch));
        }
        ComparedLearner auto = learners.get(0);
        if (auto.end != null) {
            throw new StopException(ExitCode.BAD_SETTINGS, name + ": " + auto.end.getMessage());
        }
        if (auto.metrics().size() == 0) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, name + " has no example with a label; define it with --label");
        }
        double usual = config.getDouble(ThalwegConfig.LEARNING_RATE);
        Predicate<ComparedLearner> isUsual =
                learner -> learner.kind.equals(TunedAlgorithm.ALL.get(0).toString()) && learner.rate == usual;

        Map<String, ComparedLearner> shown = new LinkedHashMap<>();
        shown.put(AUTO + ", nothing set", auto);
        learners.stream()
                .filter(isUsual)
                .forEach(learner -> shown.put("sgd as it comes, " + Figures.brief(usual), learner));
        ComparedLearner best = null;
        for (TunedAlgorithm kind : TunedAlgorithm.ALL) {
            ComparedLearner one = best(learners.stream().filter(other -> other.kind.equals(kind.toString())));
            shown.put(kind + ", at its best rate " + Figures.brief(one.rate), one);
            best = best == null || one.logLoss() < best.logLoss() ? one : best;
        }
        show(name, auto, shown, people);
        Map<String, double[]> early = early(learners);
        showEarly(early, people);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("examples", auto.metrics().size());
        result.put("base_rate_log_loss", auto.metrics().baseRateLogLoss());
        shown.forEach((row, learner) -> result.put(learner == auto ? AUTO : row, figures(learner)));
        result.put("best_tuned", figures(best));
        result.put(TO_BEST, auto.logLoss() / best.logLoss());
        result.put("early", earlyFigures(early));
        return result;
    }

    /** The log losses of the first examples, for each algorithm at the rate that is best for so many. */
    private static Map<String, double[]> early(List<ComparedLearner> learners) {
        Map<String, double[]> early = new LinkedHashMap<>();
        for (ComparedLearner learner : learners) {
            double[] best = early.computeIfAbsent(learner.kind, kind -> learner.early.clone());
            Arrays.setAll(best, i -> Double.isNaN(learner.early[i]) ? best[i] : Math.min(best[i], learner.early[i]));
        }
        return early;
    }

    private static Map<String, Object> earlyFigures(Map<String, double[]> early) {
        Map<String, Object> figures = new LinkedHashMap<>();
        early.forEach((kind, losses) -> {
            Map<String, Object> ofKind = new LinkedHashMap<>();
            for (int i = 0; i < EARLY.length; i++) {
                if (!Double.isNaN(losses[i])) {
                    ofKind.put(String.valueOf(EARLY[i]), losses[i]);
                }
            }
            figures.put(kind, ofKind);
        });
        return figures;
    }

    private static void showEarly(Map<String, double[]> early, PrintWriter people) {
        Table.Column[] columns = new Table.Column[EARLY.length + 1];
        columns[0] = Table.Column.left("  log loss of the first", 0);
        for (int i = 0; i < EARLY.length; i++) {
            columns[i + 1] = Table.Column.right(String.format(Locale.ROOT, "%,d", EARLY[i]), 0);
        }
        Table table = new Table(columns);
        // the first pass only determines how wide the columns are
        early.forEach((kind, losses) -> earlyRow(table, kind, losses));
        people.println(table.header());
        early.forEach((kind, losses) -> people.println(earlyRow(table, kind, losses)));
        people.println();
        people.flush();
    }

    private static String earlyRow(Table table, String kind, double[] losses) {
        String[] cells = new String[EARLY.length + 1];
        cells[0] = "  " + kind + (kind.equals(AUTO) ? "" : ", at its best rate for so many");
        for (int i = 0; i < EARLY.length; i++) {
            cells[i + 1] = Double.isNaN(losses[i]) ? Figures.NONE : five(losses[i]);
        }
        return table.row(cells);
    }

    private static boolean fill(List<Line> batch, Lines lines) {
        while (batch.size() < BATCH) {
            try {
                Line line = lines.next();
                if (line == null) {
                    return false;
                }
                batch.add(line);
            } catch (BadLineException e) {
                throw new StopException(ExitCode.BAD_SETTINGS, e.getMessage());
            }
        }
        return true;
    }

    private static ComparedLearner best(Stream<ComparedLearner> learners) {
        return learners.min(Comparator.comparingDouble(ComparedLearner::logLoss))
                .orElseThrow();
    }

    private static void show(
            String name, ComparedLearner auto, Map<String, ComparedLearner> shown, PrintWriter people) {
        people.println(String.format(
                Locale.ROOT,
                "%s: %,d examples, the base rate's log loss %.5f",
                Printable.of(name),
                auto.metrics().size(),
                auto.metrics().baseRateLogLoss()));
        Table table = new Table(
                Table.Column.left("", 0),
                Table.Column.right("log loss", 0),
                Table.Column.right("accuracy", 0),
                Table.Column.right("AUC", 0),
                Table.Column.right("to auto", 0));
        // the first pass only determines how wide the columns are
        shown.forEach((row, learner) -> row(table, row, learner, auto));
        people.println(table.header());
        shown.forEach((row, learner) -> people.println(row(table, row, learner, auto)));
        people.println();
        people.flush();
    }

    private static String row(Table table, String row, ComparedLearner learner, ComparedLearner auto) {
        double ratio = learner.logLoss() / auto.logLoss();
        if (!(ratio < DIVERGES)) {
            return table.row("  " + row, "diverges", "", "", "");
        }
        ExactMetrics metrics = learner.metrics();
        return table.row(
                "  " + row,
                five(learner.logLoss()),
                five(metrics.accuracy()),
                five(metrics.auc()),
                learner == auto ? "" : String.format(Locale.ROOT, "%+.1f%%", 100 * (ratio - 1)));
    }

    private static String five(double figure) {
        return String.format(Locale.ROOT, "%.5f", figure);
    }

    private static Map<String, Object> figures(ComparedLearner learner) {
        Map<String, Object> figures = new LinkedHashMap<>();
        if (!Double.isNaN(learner.rate)) {
            figures.put("algorithm", learner.kind);
            figures.put("learning_rate", learner.rate);
        }
        if (learner.end == null) {
            figures.put("log_loss", learner.logLoss());
            figures.put("accuracy", learner.metrics().accuracy());
            figures.put("auc", learner.metrics().auc());
        }
        return figures;
    }
}
