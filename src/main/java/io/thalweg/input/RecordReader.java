package io.thalweg.input;

import io.thalweg.config.ChangeEvents;
import io.thalweg.config.KeyFormat;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.mapping.CategorySample;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.Schema;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.utils.Utils;
import org.jspecify.annotations.Nullable;

/**
 * Reads records of the examples topic: it gives the model id and the example of a record, or the reason why it is
 * rejected. The running learner and an audit both read records through it. Not thread-safe.
 */
public final class RecordReader {
    /** The longest model id, in bytes of UTF-8. */
    public static final int LONGEST_MODEL_ID = 1024;

    private final ValueDecoder decoder;
    /** What becomes of the records; null if they are Examples. */
    private final @Nullable Mapping mapping;

    private static final String KEY = "the key";
    private static final long LONGEST_ESCAPE = 6;

    private final String keyless;
    private final int maxBytes;
    private final boolean outputsAreJson;
    private final KeyDecoder keys;
    /** Whether events are change events, of which those without a value say nothing. */
    private final boolean unwraps;
    /** Reads labels that come on a topic of their own; null if there are none. */
    private final @Nullable LabelReader labels;

    private String modelId = "";

    private final ModelIds ids = new ModelIds();

    /**
     * A reader of a topic of Examples.
     *
     * @param keyless the model of records without key, or empty if they are rejected
     * @param maxBytes the limit on key, value and headers together
     */
    public RecordReader(SchemaSource schemas, String keyless, int maxBytes) {
        this(
                new ExampleDecoder(schemas),
                null,
                new KeyDecoder(KeyFormat.STRING, schemas),
                keyless,
                maxBytes,
                null,
                false,
                false);
    }

    /** A reader as the settings say. @param keyless the model of records without key, or empty if they are rejected */
    public RecordReader(SchemaSource schemas, ThalwegConfig config, String keyless) {
        this(
                schemas,
                config,
                config.isMapped() ? config.mapping() : null,
                keyless,
                config.hasLateLabels() ? new LabelReader(schemas, config, keyless) : null);
    }

    /** Creates a reader of events to predict, which may lack the field of the label. */
    public static RecordReader toPredict(SchemaSource schemas, ThalwegConfig config) {
        return toPredict(schemas, config, config.examplesFormat());
    }

    /** Creates a reader of events to predict, as above. @param format that of the events, whatever the settings say */
    public static RecordReader toPredict(SchemaSource schemas, ThalwegConfig config, ValueFormat format) {
        Mapping mapping = config.isMapped() ? config.mapping() : null;
        return new RecordReader(
                decoder(schemas, config, format, mapping, false, config.changeEvents()),
                mapping,
                new KeyDecoder(config.keyFormat(), schemas),
                "",
                config.getInt(ThalwegConfig.EXAMPLE_MAX_BYTES),
                null,
                false,
                config.changeEvents() != null);
    }

    /** A reader of labels. @param keyless the model of records without key, or empty if they are rejected */
    static RecordReader ofLabels(SchemaSource schemas, ThalwegConfig config, String keyless) {
        return new RecordReader(schemas, config, config.labelsMapping(), keyless, null);
    }

    /** A reader of a topic of any Avro records. @param mapping what becomes of them */
    RecordReader(SchemaSource schemas, Mapping mapping, String keyless, int maxBytes) {
        this(
                new MappedDecoder(schemas, mapping),
                mapping,
                new KeyDecoder(KeyFormat.STRING, schemas),
                keyless,
                maxBytes,
                null,
                false,
                false);
    }

    private RecordReader(
            SchemaSource schemas,
            ThalwegConfig config,
            @Nullable Mapping mapping,
            String keyless,
            @Nullable LabelReader labels) {
        this(
                decoder(schemas, config, mapping, labels == null),
                mapping,
                new KeyDecoder(config.keyFormat(), schemas),
                keyless,
                config.getInt(ThalwegConfig.EXAMPLE_MAX_BYTES),
                labels,
                config.outputFormat() == ValueFormat.JSON,
                config.changeEvents() != null && (mapping == null || !mapping.isOfLabels()));
    }

