package io.thalweg.input;

import java.util.UUID;

/** An exception for a schema id that the registry does not know, or whose schema is of another type. */
public final class UnknownSchemaException extends Exception {
    private static final long serialVersionUID = 1;
    private static final String LONG_ID =
            "; values with an id of 8 bytes, which Apicurio's serializers write, begin like that: let them write 4";

    public UnknownSchemaException(int id) {
        super("the schema registry has no schema with id " + id + (id == 0 ? LONG_ID : ""), null, false, false);
    }

    public UnknownSchemaException(UUID guid) {
        super("the schema registry has no schema with GUID " + guid, null, false, false);
    }

    /** @param why what is wrong with the schema, as the rest of a sentence about it */
    public UnknownSchemaException(UUID guid, String why) {
        super("the schema with GUID " + guid + " " + why, null, false, false);
    }

    /** @param why what is wrong with the schema, as the rest of a sentence about it */
    public UnknownSchemaException(int id, String why) {
        super("the schema with id " + id + " " + why, null, false, false);
    }
}
