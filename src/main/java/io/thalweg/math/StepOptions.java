package io.thalweg.math;

/**
 * What a step may do besides following the gradient of the log loss.
 *
 * @param scaling how features are scaled
 * @param l1 the charge of the objective for Σ|v|; finite, 0 or more
 * @param l2 the charge of the objective for half of Σv²; finite, 0 or more
 * @param clip the largest Euclidean norm of an example's gradient; finite, 0 for no limit
 * @param importanceInvariant whether an example of importance h + k does the same as one of h followed by one of k
 * @param ftrlBeta β of FTRL-Proximal; finite, 0 or more
 */
public record StepOptions(
        Scaling scaling, double l1, double l2, double clip, boolean importanceInvariant, double ftrlBeta) {
    /** Raw units. */
    public static final StepOptions NONE = new StepOptions(Scaling.NONE, 0, 0, 0, false, 1);

    /** The units in which an optimizer holds its weights. Weights are published in raw units in any case. */
    public enum Scaling {
        /** Raw units. */
        NONE,
        /** Features divided by their largest |x| so far. */
        MAX_ABS,
        /** Features less their mean, divided by their deviation, as in {@link FeatureScale}. */
        STANDARD
    }

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one of them is negative or not finite
     */
    public StepOptions {
        check("l1", l1);
        check("l2", l2);
        check("the largest gradient", clip);
        check("β", ftrlBeta);
    }

    private static void check(String what, double value) {
        if (!(value >= 0) || Double.isInfinite(value)) {
            throw new IllegalArgumentException(what + " must be a finite number, 0 or more, not " + value);
        }
    }

    /** Returns whether weights are penalized. */
    boolean penalized() {
        return l1 > 0 || l2 > 0;
    }
}
