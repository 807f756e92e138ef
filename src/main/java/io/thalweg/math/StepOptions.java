package io.thalweg.math;

/**
 * What a step may do beyond going down the slope of the log loss.
 *
 * @param scaling the coordinates that weights are held in
 * @param l1 how much the objective charges for the sum of |weights|; finite, 0 or more
 * @param l2 how much it charges for half of the sum of their squares; finite, 0 or more
 * @param clip the largest Euclidean norm of an example's gradient; 0 for no limit; finite, 0 or more
 * @param importanceInvariant whether an example of importance h + k is the same as one of h and then one of k
 * @param ftrlBeta β of FTRL-Proximal; finite, 0 or more
 */
public record StepOptions(
        Scaling scaling, double l1, double l2, double clip, boolean importanceInvariant, double ftrlBeta) {
    /** None of them. */
    public static final StepOptions NONE = new StepOptions(Scaling.NONE, 0, 0, 0, false, 1);

    /** What weights are held in; they are published in raw units all the same. */
    public enum Scaling {
        /** Raw units. */
        NONE,
        /** Inputs over the largest |x| so far. */
        MAX_ABS,
        /** Inputs less their mean, over their deviation; as {@link FeatureScale} says. */
        STANDARD
    }

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

    /** Whether weights are penalized. */
    boolean penalized() {
        return l1 > 0 || l2 > 0;
    }
}
