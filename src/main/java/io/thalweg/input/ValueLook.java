package io.thalweg.input;

import com.fasterxml.jackson.core.JsonParser;
import io.thalweg.config.ValueFormat;
import io.thalweg.math.Rejection;
import java.io.IOException;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

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

    /** The format that values of this look have; null if it is not known. */
    public @Nullable ValueFormat format() {
        return switch (this) {
            case JSON, FRAMED_JSON -> ValueFormat.JSON;
            case FRAMED, WITH_HEADER -> ValueFormat.AVRO;
            case OTHER -> null;
        };
    }

    /** Returns what a value looks like. */
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
