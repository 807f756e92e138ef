package io.thalweg.math;

/**
 * One logistic regression model: what its {@link Optimizer} keeps for each feature and for the whole, the names of its features, its
 * version and its progressive validation. Weights and bias follow from what the optimizer keeps, in raw units.
 *
 * <p>What is kept for the features is a {@link BlockArray}: blocks of {@value #BLOCK} features, numbered from 0. Whoever needs to know
 * which blocks have changed since a version asks for that with {@link #track}.
 *
 * <p>Not thread-safe: a model belongs to one task.
 */
public final class Model {
    /** Features in a block. Part of the stored format. */
    public static final int BLOCK = 128;

    private final String id;
    private final BlockArray blocks = new BlockArray();
    private Optimizer optimizer;
    private double[] shared;
    private FeatureForm form;
    private int length;

    private long version;
    private double learningRate;

    private FeatureNames names = new FeatureNames();
    private ProgressiveValidation validation = new ProgressiveValidation();

    private RecentWindow recent = new RecentWindow(0);

    /** A model that is to be restored. It has no weights and no bias before it is told its optimizer, {@link #learnsBy}. */
    public Model(String id) {
        this.id = id;
    }

    /** A model that has taken no step: weights and bias are 0. */
    public Model(String id, Optimizer optimizer) {
        this(id);
        shared = optimizer.initialState();
        learnsBy(optimizer);
    }

    /** Sets the optimizer that has made what the model holds and goes on with it. */
    public void learnsBy(Optimizer kind) {
        optimizer = kind;
        blocks.width(kind.width());
        recent.learnsBy(kind);
    }

    /**
     * A model but for its blocks and names.
     *
     * @param form of its features
     * @param length how many features a dense model has; 0 for the other forms
     * @param extent one more than the highest feature number that a step has touched
     * @param shared what the optimizer keeps for the model as a whole
     * @param version how many steps it has taken
     * @param learningRate of the last step
     * @param validation of the examples that it has learned from
     */
    public record Head(
            FeatureForm form,
            int length,
            int extent,
            double[] shared,
            long version,
            double learningRate,
            ProgressiveValidation validation) {}

    // ---- what a model is

    /** The model id. */
    public String id() {
        return id;
    }

    /** The form of its features; null before the first step. */
    public FeatureForm form() {
        return form;
    }

    /** How many features a dense model has; 0 for the other forms. */
    public int length() {
        return length;
    }

    /** How many steps it has taken. */
    public long version() {
        return version;
    }

    /** The optimizer that takes its steps. */
    public Optimizer optimizer() {
        return optimizer;
    }

    /** b. */
    public double bias() {
        return optimizer.bias(this);
    }

    /** w<sub>i</sub>; 0 where no step has been. @param i 0 or more */
    public double weight(int i) {
        double[] block = block(BlockArray.blockOf(i));
        return block == null || at(i) >= block.length ? 0 : optimizer.weight(shared, block, at(i));
    }

    /** One more than the highest feature number that a step has touched. */
    public int extent() {
        return blocks.extent();
    }

    /** The learning rate of the last step; 0 before the first. */
    public double learningRate() {
        return learningRate;
    }

    /** The names that are numbered; empty unless features have names. */
    public FeatureNames names() {
        return names;
    }

    /** How well it has predicted what it then learned from. */
    public ProgressiveValidation validation() {
        return validation;
    }

    /** How many blocks a step has touched. */
    public int blockCount() {
        return blocks.count();
    }

    /** Doubles that are kept for each feature. */
    public int width() {
        return blocks.width();
    }

    /** The numbers of the blocks from 0 up to and without this may be in use. */
    public int blockEnd() {
        return blocks.end();
    }

    /** What is kept for the features of a block, not to be changed; null where no step has been. @param block 0 or more */
    public double[] block(int block) {
        return blocks.get(block);
    }

    /** The version that last changed the block; 0 where no step has been. */
    public long changedAt(int block) {
        return blocks.changedAt(block);
    }

    /** A small number above 0 that a block keeps for as long as the model lives; 0 where no step has been. */
    public int slot(int block) {
        return blocks.slot(block);
    }

    /** How many features of a block have been met, or might have been. @param block one that a step has touched */
    public int used(int block) {
        return blocks.used(block);
    }

    /** The weights of a block, as far as features have been met; a new array. @param block one that a step has touched */
    public double[] weights(int block) {
        double[] weights = new double[used(block)];
        optimizer.weights(shared, block(block), weights, weights.length);
        return weights;
    }

    /** Weights and bias as they are now. */
    public WeightsSnapshot snapshot() {
        return WeightsSnapshot.of(this);
    }

    // ---- prediction and step

    /** What the optimizer keeps for the model as a whole; it alone changes it. */
    double[] shared() {
        return shared;
    }

