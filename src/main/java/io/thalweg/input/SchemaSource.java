package io.thalweg.input;

import java.util.Optional;
import org.apache.avro.Schema;

/** Where the writer's schema behind an id comes from. */
@FunctionalInterface
public interface SchemaSource {
    /**
     * The schema that a record with this id was written with.
     *
     * @throws UnknownSchemaException if the registry answers that it does not know the id, which makes the
     *     record bad input
     * @throws SchemaSourceException if no answer could be had, which says nothing about the record
     */
    Schema writerSchema(int id) throws UnknownSchemaException;

    /**
     * The schema that the values of a topic were last registered with; empty if none was, or if this source
     * cannot tell.
     *
     * @throws SchemaSourceException if no answer could be had
     */
    default Optional<Schema> latestSchema(String topic) {
        return Optional.empty();
    }
}
