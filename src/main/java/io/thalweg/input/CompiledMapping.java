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
 */
record CompiledMapping(
        String name,
        SchemaFields fields,
        boolean hasLabel,
        ValueReader reader,
        List<@Nullable CompiledMapping> branches,
        @Nullable AvroEnvelope envelope) {}
