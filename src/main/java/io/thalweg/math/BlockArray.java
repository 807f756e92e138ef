package io.thalweg.math;

import java.util.Arrays;

/**
 * A large array with holes: what an {@link Optimizer} keeps for each feature, {@link Optimizer#width} doubles for each, in blocks of
 * {@link Model#BLOCK} features. A block is allocated when a step first touches it, and no further than the step does, so that memory
 * is taken for the features that have been met and not for the size of the feature space.
 *
 * <p>Each block has a slot, a small number that it keeps for as long as the array lives, and the version at which it last changed.
 * From the versions the {@link ChangedBlocks} are kept up to date without looking at every block.
 */
final class BlockArray {
    /** A block has room for at least so many features. */
    private static final int SMALLEST = 8;

    private static final int SHIFT = Integer.numberOfTrailingZeros(Model.BLOCK);
    private static final int MASK = Model.BLOCK - 1;

    private static final int PAGE = 64;
    private static final int PAGE_SHIFT = Integer.numberOfTrailingZeros(PAGE);
    private static final int PAGE_MASK = PAGE - 1;

    /**
     * A page of which no block is there. One directory of all blocks would cost a model with few features in a large space many
     * times what its weights do.
     */
    private static final int[] NO_PAGE = new int[PAGE];

    /** A block that is not there. */
    private static final double[] ABSENT = {};

    private static final ChangedBlocks[] NOBODY = {};

    private int width;

    /** The slots of blocks, {@value #PAGE} in a row to a page; 0 is that of all blocks that are not there. */
    private int[][] pages = {};
    /** Slots that have been given to blocks, and slot 0. */
    private int slots = 1;
    /** The slot of block 0, which is all that a small model has: of ten thousand models no cache holds the pages. */
    private int firstSlot;
    // by slot
    private double[][] blocks = {ABSENT};
    private long[] changedAt = {0};

    private int count;
    private int extent;

    private ChangedBlocks[] trackers = NOBODY;
    /** A block that has changed after this version has been noted by all trackers. */
    private long settled;

    /** Says how many doubles there are for each feature. */
    void width(int doubles) {
        width = doubles;
    }

    int width() {
        return width;
    }

    /** How many blocks there are. */
    int count() {
        return count;
    }

    /** One more than the highest feature number that a step has touched. */
    int extent() {
        return extent;
    }

    void extent(int features) {
        extent = features;
    }

    /** The numbers of the blocks from 0 up to and without this may be there. */
    int end() {
        return pages.length << PAGE_SHIFT;
    }

    /** A block; null if it is not there. */
    double[] get(int block) {
        double[] there = blocks[slot(block)];
        return there == ABSENT ? null : there;
    }

    /** The version that last changed a block; 0 if it is not there. */
    long changedAt(int block) {
        return changedAt[slot(block)];
    }

    /** The slot of a block; 0 if it is not there. */
    int slot(int block) {
        int page = block >>> PAGE_SHIFT;
        return page < pages.length ? pages[page][block & PAGE_MASK] : 0;
    }

    /** How many features of a block have been met, or might have been. @param block one that is there */
    int used(int block) {
        return Math.min(get(block).length / width, extent - (block << SHIFT));
    }

    /** The number of the block of a feature. */
    static int blockOf(int feature) {
        return feature >> SHIFT;
    }

    /** The place of a feature among those of its block. */
    static int inBlock(int feature) {
        return feature & MASK;
    }

    /** Where in its block that of a feature begins. */
    int at(int feature) {
        return (feature & MASK) * width;
    }

    // ---- a step

    /** All blocks, by slot. Another array once a block begins. */
    double[][] bySlot() {
        return blocks;
    }

    /**
     * Finds the slots of the features of an example. A slot is a number, because it costs a collector something when a reference is
     * kept.
     *
     * @param found set for each feature; 0 where the block is not there, or the model has not met the feature
     */
    void find(Example x, int[] found) {
        if (isAllInFirstBlock(x)) {
            Arrays.fill(found, 0, x.size(), firstSlot);
            return;
        }
        int[] indices = x.indices();
        int[][] directory = pages;
        for (int k = 0; k < x.size(); k++) {
            // of Example.UNMET, which is -1, there is no such page
            int page = indices[k] >>> SHIFT + PAGE_SHIFT;
            found[k] = page < directory.length ? directory[page][indices[k] >> SHIFT & PAGE_MASK] : 0;
        }
    }

