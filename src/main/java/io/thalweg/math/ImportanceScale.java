package io.thalweg.math;

/**
 * The scale of the importances of a model: {@value #WIDTH} numbers within the shared state of an optimizer. What
 * importances mean is how many times as much one example counts as another; a factor that is common to all says
 * nothing. So an optimizer that has nothing to tune divides them by a mean of all so far.
 *
 * <p>Importances can differ by orders of magnitude, such as amounts of money, inverse propensities, or a large
 * importance for a rare class. Then most of them are far below their mean, and a few are far above it. So there are two
 * means:
 *
 * <ul>
 *   <li>The <i>typical</i> importance is the power mean with the exponent ¼, (mean of c^¼)⁴. It is close to the
 *       geometric mean, but a single importance close to 0 does not move it.
 *   <li>The <i>root mean square</i> is the measure for a step whose noise is in proportion to c. At most a ninth of the
 *       importances are larger than three times that.
 * </ul>
 *
 * <p>Only importances above 0 count. The means are those of the last ones, with a memory of about {@value #MEMORY}. If
 * all are equal, c divided by each of them is exactly 1. An importance of more than {@value #MOST} times the root mean
 * square counts as that much, and the first does not count if the second shows that it was.
 */
final class ImportanceScale {
    /** The typical importance. */
    private static final int TYPICAL = 0;
    /** The root mean square. */
    private static final int ROOT_MEAN_SQUARE = 1;

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
     * @return the importance, limited, divided by the root mean square; above 0
     */
    static double take(double[] shared, int at, double importance, double examples) {
        boolean firstWasAbsurd = examples == 2 && importance * MOST < shared[at + ROOT_MEAN_SQUARE];
        if (examples == 1 || firstWasAbsurd) {
            shared[at + TYPICAL] = importance;
            shared[at + ROOT_MEAN_SQUARE] = importance;
        }
        if (importance == shared[at + TYPICAL] && importance == shared[at + ROOT_MEAN_SQUARE]) {
            // all are equal, as they mostly are
            return 1;
        }
        double c = Math.min(importance, MOST * shared[at + ROOT_MEAN_SQUARE]);
        double weight = 1 / Math.min(examples, MEMORY);
        // as factors, so that no square overflows or underflows
        double ratio = c / shared[at + ROOT_MEAN_SQUARE];
        shared[at + ROOT_MEAN_SQUARE] *= Math.sqrt(1 + (ratio * ratio - 1) * weight);
        double root = 1 + (Math.sqrt(Math.sqrt(c / shared[at + TYPICAL])) - 1) * weight;
        shared[at + TYPICAL] *= root * root * (root * root);
        return c / shared[at + ROOT_MEAN_SQUARE];
    }

    /** Returns the root mean square divided by the typical importance: 1 if all are equal, otherwise more. */
    static double spread(double[] shared, int at) {
        return shared[at + ROOT_MEAN_SQUARE] / shared[at + TYPICAL];
    }
}
