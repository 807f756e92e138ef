package io.thalweg.math;

import java.util.Arrays;

/**
 * One logistic regression model: what its {@link Optimizer} keeps for each feature and for the whole, the names of its features,
 * its version and its progressive validation. Weights and bias follow from what the algorithm keeps, in raw units.
 *
 * <p>What is kept lies on the heap in blocks of {@value #BLOCK} features, {@link Optimizer#width} doubles for each, allocated when
 * a step first touches them and no further than it does, so that a model takes memory for what it has met and not for the size of
 * the feature space. Beside
 * each block stands the version at which it last changed; from that the {@link Changes} for the changelog and for the weights
 * topic are kept without looking at every block.
 *
 * <p>Beside the weights as they are it knows, in this process, what they were when they were last published, and what they were at
 * the beginning of a {@link RecentWindow}. Both are kept when a step first touches a block, or a feature, since then.
 *
 * <p>Not thread-safe: a model belongs to one task.
 */
public final class Model {
    /** Features in a block. Part of the stored format. */
    public static final int BLOCK = 128;

    /** A block has room for at least so many. */
    private static final int SMALLEST = 8;

    private static final int SHIFT = Integer.numberOfTrailingZeros(BLOCK);
    private static final int MASK = BLOCK - 1;

    private static final int PAGE = 64;
    private static final int PAGE_SHIFT = Integer.numberOfTrailingZeros(PAGE);
    private static final int PAGE_MASK = PAGE - 1;

    private final String id;
    private Optimizer optimizer;
    private int width;
    private double[] shared;
    private FeatureForm form;
    private int length;

    private long version;
    private double learningRate;

    /** The slots of blocks, {@value #PAGE} in a row to a page; 0 is that of all blocks that are not there. */
    private int[][] pages = {};
    /** Slots that have been given to blocks, and slot 0. */
    private int slots = 1;
    /** The slot of block 0, which is all that a small model has: of ten thousand models no cache holds the pages. */
    private int firstSlot;
    // by slot
    private double[][] kept = {ABSENT};
    private long[] changedAt = {0};
    /** What was last published of the blocks that may differ from it now; only as long as it has to be, as are the next two. */
    private double[][] before = NOT_PUBLISHED;

    private int blockCount;
    private int extent;

    private FeatureNames names = new FeatureNames();
    private ProgressiveValidation validation = new ProgressiveValidation();

    private final Changes unlogged = new Changes();
    private final Changes unpublished = new Changes();
    /** A block that has changed after this version has been noted in both. */
    private long settled;

    private boolean movesUntouched;
    private double biasBefore;
    /** What weights follow as it was when all blocks were last published; null if that is not known. */
    private double[] factorsBefore;

    private long publishedVersion;
    private boolean publishedWhole;

    private RecentWindow recent = new RecentWindow(0);

    /**
     * A page of which no block is there. One directory of all blocks would cost a model with few features in a large space many
     * times what its weights do.
     */
    private static final int[] NO_PAGE = new int[PAGE];

    /** A block that is not there. */
    private static final double[] ABSENT = {};
    /** A block that was not there. What is beyond the end of such an array is 0. */
    private static final double[] NOTHING = {};

    private static final double[][] NOT_PUBLISHED = {};

    /** A model that is to be restored. It has no weights and no bias before it is told its algorithm, {@link #learnsBy}. */
    public Model(String id) {
        this.id = id;
    }

    /** A model that has taken no step: weights and bias are 0. */
    public Model(String id, Optimizer optimizer) {
        this(id);
        shared = optimizer.initialState();
        learnsBy(optimizer);
    }

    /** Says which algorithm has made what it holds and goes on with it. */
    public void learnsBy(Optimizer kind) {
        optimizer = kind;
        width = kind.width();
        movesUntouched = kind.movesUntouched();
        recent.learnsBy(kind);
    }

