package io.thalweg.app.benchmark;

import java.util.Collection;

/**
 * The median and range of several measurements of the same thing.
 *
 * @param median the mean of the two in the middle if their number is even
 * @param low the smallest
 * @param high the largest
 */
public record MedianRange(double median, double low, double high) {
    /** Computes them from one measurement or more. */
    static MedianRange of(Collection<Double> measured) {
        double[] sorted =
                measured.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        if (sorted.length == 0) {
            throw new IllegalArgumentException("nothing was measured");
        }
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new MedianRange(median, sorted[0], sorted[sorted.length - 1]);
    }

    /**
     * The smallest value such that at least this share of the measurements do not exceed it.
     *
     * @param sorted in ascending order, one or more
     * @param share above 0, at most 1
     */
    static long quantile(long[] sorted, double share) {
        int rank = (int) Math.ceil(share * sorted.length);
        return sorted[Math.max(0, Math.min(sorted.length, rank) - 1)];
    }
}
