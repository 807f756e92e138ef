package io.thalweg.input;

import org.apache.avro.Schema;

/** Where the writer's schema behind an id comes from. */
public interface SchemaSource {
    /**
     * The schema that a record with this id was written with. Called once for each record, so an id that has been seen
     * before must be cheap.
     *
     * @param id the number in bytes 1 to 4 of the record
     * @throws UnknownSchemaException if the registry answers that it does not know the id (bad input)
     * @throws SchemaSourceException if no answer could be had (not bad input)
     */
    Schema writerSchema(int id) throws UnknownSchemaException;
}
