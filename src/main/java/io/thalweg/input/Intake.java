package io.thalweg.input;

import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.utils.ByteUtils;
import org.apache.kafka.common.utils.Utils;

/**
 * From a record of the examples topic to a model id and an example, or to the reason why not. Both the topology and an audit take
 * records in through here. Not thread-safe.
 */
public final class Intake {
    /** The longest model id, in bytes of UTF-8. */
    public static final int LONGEST_MODEL_ID = 1024;

    private final ExampleDecoder decoder;
    private final String keyless;
    private final int maxBytes;

    private byte[] lastKey;
    private String lastModelId;

    /**
     * @param keyless the model of records without key, or empty if they are rejected
     * @param maxBytes the limit on key, value and headers together
     */
    public Intake(SchemaSource schemas, String keyless, int maxBytes) {
        this.decoder = new ExampleDecoder(schemas);
        this.keyless = keyless;
        this.maxBytes = maxBytes;
    }

    /** The model that a record is for. @throws Rejection if it is too large, or its key names none */
    public String modelId(byte[] key, byte[] value, Headers headers) throws Rejection {
        checkSize(key, value, headers);
        if (key == null) {
            if (keyless.isEmpty()) {
                throw new Rejection(
                        Reason.NO_KEY,
                        "the record has no key, and the topic more than one partition; use the model id as key");
            }
            return keyless;
        }
        if (!Arrays.equals(key, lastKey)) {
            lastModelId = parse(key);
            lastKey = key;
        }
        return lastModelId;
    }

    /** Reads the example in a value. @throws Rejection if that cannot be done */
    public void example(byte[] value, Example x) throws Rejection {
        decoder.decode(value, x);
    }

    private void checkSize(byte[] key, byte[] value, Headers headers) throws Rejection {
        long size = size(key, value, headers);
        if (size > maxBytes) {
            throw new Rejection(
                    Reason.TOO_LARGE,
                    "the record has " + size + " bytes; example.max.bytes = " + maxBytes + " allows no more");
        }
    }

    /** The bytes of key, value and headers; a header is its name and its value, each after its length, as on the wire. */
    public static long size(byte[] key, byte[] value, Headers headers) {
        long size = (long) length(key) + length(value);
        for (Header header : headers) {
            int name = Utils.utf8Length(header.key());
            int content = length(header.value());
            size += ByteUtils.sizeOfVarint(name) + name + ByteUtils.sizeOfVarint(content) + content;
        }
        return size;
    }

    private static int length(byte[] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    private static String parse(byte[] key) throws Rejection {
        if (key.length == 0 || key.length > LONGEST_MODEL_ID) {
            throw new Rejection(
                    Reason.BAD_KEY,
                    "the key has " + key.length + " bytes; a model id has 1 to " + LONGEST_MODEL_ID
                            + " bytes of UTF-8");
        }
        String id = new String(key, StandardCharsets.UTF_8);
        // decoding replaces what is not UTF-8, so only bytes that are come back the same
        if (!Arrays.equals(key, id.getBytes(StandardCharsets.UTF_8))) {
            throw new Rejection(Reason.BAD_KEY, "the key is not UTF-8; a model id is a string");
        }
        if (id.indexOf('\0') >= 0) {
            throw new Rejection(
                    Reason.BAD_KEY,
                    "the key holds a NUL character, which separates model and block in the weights topic");
        }
        return id;
    }
}
