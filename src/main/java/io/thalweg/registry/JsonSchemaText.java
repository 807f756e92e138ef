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
 * @param references the schemas that it refers to, for others that read it
 */
public record JsonSchemaText(String text, List<SchemaReference> references) implements SchemaText {
    private static final String TYPE = "JSON";

    /** A schema that refers to no other. */
    public JsonSchemaText(String text) {
        this(text, List.of());
    }

    /** What makes these of the answers of a registry. */
    public static final class JsonSchemaProvider extends AbstractSchemaProvider {
        @Override
        public String schemaType() {
            return TYPE;
        }

        @Override
        public ParsedSchema parseSchemaOrElseThrow(Schema schema, boolean isNew, boolean normalize) {
            List<SchemaReference> references = schema.getReferences();
            return new JsonSchemaText(schema.getSchema(), references == null ? List.of() : List.copyOf(references));
        }
    }

    @Override
    public String schemaType() {
        return TYPE;
    }
}
