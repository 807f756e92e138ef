package io.thalweg.input;

import java.util.UUID;

/** What a registry knows a schema by: an id, or a GUID. */
record SchemaKey(boolean isGuid, long high, long low) {
    static SchemaKey ofId(int id) {
        return new SchemaKey(false, 0, id);
    }

    /** The id; only if it is one. */
    int id() {
        return (int) low;
    }

    /** Looks the schema up. */
    org.apache.avro.Schema in(SchemaSource schemas) throws UnknownSchemaException {
        return isGuid ? schemas.writerSchema(new UUID(high, low)) : schemas.writerSchema(id());
    }

    /** In words, such as "schema id 7". */
    @Override
    public String toString() {
        return isGuid ? "schema GUID " + new UUID(high, low) : "schema id " + id();
    }
}
