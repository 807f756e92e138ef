package io.thalweg.math;

/**
 * Gradient descent, {@code sgd} or {@code adagrad}, with whatever {@link StepOptions} ask for. Its steps are on scaled inputs x′ and
 * the weights v and bias β that go with them; see {@link ScaledOptimizer}. With none of the options {@code sgd} is {@link Sgd}.
 *
 * <p>With the gradient g = c·(a − y)·x′ of a weight and learning rate α, the rate η of the weight is
 *
 * <ul>
 *   <li>{@code sgd}: α;
 *   <li>{@code adagrad} (Duchi, Hazan and Singer 2011, diagonal): α/(√G + ε), where G is the sum of the weight's g² so far, this one
 *       among them, and ε = {@value #EPSILON} keeps from dividing by 0.
 * </ul>
 *
 * and the step v ← v − η·g. The bias has an x′ of 1, and a G of its own.
 *
 * <p><b>Penalties.</b> The objective is the sum of c·(L + l1·Σ|v| + l2/2·Σv²), with all weights in it and not the bias. So every step
 * changes every weight, whether its feature is in the example or not:
 *
 * <ul>
 *   <li>{@code sgd}: u = v − α·g − α·c·l2·v, and then v ← sign(u)·max(0, |u| − α·c·l1), which is 0 where the slope would have led
 *       across it (Langford, Li and Zhang 2009; Duchi and Singer 2009). The α·c of a penalty is at most 1/l2.
 *   <li>{@code adagrad}: the same with each weight's own η in place of α, as in the composite mirror descent of Duchi et al., and
 *       e^(−η·c·l2)·v for v − η·c·l2·v: what it is to first order, and closed over many steps.
 * </ul>
 *
 * A weight is brought up to date when it is used and when it is read, at a cost that does not depend on how long that has not been
 * (Langford et al. 2009; Lipton and Elkan 2015): for an absent feature a step is |v| + l1/l2 ← (1 − α·c·l2)·(|v| + l1/l2), down to 0,
 * so that with a clock τ that a step moves on by −ln(1 − α·c·l2)/l2, or by α·c where l2 is 0, |v| + l1/l2 falls by e^(−l2·Δτ), or |v|
 * by l1·Δτ. The clock of {@code adagrad} moves by α·c and runs slower by √G + ε. It is summed with the rounding error kept, so that it
 * is exact to the last bit however many steps it has counted. The one exception is a feature with a mean that {@code standard} takes
 * off: its v is also in the bias, as −v·m/s, where no sum over all features can follow as one after the other comes to 0. Its penalties
 * are charged, all of them, when it is next in an example; in dense examples that is every step.
 *
 * <p><b>Importance-invariant</b> (Karampatziakis and Langford 2011; {@code sgd} without penalties and clipping): an example of
 * importance c is the limit of many of importance c/n, see {@link #invariantMove}.
 *
 * <p>Keeps for each feature v, with penalties the clock at which v is what is kept, with {@code adagrad} G; for the whole β, the clock
 * and its rounding error, and G of the bias.
 */
final class Descent extends ScaledOptimizer {
    private static final double EPSILON = 1e-8;
    /** The largest share of a weight that one step of l2 takes: all but nothing, because the clock has no infinity. */
    private static final double MOST = 1 - 1e-16;

    private static final int V = 0;
    private static final int CLOCK = 1;

    private static final int BIAS = 0;
    private static final int CLOCK_ERROR = 2;

    private final boolean adaGrad;
    private final boolean penalised;
    private final double l1;
    private final double l2;
    /** Of a feature; G. */
    private final int squares;
    /** Of the whole. */
    private final int biasSquares;

    Descent(LearnerSettings settings, boolean adaGrad) {
        super(
                settings,
                1 + (settings.options().penalised() ? 1 : 0) + (adaGrad ? 1 : 0),
                1 + (settings.options().penalised() ? 2 : 0) + (adaGrad ? 1 : 0));
        this.adaGrad = adaGrad;
        penalised = options.penalised();
        l1 = options.l1();
        l2 = options.l2();
        squares = penalised ? 2 : 1;
        biasSquares = penalised ? 3 : 1;
    }

    @Override
    double held(double[] shared, double[] block, int at) {
        double v = block[at + V];
        if (!penalised || v == 0 || centre(block, at) != 0) {
            return v;
        }
        return upToNow(shared, block, at);
    }

    @Override
    boolean movesUntouched() {
        return penalised;
    }

    /** What penalties have taken so far, as a share of a weight and as an amount. */
    @Override
    double[] untouchedFactors(Model model) {
        if (adaGrad) {
            // each weight loses at a rate of its own, without a bound
            return new double[] {model.version()};
        }
        double clock = model.shared()[CLOCK];
        return new double[] {l2 * clock, l1 * clock};
    }

    @Override
    double heldBias(double[] shared) {
        return shared[BIAS];
    }

    @Override
    void settle(double[] shared, double[] block, int at) {
        if (penalised) {
            double before = block[at + V];
            block[at + V] = upToNow(shared, block, at);
            block[at + CLOCK] = shared[CLOCK];
            moved(shared, block, at, block[at + V] - before);
        }
    }

    /** v after the penalties of the steps that its feature was not in. */
    private double upToNow(double[] shared, double[] block, int at) {
        double v = block[at + V];
        double elapsed = shared[CLOCK] - block[at + CLOCK];
        if (v == 0 || elapsed == 0) {
            return v;
        }
        if (adaGrad) {
            elapsed /= Math.sqrt(block[at + squares]) + EPSILON;
        }
        double lost = lost(elapsed);
        return cut(v - lost * v, charge(lost, elapsed));
    }

