package io.thalweg.input;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.utils.Utils;

/**
 * From a record of the examples topic to a model id and an example, or to the reason why not. Both the topology and an
 * audit take records in through here. Not thread-safe.
 */
public final class RecordReader {
    /** The longest model id, in bytes of UTF-8. */
    public static final int LONGEST_MODEL_ID = 1024;

    private final ExampleDecoder decoder;
    private final MappedDecoder mapped;
    private final Mapping mapping;
    private final String keyless;
    private final int maxBytes;

    private String modelId;

    private byte[] lastKey;
    private String lastModelId;

    /**
     * A reader of a topic of Examples.
     *
     * @param keyless the model of records without key, or empty if they are rejected
     * @param maxBytes the limit on key, value and headers together
     */
    public RecordReader(SchemaSource schemas, String keyless, int maxBytes) {
        this(schemas, null, keyless, maxBytes);
    }

    /** A reader as the settings say. @param keyless the model of records without key, or empty if they are rejected */
    public RecordReader(SchemaSource schemas, ThalwegConfig config, String keyless) {
        this(
                schemas,
                config.isMapped() ? config.mapping() : null,
                keyless,
                config.getInt(ThalwegConfig.EXAMPLE_MAX_BYTES));
    }

    /** A reader of a topic of any records. @param mapping what becomes of them; null if they are Examples */
    RecordReader(SchemaSource schemas, Mapping mapping, String keyless, int maxBytes) {
        this.mapping = mapping;
        this.decoder = mapping == null ? new ExampleDecoder(schemas) : null;
        this.mapped = mapping == null ? null : new MappedDecoder(schemas, mapping);
        this.keyless = keyless;
        this.maxBytes = maxBytes;
    }

    /**
     * A reader that takes the model of a record and nothing else, under the same limit on its size, for {@link #model}.
     */
    public static RecordReader ofModels(SchemaSource schemas, ThalwegConfig config) {
        return new RecordReader(
                schemas, Mapping.ofModelOnly(config::getString), "", config.getInt(ThalwegConfig.EXAMPLE_MAX_BYTES));
    }

    /** What a record of the input is. */
    public enum InputKind {
        /** An example, with a label or without. */
        EXAMPLE,
        /** It deletes a model. */
        DELETION
    }

    /**
     * Reads a record.
     *
     * @param x filled if it is an example; of no use otherwise
     * @return what it is; {@link #modelId()} is the model that it is for
     * @throws Rejection if it cannot be read, or names no model
     */
    public InputKind read(InputRecord record, Example x) throws Rejection {
        byte[] value = record.value();
        modelId = modelId(record.sourceKey(), value, record.sourceHeaders());
        if (value == null) {
            return InputKind.DELETION;
        }
        if (record.schemaWasUnknown() && value.length >= ExampleDecoder.HEADER && value[0] == 0) {
            throw new Rejection(Reason.UNKNOWN_SCHEMA, "as its dead letter says");
        }
        modelId = example(value, modelId, x);
        return InputKind.EXAMPLE;
    }

    /** The model that the record is for that was read last. */
    public String modelId() {
        return modelId;
    }

    /** The model of a record. @param x of no use afterwards @throws Rejection if it names none, or is too large */
    public String model(byte[] key, byte[] value, Headers headers, Example x) throws Rejection {
        String modelId = modelId(key, value, headers);
        return modelId == null ? example(value, null, x) : modelId;
    }

    /**
     * The model that a record is for, as far as can be told without reading its value.
     *
     * @return null if the value says it, and {@link #example} will
     * @throws Rejection if it is too large, or names no model
     */
    public String modelId(byte[] key, byte[] value, Headers headers) throws Rejection {
        checkSize(key, value, headers);
        if (mapping != null && !mapping.isModelFromKey()) {
            if (value == null) {
                throw new Rejection(
                        Reason.NO_VALUE,
                        "the record has no value; only where model.from is key does that delete a model");
            }
            return mapping.fixedModel();
        }
        if (key == null) {
            if (keyless.isEmpty()) {
                throw new Rejection(
                        Reason.NO_KEY,
                        "the record has no key, and the topic more than one partition; use the model id as key");
            }
            return keyless;
        }
        return parse(key, key.length, "the key");
    }

    /**
     * Reads the example in a value.
     *
     * @param modelId what {@link #modelId} gave
     * @return the model that the record is for
     * @throws Rejection if that cannot be done
     */
    public String example(byte[] value, String modelId, Example x) throws Rejection {
        if (mapped == null) {
            decoder.decode(value, x);
            return modelId;
        }
        mapped.decode(value, x);
        if (modelId != null) {
            return modelId;
        }
        if (mapped.modelLength() < 0) {
            throw new Rejection(
                    Reason.NO_KEY, "field " + mapping.modelField() + ", which model.from names, is null or not there");
        }
        return parse(mapped.model(), mapped.modelLength(), "field " + mapping.modelField());
    }

    private void checkSize(byte[] key, byte[] value, Headers headers) throws Rejection {
        long size = size(key, value, headers);
        if (size > maxBytes) {
            throw new Rejection(
                    Reason.TOO_LARGE,
                    "the record has " + size + " bytes; example.max.bytes = " + maxBytes + " allows no more");
        }
    }

    /**
     * The bytes of key, value and headers; a header is its name and its value, each after its length, as on the wire.
     */
    public static long size(byte[] key, byte[] value, Headers headers) {
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

    private static int length(byte[] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    /** @param what it is, for messages */
    private String parse(byte[] bytes, int length, String what) throws Rejection {
        if (lastKey != null && Arrays.equals(bytes, 0, length, lastKey, 0, lastKey.length)) {
            return lastModelId;
        }
        if (length == 0 || length > LONGEST_MODEL_ID) {
            throw new Rejection(
                    Reason.BAD_KEY,
                    what + " has " + length + " bytes; a model id has 1 to " + LONGEST_MODEL_ID + " bytes of UTF-8");
        }
        byte[] key = Arrays.copyOf(bytes, length);
        String id = new String(key, StandardCharsets.UTF_8);
        // decoding replaces what is not UTF-8, so only bytes that are come back the same
        if (!Arrays.equals(key, id.getBytes(StandardCharsets.UTF_8))) {
            throw new Rejection(Reason.BAD_KEY, what + " is not UTF-8; a model id is a string");
        }
        if (id.indexOf('\0') >= 0) {
            throw new Rejection(
                    Reason.BAD_KEY,
                    what + " holds a NUL character, which separates model and block in the weights topic");
        }
        lastKey = key;
        lastModelId = id;
        return id;
    }
}
