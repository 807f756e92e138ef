package io.thalweg.app.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;

/**
 * A reliability diagram of the recent predictions of a model: for bins of equal width of the probability, the mean
 * probability beside the mean label. It covers between one and two times {@value #WINDOW} predictions with a label. Not
 * thread-safe.
 */
final class Reliability {
    static final int BINS = 15;
    private static final int WINDOW = 10_000;

    private Bins before = new Bins();
    private Bins now = new Bins();

    private static final class Bins {
        final long[] count = new long[BINS];
        final double[] probability = new double[BINS];
        final double[] label = new double[BINS];
        int size;
    }

    /**
     * Adds a prediction.
     *
     * @param probability from 0 to 1
     * @param label from 0 to 1
     */
    void add(double probability, double label) {
        int bin = Math.min(BINS - 1, (int) (probability * BINS));
        now.count[bin]++;
        now.probability[bin] += probability;
        now.label[bin] += label;
        if (++now.size == WINDOW) {
            before = now;
            now = new Bins();
        }
    }

    /** Returns the bins that are not empty. */
    ArrayNode json() {
        ArrayNode bins = JsonNodeFactory.instance.arrayNode();
        for (int bin = 0; bin < BINS; bin++) {
            long count = before.count[bin] + now.count[bin];
            if (count > 0) {
                bins.addObject()
                        .put("count", count)
                        .put("probability", (before.probability[bin] + now.probability[bin]) / count)
                        .put("label", (before.label[bin] + now.label[bin]) / count);
            }
        }
        return bins;
    }
}
