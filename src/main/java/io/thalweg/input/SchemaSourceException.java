package io.thalweg.input;

/**
 * An exception for a registry that does not answer, or whose answer says nothing about the schema: it is down, slow, or
 * refuses access.
 */
public final class SchemaSourceException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** @param message one line for people: which registry, what it did, and what to change */
    public SchemaSourceException(String message, Throwable cause) {
        super(message, cause);
    }
}
