package io.thalweg.math;

import org.jspecify.annotations.Nullable;

/**
 * One logistic regression model: the state that its {@link Optimizer} keeps, the names of its features, its version,
 * and its progressive validation. The optimizer computes weights and bias, in raw units, from the state.
 *
 * <p>The state of the features is a {@link BlockArray}: blocks of {@value #BLOCK} features, numbered from 0.
 * {@link #track} gives the blocks that have changed since a version.
 *
 * <p>Not thread-safe: a model belongs to one task.
 */
public final class Model {
    /** How many features a block has. Part of the stored format. */
    public static final int BLOCK = 128;

    private static final double[] NO_STATE = {};

    private final String id;
    private final BlockArray blocks;

    // set by learnsBy, which every model is given before it is used
    @SuppressWarnings("NullAway.Init")
    private Optimizer optimizer;

    private double[] shared = NO_STATE;
    private @Nullable FeatureForm form;
    private int length;

    private long version;
    private double learningRate;

    private FeatureNames names = new FeatureNames();
    private ProgressiveValidation validation = new ProgressiveValidation();

    private RecentWindow recent = new RecentWindow(0);

    /** Creates a model that is to be restored. It has no weights and no bias before {@link #learnsBy} is called. */
    public Model(String id) {
        this(id, new BlockArray());
    }

    private Model(String id, BlockArray blocks) {
        this.id = id;
        this.blocks = blocks;
    }

    /** Creates a model that has taken no step: weights and bias are 0. */
    public Model(String id, Optimizer optimizer) {
        this(id);
        shared = optimizer.initialState();
        learnsBy(optimizer);
    }

    /** Sets the optimizer that has made the state and takes the next steps. */
    public void learnsBy(Optimizer kind) {
        optimizer = kind;
        blocks.width(kind.width());
        recent.learnsBy(kind);
    }

    /**
     * A model without its blocks and names.
     *
     * @param form the form of the features
     * @param length how many features a dense model has; 0 for the other forms
     * @param extent one more than the highest feature number that a step has touched
     * @param shared the shared state of the optimizer
     * @param version how many steps the model has taken
     * @param learningRate the learning rate of the last step
     * @param validation the progressive validation
     */
    public record Head(
            FeatureForm form,
            int length,
            int extent,
            double[] shared,
            long version,
            double learningRate,
            ProgressiveValidation validation) {}

    // ---- properties

    /** Returns the model id. */
    public String id() {
        return id;
    }

    /** Returns the form of the features; null before the first step. */
    public @Nullable FeatureForm form() {
        return form;
    }

    /** Returns how many features a dense model has; 0 for the other forms. */
    public int length() {
        return length;
    }

    /** Returns how many steps the model has taken. */
    public long version() {
        return version;
    }

    /** Returns the optimizer that takes the steps. */
    public Optimizer optimizer() {
        return optimizer;
    }

    /** Returns the bias b. */
    public double bias() {
        return optimizer.bias(this);
    }

    /**
     * Returns the weight w<sub>i</sub> of a feature; 0 if no step has touched it.
     *
     * @param i the number of the feature, 0 or more
     */
    public double weight(int i) {
        double[] block = block(BlockArray.blockOf(i));
        return block == null || at(i) >= block.length ? 0 : optimizer.weight(shared, block, at(i));
    }

    /** Returns one more than the highest feature number that a step has touched. */
    public int extent() {
        return blocks.extent();
    }

    /** Returns the learning rate of the last step; 0 before the first. */
    public double learningRate() {
        return learningRate;
    }

    /** Returns the names that are numbered; empty unless features have names. */
    public FeatureNames names() {
        return names;
    }

    /** Returns how well the model predicted the examples before it learned from them. */
    public ProgressiveValidation validation() {
        return validation;
    }

    /** Returns how many blocks there are: those that a step has touched. */
    public int blockCount() {
        return blocks.count();
    }

    /** Returns how many doubles are kept for each feature. */
    public int width() {
        return blocks.width();
    }

    /** Returns one more than the highest block number that can exist. */
    public int blockEnd() {
        return blocks.end();
    }

    /**
     * Returns the state of a block, which must not be changed; null if no step has touched it.
     *
     * @param block the number of the block, 0 or more
     */
    public double @Nullable [] block(int block) {
        return blocks.get(block);
    }

    /** Returns the version that last changed a block; 0 if no step has touched it. */
    public long changedAt(int block) {
        return blocks.changedAt(block);
    }

    /**
     * Returns the slot of a block: a small number above 0 that it keeps as long as the model exists; 0 if no step has
     * touched it.
     */
    public int slot(int block) {
        return blocks.slot(block);
    }

