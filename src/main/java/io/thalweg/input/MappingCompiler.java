package io.thalweg.input;

import io.thalweg.config.ChangeEvents;
import io.thalweg.input.FieldReader.FastPath;
import io.thalweg.input.ValueSinks.MissingSink;
import io.thalweg.mapping.FieldEncoder;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Compiles a {@link Mapping} for the schema of one writer: it creates a reader for each field, which either skips the
 * field or passes its value to the example. It follows records in records, and unions of records; {@link RoleReaders}
 * and {@link FeatureReaders} decide how a single field is used.
 */
final class MappingCompiler {
    /**
     * The most fields that a schema may have, including those of the records in it. Each record that contains two of
     * another doubles them.
     */
    private static final int MOST_FIELDS = 65_536;

    private final SchemaFields fields;
    private final RoleReaders roles;
    private final FeatureReaders features;
    private final Deque<String> within = new ArrayDeque<>();
    private int fieldCount;

    private MappingCompiler(Mapping mapping, MappedRecord record) {
        fields = new SchemaFields(mapping);
        SkipReaders skip = new SkipReaders(record);
        FieldSinks sinks = new FieldSinks(mapping, record);
        roles = new RoleReaders(mapping, fields, skip, sinks);
        features = new FeatureReaders(mapping, fields, skip, record, sinks);
    }

    /**
     * Compiles a mapping.
     *
     * @param record what the records will be read into
     * @throws MappingException if the schema is not one of a record, or has too many fields or nested records
     */
    static CompiledMapping compile(Schema schema, Mapping mapping, MappedRecord record) {
        if (schema.getType() == Schema.Type.UNION
                && schema.getTypes().stream().anyMatch(branch -> branch.getType() == Schema.Type.RECORD)) {
            return compileUnion(schema, mapping, record);
        }
        if (schema.getType() != Schema.Type.RECORD) {
            throw new MappingException("the schema is of " + SchemaWords.a(schema) + ", not of a record with fields");
        }
        MappingCompiler compiler = new MappingCompiler(mapping, record);
        ValueReader reader = compiler.record("", schema).reader();
        return new CompiledMapping(
                schema.getFullName(), compiler.fields, compiler.roles.hasLabel(), reader, List.of(), null);
    }

    /**
     * Compiles a mapping for change events.
     *
     * @param changes how they are read; null if the schema is that of the event itself
     * @throws MappingException as above, or if the schema is not that of change events
     */
    static CompiledMapping compile(
            Schema schema, Mapping mapping, MappedRecord record, @Nullable ChangeEvents changes) {
        if (changes == null) {
            return compile(schema, mapping, record);
        }
        AvroEnvelope envelope = new AvroEnvelope(schema, changes, record);
        CompiledMapping row = compile(envelope.row(), mapping, record);
        return new CompiledMapping(row.name(), row.fields(), row.hasLabel(), row.reader(), List.of(), envelope);
    }

    /** Compiles a mapping for each record of a union, which has the types of events that a topic holds. */
    private static CompiledMapping compileUnion(Schema union, Mapping mapping, MappedRecord record) {
        List<@Nullable CompiledMapping> branches = new ArrayList<>();
        CompiledMapping main = null;
        for (Schema branch : union.getTypes()) {
            CompiledMapping compiled = branch.getType() == Schema.Type.RECORD ? compile(branch, mapping, record) : null;
            branches.add(compiled);
            if (compiled != null
                    && mapping.isOfType(compiled.name())
                    && (main == null || !main.hasLabel() && compiled.hasLabel())) {
                main = compiled;
            }
        }
        if (main == null) {
            throw new MappingException("none of the records of the union is in " + Mapping.TYPES);
        }
        return new CompiledMapping(main.name(), main.fields(), main.hasLabel(), main.reader(), branches, null);
    }

    private FieldReader record(String prefix, Schema schema) {
        if (within.size() > MappedRecord.DEEPEST) {
            throw new MappingException(
                    "the schema has more than " + MappedRecord.DEEPEST + " records nested in each other");
        }
        within.push(schema.getFullName());
        int size = schema.getFields().size();
        ValueReader[] readers = new ValueReader[size];
        FastPath[] fastPaths = new FastPath[size];
        @Nullable FieldEncoder[] encoders = new FieldEncoder[size];
        Map<String, MissingSink> missing = new LinkedHashMap<>();
        for (Schema.Field field : schema.getFields()) {
            FieldReader read = field(prefix + field.name(), field.schema());
            readers[field.pos()] = read.reader();
            fastPaths[field.pos()] = read.fastPath();
            encoders[field.pos()] = read.encoder();
            if (!SchemaMarks.isAbsent(field.schema())) {
                missing.putAll(read.missing());
            }
        }
        within.pop();
        return new FieldReader(
                in -> {
                    for (int i = 0; i < size; i++) {
                        switch (fastPaths[i]) {
                            case NONE -> readers[i].read(in);
                            case WHOLE -> encoders[i].number(in.readLong());
                            case FLOAT -> encoders[i].number(in.readFloat());
                            case DOUBLE -> encoders[i].number(in.readDouble());
                            case TEXT -> {
                                int from = in.passText();
                                encoders[i].category(in.record(), from, in.position() - from);
                            }
                        }
                    }
                },
                missing);
    }

    private FieldReader field(String field, Schema schema) {
        if (++fieldCount > MOST_FIELDS) {
            throw new MappingException("the schema has more than " + MOST_FIELDS
                    + " fields, including those of the records in it, which is the limit");
        }
        if (isNewRecord(schema)) {
            fields.addRecord(field);
            return record(field + ".", schema);
        }
        if (schema.getType() == Schema.Type.UNION && schema.getTypes().stream().anyMatch(this::isNewRecord)) {
            return unionWithRecords(field, schema);
        }
        fields.addValue(field);
        FieldReader role = roles.of(field, schema);
        return role == null ? features.of(field, schema) : role;
    }

    /** Whether this is a record that is not nested in itself. */
    private boolean isNewRecord(Schema schema) {
        return schema.getType() == Schema.Type.RECORD && !within.contains(schema.getFullName());
    }

    private FieldReader unionWithRecords(String field, Schema union) {
        Map<String, MissingSink> missing = new LinkedHashMap<>();
        ValueReader[] readers = new ValueReader[union.getTypes().size()];
        for (int i = 0; i < readers.length; i++) {
            if (union.getTypes().get(i).getType() != Schema.Type.NULL) {
                FieldReader branch = field(field, union.getTypes().get(i));
                readers[i] = branch.reader();
                missing.putAll(branch.missing());
            }
        }
        MissingSink[] all = SchemaMarks.isAbsent(union)
                ? new MissingSink[0]
                : missing.values().toArray(MissingSink[]::new);
        for (int i = 0; i < readers.length; i++) {
            if (readers[i] == null) {
                readers[i] = in -> {
                    for (MissingSink one : all) {
                        one.take();
                    }
                };
            }
        }
        return new FieldReader(ValueReaders.union(readers), missing);
    }
}