    /** The share of a weight that l2 takes in a time. */
    private double lost(double elapsed) {
        return l2 > 0 ? -StrictMath.expm1(-l2 * elapsed) : 0;
    }

    /** What l1 takes off |v| in that time. */
    private double charge(double lost, double elapsed) {
        return l2 > 0 ? lost / l2 * l1 : l1 * elapsed;
    }

    private static double cut(double v, double charge) {
        double size = Math.abs(v) - charge;
        return size > 0 ? Math.copySign(size, v) : 0;
    }

    @Override
    void move(Model model, Example x, double[] inputs, double norm, double z, double alpha, double gradient) {
        double[] shared = model.shared();
        double step = options.importanceInvariant()
                ? -invariantMove(z, x.label(), Math.min(alpha * x.importance() * norm, FeatureScale.LARGEST)) / norm
                : alpha * gradient;
        if (adaGrad) {
            shared[biasSquares] += gradient * gradient;
            shared[BIAS] -= step / (Math.sqrt(shared[biasSquares]) + EPSILON);
        } else {
            shared[BIAS] -= step;
        }
        double elapsed = penalised ? tick(shared, alpha * x.importance()) : 0;
        double lost = penalised ? lost(elapsed) : 0;
        for (int k = 0; k < x.size(); k++) {
            double[] block = model.touched(slots[k]);
            int at = model.at(x.indices()[k]);
            double before = block[at + V];
            double move = step * inputs[k];
            if (adaGrad) {
                double slope = gradient * inputs[k];
                block[at + squares] += slope * slope;
                double root = Math.sqrt(block[at + squares]) + EPSILON;
                move /= root;
                lost = lost(elapsed / root);
            }
            double v = before;
            // below 0 while the step is under way: an index may be there twice
            if (penalised && block[at + CLOCK] >= 0) {
                block[at + CLOCK] = -shared[CLOCK];
                v -= lost * v;
            }
            block[at + V] = v - move;
            moved(shared, block, at, block[at + V] - before);
        }
        if (penalised) {
            truncate(model, x, lost, elapsed);
        }
    }

    private void truncate(Model model, Example x, double lostOfSgd, double elapsed) {
        double[] shared = model.shared();
        double charge = adaGrad ? 0 : charge(lostOfSgd, elapsed);
        for (int k = 0; k < x.size(); k++) {
            double[] block = model.touched(slots[k]);
            int at = model.at(x.indices()[k]);
            if (block[at + CLOCK] <= 0) {
                block[at + CLOCK] = shared[CLOCK];
                if (l1 > 0) {
                    if (adaGrad) {
                        double own = elapsed / (Math.sqrt(block[at + squares]) + EPSILON);
                        charge = charge(lost(own), own);
                    }
                    double before = block[at + V];
                    block[at + V] = cut(before, charge);
                    moved(shared, block, at, block[at + V] - before);
                }
            }
        }
    }

    /** Moves the clock on. @param reach α·c @return by how much */
    private double tick(double[] shared, double reach) {
        double share = reach * l2;
        double by = adaGrad || share < 1e-17 ? reach : -StrictMath.log1p(-Math.min(share, MOST)) / l2;
        // Knuth's sum of two, with what rounding has taken off
        double sum = shared[CLOCK];
        double addend = by + shared[CLOCK_ERROR];
        double total = sum + addend;
        double back = total - sum;
        shared[CLOCK] = total;
        shared[CLOCK_ERROR] = (sum - (total - back)) + (addend - back);
        return by;
    }

    /**
     * How far the logit moves if an example is not taken in one step but continuously, the probability following the logit:
     * ζ(τ) − z of dζ/dt = y − σ(ζ), ζ(0) = z. Never beyond the logit of y.
     *
     * <p>With p = σ(z) below y (the other case is this one with 1 − y and −z), ∫dζ/(y − σ(ζ)) = τ is (1 − y)·δ − ln(1 − (1 − y)·Y) =
     * y·(1 − y)·τ for the move δ and Y = p·(e^δ − 1)/(y − p); for y = 1 it is δ + e^z·(e^δ − 1) = τ, whose solution is by Lambert's W.
     * The left side is convex in δ, and both the plain step τ·(y − p) and the δ that its logarithm alone allows are above the solution.
     * So Newton's method falls from the lower of them straight to it.
     *
     * @param z finite
     * @param y 0 to 1
     * @param tau α·c·(1 + ‖x′‖²)
     */
    static double invariantMove(double z, double y, double tau) {
        return invariantMove(z, y, 1 - y, tau);
    }

    /** @param rest 1 − y, with digits of its own where y is next to 1 */
    private static double invariantMove(double z, double y, double rest, double tau) {
        double p = Logistic.probability(z);
        double gap = y > 0.5 ? Logistic.probability(-z) - rest : y - p;
        if (gap == 0 || tau == 0) {
            return 0;
        }
        if (gap < 0) {
            return -invariantMove(-z, rest, y, tau);
        }
        double plain = tau * gap;
        // the largest Y that the logarithm allows
        double most = rest == 0 ? tau : -StrictMath.expm1(-y * rest * tau) / rest;
        if (most == 0) {
            return plain;
        }
        // ln(1 + most·gap/p), where p may be too small for a number
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
