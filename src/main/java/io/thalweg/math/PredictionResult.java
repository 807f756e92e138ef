package io.thalweg.math;

import java.util.Arrays;

/**
 * A prediction: the logit, the probability that the label is 1, and the version of the model that made it. It is all
 * that {@link Learner#learn} needs to know of a prediction, so it can be kept until the label is known. The object is
 * reused for the next prediction.
 */
public final class PredictionResult {
    private static final double[] NONE = {};

    private double logit;
    private double tail;
    private double probability;
    private long version;
    private double[] expertLogits = NONE;

    /** Creates a result that a prediction is to be stored in. */
    public PredictionResult() {}

    /**
     * Stores a prediction, without the logits of experts.
     *
     * @param madeBy the version of the model
     */
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
     * Restores a prediction that was made before.
     *
     * @param z its logit; finite
     * @param madeBy the version of the model that made it; 0 or more
     * @param experts the logits of the experts that were mixed; empty if none were
     */
    public void restore(double z, long madeBy, double[] experts) {
        set(z, madeBy, experts.length);
        System.arraycopy(experts, 0, expertLogits, 0, experts.length);
    }

    /** Returns the logit w·x + b. */
    public double logit() {
        return logit;
    }

    /** Returns the probability that the label is 1: σ of the logit, from 0 to 1. */
    public double probability() {
        return probability;
    }

    /** Returns the version of the model that made the prediction. */
    public long version() {
        return version;
    }

    /** Returns how many experts were mixed; 0 if none were. */
    public int expertCount() {
        return expertLogits.length;
    }

    /** Returns the logits of the experts that were mixed; empty if none were. A copy. */
    public double[] expertLogits() {
        return Arrays.copyOf(expertLogits, expertLogits.length);
    }

    /** Returns the logits of the experts themselves, for an optimizer to fill and to read. */
    double[] experts() {
        return expertLogits;
    }

    /**
     * Returns the log loss of the prediction for a label, in nats.
     *
     * @param label from 0 to 1
     */
    public double logLoss(double label) {
        return Logistic.logLoss(logit, label, tail);
    }
}
