package io.thalweg.app.view;

import io.thalweg.runtime.OutputReader;

/**
 * A view of the records of an output topic.
 *
 * @param <T> the class of the records
 */
public interface View<T> {
    /** Adds a record that was read without a problem. */
    void take(OutputReader.Entry<T> entry);

    /** Called several times a second, to show what was added. */
    default void rest() {}

    /** Called once, after the last record. */
    default void end() {}
}
