package io.thalweg.registry;

import io.confluent.kafka.schemaregistry.AbstractSchemaProvider;
import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.client.rest.entities.Schema;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import java.util.List;

/**
 * A JSON Schema as the registry's client hands it around. It is never parsed, and what it refers to is not looked up:
 * values are mapped by the names of their fields, whatever their schema says.
 *
 * @param text the schema
 */
public record JsonSchemaText(String text) implements SchemaText {
    private static final String TYPE = "JSON";

    /** What makes these of the answers of a registry. */
    public static final class JsonSchemaProvider extends AbstractSchemaProvider {
        @Override
        public String schemaType() {
            return TYPE;
        }

        @Override
        public ParsedSchema parseSchemaOrElseThrow(Schema schema, boolean isNew, boolean normalize) {
            return new JsonSchemaText(schema.getSchema());
        }
    }

    @Override
    public String schemaType() {
        return TYPE;
    }

    @Override
    public List<SchemaReference> references() {
        return List.of();
    }
}
