package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.app.view.Printable;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/**
 * Avro records from plain JSON, as people write it. Avro's own JSON names the branch of every union, which no client
 * that is not written for it does. A field that is left out has its default, or is null if it can be.
 *
 * <p>Times can be numbers in the unit of the schema, or text in ISO 8601.
 */
final class JsonRecords {
    /** Fields that may be left out although they have no default; they are then 0, empty, or false. */
    private final Set<String> optional;

    /** @param optional fields that may be left out although they have no default; they are then 0, empty, or false */
    JsonRecords(Set<String> optional) {
        this.optional = optional;
    }

    /**
     * Returns a record.
     *
     * @throws HttpRefusal if the JSON does not fit the schema
     */
    GenericRecord record(Schema schema, JsonNode json) {
        return record(schema, json, "");
    }

    private GenericRecord record(Schema schema, JsonNode json, String path) {
        if (!json.isObject()) {
            throw unfit(path, "an object", json);
        }
        Set<String> unknown = new TreeSet<>();
        json.fieldNames().forEachRemaining(unknown::add);
        GenericRecord record = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
            unknown.remove(field.name());
            JsonNode value = json.get(field.name());
            String name = path.isEmpty() ? field.name() : path + "." + field.name();
            record.put(field.pos(), value == null ? missing(field, name) : value(field.schema(), value, name));
        }
        if (!unknown.isEmpty()) {
            String first = unknown.iterator().next();
            throw new HttpRefusal(
                    422,
                    "the schema %s has no field %s"
                            .formatted(
                                    schema.getFullName(), Printable.of(path.isEmpty() ? first : path + "." + first)));
        }
        return record;
    }

    private Object missing(Schema.Field field, String name) {
        if (field.hasDefaultValue()) {
            return GenericData.get().getDefaultValue(field);
        }
        if (field.schema().isNullable()) {
            return null;
        }
        if (optional.contains(name)) {
            return blank(field.schema());
        }
        throw new HttpRefusal(422, "field %s is missing".formatted(Printable.of(name)));
    }

    private static Object blank(Schema schema) {
        return switch (schema.getType()) {
            case STRING -> "";
            case BOOLEAN -> false;
            case INT -> 0;
            case LONG -> 0L;
            case FLOAT -> 0f;
            case DOUBLE -> 0.0;
            case UNION -> blank(schema.getTypes().get(0));
            case ENUM ->
                new GenericData.EnumSymbol(schema, schema.getEnumSymbols().get(0));
            default -> throw new HttpRefusal(422, "the field of the label is missing");
        };
    }

    private Object value(Schema schema, JsonNode json, String path) {
        return switch (schema.getType()) {
            case UNION -> union(schema, json, path);
            case RECORD -> record(schema, json, path);
            case MAP -> map(schema, json, path);
            case ARRAY -> array(schema, json, path);
            case NULL -> {
                if (!json.isNull()) {
                    throw unfit(path, "null", json);
                }
                yield null;
            }
            case STRING -> {
                if (!json.isTextual()) {
                    throw unfit(path, "text", json);
                }
                yield json.textValue();
            }
            case BOOLEAN -> {
                if (!json.isBoolean()) {
                    throw unfit(path, "true or false", json);
                }
                yield json.booleanValue();
            }
            case DOUBLE -> number(json, path).doubleValue();
            case FLOAT -> number(json, path).floatValue();
            case INT -> {
                long number = whole(schema, json, path);
                if (number != (int) number) {
                    throw unfit(path, "a number of 32 bits", json);
                }
                yield (int) number;
            }
            case LONG -> whole(schema, json, path);
            case ENUM -> {
                if (!json.isTextual() || !schema.hasEnumSymbol(json.textValue())) {
                    throw unfit(path, "one of " + String.join(", ", schema.getEnumSymbols()), json);
                }
                yield new GenericData.EnumSymbol(schema, json.textValue());
            }
            case BYTES -> ByteBuffer.wrap(bytes(schema, json, path));
            case FIXED -> {
                byte[] bytes = bytes(schema, json, path);
                if (bytes.length != schema.getFixedSize()) {
                    throw unfit(path, schema.getFixedSize() + " bytes", json);
                }
                yield new GenericData.Fixed(schema, bytes);
            }
        };
    }

    /** Takes the first branch that fits. */
    private Object union(Schema schema, JsonNode json, String path) {
        HttpRefusal why = null;
        for (Schema branch : schema.getTypes()) {
            try {
                return value(branch, json, path);
            } catch (HttpRefusal e) {
                why = branch.getType() == Schema.Type.NULL && why == null ? null : e;
            }
        }
        throw why == null ? unfit(path, "null", json) : why;
    }

    private Map<String, Object> map(Schema schema, JsonNode json, String path) {
        if (!json.isObject()) {
            throw unfit(path, "an object", json);
        }
        Map<String, Object> map = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : json.properties()) {
            map.put(entry.getKey(), value(schema.getValueType(), entry.getValue(), path + "." + entry.getKey()));
        }
        return map;
    }

    private List<Object> array(Schema schema, JsonNode json, String path) {
        if (!json.isArray()) {
            throw unfit(path, "a list", json);
        }
        List<Object> list = new ArrayList<>(json.size());
        for (JsonNode element : json) {
            list.add(value(schema.getElementType(), element, path + "[" + list.size() + "]"));
        }
        return list;
    }

    private static JsonNode number(JsonNode json, String path) {
        if (!json.isNumber()) {
            throw unfit(path, "a number", json);
        }
        return json;
    }

    private static long whole(Schema schema, JsonNode json, String path) {
        if (json.isTextual() && schema.getLogicalType() != null) {
            try {
                return time(schema.getLogicalType(), json.textValue());
            } catch (DateTimeException | ArithmeticException e) {
                throw unfit(path, "a number, or a time in ISO 8601", json);
            }
        }
        if (!json.isIntegralNumber() || !json.canConvertToLong()) {
            throw unfit(path, "a whole number", json);
        }
        return json.longValue();
    }

    private static long time(LogicalType type, String text) {
        if (type instanceof LogicalTypes.Date) {
            return LocalDate.parse(text).toEpochDay();
        }
        ChronoUnit unit = switch (type.getName()) {
            case "timestamp-millis" -> ChronoUnit.MILLIS;
            case "timestamp-micros" -> ChronoUnit.MICROS;
            case "timestamp-nanos" -> ChronoUnit.NANOS;
            default -> throw new DateTimeException(type.getName());
        };
        return unit.between(Instant.EPOCH, Instant.parse(text));
    }

    private static byte[] bytes(Schema schema, JsonNode json, String path) {
        if (schema.getLogicalType() instanceof LogicalTypes.Decimal decimal && (json.isNumber() || json.isTextual())) {
            try {
                byte[] unscaled = new BigDecimal(json.asText())
                        .setScale(decimal.getScale())
                        .unscaledValue()
                        .toByteArray();
                return schema.getType() == Schema.Type.FIXED ? extended(unscaled, schema.getFixedSize()) : unscaled;
            } catch (ArithmeticException | NumberFormatException e) {
                throw unfit(path, "a number with up to " + decimal.getScale() + " decimals", json);
            }
        }
        if (!json.isTextual()) {
            throw unfit(path, "text", json);
        }
        // as Avro writes bytes in JSON: one character for each
        return json.textValue().getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Returns the same number in more bytes. */
    private static byte[] extended(byte[] number, int length) {
        byte[] extended = new byte[Math.max(length, number.length)];
        Arrays.fill(extended, (byte) (number[0] < 0 ? -1 : 0));
        System.arraycopy(number, 0, extended, extended.length - number.length, number.length);
        return extended;
    }

    private static HttpRefusal unfit(String path, String wanted, JsonNode json) {
        return new HttpRefusal(
                422,
                "%s is %s, but must be %s"
                        .formatted(
                                path.isEmpty() ? "the record" : "field " + Printable.of(path),
                                json.isValueNode()
                                        ? Printable.of(json.toString())
                                        : "a " + json.getNodeType().name().toLowerCase(Locale.ROOT),
                                wanted));
    }
}
