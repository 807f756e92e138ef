package io.thalweg.input;

/** The registry answered that there is no schema with an id, or none that is Avro. */
public final class UnknownSchemaException extends Exception {
    private static final long serialVersionUID = 1;

    public UnknownSchemaException(int id) {
        super("the schema registry has no Avro schema with id " + id, null, false, false);
    }
}
