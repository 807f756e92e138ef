package io.thalweg.input;

import io.thalweg.mapping.CategorySample;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decodes the value of a record of any schema, in Confluent's wire format, into an {@link Example}, as a {@link
 * Mapping} defines. The mapping is compiled once for each writer's schema; decoding creates neither Avro objects nor
 * text. Not thread-safe.
 */
public final class MappedDecoder implements ValueDecoder {
    private static final Logger LOG = LoggerFactory.getLogger(MappedDecoder.class);

    private final SchemaSource schemas;
    private final Mapping mapping;
    private final boolean needsLabelField;
    private final MappedRecord record;
    private final BoundedDecoder bytes = new BoundedDecoder();
    private final Map<Integer, CompiledMapping> compiledMappings = new HashMap<>();
    /**
     * Why the mapping cannot be compiled for a schema. It is kept because finding out can be slow, and every record of
     * the schema would ask again.
     */
    private final Map<Integer, String> unmappable = new HashMap<>();

    private int compiledId;
    private @Nullable CompiledMapping compiled;

    /** Creates a decoder of events that must have the field of the label. */
    public MappedDecoder(SchemaSource schemas, Mapping mapping) {
        this(schemas, mapping, true);
    }

    /**
     * Creates a decoder.
     *
     * @param needsLabelField whether events without the field of the label are rejected
     */
    MappedDecoder(SchemaSource schemas, Mapping mapping, boolean needsLabelField) {
        this.schemas = schemas;
        this.mapping = mapping;
        this.needsLabelField = needsLabelField;
        record = new MappedRecord(mapping);
    }

    /**
     * Compiles a mapping for a schema.
     *
     * @return what each field is used as, one line for each kind
     * @throws MappingException if the mapping does not fit the schema, in one line
     */
    public static List<String> summary(Schema schema, Mapping mapping) {
        SchemaFields fields = MappingCompiler.compile(schema, mapping, new MappedRecord(mapping))
                .fields();
        fields.check();
        return fields.kinds().lines();
    }

    @Override
    public void decode(byte[] value, Headers headers, Example x) throws Rejection {
        decode(value, x);
    }

    /**
     * Decodes a value.
     *
     * @param value the value of a record, not null
     * @param x is cleared and filled; unusable after a rejection
     * @throws Rejection if the value cannot be read or used, or the registry does not know its schema
     * @throws SchemaSourceException if the registry does not answer
     */
    public void decode(byte[] value, Example x) throws Rejection {
        int id = ExampleDecoder.schemaId(value);
        CompiledMapping chosen = choose(value, id);
        if (needsLabelField && mapping.label() != null && !chosen.hasLabel()) {
            throw new Rejection(
                    Reason.NO_LABEL_FIELD,
                    "schema id %d (%s) has no field %s that the label can be computed from"
                            .formatted(id, chosen.name(), mapping.label().field()));
        }
        x.clear();
        try {
            record.begin(x);
            chosen.reader().read(bytes);
            record.end();
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException e) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the value cannot be read with schema id " + id + " (" + ExampleDecoder.brief(chosen.name()) + "): "
                            + ExampleDecoder.brief(e.getMessage()));
        }
        if (bytes.remaining() > 0) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the value has " + bytes.remaining() + " bytes left over after a record with schema id " + id + " ("
                            + ExampleDecoder.brief(chosen.name()) + ")");
        }
        record.checkLabel();
    }

    @Override
    public boolean canPassOver() {
        return !mapping.isOfEveryType();
    }

    @Override
    public boolean isPassedOver(byte[] value, Headers headers) throws Rejection {
        return !mapping.isOfEveryType()
                && !mapping.isOfType(
                        choose(value, ExampleDecoder.schemaId(value)).name());
    }

    /** Chooses the mapping for a value, and goes to where its record begins. */
    private CompiledMapping choose(byte[] value, int id) throws Rejection {
        CompiledMapping chosen = compiled;
        if (chosen == null || compiledId != id) {
            chosen = chooseMapping(id);
        }
        bytes.reset(value, ExampleDecoder.HEADER);
        return chosen.branches().isEmpty() ? chosen : branch(chosen, id);
    }

    /** Chooses the branch of a union. */
    private CompiledMapping branch(CompiledMapping union, int id) throws Rejection {
        int branch;
        try {
            branch = bytes.readIndex();
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException e) {
            branch = -1;
        }
        CompiledMapping chosen = branch < 0 || branch >= union.branches().size()
                ? null
                : union.branches().get(branch);
        if (chosen == null) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the value is not one of the records in the union with schema id " + id + "; it is of branch "
                            + branch);
        }
        return chosen;
    }

    @Override
    public Map<String, CategorySample> categories() {
        return record.features().categories();
    }

    @Override
    public byte[] model() {
        return record.model();
    }

    @Override
    public int modelLength() {
        return record.modelLength();
    }

    private CompiledMapping chooseMapping(int id) throws Rejection {
        CompiledMapping found = compiledMappings.get(id);
        if (found == null) {
            String known = unmappable.get(id);
            if (known != null) {
                throw new Rejection(Reason.UNREADABLE, known);
            }
            try {
                found = MappingCompiler.compile(schemas.writerSchema(id), mapping, record);
            } catch (UnknownSchemaException e) {
                throw new Rejection(Reason.UNKNOWN_SCHEMA, ExampleDecoder.brief(e.getMessage()));
            } catch (MappingException | AvroRuntimeException e) {
                String why = "schema id " + id + " cannot be mapped: " + ExampleDecoder.brief(e.getMessage());
                unmappable.put(id, why);
                throw new Rejection(Reason.UNREADABLE, why);
            }
            compiledMappings.put(id, found);
            if (compiled != null && !mapping.isModelOnly()) {
                logChanges(compiled, id, found);
            }
        }
        compiled = found;
        compiledId = id;
        return found;
    }

    private void logChanges(CompiledMapping before, int id, CompiledMapping found) {
        Set<String> added = new TreeSet<>(found.fields().kinds().features());
        added.removeAll(before.fields().kinds().features());
        Set<String> removed = new TreeSet<>(before.fields().kinds().features());
        removed.removeAll(found.fields().kinds().features());
        LOG.info(
                "records now have schema id {} ({}), before {}: {}, {}{}",
                id,
                found.name(),
                compiledId,
                added.isEmpty() ? "no new features" : "new features: " + String.join(", ", added),
                removed.isEmpty() ? "none removed" : "removed: " + String.join(", ", removed),
                !needsLabelField || mapping.label() == null || found.hasLabel()
                        ? ""
                        : "; it lacks the field " + mapping.label().field()
                                + " of the label, so its records become dead letters");
    }
}
