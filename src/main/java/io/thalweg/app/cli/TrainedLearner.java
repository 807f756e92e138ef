package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.math.Example;
import io.thalweg.math.Logistic;
import io.thalweg.math.Model;
import io.thalweg.math.Rejection;
import io.thalweg.store.ModelEntry;
import io.thalweg.store.StartModels;
import io.thalweg.store.TaskState;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * A learner that makes several passes over a {@link TrainingSet}. After each pass it measures the weights as they are
 * then, and it keeps the best. It runs the same {@link LearningTask} as a learner on a topic.
 */
final class TrainedLearner {
    private static final int PROGRESS_EVERY = 4096;
    /** A pass has made progress if it lowers the least loss by at least this share. */
    private static final double PROGRESS = 1e-4;

    private final ThalwegConfig config;
    private final TrainingSet set;
    private final LearningTask task;
    private final Example x = new Example();

    private final List<Double> progressiveLosses = new ArrayList<>();
    private final List<Double> losses = new ArrayList<>();
    private final List<Double> heldOutLosses = new ArrayList<>();
    private List<Model> kept = List.of();
    private int pass;
    private double least = Double.POSITIVE_INFINITY;

    private int progressPass;
    private double progressLoss = Double.POSITIVE_INFINITY;

    private MeanLoss progressive = new MeanLoss();
    private MeanLoss training = new MeanLoss();
    private MeanLoss heldOut = new MeanLoss();
    private boolean learned;
    private String end;

    /** The mean log loss of predictions, each with its importance. */
    private static final class MeanLoss {
        private long examples;
        private double importance;
        private double loss;
        private double positives;

        void add(double logit, double label, double c) {
            examples++;
            importance += c;
            loss += c * Logistic.logLoss(logit, label);
            positives += c * label;
        }

        double mean() {
            return loss / importance;
        }
    }

    /** @param start what models begin with */
    TrainedLearner(ThalwegConfig config, TrainingSet set, StartModels start) {
        // nothing reports how far the weights have moved, and there is one task for all partitions
        this.config = config.with(ThalwegConfig.WEIGHTS_WINDOW, 0);
        this.set = set;
        task = new LearningTask(
                this.config,
                id -> {
                    throw new UnknownSchemaException(id);
                },
                config.getString(ThalwegConfig.MODEL_DEFAULT),
                TaskState.inMemory(),
                start);
    }

    /**
     * Makes a pass, and measures the weights at its end.
     *
     * @param seed that of the order of the examples; null for that in which they came
     * @param bad called with each example that cannot be used, or null to stop at the first
     * @param progress called from time to time with how many examples were read
     */
    void pass(Long seed, Consumer<String> bad, LongConsumer progress) {
        if (!learn(seed, bad, progress) || !measure(bad, progress)) {
            return;
        }
        progressiveLosses.add(progressive.mean());
        losses.add(training.mean());
        if (heldOut.examples > 0) {
            heldOutLosses.add(heldOut.mean());
        }
        double loss = heldOut.examples > 0 ? heldOut.mean() : training.mean();
        if (loss < least) {
            least = loss;
            pass = losses.size();
            kept = task.models().stream()
                    .map(ModelEntry::model)
                    .map(model -> model.copyAs(model.id()))
                    .toList();
        }
        if (loss < progressLoss * (1 - PROGRESS)) {
            progressLoss = loss;
            progressPass = losses.size();
        }
    }

    /** @return whether it came to the end */
    private boolean learn(Long seed, Consumer<String> bad, LongConsumer progress) {
        progressive = new MeanLoss();
        TrainingSet.Pass examples = set.read(seed);
        long read = 0;
        while (examples.next(x)) {
            if (++read % PROGRESS_EVERY == 0) {
                progress.accept(PROGRESS_EVERY);
            }
            if (examples.isHeldOut()) {
                continue;
            }
            x.label(examples.label());
            try {
                task.apply(examples.model(), x);
                progressive.add(task.prediction().logit(), x.label(), x.importance());
                learned |= x.importance() > 0;
            } catch (Rejection e) {
                if (!goesOnAfter(e, examples, bad)) {
                    return false;
                }
            }
        }
        return true;
    }

    private boolean goesOnAfter(Rejection e, TrainingSet.Pass examples, Consumer<String> bad) {
        String message = "%s: %s: %s".formatted(examples.where(), e.reason(), e.getMessage());
        if (bad == null) {
            end = message;
            return false;
        }
        bad.accept(message);
        return true;
    }

    /** @return whether it came to the end */
    private boolean measure(Consumer<String> bad, LongConsumer progress) {
        MeanLoss trainingNow = new MeanLoss();
        MeanLoss heldOutNow = new MeanLoss();
        TrainingSet.Pass examples = set.read(null);
        long read = 0;
        while (examples.next(x)) {
            if (++read % PROGRESS_EVERY == 0) {
                progress.accept(PROGRESS_EVERY);
            }
            try {
                task.apply(examples.model(), x);
                (examples.isHeldOut() ? heldOutNow : trainingNow)
                        .add(task.prediction().logit(), examples.label(), x.importance());
            } catch (Rejection e) {
                // the others were reported when they could not be learned from
                if (examples.isHeldOut() && !goesOnAfter(e, examples, bad)) {
                    return false;
                }
            }
        }
        training = trainingNow;
        heldOut = heldOutNow;
        return true;
    }

    ThalwegConfig config() {
        return config;
    }

    /** Whether it had to stop. */
    boolean hasEnded() {
        return end != null;
    }

    /** Why it had to stop; null if it did not. */
    String end() {
        return end;
    }

    /** Whether it has learned from an example with an importance above 0. */
    boolean hasLearned() {
        return learned;
    }

    /** Whether it could predict an example that is held out and has an importance above 0. */
    boolean isJudged() {
        return heldOut.importance > 0;
    }

    /** How many passes were made. */
    int passes() {
        return losses.size();
    }

    /** How many passes were made since one has made progress. */
    int passesInVain() {
        return losses.size() - progressPass;
    }

    /** The pass with the least loss, from 1; 0 if none was finite. */
    int pass() {
        return pass;
    }

    /** The least loss, by which the pass was chosen; infinite if none was finite. */
    double least() {
        return least;
    }

    /** The models as they were after that pass. */
    List<Model> kept() {
        return kept;
    }

    /** The mean log loss over the training set after each pass, of the weights at its end. */
    List<Double> losses() {
        return losses;
    }

    /** The same over the examples that are held out; empty if there are none. */
    List<Double> heldOutLosses() {
        return heldOutLosses;
    }

    /** The mean log loss of the predictions that each pass made before it learned from their labels. */
    List<Double> progressiveLosses() {
        return progressiveLosses;
    }

    /** How many examples the training set has, without those that are held out. */
    long examples() {
        return training.examples;
    }

    /** How many examples are held out. */
    long heldOut() {
        return heldOut.examples;
    }

    /** The mean label of the training set. */
    double baseRate() {
        return training.positives / training.importance;
    }

    /** The log loss of predicting the mean label of the training set for every example. */
    double baseRateLogLoss() {
        return Logistic.entropy(baseRate());
    }
}
