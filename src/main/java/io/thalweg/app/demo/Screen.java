package io.thalweg.app.demo;

import io.thalweg.avro.Metrics;
import io.thalweg.avro.Quality;
import io.thalweg.math.Algorithm;
import io.thalweg.runtime.WeightsBoard;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine.Help.Ansi;

/**
 * The display of the demo: on a terminal, a table that is redrawn in place; elsewhere, a line from time to time. The
 * table fits a terminal of 80 columns and 24 lines, because a larger one could not be redrawn in place.
 *
 * <p>Learners are compared after the same number of examples, which all of them have processed.
 */
public final class Screen {
    /** The width of the curve. */
    static final int POINTS = 52;

    private static final int BAR = 42;
    private static final int TOP = 6;
    private static final long FRAME_NANOS = 200_000_000;
    private static final int LINE_EVERY = 10_000;
    private static final String SPARKS = "▁▂▃▄▅▆▇█";

    private final PrintWriter out;
    private final boolean live;
    private final Ansi ansi;
    /** The weights that were last drawn, by algorithm and name. */
    private final Map<String, Double> drawn = new HashMap<>();

    private int linesDrawn;
    private long lastFrame;
    private long lastLine;

    /** @param live whether {@code out} is a terminal that can be redrawn */
    public Screen(PrintWriter out, boolean live) {
        this.out = out;
        this.live = live;
        this.ansi = live ? Ansi.ON : Ansi.OFF;
    }

    /** Begins a new table, below what is there. */
    void again() {
        linesDrawn = 0;
        lastLine = 0;
        lastFrame = 0;
        drawn.clear();
    }

    /** Prints a message. */
    void say(String text) {
        out.println(text);
        out.flush();
    }

    /**
     * Shows the current state, if enough time has passed.
     *
     * @param all how many examples there will be
     * @param seconds how long each learner has learned
     */
    void show(List<DemoLearner> demoLearners, int all, double[] seconds) {
        long common = common(demoLearners);
        if (common == 0 || demoLearners.stream().anyMatch(demoLearner -> demoLearner.weights() == null)) {
            return;
        }
        if (live && System.nanoTime() - lastFrame >= FRAME_NANOS) {
            lastFrame = System.nanoTime();
            draw(table(demoLearners, all, seconds));
        } else if (!live && common / LINE_EVERY > lastLine) {
            lastLine = common / LINE_EVERY;
            line(demoLearners);
        }
    }

    /** Shows the final state. */
    void last(List<DemoLearner> demoLearners, int all, double[] seconds) {
        if (live) {
            draw(table(demoLearners, all, seconds));
        } else {
            if (common(demoLearners) / LINE_EVERY > lastLine) {
                line(demoLearners);
            }
            say("");
            table(demoLearners, all, seconds).forEach(out::println);
        }
        say("");
    }

    /** How many examples all learners have metrics for. */
    private static long common(List<DemoLearner> demoLearners) {
        return demoLearners.stream().mapToLong(DemoLearner::measured).min().orElse(0);
    }

    private static List<Metrics> metrics(List<DemoLearner> demoLearners) {
        long common = common(demoLearners);
        return demoLearners.stream()
                .map(demoLearner -> demoLearner.metricsAt(common))
                .toList();
    }

    private void line(List<DemoLearner> demoLearners) {
        List<Metrics> metrics = metrics(demoLearners);
        Quality first = metrics.get(0).getOverall();
        StringBuilder line = new StringBuilder(format("%,7d flights  log loss", first.getExamples()));
        for (int i = 0; i < metrics.size(); i++) {
            line.append(format(
                    "  %s %.4f",
                    demoLearners.get(i).algorithm(), metrics.get(i).getOverall().getLogLoss()));
        }
        say(line.append(format("  base rate %.4f", first.getBaseRateLogLoss())).toString());
    }

