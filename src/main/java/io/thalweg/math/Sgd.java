package io.thalweg.math;

/**
 * Stochastic gradient descent on the log loss, one example at a time.
 *
 * <p>With z = w·x + b and a = σ(z), the gradient of L(a, y) in z is a − y, so the step of an example with importance c at
 * learning rate α is w ← w − α·c·(a − y)·x and b ← b − α·c·(a − y).
 */
final class Sgd {
    private Sgd() {}

    /**
     * Takes the step, or leaves the model as it is where a weight, or the sum of all moves, would not be a finite number.
     *
     * @param model as it was when it gave {@code a}
     * @param x its indices resolved; an index may be there twice, where names share a hash
     * @param alpha the learning rate α
     * @param a the probability σ(w·x + b)
     * @return whether it was taken
     */
    static boolean step(Model model, Example x, double alpha, double a) {
        int[] indices = x.indices();
        double[] values = x.values();
        double move = alpha * x.importance() * (a - x.label());

        if (!Double.isFinite(model.bias() - move)) {
            return false;
        }
        double moved = 0;
        for (int k = 0; k < x.size(); k++) {
            moved += Math.abs(move * values[k]);
            if (!Double.isFinite(Math.abs(model.weight(indices[k])) + moved)) {
                return false;
            }
        }

        model.advance(alpha);
        for (int k = 0; k < x.size(); k++) {
            model.moveWeight(indices[k], -move * values[k]);
        }
        model.moveBias(-move);
        return true;
    }
}
