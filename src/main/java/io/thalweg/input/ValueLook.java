package io.thalweg.input;

import com.fasterxml.jackson.core.JsonParser;
import io.thalweg.config.ValueFormat;
import io.thalweg.math.Rejection;
import java.io.IOException;
import org.apache.kafka.common.header.Headers;

/** What a value looks like, whatever the settings say. */
public enum ValueLook {
    /** A JSON object. */
    JSON("JSON"),
    /** A JSON object in the frame of Confluent's JSON Schema serializer. */
    FRAMED_JSON("JSON in the frame of a schema registry"),
    /** Something else in the frame of a schema registry. */
    FRAMED("values in the frame of a schema registry"),
    /** A value whose schema is named by a header. */
    WITH_HEADER("values with the id of their schema in a header"),
    /** Avro in the frame of a schema registry that knows its schema. */
    FRAMED_AVRO("Avro in the frame of a schema registry"),
    /** Avro whose schema is named by a header, and known. */
    AVRO_WITH_HEADER("Avro with the id of its schema in a header"),
    /** Protobuf in the frame of a schema registry. */
    FRAMED_PROTOBUF("Protobuf in the frame of a schema registry"),
    /** Protobuf whose schema is named by a header. */
    PROTOBUF_WITH_HEADER("Protobuf with the id of its schema in a header"),
    /** None of these. */
    OTHER("values that are neither JSON nor name a schema");

    private final String words;

    ValueLook(String words) {
        this.words = words;
    }

    /** In words, as what a topic holds. */
    public String words() {
        return words;
    }

    /** Whether values of this look can have a format, as far as is known. */
    public boolean canBe(ValueFormat format) {
        return switch (this) {
            case JSON, FRAMED_JSON -> format == ValueFormat.JSON;
            case FRAMED, WITH_HEADER -> format != ValueFormat.JSON;
            case FRAMED_AVRO, AVRO_WITH_HEADER -> format == ValueFormat.AVRO;
            case FRAMED_PROTOBUF, PROTOBUF_WITH_HEADER -> format == ValueFormat.PROTOBUF;
            case OTHER -> false;
        };
    }

    /**
     * Returns what a value looks like.
     *
     * @param schemas tells what the schema is of that the value names, if it knows that schema
     */
    public static ValueLook of(byte[] value, Headers headers, SchemaSource schemas) {
        ValueLook look = of(value, headers);
        if (look != FRAMED && look != WITH_HEADER) {
            return look;
        }
        SchemaLocator locator = SchemaLocator.ofProtobuf(false);
        try {
            locator.locate(value, headers);
            locator.key().protobufIn(schemas);
            return look == FRAMED ? FRAMED_PROTOBUF : PROTOBUF_WITH_HEADER;
        } catch (UnknownSchemaException e) {
            return isAvro(locator.key(), schemas) ? look == FRAMED ? FRAMED_AVRO : AVRO_WITH_HEADER : look;
        } catch (Rejection | SchemaSourceException e) {
            return look;
        }
    }

    private static boolean isAvro(SchemaKey key, SchemaSource schemas) {
        try {
            key.in(schemas);
            return true;
        } catch (UnknownSchemaException | SchemaSourceException e) {
            return false;
        }
    }

    /** Returns what a value looks like, as far as it tells by itself. */
    public static ValueLook of(byte[] value, Headers headers) {
        if (headers.lastHeader(SchemaLocator.VALUE_HEADER) != null && !isJson(value)) {
            return WITH_HEADER;
        }
        boolean isFramed = value.length >= SchemaLocator.FRAME && value[0] == 0;
        if (isJson(value)) {
            return isFramed ? FRAMED_JSON : JSON;
        }
        return isFramed ? FRAMED : OTHER;
    }

    private static boolean isJson(byte[] value) {
        try (JsonParser in = new JsonInput().open(value, JsonInput.begin(value), value.length)) {
            JsonInput.beginObject(in);
            in.skipChildren();
            JsonInput.end(in);
            return true;
        } catch (IOException | IllegalStateException | Rejection e) {
            return false;
        }
    }
}
