package io.thalweg.math;

import java.util.Arrays;

/**
 * One logistic regression model: bias, weights, the names of its features, its version and its progressive validation.
 *
 * <p>Weights lie on the heap in blocks of {@value #BLOCK}, allocated when a step first touches them, so that a model takes memory
 * for what it has met and not for the size of the feature space. Beside each block stands the version at which it last changed;
 * from that the {@link Changes} for the changelog and for the weights topic are kept without looking at every block.
 *
 * <p>Not thread-safe: a model belongs to one task.
 */
public final class Model {
    /** Weights in a block. Part of the stored format. */
    public static final int BLOCK = 128;

    private static final int SHIFT = Integer.numberOfTrailingZeros(BLOCK);
    private static final int MASK = BLOCK - 1;
    private static final double[] ZEROS = new double[BLOCK];

    private static final int PAGE = 64;
    private static final int PAGE_SHIFT = Integer.numberOfTrailingZeros(PAGE);
    private static final int PAGE_MASK = PAGE - 1;

    private final String id;
    private Form form;
    private int length;

    private double bias;
    private long version;
    private double learningRate;
    private double lastChange;

    private Page[] pages = {};
    private int blockCount;
    private int extent;

    private FeatureNames names = new FeatureNames();
    private ProgressiveValidation validation = new ProgressiveValidation();

    private final Changes unlogged = new Changes();
    private final Changes unpublished = new Changes();
    private boolean remembering;
    private double biasBefore;
    private long publishedVersion;
    private boolean publishedWhole;

    /**
     * What is known of {@value #PAGE} blocks in a row, made when the first of them is. One directory of all blocks would cost a
     * model with few features in a large space many times what its weights do.
     */
    private static final class Page {
        final double[][] weights = new double[PAGE][];
        final long[] changedAt = new long[PAGE];
        /** What was last published of the blocks that have changed since, where that is remembered. */
        double[][] before;
    }

    /** A model that has taken no step: weights and bias are 0. */
    public Model(String id) {
        this.id = id;
    }

