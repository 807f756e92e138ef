package io.thalweg.math;

import java.util.Arrays;

/**
 * Metrics of a stream of labeled predictions, with the exact area under the ROC curve. It keeps every logit, 24 bytes
 * for each example, where {@link MetricSums} keeps a histogram. The other metrics are defined as there.
 *
 * <p>Each prediction counts with its importance. A fractional label y counts as a positive with weight y and a negative
 * with weight 1 − y; for accuracy it is positive above 0.5.
 */
public final class ExactMetrics {
    private double[] logits = new double[1024];
    private double[] labels = new double[1024];
    private double[] importances = new double[1024];
    private int size;

    private double importance;
    private double loss;
    private double correct;
    private double positives;
    private double expected;

    /**
     * Adds a prediction.
     *
     * @param logit the logit that was predicted before the label was learned; finite
     * @param label from 0 to 1
     * @param c the importance, 0 or more
     */
    public void add(double logit, double label, double c) {
        if (size == logits.length) {
            logits = Arrays.copyOf(logits, size * 2);
            labels = Arrays.copyOf(labels, size * 2);
            importances = Arrays.copyOf(importances, size * 2);
        }
        // −0 and 0 are the same logit, but sorting would tell them apart
        logits[size] = logit + 0.0;
        labels[size] = label;
        importances[size] = c;
        size++;

        double probability = Logistic.probability(logit);
        importance += c;
        loss += c * Logistic.logLoss(logit, label);
        correct += probability > 0.5 == label > 0.5 ? c : 0;
        positives += c * label;
        expected += c * probability;
    }

    /** Returns how many predictions were added. */
    public int size() {
        return size;
    }

    /** Returns the mean log loss in nats. Like all means, it is NaN while the importances sum to 0. */
    public double logLoss() {
        return loss / importance;
    }

    /** Returns the mean label. */
    public double baseRate() {
        return positives / importance;
    }

    /** Returns the log loss of always predicting the mean label, in nats. */
    public double baseRateLogLoss() {
        return importance > 0 ? Logistic.entropy(baseRate()) : Double.NaN;
    }

    /**
     * Returns the share of predictions on the right side of 0.5: the probability is above 0.5 exactly if the label is.
     */
    public double accuracy() {
        return correct / importance;
    }

    /** Returns the mean probability divided by the mean label: 1 for a calibrated model, NaN without positives. */
    public double calibration() {
        return positives > 0 ? expected / positives : Double.NaN;
    }

    /**
     * Returns the area under the ROC curve, by the Mann-Whitney statistic. Ties count half. NaN while one of the
     * classes is missing.
     */
    public double auc() {
        double[] distinct = Arrays.copyOf(logits, size);
        Arrays.sort(distinct);
        int count = 0;
        for (int i = 0; i < size; i++) {
            if (count == 0 || distinct[i] != distinct[count - 1]) {
                distinct[count++] = distinct[i];
            }
        }
        double[] positivesAt = new double[count];
        double[] negativesAt = new double[count];
        for (int i = 0; i < size; i++) {
            int at = Arrays.binarySearch(distinct, 0, count, logits[i]);
            positivesAt[at] += importances[i] * labels[i];
            negativesAt[at] += importances[i] * (1 - labels[i]);
        }
        double inOrder = 0;
        double negativesBelow = 0;
        double positivesBelow = 0;
        for (int at = 0; at < count; at++) {
            inOrder += positivesAt[at] * (negativesBelow + negativesAt[at] / 2);
            negativesBelow += negativesAt[at];
            positivesBelow += positivesAt[at];
        }
        return positivesBelow > 0 && negativesBelow > 0 ? inOrder / (positivesBelow * negativesBelow) : Double.NaN;
    }
}
