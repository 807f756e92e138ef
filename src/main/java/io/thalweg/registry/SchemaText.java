package io.thalweg.registry;

import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.client.rest.entities.Metadata;
import io.confluent.kafka.schemaregistry.client.rest.entities.RuleSet;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaEntity;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A schema as the registry's client hands it around: its text. It is not checked whether one is compatible with
 * another.
 */
interface SchemaText extends ParsedSchema {
    /** The text of the schema. */
    String text();

    @Override
    default String name() {
        return schemaType();
    }

    @Override
    default String canonicalString() {
        return text();
    }

    @Override
    default String rawSchema() {
        return text();
    }

    @Override
    default Integer version() {
        return null;
    }

    @Override
    default Metadata metadata() {
        return null;
    }

    @Override
    default RuleSet ruleSet() {
        return null;
    }

    @Override
    default ParsedSchema copy() {
        return this;
    }

    @Override
    default ParsedSchema copy(Integer version) {
        return this;
    }

    @Override
    default ParsedSchema copy(Metadata metadata, RuleSet ruleSet) {
        return this;
    }

    @Override
    default ParsedSchema copy(Map<SchemaEntity, Set<String>> tagsToAdd, Map<SchemaEntity, Set<String>> tagsToRemove) {
        return this;
    }

    @Override
    default List<String> isBackwardCompatible(ParsedSchema previous) {
        return previous.schemaType().equals(schemaType()) ? List.of() : List.of("the schema before is of another type");
    }
}
