package io.thalweg.math;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * How well a model predicts what it has not yet learned from (Blum, Kalai and Langford 1999): over all examples, and over recent
 * ones.
 *
 * <p>The recent window is two halves, each {@code window / 2} examples long. When the newer half is full it becomes the older
 * one. So it covers between half a window and a window, at the price of two tallies instead of a list of examples.
 */
public final class ProgressiveValidation {
    private Tally overall = new Tally();
    private Tally older = new Tally();
    private Tally newer = new Tally();

    void add(double logit, double probability, double label, double importance, int window) {
        add(logit, probability, label, Logistic.logLoss(logit, label), importance, window);
    }

    /** The same with the log loss known. */
    void add(double logit, double probability, double label, double logLoss, double importance, int window) {
        if (newer.examples() >= window / 2) {
            older = newer;
            newer = new Tally();
        }
        overall.add(logit, probability, label, logLoss, importance);
        newer.add(logit, probability, label, logLoss, importance);
    }

    /** Over all labelled examples. */
    public Tally overall() {
        return overall;
    }

    /** Over the recent window. */
    public Tally recent() {
        return older.plus(newer);
    }

    /** Writes the sums, to be read by {@link #read}. */
    public void write(DataOutput out) throws IOException {
        overall.write(out);
        older.write(out);
        newer.write(out);
    }

    /** Reads what {@link #write} wrote. */
    public static ProgressiveValidation read(DataInput in) throws IOException {
        ProgressiveValidation validation = new ProgressiveValidation();
        validation.overall = Tally.read(in);
        validation.older = Tally.read(in);
        validation.newer = Tally.read(in);
        return validation;
    }
}
