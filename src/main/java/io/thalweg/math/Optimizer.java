package io.thalweg.math;

import java.util.List;

/**
 * An algorithm: it computes the logit of an example and takes the step. Whatever state it keeps, the model that results
 * is linear in the raw features: with weights w and bias b, the logit of an example x is w·x + b.
 *
 * <p>The state is in the {@link Model}, as doubles. An optimizer and its model exchange it as arrays, which have the
 * same names in all optimizers:
 *
 * <table>
 * <caption>State of a model</caption>
 * <tr><th>name</th><th>type</th><th>what it is</th></tr>
 * <tr><td>{@code shared}</td><td>double[]</td><td>the state of the model as a whole, such as the bias. Its length is
 *     that of {@link #initialState()}</td></tr>
 * <tr><td>{@code width}</td><td>int</td><td>how many doubles each feature has; see {@link #width}. All are 0 before the
 *     first step on the feature</td></tr>
 * <tr><td>{@code block}</td><td>double[]</td><td>the state of {@link Model#BLOCK} features with consecutive numbers,
 *     one after the other. It is shorter while no step has touched the last ones</td></tr>
 * <tr><td>{@code at}</td><td>int</td><td>where in its block the state of a feature begins: (i mod {@value
 *     Model#BLOCK})·width for feature i. Optimizers add the offset of a number, such as {@code block[at + V]}</td></tr>
 * <tr><td>{@code slots}</td><td>int[]</td><td>for each feature of an example, in its order, the slot of its block: its
 *     place in {@link Model#blocks}. 0 where there is no such block yet. See {@link BlockArray}</td></tr>
 * </table>
 *
 * <p>What the numbers in {@code shared} and {@code block} mean is for each optimizer to say, in its description under
 * <i>State</i>.
 *
 * <p>Not thread-safe. An optimizer belongs to a {@link Learner}. Between {@link #logit} and {@link #step} it keeps what
 * it computed for that example, and nothing else.
 */
public abstract sealed class Optimizer permits Sgd, ScaledOptimizer, FixedShareMixture {
    /** The optimizer that the settings ask for. */
    public static Optimizer of(LearnerSettings settings) {
        return switch (settings.algorithm()) {
            case "sgd" ->
                settings.options().equals(StepOptions.NONE)
                        ? new Sgd(settings.learningRate())
                        : new ScaledSgd(settings);
            case "adagrad" -> new AdaGrad(settings);
            case "ftrl" -> new Ftrl(settings);
            case "auto" -> new FixedShareMixture();
            default -> throw new IllegalArgumentException("there is no algorithm " + settings.algorithm());
        };
    }

    private double[] untouched;
    /** Of the features of the example that {@link #logit} saw last, as {@link Model#find} sets them. */
    int[] slots = new int[64];

    /** What is kept for the features of a block that no step has touched: zeros. */
    final double[] untouched() {
        if (untouched == null) {
            untouched = new double[Model.BLOCK * width()];
        }
        return untouched;
    }

    /** Makes room for the slots of an example. */
    final void makeRoomForSlots(int size) {
        if (slots.length < size) {
            slots = new int[size * 2];
        }
    }

    /** How many doubles are kept for each feature; all 0 before the first step that has the feature. */
    abstract int width();

    /** What is kept for a model as a whole, before its first step. */
    abstract double[] initialState();

    /** Whether it can begin with given weights and a given bias, those that another optimizer has learned. */
    public boolean canStartFromWeights() {
        return false;
    }

    /** What is kept for a model as a whole that begins with a bias. */
    double[] initialState(double bias) {
        throw new UnsupportedOperationException();
    }

    /** Sets what is kept for a feature, which was all 0, so that it begins with a weight. */
    void startWeight(double[] block, int at, double weight) {
        throw new UnsupportedOperationException();
    }

    /** The logit w·x + b. Features that the model has not met have weight 0. @param x its indices resolved */
    abstract double logit(Model model, Example x);

    /**
     * Takes a step, or leaves the model as it is where a number in it would not be finite.
     *
     * @param model as it was when {@link #logit} was last called, with the same example
     * @param x its indices resolved; an index may be there twice, where names share a hash
     * @param z what {@link #logit} gave
     * @param a the probability σ(z)
     * @return whether it was taken
     */
    abstract boolean step(Model model, Example x, double z, double a);

    /**
     * The same where the prediction that is judged was made by an older version of the model.
     *
     * @param served the logits of the experts at that time; empty where none are mixed
     */
    boolean step(Model model, Example x, double z, double a, double[] served) {
        return step(model, x, z, a);
    }

    /** How many experts are mixed; 0 if none are. */
    int experts() {
        return 0;
    }

    /**
     * Copies the logits of the experts for the example that {@link #logit} saw last. @param into as many as there are
     * experts
     */
    void expertLogits(double[] into) {
        // there are none
    }

    /**
     * The weight of a feature.
     *
     * @param shared what is kept for the whole
     * @param block holds what is kept for the feature, from {@code at} on
     */
    abstract double weight(double[] shared, double[] block, int at);

    /**
     * The weights of the first features of a block, which may be many. @param block holds what is kept for each of them
     */
    void weights(double[] shared, double[] block, double[] weights, int count) {
        int width = width();
        for (int i = 0; i < count; i++) {
            weights[i] = weight(shared, block, i * width);
        }
    }

    /** The bias. */
    abstract double bias(Model model);

    /** Whether weights depend on what is kept for the whole, so that they move also where no step has been. */
    boolean movesUntouched() {
        return false;
    }

    /**
     * What weights follow where no step has been, so that 0.01 more or less in one of these is about a hundredth; a new
     * array.
     */
    double[] untouchedFactors(Model model) {
        return new double[0];
    }

    /**
     * Where the algorithm mixes the predictions of several: which, and how much each counts.
     *
     * @return the shares, which sum to 1; empty if it does not mix
     */
    public List<Share> mixture(Model model) {
        return List.of();
    }

    /**
     * One of those that are mixed.
     *
     * @param kind what kind of step it takes
     * @param learningRate at which rate
     * @param weight how much it counts, 0 to 1
     */
    public record Share(String kind, double learningRate, double weight) {}
}
