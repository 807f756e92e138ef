package io.thalweg.app.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Quality;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.math.Algorithm;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ScreenTest {
    private static final int ALL = 100_000;

    private static final Pattern MARKED = Pattern.compile("\u001b\\[32m *([0-9.]+)");

    private final StringWriter text = new StringWriter();
    private final PrintWriter out = new PrintWriter(text);
    private final DemoLearner sgd = new DemoLearner(Algorithm.SGD, ALL, Screen.POINTS, false);
    private final DemoLearner auto = new DemoLearner(Algorithm.AUTO, ALL, Screen.POINTS, false);

    private static Quality quality(long examples, double logLoss, double auc, double calibration) {
        return new Quality(examples, (double) examples, logLoss, 0.57, 0.77, auc, 0.0, 0.25, 0.25, calibration);
    }

    private static Metrics metrics(long examples, double overall, double recent) {
        return metrics(quality(examples, overall, 0.75, 1.01), quality(Math.min(examples, 10_000), recent, 0.7, 1.02));
    }

    private static Metrics metrics(Quality overall, Quality recent) {
        return Metrics.newBuilder()
                .setModel("m")
                .setVersion(overall.getExamples())
                .setOverall(overall)
                .setRecent(recent)
                .setLearningRate(0.05)
                .build();
    }

    private static Weights weights(long version, double bias, Weight... weights) {
        return Weights.newBuilder()
                .setModel("m")
                .setVersion(version)
                .setBias(bias)
                .setWeights(List.of(weights))
                .setL2Norm(0.0)
                .setChange(0.0)
                .setLearningRate(0.05)
                .setBlocks(1)
                .build();
    }

    private static Weight weight(int feature, String name, double weight) {
        return new Weight(feature, name, weight, null);
    }

    private void begin() {
        sgd.take("m", weights(1, 0, weight(1, "destination=ORD:weekday=Mon", -12.345)));
        auto.take("m", weights(1, 0, weight(1, "destination=ORD:weekday=Mon", 0.5), weight(2, "hour=5", -2.25)));
        for (DemoLearner demoLearner : List.of(sgd, auto)) {
            demoLearner.take(new Prediction("a", 0.5, 0.0, 0L, 1.0, Math.log(2), 0, 0L, null));
        }
    }

    private List<String> shown() {
        new Screen(out, false).last(List.of(sgd, auto), ALL, new double[] {2, 4});
        out.flush();
        return text.toString().lines().toList();
    }

    /** The cells of a row, behind its name. */
    private static List<String> cells(List<String> lines, String name) {
        String row = lines.stream()
                .filter(line -> line.startsWith("  " + name))
                .findFirst()
                .orElseThrow();
        return List.of(row.substring(2 + name.length()).trim().split(" +"));
    }

    @Test
    void comparesAfterTheSameExamplesAlthoughOneIsFurther() {
        begin();
        sgd.take(metrics(100, 0.61, 0.61));
        sgd.take(metrics(200, 0.60, 0.59));
        sgd.take(metrics(300, 0.10, 0.10));
        auto.take(metrics(100, 0.63, 0.63));
        auto.take(metrics(200, 0.58, 0.60));

        List<String> lines = shown();

        assertThat(cells(lines, "log loss"))
                .containsExactly("0.5900", "0.6000", "0.5700", "0.6000", "0.5800", "0.5700");
        assertThat(lines)
                .contains("  auto is ahead by 0.02000: its log loss is 0.58000, and sgd has 0.60000")
                .anyMatch(line -> line.strip().matches("the last 200 flights +all 200 flights"));
    }

    @Test
    void metricsOfTheSlowerAreStillThereWhenTheFasterHasBeenLookedAt() {
        begin();
        sgd.take(metrics(100, 0.61, 0.61));
        auto.take(metrics(100, 0.63, 0.63));
        sgd.take(metrics(200, 0.60, 0.59));
        shown();
        auto.take(metrics(200, 0.58, 0.60));
        text.getBuffer().setLength(0);

        assertThat(cells(shown(), "log loss"))
                .containsExactly("0.5900", "0.6000", "0.5700", "0.6000", "0.5800", "0.5700");
    }

    @Test
    void besideStandsWhatAlwaysPredictingTheMeanLabelWouldGive() {
        begin();
        for (DemoLearner demoLearner : List.of(sgd, auto)) {
            demoLearner.take(metrics(100, 0.6, 0.6));
        }

        List<String> lines = shown();

        // the mean label is 0.25
        assertThat(cells(lines, "accuracy")).element(2).isEqualTo("0.7500");
        assertThat(cells(lines, "AUC")).element(5).isEqualTo("0.5000");
        assertThat(cells(lines, "calibration"))
                .containsExactly("1.0200", "1.0200", "1.0000", "1.0100", "1.0100", "1.0000");
        assertThat(lines).contains("  sgd and auto are level at a log loss of 0.60000");
    }

    @Test
    void marksTheBetterOfEachFigure() {
        begin();
        sgd.take(metrics(quality(100, 0.50, 0.75, 0.97), quality(100, 0.50, 0.75, 1.01)));
        auto.take(metrics(quality(100, 0.49, 0.74, 1.02), quality(100, 0.49, 0.74, 1.02)));

        new Screen(out, true).last(List.of(sgd, auto), ALL, new double[] {2, 4});
        out.flush();

        List<String> marked = MARKED.matcher(text.toString())
                .results()
                .map(mark -> mark.group(1))
                .toList();
        assertThat(marked)
                .containsExactly(
                        "0.4900", "0.4900", "0.7500", "0.7500", "0.7700", "0.7700", "0.7700", "0.7700", "1.0100",
                        "1.0200");
    }

    @Test
    void theCurvesShareOneScaleAndOneAxis() {
        begin();
        // halfway: the second is at half of the range of the first, and has not come as far
        for (int i = 1; i <= 50; i++) {
            sgd.take(metrics(i * 1000L, 0.5, i <= 25 ? 0.9 : 0.2));
        }
        for (int i = 1; i <= 25; i++) {
            auto.take(metrics(i * 1000L, 0.5, 0.55));
        }

        List<String> lines = shown();

        int half = Screen.POINTS / 2;
        assertThat(lines)
                .contains("  recent log loss  sgd  " + "█".repeat(half / 2) + "▁".repeat(half / 2) + " ".repeat(half))
                .contains("                   auto " + "▅".repeat(half / 2) + " ".repeat(half + half / 2));
    }

    @Test
    void theTableFitsATerminalOf80ColumnsAnd24Lines() {
        for (DemoLearner demoLearner : List.of(sgd, auto)) {
            List<Weight> weights = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                weights.add(weight(i, "destination=ORD:weekday=M" + (10 + i), -99.5 + i));
            }
            demoLearner.take("m", weights(1, 0, weights.toArray(Weight[]::new)));
            for (int i = 0; i < ALL; i++) {
                demoLearner.take(new Prediction("a", 0.5, 0.0, 0L, 1.0, Math.log(2), 0, (long) i, null));
            }
            demoLearner.take(metrics(ALL, 0.5, 0.5));
        }
        StringWriter live = new StringWriter();
        PrintWriter terminal = new PrintWriter(live);
        new Screen(terminal, true).show(List.of(sgd, auto), ALL, new double[] {0.5, 0.5});
        terminal.flush();

        List<String> lines = live.toString()
                .replaceAll("\u001b\\[[0-9;]*[A-Za-z]", "")
                .lines()
                .toList();
        // the cursor stands on the line below
        assertThat(lines).hasSizeBetween(20, 23).allMatch(line -> line.length() < 80);
    }

    @Test
    void saysWhoIsAheadAndByHowMuch() {
        Map<Algorithm, Double> losses = new LinkedHashMap<>();
        losses.put(Algorithm.SGD, 0.25);
        losses.put(Algorithm.AUTO, 0.375);
        assertThat(Screen.lead(losses))
                .isEqualTo("sgd is ahead by 0.12500: its log loss is 0.25000, and auto has 0.37500");
    }
}
