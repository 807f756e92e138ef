package io.thalweg.math;

/** What came of an example: the prediction, and whether the model learned from it. Used again for the next one. */
public final class PredictionResult {
    Model model;
    double logit;
    double probability;
    long version;
    boolean learned;
    double label;
    double logLoss;

    /** The model, after the step; null if there is none yet and the example has no label. */
    public Model model() {
        return model;
    }

    /** w·x + b, before the step. */
    public double logit() {
        return logit;
    }

    /** The probability that the label is 1, before the step. */
    public double probability() {
        return probability;
    }

    /** The version of the model before the step. */
    public long version() {
        return version;
    }

    /** Whether there was a label, and so a step. */
    public boolean learned() {
        return learned;
    }

    /** The label; NaN without one. */
    public double label() {
        return label;
    }

    /** The log loss of the prediction, in nats; NaN without a label. */
    public double logLoss() {
        return logLoss;
    }
}
