package io.thalweg.app.demo;

import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.math.Algorithm;
import io.thalweg.math.ExactMetrics;
import io.thalweg.runtime.WeightsBoard;
import java.util.Arrays;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** One of the learners that run side by side: what it has published so far. Used by one thread. */
final class DemoLearner {
    private final Algorithm algorithm;
    private final int all;

    /** From the published predictions alone: an independent check of what the learner says of itself. */
    private final ExactMetrics exact = new ExactMetrics();

    private final WeightsBoard weights = new WeightsBoard();
    /** By the number of examples that they cover. */
    private final NavigableMap<Long, Metrics> metrics = new TreeMap<>();

    private final double[] lossSums;
    private final int[] lossCounts;
    private int deadLetters;

    /**
     * @param all how many examples there will be
     * @param points of the curve, over all examples
     */
    DemoLearner(Algorithm algorithm, int all, int points) {
        this.algorithm = algorithm;
        this.all = all;
        lossSums = new double[points];
        lossCounts = new int[points];
    }

    Algorithm algorithm() {
        return algorithm;
    }

    void take(Prediction prediction) {
        exact.add(prediction.getLogit(), prediction.getLabel(), 1);
    }

    void takeDeadLetters(int count) {
        deadLetters += count;
    }

    void take(Metrics record) {
        long examples = record.getOverall().getExamples();
        metrics.put(examples, record);
        int point = (int) ((examples - 1) * lossSums.length / all);
        lossSums[point] += record.getRecent().getLogLoss();
        lossCounts[point]++;
    }

    void take(String key, Weights record) {
        weights.take(key, record);
    }

    ExactMetrics exact() {
        return exact;
    }

    int deadLetters() {
        return deadLetters;
    }

    /** Examples that are done with. */
    int done() {
        return exact.size() + deadLetters;
    }

    /** Whether everything is published. The weights may come after the last prediction. */
    boolean isComplete() {
        return done() >= all
                && (exact.size() == 0 || weights() != null && weights().version() >= exact.size());
    }

    /** How many examples the latest metrics cover; 0 without metrics. */
    long measured() {
        return metrics.isEmpty() ? 0 : metrics.lastKey();
    }

    /**
     * The metrics at a number of examples, or the nearest below it. Forgets those before.
     *
     * @return null if there are none
     */
    Metrics metricsAt(long examples) {
        Map.Entry<Long, Metrics> at = metrics.floorEntry(examples);
        if (at == null) {
            return null;
        }
        metrics.headMap(at.getKey(), false).clear();
        return at.getValue();
    }

    /** The current weights; null while there are none. */
    WeightsBoard.Board weights() {
        return weights.size() == 0 ? null : weights.latest(1).get(0);
    }

    /** Recent log loss over all examples, the mean at each point; NaN where nothing is known yet. */
    double[] curve() {
        double[] curve = new double[lossSums.length];
        Arrays.setAll(curve, i -> lossSums[i] / lossCounts[i]);
        return curve;
    }
}
