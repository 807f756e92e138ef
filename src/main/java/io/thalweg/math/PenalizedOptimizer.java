package io.thalweg.math;

/**
 * An optimizer whose objective may charge for the size of the weights. It owns the l1 and l2 penalties and applies them
 * lazily; subclasses own the gradient step.
 *
 * <p><b>Objective.</b> The sum over all examples of c·(L + l1·Σ|v| + l2/2·Σv²), where c is the importance of an
 * example, L its log loss, and the sums run over all weights v but not over the bias. So each example shrinks every
 * weight, also those of features that it does not have. With the learning rate η of a weight, one step on v is
 *
 * <ol>
 *   <li>the gradient step and the l2 penalty: u = v − η·g − (the share that l2 takes of v);
 *   <li>the l1 penalty: v ← sign(u)·max(0, |u| − η·c·l1). The weight stops at 0 instead of crossing it (Langford, Li
 *       and Zhang 2009; Duchi and Singer 2009).
 * </ol>
 *
 * <p><b>Lazy updates.</b> A step touches only the weights of its example. Every other weight is brought up to date when
 * it is next read or stepped on, in constant time however long ago that was (Langford et al. 2009; Lipton and Elkan
 * 2015). For a weight whose feature is absent, the steps it missed add up to
 *
 * <pre>
 *   |v| + l1/l2  falls by the factor e^(−l2·Δτ)    with l2
 *   |v|          falls by l1·Δτ                    without
 * </pre>
 *
 * <p>and never below 0. τ is a clock that each step moves on, by an amount that the subclass chooses, and Δτ is the
 * time since the weight was last up to date. The clock carries its own rounding error along (Knuth's two-sum), so it
 * stays exact to the last bit however many steps it has counted.
 *
 * <p><b>One exception.</b> With {@code standard} scaling, a feature with a center also contributes −v·m/s to the bias.
 * The bias cannot follow lazy changes of v without a pass over all features. So such a weight keeps its value while its
 * feature is absent, and is charged for all missed steps when the feature comes back. With dense examples that is every
 * step.
 *
 * <p><b>State</b> (see {@link Optimizer}). For each feature: v, and with penalties the clock at which v was up to date.
 * Shared: β, and with penalties the clock and its rounding error. The numbers of the subclass and of
 * {@link ScaledOptimizer} follow.
 */
abstract sealed class PenalizedOptimizer extends ScaledOptimizer permits ScaledSgd, AdaGrad {
    /** Offset of v in the state of a feature. */
    static final int V = 0;

    private static final int CLOCK = 1;

    /** Offset of β in the shared state. */
    static final int BIAS = 0;

    private static final int CLOCK_ERROR = 2;

    final boolean penalized;
    final double l1;
    final double l2;

    /**
     * Creates an optimizer with the penalties of the settings.
     *
     * @param own how many numbers the subclass keeps for each feature
     * @param ownShared how many numbers the subclass keeps in the shared state
     */
    PenalizedOptimizer(LearnerSettings settings, int own, int ownShared) {
        super(settings, ownOffset(settings.options()) + own, ownSharedOffset(settings.options()) + ownShared);
        penalized = options.penalized();
        l1 = options.l1();
        l2 = options.l2();
    }

    /** Returns where in the state of a feature the numbers of the subclass begin. */
    static int ownOffset(StepOptions options) {
        return options.penalized() ? CLOCK + 1 : V + 1;
    }

    /** Returns where in the shared state the numbers of the subclass begin. */
    static int ownSharedOffset(StepOptions options) {
        return options.penalized() ? CLOCK_ERROR + 1 : BIAS + 1;
    }

    /**
     * Returns how much of the clock's time counts for one weight.
     *
     * @param elapsed time of the clock, which all weights share
     */
    abstract double ownTime(double elapsed, double[] block, int at);

    @Override
    final double scaledWeight(double[] shared, double[] block, int at) {
        double v = block[at + V];
        if (!penalized || v == 0 || center(block, at) != 0) {
            return v;
        }
        return upToDate(shared, block, at);
    }

    @Override
    final double scaledBias(double[] shared) {
        return shared[BIAS];
    }

    @Override
    final boolean movesUntouched() {
        return penalized;
    }

    @Override
    final void bringUpToDate(double[] shared, double[] block, int at) {
        if (penalized) {
            double before = block[at + V];
            block[at + V] = upToDate(shared, block, at);
            block[at + CLOCK] = shared[CLOCK];
            weightMoved(shared, block, at, block[at + V] - before);
        }
    }

    /** Returns v after the penalties of the steps that it has missed. */
    private double upToDate(double[] shared, double[] block, int at) {
        double v = block[at + V];
        double elapsed = shared[CLOCK] - block[at + CLOCK];
        if (v == 0 || elapsed == 0) {
            return v;
        }
        double time = ownTime(elapsed, block, at);
        double decay = decay(time);
        return shrink(v - decay * v, charge(decay, time));
    }

    /** Returns the time of the clock: the sum of what the steps have moved it on by. */
    static double clock(double[] shared) {
        return shared[CLOCK];
    }

    /** Moves the clock on. */
    static void advanceClock(double[] shared, double by) {
        // Knuth's two-sum: total and error together are the exact sum
        double sum = shared[CLOCK];
        double addend = by + shared[CLOCK_ERROR];
        double total = sum + addend;
        double back = total - sum;
        shared[CLOCK] = total;
        shared[CLOCK_ERROR] = (sum - (total - back)) + (addend - back);
    }

    /** Returns the share of a weight that l2 takes in a time of the weight's own. */
    final double decay(double time) {
        return l2 > 0 ? -StrictMath.expm1(-l2 * time) : 0;
    }

    /**
     * Returns what l1 takes off |v| in a time of the weight's own.
     *
     * @param decay the share that l2 takes in that time
     */
    final double charge(double decay, double time) {
        return l2 > 0 ? decay / l2 * l1 : l1 * time;
    }

    private static double shrink(double v, double charge) {
        double size = Math.abs(v) - charge;
        return size > 0 ? Math.copySign(size, v) : 0;
    }

    /**
     * Marks a weight as charged with l2 in the step under way.
     *
     * @return whether it was not marked yet: an example can have a feature twice, where two names share a hash
     */
    static boolean beginCharge(double[] shared, double[] block, int at) {
        if (block[at + CLOCK] < 0) {
            return false;
        }
        // the clock of a weight is negative while its step is under way
        block[at + CLOCK] = -shared[CLOCK];
        return true;
    }

    /** Returns whether a weight still is to be charged with l1 in the step under way. */
    static boolean needsCharge(double[] block, int at) {
        return block[at + CLOCK] <= 0;
    }

    /** Takes what l1 charges for the step under way off a weight, which is then up to date. */
    final void endCharge(double[] shared, double[] block, int at, double charge) {
        block[at + CLOCK] = shared[CLOCK];
        if (l1 > 0) {
            double before = block[at + V];
            block[at + V] = shrink(before, charge);
            weightMoved(shared, block, at, block[at + V] - before);
        }
    }
}
