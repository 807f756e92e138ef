package io.thalweg.math;

import java.util.Arrays;

/**
 * The blocks of a model that have changed since a version, in the order of their first change. A model keeps any number
 * of these sets up to date, one for each purpose; see {@link Model#track}.
 */
public final class ChangedBlocks {
    /** A callback before the first change of a block since the version. */
    @FunctionalInterface
    public interface Listener {
        /** A listener that does nothing. */
        Listener NONE = (slot, block, isNew) -> {};

        /**
         * Called before the change, while the block still has its old state.
         *
         * @param slot the place of the block in the model; see {@link Model#slot}
         * @param block the number of the block
         * @param isNew whether no step has touched the block before
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

    /** Adds a block that is about to change, unless it has changed since the version already. */
    void add(int slot, int block, long changedAt, boolean isNew) {
        if (changedAt <= since) {
            append(block);
            listener.beforeChange(slot, block, isNew);
        }
    }

    /** Adds a block if its last change is after the version. */
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

    /** Empties the set: from now on it collects changes after another version. */
    void clear(long version) {
        size = 0;
        since = version;
    }

    /** Returns how many blocks have changed. */
    public int size() {
        return size;
    }

    /**
     * Returns the number of a block that has changed.
     *
     * @param i from 0 up to and without {@link #size()}
     */
    public int get(int i) {
        return blocks[i];
    }

    /** Returns the version after which changes are collected. */
    public long since() {
        return since;
    }
}
