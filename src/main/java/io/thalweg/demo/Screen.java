package io.thalweg.demo;

import io.thalweg.avro.Metrics;
import io.thalweg.runtime.WeightsBoard;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Help.Ansi;

/**
 * What the demo shows while it runs: a table that is drawn over itself on a terminal, and a line now and then where it is not
 * one.
 */
public final class Screen {
    private static final int WIDTH = 72;
    private static final int TOP = 10;
    private static final long FRAME_NANOS = 200_000_000;
    private static final int LINE_EVERY = 10_000;
    private static final String SPARKS = "▁▂▃▄▅▆▇█";

    private final PrintWriter out;
    private final boolean live;
    private final Ansi ansi;
    private final List<Double> losses = new ArrayList<>();
    private final Map<String, Double> drawn = new HashMap<>();
    private int linesDrawn;
    private long lastFrame;
    private int lastLine;

    /** @param live whether {@code out} is a terminal that can be drawn over */
    public Screen(PrintWriter out, boolean live) {
        this.out = out;
        this.live = live;
        this.ansi = live ? Ansi.ON : Ansi.OFF;
    }

    /** Says what goes on. */
    void say(String text) {
        out.println(text);
        out.flush();
    }

    /** Takes in a point of the curve. */
    void point(Metrics metrics) {
        losses.add(metrics.getRecent().getLogLoss());
    }

    /** Shows how it stands, if it is time to. */
    void show(int done, int all, double seconds, Metrics metrics, WeightsBoard.Board weights) {
        if (metrics == null || weights == null) {
            return;
        }
        if (live && System.nanoTime() - lastFrame >= FRAME_NANOS) {
            lastFrame = System.nanoTime();
            draw(table(done, all, seconds, metrics, weights));
        } else if (!live && done / LINE_EVERY > lastLine) {
            lastLine = done / LINE_EVERY;
            line(done, all, seconds, metrics);
        }
    }

    /** Shows how it ended. */
    void last(int done, int all, double seconds, Metrics metrics, WeightsBoard.Board weights) {
        List<String> table = table(done, all, seconds, metrics, weights);
        if (live) {
            draw(table);
        } else {
            if (done / LINE_EVERY > lastLine) {
                line(done, all, seconds, metrics);
            }
            table.forEach(out::println);
        }
        out.println();
        out.flush();
    }

    private void line(int done, int all, double seconds, Metrics metrics) {
        say(String.format(
                Locale.ROOT,
                "%,7d of %,d  log loss recent %.4f (base rate %.4f) overall %.4f (base rate %.4f)  AUC %.4f  %,.0f examples/s",
                done,
                all,
                metrics.getRecent().getLogLoss(),
                metrics.getRecent().getBaseRateLogLoss(),
                metrics.getOverall().getLogLoss(),
                metrics.getOverall().getBaseRateLogLoss(),
                metrics.getOverall().getAuc(),
                done / seconds));
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

    private List<String> table(int done, int all, double seconds, Metrics metrics, WeightsBoard.Board weights) {
        List<String> lines = new ArrayList<>();
        int filled = (int) ((long) WIDTH * done / all);
        lines.add("");
        lines.add(ansi.string("@|cyan " + "█".repeat(filled) + "|@@|faint " + "░".repeat(WIDTH - filled) + "|@"));
        lines.add(format(
                "  %,d of %,d flights   %,.0f examples/s   version %,d", done, all, done / seconds, weights.version()));
        lines.add("");
        lines.add(ansi.string("@|bold " + format("  %-18s%10s%10s", "", "recent", "overall") + "|@"));
        lines.add(format(
                "  %-18s%,10d%,10d",
                "examples",
                metrics.getRecent().getExamples(),
                metrics.getOverall().getExamples()));
        lines.add(format(
                "  %-18s%10.4f%10.4f",
                "log loss",
                metrics.getRecent().getLogLoss(),
                metrics.getOverall().getLogLoss()));
        lines.add(format(
                "  %-18s%10.4f%10.4f",
                "  the base rate's",
                metrics.getRecent().getBaseRateLogLoss(),
                metrics.getOverall().getBaseRateLogLoss()));
        lines.add(format(
                "  %-18s%10.4f%10.4f",
                "AUC", metrics.getRecent().getAuc(), metrics.getOverall().getAuc()));
        lines.add(format(
                "  %-18s%10.4f%10.4f",
                "accuracy",
                metrics.getRecent().getAccuracy(),
                metrics.getOverall().getAccuracy()));
        lines.add(format(
                "  %-18s%10.4f%10.4f",
                "calibration",
                metrics.getRecent().getCalibration(),
                metrics.getOverall().getCalibration()));
        lines.add("");
        lines.add("  recent log loss " + ansi.string("@|green " + sparkline() + "|@"));
        lines.add("");
        lines.add(ansi.string("@|bold " + format("  %-34s%9s   ", "strongest weights", "w") + "|@"));
        List<WeightsBoard.Strong> strongest = weights.strongest(TOP);
        double scale = strongest.isEmpty() ? 1 : Math.abs(strongest.get(0).weight());
        for (WeightsBoard.Strong strong : strongest) {
            lines.add(row(strong, scale));
        }
        return lines;
    }

    private String row(WeightsBoard.Strong strong, double scale) {
        String bar = "█".repeat((int) Math.round(20 * Math.abs(strong.weight()) / scale));
        double change = strong.weight() - drawn.getOrDefault(strong.name(), strong.weight());
        drawn.put(strong.name(), strong.weight());
        String arrow = change > 5e-4 ? "▲" : change < -5e-4 ? "▼" : " ";
        return format("  %-34s%+9.3f %s ", strong.name(), strong.weight(), arrow)
                + ansi.string((strong.weight() > 0 ? "@|red " : "@|blue ") + bar + "|@");
    }

    /** The curve so far, as many points as fit, each the mean of those it stands for. */
    private String sparkline() {
        int points = Math.min(losses.size(), WIDTH - 20);
        if (points == 0) {
            return "";
        }
        double[] means = new double[points];
        for (int i = 0; i < points; i++) {
            int from = i * losses.size() / points;
            int to = (i + 1) * losses.size() / points;
            means[i] = losses.subList(from, to).stream()
                    .mapToDouble(Double::doubleValue)
                    .average()
                    .orElseThrow();
        }
        double low = Arrays.stream(means).min().orElseThrow();
        double high = Arrays.stream(means).max().orElseThrow();
        StringBuilder line = new StringBuilder();
        for (double mean : means) {
            int level = high > low ? (int) ((mean - low) / (high - low) * (SPARKS.length() - 1) + 0.5) : 0;
            line.append(SPARKS.charAt(level));
        }
        return line + format(" %.3f", losses.get(losses.size() - 1));
    }

    private static String format(String text, Object... arguments) {
        return String.format(Locale.ROOT, text, arguments);
    }
}
