package io.thalweg.app.cli;

import io.thalweg.app.demo.Flight;
import io.thalweg.app.demo.Flights;
import io.thalweg.app.files.ExampleFile;
import io.thalweg.avro.Example;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Examples;
import io.thalweg.math.Examples.ModelMap;
import io.thalweg.math.Learner;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.LearningRate;
import io.thalweg.math.Logistic;
import io.thalweg.math.Model;
import io.thalweg.math.NewtonSolver.Row;
import io.thalweg.math.Optimizer.Share;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.math.StepOptions;
import io.thalweg.math.StepOptions.Scaling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Prints tables about how well {@code auto} learns, besides those of {@code compare}. It takes the same options for the
 * columns of files. Run it with {@code mvn -Pjmh test-compile exec:exec
 * -Djmh.main=io.thalweg.app.cli.LearningQuality -Djmh.options="--table calibration --flights FILE…"}.
 */
@Command(name = "quality")
final class LearningQuality implements Callable<Integer> {
    private static final double[] RATES = {0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2};
    private static final LearnerSettings AUTO =
            Examples.settings(Algorithm.AUTO, LearningRate.constant(1), StepOptions.NONE);

    /** What is printed. */
    enum Contents {
        /** Log loss with importances that are spread widely. */
        IMPORTANCE,
        /** How far predictions are from frequencies. */
        CALIBRATION,
        /** What averages of probabilities, and temperatures, would change. */
        TEMPERATURE,
        /** Log loss after a change of the flights. */
        CHANGE
    }

    @Mixin
    private SettingsOptions settings;

    @Mixin
    private FileOptions options;

    @Option(names = "--table", required = true)
    private Contents table;

    @Option(names = "--flights")
    private boolean flights;

    /** For importances: how often they are drawn. */
    @Option(names = "--draws", defaultValue = "8")
    private int draws;

    /** Instead of the label of a set, that many of its features that are 0 or 1 are what is to be predicted. */
    @Option(names = "--other-labels", defaultValue = "0")
    private int otherLabels;

    /** Rows are in a random order of this seed, instead of their own. */
    @Option(names = "--shuffle")
    private Long shuffle;

    @Parameters(arity = "0..*")
    private List<String> files = List.of();

    @Override
    public Integer call() throws Exception {
        for (String file : files) {
            ExampleRows examples = new ExampleRows();
            try (ExampleFile lines = options.open(settings.config(), file, null)) {
                examples.addAll(lines);
            }
            print(Path.of(file).getFileName().toString().replaceAll("\\..*", ""), examples.rows());
        }
        if (flights) {
            ExampleRows examples = new ExampleRows();
            try (Stream<Flight> all = Flights.stream()) {
                for (Flight flight : (Iterable<Flight>) all::iterator) {
                    examples.add(new Example(flight.id(), flight.label(), 1.0, flight.features()));
                }
            }
            print("flights", examples.rows());
        }
        return 0;
    }

    private void print(String name, List<Row> inOrder) {
        List<Row> rows = new ArrayList<>(inOrder);
        if (shuffle != null) {
            Collections.shuffle(rows, new Random(shuffle));
        }
        if (otherLabels == 0) {
            printOne(name, rows);
            return;
        }
        Map<Integer, Long> counts = rows.stream()
                .flatMap(row -> IntStream.range(0, row.features().length)
                        .filter(k -> row.values()[k] == 1)
                        .mapToObj(k -> row.features()[k]))
                .collect(Collectors.groupingBy(feature -> feature, TreeMap::new, Collectors.counting()));
        List<Integer> candidates = counts.entrySet().stream()
                .filter(entry -> entry.getValue() > 0.05 * rows.size() && entry.getValue() < 0.95 * rows.size())
                .map(Map.Entry::getKey)
                .toList();
        for (int i = 0; i < Math.min(otherLabels, candidates.size()); i++) {
            int feature = candidates.get(i * candidates.size() / otherLabels);
            printOne(
                    name + " " + feature,
                    rows.stream().map(row -> labelled(row, feature)).toList());
        }
    }

    /** A row whose label is a feature, and whose label is left out. */
    private static Row labelled(Row row, int feature) {
        int[] others = IntStream.range(0, row.features().length)
                .filter(k -> row.features()[k] != feature)
                .toArray();
        return new Row(
                IntStream.of(others).map(k -> row.features()[k]).toArray(),
                IntStream.of(others).mapToDouble(k -> row.values()[k]).toArray(),
                others.length < row.features().length ? 1 : 0);
    }