    private RecordReader(
            ValueDecoder decoder,
            @Nullable Mapping mapping,
            KeyDecoder keys,
            String keyless,
            int maxBytes,
            @Nullable LabelReader labels,
            boolean outputsAreJson,
            boolean unwraps) {
        this.keys = keys;
        this.unwraps = unwraps;
        this.outputsAreJson = outputsAreJson;
        this.labels = labels;
        this.decoder = decoder;
        this.mapping = mapping;
        this.keyless = keyless;
        this.maxBytes = maxBytes;
    }

    /** The decoder for the format of the examples, or of the labels if the mapping is theirs. */
    private static ValueDecoder decoder(
            SchemaSource schemas, ThalwegConfig config, @Nullable Mapping mapping, boolean needsLabelField) {
        boolean isOfLabels = mapping != null && mapping.isOfLabels();
        ValueFormat format = isOfLabels ? config.labelsFormat() : config.examplesFormat();
        return decoder(schemas, config, format, mapping, needsLabelField, isOfLabels ? null : config.changeEvents());
    }

    private static ValueDecoder decoder(
            SchemaSource schemas,
            ThalwegConfig config,
            ValueFormat format,
            @Nullable Mapping mapping,
            boolean needsLabelField,
            @Nullable ChangeEvents changes) {
        return switch (format) {
            case AVRO ->
                mapping == null
                        ? new ExampleDecoder(schemas)
                        : new MappedDecoder(schemas, mapping, needsLabelField, changes, false);
            case PROTOBUF -> {
                if (mapping == null) {
                    throw new IllegalArgumentException("Protobuf needs a mapping");
                }
                yield new MappedDecoder(schemas, mapping, needsLabelField, changes, true);
            }
            case JSON -> {
                ValueDecoder json =
                        mapping == null ? new JsonExampleDecoder() : new JsonDecoder(mapping, needsLabelField, changes);
                yield config.getBoolean(ThalwegConfig.JSON_SCHEMA_LOOKUP)
                        ? new JsonSchemaLookup(json, schemas, mapping != null && mapping.isOfLabels())
                        : json;
            }
        };
    }

    /**
     * Creates a reader that reads the model of a record and nothing else, for {@link #model}. The limit on the size of
     * records is the same.
     */
    public static RecordReader ofModels(SchemaSource schemas, ThalwegConfig config) {
        return new RecordReader(schemas, config, Mapping.ofModelOnly(config::getString), "", null);
    }

    /** Creates a reader that reads the model of a label record and nothing else, for {@link #model}. */
    public static RecordReader ofModelsOfLabels(SchemaSource schemas, ThalwegConfig config) {
        return new RecordReader(schemas, config, Mapping.ofModelOfLabels(config::getString), "", null);
    }

    /**
     * Looks up the schema that a value was written with.
     *
     * @return empty if nothing names it
     * @throws UnknownSchemaException if the registry does not know it
     */
    public static Optional<Schema> writerSchema(byte[] value, Headers headers, SchemaSource schemas)
            throws UnknownSchemaException {
        SchemaLocator locator = SchemaLocator.ofValues(false);
        try {
            locator.locate(value, headers);
        } catch (Rejection e) {
            return Optional.empty();
        }
        return Optional.of(locator.key().in(schemas));
    }

    /**
     * Looks up the schema that a value was written with.
     *
     * @param format that of the value, one with schemas
     * @return as Avro; empty if nothing names it
     * @throws UnknownSchemaException if the registry does not know it
     */
    public static Optional<Schema> writerSchema(ValueFormat format, byte[] value, Headers headers, SchemaSource schemas)
            throws UnknownSchemaException {
        return format == ValueFormat.PROTOBUF
                ? MappedDecoder.rewrittenSchema(value, headers, schemas)
                : writerSchema(value, headers, schemas);
    }

