package io.thalweg.input;

/** An exception for a schema id that the registry does not know, or whose schema is not Avro. */
public final class UnknownSchemaException extends Exception {
    private static final long serialVersionUID = 1;

    public UnknownSchemaException(int id) {
        super("the schema registry has no Avro schema with id " + id, null, false, false);
    }
}
