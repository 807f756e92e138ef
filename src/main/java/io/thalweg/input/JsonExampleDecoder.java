package io.thalweg.input;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.header.Headers;

/**
 * Decodes an Example that is written as JSON, with the same fields as in Avro: {@code id}, {@code label}, {@code
 * importance} and {@code features}. Dense features are a list, named ones an object, and sparse ones an object with the
 * lists {@code indices} and {@code values}. Not thread-safe.
 */
final class JsonExampleDecoder implements ValueDecoder {
    private static final int ID = 1;
    private static final int LABEL = 2;
    private static final int IMPORTANCE = 4;
    private static final int FEATURES = 8;

    private final JsonInput json = new JsonInput();

    @Override
    public void decode(byte[] value, Headers headers, Example x) throws Rejection {
        try {
            read(value, x);
        } catch (Rejection e) {
            throw JsonInput.withFormat(e, value, headers, false);
        }
    }

    private void read(byte[] value, Example x) throws Rejection {
        x.clear();
        try (JsonParser in = json.open(value, JsonInput.begin(value), value.length)) {
            JsonInput.beginObject(in);
            int seen = 0;
            for (String field = in.nextFieldName(); field != null; field = in.nextFieldName()) {
                int bit = switch (field) {
                    case "id" -> ID;
                    case "label" -> LABEL;
                    case "importance" -> IMPORTANCE;
                    case "features" -> FEATURES;
                    default ->
                        throw unfit("an Example has no field " + ExampleDecoder.brief(field)
                                + "; if the values are events, say what the label is with the setting label");
                };
                if ((seen & bit) != 0) {
                    throw JsonInput.twice(field);
                }
                seen |= bit;
                JsonToken token = in.nextToken();
                if (bit == FEATURES) {
                    features(in, token, x);
                } else if (token != JsonToken.VALUE_NULL) {
                    single(in, token, bit, x);
                }
            }
            JsonInput.end(in);
        } catch (IOException | IllegalStateException e) {
            throw JsonInput.unreadable(e);
        }
    }

    private void single(JsonParser in, JsonToken token, int field, Example x) throws IOException, Rejection {
        if (field == ID) {
            if (token != JsonToken.VALUE_STRING && token != JsonToken.VALUE_NUMBER_INT) {
                throw unfit("field id is not text");
            }
            json.clearText();
            int from = json.readText(in);
            byte[] id = new byte[json.textEnd() - from];
            System.arraycopy(json.text(), from, id, 0, id.length);
            x.id(id);
        } else if (field == LABEL) {
            x.label(
                    token == JsonToken.VALUE_TRUE || token == JsonToken.VALUE_FALSE
                            ? token == JsonToken.VALUE_TRUE ? 1 : 0
                            : number(in, token, "label"));
        } else {
            x.importance(number(in, token, "importance"));
        }
    }

    private void features(JsonParser in, JsonToken token, Example x) throws IOException, Rejection {
        switch (token) {
            case VALUE_NULL -> {
                // without features, which the validator says
            }
            case START_ARRAY -> {
                x.form(FeatureForm.DENSE);
                values(in, x);
            }
            case START_OBJECT -> byKey(in, x);
            default -> throw unfit("field features is neither a list nor an object");
        }
    }

    private void byKey(JsonParser in, Example x) throws IOException, Rejection {
        boolean sparse = false;
        boolean first = true;
        int seen = 0;
        for (String key = in.nextFieldName(); key != null; key = in.nextFieldName()) {
            JsonToken token = in.nextToken();
            if (first) {
                sparse = token == JsonToken.START_ARRAY;
                x.form(sparse ? FeatureForm.SPARSE : FeatureForm.NAMED);
                first = false;
            }
            if (!sparse) {
                byte[] name = key.getBytes(StandardCharsets.UTF_8);
                x.addNamed(name, 0, name.length, number(in, token, "features." + key));
                continue;
            }
            int bit = key.equals("indices") ? 1 : key.equals("values") ? 2 : 0;
            if (bit == 0 || token != JsonToken.START_ARRAY) {
                throw unfit("sparse features are the lists indices and values");
            } else if ((seen & bit) != 0) {
                throw JsonInput.twice("features." + key);
            }
            seen |= bit;
            if (bit == 1) {
                indices(in, x);
            } else {
                values(in, x);
            }
        }
        if (first) {
            x.form(FeatureForm.NAMED);
        }
    }

    private static void indices(JsonParser in, Example x) throws IOException, Rejection {
        for (JsonToken token = in.nextToken(); token != JsonToken.END_ARRAY; token = in.nextToken()) {
            if (token != JsonToken.VALUE_NUMBER_INT || in.getNumberType() != JsonParser.NumberType.INT) {
                throw unfit("an index is not a whole number of 32 bits");
            }
            x.addIndex(in.getIntValue());
        }
    }

    private static void values(JsonParser in, Example x) throws IOException, Rejection {
        for (JsonToken token = in.nextToken(); token != JsonToken.END_ARRAY; token = in.nextToken()) {
            x.addValue(number(in, token, "features"));
        }
    }

    private static double number(JsonParser in, JsonToken token, String field) throws IOException, Rejection {
        if (token != JsonToken.VALUE_NUMBER_INT && token != JsonToken.VALUE_NUMBER_FLOAT) {
            throw unfit("field " + ExampleDecoder.brief(field) + " is not a number");
        }
        return in.getDoubleValue();
    }

    private static Rejection unfit(String why) {
        return new Rejection(Reason.UNREADABLE, "the value cannot be read as an Example: " + why);
    }
}
