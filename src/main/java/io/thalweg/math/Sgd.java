package io.thalweg.math;

/**
 * Stochastic gradient descent on the log loss, one example at a time: the algorithm {@code sgd} without
 * {@link StepOptions}.
 *
 * <p>With z = w·x + b and a = σ(z), the derivative of the log loss L(a, y) by z is a − y. So the step of an example
 * with importance c at learning rate α is w ← w − α·c·(a − y)·x and b ← b − α·c·(a − y).
 *
 * <p><b>State</b> (see {@link Optimizer}). For each feature: w. Shared: b.
 */
final class Sgd extends Optimizer {
    private final LearningRate rate;
    // over the features of the example that logit saw last
    /** Σ|w|. */
    private double absoluteWeights;
    /** Σ|x|. */
    private double absoluteValues;

    Sgd(LearningRate rate) {
        this.rate = rate;
    }

    @Override
    int width() {
        return 1;
    }

    @Override
    double[] initialState() {
        return new double[1];
    }

    @Override
    public boolean canStartFromWeights() {
        return true;
    }

    @Override
    double[] initialState(double bias) {
        return new double[] {bias};
    }

    @Override
    void startWeight(double[] block, int at, double weight) {
        block[at] = weight;
    }

    @Override
    double weight(double[] shared, double[] block, int at) {
        return block[at];
    }

    @Override
    void weights(double[] shared, double[] block, double[] weights, int count) {
        System.arraycopy(block, 0, weights, 0, count);
    }

    @Override
    double bias(Model model) {
        return model.shared()[0];
    }

    @Override
    double logit(Model model, Example x) {
        makeRoomForSlots(x.size());
        int[] indices = x.indices();
        double[] values = x.values();
        model.find(x, slots);
        double[][] weights = model.blocks();
        double z = 0;
        double sumOfWeights = 0;
        double sumOfValues = 0;
        for (int k = 0; k < x.size(); k++) {
            double[] block = weights[slots[k]];
            int at = Model.inBlock(indices[k]);
            double weight = at < block.length ? block[at] : 0;
            z += weight * values[k];
            sumOfWeights += Math.abs(weight);
            sumOfValues += Math.abs(values[k]);
        }
        absoluteWeights = sumOfWeights;
        absoluteValues = sumOfValues;
        return z + model.shared()[0];
    }

    @Override
    double contribution(double[] shared, double[] block, int at, double value) {
        return block[at] * value;
    }

    @Override
    boolean step(Model model, Example x, double z, double a) {
        double alpha = rate.at(model.version());
        double move = alpha * x.importance() * residual(x, a);
        double[] shared = model.shared();
        if (!Double.isFinite(shared[0] - move)) {
            return false;
        }
        // if all of them together are far from infinite, so is each, whatever rounding does
        if (!(absoluteWeights + Math.abs(move) * absoluteValues < Double.MAX_VALUE / 2) && !fits(model, x, move)) {
            return false;
        }

        model.advance(alpha);
        int[] indices = x.indices();
        double[] values = x.values();
        model.touch(x, slots);
        double[][] weights = model.blocks();
        for (int k = 0; k < x.size(); k++) {
            weights[slots[k]][Model.inBlock(indices[k])] -= move * values[k];
        }
        shared[0] -= move;
        return true;
    }

    /** Returns whether every weight stays finite, whichever of the moves are on the same weight. */
    private boolean fits(Model model, Example x, double move) {
        double moved = 0;
        for (int k = 0; k < x.size(); k++) {
            int at = Model.inBlock(x.indices()[k]);
            moved += Math.abs(move * x.values()[k]);
            if (!Double.isFinite(Math.abs(model.blockOf(slots[k], at)[at]) + moved)) {
                return false;
            }
        }
        return true;
    }
}
