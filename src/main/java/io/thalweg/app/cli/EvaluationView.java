package io.thalweg.app.cli;

import io.thalweg.app.cli.EvaluationReport.Late;
import io.thalweg.app.view.Figures;
import io.thalweg.app.view.Printable;
import io.thalweg.app.view.Table;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Model;
import io.thalweg.output.WeightsRecords;
import io.thalweg.runtime.WeightsBoard;
import io.thalweg.runtime.WeightsBoard.Strong;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Prints an {@link EvaluationReport} for people, and the strongest weights of the model that has learned most. */
final class EvaluationView {
    private static final int BAR = 12;
    /** With fewer models, the file is more likely short than the ids wrong. */
    private static final int MANY_MODELS = 20;

    private final PrintWriter out;
    private final PrintWriter err;
    private final int top;

    /** @param top how many weights to print */
    EvaluationView(PrintWriter out, PrintWriter err, int top) {
        this.out = out;
        this.err = err;
        this.top = top;
    }

    /**
     * Prints a report.
     *
     * @param models the models of the evaluation
     */
    void show(EvaluationReport report, List<Model> models) {
        out.println(String.format(
                Locale.ROOT,
                "%-12s %,d%s in %.2f s (%,.0f per second); %s%s",
                "examples",
                report.examples(),
                report.unlabelled() == 0
                        ? ""
                        : String.format(Locale.ROOT, ", and %,d without a label,", report.unlabelled()),
                report.seconds(),
                report.examplesPerSecond(),
                report.algorithm(),
                options(report)));
        show("log loss", report.logLoss());
        show("base rate's", report.baseRateLogLoss());
        show("accuracy", report.accuracy());
        show("AUC", report.auc());
        show("calibration", report.calibration());
        if (report.late() != null) {
            show(report.late());
        }
        long metOnce = models.stream().filter(model -> model.version() <= 1).count();
        boolean mostMetOnce = models.size() >= MANY_MODELS && 2 * metOnce > models.size();
        if (mostMetOnce) {
            err.println(
                    "warning: %,d of %,d models have learned from at most one example, which helps no prediction; if"
                                    .formatted(metOnce, models.size())
                            + " these are not ids of models, set %s=fixed:NAME for one model, or %1$s=field:NAME"
                                    .formatted(ThalwegConfig.MODEL_FROM));
        }
        if (report.isWorseThanBaseRate() && !mostMetOnce) {
            err.println("worse than always predicting the base rate: "
                    + (report.isMixture()
                            ? "the features may say nothing about the label, or there are too few examples"
                            : "try algorithm = auto, scaling = standard, or a lower learning.rate"));
        }
        EvaluationReport.mostLearned(models).ifPresent(model -> showWeights(model, models.size()));
        out.flush();
    }

    /** The words for labels that are all 0 or all 1; empty for others. @param baseRate their mean */
    static Optional<String> wordsIfEveryLabelIs(double baseRate) {
        return baseRate == 0 || baseRate == 1
                ? Optional.of("every label is %.0f, so there is nothing to distinguish".formatted(baseRate))
                : Optional.empty();
    }

    private static String options(EvaluationReport report) {
        if (report.isMixture()) {
            return ": " + Figures.mixture(report.mixture());
        }
        return (report.scaling().equals("none") ? "" : ", scaling " + report.scaling()) + ", learning rate "
                + Figures.brief(report.learningRate());
    }

    private void show(String name, double metric) {
        out.println("%-12s %s"
                .formatted(name, Double.isNaN(metric) ? Figures.NONE : String.format(Locale.ROOT, "%.5f", metric)));
    }

    private void show(Late late) {
        out.println(String.format(
                Locale.ROOT,
                "%-12s %,d, %,d of them in time, with a median delay of %s; %,d examples given up",
                "labels",
                late.labels(),
                late.inTime(),
                Figures.duration(late.delayP50Ms()),
                late.givenUp()));
    }

    private void showWeights(Model model, int models) {
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
                        : " of %s, which has learned the most of %,d models"
                                .formatted(Printable.of(model.id()), models),
                Figures.signed(model.bias())));
        Table table = new Table(Table.Column.left("", 0), Table.Column.right("", 0), Table.Column.left("", 0));
        for (int pass = 0; pass < 2; pass++) {
            for (Strong strong : strongest) {
                String row = table.row(
                        "  " + Printable.of(strong.name()),
                        Figures.signed(strong.weight()),
                        Figures.bar(Math.abs(strong.weight() / strongest.get(0).weight()), BAR));
                // the first pass only determines how wide the columns are
                if (pass == 1) {
                    out.println(row);
                }
            }
        }
    }
}
