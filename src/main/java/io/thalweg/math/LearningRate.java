package io.thalweg.math;

/**
 * The learning rate α as a function of the number of steps taken before: t = 0, 1, 2, …
 *
 * @param schedule how α decreases
 * @param initial α at t = 0; finite and above 0
 * @param decay how fast α decreases, as the schedule defines; finite, 0 or more
 */
public record LearningRate(Schedule schedule, double initial, double decay) {
    /** The schedules, by their usual names. */
    public enum Schedule {
        /** initial. */
        CONSTANT,
        /**
         * initial / (t + 1)<sup>decay</sup>; with a decay of 0.5, this is the rate of the regret bound of Zinkevich
         * (2003).
         */
        INVERSE_SCALING,
        /** initial / (1 + decay · t), which satisfies the conditions of Robbins and Monro (1951). */
        INVERSE_TIME,
        /** initial · e<sup>−decay · t</sup>. */
        EXPONENTIAL
    }

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one of them is out of range
     */
    public LearningRate {
        if (!(initial > 0) || Double.isInfinite(initial)) {
            throw new IllegalArgumentException("a learning rate must be a finite number above 0, not " + initial);
        }
        if (!(decay >= 0) || Double.isInfinite(decay)) {
            throw new IllegalArgumentException(
                    "the decay of a learning rate must be a finite number, 0 or more, not " + decay);
        }
    }

    /** Returns a rate that does not decrease. */
    public static LearningRate constant(double rate) {
        return new LearningRate(Schedule.CONSTANT, rate, 0);
    }

    /**
     * Returns the rate of the next step.
     *
     * @param steps how many steps the model has taken: its version
     */
    public double at(long steps) {
        return switch (schedule) {
            case CONSTANT -> initial;
            case INVERSE_SCALING -> initial / StrictMath.pow(steps + 1.0, decay);
            case INVERSE_TIME -> initial / (1 + decay * steps);
            case EXPONENTIAL -> initial * StrictMath.exp(-decay * steps);
        };
    }
}
