package io.thalweg.math;

import java.util.Arrays;

/**
 * The figures of a stream of predictions whose labels are known, with the exact area under the ROC curve: it keeps every logit,
 * 24 bytes an example, where a {@link MetricSums} keeps buckets. Otherwise the figures are defined as there.
 *
 * <p>Each prediction counts with its importance. A fractional label y counts as y of a positive and 1 − y of a negative, and for
 * accuracy as positive above 0.5.
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
     * @param logit finite, as it was before the label was learned
     * @param label from 0 to 1
     * @param c its importance, 0 or more
     */
    public void add(double logit, double label, double c) {
        if (size == logits.length) {
            logits = Arrays.copyOf(logits, size * 2);
            labels = Arrays.copyOf(labels, size * 2);
            importances = Arrays.copyOf(importances, size * 2);
        }
        // −0 and 0 are the same logit, and sorting would tell them apart
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

    /** How many predictions. */
    public int size() {
        return size;
    }

    /** Mean log loss in nats; NaN while the importances sum to 0, as are the other means. */
    public double logLoss() {
        return loss / importance;
    }

    /** Mean label. */
    public double baseRate() {
        return positives / importance;
    }

    /** The log loss of always predicting the mean label, in nats. */
    public double baseRateLogLoss() {
        return importance > 0 ? Logistic.entropy(baseRate()) : Double.NaN;
    }

    /** The share where the probability is above 0.5 exactly if the label is. */
    public double accuracy() {
        return correct / importance;
    }

    /** Mean probability over mean label: 1 where the model is calibrated. NaN without positives. */
    public double calibration() {
        return positives > 0 ? expected / positives : Double.NaN;
    }

    /** The area under the ROC curve: the Mann-Whitney statistic, ties counting half; NaN while one of the classes is missing. */
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
