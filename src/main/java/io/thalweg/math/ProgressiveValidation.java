package io.thalweg.math;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * How well a model predicts what it has not yet learned from (Blum, Kalai and Langford 1999): over all examples, and over recent
 * ones.
 *
 * <p>The recent window is two halves, each {@code window / 2} examples long. When the newer half is full it becomes the older
 * one. So it covers between half a window and a window, at the price of two tallies instead of a list of examples. Until the first
 * half is full it has the same sums as all examples, and is the same object: with thousands of models that is one less to fetch from
 * memory for each example.
 */
public final class ProgressiveValidation {
    private MetricSums overall = new MetricSums();
    private MetricSums older = new MetricSums();
    private MetricSums newer = overall;

    void add(double logit, double probability, double label, double importance, int window) {
        add(logit, probability, label, Logistic.logLoss(logit, label), importance, window);
    }

    /** The same with the log loss known. */
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

    /** Over all labelled examples. */
    public MetricSums overall() {
        return overall;
    }

    /** Over the recent window. */
    public MetricSums recent() {
        return older.plus(newer);
    }

    /** Writes the sums, to be read by {@link #read}. */
    public void write(DataOutput out) throws IOException {
        overall.write(out);
        older.write(out);
        (newer == overall ? new MetricSums() : newer).write(out);
    }

    /** Reads what {@link #write} wrote. */
    public static ProgressiveValidation read(DataInput in) throws IOException {
        ProgressiveValidation validation = new ProgressiveValidation();
        validation.overall = MetricSums.read(in);
        validation.older = MetricSums.read(in);
        // where the first half is not full yet, what was written of it is nothing, or the same once more
        MetricSums newer = MetricSums.read(in);
        validation.newer = validation.older.examples() == 0 ? validation.overall : newer;
        return validation;
    }
}
