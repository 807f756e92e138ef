package io.thalweg.output;

import org.apache.avro.Schema;

/** The ids under which readers of the output topics find their schemas. */
@FunctionalInterface
public interface SchemaIds {
    /** The id of the schema of the values of a topic. Asked once for each topic, at start. */
    int idFor(String topic, Schema schema);
}
