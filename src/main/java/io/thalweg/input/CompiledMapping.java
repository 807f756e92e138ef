package io.thalweg.input;

/**
 * A mapping compiled for the schema of one writer, by a {@link MappingCompiler}. Its reader reads records into the
 * {@link MappedRecord} that it was compiled for.
 *
 * @param name the name of the schema
 * @param hasLabel whether there is a field that the label can be computed from
 */
record CompiledMapping(String name, SchemaFields fields, boolean hasLabel, ValueReader reader) {}