    private void draw(List<String> table) {
        StringBuilder frame = new StringBuilder();
        if (linesDrawn > 0) {
            frame.append("\u001b[").append(linesDrawn).append('A');
        }
        for (String line : table) {
            frame.append(line).append("\u001b[K\n");
        }
        for (int i = table.size(); i < linesDrawn; i++) {
            frame.append("\u001b[K\n");
        }
        linesDrawn = Math.max(linesDrawn, table.size());
        out.print(frame);
        out.flush();
    }

    private List<String> table(List<DemoLearner> demoLearners, int all, double[] seconds) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < demoLearners.size(); i++) {
            lines.add(progress(demoLearners.get(i), all, seconds[i]));
        }
        List<Metrics> metrics = metrics(demoLearners);
        if (metrics.contains(null)) {
            return lines;
        }
        List<Quality> recent = metrics.stream().map(Metrics::getRecent).toList();
        List<Quality> overall = metrics.stream().map(Metrics::getOverall).toList();
        lines.add("");
        lines.add(format(
                "  %-12s%30s  %30s",
                "",
                format("the last %,d flights", recent.get(0).getExamples()),
                format("all %,d flights", overall.get(0).getExamples())));
        String names = names(demoLearners);
        lines.add(ansi.string("@|bold " + format("  %-12s%s  %s", "", names, names) + "|@"));
        lines.add(row("log loss", Quality::getLogLoss, Quality::getBaseRateLogLoss, x -> x, recent, overall));
        lines.add(row("AUC", Quality::getAuc, base -> 0.5, x -> -x, recent, overall));
        lines.add(row(
                "accuracy",
                Quality::getAccuracy,
                base -> Math.max(base.getMeanLabel(), 1 - base.getMeanLabel()),
                x -> -x,
                recent,
                overall));
        lines.add(row("calibration", Quality::getCalibration, base -> 1.0, x -> Math.abs(x - 1), recent, overall));
        if (metrics.get(0).getLabels() != null) {
            StringBuilder row = new StringBuilder(format("  %-12s", "in the air"));
            metrics.forEach(
                    record -> row.append(format("%,10d", record.getLabels().getWaiting())));
            lines.add(row.toString());
        }
        lines.add("");
        Map<Algorithm, Double> losses = new LinkedHashMap<>();
        for (int i = 0; i < demoLearners.size(); i++) {
            losses.put(demoLearners.get(i).algorithm(), overall.get(i).getLogLoss());
        }
        lines.add("  " + ansi.string("@|bold " + lead(losses) + "|@"));
        lines.add("");
        lines.addAll(curves(demoLearners));
        lines.add("");
        lines.addAll(weights(demoLearners));
        return lines;
    }

    private String progress(DemoLearner demoLearner, int all, double seconds) {
        int done = demoLearner.done();
        int filled = (int) ((long) BAR * done / all);
        return format("  %-5s", demoLearner.algorithm())
                + ansi.string("@|cyan " + "█".repeat(filled) + "|@@|faint " + "░".repeat(BAR - filled) + "|@")
                + format("  %,7d flights %,7.0f/s", done, seconds > 0 ? done / seconds : 0);
    }

    private static String names(List<DemoLearner> demoLearners) {
        StringBuilder names = new StringBuilder();
        demoLearners.forEach(demoLearner -> names.append(format("%10s", demoLearner.algorithm())));
        return names.append(format("%10s", "base rate")).toString();
    }

    /**
     * A row with a metric of each learner, and the same metric of always predicting the mean label.
     *
     * @param distance the distance from the best possible value; the learner with the smallest is highlighted
     */
    private String row(
            String name,
            Function<Quality, Double> figure,
            Function<Quality, Double> baseRate,
            Function<Double, Double> distance,
            List<Quality> recent,
            List<Quality> overall) {
        StringBuilder row = new StringBuilder(format("  %-12s", name));
        for (List<Quality> qualities : List.of(recent, overall)) {
            List<Double> figures = qualities.stream().map(figure).toList();
            double best = figures.stream()
                    .map(distance)
                    .min(Comparator.naturalOrder())
                    .orElseThrow();
            row.append(qualities == recent ? "" : "  ");
            for (double value : figures) {
                String cell = format("%10.4f", value);
                row.append(distance.apply(value) == best ? ansi.string("@|green " + cell + "|@") : cell);
            }
            row.append(format("%10.4f", baseRate.apply(qualities.get(0))));
        }
        return row.toString();
    }

    /**
     * A sentence that says which learner is ahead, and by how much.
     *
     * @param losses the log losses of two learners, by their algorithms
     */
    static String lead(Map<Algorithm, Double> losses) {
        List<Map.Entry<Algorithm, Double>> order =
                losses.entrySet().stream().sorted(Map.Entry.comparingByValue()).toList();
        Map.Entry<Algorithm, Double> better = order.get(0);
        Map.Entry<Algorithm, Double> worse = order.get(1);
        if (better.getValue().equals(worse.getValue())) {
            return format(
                    "%s and %s are level at a log loss of %.5f", better.getKey(), worse.getKey(), better.getValue());
        }
        return format(
                "%s is ahead by %.5f: its log loss is %.5f, and %s has %.5f",
                better.getKey(),
                worse.getValue() - better.getValue(),
                better.getValue(),
                worse.getKey(),
                worse.getValue());
    }

    /** The curves of the recent log loss, all on the same scale. */
    private List<String> curves(List<DemoLearner> demoLearners) {
        List<double[]> curves = demoLearners.stream().map(DemoLearner::curve).toList();
        double[] known = curves.stream()
                .flatMapToDouble(Arrays::stream)
                .filter(point -> !Double.isNaN(point))
                .toArray();
        double low = Arrays.stream(known).min().orElse(0);
        double high = Arrays.stream(known).max().orElse(0);
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < curves.size(); i++) {
            StringBuilder line = new StringBuilder();
            for (double point : curves.get(i)) {
                int level = high > low ? (int) ((point - low) / (high - low) * (SPARKS.length() - 1) + 0.5) : 0;
                line.append(Double.isNaN(point) ? ' ' : SPARKS.charAt(level));
            }
            lines.add(format(
                            "  %-16s %-5s",
                            i == 0 ? "recent log loss" : "", demoLearners.get(i).algorithm())
                    + ansi.string("@|green " + line + "|@"));
        }
        return lines;
    }

    /** The strongest weights of each learner, side by side. */
    private List<String> weights(List<DemoLearner> demoLearners) {
        StringBuilder[] lines = new StringBuilder[TOP + 1];
        Arrays.setAll(lines, i -> new StringBuilder("  "));
        for (DemoLearner demoLearner : demoLearners) {
            String title = format("%-38s", "strongest weights of " + demoLearner.algorithm());
            lines[0].append(ansi.string("@|bold " + title + "|@"));
            List<WeightsBoard.Strong> strongest = demoLearner.weights() == null
                    ? List.of()
                    : demoLearner.weights().strongest(TOP);
            for (int i = 0; i < TOP; i++) {
                lines[i + 1].append(
                        i < strongest.size() ? weight(demoLearner.algorithm(), strongest.get(i)) : format("%38s", ""));
            }
        }
        return Arrays.stream(lines).map(StringBuilder::toString).toList();
    }

    private String weight(Algorithm algorithm, WeightsBoard.Strong strong) {
        Double before = drawn.put(algorithm + " " + strong.name(), strong.weight());
        double change = before == null ? 0 : strong.weight() - before;
        String arrow = change > 5e-4 ? "▲" : change < -5e-4 ? "▼" : " ";
        return format("%-27s", strong.name())
                + ansi.string((strong.weight() > 0 ? "@|red " : "@|blue ") + format("%+8.3f", strong.weight()) + "|@")
                + " " + arrow + " ";
    }

    private static String format(String text, Object... arguments) {
        return String.format(Locale.ROOT, text, arguments);
    }
}