    /** Whether block 0 has all features of an example, as far as its form tells: to look at each would cost more than it spares. */
    private static boolean isAllInFirstBlock(Example x) {
        return x.form() == FeatureForm.DENSE && x.size() <= Model.BLOCK;
    }

    /**
     * Makes room for the features of an example and notes that their blocks are about to change.
     *
     * @param found what {@link #find} has found; set to what the slots are now: that of a block that begins was 0
     * @param version the version that the step makes
     */
    void touch(Example x, int[] found, long version) {
        int[] indices = x.indices();
        double[][] there = blocks;
        long[] changes = changedAt;
        int met = extent;
        int last = x.size() - 1;
        // a small dense model has one block, which is noted once and not for each feature
        if (isAllInFirstBlock(x)
                && last < met
                && changes[firstSlot] > settled
                && last * width < there[firstSlot].length) {
            changes[firstSlot] = version;
            return;
        }
        for (int k = 0; k <= last; k++) {
            int i = indices[k];
            int slot = found[k];
            if (changes[slot] > settled && (i & MASK) * width < there[slot].length && i < met) {
                changes[slot] = version;
            } else {
                found[k] = touch(slot, i, version);
                there = blocks;
                changes = changedAt;
                met = extent;
            }
        }
    }

    private int touch(int slot, int i, long version) {
        if (i >= extent) {
            extent = i + 1;
        }
        double[] block = blocks[slot];
        int now = (i & MASK) * width < block.length ? slot : makeRoom(i);
        long last = changedAt[now];
        if (last != version) {
            for (ChangedBlocks tracker : trackers) {
                tracker.add(now, i >> SHIFT, last, block == ABSENT);
            }
            changedAt[now] = version;
        }
        return now;
    }

    /** Makes the block of a feature reach the feature. @return its slot */
    private int makeRoom(int i) {
        int slot = slotFor(i >> SHIFT);
        double[] block = blocks[slot];
        if ((i & MASK) * width >= block.length) {
            int features = Math.max(SMALLEST, Integer.highestOneBit(i & MASK) * 2);
            count += block == ABSENT ? 1 : 0;
            blocks[slot] = Arrays.copyOf(block, features * width);
        }
        return slot;
    }

    /** The slot of a block, which is given one if it has none. */
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
            if (slots == blocks.length) {
                blocks = Arrays.copyOf(blocks, slots * 2);
                changedAt = Arrays.copyOf(changedAt, slots * 2);
            }
            blocks[slots] = ABSENT;
            if (block == 0) {
                firstSlot = slots;
            }
            slotsOfPage[block & PAGE_MASK] = slots++;
        }
        return slotsOfPage[block & PAGE_MASK];
    }

    // ---- who wants to know what changes

    /** Begins to note the blocks that change after a version, with those that have. */
    ChangedBlocks track(long version, ChangedBlocks.Listener listener) {
        ChangedBlocks tracker = new ChangedBlocks(version, listener);
        for (int block = 0; block < end(); block++) {
            tracker.addIfSince(block, changedAt(block));
        }
        trackers = Arrays.copyOf(trackers, trackers.length + 1);
        trackers[trackers.length - 1] = tracker;
        settled = Math.max(settled, version);
        return tracker;
    }

    /** Drops all trackers. */
    void untrack() {
        trackers = NOBODY;
        settled = 0;
    }

    /** Empties a set: from now on it notes what changes after a version, which is the model's. */
    void settle(ChangedBlocks tracker, long version) {
        tracker.clear(version);
        settled = version;
    }

    // ---- reading back

    /** Sets a block. @param values of its first features; kept */
    void restore(int block, long changed, double[] values) {
        int slot = slotFor(block);
        if (blocks[slot] == ABSENT) {
            count++;
        }
        blocks[slot] = values;
        changedAt[slot] = changed;
    }

    /** Drops a block. */
    void drop(int block) {
        if (get(block) != null) {
            int slot = slot(block);
            blocks[slot] = ABSENT;
            changedAt[slot] = 0;
            count--;
        }
    }

    /** Says that no block can have changed after a version. */
    void limitChanges(long version) {
        for (int slot = 0; slot < slots; slot++) {
            changedAt[slot] = Math.min(changedAt[slot], version);
        }
    }
}
