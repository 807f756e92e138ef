package io.thalweg.input;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A mapping compiled for the schema of one writer, by a {@link MappingCompiler}. Its reader reads records into the
 * {@link MappedRecord} that it was compiled for.
 *
 * @param name the name of the schema
 * @param hasLabel whether there is a field that the label can be computed from
 * @param branches if the schema is a union, what is compiled for each branch; null for one that is no record. The rest
 *     is that of the branch that has the label
 * @param envelope finds the row in a change event; null if the schema is that of the event itself
 * @param rewriter rewrites values of Protobuf as Avro; null if they are Avro
 */
record CompiledMapping(
        String name,
        SchemaFields fields,
        boolean hasLabel,
        ValueReader reader,
        List<@Nullable CompiledMapping> branches,
        @Nullable AvroEnvelope envelope,
        @Nullable ProtobufRewriter rewriter) {
    /** Creates a mapping for values that are Avro. */
    CompiledMapping(
            String name,
            SchemaFields fields,
            boolean hasLabel,
            ValueReader reader,
            List<@Nullable CompiledMapping> branches,
            @Nullable AvroEnvelope envelope) {
        this(name, fields, hasLabel, reader, branches, envelope, null);
    }

    /** The same mapping, for values that are rewritten before they are read. */
    CompiledMapping with(ProtobufRewriter ofValues) {
        return new CompiledMapping(name, fields, hasLabel, reader, branches, envelope, ofValues);
    }
}
