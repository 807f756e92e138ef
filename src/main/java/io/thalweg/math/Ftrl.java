package io.thalweg.math;

/**
 * FTRL-Proximal (McMahan et al. 2013, algorithm 1), on scaled inputs; see {@link ScaledOptimizer}. For each coordinate, with the
 * gradient g, the sum n of squared gradients so far and α = the learning rate:
 *
 * <p>σ = (√(n + g²) − √n)/α, ζ ← ζ + g − σ·v, n ← n + g², and v = 0 where |ζ| ≤ l1, else −(ζ − sign(ζ)·l1)/((β + √n)/α + l2).
 *
 * <p>So l1 and l2 count once against the sum of all gradients, and not at each step. The bias is a coordinate with an x′ of 1 and no
 * penalty.
 *
 * <p>Keeps for each feature, and for the bias, ζ, n and d = β/α + Σσ, which is (β + √n)/α: with a sum, another learning rate between
 * runs counts for the steps to come and does not move the weights there are.
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
        // there is nothing to catch up with
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
            // nothing that n could hold, and without n there is nothing to divide ζ by
            return;
        }
        // below this a sum of σ might not be finite
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
