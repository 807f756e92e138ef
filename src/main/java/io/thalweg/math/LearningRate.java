package io.thalweg.math;

/**
 * The learning rate α as a function of the number of steps taken before, t = 0, 1, 2, …
 *
 * @param schedule how it decays
 * @param initial α at t = 0; finite and above 0
 * @param decay how fast it decays; what it means depends on the schedule; finite, 0 or more
 */
public record LearningRate(Schedule schedule, double initial, double decay) {
    /** The usual schedules, by their usual names. */
    public enum Schedule {
        /** α. */
        CONSTANT,
        /** α / (t + 1)<sup>decay</sup>; 0.5 is the rate of the regret bound of Zinkevich (2003). */
        INVERSE_SCALING,
        /** α / (1 + decay · t), as Robbins and Monro (1951) ask for. */
        INVERSE_TIME,
        /** α · e<sup>−decay · t</sup>. */
        EXPONENTIAL
    }

    public LearningRate {
        if (!(initial > 0) || Double.isInfinite(initial)) {
            throw new IllegalArgumentException("a learning rate must be a finite number above 0, not " + initial);
        }
        if (!(decay >= 0) || Double.isInfinite(decay)) {
            throw new IllegalArgumentException(
                    "the decay of a learning rate must be a finite number, 0 or more, not " + decay);
        }
    }

    /** A rate that does not decay. */
    public static LearningRate constant(double rate) {
        return new LearningRate(Schedule.CONSTANT, rate, 0);
    }

    /**
     * The rate of the next step.
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
