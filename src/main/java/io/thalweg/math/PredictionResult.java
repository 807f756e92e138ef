package io.thalweg.math;

import java.util.Arrays;

/**
 * A prediction: the logit, the probability that the label is 1, and the version of the model that made it. It is all that
 * {@link Learner#learn} needs to know of a prediction, so it can be kept until the label is known. Used again for the next prediction.
 */
public final class PredictionResult {
    private static final double[] NONE = {};

    private double logit;
    private double tail;
    private double probability;
    private long version;
    private double[] expertLogits = NONE;

    /** A prediction that has yet to be made. */
    public PredictionResult() {}

    /** Sets it. @param madeBy the version of the model */
    void set(double z, long madeBy, int experts) {
        logit = z;
        tail = Logistic.tail(z);
        probability = Logistic.probability(z, tail);
        version = madeBy;
        if (expertLogits.length != experts) {
            expertLogits = new double[experts];
        }
    }

    /**
     * Takes back a prediction that was made before.
     *
     * @param z its logit; finite
     * @param madeBy the version of the model that made it; 0 or more
     * @param experts the logits of the experts that were mixed; empty if none were
     */
    public void restore(double z, long madeBy, double[] experts) {
        set(z, madeBy, experts.length);
        System.arraycopy(experts, 0, expertLogits, 0, experts.length);
    }

    /** The logit w·x + b. */
    public double logit() {
        return logit;
    }

    /** The probability that the label is 1: σ of the logit, 0 to 1. */
    public double probability() {
        return probability;
    }

    /** The version of the model that made it. */
    public long version() {
        return version;
    }

    /** The logits of the experts that were mixed; empty if none were. */
    public double[] expertLogits() {
        return Arrays.copyOf(expertLogits, expertLogits.length);
    }

    /** The same array, for an optimizer to fill and to read. */
    double[] experts() {
        return expertLogits;
    }

    /** The log loss of the prediction, in nats, when this label came true. @param label 0 to 1 */
    public double logLoss(double label) {
        return Logistic.logLoss(logit, label, tail);
    }
}