    /**
     * What {@link #restore} sets: a model but for its blocks and names.
     *
     * @param shared what the algorithm keeps for the model as a whole
     */
    public record Head(
            FeatureForm form,
            int length,
            int extent,
            double[] shared,
            long version,
            double learningRate,
            long publishedVersion,
            boolean publishedWhole,
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

    /** The algorithm that learns it. */
    public Optimizer optimizer() {
        return optimizer;
    }

    /** b. */
    public double bias() {
        return optimizer.bias(this);
    }

    /** w<sub>i</sub>; 0 where no step has been. @param i 0 or more */
    public double weight(int i) {
        double[] block = block(i >> SHIFT);
        return block == null || at(i) >= block.length ? 0 : optimizer.weight(shared, block, at(i));
    }

    /** One more than the highest feature number that a step has touched. */
    public int extent() {
        return extent;
    }

    /** The learning rate of the last step; 0 before the first. */
    public double learningRate() {
        return learningRate;
    }

    /** The names that are numbered; empty unless features have names. */
    public FeatureNames names() {
        return names;
    }

    public ProgressiveValidation validation() {
        return validation;
    }

    /** How many blocks a step has touched. */
    public int blockCount() {
        return blockCount;
    }

    /** Doubles that are kept for each feature. */
    public int width() {
        return width;
    }

    /** The numbers of the blocks from 0 up to and without this may be in use. */
    public int blockEnd() {
        return pages.length << PAGE_SHIFT;
    }

    /** What is kept for the features of a block, not to be changed; null where no step has been. @param block 0 or more */
    public double[] block(int block) {
        double[] there = kept[slotOf(block)];
        return there == ABSENT ? null : there;
    }

    /** The version that last changed the block; 0 where no step has been. */
    public long changedAt(int block) {
        return changedAt[slotOf(block)];
    }

    private int slotOf(int block) {
        int page = block >>> PAGE_SHIFT;
        return page < pages.length ? pages[page][block & PAGE_MASK] : 0;
    }

    /** The slot of a block, which it keeps for as long as the model lives. */
    private int slotFor(int block) {
        int page = block >>> PAGE_SHIFT;
        if (page >= pages.length) {
            int length = pages.length;
            pages = Arrays.copyOf(pages, Math.max(page + 1, length * 2));
            Arrays.fill(pages, length, pages.length, NO_PAGE);
        }
        if (pages[page] == NO_PAGE) {
            pages[page] = new int[PAGE];
        }
        int[] slotsOfPage = pages[page];
        if (slotsOfPage[block & PAGE_MASK] == 0) {
            if (slots == kept.length) {
                kept = Arrays.copyOf(kept, slots * 2);
                changedAt = Arrays.copyOf(changedAt, slots * 2);
            }
            kept[slots] = ABSENT;
            if (block == 0) {
                firstSlot = slots;
            }
            slotsOfPage[block & PAGE_MASK] = slots++;
        }
        return slotsOfPage[block & PAGE_MASK];
    }

    // ---- prediction and step

    /** What the algorithm keeps for the model as a whole; it alone changes it. */
    double[] shared() {
        return shared;
    }

    /**
     * Finds where the model keeps the blocks of the features of an example, for {@link #blockOf}, {@link #touched} and {@link #blocks}.
     * A slot is a number, because it costs a collector something when a reference is kept.
     *
     * @param slots set for each feature; 0 where the block is not there, or the model has not met the feature
     */
    void find(Example x, int[] slots) {
        if (isAllInFirstBlock(x)) {
            Arrays.fill(slots, 0, x.size(), firstSlot);
            return;
        }
        int[] indices = x.indices();
        int[][] directory = pages;
        for (int k = 0; k < x.size(); k++) {
            // of Example.UNMET, which is -1, there is no such page
            int page = indices[k] >>> SHIFT + PAGE_SHIFT;
            slots[k] = page < directory.length ? directory[page][indices[k] >> SHIFT & PAGE_MASK] : 0;
        }
    }

    /** Whether block 0 has all features of an example, as far as its form tells: to look at each would cost more than it spares. */
    private static boolean isAllInFirstBlock(Example x) {
        return x.form() == FeatureForm.DENSE && x.size() <= BLOCK;
    }

    /** What is kept for the features of all blocks, by slot. Another array once a block begins. */
    double[][] blocks() {
        return kept;
    }

    /**
     * The block of a feature, for reading; all zeros where no step has been.
     *
     * @param slot that of the feature
     * @param at where in its block that of the feature begins
     */
    double[] blockOf(int slot, int at) {
        double[] block = kept[slot];
        return at < block.length ? block : optimizer.untouched();
    }

    /** The block of a feature that a step has touched. @param slot that of the feature */
    double[] touched(int slot) {
        return kept[slot];
    }

    /** Where in its block that of a feature begins. */
    int at(int i) {
        return (i & MASK) * width;
    }

    /** The place of a feature among those of its block. */
    static int inBlock(int i) {
        return i & MASK;
    }

    /** Begins the first step: fixes the form. */
    void fix(FeatureForm form, int length) {
        this.form = form;
        this.length = length;
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
        int[] indices = x.indices();
        double[][] blocks = kept;
        long[] changes = changedAt;
        int met = extent;
        int last = x.size() - 1;
        // a small dense model has one block, which is noted once and not for each feature
        if (isAllInFirstBlock(x)
                && last < met
                && changes[firstSlot] > settled
                && last * width < blocks[firstSlot].length) {
            changes[firstSlot] = version;
        } else {
            for (int k = 0; k <= last; k++) {
                int i = indices[k];
                int slot = slots[k];
                if (changes[slot] > settled && (i & MASK) * width < blocks[slot].length && i < met) {
                    changes[slot] = version;
                } else {
                    slots[k] = touch(slot, i);
                    blocks = kept;
                    changes = changedAt;
                    met = extent;
                }
            }
        }
        if (recent.isKept()) {
            recent.keep(x, slots, blocks, extent);
        }
    }

    private int touch(int slot, int i) {
        if (i >= extent) {
            extent = i + 1;
        }
        double[] block = kept[slot];
        int now = (i & MASK) * width < block.length ? slot : makeRoom(i);
        long last = changedAt[now];
        if (last != version) {
            int number = i >> SHIFT;
            unlogged.add(number, last);
            if (unpublished.add(number, last)) {
                keepPublished(now, number, block == ABSENT);
            }
            changedAt[now] = version;
        }
        return now;
    }

    /** Makes the block of a feature reach the feature. @return its slot */
    private int makeRoom(int i) {
        int slot = slotFor(i >> SHIFT);
        double[] block = kept[slot];
        if ((i & MASK) * width >= block.length) {
            int features = Math.max(SMALLEST, Integer.highestOneBit(i & MASK) * 2);
            blockCount += block == ABSENT ? 1 : 0;
            kept[slot] = Arrays.copyOf(block, features * width);
        }
        return slot;
    }

    /** How many features of a block have been met, or might have been. @param block one that a step has touched */
    public int used(int block) {
        return Math.min(block(block).length / width, extent - (block << SHIFT));
    }

    // ---- what has yet to be written

    /** The blocks whose changes the changelog does not hold yet. */
    public Changes unlogged() {
        return unlogged;
    }

    /** The blocks whose changes the weights topic does not hold yet. */
    public Changes unpublished() {
        return unpublished;
    }

    /** The version that the weights topic holds; 0 if none. */
    public long publishedVersion() {
        return publishedVersion;
    }

    /** Whether the weights topic holds the model as one record. */
    public boolean publishedWhole() {
        return publishedWhole;
    }

    /** Says that the changes are in the changelog. */
    public void logged() {
        unlogged.clear(version);
        settled = version;
    }

    /**
     * Says that the weights topic holds a block as it is.
     *
     * @param weights what {@link #weights} gives; kept
     * @param whole whether in one record with all others
     */
    public void published(int block, double[] weights, boolean whole) {
        int slot = slotOf(block);
        if (whole || movesUntouched) {
            // a weight that can move without a step in its block must be kept now; others are kept when a step comes
            setPublished(slot, weights);
        } else if (slot < before.length) {
            before[slot] = null;
        }
    }

    /**
     * Says that the weights topic holds the model as it is, after that was said of blocks one by one.
     *
     * @param whole whether as one record, rather than as blocks
     * @param all whether all of it was published, rather than the blocks that had changed
     */
    public void published(boolean whole, boolean all) {
        if (all) {
            factorsBefore = movesUntouched ? optimizer.untouchedFactors(this) : null;
        }
        unpublished.clear(version);
        settled = version;
        publishedVersion = version;
        publishedWhole = whole;
        biasBefore = bias();
    }

    /** A step is about to change a block that the weights topic holds as it is, or that begins. */
    private void keepPublished(int slot, int block, boolean begins) {
        if (begins) {
            setPublished(slot, NOTHING);
        } else if (!movesUntouched && published(slot) == null) {
            setPublished(slot, weights(block));
        }
    }

    private double[] published(int slot) {
        return slot < before.length ? before[slot] : null;
    }

    private void setPublished(int slot, double[] weights) {
        if (slot >= before.length) {
            before = Arrays.copyOf(before, kept.length);
        }
        before[slot] = weights;
    }

    /** The weights of a block, as far as features have been met. @param block one that a step has touched */
    public double[] weights(int block) {
        double[] weights = new double[used(block)];
        optimizer.weights(shared, block(block), weights, weights.length);
        return weights;
    }

    /**
     * Squared norm of what the weights of a block have changed by since it was published; NaN if that is not known.
     *
     * @param weights what {@link #weights} gives
     */
    public double changeOf(int block, double[] weights) {
        double[] then = published(slotOf(block));
        if (then == null) {
            return movesUntouched || changedAt(block) > unpublished.since() ? Double.NaN : 0;
        }
        return squareOfChange(weights, then);
    }

    private static double squareOfChange(double[] weights, double[] then) {
        double sum = 0;
        for (int i = 0; i < weights.length; i++) {
            double change = weights[i] - (i < then.length ? then[i] : 0);
            sum += change * change;
        }
        return sum;
    }

    /** What the bias has changed by since it was published; NaN if that is not known. */
    public double biasChange() {
        return bias() - biasBefore;
    }

    /**
     * How far weights may have moved that no step has touched since all blocks were published.
     *
     * @return the most that one of {@link Optimizer#untouchedFactors} has moved by; 0 where weights move by steps alone; infinite
     *     if it is not known
     */
    public double untouchedChange() {
        if (!movesUntouched) {
            return 0;
        }
        if (factorsBefore == null) {
            return Double.POSITIVE_INFINITY;
        }
        double most = 0;
        double[] factors = optimizer.untouchedFactors(this);
        for (int k = 0; k < factors.length; k++) {
            most = Math.max(most, Math.abs(factors[k] - factorsBefore[k]));
        }
        return most;
    }

    /**
     * Weights and bias of a model at a version.
     *
     * @param weights by block; what is beyond the end of an array is 0
     */
    public record Snapshot(double[][] weights, double bias) {
        /** A model that has taken no step. */
        public static final Snapshot NOTHING = new Snapshot(new double[0][], 0);
    }

    /** Keeps weights and bias as they are. */
    public Snapshot snapshot() {
        double[][] weights = new double[blockEnd()][];
        for (int block = 0; block < weights.length; block++) {
            weights[block] = block(block) == null ? Model.NOTHING : weights(block);
        }
        return new Snapshot(weights, bias());
    }

    /** Norm of what weights and bias have changed by: what a record of the whole model says if it was published then. */
    public double changeSince(Snapshot then) {
        double square = (bias() - then.bias) * (bias() - then.bias);
        for (int block = 0; block < blockEnd(); block++) {
            if (block(block) != null) {
                square += squareOfChange(weights(block), block < then.weights.length ? then.weights[block] : NOTHING);
            }
        }
        return Math.sqrt(square);
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
        int slot = slotOf(block);
        return recent.then(slot, kept[slot], weights);
    }

    // ---- reading back

    /** All but blocks and names. */
    public Head head() {
        return new Head(
                form, length, extent, shared, version, learningRate, publishedVersion, publishedWhole, validation);
    }

    /** Sets all but blocks and names. */
    public void restore(Head head) {
        form = head.form;
        length = head.length;
        extent = head.extent;
        shared = head.shared;
        version = head.version;
        learningRate = head.learningRate;
        publishedVersion = head.publishedVersion;
        publishedWhole = head.publishedWhole;
        validation = head.validation;
    }

    /** Sets what was last published, if that is later than what is known. */
    public void restorePublished(long restoredVersion, boolean whole) {
        if (restoredVersion > publishedVersion) {
            publishedVersion = restoredVersion;
            publishedWhole = whole;
        }
    }

    /** Sets the names. */
    public void restoreNames(FeatureNames restored) {
        names = restored;
    }

    /** Sets a block. @param values what is kept for its first features, {@value #BLOCK} at most; kept itself */
    public void restoreBlock(int block, long changed, double[] values) {
        int slot = slotFor(block);
        if (kept[slot] == ABSENT) {
            blockCount++;
        }
        kept[slot] = values;
        changedAt[slot] = changed;
    }

    /** Drops a block. */
    public void dropBlock(int block) {
        if (block(block) != null) {
            int slot = slotOf(block);
            kept[slot] = ABSENT;
            changedAt[slot] = 0;
            blockCount--;
        }
    }

    /**
     * Called once all has been restored: what has been changed since it was published is published next. What it was when it
     * was published is known only where it has not changed since. What it was when the recent window began is not known.
     *
     * @param logged the version that the changelog holds as blocks
     */
    public void restored(long logged) {
        unlogged.clear(logged);
        unpublished.clear(publishedVersion);
        settled = Math.max(logged, publishedVersion);
        boolean isPublished = publishedVersion == version;
        biasBefore = isPublished ? bias() : Double.NaN;
        factorsBefore = null;
        before = NOT_PUBLISHED;
        for (int block = 0; block < blockEnd(); block++) {
            int slot = slotOf(block);
            // without transactions a crash can keep a block and lose the head that was written after it
            changedAt[slot] = Math.min(changedAt[slot], version);
            unlogged.addIfSince(block, changedAt[slot]);
            unpublished.addIfSince(block, changedAt[slot]);
            if (movesUntouched && isPublished && publishedWhole && kept[slot] != ABSENT) {
                setPublished(slot, weights(block));
            }
        }
        recent = new RecentWindow(0);
        recent.learnsBy(optimizer);
    }

    /**
     * The same model for another algorithm to go on with: weights, bias and all else are as they are here, and are to be written to
     * the changelog. This one stays as it is, but they share names and validation.
     *
     * @throws UnsupportedOperationException if {@link Optimizer#canStartFromWeights} says so
     */
    public Model under(Optimizer next) {
        Model model = new Model(id);
        model.shared = next.initialState(bias());
        model.learnsBy(next);
        model.form = form;
        model.length = length;
        model.extent = extent;
        model.version = version;
        model.learningRate = learningRate;
        model.publishedVersion = publishedVersion;
        model.publishedWhole = publishedWhole;
        model.names = names;
        model.validation = validation;
        for (int block = 0; block < blockEnd(); block++) {
            if (block(block) != null) {
                double[] weights = weights(block);
                double[] kept = new double[weights.length * model.width];
                for (int i = 0; i < weights.length; i++) {
                    next.startWeight(kept, i * model.width, weights[i]);
                }
                model.restoreBlock(block, changedAt(block), kept);
            }
        }
        model.restored(0);
        return model;
    }

    /** A set of blocks that have changed since a version, in the order in which they first did. */
    public static final class Changes {
        private int[] blocks = {};
        private int size;
        private long since;

        /** Adds a block unless it is here, which its last change tells. Returns whether it was added. */
        private boolean add(int block, long changedAt) {
            if (changedAt > since) {
                return false;
            }
            append(block);
            return true;
        }

        private void addIfSince(int block, long changedAt) {
            if (changedAt > since) {
                append(block);
            }
        }

        private void append(int block) {
            if (size == blocks.length) {
                blocks = Arrays.copyOf(blocks, Math.max(4, size * 2));
            }
            blocks[size++] = block;
        }

        private void clear(long version) {
            size = 0;
            since = version;
        }

        public int size() {
            return size;
        }

        /** A block that has changed. @param i from 0 up to and without {@link #size()} */
        public int get(int i) {
            return blocks[i];
        }

        /** The version that the others have not changed since. */
        public long since() {
            return since;
        }
    }
}
