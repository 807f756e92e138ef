package io.thalweg.math;

import java.util.Arrays;

/**
 * The blocks of a model that have changed since a version, in the order in which they first did. A model keeps any number of them up
 * to date, each for somebody who wants to know something else: see {@link Model#track}.
 */
public final class ChangedBlocks {
    /** Told before a step changes a block that has not changed since the version. */
    @FunctionalInterface
    public interface Listener {
        /** One that does nothing. */
        Listener NONE = (slot, block, isNew) -> {};

        /**
         * Called while the block still is what it was.
         *
         * @param slot where the model keeps the block; see {@link Model#slot}
         * @param block its number
         * @param isNew whether no step has touched it before
         */
        void beforeChange(int slot, int block, boolean isNew);
    }

    private final Listener listener;
    private int[] blocks = {};
    private int size;
    private long since;

    ChangedBlocks(long since, Listener listener) {
        this.since = since;
        this.listener = listener;
    }

    /** Notes that a block is about to change, unless it has changed since the version already. */
    void add(int slot, int block, long changedAt, boolean isNew) {
        if (changedAt <= since) {
            append(block);
            listener.beforeChange(slot, block, isNew);
        }
    }

    /** Notes a block that has changed after the version. */
    void addIfSince(int block, long changedAt) {
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

    void clear(long version) {
        size = 0;
        since = version;
    }

    /** How many blocks have changed. */
    public int size() {
        return size;
    }

    /** The number of a block that has changed. @param i from 0 up to and without {@link #size()} */
    public int get(int i) {
        return blocks[i];
    }

    /** The version since which the other blocks have not changed. */
    public long since() {
        return since;
    }
}
