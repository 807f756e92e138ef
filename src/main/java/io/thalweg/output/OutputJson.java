package io.thalweg.output;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.specific.SpecificData;
import org.jspecify.annotations.Nullable;

/**
 * The JSON form of the records of topics: an object with the fields of the schema, under their names. Bytes are in
 * Base64. NaN is null, or the text {@code NaN} where null means that there is no number; infinity is the text
 * {@code Infinity} or {@code -Infinity}. A record that is read is equal to the one that was written.
 */
public final class OutputJson {
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxNestingDepth(100).build())
            .disable(JsonFactory.Feature.CHARSET_DETECTION)
            .build();

    private OutputJson() {}

    /** Returns whether a value is JSON. Avro in the frame of a registry begins with a zero byte. */
    public static boolean isJson(byte[] value) {
        return value.length > 0 && value[0] == '{';
    }

    /** Returns a record as JSON in UTF-8. */
    public static byte[] write(IndexedRecord record) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
        try (JsonGenerator out = FACTORY.createGenerator(bytes)) {
            write(record, record.getSchema(), out);
        } catch (IOException e) {
            throw new IllegalStateException("writing to memory", e);
        }
        return bytes.toByteArray();
    }

    private static void write(@Nullable Object value, Schema schema, JsonGenerator out) throws IOException {
        if (value == null) {
            out.writeNull();
        } else if (value instanceof IndexedRecord record) {
            out.writeStartObject();
            for (Schema.Field field : record.getSchema().getFields()) {
                out.writeFieldName(field.name());
                write(record.get(field.pos()), field.schema(), out);
            }
            out.writeEndObject();
        } else if (value instanceof Collection<?> items) {
            out.writeStartArray();
            Schema item = branch(schema, Schema.Type.ARRAY).getElementType();
            for (Object each : items) {
                write(each, item, out);
            }
            out.writeEndArray();
        } else if (value instanceof Map<?, ?> map) {
            out.writeStartObject();
            Schema item = branch(schema, Schema.Type.MAP).getValueType();
            for (Map.Entry<?, ?> each : map.entrySet()) {
                out.writeFieldName(each.getKey().toString());
                write(each.getValue(), item, out);
            }
            out.writeEndObject();
        } else if (value instanceof Double number) {
            if (Double.isFinite(number)) {
                out.writeNumber(number);
            } else if (Double.isNaN(number) && schema.getType() != Schema.Type.UNION) {
                out.writeNull();
            } else {
                out.writeString(number.toString());
            }
        } else if (value instanceof Long number) {
            out.writeNumber(number);
        } else if (value instanceof Integer number) {
            out.writeNumber(number);
        } else if (value instanceof Boolean flag) {
            out.writeBoolean(flag);
        } else if (value instanceof ByteBuffer buffer) {
            byte[] bytes = new byte[buffer.remaining()];
            buffer.duplicate().get(bytes);
            out.writeBinary(bytes);
        } else {
            out.writeString(value.toString());
        }
    }

    /** Returns the branch of a union that has a type, or the schema itself if it is no union. */
    private static Schema branch(Schema schema, Schema.Type type) {
        return schema.getType() != Schema.Type.UNION
                ? schema
                : schema.getTypes().stream()
                        .filter(branch -> branch.getType() == type)
                        .findFirst()
                        .orElseThrow(() -> new AvroRuntimeException("there is no " + type + " in " + schema));
    }

    /**
     * Reads a record of a generated class. Fields that the class does not have are passed over, and those that are
     * missing have their defaults.
     *
     * @throws IOException if it is not JSON
     * @throws AvroRuntimeException if it is not such a record
     */
    public static IndexedRecord read(byte[] value, Schema schema) throws IOException {
        try (JsonParser in = FACTORY.createParser(value)) {
            in.nextToken();
            IndexedRecord record = (IndexedRecord) required(read(in, schema));
            if (in.nextToken() != null) {
                throw new AvroRuntimeException("more follows after its end");
            }
            return record;
        }
    }

    private static Object required(@Nullable Object value) {
        if (value == null) {
            throw new AvroRuntimeException("it is null");
        }
        return value;
    }

    private static @Nullable Object read(JsonParser in, Schema schema) throws IOException {
        JsonToken token = in.currentToken();
        return switch (schema.getType()) {
            case UNION -> token == JsonToken.VALUE_NULL ? null : read(in, fitting(token, schema));
            case RECORD -> record(in, schema);
            case ARRAY -> {
                expect(in, token == JsonToken.START_ARRAY, schema);
                List<@Nullable Object> items = new ArrayList<>();
                while (in.nextToken() != JsonToken.END_ARRAY) {
                    items.add(read(in, schema.getElementType()));
                }
                yield items;
            }
            case MAP -> {
                expect(in, token == JsonToken.START_OBJECT, schema);
                Map<String, @Nullable Object> map = new LinkedHashMap<>();
                for (String key = in.nextFieldName(); key != null; key = in.nextFieldName()) {
                    in.nextToken();
                    map.put(key, read(in, schema.getValueType()));
                }
                yield map;
            }
            case STRING -> {
                expect(in, token == JsonToken.VALUE_STRING, schema);
                yield in.getText();
            }
            case ENUM -> {
                expect(in, token == JsonToken.VALUE_STRING && schema.hasEnumSymbol(in.getText()), schema);
                yield SpecificData.get().createEnum(in.getText(), schema);
            }
            case BYTES -> {
                expect(in, token == JsonToken.VALUE_STRING, schema);
                yield ByteBuffer.wrap(in.getBinaryValue());
            }
            case INT -> {
                expect(in, token == JsonToken.VALUE_NUMBER_INT, schema);
                yield in.getIntValue();
            }
            case LONG -> {
                expect(in, token == JsonToken.VALUE_NUMBER_INT, schema);
                yield in.getLongValue();
            }
            case DOUBLE -> number(in, token, schema);
            case BOOLEAN -> {
                expect(in, token == JsonToken.VALUE_TRUE || token == JsonToken.VALUE_FALSE, schema);
                yield token == JsonToken.VALUE_TRUE;
            }
            default -> throw new AvroRuntimeException("no output contains a " + schema.getType());
        };
    }

    private static double number(JsonParser in, @Nullable JsonToken token, Schema schema) throws IOException {
        if (token == JsonToken.VALUE_NULL) {
            return Double.NaN;
        } else if (token == JsonToken.VALUE_STRING) {
            return switch (in.getText()) {
                case "NaN" -> Double.NaN;
                case "Infinity" -> Double.POSITIVE_INFINITY;
                case "-Infinity" -> Double.NEGATIVE_INFINITY;
                default -> throw new AvroRuntimeException("it has text in place of a number");
            };
        }
        expect(in, token != null && token.isNumeric(), schema);
        // the text, because -0 as a whole number has no sign
        return Double.parseDouble(in.getText());
    }

    private static IndexedRecord record(JsonParser in, Schema schema) throws IOException {
        expect(in, in.currentToken() == JsonToken.START_OBJECT, schema);
        IndexedRecord record = (IndexedRecord) SpecificData.get().newRecord(null, schema);
        boolean[] there = new boolean[schema.getFields().size()];
        for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
            in.nextToken();
            Schema.Field field = schema.getField(name);
            if (field == null) {
                in.skipChildren();
                continue;
            }
            record.put(field.pos(), read(in, field.schema()));
            there[field.pos()] = true;
        }
        for (Schema.Field field : schema.getFields()) {
            if (!there[field.pos()]) {
                record.put(field.pos(), SpecificData.get().getDefaultValue(field));
            }
        }
        return record;
    }

    /** Returns the branch of a union that a value is of, by the kind of its first token. */
    private static Schema fitting(@Nullable JsonToken token, Schema union) {
        for (Schema branch : union.getTypes()) {
            boolean fits = switch (branch.getType()) {
                case ARRAY -> token == JsonToken.START_ARRAY;
                case RECORD, MAP -> token == JsonToken.START_OBJECT;
                case NULL -> false;
                default -> token != JsonToken.START_ARRAY && token != JsonToken.START_OBJECT;
            };
            if (fits) {
                return branch;
            }
        }
        throw new AvroRuntimeException("it has a value of the wrong type");
    }

    private static void expect(JsonParser in, boolean fits, Schema schema) throws IOException {
        if (!fits) {
            throw new AvroRuntimeException("it has no " + schema.getType().getName() + " at "
                    + in.getParsingContext().pathAsPointer());
        }
    }
}
