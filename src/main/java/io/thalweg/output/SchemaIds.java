package io.thalweg.output;

import org.apache.avro.Schema;

/** A source of the ids under which consumers of the output topics find their schemas. */
@FunctionalInterface
public interface SchemaIds {
    /** Returns the id of the schema of a topic's values. Called once for each topic, at startup. */
    int idFor(String topic, Schema schema);
}
