package io.thalweg.math;

/**
 * What a step moves the probability toward. A step follows the derivative of a loss by the logit, its residual r, and
 * so moves the probability a toward a − r. For the log loss, r = a − y, and that is the label y.
 *
 * <p>A model that cannot wait for labels takes the step of a negative at once, and corrects it when the label comes.
 * The residuals of the two steps are those of the fake-negative-weighted loss (Ktena et al., <i>Addressing Delayed
 * Feedback for Continuous Training with Neural Networks in CTR prediction</i>, RecSys 2019), with the gradient not
 * taken through the weights 1 + a and 1 − a: (1 − a²)·a for the negative, and −(1 − a²) for a positive that comes
 * later. If the label is 1 with probability p, they add up to 0 where a = p.
 */
public enum StepTarget {
    /** The label: r = a − y. */
    LABEL(true) {
        @Override
        double of(double a, double y, double earlier) {
            return y;
        }
    },
    /** A negative, until the label comes: r = (1 − a²)·a. */
    PROVISIONAL_NEGATIVE(false) {
        @Override
        double of(double a, double y, double earlier) {
            return a * a * a;
        }
    },
    /** The label, after a provisional negative: r = −y·(1 − a²). */
    LABEL_AFTER_PROVISIONAL(true) {
        @Override
        double of(double a, double y, double earlier) {
            return a + y * (1 - a * a);
        }
    },
    /** Another label than the one that was learned from earlier, y₀: r = y₀ − y, because residuals are affine in y. */
    REVISED_LABEL(false) {
        @Override
        double of(double a, double y, double earlier) {
            return a + (y - earlier);
        }
    },
    /** The same where the earlier label came after a provisional negative: r = (y₀ − y)·(1 − a²). */
    REVISED_AFTER_PROVISIONAL(false) {
        @Override
        double of(double a, double y, double earlier) {
            return a + (y - earlier) * (1 - a * a);
        }
    };

    private final boolean isFirstLabel;

    StepTarget(boolean isFirstLabel) {
        this.isFirstLabel = isFirstLabel;
    }

    /**
     * Returns whether the step is the first for which the label is known. Only then is the prediction counted in the
     * metrics, and only then do the shares of a mixture move.
     */
    boolean isFirstLabel() {
        return isFirstLabel;
    }

    /**
     * Returns what the probability moves toward.
     *
     * @param a the probability now, from 0 to 1
     * @param y the label, from 0 to 1
     * @param earlier the label that was learned from earlier, from 0 to 1; ignored if there was none
     * @return a − r
     */
    abstract double of(double a, double y, double earlier);
}
