package io.thalweg.app.demo;

import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.math.Algorithm;
import io.thalweg.math.ExactMetrics;
import io.thalweg.runtime.WeightsBoard;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** The state of one of the learners in the demo: what it has published so far. For use by one thread. */
final class DemoLearner {
    private final Algorithm algorithm;
    private final int all;

    /** Metrics computed from the published predictions alone, as an independent check of what the learner reports. */
    private final ExactMetrics exact = new ExactMetrics();

    private final WeightsBoard weights = new WeightsBoard();
    /** Metrics by the number of examples that they cover. */
    private final NavigableMap<Long, Metrics> metrics = new TreeMap<>();

    private final double[] lossSums;
    private final int[] lossCounts;
    private int deadLetters;

    // if labels come later
    private final boolean isLate;
    /** The logits of the predictions whose labels have not been read. */
    private final Map<String, Double> logits = new HashMap<>();
    /** The labels whose predictions have not been read: the two topics are read independently. */
    private final Map<String, Double> labels = new HashMap<>();

    private int predictions;
    private int givenUp;

    /**
     * @param all how many examples there will be
     * @param points how many points the curve has over all examples
     * @param isLate whether labels come later, on a topic of their own
     */
    DemoLearner(Algorithm algorithm, int all, int points, boolean isLate) {
        this.isLate = isLate;
        this.algorithm = algorithm;
        this.all = all;
        lossSums = new double[points];
        lossCounts = new int[points];
    }

    Algorithm algorithm() {
        return algorithm;
    }

    void take(Prediction prediction) {
        predictions++;
        if (isLate) {
            String id = prediction.getId().toString();
            Double label = labels.remove(id);
            if (label == null) {
                logits.put(id, prediction.getLogit());
            } else {
                exact.add(prediction.getLogit(), label, 1);
            }
        } else {
            exact.add(prediction.getLogit(), prediction.getLabel(), 1);
        }
    }

    void take(Outcome outcome) {
        String id = outcome.getId().toString();
        switch (outcome.getOutcome()) {
            case LEARNED -> {
                Double logit = logits.remove(id);
                if (logit == null) {
                    labels.put(id, outcome.getLabel());
                } else {
                    exact.add(logit, outcome.getLabel(), 1);
                }
            }
            case GIVEN_UP -> givenUp++;
            default -> {
                // nothing else happens to flights
            }
        }
    }

    /** Returns how many predictions there are. */
    int predictions() {
        return predictions;
    }

    /** Returns how many examples were given up. */
    int givenUp() {
        return givenUp;
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

    /** How many examples have been processed. */
    int done() {
        return exact.size() + givenUp + deadLetters;
    }

    /** Whether all outputs have been read. The weights may arrive after the last prediction. */
    boolean isComplete() {
        return done() >= all
                && (exact.size() == 0 || weights() != null && weights().version() >= exact.size());
    }

    /** How many examples the latest metrics cover; 0 if there are none. */
    long measured() {
        return metrics.isEmpty() ? 0 : metrics.lastKey();
    }

    /**
     * The metrics after a number of examples, or the latest before. Earlier ones are dropped.
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

    /** The current weights; null if there are none yet. */
    WeightsBoard.Board weights() {
        return weights.size() == 0 ? null : weights.latest(1).get(0);
    }

    /** The curve of the recent log loss: the mean at each point, or NaN if it is not known yet. */
    double[] curve() {
        double[] curve = new double[lossSums.length];
        Arrays.setAll(curve, i -> lossSums[i] / lossCounts[i]);
        return curve;
    }
}
