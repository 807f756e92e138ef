package io.thalweg.runtime;

/** The exit codes of commands. They are documented in docs/reference/exit-codes.md, and scripts depend on them. */
public enum ExitCode {
    /** Success, or a clean stop after SIGTERM or SIGINT. */
    OK(0),
    /** An audit found a difference. */
    DIFFERS(1),
    /** A setting, an option or a named file is wrong. */
    BAD_SETTINGS(2),
    /** The broker, the registry or the topics are not ready, or an audit lacks records that it needs. */
    NOT_READY(3),
    /** The state of the learner cannot be read, or has another meaning under these settings. */
    BAD_STATE(4),
    /** The learner ran and had to stop. */
    DIED(5);

    private final int code;

    ExitCode(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }
}
