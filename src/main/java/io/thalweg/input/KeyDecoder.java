package io.thalweg.input;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.thalweg.config.KeyFormat;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.kafka.common.header.Headers;

/** Decodes the keys of records into model ids, as UTF-8. Not thread-safe. */
final class KeyDecoder {
    private static final String NEED = "a model id is text or a whole number, or the only field of what the key is";

    private final KeyFormat format;
    private final SchemaSource schemas;
    private final JsonInput json = new JsonInput();
    private final SchemaLocator locator = SchemaLocator.ofKeys();
    private final BoundedDecoder avro = new BoundedDecoder();
    private final Map<SchemaKey, ValueReader> readers = new HashMap<>();
    private byte[] found = {};

    private final ValueSinks sinks =
            new ValueSinks(null, number -> found = digits(number), this::text, null, this::text, () -> {
                throw bad("is null");
            });

    KeyDecoder(KeyFormat format, SchemaSource schemas) {
        this.format = format;
        this.schemas = schemas;
    }

    KeyFormat format() {
        return format;
    }

    /**
     * Decodes a key.
     *
     * @throws Rejection if it is not in the format of the settings, or names no model
     */
    byte[] decode(byte[] key, Headers headers) throws Rejection {
        return switch (format) {
            case STRING -> key;
            case LONG -> {
                if (key.length != Long.BYTES) {
                    throw bad("has " + key.length + " bytes, but a long has 8");
                }
                yield digits(ByteBuffer.wrap(key).getLong());
            }
            case JSON -> ofJson(key);
            case AVRO -> ofAvro(key, headers);
        };
    }

    private void text(byte[] utf8, int from, int length) {
        found = Arrays.copyOfRange(utf8, from, from + length);
    }

    private static byte[] digits(long number) {
        return Long.toString(number).getBytes(StandardCharsets.UTF_8);
    }

    private Rejection bad(String why) {
        return new Rejection(Reason.BAD_KEY, "the key " + why + " (key.format is " + format + ")");
    }

    private byte[] ofJson(byte[] key) throws Rejection {
        try (JsonParser in = json.open(key, JsonInput.begin(key), key.length)) {
            in.nextToken();
            byte[] id = single(in);
            if (in.nextToken() != null) {
                throw bad("has something behind its end");
            }
            return id;
        } catch (IOException | IllegalStateException e) {
            throw bad("is not JSON");
        } catch (Rejection e) {
            throw e.reason() == Reason.UNREADABLE ? bad("is not JSON") : e;
        }
    }

    /** Reads text or a whole number, or the only field of an object that is one. */
    private byte[] single(JsonParser in) throws IOException, Rejection {
        JsonToken token = in.currentToken();
        if (token == JsonToken.VALUE_STRING || token == JsonToken.VALUE_NUMBER_INT) {
            json.clearText();
            int from = json.readText(in);
            return Arrays.copyOfRange(json.text(), from, json.textEnd());
        }
        if (token != JsonToken.START_OBJECT) {
            throw bad("names no model; " + NEED);
        }
        byte[] id = null;
        boolean hasSchema = false;
        for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
            in.nextToken();
            if (name.equals("schema") && in.currentToken() != JsonToken.VALUE_STRING && !hasSchema) {
                // beside it is the payload
                JsonInput.skip(in);
                hasSchema = true;
            } else if (id != null) {
                throw bad("has several fields; " + NEED);
            } else {
                id = single(in);
            }
        }
        if (id == null) {
            throw bad("has no fields; " + NEED);
        }
        return id;
    }

    private byte[] ofAvro(byte[] key, Headers headers) throws Rejection {
        try {
            locator.locate(key, headers);
        } catch (Rejection e) {
            throw bad("does not begin with a zero byte and a schema id");
        }
        SchemaKey of = locator.key();
        ValueReader reader = readers.get(of);
        if (reader == null) {
            try {
                reader = reader(of.in(schemas), 0);
            } catch (UnknownSchemaException e) {
                throw new Rejection(Reason.UNKNOWN_SCHEMA, "of the key: " + ExampleDecoder.brief(e.getMessage()));
            }
            readers.put(of, reader);
        }
        avro.reset(key, locator.begin());
        try {
            reader.read(avro);
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException e) {
            throw bad("cannot be read with " + of + ": " + ExampleDecoder.brief(e.getMessage()));
        }
        if (avro.remaining() > 0) {
            throw bad("has " + avro.remaining() + " bytes left over");
        }
        return found;
    }

    private ValueReader reader(Schema schema, int depth) throws Rejection {
        if (schema.getType() == Schema.Type.RECORD && schema.getFields().size() == 1 && depth < 10) {
            return reader(schema.getFields().get(0).schema(), depth + 1);
        }
        if (schema.getType() == Schema.Type.UNION) {
            ValueReader[] branches = new ValueReader[schema.getTypes().size()];
            for (int i = 0; i < branches.length; i++) {
                branches[i] = reader(schema.getTypes().get(i), depth + 1);
            }
            return ValueReaders.union(branches);
        }
        ValueReader single = ValueReaders.of(schema, sinks);
        if (single == null) {
            throw bad("is " + SchemaWords.a(schema) + "; " + NEED);
        }
        return single;
    }
}
