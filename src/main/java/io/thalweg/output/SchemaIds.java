package io.thalweg.output;

import org.apache.avro.Schema;

/** The ids under which output schemas are known to readers. */
public interface SchemaIds {
    /**
     * The id that records of this schema carry on this topic.
     *
     * @param topic the topic that the records go to
     * @param schema the schema that they are written with
     * @throws io.thalweg.input.SchemaSourceException if the registry refuses the schema or cannot be reached
     */
    int idFor(String topic, Schema schema);
}
