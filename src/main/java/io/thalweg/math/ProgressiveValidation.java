package io.thalweg.math;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * How well a model predicts examples that it has not learned from yet (Blum, Kalai and Langford 1999): over all
 * examples, and over recent ones.
 *
 * <p>The recent window consists of two halves of {@code window / 2} examples each. When the newer half is full, it
 * becomes the older one. So the window covers between {@code window / 2} and {@code window} examples, and needs two
 * sums instead of a list of examples. Until the first half is full, it is the same object as the
 * sums over all examples: with thousands of models, that is one less cache miss for each example.
 */
public final class ProgressiveValidation {
    private MetricSums overall = new MetricSums();
    private MetricSums older = new MetricSums();
    private MetricSums newer = overall;

    /** Returns a copy, to which examples can be added. */
    ProgressiveValidation copy() {
        ProgressiveValidation copy = new ProgressiveValidation();
        MetricSums none = new MetricSums();
        copy.overall = none.plus(overall);
        copy.older = none.plus(older);
        copy.newer = newer == overall ? copy.overall : none.plus(newer);
        return copy;
    }

    /** Adds a prediction and its label. */
    void add(double logit, double probability, double label, double importance, int window) {
        add(logit, probability, label, Logistic.logLoss(logit, label), importance, window);
    }

    /** Adds a prediction and its label, with the log loss already computed. */
    void add(double logit, double probability, double label, double logLoss, double importance, int window) {
        if (newer.examples() >= window / 2) {
            older = newer == overall ? new MetricSums().plus(overall) : newer;
            newer = new MetricSums();
        }
        overall.add(logit, probability, label, logLoss, importance);
        if (newer != overall) {
            newer.add(logit, probability, label, logLoss, importance);
        }
    }

    /** Returns the sums over all labeled examples. */
    public MetricSums overall() {
        return overall;
    }

    /** Returns the sums over the recent window. */
    public MetricSums recent() {
        return older.plus(newer);
    }

    /**
     * Returns a copy of the sums over all labeled examples, without what the area under the curve needs, which is NaN
     * in it.
     */
    public MetricSums overallMeans() {
        return overall.plusMeans(new MetricSums());
    }

    /**
     * Returns the sums over the recent window without what the area under the curve needs, which is NaN in them. They
     * are much cheaper than {@link #recent()}.
     */
    public MetricSums recentMeans() {
        return older.plusMeans(newer);
    }

    /** Writes the sums; {@link #read} reads them. */
    public void write(DataOutput out) throws IOException {
        overall.write(out);
        older.write(out);
        (newer == overall ? new MetricSums() : newer).write(out);
    }

    /** Reads sums that {@link #write} wrote. */
    public static ProgressiveValidation read(DataInput in) throws IOException {
        ProgressiveValidation validation = new ProgressiveValidation();
        validation.overall = MetricSums.read(in);
        validation.older = MetricSums.read(in);
        // while the first half is not full, the newer sums are not written, or are those over all examples
        MetricSums newer = MetricSums.read(in);
        validation.newer = validation.older.examples() == 0 ? validation.overall : newer;
        return validation;
    }
}