    private void printOne(String name, List<Row> rows) {
        switch (table) {
            case IMPORTANCE -> printImportances(name, rows);
            case CALIBRATION -> printCalibration(name, rows);
            case TEMPERATURE -> printTemperatures(name, rows);
            case CHANGE -> printChanges(name, rows);
        }
    }

    // ---- runs

    /** Is told of each prediction before it is learned from. */
    private interface Watch {
        void predicted(int row, PredictionResult prediction, List<Share> shares);
    }

    private static double[] logits(LearnerSettings settings, List<Row> rows, double[] importances) {
        return logits(settings, rows, importances, null);
    }

    private static double[] logits(LearnerSettings settings, List<Row> rows, double[] importances, Watch watch) {
        Learner learner = new Learner(settings);
        ModelMap models = new ModelMap();
        models.add(new Model("m", learner.optimizer()));
        PredictionResult prediction = new PredictionResult();
        double[] logits = new double[rows.size()];
        for (int i = 0; i < logits.length; i++) {
            Row row = rows.get(i);
            io.thalweg.math.Example x = Examples.sparse(row.label(), row.features(), row.values());
            x.importance(importances == null ? 1 : importances[i]);
            try {
                List<Share> shares =
                        watch == null ? null : models.get("m").optimizer().mixture(models.get("m"));
                models.process(learner, "m", x, prediction);
                logits[i] = prediction.logit();
                if (watch != null) {
                    watch.predicted(i, prediction, shares);
                }
            } catch (Rejection e) {
                // it diverges
                Arrays.fill(logits, i, logits.length, row.label() == 1 ? -1000 : 1000);
                return logits;
            }
        }
        return logits;
    }

    private static LearnerSettings fixed(Algorithm algorithm, Scaling scaling, double rate) {
        return Examples.settings(algorithm, LearningRate.constant(rate), new StepOptions(scaling, 0, 0, 0, false, 1));
    }

    private static double logLoss(double[] logits, List<Row> rows, double[] importances, int from, int to) {
        double loss = 0;
        double importance = 0;
        for (int i = from; i < to; i++) {
            double c = importances == null ? 1 : importances[i];
            loss += c * Logistic.logLoss(logits[i], rows.get(i).label());
            importance += c;
        }
        return loss / importance;
    }

    private static void line(String format, Object... figures) {
        System.out.printf(Locale.ROOT, format + "%n", figures);
    }

    // ---- importances

    /** How importances are spread. */
    private enum Spread {
        /** Lognormal, with σ = 2. */
        LOGNORMAL,
        /** 1/p, with p uniform from 0.001 to 1. */
        INVERSE_PROPENSITY,
        /** The same, with log p uniform. */
        INVERSE_LOG_PROPENSITY,
        /** 1,000 for a positive, after leaving out positives until they are one in forty. */
        RARE_POSITIVES;

        double of(Random random, double label) {
            return switch (this) {
                case LOGNORMAL -> Math.exp(2 * random.nextGaussian());
                case INVERSE_PROPENSITY -> 1 / (0.001 + 0.999 * random.nextDouble());
                case INVERSE_LOG_PROPENSITY -> Math.pow(1000, random.nextDouble());
                case RARE_POSITIVES -> label == 1 ? 1000 : 1;
            };
        }
    }

    private void printImportances(String name, List<Row> all) {
        long positives = all.stream().filter(row -> row.label() == 1).count();
        double kept = Math.min(1, (all.size() - positives) / 39.0 / positives);
        for (Spread spread : Spread.values()) {
            double auto = 0;
            double best = 0;
            for (int draw = 0; draw < draws; draw++) {
                Random random = new Random(draw);
                List<Row> rows = spread == Spread.RARE_POSITIVES
                        ? all.stream()
                                .filter(row -> row.label() != 1 || random.nextDouble() < kept)
                                .toList()
                        : all;
                double[] importances = rows.stream()
                        .mapToDouble(row -> spread.of(random, row.label()))
                        .toArray();
                auto += logLoss(logits(AUTO, rows, importances), rows, importances, 0, rows.size());
                best += Stream.of(Scaling.NONE, Scaling.STANDARD)
                        .flatMap(scaling ->
                                Arrays.stream(RATES).mapToObj(rate -> fixed(Algorithm.ADAGRAD, scaling, rate)))
                        .parallel()
                        .mapToDouble(adaGrad ->
                                logLoss(logits(adaGrad, rows, importances), rows, importances, 0, rows.size()))
                        .min()
                        .orElseThrow();
            }
            line(
                    "%-12s %-24s auto %.4f  best adagrad %.4f  ratio %.3f",
                    name, spread.name().toLowerCase(Locale.ROOT), auto / draws, best / draws, auto / best);
        }
    }

