package io.thalweg.store;

/** Takes the records that a task writes at a commit. */
@FunctionalInterface
public interface Changelog {
    /** Writes a record; a null value is a tombstone. */
    void write(byte[] key, byte[] value);
}
