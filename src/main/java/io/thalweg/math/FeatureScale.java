package io.thalweg.math;

/**
 * The scale of a feature: {@value #WIDTH} numbers of its range, mean and deviation, kept in its block among those of an
 * algorithm.
 *
 * <p>A feature that has only been 0 or 1 is left as it is. Of another, the centre m is its mean times the share of examples that
 * have it, because an example without it counts as 0, and s is its deviation from m where it is there. All are of the examples
 * learned from so far; m and s, which cost two divisions and a root, are worked out anew with each of the first {@value #OFTEN} values,
 * then {@value #OFTEN} times while the number of values doubles; and with a value beyond the range so far, and the first that is
 * neither 0 nor 1.
 */
final class FeatureScale {
    static final int COUNT = 0;
    /** The mean when m and s were last worked out; the sum while the feature has only been 0 or 1. */
    static final int MEAN = 1;
    /** Sum of squared deviations from the mean; those of values since then from what it was then. */
    static final int DEVIATIONS = 2;
    /** Sum of the deviations of values since then. */
    static final int SINCE = 3;

    static final int LOW = 4;
    static final int HIGH = 5;
    /** 1 over the largest |x|; 0 where that is 0. */
    static final int INVERSE_LARGEST = 6;
    /** m. */
    static final int CENTRE = 7;
    /** 1/s; 0 where x has always been the same. */
    static final int INVERSE = 8;

    static final int WIDTH = 9;

    private static final int OFTEN = 64;

    /** Beyond this, squares and sums of squares might not be finite. */
    static final double LARGEST = 1e100;
    /** Below this, an inverse or that of a square might not be. Such a value counts as 0. */
    private static final double SMALLEST = 1e-100;
    /** Of the square of the largest |x|: below this, a variance is of rounding. */
    private static final double NO_VARIANCE = 1e-20;

    private FeatureScale() {}

    /**
     * Takes a value into the scale.
     *
     * @param at where in the block the scale begins
     * @param perExample 1 over the number of examples so far, this one among them
     * @param prior how many times the largest |x| is thrown in among the distances from m. With 1, two values near each other are not
     *     far apart, and no value is ignored; with 0, it does not matter where the feature has its 0
     * @return what m/s moved by
     */
    static double take(double[] block, int at, double value, double perExample, double prior) {
        double count = block[at + COUNT] + 1;
        block[at + COUNT] = count;
        boolean first = count == 1;
        // where there was something below 0, a mean of 0 and a deviation of 1 are just that
        boolean switched = !first && block[at + CENTRE] == 0 && block[at + INVERSE] == 1 && block[at + LOW] >= 0;
        boolean wider = first || value < block[at + LOW] || value > block[at + HIGH];
        if (wider) {
            block[at + LOW] = first ? value : Math.min(block[at + LOW], value);
            block[at + HIGH] = first ? value : Math.max(block[at + HIGH], value);
            block[at + INVERSE_LARGEST] = inverse(Math.max(-block[at + LOW], block[at + HIGH]));
        }
        if ((first || switched) && (value == 0 || value == 1)) {
            // the mean is the share of ones, from which the deviations follow when they are needed
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

    private static boolean isTurn(long count) {
        return count < OFTEN || (count & Long.highestOneBit(count) / OFTEN - 1) == 0;
    }

    /** Works out m and s. @return what m/s moved by */
    private static double renew(double[] block, int at, double perExample, double prior) {
        double count = block[at + COUNT];
        // Chan, Golub and LeVeque (1979): the deviations of all, from the mean of all
        double since = block[at + SINCE];
        double mean = block[at + MEAN] + since / count;
        double deviations = Math.max(0, block[at + DEVIATIONS] - since * (since / count));
        block[at + MEAN] = mean;
        block[at + DEVIATIONS] = deviations;
        block[at + SINCE] = 0;

        double centre = mean * Math.min(1, count * perExample);
        double off = mean - centre;
        double largest = Math.max(-block[at + LOW], block[at + HIGH]);
        double squares = deviations + count * off * off + prior * (largest * largest);
        boolean varies = squares > Math.max(SMALLEST * SMALLEST, NO_VARIANCE * count * (largest * largest));
        double inverse = varies ? Math.sqrt((count + prior) / squares) : 0;
        double before = block[at + CENTRE] * block[at + INVERSE];
        block[at + CENTRE] = centre;
        block[at + INVERSE] = inverse;
        return centre * inverse - before;
    }

    /** A value, or the end of the range so far that it is beyond. */
    static double inRange(double[] block, int at, double value) {
        return Math.max(block[at + LOW], Math.min(block[at + HIGH], value));
    }

    /** 1 over the largest |x| of a feature. */
    static double inverse(double largest) {
        return largest < SMALLEST ? 0 : 1 / largest;
    }
}
