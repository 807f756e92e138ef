package io.thalweg.math;

import java.util.Arrays;

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
 *
 * <p><b>Outliers.</b> A value is an outlier if its distance from the range of the n values so far is more than 10 +
 * 200/n times the width of the range. It counts as the end of the range, and the scale stays as it is. Otherwise one
 * wrong value would make all others too small to matter, for as long as the model lives. A feature that was 1 {@value
 * #SEVERAL} times or more, and nothing else, has the width 1, as if it had also been 0. From a tenth of that distance
 * on, a value is unusual. If three unusual values come close after each other, the feature has changed, for example its
 * unit, and the scale begins anew with the last of them. Each value that is not unusual, and not 0, takes back an
 * eighth of an unusual one.
 *
 * <p>A wrong value may also be among the first, before anything tells that it is wrong. It is recognized by a value
 * that is within a hundredth of the range from one end, where all others are too except for the one at the other end.
 * If all others are 1, the one must be as far from them as an outlier. Then, too, the scale begins anew with the value
 * that came last.
 *
 * <p>The largest |x| alone, without mean and deviation, has the same rules: see {@link #takeLargest}.
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

    /**
     * In its whole part, how many examples do not count: those from before the scale began, if it has begun anew, and
     * those with an outlier. In its fraction, how much has come of what makes it begin anew.
     */
    static final int BEGIN = 9;

    static final int WIDTH = 10;

    // the largest |x| alone
    /** The largest |x|. */
    static final int LARGEST_ALONE = 0;
    /** In its whole part, how many values were not 0. In its fraction, the same as in {@link #BEGIN}. */
    static final int COUNT_ALONE = 1;

    static final int WIDTH_ALONE = 2;

    private static final int OFTEN = 64;

    /** How far from the range an outlier is, in widths of the range, if there were very many values. */
    private static final double FAR = 10;
    /** How much farther it is if there was only one value. */
    private static final double FARTHER = 200;
    /** Where unusual values begin, as a share of the distance from which a value is an outlier. */
    private static final double UNUSUAL = 0.1;
    /** How many values that are all 1 tell that the feature is 1 wherever it is. */
    private static final double SEVERAL = 3;
    /** How close to an end of the range is close, as a share of the range. */
    private static final double CLOSE = 0.01;
    /** What an unusual value adds to the fraction of {@link #BEGIN}. */
    private static final double ADDED = 1.0 / 4;
    /** The fraction at which the scale begins anew: that of three unusual values. */
    private static final double CONVINCING = 3 * ADDED;
    /** What an ordinary value takes off the fraction. */
    private static final double TAKEN_OFF = ADDED / 8;

    /** Of this and smaller shares of the squared range, other values than the two ends may make up the deviations. */
    private static final double LITTLE = 0.25;

    /** The largest value that is safe: squares of larger ones, and sums of these, might not be finite. */
    static final double LARGEST = 1e100;
    /** The smallest value whose inverse is safe. Smaller ones count as 0. */
    private static final double SMALLEST = 1e-100;
    /** A variance below this share of the largest |x|² is considered a rounding error. */
    private static final double NO_VARIANCE = 1e-20;

    private FeatureScale() {}

    /**
     * Updates the scale with a value. If it is an outlier, {@link #inRange} is what it counts as.
     *
     * @param at where in the block the scale begins
     * @param examples the number of examples so far, this one among them
     * @param prior how many times the largest |x| is added to the distances from m. With 1, two values close to each
     *     other are not far apart once scaled, and no value is ignored. With 0, a shift of the feature does not matter
     * @return by how much m/s moved
     */
    static double take(double[] block, int at, double value, double examples, double prior) {
        // only what happens with almost every value, so that it is small enough to be compiled into the caller's loop
        double count = block[at + COUNT] + 1;
        double begin = block[at + BEGIN];
        if (count > 1 && value >= block[at + LOW] && value <= block[at + HIGH] && begin == Math.floor(begin)) {
            if (isSwitch(block, at)) {
                if (value == 0 || value == 1) {
                    block[at + COUNT] = count;
                    // the sum of ones; the deviations follow from it when they are needed
                    block[at + MEAN] += value;
                    return 0;
                }
            } else if (!isTurn((long) count)) {
                block[at + COUNT] = count;
                addDeviation(block, at, value);
                return 0;
            }
        }
        return takeUnusual(block, at, value, examples, prior);
    }

    /** Returns whether only 0 and 1 were seen. A feature that has been negative can also have m = 0 and s = 1. */
    private static boolean isSwitch(double[] block, int at) {
        return block[at + CENTER] == 0 && block[at + INVERSE] == 1 && block[at + LOW] >= 0;
    }

    private static void addDeviation(double[] block, int at, double value) {
        double deviation = value - block[at + MEAN];
        block[at + SINCE] += deviation;
        block[at + DEVIATIONS] += deviation * deviation;
    }

    /** Does the same as {@link #take} for any value. */
    private static double takeUnusual(double[] block, int at, double value, double examples, double prior) {
        boolean first = block[at + COUNT] == 0;
        if (!first && isRefused(block, at, value)) {
            if (isChange(block[at + BEGIN])) {
                return beginAnew(block, at, value, examples, prior);
            }
            // its example does not count, or the feature would seem to have been absent from it
            block[at + BEGIN]++;
            return 0;
        }
        boolean switched = !first && isSwitch(block, at);
        boolean wider = first || value < block[at + LOW] || value > block[at + HIGH];
        block[at + COUNT]++;
        if (wider) {
            widen(block, at, value, first);
        }
        if ((first || switched) && (value == 0 || value == 1)) {
            block[at + MEAN] += value;
            block[at + INVERSE] = 1;
            return 0;
        }
        if (switched) {
            endSwitch(block, at);
        }
        addDeviation(block, at, value);
        if (!wider && !switched && !isTurn((long) block[at + COUNT])) {
            return 0;
        }
        return isOppositeOutlier(block, at, value)
                ? beginAnew(block, at, value, examples, prior)
                : renew(block, at, examples, prior);
    }

    private static void widen(double[] block, int at, double value, boolean first) {
        block[at + LOW] = first ? value : Math.min(block[at + LOW], value);
        block[at + HIGH] = first ? value : Math.max(block[at + HIGH], value);
        block[at + INVERSE_LARGEST] = inverse(Math.max(-block[at + LOW], block[at + HIGH]));
    }

    /** Computes mean and deviations of the values before the last, which all were 0 or 1. */
    private static void endSwitch(double[] block, int at) {
        double ones = block[at + MEAN];
        block[at + MEAN] = ones / (block[at + COUNT] - 1);
        block[at + DEVIATIONS] = ones * (1 - block[at + MEAN]);
    }

    /**
     * Takes note of whether a value is unusual, and returns whether it is an outlier or the last that makes a change.
     */
    private static boolean isRefused(double[] block, int at, double value) {
        double distance = distance(block, at, value);
        if (distance > UNUSUAL) {
            addUnusual(block, at + BEGIN, value);
        } else if (value != 0) {
            takeOffUnusual(block, at + BEGIN);
        }
        return distance > 1 || isChange(block[at + BEGIN]);
    }

    /** Returns whether a value is too far from the range so far to belong to it. */
    static boolean isOutlier(double[] block, int at, double value) {
        return distance(block, at, value) > 1;
    }

    /** Returns how far a value is from the range so far. Above 1 it is an outlier. */
    private static double distance(double[] block, int at, double value) {
        double low = block[at + LOW];
        double high = block[at + HIGH];
        double count = block[at + COUNT];
        double width = low == 1 && high == 1 && count >= SEVERAL ? 1 : high - low;
        return width > 0 ? distance(Math.max(value - high, low - value), width, count) : 0;
    }

    private static double distance(double distance, double width, double count) {
        return distance / ((FAR + FARTHER / count) * width);
    }

    /** Returns whether a value shows that one of the ends of the range was an outlier. */
    private static boolean isOppositeOutlier(double[] block, int at, double value) {
        double low = block[at + LOW];
        double high = block[at + HIGH];
        double width = high - low;
        double count = block[at + COUNT];
        double toEnd = Math.min(value - low, high - value);
        boolean isClose = toEnd == 0 ? value == 1 && isFarFromOnes(width, count) : toEnd < CLOSE * width;
        if (!isClose) {
            return false;
        }
        double since = block[at + SINCE];
        double deviations = block[at + DEVIATIONS] - since * (since / count);
        // what one value makes up, if all others are at the other end
        return deviations - width * width * (1 - 1 / count) < LITTLE * (width * width);
    }

    /** Returns whether a value at this distance from 1 would be an outlier if all others are 1. */
    private static boolean isFarFromOnes(double distance, double count) {
        return count >= SEVERAL && distance(distance, 1, count) > 1;
    }

    private static void addUnusual(double[] block, int at, double value) {
        if (Math.abs(value) <= LARGEST) {
            block[at] += ADDED;
        }
    }

    private static void takeOffUnusual(double[] block, int at) {
        block[at] = Math.max(Math.floor(block[at]), block[at] - TAKEN_OFF);
    }

    /** Returns whether there have been enough unusual values. @param begin the number that counts them */
    private static boolean isChange(double begin) {
        return begin - Math.floor(begin) >= CONVINCING;
    }

    /**
     * Drops all values so far and takes one.
     *
     * @return by how much m/s moved
     */
    private static double beginAnew(double[] block, int at, double value, double examples, double prior) {
        double before = block[at + CENTER] * block[at + INVERSE];
        Arrays.fill(block, at, at + WIDTH, 0);
        block[at + BEGIN] = examples - 1;
        return take(block, at, value, examples, prior) - before;
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
    private static double renew(double[] block, int at, double examples, double prior) {
        double count = block[at + COUNT];
        // the deviations from the new mean (Chan, Golub and LeVeque 1979)
        double since = block[at + SINCE];
        double mean = block[at + MEAN] + since / count;
        double deviations = Math.max(0, block[at + DEVIATIONS] - since * (since / count));
        block[at + MEAN] = mean;
        block[at + DEVIATIONS] = deviations;
        block[at + SINCE] = 0;

        double perExample = 1 / (examples - Math.floor(block[at + BEGIN]));
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

    /**
     * Updates the largest |x| with a value. The range is from 0 to the largest |x|, n is the number of values that were
     * not 0, and the first of them was wrong if the second is less than a hundredth of it.
     *
     * @param at where in the block the two numbers begin
     */
    static void takeLargest(double[] block, int at, double value) {
        double size = Math.abs(value);
        double largest = block[at + LARGEST_ALONE];
        double distance = distanceAlone(block, at, value);
        if (distance > UNUSUAL) {
            addUnusual(block, at + COUNT_ALONE, value);
        } else if (size > 0) {
            takeOffUnusual(block, at + COUNT_ALONE);
        }
        boolean oppositeOutlier = Math.floor(block[at + COUNT_ALONE]) == 1 && size > 0 && size < CLOSE * largest;
        if (oppositeOutlier || isChange(block[at + COUNT_ALONE])) {
            block[at + LARGEST_ALONE] = size;
            block[at + COUNT_ALONE] = 1;
        } else if (size > 0 && !(distance > 1)) {
            block[at + LARGEST_ALONE] = Math.max(largest, size);
            block[at + COUNT_ALONE]++;
        }
    }

    /** Returns whether a value is too large beside the largest |x| so far. */
    static boolean isOutlierAlone(double[] block, int at, double value) {
        return distanceAlone(block, at, value) > 1;
    }

    private static double distanceAlone(double[] block, int at, double value) {
        double largest = block[at + LARGEST_ALONE];
        return largest > 0 ? distance(Math.abs(value) - largest, largest, Math.floor(block[at + COUNT_ALONE])) : 0;
    }

    /** Returns a value, limited to the largest |x| so far. */
    static double inRangeAlone(double[] block, int at, double value) {
        double largest = block[at + LARGEST_ALONE];
        return Math.max(-largest, Math.min(largest, value));
    }

    /** Returns 1 divided by the largest |x| of a feature; 0 if that is as good as 0. */
    static double inverse(double largest) {
        return largest < SMALLEST ? 0 : 1 / largest;
    }
}
