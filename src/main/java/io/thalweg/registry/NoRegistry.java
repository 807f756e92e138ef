package io.thalweg.registry;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.ProtobufSchema;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.input.UnknownSchemaException;
import java.util.UUID;
import org.apache.avro.Schema;

/** No registry, for topics that are all in JSON. */
final class NoRegistry implements Registry {
    private static final String CANNOT_BE_LOOKED_UP =
            "cannot be looked up, because there is no schema registry; set " + ThalwegConfig.REGISTRY_URL;

    @Override
    public void check() {
        // nothing can be wrong
    }

    @Override
    public Schema writerSchema(int id) throws UnknownSchemaException {
        throw new UnknownSchemaException(id, CANNOT_BE_LOOKED_UP);
    }

    @Override
    public Schema writerSchema(UUID guid) throws UnknownSchemaException {
        throw new UnknownSchemaException(guid, CANNOT_BE_LOOKED_UP);
    }

    @Override
    public ProtobufSchema protobufSchema(int id) throws UnknownSchemaException {
        throw new UnknownSchemaException(id, CANNOT_BE_LOOKED_UP);
    }

    @Override
    public ProtobufSchema protobufSchema(UUID guid) throws UnknownSchemaException {
        throw new UnknownSchemaException(guid, CANNOT_BE_LOOKED_UP);
    }

    @Override
    public void checkJsonSchema(int id) throws UnknownSchemaException {
        throw new UnknownSchemaException(id, CANNOT_BE_LOOKED_UP);
    }

    @Override
    public void checkJsonSchema(UUID guid) throws UnknownSchemaException {
        throw new UnknownSchemaException(guid, CANNOT_BE_LOOKED_UP);
    }

    @Override
    public int idFor(String topic, Schema schema) {
        throw new SchemaSourceException(
                "topic " + topic + " is written in Avro, which needs a schema registry; set "
                        + ThalwegConfig.REGISTRY_URL,
                null);
    }

    @Override
    public void close() {
        // nothing is open
    }
}
