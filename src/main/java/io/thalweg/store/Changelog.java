package io.thalweg.store;

import org.jspecify.annotations.Nullable;

/** A sink for the records that a task writes at a commit. */
@FunctionalInterface
public interface Changelog {
    /**
     * Writes a record.
     *
     * @param key the key
     * @param value the value; null for a tombstone
     */
    void write(byte[] key, byte @Nullable [] value);
}
