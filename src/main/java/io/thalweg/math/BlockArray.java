package io.thalweg.math;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A sparse array of what an {@link Optimizer} keeps for each feature: {@link Optimizer#width} doubles each, in blocks
 * of {@link Model#BLOCK} features. A block is allocated when a step first touches it, and only up to the last feature
 * that was touched. So memory depends on the features that were met, not on the size of the feature space.
 *
 * <p>Each block has a slot, which is its place in the array of blocks and never changes, and the version of its last
 * change. {@link ChangedBlocks} are kept up to date from these versions, without looking at every block.
 */
final class BlockArray {
    /** The fewest features that a block has room for. */
    private static final int SMALLEST = 8;

    private static final int SHIFT = Integer.numberOfTrailingZeros(Model.BLOCK);
    private static final int MASK = Model.BLOCK - 1;

    private static final int PAGE = 64;
    private static final int PAGE_SHIFT = Integer.numberOfTrailingZeros(PAGE);
    private static final int PAGE_MASK = PAGE - 1;

    /**
     * A page without blocks. A single directory of all blocks would be many times larger than the weights of a model
     * that has few features in a large space.
     */
    private static final int[] NO_PAGE = new int[PAGE];

    /** Stands for a block that does not exist. */
    private static final double[] ABSENT = {};

    private static final ChangedBlocks[] NOBODY = {};

    private int width;

    /** The slots of the blocks, in pages of {@value #PAGE}. Slot 0 stands for all blocks that do not exist. */
    private int[][] pages = {};
    /** How many slots are in use, slot 0 included. */
    private int slots = 1;
    /** The slot of block 0. A small model has only that block, and this field spares it the pages. */
    private int firstSlot;
    // by slot
    private double[][] blocks = {ABSENT};
    private long[] changedAt = {0};

    private int count;
    private int extent;

    private ChangedBlocks[] trackers = NOBODY;
    /** The highest version at which a tracker was cleared. Every tracker has noted a block that changed after it. */
    private long settled;

    /** Sets how many doubles each feature has. */
    void width(int doubles) {
        width = doubles;
    }

    /** Returns how many doubles each feature has. */
    int width() {
        return width;
    }

    /** Returns how many blocks exist. */
    int count() {
        return count;
    }

    /** Returns one more than the highest feature number that a step has touched. */
    int extent() {
        return extent;
    }

    /** Sets the extent, when a model is restored. */
    void extent(int features) {
        extent = features;
    }

    /** Returns one more than the highest block number that can exist. */
    int end() {
        return pages.length << PAGE_SHIFT;
    }

    /** Returns a block, or null if it does not exist. */
    double @Nullable [] get(int block) {
        double[] there = blocks[slot(block)];
        return there == ABSENT ? null : there;
    }

    /** Returns the version that last changed a block; 0 if it does not exist. */
    long changedAt(int block) {
        return changedAt[slot(block)];
    }

    /** Returns the slot of a block; 0 if it does not exist. */
    int slot(int block) {
        int page = block >>> PAGE_SHIFT;
        return page < pages.length ? pages[page][block & PAGE_MASK] : 0;
    }

    /**
     * Returns how many features of a block have been met, or may have been.
     *
     * @param block the number of a block that exists
     */
    int used(int block) {
        return Math.min(blocks[slot(block)].length / width, extent - (block << SHIFT));
    }

    /** Returns the number of the block that a feature is in. */
    static int blockOf(int feature) {
        return feature >> SHIFT;
    }

    /** Returns the place of a feature in its block. */
    static int inBlock(int feature) {
        return feature & MASK;
    }

    /** Returns where in its block the numbers of a feature begin. */
    int at(int feature) {
        return (feature & MASK) * width;
    }

    // ---- a step

    /** Returns all blocks, by slot. It is another array after a block has been added. */
    double[][] bySlot() {
        return blocks;
    }

    /**
     * Finds the slots of the features of an example. Slots are numbers and not references to blocks, because storing a
     * reference costs a write barrier of the garbage collector.
     *
     * @param found set for each feature; 0 if the block does not exist or the model has not met the feature
     */
    void find(Example x, int[] found) {
        if (isAllInFirstBlock(x)) {
            Arrays.fill(found, 0, x.size(), firstSlot);
            return;
        }
        int[] indices = x.indices();
        int[][] directory = pages;
        for (int k = 0; k < x.size(); k++) {
            // Example.UNMET is −1, for which there is no page
            int page = indices[k] >>> SHIFT + PAGE_SHIFT;
            found[k] = page < directory.length ? directory[page][indices[k] >> SHIFT & PAGE_MASK] : 0;
        }
    }

    /**
     * Returns whether the form of an example says that all its features are in block 0. To look at each feature would
     * cost more than it saves.
     */
    private static boolean isAllInFirstBlock(Example x) {
        return x.form() == FeatureForm.DENSE && x.size() <= Model.BLOCK;
    }

    /**
     * Makes room for the features of an example, and notes that their blocks are about to change.
     *
     * @param found the slots that {@link #find} has set; updated for blocks that are created here
     * @param version the version after the step
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

    /** Does for one feature what the loop could not do inline, and returns its slot. */
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

    /** Extends the block of a feature up to the feature, and returns its slot. */
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

    /** Returns the slot of a block. A block that has none gets one. */
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

    // ---- tracking of changes

    /**
     * Returns a set that collects the blocks that change after a version, from now on, with those that have changed
     * already.
     */
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

    /** Empties a set: from now on it collects changes after a version, which is that of the model. */
    void settle(ChangedBlocks tracker, long version) {
        tracker.clear(version);
        settled = version;
    }

    // ---- copies

    /**
     * Returns a copy. It shares the blocks that have not changed since an earlier copy with that copy, so neither may
     * be changed.
     *
     * @param before an earlier copy of this array; null if there is none
     */
    BlockArray copy(@Nullable BlockArray before) {
        BlockArray copy = new BlockArray();
        copy.width = width;
        copy.slots = slots;
        copy.firstSlot = firstSlot;
        copy.count = count;
        copy.extent = extent;
        copy.changedAt = Arrays.copyOf(changedAt, slots);
        copy.blocks = Arrays.copyOf(blocks, slots);
        for (int slot = 0; slot < slots; slot++) {
            double[] block = blocks[slot];
            if (before != null
                    && slot < before.slots
                    && before.changedAt[slot] == changedAt[slot]
                    && before.blocks[slot].length == block.length) {
                copy.blocks[slot] = before.blocks[slot];
            } else if (block != ABSENT) {
                copy.blocks[slot] = block.clone();
            }
        }
        if (before != null && before.slots == slots) {
            copy.pages = before.pages;
        } else {
            copy.pages = pages.clone();
            for (int page = 0; page < pages.length; page++) {
                copy.pages[page] = pages[page] == NO_PAGE ? NO_PAGE : pages[page].clone();
            }
        }
        return copy;
    }

    // ---- restoring

    /**
     * Sets a block.
     *
     * @param values the numbers of its first features; kept, not copied
     */
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

    /** Limits the version of the last change of every block. */
    void limitChanges(long version) {
        for (int slot = 0; slot < slots; slot++) {
            changedAt[slot] = Math.min(changedAt[slot], version);
        }
    }
}
