package io.thalweg.app.view;

import io.thalweg.runtime.OutputReader;

/**
 * Shows what comes on an output topic.
 *
 * @param <T> the class of its records
 */
public interface View<T> {
    /** Takes a record in. It has been read without a problem. */
    void take(OutputReader.Entry<T> entry);

    /** Called several times a second: a time to show what was taken in. */
    default void rest() {}

    /** Called once, after the last record. */
    default void end() {}
}
