package io.thalweg.math;

/**
 * The scale of the importances of a model: {@value #WIDTH} numbers within the shared state of an optimizer. What
 * importances mean is how many times as much one example counts as another; a factor that is common to all says
 * nothing. So an optimizer that has nothing to tune takes c divided by the mean of all c so far.
 *
 * <p>Only importances above 0 count. The mean is that of the last ones, with a memory of about {@value #MEMORY}. If all
 * are equal, c divided by the mean is exactly 1.
 *
 * <p>Importances can differ by orders of magnitude, such as amounts of money, inverse propensities, or a large
 * importance for a rare class. A step in proportion to the largest would be too long. If it were just cut, the
 * optimizer would learn something else than what importances say: with a rare class, probabilities far too low. So
 * {@link #limit} returns a factor for all steps. A single importance of more than {@value #MOST} times the mean counts
 * as that much, and the first does not count if the second shows that it was.
 */
final class ImportanceScale {
    /** The mean. */
    private static final int MEAN = 0;
    /** The largest importance, less the longer ago it was. */
    private static final int LARGEST = 1;

    static final int WIDTH = 2;

    private static final double MEMORY = 4096;
    private static final double MOST = 1000;

    private ImportanceScale() {}

    /**
     * Updates the scale with an importance.
     *
     * @param at where in the shared state the scale begins
     * @param importance above 0
     * @param examples the number of examples of importance above 0 so far, this one among them
     * @return the importance divided by the mean; above 0
     */
    static double take(double[] shared, int at, double importance, double examples) {
        boolean firstWasAbsurd = examples == 2 && importance * MOST < shared[at + MEAN];
        if (examples == 1 || firstWasAbsurd) {
            shared[at + MEAN] = importance;
            shared[at + LARGEST] = importance;
        }
        double c = Math.min(importance, MOST * shared[at + MEAN]);
        double mean = shared[at + MEAN] + (c - shared[at + MEAN]) / Math.min(examples, MEMORY);
        shared[at + MEAN] = mean;
        shared[at + LARGEST] = Math.max(c, shared[at + LARGEST] * (1 - 1 / MEMORY));
        return c / mean;
    }

    /**
     * Returns the factor that makes the largest importance, divided by the mean, at most this large.
     *
     * @param most 1 or more
     * @return above 0, at most 1
     */
    static double limit(double[] shared, int at, double most) {
        return Math.min(1, most * shared[at + MEAN] / shared[at + LARGEST]);
    }
}
