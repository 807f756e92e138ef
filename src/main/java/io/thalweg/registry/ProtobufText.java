package io.thalweg.registry;

import io.confluent.kafka.schemaregistry.AbstractSchemaProvider;
import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.client.rest.entities.Metadata;
import io.confluent.kafka.schemaregistry.client.rest.entities.RuleSet;
import io.confluent.kafka.schemaregistry.client.rest.entities.Schema;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaEntity;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import io.thalweg.input.ProtobufSchema;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A Protobuf schema as the registry's client hands it around: its text. It is not checked whether one is compatible
 * with another.
 *
 * @param text the file of the schema
 * @param references which files it imports
 * @param imported the texts of those files, by name
 */
public record ProtobufText(String text, List<SchemaReference> references, Map<String, String> imported)
        implements ParsedSchema {
    private static final String TYPE = "PROTOBUF";

    /** What makes these of the answers of a registry. */
    public static final class Provider extends AbstractSchemaProvider {
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

    @Override
    public String name() {
        return TYPE;
    }

    @Override
    public String canonicalString() {
        return text;
    }

    @Override
    public String rawSchema() {
        return text;
    }

    @Override
    public Integer version() {
        return null;
    }

    @Override
    public Metadata metadata() {
        return null;
    }

    @Override
    public RuleSet ruleSet() {
        return null;
    }

    @Override
    public ParsedSchema copy() {
        return this;
    }

    @Override
    public ParsedSchema copy(Integer version) {
        return this;
    }

    @Override
    public ParsedSchema copy(Metadata metadata, RuleSet ruleSet) {
        return this;
    }

    @Override
    public ParsedSchema copy(Map<SchemaEntity, Set<String>> tagsToAdd, Map<SchemaEntity, Set<String>> tagsToRemove) {
        return this;
    }

    @Override
    public List<String> isBackwardCompatible(ParsedSchema previous) {
        return previous instanceof ProtobufText ? List.of() : List.of("the schema before is of another type");
    }
}
