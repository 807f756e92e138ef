package io.thalweg.input;

import java.util.Optional;
import java.util.UUID;
import org.apache.avro.Schema;

/** A source of the schemas that records were written with. */
@FunctionalInterface
public interface SchemaSource {
    /**
     * The schema that records with this id were written with.
     *
     * @throws UnknownSchemaException if the registry answers that it does not know the id, so that the record is bad
     *     input
     * @throws SchemaSourceException if there is no answer, which says nothing about the record
     */
    Schema writerSchema(int id) throws UnknownSchemaException;

    /**
     * The same source without those schemas that it would have to ask for. It says that it does not know them, at once.
     */
    default SchemaSource withoutAsking() {
        return id -> {
            throw new UnknownSchemaException(id);
        };
    }

    /**
     * The schema that records with this GUID were written with.
     *
     * @throws UnknownSchemaException as above, or if this source knows no GUIDs
     * @throws SchemaSourceException as above
     */
    default Schema writerSchema(UUID guid) throws UnknownSchemaException {
        throw new UnknownSchemaException(guid, "cannot be looked up");
    }

    /**
     * The Protobuf schema that records with this id were written with.
     *
     * @throws UnknownSchemaException as above, or if the schema is not of Protobuf
     * @throws SchemaSourceException as above
     */
    default ProtobufSchema protobufSchema(int id) throws UnknownSchemaException {
        throw new UnknownSchemaException(id, "cannot be looked up as Protobuf");
    }

    /**
     * The Protobuf schema that records with this GUID were written with.
     *
     * @throws UnknownSchemaException as above
     * @throws SchemaSourceException as above
     */
    default ProtobufSchema protobufSchema(UUID guid) throws UnknownSchemaException {
        throw new UnknownSchemaException(guid, "cannot be looked up as Protobuf");
    }

    /**
     * Finds out whether this is the id of a JSON Schema.
     *
     * @throws UnknownSchemaException as above, or if the schema is of another type
     * @throws SchemaSourceException as above
     */
    default void checkJsonSchema(int id) throws UnknownSchemaException {
        throw new UnknownSchemaException(id, "cannot be looked up as a JSON Schema");
    }

    /**
     * Finds out whether this is the GUID of a JSON Schema.
     *
     * @throws UnknownSchemaException as above
     * @throws SchemaSourceException as above
     */
    default void checkJsonSchema(UUID guid) throws UnknownSchemaException {
        throw new UnknownSchemaException(guid, "cannot be looked up as a JSON Schema");
    }

    /**
     * The Protobuf schema that was last registered for the values of a topic; empty as below.
     *
     * @throws SchemaSourceException if there is no answer
     */
    default Optional<ProtobufSchema> latestProtobufSchema(String topic) {
        return Optional.empty();
    }

    /**
     * The schema that was last registered for the values of a topic; empty if there is none, or this source cannot
     * tell.
     *
     * @throws SchemaSourceException if there is no answer
     */
    default Optional<Schema> latestSchema(String topic) {
        return Optional.empty();
    }
}
