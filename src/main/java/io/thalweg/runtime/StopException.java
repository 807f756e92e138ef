package io.thalweg.runtime;

/** An exception that ends a command, with one line for people and an exit code for scripts. */
public final class StopException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final ExitCode exitCode;

    /** @param message one line that says what is wrong and what to do about it */
    public StopException(ExitCode exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }

    public ExitCode exitCode() {
        return exitCode;
    }
}
