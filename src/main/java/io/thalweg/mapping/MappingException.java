package io.thalweg.mapping;

/** An exception for a setting of the mapping that cannot be understood, or does not fit the events. */
public final class MappingException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** @param message one line that names the setting and the field, and says what to change */
    public MappingException(String message) {
        super(message);
    }
}
