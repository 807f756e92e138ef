package io.thalweg.math;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A mixture over a ladder of learning rates: nothing to set. Its parts are linear models that learn side by side from the same
 * examples, and so it is one linear model too, which is what predicts and is published.
 *
 * <p><b>Parts.</b> Each takes the step of its kind on its own weights v in scaled inputs x′, with its own probability a_k in the
 * gradient g = c·(a_k − y):
 *
 * <ul>
 *   <li>{@code sgd}, on inputs over the largest |x| so far: v ← v − α/N · g·x′;
 *   <li>{@code sgd-standard}, the same on standardised inputs (x − m)/s;
 *   <li>{@code adagrad} (Duchi, Hazan and Singer 2011), on standardised inputs: v ← v − α/√N · g·x′/√G, where G is 1 and the sum of
 *       (g·x′)² of the mixture's own gradient.
 * </ul>
 *
 * N is the mean of 1 + ‖x′‖² so far over {@value #USUAL_NORM}, but at least 1: a step at α must not grow with the number of
 * features.
 *
 * <p><b>Scales.</b> A feature that has only been 0 or 1 is left as it is. Of another, m is its mean times the share of examples
 * that have it, because an example without it counts as 0, and s is its deviation from m where it is there, with its largest |x|
 * thrown in once so that two values near each other are not far apart. All are of the examples learned from so far. When m or s moves,
 * v stays: results do not depend on units. A value beyond the range so far counts as the end of the range when predicting.
 *
 * <p><b>Mixture.</b> The logit is Σ q_k·z_k. After each label q_k ← q_k·p_k(y)^c, where p_k(y) = e^−L is what part k gave to what came
 * true, then q sums to 1 again (the aggregating forecaster of Vovk 1990), and then a share of {@value #SHARE} of all is spread evenly,
 * so that a part that was bad can come back when the stream changes (Herbster and Warmuth 1998).
 *
 * <p><b>Beginning with given weights</b>, those that another algorithm has learned: they stay as they are, in raw units and whatever
 * the scales will be, and the parts begin at 0 beside them.
 *
 * <p>Keeps for each feature the {@value #SCALE} numbers named below and v of each part; for the whole the numbers named below, and
 * q, bias and offset of each part. The offset is Σ v·m/s over all features: what standardising takes off the bias.
 */
final class Auto extends Algorithm {
    private static final double[] MAX_SCALED_RATES = {0.01, 0.03, 0.1, 0.3, 1};
    private static final double[] STANDARD_RATES = {0.003, 0.01, 0.03, 0.1};
    private static final double[] ADAGRAD_RATES = {0.02, 0.04, 0.07, 0.12, 0.2, 0.35, 0.7};

    /** Parts from 0 on are {@code sgd}, from here on {@code sgd-standard}, … */
    private static final int STANDARD = MAX_SCALED_RATES.length;
    /** … from here on {@code adagrad}. */
    private static final int ADAGRAD = STANDARD + STANDARD_RATES.length;

    private static final int PARTS = ADAGRAD + ADAGRAD_RATES.length;

    private static final double SHARE = 1e-4;
    private static final double USUAL_NORM = 14;
    /** Beyond this, squares and sums of squares might not be finite. */
    private static final double LARGEST = 1e100;

    // of each feature
    private static final int COUNT = 0;
    private static final int MEAN = 1;
    /** Sum of squared deviations from the mean. */
    private static final int DEVIATIONS = 2;

    private static final int LOW = 3;
    private static final int HIGH = 4;
    /** m. */
    private static final int CENTRE = 5;
    /** 1/s; 0 where the feature has been constant. */
    private static final int INVERSE = 6;
    /** G, less the 1 that it begins with. */
    private static final int SQUARES = 7;
    /** The weight that it began with. */
    private static final int GIVEN = 8;

    private static final int SCALE = 9;

    // of the whole
    /** Examples of importance above 0. */
    private static final int EXAMPLES = 0;
    /** Sum of 1 + ‖x′‖², max-scaled. */
    private static final int MAX_SCALED_NORMS = 1;
    /** Sum of 1 + ‖x′‖², standardised. */
    private static final int STANDARD_NORMS = 2;
    /** Sum of g². */
    private static final int BIAS_SQUARES = 3;
    /** The bias that it began with. */
    private static final int GIVEN_BIAS = 4;

    private static final int Q = 5;
    private static final int BIAS = Q + PARTS;
    private static final int OFFSET = BIAS + PARTS;

    /** z_k of the example that {@link #logit} saw last. */
    private final double[] logits = new double[PARTS];

    private final double[] steps = new double[PARTS];

    @Override
    int width() {
        return SCALE + PARTS;
    }

    @Override
    double[] begin() {
        double[] shared = new double[OFFSET + PARTS];
        Arrays.fill(shared, Q, Q + PARTS, 1.0 / PARTS);
        return shared;
    }

    @Override
    public boolean begins() {
        return true;
    }

    @Override
    double[] begin(double bias) {
        double[] shared = begin();
        shared[GIVEN_BIAS] = bias;
        return shared;
    }

    @Override
    void begin(double[] block, int at, double weight) {
        block[at + GIVEN] = weight;
    }

    @Override
    double weight(Model model, double[] block, int at) {
        double[] shared = model.shared();
        double maxScaled = 0;
        for (int k = 0; k < STANDARD; k++) {
            maxScaled += shared[Q + k] * block[at + SCALE + k];
        }
        double standard = 0;
        for (int k = STANDARD; k < PARTS; k++) {
            standard += shared[Q + k] * block[at + SCALE + k];
        }
        return block[at + GIVEN] + (maxScaled * inverseLargest(block, at) + standard * block[at + INVERSE]);
    }

    @Override
    double bias(Model model) {
        double[] shared = model.shared();
        double bias = 0;
        for (int k = 0; k < PARTS; k++) {
            bias += shared[Q + k] * (shared[BIAS + k] - shared[OFFSET + k]);
        }
        return shared[GIVEN_BIAS] + bias;
    }

    @Override
    double logit(Model model, Example x) {
        double[] shared = model.shared();
        double[] z = logits;
        for (int k = 0; k < PARTS; k++) {
            z[k] = shared[BIAS + k] - shared[OFFSET + k];
        }
        double given = shared[GIVEN_BIAS];
        for (int j = 0; j < x.size(); j++) {
            int i = x.indices()[j];
            if (i == Example.UNMET) {
                continue;
            }
            double[] block = model.blockOf(i);
            int at = model.at(i);
            given += block[at + GIVEN] * x.values()[j];
            double value = Math.max(block[at + LOW], Math.min(block[at + HIGH], x.values()[j]));
            double maxScaled = value * inverseLargest(block, at);
            double standard = value * block[at + INVERSE];
            for (int k = 0; k < STANDARD; k++) {
                z[k] += block[at + SCALE + k] * maxScaled;
            }
            for (int k = STANDARD; k < PARTS; k++) {
                z[k] += block[at + SCALE + k] * standard;
            }
        }
        double mixed = 0;
        for (int k = 0; k < PARTS; k++) {
            mixed += shared[Q + k] * z[k];
            z[k] += given;
        }
        return given + mixed;
    }

    @Override
    boolean step(Model model, Example x, double z) {
        double c = x.importance();
        if (!isTame(x)) {
            return false;
        }
        double[] shared = model.shared();
        if (c == 0) {
            model.advance(likeliestRate(shared));
            return true;
        }
        double y = x.label();
        double gradient = c * (Logistic.probability(z) - y);
        for (int k = 0; k < PARTS; k++) {
            steps[k] = c * (Logistic.probability(logits[k]) - y);
        }
        model.advance(0);
        weigh(shared, y, c);
        model.learningRate(likeliestRate(shared));
        shared[EXAMPLES]++;
        scale(model, x);

        double examples = shared[EXAMPLES];
        double maxScaledNorm = Math.max(1, shared[MAX_SCALED_NORMS] / examples / USUAL_NORM);
        double standardNorm = Math.max(1, shared[STANDARD_NORMS] / examples / USUAL_NORM);
        double adaGradNorm = Math.sqrt(standardNorm);
        for (int k = 0; k < STANDARD; k++) {
            steps[k] *= MAX_SCALED_RATES[k] / maxScaledNorm;
        }
        for (int k = STANDARD; k < ADAGRAD; k++) {
            steps[k] *= STANDARD_RATES[k - STANDARD] / standardNorm;
        }
        for (int k = ADAGRAD; k < PARTS; k++) {
            steps[k] *= ADAGRAD_RATES[k - ADAGRAD] / adaGradNorm;
        }
        moveBiases(shared, gradient);
        for (int j = 0; j < x.size(); j++) {
            move(model, x.indices()[j], x.values()[j], gradient);
        }
        return true;
    }

    private static boolean isTame(Example x) {
        boolean tame = x.importance() <= LARGEST;
        for (int j = 0; j < x.size(); j++) {
            tame &= Math.abs(x.values()[j]) <= LARGEST;
        }
        return tame;
    }

    /** q_k ← q_k·p_k(y)^c, to sum to 1, and the fixed share. */
    private void weigh(double[] shared, double y, double c) {
        double least = Double.POSITIVE_INFINITY;
        double[] losses = logits;
        for (int k = 0; k < PARTS; k++) {
            losses[k] = c * Logistic.logLoss(logits[k], y);
            least = Math.min(least, losses[k]);
        }
        double sum = 0;
        for (int k = 0; k < PARTS; k++) {
            // less the least of them, so that what remains is not 0 where all are bad
            shared[Q + k] *= StrictMath.exp(least - losses[k]);
            sum += shared[Q + k];
        }
        for (int k = 0; k < PARTS; k++) {
            shared[Q + k] = (1 - SHARE) * shared[Q + k] / sum + SHARE / PARTS;
        }
    }

    /** Takes the example into the scales, and into the means of ‖x′‖². */
    private static void scale(Model model, Example x) {
        double[] shared = model.shared();
        double maxScaledNorm = 1;
        double standardNorm = 1;
        for (int j = 0; j < x.size(); j++) {
            int i = x.indices()[j];
            double[] block = model.touch(i);
            int at = model.at(i);
            double value = x.values()[j];
            rescale(block, at, value, shared);
            double maxScaled = value * inverseLargest(block, at);
            double standard = (value - block[at + CENTRE]) * block[at + INVERSE];
            maxScaledNorm += maxScaled * maxScaled;
            standardNorm += standard * standard;
        }
        shared[MAX_SCALED_NORMS] += maxScaledNorm;
        shared[STANDARD_NORMS] += standardNorm;
    }

    private static void rescale(double[] block, int at, double value, double[] shared) {
        double count = block[at + COUNT] + 1;
        boolean numeric =
                count > 1 && !(block[at + CENTRE] == 0 && block[at + INVERSE] == 1) || value != 0 && value != 1;
        block[at + COUNT] = count;
        block[at + LOW] = count == 1 ? value : Math.min(block[at + LOW], value);
        block[at + HIGH] = count == 1 ? value : Math.max(block[at + HIGH], value);
        // Welford (1962)
        double deviation = value - block[at + MEAN];
        block[at + MEAN] += deviation / count;
        block[at + DEVIATIONS] += deviation * (value - block[at + MEAN]);

        double centre = 0;
        double inverse = 1;
        if (numeric) {
            centre = block[at + MEAN] * Math.min(1, count / shared[EXAMPLES]);
            double off = block[at + MEAN] - centre;
            double largest = largest(block, at);
            double variance = (block[at + DEVIATIONS] + count * off * off + largest * largest) / (count + 1);
            inverse = variance > 0 ? 1 / Math.sqrt(variance) : 0;
        }
        double moved = centre * inverse - block[at + CENTRE] * block[at + INVERSE];
        if (moved != 0) {
            for (int k = STANDARD; k < PARTS; k++) {
                shared[OFFSET + k] += block[at + SCALE + k] * moved;
            }
        }
        block[at + CENTRE] = centre;
        block[at + INVERSE] = inverse;
    }

    private void moveBiases(double[] shared, double gradient) {
        shared[BIAS_SQUARES] += gradient * gradient;
        for (int k = 0; k < ADAGRAD; k++) {
            shared[BIAS + k] -= steps[k];
        }
        double root = Math.sqrt(1 + shared[BIAS_SQUARES]);
        for (int k = ADAGRAD; k < PARTS; k++) {
            shared[BIAS + k] -= steps[k] / root;
        }
    }

    private void move(Model model, int i, double value, double gradient) {
        double[] shared = model.shared();
        double[] block = model.touch(i);
        int at = model.at(i);
        double maxScaled = value * inverseLargest(block, at);
        double standard = (value - block[at + CENTRE]) * block[at + INVERSE];
        block[at + SQUARES] += gradient * standard * (gradient * standard);
        double adaGrad = standard / Math.sqrt(1 + block[at + SQUARES]);
        for (int k = 0; k < STANDARD; k++) {
            block[at + SCALE + k] -= steps[k] * maxScaled;
        }
        for (int k = STANDARD; k < ADAGRAD; k++) {
            block[at + SCALE + k] -= steps[k] * standard;
        }
        for (int k = ADAGRAD; k < PARTS; k++) {
            block[at + SCALE + k] -= steps[k] * adaGrad;
        }
        double centre = block[at + CENTRE] * block[at + INVERSE];
        if (centre != 0) {
            for (int k = STANDARD; k < ADAGRAD; k++) {
                shared[OFFSET + k] -= steps[k] * standard * centre;
            }
            for (int k = ADAGRAD; k < PARTS; k++) {
                shared[OFFSET + k] -= steps[k] * adaGrad * centre;
            }
        }
    }

    private static double largest(double[] block, int at) {
        return Math.max(Math.abs(block[at + LOW]), Math.abs(block[at + HIGH]));
    }

    private static double inverseLargest(double[] block, int at) {
        double largest = largest(block, at);
        return largest == 0 ? 0 : 1 / largest;
    }

    private static double likeliestRate(double[] shared) {
        int best = 0;
        for (int k = 1; k < PARTS; k++) {
            if (shared[Q + k] > shared[Q + best]) {
                best = k;
            }
        }
        return rate(best);
    }

    private static double rate(int part) {
        return part < STANDARD
                ? MAX_SCALED_RATES[part]
                : part < ADAGRAD ? STANDARD_RATES[part - STANDARD] : ADAGRAD_RATES[part - ADAGRAD];
    }

    @Override
    boolean mixes() {
        return true;
    }

    @Override
    double[] shares(Model model) {
        return Arrays.copyOfRange(model.shared(), Q, Q + PARTS);
    }

    @Override
    public List<Share> mixture(Model model) {
        List<Share> shares = new ArrayList<>(PARTS);
        for (int k = 0; k < PARTS; k++) {
            String kind = k < STANDARD ? "sgd" : k < ADAGRAD ? "sgd-standard" : "adagrad";
            shares.add(new Share(kind, rate(k), model.shared()[Q + k]));
        }
        return shares;
    }
}
