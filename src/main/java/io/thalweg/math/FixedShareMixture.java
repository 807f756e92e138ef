package io.thalweg.math;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A mixture of experts over a ladder of learning rates, so that there is nothing to set: the algorithm {@code auto}.
 * The experts are linear models that learn side by side from the same examples. Their mixture is a linear model too,
 * and it is what predicts and is published.
 *
 * <p><b>Experts.</b> Each takes its own kind of step on its own weights v in scaled features x′, with its own
 * probability a_k in the gradient g = c·(a_k − y), with c as under <i>Importance</i>:
 *
 * <ul>
 *   <li>{@code sgd}, on features divided by the largest |x| so far: v ← v − α/N · g·x′;
 *   <li>{@code sgd-standard}, the same on standardized features (x − m)/s;
 *   <li>{@code adagrad} (Duchi, Hazan and Singer 2011), on standardized features: v ← v − α/√√N · g·x′/(β + √G), where
 *       G is the sum of (g·x′)² with the gradient of the mixture. β is {@value #BETA}, and {@value #BIAS_BETA} for the
 *       bias.
 * </ul>
 *
 * <p>N is the mean of 1 + ‖x′‖² so far divided by {@value #USUAL_NORM}, and at least 1, so that a step does not grow
 * with the number of features.
 *
 * <p><b>Scales</b> are those of {@link FeatureScale}, with the largest |x| added once as a distance from m. A feature
 * that has only been 0 or 1 is not scaled. When m or s moves, v stays, so results do not depend on the units of the
 * features. In a prediction, a value outside the range so far counts as the end of that range; an outlier also in the
 * step.
 *
 * <p><b>Mixture.</b> The logit is τ·Σ q_k·z_k. After each label q_k ← q_k·p_k(y)^(η·c), where p_k(y) = e^−L is the
 * probability that expert k gave to that label, η is {@value #SHARES_RATE}, and q is normalized to sum to 1 (the
 * aggregating forecaster of Vovk 1990). Then a share of {@value #SHARE} of the total is spread evenly, so that an
 * expert that was bad can come back when the stream changes (the fixed share of Herbster and Warmuth 1998).
 *
 * <p><b>Temperature.</b> τ is the inverse of a temperature (Guo, Pleiss, Sun and Weinberger 2017), learned online.
 * Without it, the mixture is not confident enough where almost everything is certain, and too confident where the
 * stream changes. At each step ln τ moves by −{@value #TEMPERATURE_RATE}·d/√(1 + Σd²), as in AdaGrad, where d =
 * c·r·τ·Σ q_k·z_k is the derivative of the loss with respect to ln τ, with the residual r of {@link StepTarget}: a − y
 * for the log loss. d is limited to ±{@value #STEEPEST}. τ starts at 1 and stays between 1/{@value #LARGEST_FACTOR} and
 * {@value #LARGEST_FACTOR}.
 *
 * <p><b>Importance.</b> c is the importance divided by the root mean square of all so far, so a factor that is common
 * to all does not matter; see {@link ImportanceScale}. For the shares and τ, c is at most {@value #LARGEST_IMPORTANCE}.
 * A larger c is too much for a plain step of {@code sgd}, which would overshoot. So this takes the step of {@link
 * ImportanceInvariantStep} instead; or, if it does not move toward the label alone, c is limited there too. {@code
 * adagrad} would not depend on a common factor without β. If few examples are much more important than all others, β
 * must suit the others. So its c is divided by the typical importance instead, and is at most {@value
 * #LARGEST_ADAGRAD_IMPORTANCE} times the root mean square, so that one example does not slow down all that come later.
 *
 * <p><b>Labels that come later.</b> The shares follow the logits that the experts had when the prediction was made. If
 * the model has taken n steps since then, the label counts 1/(1 + {@value #CAUTION}·√n) as much: predictions that were
 * made without each other's labels are wrong together, and to count them fully would follow a day that is over. (Copies
 * of a mixture that take turns, as in Weinberger and Ordentlich 2002, would count each label 1/(n + 1) as much.) The
 * share that is spread evenly is then at most {@value #LATE_SHARE} times that.
 *
 * <p><b>Starting from given weights</b>, which another optimizer has learned: these stay as they are, in raw units. The
 * experts start at 0 and learn what to add to them.
 *
 * <p><b>State</b> (see {@link Optimizer}). For each feature: its {@link FeatureScale}, G, the given weight, and v of
 * each expert. Shared: the numbers named below, then q, bias and offset of each expert. The offset is Σ v·m/s over all
 * features: what standardizing takes off the bias.
 */
final class FixedShareMixture extends Optimizer {
    /** Learning rates of the {@code sgd} experts. */
    private static final double[] MAX_SCALED_RATES = {0.05, 1};
    /** Learning rates of the {@code sgd-standard} experts. */
    private static final double[] STANDARD_RATES = {0.1};
    /** Learning rates of the {@code adagrad} experts. */
    private static final double[] ADAGRAD_RATES = {0.05, 0.1, 0.2, 0.5, 1};

    /** The first {@code sgd-standard} expert; those before it are {@code sgd}. */
    private static final int STANDARD = MAX_SCALED_RATES.length;
    /** The first {@code adagrad} expert. */
    private static final int ADAGRAD = STANDARD + STANDARD_RATES.length;

    private static final int EXPERTS = ADAGRAD + ADAGRAD_RATES.length;

    /*
     * The loops over features in weights, addUp and moveWeights are written out for eight experts. The compiler then
     * keeps a local variable for each in a register, where it would write the elements of an array to memory at every
     * feature. If the rates change, so must these methods.
     */
    static {
        if (EXPERTS != 8) {
            throw new AssertionError("the steps are written for 8 experts, not " + EXPERTS);
        }
    }

    /** How much less a label counts for the shares the later it comes; see {@link #weightOfLate}. */
    private static final double CAUTION = 10;

    /** How large c may become for the shares and for plain steps of {@code sgd}. */
    private static final double LARGEST_IMPORTANCE = 3;
    /** The same for {@code adagrad}. */
    private static final double LARGEST_ADAGRAD_IMPORTANCE = 2;

    /** β of the weights of {@code adagrad}. */
    private static final double BETA = 0.25;
    /** β of the biases of {@code adagrad}. */
    private static final double BIAS_BETA = 0.1;
    /** η, the learning rate of the shares. */
    private static final double SHARES_RATE = 0.5;

    /** The share of the total that is spread evenly after each label. */
    private static final double SHARE = 3e-4;
    /** That share for each label that counts fully, if labels come later. */
    private static final double LATE_SHARE = 1e-3;
    /** The learning rate of ln τ. */
    private static final double TEMPERATURE_RATE = 0.02;
    /** The largest |d|: one label that nobody expected must not stop τ. */
    private static final double STEEPEST = 5;
    /** The largest τ; its inverse is the least. */
    private static final double LARGEST_FACTOR = 4;
    /** The mean of 1 + ‖x′‖² up to which the learning rates are used as they are. */
    private static final double USUAL_NORM = 14;
    /** The largest logit of an expert in the mixture's update; e^−z of larger ones would underflow. */
    private static final double LARGEST_LOGIT = 700;
    /** The least sum of shares times probabilities that has all its digits. */
    private static final double LEAST_SUM = 1e-280;

    // the state of a feature: its FeatureScale, and then
    /** G. */
    private static final int SQUARES = FeatureScale.WIDTH;
    /** The given weight. */
    private static final int GIVEN = FeatureScale.WIDTH + 1;
    /** The weights v of the experts. */
    private static final int V = FeatureScale.WIDTH + 2;

    private static final int WIDTH = V + EXPERTS;

    /** Doubles in a cache line of most processors. */
    private static final int LINE = 8;
    /** A model of at most so many blocks, about a megabyte, is probably in a cache. */
    private static final int CACHED_BLOCKS = 64;

    // the shared state
    /** Number of examples of importance above 0. */
    private static final int EXAMPLES = 0;
    /** Sum of 1 + ‖x′‖² of features divided by their largest |x|. */
    private static final int MAX_SCALED_NORMS = 1;
    /** Sum of 1 + ‖x′‖² of standardized features. */
    private static final int STANDARD_NORMS = 2;
    /** Sum of g² of the bias. */
    private static final int BIAS_SQUARES = 3;
    /** The given bias. */
    private static final int GIVEN_BIAS = 4;
    /** The {@link ImportanceScale}. */
    private static final int IMPORTANCE = 5;

    /** 1 + Σd². */
    private static final int TEMPERATURE_SQUARES = IMPORTANCE + ImportanceScale.WIDTH;
    /** τ. */
    private static final int FACTOR = TEMPERATURE_SQUARES + 1;

    /** The shares q of the experts; their biases and offsets follow. */
    private static final int Q = FACTOR + 1;

    private static final int BIAS = Q + EXPERTS;
    private static final int OFFSET = BIAS + EXPERTS;

    /** The result of {@link #fetch}. It has no meaning, but without it the compiler would drop the reads. */
    private double fetched;

    // of the example that logit saw last
    /** The logits z_k of the experts. */
    private final double[] logits = new double[EXPERTS];
    /** τ·Σ q_k·z_k: the logit without what the given weights add. */
    private double mixed;
    /** Where in its block the state of each feature begins. */
    private int[] places = new int[64];
    /** x′, divided by the largest |x|. */
    private double[] maxScaled = new double[64];

    /** x′, standardized. */
    private double[] standard = new double[64];

    // of the step under way
    /** G. */
    private double[] squares = new double[64];
    /** x′/(β + √G). */
    private double[] adaGrad = new double[64];
    /** m/s. */
    private double[] centers = new double[64];
    /** e^−|z_k|, and then q_k·p_k(y)^(η·c). */
    private final double[] tails = new double[EXPERTS];
    /** The residuals a_k − y, and then times importance and learning rate. */
    private final double[] steps = new double[EXPERTS];

    @Override
    int width() {
        return WIDTH;
    }

    @Override
    double[] initialState() {
        double[] shared = new double[OFFSET + EXPERTS];
        shared[TEMPERATURE_SQUARES] = 1;
        shared[FACTOR] = 1;
        Arrays.fill(shared, Q, Q + EXPERTS, 1.0 / EXPERTS);
        return shared;
    }

    @Override
    public boolean canStartFromWeights() {
        return true;
    }

    @Override
    double[] initialState(double bias) {
        double[] shared = initialState();
        shared[GIVEN_BIAS] = bias;
        return shared;
    }

    @Override
    void startWeight(double[] block, int at, double weight) {
        block[at + GIVEN] = weight;
    }

    @Override
    double weight(double[] shared, double[] block, int at) {
        double maxScaledWeight = 0;
        for (int k = 0; k < STANDARD; k++) {
            maxScaledWeight += shared[Q + k] * block[at + V + k];
        }
        double standardWeight = 0;
        for (int k = STANDARD; k < EXPERTS; k++) {
            standardWeight += shared[Q + k] * block[at + V + k];
        }
        return block[at + GIVEN]
                + shared[FACTOR]
                        * (maxScaledWeight * block[at + FeatureScale.INVERSE_LARGEST]
                                + standardWeight * block[at + FeatureScale.INVERSE]);
    }

    /**
     * Does the same as {@link #weight} for each feature, to the bit. It is faster, which matters where large models are
     * published.
     */
    @Override
    void weights(double[] shared, double[] block, double[] weights, int count) {
        double factor = shared[FACTOR];
        double q0 = shared[Q];
        double q1 = shared[Q + 1];
        double q2 = shared[Q + 2];
        double q3 = shared[Q + 3];
        double q4 = shared[Q + 4];
        double q5 = shared[Q + 5];
        double q6 = shared[Q + 6];
        double q7 = shared[Q + 7];
        for (int i = 0; i < count; i++) {
            weights[i] = weight(block, i * WIDTH, factor, q0, q1, q2, q3, q4, q5, q6, q7);
        }
    }

    /** As {@link #weights(double[], double[], double[], int)}. */
    @Override
    void weights(double[] shared, double[][] blocks, int[] places, int begin, int end, float[] weights) {
        double factor = shared[FACTOR];
        double q0 = shared[Q];
        double q1 = shared[Q + 1];
        double q2 = shared[Q + 2];
        double q3 = shared[Q + 3];
        double q4 = shared[Q + 4];
        double q5 = shared[Q + 5];
        double q6 = shared[Q + 6];
        double q7 = shared[Q + 7];
        for (int k = begin; k < end; k++) {
            double[] block = blocks[places[k] / Model.BLOCK];
            int at = Model.inBlock(places[k]) * WIDTH;
            weights[k] = (float) weight(block, at, factor, q0, q1, q2, q3, q4, q5, q6, q7);
        }
    }

    private static double weight(
            double[] block,
            int at,
            double factor,
            double q0,
            double q1,
            double q2,
            double q3,
            double q4,
            double q5,
            double q6,
            double q7) {
        int v = at + V;
        // starts from 0 as weight does, so that −0 becomes 0
        double maxScaledWeight = 0 + q0 * block[v] + q1 * block[v + 1];
        double standardWeight = 0
                + q2 * block[v + 2]
                + q3 * block[v + 3]
                + q4 * block[v + 4]
                + q5 * block[v + 5]
                + q6 * block[v + 6]
                + q7 * block[v + 7];
        return block[at + GIVEN]
                + factor
                        * (maxScaledWeight * block[at + FeatureScale.INVERSE_LARGEST]
                                + standardWeight * block[at + FeatureScale.INVERSE]);
    }

    @Override
    double bias(Model model) {
        double[] shared = model.shared();
        double bias = 0;
        for (int k = 0; k < EXPERTS; k++) {
            bias += shared[Q + k] * (shared[BIAS + k] - shared[OFFSET + k]);
        }
        return shared[GIVEN_BIAS] + shared[FACTOR] * bias;
    }

    @Override
    double logit(Model model, Example x) {
        makeRoomForSlots(x.size());
        makeRoom(x.size());
        model.find(x, slots);
        if (model.blockCount() > CACHED_BLOCKS) {
            fetch(model, x);
        }
        double given = model.shared()[GIVEN_BIAS];
        int size = 0;
        for (int j = 0; j < x.size(); j++) {
            int i = x.indices()[j];
            if (i != Example.UNMET) {
                int slot = slots[j];
                int at = model.at(i);
                double[] block = model.blockOf(slot, at);
                given += block[at + GIVEN] * x.values()[j];
                double value = FeatureScale.inRange(block, at, x.values()[j]);
                slots[size] = slot;
                places[size] = at;
                maxScaled[size] = value * block[at + FeatureScale.INVERSE_LARGEST];
                standard[size] = value * block[at + FeatureScale.INVERSE];
                size++;
            }
        }
        double[] shared = model.shared();
        addUp(model, size);
        double sum = 0;
        for (int k = 0; k < EXPERTS; k++) {
            sum += shared[Q + k] * logits[k];
            logits[k] += given;
        }
        mixed = shared[FACTOR] * sum;
        return given + mixed;
    }

    @Override
    double contribution(double[] shared, double[] block, int at, double value) {
        double given = block[at + GIVEN];
        return given * value + (weight(shared, block, at) - given) * FeatureScale.inRange(block, at, value);
    }

    /**
     * Reads a number from every cache line that the features are in. A processor asks for many lines at once here,
     * because nothing depends on the numbers. In a loop that computes with each feature, it would wait for one after
     * the other.
     */
    private void fetch(Model model, Example x) {
        double[][] blocks = model.blocks();
        double sum = 0;
        for (int j = 0; j < x.size(); j++) {
            int at = model.at(x.indices()[j]);
            double[] block = blocks[slots[j]];
            if (at < block.length) {
                sum += block[at] + block[at + LINE] + block[at + 2 * LINE] + block[at + WIDTH - 1];
            }
        }
        fetched = sum;
    }

    /** Computes the logits of the experts, without the given weights. */
    private void addUp(Model model, int size) {
        double[] shared = model.shared();
        double z0 = shared[BIAS] - shared[OFFSET];
        double z1 = shared[BIAS + 1] - shared[OFFSET + 1];
        double z2 = shared[BIAS + 2] - shared[OFFSET + 2];
        double z3 = shared[BIAS + 3] - shared[OFFSET + 3];
        double z4 = shared[BIAS + 4] - shared[OFFSET + 4];
        double z5 = shared[BIAS + 5] - shared[OFFSET + 5];
        double z6 = shared[BIAS + 6] - shared[OFFSET + 6];
        double z7 = shared[BIAS + 7] - shared[OFFSET + 7];
        for (int j = 0; j < size; j++) {
            double[] v = model.blockOf(slots[j], places[j]);
            int at = places[j] + V;
            double x = maxScaled[j];
            double standardX = standard[j];
            z0 += v[at] * x;
            z1 += v[at + 1] * x;
            z2 += v[at + 2] * standardX;
            z3 += v[at + 3] * standardX;
            z4 += v[at + 4] * standardX;
            z5 += v[at + 5] * standardX;
            z6 += v[at + 6] * standardX;
            z7 += v[at + 7] * standardX;
        }
        logits[0] = z0;
        logits[1] = z1;
        logits[2] = z2;
        logits[3] = z3;
        logits[4] = z4;
        logits[5] = z5;
        logits[6] = z6;
        logits[7] = z7;
    }

    private void makeRoom(int size) {
        if (places.length < size) {
            int room = size * 2;
            places = new int[room];
            maxScaled = new double[room];
            standard = new double[room];
            squares = new double[room];
            adaGrad = new double[room];
            centers = new double[room];
        }
    }

    @Override
    int experts() {
        return EXPERTS;
    }

    @Override
    void expertLogits(double[] into) {
        System.arraycopy(logits, 0, into, 0, EXPERTS);
    }

    @Override
    boolean step(Model model, Example x, double z, double a) {
        return step(model, x, z, a, logits, 0);
    }

    /**
     * Takes a step. The shares follow the logits that the experts have served; the experts step from where they are
     * now.
     */
    @Override
    boolean step(Model model, Example x, double z, double a, double[] served, long stepsSince) {
        // none were served if another algorithm made the prediction
        double[] basis = served.length == EXPERTS ? served : logits;
        if (!isTame(model, x)) {
            return false;
        }
        double[] shared = model.shared();
        if (x.importance() == 0) {
            model.advance(likeliestRate(shared));
            return true;
        }
        double y = x.label();
        model.advance(0);
        shared[EXAMPLES]++;
        double c = ImportanceScale.take(shared, IMPORTANCE, x.importance(), shared[EXAMPLES]);
        double limitedC = Math.min(c, LARGEST_IMPORTANCE);
        double adaGradC = Math.min(c, LARGEST_ADAGRAD_IMPORTANCE) * ImportanceScale.spread(shared, IMPORTANCE);
        if (target() == StepTarget.LABEL) {
            weigh(shared, basis, y, limitedC, stepsSince);
        } else {
            setSteps(x);
            if (target().isFirstLabel()) {
                share(shared, weighByLoss(shared, basis, y, limitedC, stepsSince), stepsSince);
            }
        }
        temper(shared, limitedC * residual(x, a) * mixed);
        model.learningRate(likeliestRate(shared));
        scale(model, x);

        double examples = shared[EXAMPLES];
        double maxScaledNorm = Math.max(1, shared[MAX_SCALED_NORMS] / examples / USUAL_NORM);
        double standardNorm = Math.max(1, shared[STANDARD_NORMS] / examples / USUAL_NORM);
        double adaGradNorm = Math.sqrt(Math.sqrt(standardNorm));
        if (c > LARGEST_IMPORTANCE && target() == StepTarget.LABEL) {
            setInvariantSteps(x.size(), y, c, maxScaledNorm, standardNorm);
        } else {
            for (int k = 0; k < STANDARD; k++) {
                steps[k] *= limitedC * MAX_SCALED_RATES[k] / maxScaledNorm;
            }
            for (int k = STANDARD; k < ADAGRAD; k++) {
                steps[k] *= limitedC * STANDARD_RATES[k - STANDARD] / standardNorm;
            }
        }
        for (int k = ADAGRAD; k < EXPERTS; k++) {
            steps[k] *= adaGradC * ADAGRAD_RATES[k - ADAGRAD] / adaGradNorm;
        }
        double gradient = adaGradC * residual(x, a);
        moveBiases(shared, gradient);
        for (int j = 0; j < x.size(); j++) {
            double[] block = model.touched(slots[j]);
            int at = places[j];
            double slope = gradient * standard[j];
            squares[j] = block[at + SQUARES] + slope * slope;
            block[at + SQUARES] = squares[j];
            centers[j] = block[at + FeatureScale.CENTER] * block[at + FeatureScale.INVERSE];
        }
        overRoots(standard, squares, x.size(), adaGrad);
        moveWeights(model, x.size());
        return true;
    }

    /** Sets {@link #steps} of {@code sgd} to those of an importance that is too large for a plain step. */
    private void setInvariantSteps(int size, double y, double c, double maxScaledNorm, double standardNorm) {
        double ownMaxScaledNorm = 1;
        double ownStandardNorm = 1;
        for (int j = 0; j < size; j++) {
            ownMaxScaledNorm += maxScaled[j] * maxScaled[j];
            ownStandardNorm += standard[j] * standard[j];
        }
        for (int k = 0; k < STANDARD; k++) {
            steps[k] = invariantStep(logits[k], y, c * MAX_SCALED_RATES[k] / maxScaledNorm, ownMaxScaledNorm);
        }
        for (int k = STANDARD; k < ADAGRAD; k++) {
            steps[k] = invariantStep(logits[k], y, c * STANDARD_RATES[k - STANDARD] / standardNorm, ownStandardNorm);
        }
    }

    private static double invariantStep(double z, double y, double reach, double norm) {
        return -ImportanceInvariantStep.logitMove(z, y, Math.min(reach * norm, FeatureScale.LARGEST)) / norm;
    }

    /** Computes x′/(β + √G). It is a loop of its own so that the processor can take several roots at once. */
    private static void overRoots(double[] inputs, double[] squares, int size, double[] into) {
        for (int j = 0; j < size; j++) {
            into[j] = inputs[j] / (BETA + Math.sqrt(squares[j]));
        }
    }

    /**
     * Moves the weights of the experts and the offsets. Experts 0 and 1 are {@code sgd}, 2 is {@code sgd-standard}, and
     * 3 to 7 are {@code adagrad}.
     */
    private void moveWeights(Model model, int size) {
        double step0 = steps[0];
        double step1 = steps[1];
        double step2 = steps[2];
        double step3 = steps[3];
        double step4 = steps[4];
        double step5 = steps[5];
        double step6 = steps[6];
        double step7 = steps[7];
        double standardCenters = 0;
        double adaGradCenters = 0;
        for (int j = 0; j < size; j++) {
            double[] v = model.touched(slots[j]);
            int at = places[j] + V;
            double x = maxScaled[j];
            double standardX = standard[j];
            double adaGradX = adaGrad[j];
            v[at] -= step0 * x;
            v[at + 1] -= step1 * x;
            v[at + 2] -= step2 * standardX;
            v[at + 3] -= step3 * adaGradX;
            v[at + 4] -= step4 * adaGradX;
            v[at + 5] -= step5 * adaGradX;
            v[at + 6] -= step6 * adaGradX;
            v[at + 7] -= step7 * adaGradX;
            standardCenters += standardX * centers[j];
            adaGradCenters += adaGradX * centers[j];
        }
        double[] shared = model.shared();
        for (int k = STANDARD; k < EXPERTS; k++) {
            shared[OFFSET + k] -= steps[k] * (k < ADAGRAD ? standardCenters : adaGradCenters);
        }
    }

    /** Returns whether squares of gradients, and sums of squares, stay finite. */
    private boolean isTame(Model model, Example x) {
        boolean tame = x.importance() <= FeatureScale.LARGEST;
        boolean small = true;
        for (int j = 0; j < x.size(); j++) {
            small &= Math.abs(x.values()[j]) <= FeatureScale.LARGEST;
        }
        return tame && (small || areOutliers(model, x));
    }

    /** Returns whether all values that are too large to be squared count as the end of the range. */
    private boolean areOutliers(Model model, Example x) {
        boolean outliers = true;
        for (int j = 0; j < x.size(); j++) {
            double value = x.values()[j];
            outliers &= Math.abs(value) <= FeatureScale.LARGEST
                    || FeatureScale.isOutlier(model.blockOf(slots[j], places[j]), places[j], value);
        }
        return outliers;
    }

    /**
     * Updates the shares, q_k ← q_k·p_k(y)^(η·c), normalized and with the fixed share; and sets {@link #steps} to a_k −
     * y.
     */
    private void weigh(double[] shared, double[] served, double y, double c, long stepsSince) {
        tails();
        boolean plain = c == 1 && (y == 0 || y == 1) && served == logits && stepsSince == 0;
        double sum = 0;
        for (int k = 0; k < EXPERTS; k++) {
            double likelier = 1 / (1 + tails[k]);
            double other = tails[k] * likelier;
            boolean positive = logits[k] >= 0;
            steps[k] = (positive ? likelier : other) - y;
            // the probability of the label, if that is 0 or 1
            tails[k] = positive == (y == 1) ? likelier : other;
        }
        for (int k = 0; k < EXPERTS; k++) {
            // the power of SHARES_RATE
            tails[k] = shared[Q + k] * Math.sqrt(tails[k]);
            sum += tails[k];
        }
        if (!plain || sum < LEAST_SUM) {
            sum = weighByLoss(shared, served, y, c, stepsSince);
        }
        share(shared, sum, stepsSince);
    }

    /** Sets the shares to {@link #tails}, which have a sum. */
    private void share(double[] shared, double sum, long stepsSince) {
        double share = Math.min(SHARE, LATE_SHARE * weightOfLate(stepsSince));
        double rest = (1 - share) / sum;
        for (int k = 0; k < EXPERTS; k++) {
            shared[Q + k] = tails[k] * rest + share / EXPERTS;
        }
    }

    /**
     * Returns how much a label counts for the shares, if the model has taken steps since its prediction.
     *
     * @param stepsSince how many; 0 or more
     * @return from 0 to 1
     */
    private static double weightOfLate(long stepsSince) {
        return 1 / (1 + CAUTION * Math.sqrt(stepsSince));
    }

    /** Moves τ. @param slope d */
    private static void temper(double[] shared, double slope) {
        double d = Math.max(-STEEPEST, Math.min(STEEPEST, slope));
        shared[TEMPERATURE_SQUARES] += d * d;
        // 1 + x instead of e^x: x is small
        double factor = shared[FACTOR] * (1 - TEMPERATURE_RATE * d / Math.sqrt(shared[TEMPERATURE_SQUARES]));
        shared[FACTOR] = Math.max(1 / LARGEST_FACTOR, Math.min(LARGEST_FACTOR, factor));
    }

    /** Sets {@link #steps} to the residuals where the step does not move toward the label alone. */
    private void setSteps(Example x) {
        tails();
        for (int k = 0; k < EXPERTS; k++) {
            double likelier = 1 / (1 + tails[k]);
            steps[k] = residual(x, logits[k] >= 0 ? likelier : tails[k] * likelier);
        }
    }

    /**
     * Computes q_k·p_k(y)^(η·c) by way of the logarithm, up to a common factor, and returns the sum. This works for any
     * label and importance, and also if all experts were almost certain and wrong.
     */
    private double weighByLoss(double[] shared, double[] served, double y, double c, long stepsSince) {
        double power = SHARES_RATE * c * weightOfLate(stepsSince);
        double least = Double.POSITIVE_INFINITY;
        for (int k = 0; k < EXPERTS; k++) {
            tails[k] = power * Logistic.logLoss(served[k], y);
            least = Math.min(least, tails[k]);
        }
        double sum = 0;
        for (int k = 0; k < EXPERTS; k++) {
            // relative to the least loss, so that at least one share does not underflow
            tails[k] = shared[Q + k] * StrictMath.exp(least - tails[k]);
            sum += tails[k];
        }
        return sum;
    }

    /**
     * Computes e^−|z_k| as the 2048th power of e^(−|z_k|/2048), for which a few terms of the series are enough. It is
     * exact to nine digits for |z_k| below 100, and much faster than {@link StrictMath#exp}. The shares depend on it,
     * but no published number is one of these.
     */
    private void tails() {
        for (int k = 0; k < EXPERTS; k++) {
            double t = -Math.min(Math.abs(logits[k]), LARGEST_LOGIT) * (1.0 / 2048);
            double e = 1 + t * (1 + t * (1.0 / 2 + t * (1.0 / 6 + t * (1.0 / 24 + t * (1.0 / 120 + t * (1.0 / 720))))));
            e *= e;
            e *= e;
            e *= e;
            e *= e;
            e *= e;
            e *= e;
            e *= e;
            e *= e;
            e *= e;
            e *= e;
            e *= e;
            tails[k] = e;
        }
    }

    /** Updates the scales and the means of ‖x′‖² with the example, and keeps its x′. */
    private void scale(Model model, Example x) {
        double[] shared = model.shared();
        double maxScaledNorm = 1;
        double standardNorm = 1;
        model.touch(x, slots);
        for (int j = 0; j < x.size(); j++) {
            double[] block = model.touched(slots[j]);
            int at = places[j];
            double value = x.values()[j];
            double moved = FeatureScale.take(block, at, value, shared[EXAMPLES], 1);
            if (moved != 0) {
                for (int k = STANDARD; k < EXPERTS; k++) {
                    shared[OFFSET + k] += block[at + V + k] * moved;
                }
            }
            if (value < block[at + FeatureScale.LOW] || value > block[at + FeatureScale.HIGH]) {
                // an outlier
                value = FeatureScale.inRange(block, at, value);
            }
            maxScaled[j] = value * block[at + FeatureScale.INVERSE_LARGEST];
            standard[j] = (value - block[at + FeatureScale.CENTER]) * block[at + FeatureScale.INVERSE];
            maxScaledNorm += maxScaled[j] * maxScaled[j];
            standardNorm += standard[j] * standard[j];
        }
        shared[MAX_SCALED_NORMS] += maxScaledNorm;
        shared[STANDARD_NORMS] += standardNorm;
    }

    /** Moves the biases of the experts. */
    private void moveBiases(double[] shared, double gradient) {
        shared[BIAS_SQUARES] += gradient * gradient;
        for (int k = 0; k < ADAGRAD; k++) {
            shared[BIAS + k] -= steps[k];
        }
        double divisor = BIAS_BETA + Math.sqrt(shared[BIAS_SQUARES]);
        for (int k = ADAGRAD; k < EXPERTS; k++) {
            shared[BIAS + k] -= steps[k] / divisor;
        }
    }

    /** Returns the learning rate of the expert with the largest share. */
    private static double likeliestRate(double[] shared) {
        int best = 0;
        for (int k = 1; k < EXPERTS; k++) {
            if (shared[Q + k] > shared[Q + best]) {
                best = k;
            }
        }
        return rate(best);
    }

    private static double rate(int expert) {
        return expert < STANDARD
                ? MAX_SCALED_RATES[expert]
                : expert < ADAGRAD ? STANDARD_RATES[expert - STANDARD] : ADAGRAD_RATES[expert - ADAGRAD];
    }

    @Override
    boolean movesUntouched() {
        return true;
    }

    @Override
    double[] untouchedFactors(Model model) {
        double[] factors = Arrays.copyOfRange(model.shared(), FACTOR, Q + EXPERTS);
        factors[0] = StrictMath.log(factors[0]);
        return factors;
    }

    @Override
    public List<Share> mixture(Model model) {
        List<Share> shares = new ArrayList<>(EXPERTS);
        for (int k = 0; k < EXPERTS; k++) {
            String kind = k < STANDARD ? "sgd" : k < ADAGRAD ? "sgd-standard" : "adagrad";
            shares.add(new Share(kind, rate(k), model.shared()[Q + k]));
        }
        return shares;
    }
}
