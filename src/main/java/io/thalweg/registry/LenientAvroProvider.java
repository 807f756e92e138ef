package io.thalweg.registry;

import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.avro.AvroSchemaProvider;
import org.apache.avro.NameValidator;
import org.apache.avro.SchemaParseException;

/**
 * A parser of Avro schemas that also takes names which Avro 1.12 refuses, such as a namespace with a hyphen or a field
 * that begins with a digit. Registries and clients with earlier versions accept them, and Debezium makes them.
 */
final class LenientAvroProvider extends AvroSchemaProvider {
    @Override
    public ParsedSchema parseSchemaOrElseThrow(
            io.confluent.kafka.schemaregistry.client.rest.entities.Schema schema, boolean isNew, boolean normalize) {
        try {
            // names are the only difference, so a schema with usual names goes the usual way
            org.apache.avro.Schema.Parser parser =
                    new org.apache.avro.Schema.Parser(NameValidator.NO_VALIDATION).setValidateDefaults(false);
            resolveReferences(schema).values().forEach(parser::parse);
            org.apache.avro.Schema parsed = parser.parse(schema.getSchema());
            if (!isNew && !hasUsualNames(schema)) {
                return new AvroSchema(parsed);
            }
        } catch (SchemaParseException e) {
            // it is wrong in another way, and the exception of the usual parser says so
        }
        return super.parseSchemaOrElseThrow(schema, isNew, normalize);
    }

    private boolean hasUsualNames(io.confluent.kafka.schemaregistry.client.rest.entities.Schema schema) {
        try {
            org.apache.avro.Schema.Parser parser = new org.apache.avro.Schema.Parser().setValidateDefaults(false);
            resolveReferences(schema).values().forEach(parser::parse);
            parser.parse(schema.getSchema());
            return true;
        } catch (SchemaParseException e) {
            return false;
        }
    }
}
