package io.thalweg.math;

import java.util.Arrays;

/**
 * One logistic regression model: what its {@link Algorithm} keeps for each feature and for the whole, the names of its features,
 * its version and its progressive validation. Weights and bias follow from what the algorithm keeps, in raw units.
 *
 * <p>What is kept lies on the heap in blocks of {@value #BLOCK} features, {@link Algorithm#width} doubles for each, allocated when
 * a step first touches them, so that a model takes memory for what it has met and not for the size of the feature space. Beside
 * each block stands the version at which it last changed; from that the {@link Changes} for the changelog and for the weights
 * topic are kept without looking at every block.
 *
 * <p>Not thread-safe: a model belongs to one task.
 */
public final class Model {
    /** Features in a block. Part of the stored format. */
    public static final int BLOCK = 128;

    private static final int SHIFT = Integer.numberOfTrailingZeros(BLOCK);
    private static final int MASK = BLOCK - 1;

    private static final int PAGE = 64;
    private static final int PAGE_SHIFT = Integer.numberOfTrailingZeros(PAGE);
    private static final int PAGE_MASK = PAGE - 1;

    private final String id;
    private Algorithm algorithm;
    private int width;
    private double[] untouched;
    private double[] shared;
    private Form form;
    private int length;

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
        final double[][] blocks = new double[PAGE][];
        final long[] changedAt = new long[PAGE];
        /** What was last published of the blocks that have changed since, where that is remembered. */
        double[][] before;
    }

    /** A model that is to be restored. It has no weights and no bias before it is told its algorithm, {@link #learnsBy}. */
    public Model(String id) {
        this.id = id;
    }

    /** A model that has taken no step: weights and bias are 0. */
    public Model(String id, Algorithm algorithm) {
        this(id);
        shared = algorithm.begin();
        learnsBy(algorithm);
    }

    /** Says which algorithm has made what it holds and goes on with it. */
    public void learnsBy(Algorithm kind) {
        algorithm = kind;
        width = kind.width();
        untouched = new double[BLOCK * width];
    }

    /**
     * What {@link #restore} sets: a model but for its blocks and names.
     *
     * @param shared what the algorithm keeps for the model as a whole
     */
    public record Head(
            Form form,
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

    /** The algorithm that learns it. */
    public Algorithm algorithm() {
        return algorithm;
    }

    /** b. */
    public double bias() {
        return algorithm.bias(this);
    }

    /** w<sub>i</sub>; 0 where no step has been. @param i 0 or more */
    public double weight(int i) {
        double[] block = block(i >> SHIFT);
        return block == null ? 0 : algorithm.weight(this, block, at(i));
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
        Page page = page(block);
        return page == null ? null : page.blocks[block & PAGE_MASK];
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

    /** What the algorithm keeps for the model as a whole; it alone changes it. */
    double[] shared() {
        return shared;
    }

    /** The block of a feature, for reading; all zeros where no step has been. */
    double[] blockOf(int i) {
        double[] block = block(i >> SHIFT);
        return block == null ? untouched : block;
    }

    /** Where in its block that of a feature begins. */
    int at(int i) {
        return (i & MASK) * width;
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

    /** Says that the step has changed weights and bias by this much, as the square of a Euclidean norm; NaN if unknown. */
    void changed(double square) {
        lastChange = square;
    }

    /** The block of a feature, for change by the step that has begun. */
    double[] touch(int i) {
        int block = i >> SHIFT;
        extent = Math.max(extent, i + 1);
        Page page = pageFor(block);
        int at = block & PAGE_MASK;
        long changedAt = page.changedAt[at];
        if (changedAt != version) {
            if (page.blocks[at] == null) {
                page.blocks[at] = new double[BLOCK * width];
                blockCount++;
            }
            unlogged.add(block, changedAt);
            if (unpublished.add(block, changedAt) && remembering) {
                if (page.before == null) {
                    page.before = new double[PAGE][];
                }
                page.before[at] = weights(page.blocks[at]);
            }
            page.changedAt[at] = version;
        }
        return page.blocks[at];
    }

    /** The weights of a block. */
    private double[] weights(double[] block) {
        double[] weights = new double[BLOCK];
        for (int i = 0; i < BLOCK; i++) {
            weights[i] = algorithm.weight(this, block, i * width);
        }
        return weights;
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
        biasBefore = bias();
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
        double[] now = weights(page.blocks[block & PAGE_MASK]);
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
        return bias() - biasBefore;
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

    /** Sets a block. @param values what is kept for its {@value #BLOCK} features; kept itself */
    public void restoreBlock(int block, long changed, double[] values) {
        Page page = pageFor(block);
        if (page.blocks[block & PAGE_MASK] == null) {
            blockCount++;
        }
        page.blocks[block & PAGE_MASK] = values;
        page.changedAt[block & PAGE_MASK] = changed;
    }

    /** Drops a block. */
    public void dropBlock(int block) {
        if (block(block) != null) {
            page(block).blocks[block & PAGE_MASK] = null;
            page(block).changedAt[block & PAGE_MASK] = 0;
            blockCount--;
        }
    }

    /**
     * Called once all has been restored: what has been changed since it was published is published next. What it was when it
     * was published is no longer known.
     *
     * @param logged the version that the changelog holds as blocks
     */
    public void restored(long logged) {
        unlogged.clear(logged);
        unpublished.clear(publishedVersion);
        remembering = false;
        biasBefore = publishedVersion == version ? bias() : Double.NaN;
        lastChange = Double.NaN;
        for (int number = 0; number < pages.length; number++) {
            Page page = pages[number];
            if (page != null) {
                page.before = null;
                for (int at = 0; at < PAGE; at++) {
                    // without transactions a crash can keep a block and lose the head that was written after it
                    page.changedAt[at] = Math.min(page.changedAt[at], version);
                    unlogged.addIfSince((number << PAGE_SHIFT) + at, page.changedAt[at]);
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
