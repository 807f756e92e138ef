package io.thalweg.math;

/**
 * FTRL-Proximal (McMahan et al. 2013, algorithm 1) on scaled features: the algorithm {@code ftrl}.
 *
 * <p><b>Step.</b> For each weight v, with its gradient g, the sum n of its squared gradients so far and the learning
 * rate α:
 *
 * <pre>
 *   σ ← (√(n + g²) − √n)/α
 *   ζ ← ζ + g − σ·v
 *   n ← n + g²
 *   v ← 0                                     where |ζ| ≤ l1
 *   v ← −(ζ − sign(ζ)·l1)/((β + √n)/α + l2)   otherwise
 * </pre>
 *
 * <p>So l1 and l2 count once against the sum of all gradients, and not at each step. The bias has x′ = 1 and no
 * penalty.
 *
 * <p><b>State</b> (see {@link Optimizer}). For each feature: ζ, n and d, followed by its scale. Shared: the same three
 * numbers for the bias, followed by those of {@link ScaledOptimizer}. d = β/α + Σσ, which is (β + √n)/α while α stays
 * the same. Because it is a sum, a change of the learning rate applies to later steps and does not move the weights.
 */
final class Ftrl extends ScaledOptimizer {
    private static final int ZETA = 0;
    private static final int N = 1;
    private static final int D = 2;

    private static final int WIDTH = 3;

    private final double l1;
    private final double l2;
    private final double beta;

    Ftrl(LearnerSettings settings) {
        super(settings, WIDTH, WIDTH);
        l1 = options.l1();
        l2 = options.l2();
        beta = options.ftrlBeta();
    }

    @Override
    double scaledWeight(double[] shared, double[] block, int at) {
        return v(block, at, l1, l2);
    }

    @Override
    double scaledBias(double[] shared) {
        return v(shared, 0, 0, 0);
    }

    private static double v(double[] numbers, int at, double l1, double l2) {
        double zeta = numbers[at + ZETA];
        return Math.abs(zeta) <= l1 ? 0 : -(zeta - Math.copySign(l1, zeta)) / (numbers[at + D] + l2);
    }

    @Override
    void bringUpToDate(double[] shared, double[] block, int at) {
        // weights are always up to date
    }

    @Override
    void move(Model model, Example x, double[] inputs, double norm, double z, double alpha, double gradient) {
        double[] shared = model.shared();
        move(shared, 0, scaledBias(shared), gradient, alpha);
        for (int k = 0; k < x.size(); k++) {
            double[] block = model.touched(slots[k]);
            int at = model.at(x.indices()[k]);
            double before = scaledWeight(shared, block, at);
            move(block, at, before, gradient * inputs[k], alpha);
            weightMoved(shared, block, at, scaledWeight(shared, block, at) - before);
        }
    }

    private void move(double[] numbers, int at, double v, double g, double alpha) {
        if (g * g == 0) {
            // n would not change, and with n = 0 the weight would be a division by 0
            return;
        }
        // at a lower rate, the sum of σ might not be finite
        double rate = Math.max(alpha, 1 / FeatureScale.LARGEST);
        if (numbers[at + N] == 0) {
            numbers[at + D] = beta / rate;
        }
        double n = numbers[at + N] + g * g;
        double sigma = (Math.sqrt(n) - Math.sqrt(numbers[at + N])) / rate;
        numbers[at + ZETA] += g - sigma * v;
        numbers[at + N] = n;
        numbers[at + D] += sigma;
    }
}
