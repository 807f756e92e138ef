package io.thalweg.mapping;

/** A setting of the mapping that cannot be understood, or does not fit the events. */
public final class MappingException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** @param message one line for people: the setting, the field, and what to change */
    public MappingException(String message) {
        super(message);
    }
}