    /**
     * The schema that was last registered for the values of a topic.
     *
     * @param format that of the values, one with schemas
     * @param mapping what becomes of the values; null if they are Examples
     * @param changes how change events are read; null if the values are no change events
     * @return as Avro; empty if there is none. Of the messages of a Protobuf schema, the first one that the mapping
     *     fits, or else the first one
     * @throws SchemaSourceException if there is no answer
     */
    public static Optional<Schema> latestSchema(
            ValueFormat format,
            String topic,
            SchemaSource schemas,
            @Nullable Mapping mapping,
            @Nullable ChangeEvents changes) {
        if (format != ValueFormat.PROTOBUF || mapping == null) {
            return schemas.latestSchema(topic);
        }
        List<Schema> messages =
                schemas.latestProtobufSchema(topic).map(ProtobufSchema::messages).orElse(List.of()).stream()
                        .map(MappedDecoder::rewrittenSchema)
                        .toList();
        return messages.stream()
                .filter(message -> mapping.isOfType(message.getFullName()) && fits(message, mapping, changes))
                .findFirst()
                .or(() -> messages.stream().findFirst());
    }

    private static boolean fits(Schema schema, Mapping mapping, @Nullable ChangeEvents changes) {
        try {
            MappedDecoder.summary(schema, mapping, changes);
            return true;
        } catch (MappingException e) {
            return false;
        }
    }

    /**
     * Maps some JSON values of a topic.
     *
     * @return empty if none of them was read because change events are passed over
     * @throws MappingException if none of them has the field of the label, the id, or the model, in one line
     */
    public static Optional<JsonSummary> summary(List<byte[]> values, Mapping mapping, @Nullable ChangeEvents changes) {
        return JsonDecoder.summary(values, mapping, changes);
    }

    /** What the first categories of each field are like; empty if records are not mapped. */
    public Map<String, CategorySample> categories() {
        return decoder.categories();
    }

    /** The kinds of input records. */
    public enum InputKind {
        /** An example, with a label or without. */
        EXAMPLE,
        /** A label of an event that came on another topic. */
        LABEL,
        /** A record that deletes a model. */
        DELETION,
        /** An event of a type that is passed over. */
        OF_OTHER_TYPE
    }

    /**
     * Reads a record.
     *
     * @param x is filled if the record is an example; with id, label and importance (NaN if there is none) if it is a
     *     label; unusable otherwise
     * @return the kind of record; {@link #modelId()} is the model that it is for
     * @throws Rejection if it cannot be read, or does not name a model
     */
    public InputKind read(InputRecord record, Example x) throws Rejection {
        if (record.isLabel() && labels != null) {
            modelId = labels.read(record, x);
            if (outputsAreJson) {
                checkId(x.id());
            }
            return InputKind.LABEL;
        }
        byte[] key = record.sourceKey();
        byte[] value = record.value();
        checkSize(key, value, record.sourceHeaders());
        if (value == null) {
            if (unwraps) {
                return InputKind.OF_OTHER_TYPE;
            }
            modelId = deleted(key, record.sourceHeaders());
            return InputKind.DELETION;
        }
        if (decoder.canPassOver()) {
            // first: the key of another type may be no model id
            checkSchemaKnown(record, value);
            if (decoder.isPassedOver(value, record.sourceHeaders())) {
                return InputKind.OF_OTHER_TYPE;
            }
        }
        checkKeySchemaKnown(record);
        String known = known(key, record.sourceHeaders());
        checkSchemaKnown(record, value);
        modelId = example(value, record.sourceHeaders(), known, x);
        if (outputsAreJson) {
            checkId(x.id());
            checkNames(x);
        }
        return InputKind.EXAMPLE;
    }

    /**
     * Rejects an id that JSON cannot repeat, or that would make the prediction too large: in JSON, a character can take
     * six.
     */
    private void checkId(byte @Nullable [] id) throws Rejection {
        if (id != null && !isUtf8(id, 0, id.length)) {
            throw new Rejection(Reason.UNREADABLE, "the id is not UTF-8, and cannot be written in JSON");
        }
        if (id == null || LONGEST_ESCAPE * id.length <= maxBytes) {
            return;
        }
        long size = 0;
        for (byte b : id) {
            size += b >= 0 && b < ' ' ? LONGEST_ESCAPE : b == '"' || b == '\\' ? 2 : 1;
        }
        if (size > maxBytes) {
            throw new Rejection(
                    Reason.TOO_LARGE,
                    "the id takes " + size + " bytes in JSON, more than example.max.bytes = " + maxBytes);
        }
    }

