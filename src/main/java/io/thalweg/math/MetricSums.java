package io.thalweg.math;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Sums over labeled predictions, and the metrics that follow from them. Each example counts with its importance.
 *
 * <p>The area under the ROC curve comes from a histogram of the logits. It has {@value #BUCKETS} buckets, each 1/32
 * wide, between −16 and 16; the outermost ones also take what is beyond. A fractional label y counts as a positive with
 * weight y and a negative with weight 1 − y. A positive and a negative in the same bucket count as half a pair in the
 * right order, so the exact area is at most {@link #aucError()} away. Buckets of the logit keep their resolution where
 * events are rare, which buckets of the probability would not.
 */
public final class MetricSums {
    private static final int BUCKETS = 1024;
    private static final int BUCKETS_PER_UNIT = 32;

    /** So many examples are enough to compare a model with the base rate. */
    public static final int JUDGED_AT = 1000;

    /** A log loss that is larger than that of the base rate by this factor is no chance. */
    private static final double WORSE = 1.1;

    /** Returns whether predicting the base rate for every example would clearly have been better. */
    public static boolean isClearlyWorse(double logLoss, double baseRateLogLoss) {
        return logLoss > WORSE * baseRateLogLoss;
    }

    private long examples;
    private double importance;
    private double loss;
    private double correct;
    private double labels;
    private double probabilities;

    /** Weights of positives and negatives, in turn, of the buckets from {@link #firstBucket} on. */
    private double[] histogram = {};

    private int firstBucket;

    /** Returns whether the sums stay finite if one more example with this loss and importance is added. */
    boolean hasRoomFor(double logLoss, double c) {
        return Double.isFinite(loss + c * logLoss) && Double.isFinite(importance + c);
    }

    /** Adds a prediction and its label. */
    void add(double logit, double probability, double label, double c) {
        add(logit, probability, label, Logistic.logLoss(logit, label), c);
    }

    /** Adds a prediction and its label, with the log loss already computed. */
    void add(double logit, double probability, double label, double logLoss, double c) {
        examples++;
        importance += c;
        loss += c * logLoss;
        if (probability > 0.5 == label > 0.5) {
            correct += c;
        }
        labels += c * label;
        probabilities += c * probability;

        int at = 2 * (reach(bucket(logit)) - firstBucket);
        histogram[at] += c * label;
        histogram[at + 1] += c * (1 - label);
    }

    private static int bucket(double logit) {
        double bucket = Math.floor(logit * BUCKETS_PER_UNIT) + BUCKETS / 2;
        return (int) Math.max(0, Math.min(BUCKETS - 1, bucket));
    }

    /** Extends the histogram to a bucket, and returns the bucket. */
    private int reach(int bucket) {
        int count = histogram.length / 2;
        if (count == 0) {
            firstBucket = bucket;
            histogram = new double[2];
        } else if (bucket < firstBucket) {
            double[] wider = new double[histogram.length + 2 * (firstBucket - bucket)];
            System.arraycopy(histogram, 0, wider, 2 * (firstBucket - bucket), histogram.length);
            histogram = wider;
            firstBucket = bucket;
        } else if (bucket >= firstBucket + count) {
            histogram = Arrays.copyOf(histogram, 2 * (bucket - firstBucket + 1));
        }
        return bucket;
    }

    /** Returns new sums over the examples of both, without a histogram, so that there is no area under the curve. */
    MetricSums plusMeans(MetricSums other) {
        MetricSums sum = new MetricSums();
        sum.examples = examples + other.examples;
        sum.importance = importance + other.importance;
        sum.loss = loss + other.loss;
        sum.correct = correct + other.correct;
        sum.labels = labels + other.labels;
        sum.probabilities = probabilities + other.probabilities;
        return sum;
    }

    /** Returns new sums over the examples of both. */
    MetricSums plus(MetricSums other) {
        MetricSums sum = plusMeans(other);
        if (histogram.length == 0 || other.histogram.length == 0) {
            MetricSums only = histogram.length == 0 ? other : this;
            sum.firstBucket = only.firstBucket;
            sum.histogram = only.histogram.clone();
            return sum;
        }
        sum.firstBucket = Math.min(firstBucket, other.firstBucket);
        int end = Math.max(firstBucket + histogram.length / 2, other.firstBucket + other.histogram.length / 2);
        sum.histogram = new double[2 * (end - sum.firstBucket)];
        System.arraycopy(histogram, 0, sum.histogram, 2 * (firstBucket - sum.firstBucket), histogram.length);
        int at = 2 * (other.firstBucket - sum.firstBucket);
        for (int i = 0; i < other.histogram.length; i++) {
            sum.histogram[at + i] += other.histogram[i];
        }
        return sum;
    }

    /** Returns how many examples there are. */
    public long examples() {
        return examples;
    }

    /** Returns the sum of the importances. */
    public double importance() {
        return importance;
    }

    /** Returns the mean log loss in nats. Like all means, it is NaN while the importances sum to 0. */
    public double logLoss() {
        return loss / importance;
    }

    /**
     * Returns the log loss of always predicting the mean label of these examples, in nats: the entropy of that rate.
     */
    public double baseRateLogLoss() {
        return importance > 0 ? Logistic.entropy(meanLabel()) : Double.NaN;
    }

    /**
     * Returns the share of predictions on the right side of 0.5: the probability is above 0.5 exactly if the label is.
     */
    public double accuracy() {
        return correct / importance;
    }

    /** Returns the mean label. */
    public double meanLabel() {
        return labels / importance;
    }

    /** Returns the mean probability. */
    public double meanProbability() {
        return probabilities / importance;
    }

    /**
     * Returns the mean probability divided by the mean label: 1 for a calibrated model (He et al. 2014, section 3), NaN
     * without positives.
     */
    public double calibration() {
        return labels > 0 ? probabilities / labels : Double.NaN;
    }

    /** Returns the area under the ROC curve; NaN while one of the two classes is missing. */
    public double auc() {
        double negativesBelow = 0;
        double pairsInOrder = 0;
        for (int i = 0; i < histogram.length; i += 2) {
            pairsInOrder += histogram[i] * (negativesBelow + histogram[i + 1] / 2);
            negativesBelow += histogram[i + 1];
        }
        return pairsInOrder / pairs();
    }

    /**
     * Returns how far the exact area can be from {@link #auc()}: half the share of pairs that are in the same bucket.
     */
    public double aucError() {
        double pairsInOneBucket = 0;
        for (int i = 0; i < histogram.length; i += 2) {
            pairsInOneBucket += histogram[i] * histogram[i + 1];
        }
        return pairsInOneBucket / 2 / pairs();
    }

    private double pairs() {
        double positives = 0;
        double negatives = 0;
        for (int i = 0; i < histogram.length; i += 2) {
            positives += histogram[i];
            negatives += histogram[i + 1];
        }
        return positives > 0 && negatives > 0 ? positives * negatives : Double.NaN;
    }

    /** Writes the sums; {@link #read} reads them. */
    void write(DataOutput out) throws IOException {
        out.writeLong(examples);
        for (double sum : new double[] {importance, loss, correct, labels, probabilities}) {
            out.writeDouble(sum);
        }
        out.writeShort(firstBucket);
        out.writeShort(histogram.length / 2);
        ByteBuffer counts = ByteBuffer.allocate(histogram.length * (Short.BYTES + Double.BYTES));
        for (double count : histogram) {
            // most counts are small whole numbers, which take two bytes here instead of eight
            if (count >= 0 && count < Short.MAX_VALUE && count == Math.rint(count)) {
                counts.putShort((short) count);
            } else {
                counts.putShort((short) -1).putDouble(count);
            }
        }
        out.write(counts.array(), 0, counts.position());
    }

    /** Reads sums that {@link #write} wrote. */
    static MetricSums read(DataInput in) throws IOException {
        MetricSums sums = new MetricSums();
        sums.examples = in.readLong();
        sums.importance = in.readDouble();
        sums.loss = in.readDouble();
        sums.correct = in.readDouble();
        sums.labels = in.readDouble();
        sums.probabilities = in.readDouble();
        sums.firstBucket = in.readShort();
        sums.histogram = new double[2 * in.readShort()];
        for (int i = 0; i < sums.histogram.length; i++) {
            short count = in.readShort();
            sums.histogram[i] = count >= 0 ? count : in.readDouble();
        }
        return sums;
    }
}