    /**
     * Returns how many features of a block have been met, or may have been.
     *
     * @param block the number of a block that a step has touched
     */
    public int used(int block) {
        return blocks.used(block);
    }

    /**
     * Returns the weights of a block, up to the last feature that has been met, in a new array.
     *
     * @param block the number of a block that a step has touched
     */
    public double[] weights(int block) {
        double[] weights = new double[used(block)];
        optimizer.weights(shared, touched(slot(block)), weights, weights.length);
        return weights;
    }

    /**
     * Returns a copy to predict with. It has no validation and no recent window, and takes no steps. As nobody changes
     * it, any number of threads may read it at once, each with a {@link Learner} of its own.
     *
     * <p>The copy shares with an earlier one what has not changed in the meantime. So its cost depends on the blocks
     * that have changed, and a little on the number of blocks.
     *
     * @param before an earlier copy of this very model; null if there is none
     */
    public Model copyToPredict(@Nullable Model before) {
        Model copy = new Model(id, blocks.copy(before == null ? null : before.blocks));
        // created here, so that readers of the copy find it there
        optimizer.untouched();
        copy.learnsBy(optimizer);
        copy.shared = shared.clone();
        copy.form = form;
        copy.length = length;
        copy.version = version;
        copy.learningRate = learningRate;
        copy.names = before != null && before.names.size() == names.size() ? before.names : names.copy();
        return copy;
    }

    /**
     * Returns a copy whose weights are to be listed, with how far they have moved. It is one to predict with that also
     * has the recent window, as of now.
     *
     * @param before an earlier copy of this very model; null if there is none
     */
    public Model copyToList(@Nullable Model before) {
        Model copy = copyToPredict(before);
        copy.recent = recent.copyToRead();
        return copy;
    }

    /** Returns a copy with its validation, which can take steps. The original must not take any meanwhile. */
    public Model copyToGoOn() {
        Model copy = copyToPredict(null);
        copy.validation = validation.copy();
        return copy;
    }

    /** Returns the weights and the bias as they are now. */
    public WeightsSnapshot snapshot() {
        return WeightsSnapshot.of(this);
    }

    // ---- prediction and step

    /** Returns the shared state, which only the optimizer changes. */
    double[] shared() {
        return shared;
    }

    /** Finds the slots of the features of an example; see {@link BlockArray#find}. */
    void find(Example x, int[] slots) {
        blocks.find(x, slots);
    }

    /** Returns the state of all blocks, by slot. It is another array after a block has been added. */
    double[][] blocks() {
        return blocks.bySlot();
    }

    /**
     * Returns the block of a feature, for reading. It is all zeros if no step has touched the feature.
     *
     * @param slot the slot of the feature's block
     * @param at where in the block the state of the feature begins
     */
    double[] blockOf(int slot, int at) {
        double[] block = blocks.bySlot()[slot];
        return at < block.length ? block : optimizer.untouched();
    }

    /**
     * Returns the block of a feature that a step has touched.
     *
     * @param slot the slot of the block
     */
    double[] touched(int slot) {
        return blocks.bySlot()[slot];
    }

    /** Returns where in its block the state of a feature begins. */
    int at(int i) {
        return blocks.at(i);
    }

    /** Returns the place of a feature in its block. */
    static int inBlock(int i) {
        return BlockArray.inBlock(i);
    }

    /** Fixes the form of the features, with the first step. */
    void fix(FeatureForm featureForm, int features) {
        form = featureForm;
        length = features;
    }

    /** Begins a step. The optimizer must not yet have changed the part of the shared state that weights depend on. */
    void advance(double rate) {
        recent.advance(version, shared);
        version++;
        learningRate = rate;
    }

    /** Sets the learning rate of the step under way. */
    void learningRate(double rate) {
        learningRate = rate;
    }

    /**
     * Makes room for the features of an example, which the step under way is about to change. Blocks may be replaced by
     * larger ones, so arrays that were fetched before are no longer valid.
     *
     * @param slots the slots of the example as {@link #find} has set them; updated for blocks that are created here
     */
    void touch(Example x, int[] slots) {
        blocks.touch(x, slots, version);
        if (recent.isKept()) {
            recent.keep(x, slots, blocks.bySlot(), blocks.extent());
        }
    }

    // ---- tracking of changes

    /**
     * Returns a set that collects the blocks that change, from now on.
     *
     * @param since a version; blocks that have changed after it are in the set at once
     * @param listener called before a block that is not in the set changes
     */
    public ChangedBlocks track(long since, ChangedBlocks.Listener listener) {
        return blocks.track(since, listener);
    }

