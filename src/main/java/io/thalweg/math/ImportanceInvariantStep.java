package io.thalweg.math;

/**
 * The step of an example as if it were taken continuously (Karampatziakis and Langford 2011): an example of importance
 * c is the limit of n examples of importance c/n, for large n.
 *
 * <p>The probability follows the logit while it moves, so the logit never moves beyond that of the label, and an
 * example of importance h + k does the same as one of h and then one of k.
 */
final class ImportanceInvariantStep {
    private ImportanceInvariantStep() {}

    /**
     * Returns how far the logit moves: ζ(τ) − z, for the solution of dζ/dt = y − σ(ζ) with ζ(0) = z.
     *
     * <p>Let p = σ(z) be below y; the other case is this one with 1 − y and −z. Integrating dζ/(y − σ(ζ)) from z to z +
     * δ, and setting it equal to τ, gives for the move δ
     *
     * <pre>
     *   (1 − y)·δ − ln(1 − (1 − y)·Y) = y·(1 − y)·τ    with Y = p·(e^δ − 1)/(y − p)
     * </pre>
     *
     * <p>and for y = 1 it gives δ + e^z·(e^δ − 1) = τ, which Lambert's W function solves. The left side is convex in δ.
     * Both the plain step τ·(y − p) and the δ that solves the equation without its first term are above the solution.
     * So Newton's method, from the smaller of these two, falls monotonically to the solution.
     *
     * @param z the logit before the step; finite
     * @param y the label, from 0 to 1
     * @param tau α·c·(1 + ‖x′‖²)
     * @return the move δ, with the sign of y − σ(z)
     */
    static double logitMove(double z, double y, double tau) {
        return logitMove(z, y, 1 - y, tau);
    }

    /**
     * Returns how far the logit moves.
     *
     * @param rest 1 − y, separate because it has more digits than a y next to 1
     */
    private static double logitMove(double z, double y, double rest, double tau) {
        double p = Logistic.probability(z);
        double gap = y > 0.5 ? Logistic.probability(-z) - rest : y - p;
        if (gap == 0 || tau == 0) {
            return 0;
        }
        if (gap < 0) {
            return -logitMove(-z, rest, y, tau);
        }
        double plain = tau * gap;
        // the largest Y that the equation without its first term allows
        double most = rest == 0 ? tau : -StrictMath.expm1(-y * rest * tau) / rest;
        if (most == 0) {
            return plain;
        }
        // the logarithm of most·gap/p, because p may underflow
        double ratio = StrictMath.log(most) + StrictMath.log(gap) - z + StrictMath.log1p(StrictMath.exp(z));
        double move = Math.min(plain, ratio > 40 ? ratio : StrictMath.log1p(StrictMath.exp(ratio)));
        while (true) {
            double grown = move > 1
                    ? StrictMath.exp(z + move - StrictMath.log1p(StrictMath.exp(z))) - p
                    : p * StrictMath.expm1(move);
            double odds = grown / gap;
            double left = 1 - rest * odds;
            if (!(left > 0)) {
                return move;
            }
            double tail = rest == 0 ? odds : -StrictMath.log1p(-rest * odds) / rest;
            double slope = 1 + (odds + p / gap) / left;
            double next = move - (move + tail - y * tau) / slope;
            if (!(next < move) || !(next > 0)) {
                return move;
            }
            move = next;
        }
    }
}
