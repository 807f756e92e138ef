package io.thalweg.math;

/**
 * Stochastic gradient descent on the log loss, one example at a time.
 *
 * <p>With z = w·x + b and a = σ(z), the gradient of L(a, y) in z is a − y, so the step of an example with importance c at
 * learning rate α is w ← w − α·c·(a − y)·x and b ← b − α·c·(a − y).
 *
 * <p>Keeps w for each feature and b for the whole.
 */
final class Sgd extends Algorithm {
    private final LearningRate rate;

    Sgd(LearningRate rate) {
        this.rate = rate;
    }

    @Override
    int width() {
        return 1;
    }

    @Override
    double[] begin() {
        return new double[1];
    }

    @Override
    public boolean begins() {
        return true;
    }

    @Override
    double[] begin(double bias) {
        return new double[] {bias};
    }

    @Override
    void begin(double[] block, int at, double weight) {
        block[at] = weight;
    }

    @Override
    double weight(Model model, double[] block, int at) {
        return block[at];
    }

    @Override
    void weights(Model model, double[] block, double[] weights, int count) {
        System.arraycopy(block, 0, weights, 0, count);
    }

    @Override
    double bias(Model model) {
        return model.shared()[0];
    }

    @Override
    double logit(Model model, Example x) {
        int[] indices = x.indices();
        double[] values = x.values();
        double z = 0;
        for (int k = 0; k < x.size(); k++) {
            int i = indices[k];
            if (i != Example.UNMET) {
                z += model.blockOf(i)[model.at(i)] * values[k];
            }
        }
        return z + model.shared()[0];
    }

    @Override
    boolean step(Model model, Example x, double z) {
        return step(model, x, rate.at(model.version()), Logistic.probability(z));
    }

    /**
     * Takes the step at a given rate and probability.
     *
     * @param alpha the learning rate α
     * @param a the probability σ(w·x + b)
     */
    static boolean step(Model model, Example x, double alpha, double a) {
        int[] indices = x.indices();
        double[] values = x.values();
        double[] shared = model.shared();
        double move = alpha * x.importance() * (a - x.label());

        if (!Double.isFinite(shared[0] - move)) {
            return false;
        }
        double bound = 0;
        for (int k = 0; k < x.size(); k++) {
            bound += Math.abs(model.blockOf(indices[k])[model.at(indices[k])]) + Math.abs(move * values[k]);
        }
        // where even the sum of all is finite, each is
        if (!Double.isFinite(bound) && !fits(model, x, move)) {
            return false;
        }

        model.advance(alpha);
        for (int k = 0; k < x.size(); k++) {
            model.touch(indices[k])[model.at(indices[k])] -= move * values[k];
        }
        shared[0] -= move;
        return true;
    }

    /** Whether every weight is finite after the moves, whichever of them are of one weight. */
    private static boolean fits(Model model, Example x, double move) {
        double moved = 0;
        for (int k = 0; k < x.size(); k++) {
            int i = x.indices()[k];
            moved += Math.abs(move * x.values()[k]);
            if (!Double.isFinite(Math.abs(model.blockOf(i)[model.at(i)]) + moved)) {
                return false;
            }
        }
        return true;
    }
}
