package io.thalweg.input;

import io.thalweg.config.ChangeEvents;
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
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decodes the value of a record of any schema, which a schema registry's serializer wrote, into an {@link Example}, by
 * a {@link Mapping}. That is compiled once for each writer's schema; decoding creates neither Avro objects nor text.
 * Not thread-safe.
 */
public final class MappedDecoder implements ValueDecoder {
    private static final Logger LOG = LoggerFactory.getLogger(MappedDecoder.class);

    private final SchemaSource schemas;
    private final Mapping mapping;
    private final boolean needsLabelField;
    private final MappedRecord record;
    private final BoundedDecoder bytes = new BoundedDecoder();
    private final SchemaLocator locator;
    /** Whether values are Protobuf, and not Avro. */
    private final boolean isOfProtobuf;

    private final Map<SchemaKey, CompiledMapping> compiledMappings = new HashMap<>();
    /**
     * Why the mapping cannot be compiled for a schema. It is kept because finding out can be slow, and every record of
     * the schema would ask again.
     */
    private final Map<SchemaKey, String> unmappable = new HashMap<>();

    private SchemaKey compiledKey = SchemaKey.ofId(0);
    private @Nullable CompiledMapping compiled;
    /** Whether the Protobuf schema of it has messages so deep in each other that all doubtful indexes must be read. */
    private boolean isDeep;

    /** How change events are read; null if the values are no change events. */
    private final @Nullable ChangeEvents changes;
    /** Whether the last change event that was chosen for is passed over. */
    private boolean isPassedOver;
    /** How many bytes are behind the last change event. */
    private int leftBehindEvent;

    /** Creates a decoder of events that must have the field of the label. */
    public MappedDecoder(SchemaSource schemas, Mapping mapping) {
        this(schemas, mapping, true, null, false);
    }

    /**
     * Creates a decoder.
     *
     * @param needsLabelField whether events without the field of the label are rejected
     * @param changes how change events are read; null if the values are no change events
     * @param isOfProtobuf whether values are Protobuf, and not Avro
     */
    MappedDecoder(
            SchemaSource schemas,
            Mapping mapping,
            boolean needsLabelField,
            @Nullable ChangeEvents changes,
            boolean isOfProtobuf) {
        this.isOfProtobuf = isOfProtobuf;
        this.changes = changes;
        this.schemas = schemas;
        this.mapping = mapping;
        this.needsLabelField = needsLabelField;
        record = new MappedRecord(mapping);
        locator = isOfProtobuf
                ? SchemaLocator.ofProtobuf(mapping.isOfLabels())
                : SchemaLocator.ofValues(mapping.isOfLabels());
    }

    /**
     * Compiles a mapping for a schema.
     *
     * @return what each field is used as, one line for each kind
     * @throws MappingException if the mapping does not fit the schema, in one line
     */
    public static List<String> summary(Schema schema, Mapping mapping) {
        return summary(schema, mapping, null);
    }

    /** Compiles a mapping, as above. @param changes how change events are read; null if they are none */
    public static List<String> summary(Schema schema, Mapping mapping, @Nullable ChangeEvents changes) {
        SchemaFields fields = MappingCompiler.compile(schema, mapping, new MappedRecord(mapping), changes)
                .fields();
        fields.check();
        return fields.kinds().lines();
    }

    /**
     * The schema of the records that values of Protobuf are rewritten to.
     *
     * @return empty if nothing names the schema of the value, or it has no such message
     * @throws UnknownSchemaException if the registry does not know it
     */
    static Optional<Schema> rewrittenSchema(byte[] value, Headers headers, SchemaSource schemas)
            throws UnknownSchemaException {
        Mapping nothing = Mapping.of(name -> "");
        MappedDecoder decoder = new MappedDecoder(schemas, nothing, false, null, true);
        try {
            decoder.locator.locate(value, headers);
            ProtobufSchema schema = decoder.locator.key().protobufIn(schemas);
            ProtobufMessage message =
                    schema.message(decoder.keyOfMessage(schema).message());
            return message == null ? Optional.empty() : Optional.of(rewrittenSchema(message));
        } catch (Rejection e) {
            return Optional.empty();
        }
    }

    /** The schema of the records that messages of Protobuf are rewritten to. */
    static Schema rewrittenSchema(ProtobufMessage message) {
        return new RewrittenSchema().of(message);
    }

