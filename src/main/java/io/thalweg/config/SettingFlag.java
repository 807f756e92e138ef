package io.thalweg.config;

/**
 * What a setting is to learning and to its state. {@link ThalwegConfig} says it of each setting where that is
 * defined.
 */
public enum SettingFlag {
    /** Part of the state: where it is no longer what it was, the start is refused. */
    STATE,
    /**
     * Part of the state, because it decides which numbers are kept of a model: it changes only with
     * {@code state.migrate}.
     */
    KIND,
    /** Weights or outputs depend on it: it is recorded with the state, and a replay has it as it was. */
    REPLAYED,
    /** Says what the fields of an event become; of no use where the input holds Examples. */
    MAPPING,
    /** {@code auto} decides this itself. */
    NOT_FOR_AUTO,
    /** Of no use but with {@code ftrl}. */
    ONLY_FOR_FTRL
}
