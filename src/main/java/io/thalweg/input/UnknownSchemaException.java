package io.thalweg.input;

/** The registry was asked and does not know this schema id: the record that carries it is bad input. */
public final class UnknownSchemaException extends Exception {
    private static final long serialVersionUID = 1L;

    private final int id;

    /** @param id the id that the registry does not know */
    public UnknownSchemaException(int id) {
        super("The schema registry does not know schema id " + id
                + ": write the record with a serializer that registers its schema there");
        this.id = id;
    }

    /** The id that the registry does not know. */
    public int id() {
        return id;
    }
}
