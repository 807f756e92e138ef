package io.thalweg.app.cli;

import io.thalweg.app.cli.EvaluationReport.Late;
import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.config.ThalwegConfig;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.PriorityQueue;

/**
 * The labels of a file that come later than their events. It gives the events to an {@link Evaluation} without them, in
 * the order of the file, and each label when the events have reached its time. A label that is older than its event
 * comes right after it.
 *
 * <p>A prediction is judged by the label that the file has for its event, even if that comes too late to be learned
 * from: else the figures under a short wait would leave out, or count as negatives, what a long wait knows.
 */
final class DelayedLabels {
    /** A label on its way. */
    private record Coming(long time, long line, String model, double label) {}

    /** Is told of a label that the model could not learn from. */
    interface BadLabels {
        void bad(long line, BadLineException e);
    }

    private final Evaluation evaluation;
    private final DelayOptions options;
    private final BadLabels badLabels;
    private final long waitMs;
    /** The label of all that come, if the file has none; NaN if each has its own. */
    private final double constant;
    /** Whether an event without a label is a negative. */
    private final boolean missingIsNegative;

    private final PriorityQueue<Coming> coming =
            new PriorityQueue<>(Comparator.comparingLong(Coming::time).thenComparingLong(Coming::line));
    private final OutcomeCounts outcomes = new OutcomeCounts();
    private long now;
    private long labels;

    DelayedLabels(ThalwegConfig config, Evaluation evaluation, DelayOptions options, BadLabels badLabels) {
        this.evaluation = evaluation;
        this.options = options;
        this.badLabels = badLabels;
        waitMs = config.getLong(ThalwegConfig.LABELS_WAIT_MS);
        constant = options.labelTime() == null
                ? Double.NaN
                : config.labelsMapping().constantLabel();
        missingIsNegative = isMissingNegative(config);
    }

    /** Returns whether an event whose label does not come in time counts as a negative. */
    static boolean isMissingNegative(ThalwegConfig config) {
        return config.getString(ThalwegConfig.LABELS_POLICY).equals("provisional")
                || config.getString(ThalwegConfig.LABELS_MISSING).equals("negative");
    }

    /**
     * Takes the labels that have come by the time of a line, and then the line.
     *
     * @throws BadLineException if the learner cannot use the line
     */
    void take(Line line) throws BadLineException {
        long time = time(line);
        takeLabels(Math.max(now, time));
        if (line.example() == null) {
            evaluation.takeEvent(line, null, null, time, outcomes);
            return;
        }
        Double inFile = line.example().getLabel();
        boolean comes = options.labelTime() == null ? inFile != null : line.labelTime() != null;
        Double label = inFile == null && comes && !Double.isNaN(constant) ? (Double) constant : inFile;
        if (comes && label == null) {
            throw new BadLineException(
                    "it has the time of a label, but no label; if all that came are 1, set labels.label=1");
        }
        Double judge = label == null && missingIsNegative ? (Double) 0.0 : label;
        evaluation.takeEvent(line, id(line.number()), judge, time, outcomes);
        now = Math.max(now, time);
        if (comes) {
            long at = options.labelTime() == null ? time + options.delay() : line.labelTime();
            coming.add(new Coming(at, line.number(), evaluation.modelId(line), label));
        }
    }

    private long time(Line line) {
        if (options.time() == null) {
            return line.number() * DelayOptions.ROW_MS;
        }
        // a line that deletes a model has none
        return line.time() == null ? now : line.time();
    }

    private static byte[] id(long line) {
        return String.valueOf(line).getBytes(StandardCharsets.UTF_8);
    }

    private void takeLabels(long until) {
        while (!coming.isEmpty() && coming.peek().time <= until) {
            Coming next = coming.poll();
            labels++;
            now = Math.max(now, next.time);
            try {
                evaluation.takeLabel(next.model, id(next.line), next.label, next.time, outcomes);
            } catch (BadLineException e) {
                badLabels.bad(next.line, e);
            }
        }
    }

    /** Takes what is still to come after the last line, and lets the time go on until no event waits. */
    void end() {
        takeLabels(Long.MAX_VALUE);
        evaluation.advanceTo(now > Long.MAX_VALUE - waitMs - 1 ? Long.MAX_VALUE : now + waitMs + 1, outcomes);
    }

    /** What came of the labels. */
    Late figures() {
        return outcomes.figures(labels);
    }
}
