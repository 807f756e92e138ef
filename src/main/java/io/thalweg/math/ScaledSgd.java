package io.thalweg.math;

/**
 * Stochastic gradient descent with {@link StepOptions}: the algorithm {@code sgd} with scaling, penalties, clipping or
 * importance-invariant steps. Without any of these, {@link Sgd} does the same with less work.
 *
 * <p><b>Step.</b> With learning rate α and the gradient g = c·(a − y)·x′ of a weight, v ← v − α·g. The bias has x′ = 1.
 *
 * <p><b>Penalties</b> (see {@link PenalizedOptimizer}). Every weight has the rate α, and l2 takes the share α·c·l2 of a
 * weight, at most all of it. So a step moves the clock on by −ln(1 − α·c·l2)/l2, or by α·c without l2.
 *
 * <p><b>Importance-invariant steps</b> (Karampatziakis and Langford 2011). An example of importance c counts as the
 * limit of n examples of importance c/n; see {@link ImportanceInvariantStep}. They cannot be combined with penalties or
 * clipping.
 *
 * <p><b>State</b>: that of {@link PenalizedOptimizer}.
 */
final class ScaledSgd extends PenalizedOptimizer {
    /** The largest share of a weight that one step of l2 takes. A share of 1 would move the clock to infinity. */
    private static final double LARGEST_SHARE = 1 - 1e-16;

    private final boolean importanceInvariant;

    ScaledSgd(LearnerSettings settings) {
        super(settings, 0, 0);
        importanceInvariant = options.importanceInvariant();
    }

    @Override
    double ownTime(double elapsed, double[] block, int at) {
        return elapsed;
    }

    /** Returns what penalties have taken so far: as a share of each weight, and as an amount. */
    @Override
    double[] untouchedFactors(Model model) {
        double clock = clock(model.shared());
        return new double[] {l2 * clock, l1 * clock};
    }

    @Override
    void move(Model model, Example x, double[] inputs, double norm, double z, double alpha, double gradient) {
        double[] shared = model.shared();
        double step = importanceInvariant
                ? -ImportanceInvariantStep.logitMove(
                                z, x.label(), Math.min(alpha * x.importance() * norm, FeatureScale.LARGEST))
                        / norm
                : alpha * gradient;
        shared[BIAS] -= step;
        double elapsed = penalized ? tick(shared, alpha * x.importance()) : 0;
        double decay = penalized ? decay(elapsed) : 0;
        for (int k = 0; k < x.size(); k++) {
            double[] block = model.touched(slots[k]);
            int at = model.at(x.indices()[k]);
            double before = block[at + V];
            double v = before;
            if (penalized && beginCharge(shared, block, at)) {
                v -= decay * v;
            }
            block[at + V] = v - step * inputs[k];
            weightMoved(shared, block, at, block[at + V] - before);
        }
        if (penalized) {
            double charge = charge(decay, elapsed);
            for (int k = 0; k < x.size(); k++) {
                double[] block = model.touched(slots[k]);
                int at = model.at(x.indices()[k]);
                if (needsCharge(block, at)) {
                    endCharge(shared, block, at, charge);
                }
            }
        }
    }

    /**
     * Moves the clock on by one step.
     *
     * @param reach α·c
     * @return by how much it moved
     */
    private double tick(double[] shared, double reach) {
        double share = reach * l2;
        // below this, the logarithm is the share itself
        double by = share < 1e-17 ? reach : -StrictMath.log1p(-Math.min(share, LARGEST_SHARE)) / l2;
        advanceClock(shared, by);
        return by;
    }
}
