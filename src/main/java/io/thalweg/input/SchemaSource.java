package io.thalweg.input;

import org.apache.avro.Schema;

/** Where the writer's schema behind an id comes from. */
@FunctionalInterface
public interface SchemaSource {
    /**
     * The schema that a record with this id was written with.
     *
     * @throws UnknownSchemaException if the registry answers that it does not know the id, which makes the record bad input
     * @throws SchemaSourceException if no answer could be had, which says nothing about the record
     */
    Schema writerSchema(int id) throws UnknownSchemaException;
}
