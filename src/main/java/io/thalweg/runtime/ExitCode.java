package io.thalweg.runtime;

/** How a command ends. Documented in docs/reference/exit-codes.md; scripts depend on it. */
public enum ExitCode {
    /** All is well; also a clean stop after SIGTERM or SIGINT. */
    OK(0),
    /** An audit found a difference. */
    DIFFERS(1),
    /** A setting, an option or a file that was named is wrong. */
    BAD_SETTINGS(2),
    /** Broker, registry or topics are not as needed; or an audit lacks the records that it needs. */
    NOT_READY(3),
    /** The learner's state cannot be read, or means something else under these settings. */
    BAD_STATE(4),
    /** The learner ran and could not go on. */
    DIED(5);

    private final int code;

    ExitCode(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }
}
