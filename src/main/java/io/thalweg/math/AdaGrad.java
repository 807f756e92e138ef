package io.thalweg.math;

/**
 * AdaGrad with a diagonal matrix (Duchi, Hazan and Singer 2011), on scaled features: the algorithm {@code adagrad}.
 *
 * <p><b>Step.</b> With learning rate α, the gradient g = c·(a − y)·x′ of a weight and the sum G of its g² so far, this
 * one among them, the rate of the weight is η = α/(√G + ε), and v ← v − η·g. ε = {@value #EPSILON} avoids a division by
 * 0. The bias has x′ = 1 and a G of its own.
 *
 * <p><b>Penalties</b> (see {@link PenalizedOptimizer}). Each weight is charged at its own rate η, as in the composite
 * mirror descent of the same paper, except that l2 multiplies v by e^(−η·c·l2) and not by 1 − η·c·l2. The two agree to
 * first order, and only the former adds up in closed form over many steps. A step moves the clock on by α·c, and the
 * time of a weight runs slower than that of the clock by √G + ε.
 *
 * <p><b>State</b> (see {@link Optimizer}), after that of {@link PenalizedOptimizer}. For each feature: G. Shared: G of
 * the bias.
 */
final class AdaGrad extends PenalizedOptimizer {
    private static final double EPSILON = 1e-8;

    /** Offset of G in the state of a feature. */
    private final int squares;
    /** Offset of the G of the bias in the shared state. */
    private final int biasSquares;

    AdaGrad(LearnerSettings settings) {
        super(settings, 1, 1);
        squares = ownOffset(options);
        biasSquares = ownSharedOffset(options);
    }

    /** Returns √G + ε, which divides the learning rate of a weight. */
    private double divisor(double[] block, int at) {
        return Math.sqrt(block[at + squares]) + EPSILON;
    }

    @Override
    double ownTime(double elapsed, double[] block, int at) {
        return elapsed / divisor(block, at);
    }

    /** Returns the version of the model: each weight loses at a rate of its own, for which there is no bound. */
    @Override
    double[] untouchedFactors(Model model) {
        return new double[] {model.version()};
    }

    @Override
    void move(Model model, Example x, double[] inputs, double norm, double z, double alpha, double gradient) {
        double[] shared = model.shared();
        double step = alpha * gradient;
        shared[biasSquares] += gradient * gradient;
        shared[BIAS] -= step / (Math.sqrt(shared[biasSquares]) + EPSILON);
        double elapsed = alpha * x.importance();
        if (penalized) {
            advanceClock(shared, elapsed);
        }
        for (int k = 0; k < x.size(); k++) {
            double[] block = model.touched(slots[k]);
            int at = model.at(x.indices()[k]);
            double slope = gradient * inputs[k];
            block[at + squares] += slope * slope;
            double divisor = divisor(block, at);
            double before = block[at + V];
            double v = before;
            if (penalized && beginCharge(shared, block, at)) {
                v -= decay(elapsed / divisor) * v;
            }
            block[at + V] = v - step * inputs[k] / divisor;
            weightMoved(shared, block, at, block[at + V] - before);
        }
        if (penalized) {
            for (int k = 0; k < x.size(); k++) {
                double[] block = model.touched(slots[k]);
                int at = model.at(x.indices()[k]);
                if (needsCharge(block, at)) {
                    endCharge(shared, block, at, l1 > 0 ? charge(elapsed, block, at) : 0);
                }
            }
        }
    }

    /** Returns what l1 takes off |v| in the time of one step. */
    private double charge(double elapsed, double[] block, int at) {
        double time = ownTime(elapsed, block, at);
        return charge(decay(time), time);
    }
}
