package io.thalweg.audit;

/** Says that the topics do not have enough to verify them. The message says what is missing and what to do. */
final class UnverifiableException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UnverifiableException(String message) {
        super(message);
    }

    UnverifiableException(String message, Throwable cause) {
        super(message, cause);
    }
}
