package io.thalweg.math;

/**
 * The scale of a feature: {@value #WIDTH} numbers about its range, mean and deviation, within the state that an
 * optimizer keeps for the feature.
 *
 * <p>The center m is the mean of the feature times the share of examples that have it, because an absent feature counts
 * as 0. The deviation s is the root mean square of x − m over the examples that have the feature. A feature that has
 * only been 0 or 1 is not scaled.
 *
 * <p>m and s are statistics of all examples learned from so far. Computing them takes two divisions and a root. So they
 * are renewed with each of the first {@value #OFTEN} values, and then {@value #OFTEN} times while the number of values
 * doubles; also with a value outside the range so far, and with the first one that is neither 0 nor 1.
 */
final class FeatureScale {
    /** Number of values. */
    static final int COUNT = 0;
    /**
     * The mean when m and s were last renewed. While the feature has only been 0 or 1, the sum of its values instead.
     */
    static final int MEAN = 1;
    /** Sum of squared deviations from that mean. */
    static final int DEVIATIONS = 2;
    /** Sum of the deviations of the values since the last renewal. */
    static final int SINCE = 3;

    /** The smallest value. */
    static final int LOW = 4;
    /** The largest value. */
    static final int HIGH = 5;
    /** 1 divided by the largest |x|; 0 if that is 0. */
    static final int INVERSE_LARGEST = 6;
    /** The center m. */
    static final int CENTER = 7;
    /** 1/s; 0 if x has always been the same. */
    static final int INVERSE = 8;

    static final int WIDTH = 9;

    private static final int OFTEN = 64;

    /** The largest value that is safe: squares of larger ones, and sums of these, might not be finite. */
    static final double LARGEST = 1e100;
    /** The smallest value whose inverse is safe. Smaller ones count as 0. */
    private static final double SMALLEST = 1e-100;
    /** A variance below this share of the largest |x|² is considered a rounding error. */
    private static final double NO_VARIANCE = 1e-20;

    private FeatureScale() {}

    /**
     * Updates the scale with a value.
     *
     * @param at where in the block the scale begins
     * @param perExample 1 divided by the number of examples so far, this one among them
     * @param prior how many times the largest |x| is added to the distances from m. With 1, two values close to each
     *     other are not far apart once scaled, and no value is ignored. With 0, a shift of the feature does not matter
     * @return by how much m/s moved
     */
    static double take(double[] block, int at, double value, double perExample, double prior) {
        double count = block[at + COUNT] + 1;
        block[at + COUNT] = count;
        boolean first = count == 1;
        // true as long as only 0 and 1 were seen: a feature that has been negative can also have m = 0 and s = 1
        boolean switched = !first && block[at + CENTER] == 0 && block[at + INVERSE] == 1 && block[at + LOW] >= 0;
        boolean wider = first || value < block[at + LOW] || value > block[at + HIGH];
        if (wider) {
            block[at + LOW] = first ? value : Math.min(block[at + LOW], value);
            block[at + HIGH] = first ? value : Math.max(block[at + HIGH], value);
            block[at + INVERSE_LARGEST] = inverse(Math.max(-block[at + LOW], block[at + HIGH]));
        }
        if ((first || switched) && (value == 0 || value == 1)) {
            // the sum of ones; the deviations follow from it when they are needed
            block[at + MEAN] += value;
            block[at + INVERSE] = 1;
            return 0;
        }
        if (switched) {
            double ones = block[at + MEAN];
            block[at + MEAN] = ones / (count - 1);
            block[at + DEVIATIONS] = ones * (1 - block[at + MEAN]);
        }
        double deviation = value - block[at + MEAN];
        block[at + SINCE] += deviation;
        block[at + DEVIATIONS] += deviation * deviation;
        return wider || switched || isTurn((long) count) ? renew(block, at, perExample, prior) : 0;
    }

    /** Returns whether m and s are renewed at this number of values. */
    private static boolean isTurn(long count) {
        return count < OFTEN || (count & Long.highestOneBit(count) / OFTEN - 1) == 0;
    }

    /**
     * Computes m and s anew.
     *
     * @return by how much m/s moved
     */
    private static double renew(double[] block, int at, double perExample, double prior) {
        double count = block[at + COUNT];
        // the deviations from the new mean (Chan, Golub and LeVeque 1979)
        double since = block[at + SINCE];
        double mean = block[at + MEAN] + since / count;
        double deviations = Math.max(0, block[at + DEVIATIONS] - since * (since / count));
        block[at + MEAN] = mean;
        block[at + DEVIATIONS] = deviations;
        block[at + SINCE] = 0;

        double center = mean * Math.min(1, count * perExample);
        double off = mean - center;
        double largest = Math.max(-block[at + LOW], block[at + HIGH]);
        double squares = deviations + count * off * off + prior * (largest * largest);
        boolean varies = squares > Math.max(SMALLEST * SMALLEST, NO_VARIANCE * count * (largest * largest));
        double inverse = varies ? Math.sqrt((count + prior) / squares) : 0;
        double before = block[at + CENTER] * block[at + INVERSE];
        block[at + CENTER] = center;
        block[at + INVERSE] = inverse;
        return center * inverse - before;
    }

    /** Returns a value, limited to the range so far. */
    static double inRange(double[] block, int at, double value) {
        return Math.max(block[at + LOW], Math.min(block[at + HIGH], value));
    }

    /** Returns 1 divided by the largest |x| of a feature; 0 if that is as good as 0. */
    static double inverse(double largest) {
        return largest < SMALLEST ? 0 : 1 / largest;
    }
}
