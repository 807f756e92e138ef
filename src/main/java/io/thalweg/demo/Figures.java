package io.thalweg.demo;

import io.thalweg.avro.Prediction;
import io.thalweg.math.Logistic;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The figures of a stream of labelled predictions, computed from the published predictions alone, without buckets: an independent
 * check of what the learner says of itself.
 */
final class Figures {
    private double[] logits = new double[1024];
    private boolean[] positives = new boolean[1024];
    private int size;
    private int positiveCount;
    private int correct;
    private double loss;

    /** Adds a prediction whose label is 0 or 1. */
    void add(Prediction prediction) {
        if (size == logits.length) {
            logits = Arrays.copyOf(logits, size * 2);
            positives = Arrays.copyOf(positives, size * 2);
        }
        boolean positive = prediction.getLabel() == 1;
        logits[size] = prediction.getLogit();
        positives[size] = positive;
        size++;
        positiveCount += positive ? 1 : 0;
        correct += prediction.getProbability() > 0.5 == positive ? 1 : 0;
        loss += prediction.getLogLoss();
    }

    /** How many predictions. */
    int size() {
        return size;
    }

    /** Mean log loss in nats. */
    double logLoss() {
        return loss / size;
    }

    /** The log loss of always predicting the mean label. */
    double baseRateLogLoss() {
        return Logistic.entropy((double) positiveCount / size);
    }

    /** The share where the probability is above 0.5 exactly if the label is 1. */
    double accuracy() {
        return (double) correct / size;
    }

    /** The area under the ROC curve, exactly: the Mann-Whitney statistic, ties counting half. */
    double auc() {
        int[] order = IntStream.range(0, size)
                .boxed()
                .sorted((a, b) -> Double.compare(logits[a], logits[b]))
                .mapToInt(Integer::intValue)
                .toArray();
        double inOrder = 0;
        long negativesBelow = 0;
        for (int from = 0, to; from < size; from = to) {
            long tiedPositives = 0;
            long tiedNegatives = 0;
            for (to = from; to < size && logits[order[to]] == logits[order[from]]; to++) {
                if (positives[order[to]]) {
                    tiedPositives++;
                } else {
                    tiedNegatives++;
                }
            }
            inOrder += tiedPositives * (negativesBelow + tiedNegatives / 2.0);
            negativesBelow += tiedNegatives;
        }
        return inOrder / ((double) positiveCount * (size - positiveCount));
    }
}