    /** Empties a set of changed blocks: from now on it collects changes after the version that the model has now. */
    public void settle(ChangedBlocks changes) {
        blocks.settle(changes, version);
    }

    /** Returns whether weights can move without a step on their features, because they depend on the shared state. */
    public boolean movesUntouched() {
        return optimizer.movesUntouched();
    }

    /** Returns the numbers that determine how far such weights move; see {@link Optimizer#untouchedFactors}. */
    public double[] untouchedFactors() {
        return optimizer.untouchedFactors(this);
    }

    // ---- the recent window

    /**
     * Sets the length of the recent window. From the next step on, the model knows how far weights move within it.
     *
     * @param steps 2 or more; 0 for no window
     */
    void window(int steps) {
        if (!recent.isOf(steps)) {
            recent = new RecentWindow(steps);
            recent.learnsBy(optimizer);
        }
    }

    /**
     * Returns the version at which the recent window begins: one half of a window before the half that contains the
     * last step. So the window is at least half as long as {@link #window} says and at most as long, and shorter in a
     * model that has not taken as many steps.
     *
     * @return −1 if there is no window, or if the weights of that time are not known because the model was restored
     *     since
     */
    public long windowBegin() {
        return recent.begin();
    }

    /**
     * Returns the weights of a block at the beginning of the recent window, as floats.
     *
     * @param weights what {@link #weights} returns
     * @return as many weights; null if all are the same as now
     */
    public float @Nullable [] weightsThen(int block, double[] weights) {
        int slot = slot(block);
        return recent.then(slot, blocks.bySlot()[slot], weights);
    }

    // ---- restoring

    /** Returns everything but blocks and names, of a model that has taken a step. */
    public Head head() {
        if (form == null) {
            throw new IllegalStateException("model " + id + " has taken no step");
        }
        return new Head(form, length, extent(), shared, version, learningRate, validation);
    }

    /** Sets everything but blocks and names. */
    public void restore(Head head) {
        form = head.form;
        length = head.length;
        blocks.extent(head.extent);
        shared = head.shared;
        version = head.version;
        learningRate = head.learningRate;
        validation = head.validation;
    }

    /** Sets the names. */
    public void restoreNames(FeatureNames restored) {
        names = restored;
    }

    /**
     * Sets a block.
     *
     * @param changed the version that last changed it
     * @param values the state of its first features, {@value #BLOCK} at most; kept, not copied
     */
    public void restoreBlock(int block, long changed, double[] values) {
        blocks.restore(block, changed, values);
    }

    /** Drops a block. */
    public void dropBlock(int block) {
        blocks.drop(block);
    }

    /**
     * Ends a restoration. Trackers are dropped, and the weights at the beginning of the recent window are not known.
     */
    public void restored() {
        blocks.untrack();
        // without transactions, a crash can keep a block and lose the head that was written after it
        blocks.limitChanges(version);
        recent = new RecentWindow(0);
        recent.learnsBy(optimizer);
    }

    /**
     * Returns a model with another id and the same state, whose progressive validation begins anew. It goes on at the
     * version that this one has, because learning rates may depend on it. The two share no arrays.
     */
    public Model copyAs(String copyId) {
        Model copy = new Model(copyId);
        copy.learnsBy(optimizer);
        copy.form = form;
        copy.length = length;
        copy.blocks.extent(extent());
        copy.shared = shared.clone();
        copy.version = version;
        copy.learningRate = learningRate;
        for (int i = 0; i < names.size(); i++) {
            copy.names.add(names.get(i));
        }
        for (int block = 0; block < blockEnd(); block++) {
            double[] state = block(block);
            if (state != null) {
                copy.restoreBlock(block, changedAt(block), state.clone());
            }
        }
        return copy;
    }

    /**
     * Returns the same model for another optimizer: weights, bias and all else are as they are here. This model does
     * not change, but the two share names and validation.
     *
     * @throws UnsupportedOperationException unless {@link Optimizer#canStartFromWeights}
     */
    public Model under(Optimizer next) {
        Model model = new Model(id);
        model.shared = next.initialState(bias());
        model.learnsBy(next);
        model.form = form;
        model.length = length;
        model.blocks.extent(extent());
        model.version = version;
        model.learningRate = learningRate;
        model.names = names;
        model.validation = validation;
        for (int block = 0; block < blockEnd(); block++) {
            if (block(block) != null) {
                double[] weights = weights(block);
                double[] kept = new double[weights.length * model.width()];
                for (int i = 0; i < weights.length; i++) {
                    next.startWeight(kept, i * model.width(), weights[i]);
                }
                model.restoreBlock(block, changedAt(block), kept);
            }
        }
        model.restored();
        return model;
    }
}
