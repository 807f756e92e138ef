package io.thalweg.audit;

import io.thalweg.input.ProtobufSchema;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import java.util.Optional;
import java.util.UUID;
import org.apache.avro.Schema;

/**
 * The schemas for a replay. JSON Schemas are not looked up again: they change nothing in what a value becomes, dead
 * letters say which of them were unknown, and the registry may know others by now.
 */
record ReplaySchemas(SchemaSource registry) implements SchemaSource {
    @Override
    public Schema writerSchema(int id) throws UnknownSchemaException {
        return registry.writerSchema(id);
    }

    @Override
    public Schema writerSchema(UUID guid) throws UnknownSchemaException {
        return registry.writerSchema(guid);
    }

    @Override
    public SchemaSource withoutAsking() {
        return new ReplaySchemas(registry.withoutAsking());
    }

    @Override
    public ProtobufSchema protobufSchema(int id) throws UnknownSchemaException {
        return registry.protobufSchema(id);
    }

    @Override
    public ProtobufSchema protobufSchema(UUID guid) throws UnknownSchemaException {
        return registry.protobufSchema(guid);
    }

    @Override
    public void checkJsonSchema(int id) {
        // as the learner found it
    }

    @Override
    public void checkJsonSchema(UUID guid) {
        // as the learner found it
    }

    @Override
    public Optional<ProtobufSchema> latestProtobufSchema(String topic) {
        return registry.latestProtobufSchema(topic);
    }

    @Override
    public Optional<Schema> latestSchema(String topic) {
        return registry.latestSchema(topic);
    }
}