    /** What {@link #restore} sets: a model but for its weights and names. */
    public record Head(
            Form form,
            int length,
            int extent,
            double bias,
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
    public Form form() {
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

    /** b. */
    public double bias() {
        return bias;
    }

    /** w<sub>i</sub>; 0 where no step has been. @param i 0 or more */
    public double weight(int i) {
        double[] weights = block(i >> SHIFT);
        return weights == null ? 0 : weights[i & MASK];
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

    /** The numbers of the blocks from 0 up to and without this may be in use. */
    public int blockEnd() {
        return pages.length << PAGE_SHIFT;
    }

    /** A block of weights, not to be changed; null where no step has been. @param block 0 or more */
    public double[] block(int block) {
        Page page = page(block);
        return page == null ? null : page.weights[block & PAGE_MASK];
    }

    /** The version that last changed the block; 0 where no step has been. */
    public long changedAt(int block) {
        Page page = page(block);
        return page == null ? 0 : page.changedAt[block & PAGE_MASK];
    }

    private Page page(int block) {
        int page = block >> PAGE_SHIFT;
        return page < pages.length ? pages[page] : null;
    }

    private Page pageFor(int block) {
        int page = block >> PAGE_SHIFT;
        if (page >= pages.length) {
            pages = Arrays.copyOf(pages, Math.max(page + 1, pages.length * 2));
        }
        if (pages[page] == null) {
            pages[page] = new Page();
        }
        return pages[page];
    }

    // ---- prediction and step

    /** w·x, summed in the order of the example, and then + b. */
    double logit(Example x) {
        int[] indices = x.indices();
        double[] values = x.values();
        double z = 0;
        for (int k = 0; k < x.size(); k++) {
            // a feature that the model has not met has weight 0
            if (indices[k] != Example.UNMET) {
                z += weight(indices[k]) * values[k];
            }
        }
        return z + bias;
    }

    /** Begins the first step: fixes the form. */
    void fix(Form form, int length) {
        this.form = form;
        this.length = length;
    }

    /** Begins a step. */
    void advance(double rate) {
        version++;
        learningRate = rate;
        lastChange = 0;
    }

    /** Moves the bias. */
    void moveBias(double by) {
        bias += by;
        lastChange += by * by;
    }

    /** Moves a weight, within a step. */
    void moveWeight(int i, double by) {
        double[] weights = touch(i >> SHIFT);
        double old = weights[i & MASK];
        weights[i & MASK] = old + by;
        double change = old + by - old;
        lastChange += change * change;
        extent = Math.max(extent, i + 1);
    }

    /** The block, for change at the version that is now. */
    private double[] touch(int block) {
        Page page = pageFor(block);
        int at = block & PAGE_MASK;
        long changedAt = page.changedAt[at];
        if (changedAt != version) {
            if (page.weights[at] == null) {
                page.weights[at] = new double[BLOCK];
                blockCount++;
            }
            unlogged.add(block, changedAt);
            if (unpublished.add(block, changedAt) && remembering) {
                if (page.before == null) {
                    page.before = new double[PAGE][];
                }
                page.before[at] = changedAt == 0 ? ZEROS : page.weights[at].clone();
            }
            page.changedAt[at] = version;
        }
        return page.weights[at];
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
    }

    /** Says that the weights topic holds the model as it is, as one record or as blocks. */
    public void published(boolean whole) {
        for (int i = 0; i < unpublished.size(); i++) {
            Page page = page(unpublished.get(i));
            if (page.before != null) {
                page.before[unpublished.get(i) & PAGE_MASK] = null;
            }
        }
        unpublished.clear(version);
        publishedVersion = version;
        publishedWhole = whole;
        biasBefore = bias;
    }

    /** From now on, keep what was last published of each block that changes, so that {@link #changeOf} knows. */
    public void remember() {
        remembering = true;
    }

    /** Norm of the change, by the last step, of weights and bias; NaN if that step was taken before the model was restored. */
    public double lastChange() {
        return Math.sqrt(lastChange);
    }

    /** Squared norm of what a block has changed by since it was published; NaN if that is not known. */
    public double changeOf(int block) {
        if (changedAt(block) <= unpublished.since()) {
            return 0;
        }
        Page page = page(block);
        double[] now = page.weights[block & PAGE_MASK];
        double[] before = page.before == null ? null : page.before[block & PAGE_MASK];
        if (before == null) {
            return Double.NaN;
        }
        double sum = 0;
        for (int i = 0; i < BLOCK; i++) {
            double change = now[i] - before[i];
            sum += change * change;
        }
        return sum;
    }

    /** What the bias has changed by since it was published; NaN if that is not known. */
    public double biasChange() {
        return bias - biasBefore;
    }

    // ---- reading back

    /** All but weights and names. */
    public Head head() {
        return new Head(
                form, length, extent, bias, version, learningRate, publishedVersion, publishedWhole, validation);
    }

    /** Sets all but weights and names. */
    public void restore(Head head) {
        form = head.form;
        length = head.length;
        extent = head.extent;
        bias = head.bias;
        version = head.version;
        learningRate = head.learningRate;
        publishedVersion = head.publishedVersion;
        publishedWhole = head.publishedWhole;
        validation = head.validation;
    }

    /** Sets the names. */
    public void restoreNames(FeatureNames restored) {
        names = restored;
    }

    /** Sets a block. @param weights {@value #BLOCK} of them, kept */
    public void restoreBlock(int block, long changed, double[] weights) {
        Page page = pageFor(block);
        if (page.weights[block & PAGE_MASK] == null) {
            blockCount++;
        }
        page.weights[block & PAGE_MASK] = weights;
        page.changedAt[block & PAGE_MASK] = changed;
    }

    /** Drops a block. */
    public void dropBlock(int block) {
        if (block(block) != null) {
            page(block).weights[block & PAGE_MASK] = null;
            page(block).changedAt[block & PAGE_MASK] = 0;
            blockCount--;
        }
    }

    /**
     * Called once all has been restored: what has been changed since it was published is published next. What it was when it
     * was published is no longer known.
     */
    public void restored() {
        unlogged.clear(version);
        unpublished.clear(publishedVersion);
        remembering = false;
        biasBefore = publishedVersion == version ? bias : Double.NaN;
        lastChange = Double.NaN;
        for (int number = 0; number < pages.length; number++) {
            Page page = pages[number];
            if (page != null) {
                page.before = null;
                for (int at = 0; at < PAGE; at++) {
                    // without transactions a crash can keep a block and lose the head that was written after it
                    page.changedAt[at] = Math.min(page.changedAt[at], version);
                    unpublished.addIfSince((number << PAGE_SHIFT) + at, page.changedAt[at]);
                }
            }
        }
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
