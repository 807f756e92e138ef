package io.thalweg.input;

import java.util.List;
import java.util.UUID;

/**
 * What a registry knows a schema by: an id, or a GUID.
 *
 * @param message which of its messages a value is, if the schema is of Protobuf; otherwise empty
 */
record SchemaKey(boolean isGuid, long high, long low, List<Integer> message) {
    static SchemaKey ofId(int id) {
        return new SchemaKey(false, 0, id, List.of());
    }

    /** The id; only if it is one. */
    int id() {
        return (int) low;
    }

    /** Looks the schema up. */
    org.apache.avro.Schema in(SchemaSource schemas) throws UnknownSchemaException {
        return isGuid ? schemas.writerSchema(new UUID(high, low)) : schemas.writerSchema(id());
    }

    /** Looks the schema up, which must be of Protobuf. */
    ProtobufSchema protobufIn(SchemaSource schemas) throws UnknownSchemaException {
        return isGuid ? schemas.protobufSchema(new UUID(high, low)) : schemas.protobufSchema(id());
    }

    /** Finds out whether it is a JSON Schema. */
    void checkJsonIn(SchemaSource schemas) throws UnknownSchemaException {
        if (isGuid) {
            schemas.checkJsonSchema(new UUID(high, low));
        } else {
            schemas.checkJsonSchema(id());
        }
    }

    /** In words, such as "schema id 7". */
    @Override
    public String toString() {
        return isGuid ? "schema GUID " + new UUID(high, low) : "schema id " + id();
    }
}