    @Override
    public void decode(byte[] value, Headers headers, Example x) throws Rejection {
        CompiledMapping chosen = choose(value, headers);
        if (isPassedOver) {
            throw passedOver();
        }
        if (needsLabelField && mapping.label() != null && !chosen.hasLabel()) {
            throw new Rejection(
                    Reason.NO_LABEL_FIELD,
                    "%s (%s) has no field %s that the label can be computed from"
                            .formatted(
                                    compiledKey, chosen.name(), mapping.label().field()));
        }
        x.clear();
        try {
            if (chosen.envelope() == null) {
                rewrite(chosen, value);
            }
            record.begin(x);
            chosen.reader().read(bytes);
            record.end();
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException e) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the value cannot be read with " + compiledKey + " (" + ExampleDecoder.brief(chosen.name()) + "): "
                            + ExampleDecoder.brief(e.getMessage()));
        }
        int left = chosen.envelope() == null ? bytes.remaining() : leftBehindEvent;
        if (left > 0) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the value has " + left + " bytes left over after a record with " + compiledKey + " ("
                            + ExampleDecoder.brief(chosen.name()) + ")");
        }
        record.checkLabel();
    }

    @Override
    public boolean canPassOver() {
        return changes != null || !mapping.isOfEveryType();
    }

    @Override
    public boolean isPassedOver(byte[] value, Headers headers) throws Rejection {
        return canPassOver() && (!mapping.isOfType(choose(value, headers).name()) || isPassedOver);
    }

    /** The rejection of an event that is passed over, where somebody asks for it all the same. */
    static Rejection passedOver() {
        return new Rejection(Reason.BAD_VALUE, "the event is one that is passed over");
    }

    /** Chooses the mapping for a value, and goes to where its record begins. */
    private CompiledMapping choose(byte[] value, Headers headers) throws Rejection {
        locator.locate(value, headers);
        CompiledMapping chosen = compiled;
        if (chosen == null || !locator.isAt(compiledKey) || locator.isDoubtful() && isDeep) {
            if (isOfProtobuf) {
                ProtobufSchema schema = protobufSchema();
                chosen = chooseMapping(keyOfMessage(schema));
                isDeep = isDeep(schema);
            } else {
                chosen = chooseMapping(locator.key());
            }
        }
        bytes.reset(value, locator.begin());
        isPassedOver = false;
        if (chosen.envelope() != null) {
            goToRow(chosen, chosen.envelope(), value);
        }
        return chosen.branches().isEmpty() ? chosen : branch(chosen);
    }

    private ProtobufSchema protobufSchema() throws Rejection {
        try {
            return locator.key().protobufIn(schemas);
        } catch (UnknownSchemaException e) {
            throw new Rejection(Reason.UNKNOWN_SCHEMA, ExampleDecoder.brief(e.getMessage()));
        }
    }

    private static boolean isDeep(ProtobufSchema schema) {
        return schema.depth() > SchemaLocator.MOST_CERTAIN;
    }

    /** Finds out which message of its schema a value is. */
    private SchemaKey keyOfMessage(ProtobufSchema schema) throws Rejection {
        if (locator.isDoubtful() && isDeep(schema)) {
            List<Integer> doubtful = locator.readDoubtful();
            if (doubtful == null || schema.message(doubtful) == null) {
                locator.withoutIndexes();
            }
        }
        SchemaKey key = locator.key();
        if (schema.message(key.message()) == null) {
            // not remembered: damaged values have ever new indexes
            throw new Rejection(
                    Reason.UNREADABLE,
                    key + " has no message with the indexes " + ExampleDecoder.brief("" + key.message()));
        }
        return key;
    }

    /** Rewrites a value as Avro, unless it is. */
    private void rewrite(CompiledMapping chosen, byte[] value) throws IOException {
        ProtobufRewriter rewriter = chosen.rewriter();
        if (rewriter != null) {
            rewriter.rewrite(value, locator.begin());
            bytes.reset(rewriter.bytes(), 0, rewriter.length());
        }
    }

    private void goToRow(CompiledMapping chosen, AvroEnvelope envelope, byte[] value) throws Rejection {
        try {
            rewrite(chosen, value);
            record.resetDepth();
            Integer left = envelope.locate(bytes);
            isPassedOver = left == null;
            leftBehindEvent = left == null ? 0 : left;
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException e) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the change event cannot be read with " + compiledKey + ": "
                            + ExampleDecoder.brief(e.getMessage()));
        }
    }

    /** Chooses the branch of a union. */
    private CompiledMapping branch(CompiledMapping union) throws Rejection {
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
                    "the value is not one of the records in the union with " + compiledKey + "; it is of branch "
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

    private CompiledMapping chooseMapping(SchemaKey key) throws Rejection {
        CompiledMapping found = compiledMappings.get(key);
        if (found == null) {
            String known = unmappable.get(key);
            if (known != null) {
                throw new Rejection(Reason.UNREADABLE, known);
            }
            try {
                found = compile(key);
            } catch (UnknownSchemaException e) {
                throw new Rejection(Reason.UNKNOWN_SCHEMA, ExampleDecoder.brief(e.getMessage()));
            } catch (MappingException | AvroRuntimeException e) {
                String why = key + " cannot be mapped: " + ExampleDecoder.brief(e.getMessage());
                unmappable.put(key, why);
                throw new Rejection(Reason.UNREADABLE, why);
            }
            compiledMappings.put(key, found);
            if (compiled != null && !mapping.isModelOnly()) {
                logChanges(compiled, key, found);
            }
        }
        compiled = found;
        compiledKey = key;
        return found;
    }

    private CompiledMapping compile(SchemaKey key) throws UnknownSchemaException {
        if (!isOfProtobuf) {
            return MappingCompiler.compile(key.in(schemas), mapping, record, changes);
        }
        ProtobufMessage message = key.protobufIn(schemas).message(key.message());
        if (message == null) {
            throw new MappingException("it has no such message");
        }
        ProtobufRewriter rewriter = new ProtobufRewriter(message, record.features());
        return MappingCompiler.compile(rewriter.schema(), mapping, record, changes)
                .with(rewriter);
    }

    private void logChanges(CompiledMapping before, SchemaKey key, CompiledMapping found) {
        Set<String> added = new TreeSet<>(found.fields().kinds().features());
        added.removeAll(before.fields().kinds().features());
        Set<String> removed = new TreeSet<>(before.fields().kinds().features());
        removed.removeAll(found.fields().kinds().features());
        LOG.info(
                "records now have {} ({}), before {}: {}, {}{}",
                key,
                found.name(),
                compiledKey,
                added.isEmpty() ? "no new features" : "new features: " + String.join(", ", added),
                removed.isEmpty() ? "none removed" : "removed: " + String.join(", ", removed),
                !needsLabelField || mapping.label() == null || found.hasLabel()
                        ? ""
                        : "; it lacks the field " + mapping.label().field()
                                + " of the label, so its records become dead letters");
    }
}
