package io.thalweg.input;

/**
 * No answer about a schema could be had. This says nothing about the record that was being read, so the record must not
 * be passed over. The message is one readable line: where was asked, what came back, what to do.
 */
public final class SchemaSourceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param message one readable line without secrets */
    public SchemaSourceException(String message) {
        super(message);
    }

    /**
     * @param message one readable line without secrets
     * @param cause what the client reported
     */
    public SchemaSourceException(String message, Throwable cause) {
        super(message, cause);
    }
}
