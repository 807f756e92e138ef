package io.thalweg.math;

/**
 * The logistic function and the log loss, as functions of the logit z.
 *
 * <p>With a = σ(z): L(a, y) = −y ln a − (1−y) ln(1−a), and ∂L/∂z = a − y.
 */
public final class Logistic {
    private Logistic() {}

    /**
     * Returns the probability σ(z) = 1/(1 + e<sup>−z</sup>).
     *
     * @param z a logit; any number
     * @return from 0 to 1
     */
    public static double probability(double z) {
        return probability(z, tail(z));
    }

    /** Returns the probability σ(z), given the {@link #tail} of z. */
    static double probability(double z, double tail) {
        // σ(z) is 1 / (1 + e^−z), and for a negative z also e^z / (1 + e^z)
        return (z >= 0 ? 1 : tail) / (1 + tail);
    }

    /**
     * Returns e<sup>−|z|</sup>, which never overflows. Probability and log loss both follow from it without loss of
     * digits.
     */
    static double tail(double z) {
        return StrictMath.exp(-Math.abs(z));
    }

    /**
     * Returns the log loss of predicting σ(z) for a label y, in nats. It is finite for every finite z, also where σ(z)
     * rounds to 0 or 1.
     *
     * @param z a logit; finite
     * @param y a label from 0 to 1
     * @return 0 or more
     */
    public static double logLoss(double z, double y) {
        return logLoss(z, y, tail(z));
    }

    /** Returns the log loss of predicting σ(z) for a label y, given the {@link #tail} of z. */
    static double logLoss(double z, double y, double tail) {
        // −ln σ(z) = ln(1 + e^−z) = max(−z, 0) + ln(1 + e^−|z|), and −ln(1 − σ(z)) is the same for −z; these are
        // weighted with y and 1 − y
        return y * Math.max(-z, 0) + (1 - y) * Math.max(z, 0) + StrictMath.log1p(tail);
    }

    /**
     * Returns the entropy of a label that is 1 with the given probability, in nats: the log loss of always predicting
     * that rate.
     *
     * @param rate from 0 to 1
     */
    public static double entropy(double rate) {
        return rate <= 0 || rate >= 1 ? 0 : -rate * StrictMath.log(rate) - (1 - rate) * StrictMath.log1p(-rate);
    }
}
