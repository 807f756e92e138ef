package io.thalweg.topology;

/** The exception that a task is no longer active here, or not yet. */
public final class MovedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Creates an exception. */
    public MovedException() {
        super("the partition is not active in this instance", null, false, false);
    }
}
