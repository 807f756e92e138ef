package io.thalweg.audit;

/** There is not enough in the topics to say whether they are right. The message says what is missing and what to do. */
final class UnverifiableException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UnverifiableException(String message) {
        super(message);
    }

    UnverifiableException(String message, Throwable cause) {
        super(message, cause);
    }
}