    // ---- calibration

    private static final int BINS = 20;

    /** The mean of |mean probability − mean label| over bins of equally many predictions: equal-mass bins. */
    private static double calibrationError(double[] logits, List<Row> rows, int from, int to) {
        List<Integer> order = new ArrayList<>();
        for (int i = from; i < to; i++) {
            order.add(i);
        }
        order.sort(Comparator.comparingDouble(i -> logits[i]));
        double error = 0;
        for (int bin = 0; bin < BINS; bin++) {
            double difference = 0;
            for (int k = order.size() * bin / BINS; k < order.size() * (bin + 1) / BINS; k++) {
                int i = order.get(k);
                difference += Logistic.probability(logits[i]) - rows.get(i).label();
            }
            error += Math.abs(difference);
        }
        return error / order.size();
    }

    /** The slope of a logistic regression of the labels on the logits: below 1 if predictions are overconfident. */
    private static double slope(double[] logits, List<Row> rows, int from, int to) {
        double a = 1;
        double b = 0;
        for (int iteration = 0; iteration < 50; iteration++) {
            double gA = 0;
            double gB = 0;
            double hAA = 1e-9;
            double hAB = 0;
            double hBB = 1e-9;
            for (int i = from; i < to; i++) {
                double z = logits[i];
                double p = Logistic.probability(a * z + b);
                double r = p - rows.get(i).label();
                double h = p * (1 - p);
                gA += r * z;
                gB += r;
                hAA += h * z * z;
                hAB += h * z;
                hBB += h;
            }
            double determinant = hAA * hBB - hAB * hAB;
            a -= (hBB * gA - hAB * gB) / determinant;
            b -= (hAA * gB - hAB * gA) / determinant;
        }
        return a;
    }

    /** Platt's scaling of logits, σ(a·z + b), with a and b learned online by AdaGrad after each prediction. */
    private static double[] platt(double[] logits, List<Row> rows) {
        double a = 1;
        double b = 0;
        double squaresA = 1;
        double squaresB = 1;
        double[] scaled = new double[logits.length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = a * logits[i] + b;
            double g = Logistic.probability(scaled[i]) - rows.get(i).label();
            squaresA += g * logits[i] * (g * logits[i]);
            squaresB += g * g;
            a -= 0.5 * g * logits[i] / Math.sqrt(squaresA);
            b -= 0.5 * g / Math.sqrt(squaresB);
        }
        return scaled;
    }

    private static void printCalibration(String name, List<Row> rows) {
        double[] auto = logits(AUTO, rows, null);
        double[] sgd = Arrays.stream(RATES)
                .mapToObj(rate -> logits(fixed(Algorithm.SGD, Scaling.MAX_ABS, rate), rows, null))
                .parallel()
                .min(Comparator.comparingDouble(logits -> logLoss(logits, rows, null, 0, rows.size())))
                .orElseThrow();
        double[] platt = platt(sgd, rows);
        int early = Math.min(1000, rows.size());
        calibrationLine(name, "auto", auto, rows, early);
        calibrationLine(name, "sgd, best rate", sgd, rows, early);
        calibrationLine(name, "the same, Platt-scaled", platt, rows, early);
    }

    private static void calibrationLine(String name, String learner, double[] logits, List<Row> rows, int early) {
        line(
                "%-12s %-24s error %.4f slope %.3f log loss %.5f   first 1,000: error %.4f slope %.3f log loss %.5f",
                name,
                learner,
                calibrationError(logits, rows, 0, rows.size()),
                slope(logits, rows, 0, rows.size()),
                logLoss(logits, rows, null, 0, rows.size()),
                calibrationError(logits, rows, 0, early),
                slope(logits, rows, 0, early),
                logLoss(logits, rows, null, 0, early));
    }

    // ---- temperature

    /** A factor of the logit, learned online: its logarithm follows the gradient of the log loss, by AdaGrad. */
    private static final class Temperature {
        private final double rate;
        private double logarithm;
        private double squares = 1;

        Temperature(double rate) {
            this.rate = rate;
        }

        double scaled(double z, double label) {
            double scaled = Math.exp(logarithm) * z;
            double g = (Logistic.probability(scaled) - label) * scaled;
            squares += g * g;
            logarithm -= rate * g / Math.sqrt(squares);
            return scaled;
        }
    }

