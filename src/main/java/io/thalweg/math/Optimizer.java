package io.thalweg.math;

import java.util.List;
import org.jspecify.annotations.Nullable;

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
    /** Returns the optimizer for the settings. */
    public static Optimizer of(LearnerSettings settings) {
        return switch (settings.algorithm()) {
            case SGD ->
                settings.options().equals(StepOptions.NONE)
                        ? new Sgd(settings.learningRate())
                        : new ScaledSgd(settings);
            case ADAGRAD -> new AdaGrad(settings);
            case FTRL -> new Ftrl(settings);
            case AUTO -> new FixedShareMixture();
        };
    }

    /** See {@link #untouched()}; null until it is first needed. */
    private double @Nullable [] untouched;
    /** The slots of the example that {@link #logit} saw last, as set by {@link Model#find}. */
    int[] slots = new int[64];

    // of the next step
    private StepTarget target = StepTarget.LABEL;
    private double earlierLabel;

    /** Returns the state of features that no step has touched: a block of zeros. */
    final double[] untouched() {
        if (untouched == null) {
            untouched = new double[Model.BLOCK * width()];
        }
        return untouched;
    }

    /** Sets what the next steps move the probability toward, and the label that was learned from earlier. */
    final void aim(StepTarget at, double earlier) {
        target = at;
        earlierLabel = earlier;
    }

    /** Returns what the next step moves the probability toward. */
    final StepTarget target() {
        return target;
    }

    /** Returns the derivative of the loss by the logit. @param a the probability now */
    final double residual(Example x, double a) {
        return target == StepTarget.LABEL ? a - x.label() : a - target.of(a, x.label(), earlierLabel);
    }

    /** Computes what each feature of an example adds to the logit; see {@link #contribution}. */
    final void contributions(Model model, Example x, double[] into) {
        makeRoomForSlots(x.size());
        model.find(x, slots);
        for (int k = 0; k < x.size(); k++) {
            int i = x.indices()[k];
            if (i == Example.UNMET) {
                into[k] = 0;
            } else {
                int at = model.at(i);
                into[k] = contribution(model.shared(), model.blockOf(slots[k], at), at, x.values()[k]);
            }
        }
    }

    /** Makes room for the slots of an example. */
    final void makeRoomForSlots(int size) {
        if (slots.length < size) {
            slots = new int[size * 2];
        }
    }

    /** Returns how many doubles are kept for each feature. All are 0 before the first step on the feature. */
    abstract int width();

    /** Returns the shared state of a model that has taken no step. */
    abstract double[] initialState();

    /**
     * Returns whether state has the size of this optimizer's.
     *
     * @param doubles how many doubles are kept for each feature
     * @param sharedDoubles how many are shared
     */
    public final boolean keeps(int doubles, int sharedDoubles) {
        return doubles == width() && sharedDoubles == initialState().length;
    }

    /**
     * Returns whether this optimizer can start from given weights and a given bias, which another optimizer has
     * learned.
     */
    public boolean canStartFromWeights() {
        return false;
    }

    /** Returns the shared state of a model that starts with a bias. */
    double[] initialState(double bias) {
        throw new UnsupportedOperationException();
    }

    /** Sets the state of a feature, all of it 0 before, so that the feature starts with a weight. */
    void startWeight(double[] block, int at, double weight) {
        throw new UnsupportedOperationException();
    }

    /**
     * Returns the logit w·x + b. Features that the model has not met have weight 0.
     *
     * @param x an example whose features are resolved
     */
    abstract double logit(Model model, Example x);

    /**
     * Returns what a feature adds to the logit of an example that has it. With the bias, these sum to the logit, up to
     * rounding.
     *
     * @param shared the shared state
     * @param block the block of the feature
     * @param at where the state of the feature begins
     * @param value the value of the feature in the example
     */
    abstract double contribution(double[] shared, double[] block, int at, double value);

    /**
     * Takes a step. Its residual is {@link #residual}. If a number in the model would not be finite afterwards, the
     * model stays as it is.
     *
     * @param model the model, unchanged since {@link #logit} was called for the same example
     * @param x the example, its features resolved; a feature may be there twice, where two names share a hash
     * @param z what {@link #logit} returned
     * @param a the probability σ(z)
     * @return whether the step was taken
     */
    abstract boolean step(Model model, Example x, double z, double a);

    /**
     * Takes a step for an example whose prediction was made by an older version of the model.
     *
     * @param served the logits of the experts at that time; empty if none are mixed
     * @param stepsSince how many steps the model has taken since; above 0
     */
    boolean step(Model model, Example x, double z, double a, double[] served, long stepsSince) {
        return step(model, x, z, a);
    }

    /** Returns how many experts are mixed; 0 if none are. */
    int experts() {
        return 0;
    }

    /**
     * Copies the logits of the experts for the example that {@link #logit} saw last.
     *
     * @param into an array with room for all experts
     */
    void expertLogits(double[] into) {
        // there are none
    }

    /**
     * Returns the weight of a feature.
     *
     * @param shared the shared state
     * @param block the block of the feature
     * @param at where the state of the feature begins
     */
    abstract double weight(double[] shared, double[] block, int at);

    /**
     * Computes the weights of the first features of a block.
     *
     * @param block the block, with the state of at least so many features
     * @param weights set
     * @param count how many features
     */
    void weights(double[] shared, double[] block, double[] weights, int count) {
        int width = width();
        for (int i = 0; i < count; i++) {
            weights[i] = weight(shared, block, i * width);
        }
    }

    /**
     * Computes the weights of some features, as floats.
     *
     * @param blocks all blocks of the model, by slot
     * @param places where the features are: the slot of the block times {@link Model#BLOCK}, plus the place in it
     * @param begin the first of the places to look at
     * @param end behind the last of them
     * @param weights set for these places
     */
    void weights(double[] shared, double[][] blocks, int[] places, int begin, int end, float[] weights) {
        int width = width();
        for (int k = begin; k < end; k++) {
            double[] block = blocks[places[k] / Model.BLOCK];
            weights[k] = (float) weight(shared, block, Model.inBlock(places[k]) * width);
        }
    }

    /** Returns the bias. */
    abstract double bias(Model model);

    /** Returns whether weights depend on the shared state, so that they can move without a step on their features. */
    boolean movesUntouched() {
        return false;
    }

    /**
     * Returns the numbers that determine how far weights move without a step on their features, in a new array. They
     * are scaled so that a change of 0.01 in one of them changes such weights by about a hundredth.
     */
    double[] untouchedFactors(Model model) {
        return new double[0];
    }

    /** Returns the experts that are mixed, with their shares, which sum to 1; empty if none are. */
    public List<Share> mixture(Model model) {
        return List.of();
    }

    /**
     * An expert of a mixture.
     *
     * @param kind the kind of step it takes
     * @param learningRate the learning rate of its steps
     * @param weight its share of the mixture, from 0 to 1
     */
    public record Share(String kind, double learningRate, double weight) {}
}
