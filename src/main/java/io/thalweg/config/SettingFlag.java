package io.thalweg.config;

/**
 * A property of a setting: what depends on it, and which algorithms accept it. {@link ThalwegConfig} defines each
 * setting with its flags.
 */
public enum SettingFlag {
    /** Part of the state. If it has changed, a learner with state does not start. */
    STATE,
    /**
     * Part of the state, because it determines which numbers a model keeps. It can only be changed with
     * {@code state.migrate}.
     */
    KIND,
    /** Weights or outputs depend on it. It is recorded with the state, and a replay uses the recorded value. */
    REPLAYED,
    /** Determines how the fields of an event become features. It has no effect on Examples. */
    MAPPING,
    /** Says in which format records are. It is recorded with the state unless it has its default. */
    FORMAT,
    /** Determines how labels are joined to events. It has no effect unless there is a topic of labels. */
    LABELS,
    /** Not accepted by {@code auto}, which determines this itself. */
    NOT_FOR_AUTO,
    /** Accepted by {@code ftrl} only. */
    ONLY_FOR_FTRL
}