    private static void printTemperatures(String name, List<Row> rows) {
        double[] rates = {0.01, 0.03, 0.1};
        Temperature[] temperatures =
                Arrays.stream(rates).mapToObj(Temperature::new).toArray(Temperature[]::new);
        double[] losses = new double[2 + rates.length];
        double[] logits = logits(AUTO, rows, null, (i, prediction, shares) -> {
            double label = rows.get(i).label();
            double[] experts = prediction.expertLogits();
            double probability = 0;
            for (int k = 0; k < experts.length; k++) {
                probability += shares.get(k).weight() * Math.exp(-Logistic.logLoss(experts[k], label));
            }
            losses[1] -= Math.log(probability);
            for (int k = 0; k < rates.length; k++) {
                losses[2 + k] += Logistic.logLoss(temperatures[k].scaled(prediction.logit(), label), label);
            }
        });
        losses[0] = rows.size() * logLoss(logits, rows, null, 0, rows.size());
        double inHindsight = Double.POSITIVE_INFINITY;
        for (double factor = 0.5; factor < 2; factor += 0.01) {
            double t = factor;
            double[] scaled = Arrays.stream(logits).map(z -> t * z).toArray();
            inHindsight = Math.min(inHindsight, logLoss(scaled, rows, null, 0, rows.size()));
        }
        line(
                "%-12s logits %.5f  probabilities %+.2f%%  temperature %+.2f%% %+.2f%% %+.2f%%  best fixed one in"
                        + " hindsight %+.2f%%",
                name,
                losses[0] / rows.size(),
                100 * (losses[1] / losses[0] - 1),
                100 * (losses[2] / losses[0] - 1),
                100 * (losses[3] / losses[0] - 1),
                100 * (losses[4] / losses[0] - 1),
                100 * (inHindsight * rows.size() / losses[0] - 1));
    }

    // ---- change

    private static final int RECOVERY = 5_000;

    /** Prints the log loss after the middle of a set, where labels, or half of the features, change what they mean. */
    private static void printChanges(String name, List<Row> rows) {
        int change = rows.size() / 2;
        int to = Math.min(rows.size(), change + RECOVERY);
        printChange(name, "as they are", rows, change, to, rows);
        List<Row> opposite = changed(rows, row -> new Row(row.features(), row.values(), 1 - row.label()));
        printChange(name, "labels become opposite", joined(rows, opposite, change), change, to, opposite);
        int features = 1
                + rows.stream()
                        .flatMapToInt(row -> Arrays.stream(row.features()))
                        .max()
                        .orElseThrow();
        int half = features / 2;
        int[] places =
                new Random(1).ints(0, features).distinct().limit(features).toArray();
        int[] moved = new int[features];
        for (int k = 0; k < features; k++) {
            // half of the features change places among each other
            moved[places[k]] = k < half ? places[(k + 1) % half] : places[k];
        }
        List<Row> other = changed(
                rows,
                row -> new Row(Arrays.stream(row.features()).map(i -> moved[i]).toArray(), row.values(), row.label()));
        printChange(name, "half of the features", joined(rows, other, change), change, to, other);
    }

    private static List<Row> changed(List<Row> rows, UnaryOperator<Row> change) {
        return rows.stream().map(change).toList();
    }

    private static List<Row> joined(List<Row> before, List<Row> after, int change) {
        List<Row> rows = new ArrayList<>(before.subList(0, change));
        rows.addAll(after.subList(change, after.size()));
        return rows;
    }

    /** @param settled the rows as if the change had been before them, from which the least log loss is learned */
    private static void printChange(String name, String what, List<Row> rows, int change, int to, List<Row> settled) {
        double auto = logLoss(logits(AUTO, rows, null), rows, null, change, to);
        double least = logLoss(logits(AUTO, settled, null), settled, null, change, to);
        LearnerSettings best = Stream.of(Algorithm.SGD, Algorithm.ADAGRAD)
                .flatMap(algorithm -> Arrays.stream(Scaling.values())
                        .flatMap(scaling -> Arrays.stream(RATES).mapToObj(rate -> fixed(algorithm, scaling, rate))))
                .parallel()
                .min(Comparator.comparingDouble(one -> logLoss(logits(one, rows, null), rows, null, change, to)))
                .orElseThrow();
        double bestLoss = logLoss(logits(best, rows, null), rows, null, change, to);
        line(
                "%-12s %-24s auto %.5f  best fixed rate %.5f (%s, scaling %s, %s)  without a change %.5f"
                        + "  ratio of excess %.3f",
                name,
                what,
                auto,
                bestLoss,
                best.algorithm(),
                best.options().scaling(),
                best.learningRate().initial(),
                least,
                (auto - least) / (bestLoss - least));
    }

    /** @param arguments as above */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new LearningQuality())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .execute(arguments));
    }
}
