package io.thalweg.input;

/** The registry answered that there is no schema with an id. */
public final class UnknownSchemaException extends Exception {
    private static final long serialVersionUID = 1;

    public UnknownSchemaException(int id) {
        super("the schema registry knows no schema with id " + id, null, false, false);
    }
}
