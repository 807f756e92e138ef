package io.thalweg.registry;

import io.confluent.kafka.schemaregistry.AbstractSchemaProvider;
import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.client.rest.entities.Schema;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import io.thalweg.input.ProtobufSchema;
import java.util.List;
import java.util.Map;

/**
 * A Protobuf schema as the registry's client hands it around.
 *
 * @param text the file of the schema
 * @param references which files it imports
 * @param imported the texts of those files, by name
 */
public record ProtobufText(String text, List<SchemaReference> references, Map<String, String> imported)
        implements SchemaText {
    private static final String TYPE = "PROTOBUF";

    /** What makes these of the answers of a registry. */
    public static final class ProtobufProvider extends AbstractSchemaProvider {
        @Override
        public String schemaType() {
            return TYPE;
        }

        @Override
        public ParsedSchema parseSchemaOrElseThrow(Schema schema, boolean isNew, boolean normalize) {
            return new ProtobufText(
                    schema.getSchema(),
                    schema.getReferences() == null ? List.of() : List.copyOf(schema.getReferences()),
                    Map.copyOf(resolveReferences(schema)));
        }
    }

    /**
     * Parses the schema.
     *
     * @throws IllegalArgumentException if it is not one, in one line
     */
    public ProtobufSchema parse() {
        return ProtobufParser.parse(text, imported);
    }

    @Override
    public String schemaType() {
        return TYPE;
    }
}
