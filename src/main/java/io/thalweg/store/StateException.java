package io.thalweg.store;

/** State cannot be read, or means something else under the settings that are now. The message says what to do. */
public final class StateException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public StateException(String message) {
        super(message);
    }
}