    /** Rejects names of features that JSON cannot repeat. */
    private static void checkNames(Example x) throws Rejection {
        for (int k = 0; x.form() == FeatureForm.NAMED && k < x.size(); k++) {
            int from = x.nameStart(k);
            if (!isUtf8(x.names(), from, from + x.nameLength(k))) {
                throw new Rejection(
                        Reason.UNREADABLE,
                        "feature %s is not UTF-8, and cannot be written in JSON".formatted(x.name(k)));
            }
        }
    }

    private static boolean isUtf8(byte[] text, int from, int to) {
        for (int i = from; i < to; i++) {
            if (text[i] < 0) {
                // decoding replaces invalid UTF-8, so only valid bytes come back unchanged
                byte[] decoded =
                        new String(text, from, to - from, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
                return Arrays.equals(decoded, 0, decoded.length, text, from, to);
            }
        }
        return true;
    }

    /** Rejects a record of which a replay knows that the registry did not know a schema, and whose key has one. */
    void checkKeySchemaKnown(InputRecord record) throws Rejection {
        if (record.schemaWasUnknown() && keys.format() == KeyFormat.AVRO) {
            throw new Rejection(Reason.UNKNOWN_SCHEMA, "as its dead letter says");
        }
    }

    /** Rejects a record of which a replay knows that the registry did not know its schema id. */
    static void checkSchemaKnown(InputRecord record, byte[] value) throws Rejection {
        if (record.schemaWasUnknown() && SchemaLocator.isNamed(value, record.sourceHeaders())) {
            throw new Rejection(Reason.UNKNOWN_SCHEMA, "as its dead letter says");
        }
    }

    /** The model that the last record is for. Not valid after a rejection. */
    public String modelId() {
        return modelId;
    }

    /**
     * Reads the model that a record is for.
     *
     * @param x is unusable afterwards
     * @return null if the record is of a type that is passed over
     * @throws Rejection if the record does not name a model, or is too large
     */
    public @Nullable String model(byte @Nullable [] key, byte @Nullable [] value, Headers headers, Example x)
            throws Rejection {
        checkSize(key, value, headers);
        if (isPassedOver(value, headers)) {
            return null;
        }
        if (value == null) {
            return deleted(key, headers);
        }
        String known = known(key, headers);
        return known == null ? example(value, headers, null, x) : known;
    }

    /**
     * The model that a record is for, as far as that is known without reading its value.
     *
     * @return null if the value names the model, so that {@link #example} returns it
     * @throws Rejection if the record is too large, or does not name a model
     */
    public @Nullable String modelId(byte @Nullable [] key, byte @Nullable [] value, Headers headers) throws Rejection {
        checkSize(key, value, headers);
        return value == null ? deleted(key, headers) : known(key, headers);
    }

    /** The model that a record without a value deletes. */
    private String deleted(byte @Nullable [] key, Headers headers) throws Rejection {
        if (mapping != null && !mapping.isModelFromKey()) {
            throw new Rejection(
                    Reason.NO_VALUE,
                    "the record has no value; that deletes a model only if " + mapping.setting(Mapping.MODEL)
                            + " is key");
        }
        return ofKey(key, headers);
    }

    /** The model of a record with a value; null if the value names it. */
    private @Nullable String known(byte @Nullable [] key, Headers headers) throws Rejection {
        return mapping == null || mapping.isModelFromKey() ? ofKey(key, headers) : mapping.fixedModel();
    }

    private String ofKey(byte @Nullable [] key, Headers headers) throws Rejection {
        if (key == null) {
            if (keyless.isEmpty()) {
                throw new Rejection(
                        Reason.NO_KEY,
                        "the record has no key, but the topic has more than one partition; use the model id as the"
                                + " record key");
            }
            return keyless;
        }
        byte[] id = keys.decode(key, headers);
        return parse(id, id.length, KEY);
    }

    /**
     * Decodes the example in a value.
     *
     * @param modelId what {@link #modelId} returned
     * @return the model that the record is for
     * @throws Rejection if that is not possible
     */
    public String example(byte[] value, Headers headers, @Nullable String modelId, Example x) throws Rejection {
        decoder.decode(value, headers, x);
        return modelId == null ? inField() : modelId;
    }

    /** Decodes the example in a value of a record without headers, as above. */
    public String example(byte[] value, @Nullable String modelId, Example x) throws Rejection {
        return example(value, ValueDecoder.NO_HEADERS, modelId, x);
    }

    /**
     * Returns whether a record is an event that is passed over.
     *
     * @throws Rejection if that cannot be found out
     */
    public boolean isPassedOver(byte @Nullable [] value, Headers headers) throws Rejection {
        return value == null ? unwraps : decoder.canPassOver() && decoder.isPassedOver(value, headers);
    }

    /** The model that a field of the last value names. */
    private String inField() throws Rejection {
        if (mapping == null) {
            throw new IllegalArgumentException("an Example does not name its model");
        }
        String field = "field " + mapping.modelField();
        if (decoder.modelLength() < 0) {
            throw new Rejection(
                    Reason.NO_KEY, field + ", which " + mapping.setting(Mapping.MODEL) + " names, is null or missing");
        }
        return parse(decoder.model(), decoder.modelLength(), field);
    }

    private void checkSize(byte @Nullable [] key, byte @Nullable [] value, Headers headers) throws Rejection {
        long size = size(key, value, headers);
        if (size > maxBytes) {
            throw new Rejection(
                    Reason.TOO_LARGE, "the record has " + size + " bytes, more than example.max.bytes = " + maxBytes);
        }
    }

    /**
     * The number of bytes of key, value and headers. A header is its name and its value, each after its length, as it
     * is sent.
     */
    public static long size(byte @Nullable [] key, byte @Nullable [] value, Headers headers) {
        long size = (long) length(key) + length(value);
        for (Header header : headers) {
            int name = Utils.utf8Length(header.key());
            int content = length(header.value());
            size += varint(name) + name + varint(content) + content;
        }
        return size;
    }

    /** How many bytes a length takes on the wire: seven bits each, after a bit for the sign. */
    private static int varint(int length) {
        int bits = Integer.SIZE - Integer.numberOfLeadingZeros(length << 1);
        return Math.max(1, (bits + 6) / 7);
    }

    private static int length(byte @Nullable [] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    /** @param what what the bytes are, for messages */
    private String parse(byte[] bytes, int length, String what) throws Rejection {
        String known = ids.get(bytes, length);
        if (known != null) {
            return known;
        }
        if (length == 0 || length > LONGEST_MODEL_ID) {
            throw new Rejection(
                    Reason.BAD_KEY,
                    what + " has " + length + " bytes; a model id has 1 to " + LONGEST_MODEL_ID + " bytes of UTF-8");
        }
        byte[] key = Arrays.copyOf(bytes, length);
        String id = new String(key, StandardCharsets.UTF_8);
        if (!isUtf8(key, 0, length)) {
            throw new Rejection(Reason.BAD_KEY, what + " is not UTF-8; a model id is a string" + otherwise(what));
        }
        if (id.indexOf('\0') >= 0) {
            throw new Rejection(
                    Reason.BAD_KEY,
                    what
                            + " contains a NUL character, as numbers and Avro keys do; a model id is text without it"
                            + otherwise(what));
        }
        ids.put(key, id);
        return id;
    }

    /** Says what to do with keys that are no model ids. */
    private String otherwise(String what) {
        return what.equals(KEY) && mapping != null
                ? "; if keys are not model ids, set %s=fixed:NAME for one model, or %1$s=field:NAME"
                        .formatted(mapping.setting(Mapping.MODEL))
                : "";
    }
}
