package io.thalweg.audit;

/** There is not enough in the topics to say whether they are right. The message says what is missing and what to do. */
final class CannotVerify extends RuntimeException {
    private static final long serialVersionUID = 1;

    CannotVerify(String message) {
        super(message);
    }

    CannotVerify(String message, Throwable cause) {
        super(message, cause);
    }
}