    /** Finds where the model keeps the features of an example; see {@link BlockArray#find}. */
    void find(Example x, int[] slots) {
        blocks.find(x, slots);
    }

    /** What is kept for the features of all blocks, by slot. Another array once a block begins. */
    double[][] blocks() {
        return blocks.bySlot();
    }

    /**
     * The block of a feature, for reading; all zeros where no step has been.
     *
     * @param slot that of the feature
     * @param at where in its block that of the feature begins
     */
    double[] blockOf(int slot, int at) {
        double[] block = blocks.bySlot()[slot];
        return at < block.length ? block : optimizer.untouched();
    }

    /** The block of a feature that a step has touched. @param slot that of the feature */
    double[] touched(int slot) {
        return blocks.bySlot()[slot];
    }

    /** Where in its block that of a feature begins. */
    int at(int i) {
        return blocks.at(i);
    }

    /** The place of a feature among those of its block. */
    static int inBlock(int i) {
        return BlockArray.inBlock(i);
    }

    /** Fixes the form of the features, with the first step. */
    void fix(FeatureForm featureForm, int features) {
        form = featureForm;
        length = features;
    }

    /** Begins a step. What is kept for the whole must still be as it was before, as far as weights depend on it. */
    void advance(double rate) {
        recent.advance(version, shared);
        version++;
        learningRate = rate;
    }

    /** Sets the learning rate of the step that has begun. */
    void learningRate(double rate) {
        learningRate = rate;
    }

    /**
     * Says that the step that has begun changes what is kept for the features of an example. Blocks may grow, so that arrays that were
     * had before may no longer be the ones.
     *
     * @param slots of its features as they were before the step; set to what they are now: that of a block that begins was 0
     */
    void touch(Example x, int[] slots) {
        blocks.touch(x, slots, version);
        if (recent.isKept()) {
            recent.keep(x, slots, blocks.bySlot(), blocks.extent());
        }
    }

    // ---- what has changed

    /**
     * Begins to note which blocks change.
     *
     * @param since a version; blocks that have changed after it are noted at once
     * @param listener told before a block that has not been noted changes
     */
    public ChangedBlocks track(long since, ChangedBlocks.Listener listener) {
        return blocks.track(since, listener);
    }

    /** Empties a set of changed blocks: from now on it notes what changes after the version that the model is at. */
    public void settle(ChangedBlocks changes) {
        blocks.settle(changes, version);
    }

    /** Whether weights can change without a step on their features, because they depend on what is kept for the whole. */
    public boolean movesUntouched() {
        return optimizer.movesUntouched();
    }

    /** What such weights follow; see {@link Optimizer#untouchedFactors}. */
    public double[] untouchedFactors() {
        return optimizer.untouchedFactors(this);
    }

    // ---- the recent window

    /** From the next step on, know what weights have moved by in a recent window. @param steps 2 or more; 0 for no window */
    void window(int steps) {
        if (!recent.isOf(steps)) {
            recent = new RecentWindow(steps);
            recent.learnsBy(optimizer);
        }
    }

    /**
     * The version at which the recent window begins: the half before the half in which the last step was. So the window is at least
     * half as long as {@link #window} says and at most as long; shorter in a model that has not taken as many steps.
     *
     * @return -1 if there is no window, or if what the weights were then is not known since the model was restored
     */
    public long windowBegin() {
        return recent.begin();
    }

    /**
     * The weights of a block as they were when the recent window began, to the precision of a float.
     *
     * @param weights what {@link #weights} gives
     * @return as many; null where they have been the same since
     */
    public float[] weightsThen(int block, double[] weights) {
        int slot = slot(block);
        return recent.then(slot, blocks.bySlot()[slot], weights);
    }

    // ---- reading back

    /** All but blocks and names. */
    public Head head() {
        return new Head(form, length, extent(), shared, version, learningRate, validation);
    }

    /** Sets all but blocks and names. */
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

    /** Sets a block. @param values what is kept for its first features, {@value #BLOCK} at most; kept itself */
    public void restoreBlock(int block, long changed, double[] values) {
        blocks.restore(block, changed, values);
    }

    /** Drops a block. */
    public void dropBlock(int block) {
        blocks.drop(block);
    }

    /**
     * Called once all has been restored: nobody tracks changes any more, and what weights were when the recent window began is not
     * known.
     */
    public void restored() {
        blocks.untrack();
        // without transactions a crash can keep a block and lose the head that was written after it
        blocks.limitChanges(version);
        recent = new RecentWindow(0);
        recent.learnsBy(optimizer);
    }

    /**
     * The same model for another optimizer to go on with: weights, bias and all else are as they are here. This one stays as it is, but
     * they share names and validation.
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
