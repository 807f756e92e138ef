package io.thalweg.store;

/** Says that stored state cannot be read, or cannot be used under the present settings. The message says what to do. */
public final class StateException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Creates an exception with a message that says what to do. */
    public StateException(String message) {
        super(message);
    }
}
