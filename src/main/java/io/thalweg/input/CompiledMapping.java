package io.thalweg.input;

/**
 * How records of one writer's schema are read, as a {@link MappingCompiler} has worked it out. They are read into the
 * {@link MappedRecord} that it was compiled for.
 *
 * @param name the name of the schema
 * @param hasLabel whether there is a field that the label can be made from
 */
record CompiledMapping(String name, SchemaFields fields, boolean hasLabel, ValueReader reader) {}
