package io.thalweg.input;

import static io.thalweg.input.ProtobufForm.entry;
import static io.thalweg.input.ProtobufForm.messageOf;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Creates the Avro schemas of the records that Protobuf messages are rewritten to. Messages that are in several others
 * have one schema.
 */
final class RewrittenSchema {
    private final Map<ProtobufMessage, Schema> records = new IdentityHashMap<>();

    /** The schema of a message. */
    Schema of(ProtobufMessage message) {
        Schema known = records.get(message);
        if (known != null) {
            return known;
        }
        Schema record = Schema.createRecord(message.name(), null, null, false);
        records.put(message, record);
        List<Schema.Field> fields = new ArrayList<>();
        for (ProtobufField field : message.fields()) {
            fields.add(new Schema.Field(field.name(), schema(message, field), null, defaultOf(field)));
        }
        record.setFields(fields);
        return record;
    }

    /** The value that a field has if it is absent, for events that are not read from bytes; null if there is none. */
    private static @Nullable Object defaultOf(ProtobufField field) {
        return switch (ProtobufForm.of(field)) {
            case SINGLE -> {
                if (field.presence() != ProtobufPresence.IMPLICIT) {
                    yield null;
                }
                yield switch (field.type()) {
                    case DOUBLE, FLOAT -> 0.0;
                    case BOOL -> false;
                    case STRING, BYTES -> "";
                    case ENUM -> field.symbols().values().stream().findFirst().orElse(null);
                    default -> 0;
                };
            }
            case LIST -> List.of();
            case MAP -> Map.of();
            case LEFT_OUT -> field.presence() == ProtobufPresence.MAP ? Map.of() : List.of();
            default -> null;
        };
    }

    private Schema schema(ProtobufMessage within, ProtobufField field) {
        return switch (ProtobufForm.of(field)) {
            case SINGLE -> {
                Schema type = scalar(within, field);
                yield !isNullable(field)
                        ? type
                        : isDefaultFirst(field)
                                ? Schema.createUnion(type, Schema.create(Schema.Type.NULL))
                                : nullable(field, type);
            }
            case LIST -> Schema.createArray(item(within, field));
            case MAP -> Schema.createMap(item(within, entry(field, 2)));
            case RECORD -> nullable(field, of(messageOf(field)));
            case TIME -> nullable(field, LogicalTypes.timestampMicros().addToSchema(Schema.create(Schema.Type.LONG)));
            case SECONDS, DECIMAL -> nullable(field, Schema.create(Schema.Type.DOUBLE));
            case WRAPPER ->
                nullable(field, scalar(within, messageOf(field).fields().get(0)));
            case STRUCT -> nullable(field, Schema.createMap(anyValue(Schema.create(Schema.Type.NULL))));
            case ANY_VALUE -> anyValue(nullOf(field));
            case LEFT_OUT ->
                field.presence() == ProtobufPresence.MAP
                        ? Schema.createMap(of(messageOf(entry(field, 2))))
                        : Schema.createArray(of(messageOf(field)));
        };
    }

    private static Schema anyValue(Schema nothing) {
        return Schema.createUnion(
                nothing,
                Schema.create(Schema.Type.DOUBLE),
                Schema.create(Schema.Type.STRING),
                Schema.create(Schema.Type.BOOLEAN));
    }

    private static Schema nullable(ProtobufField field, Schema type) {
        return Schema.createUnion(nullOf(field), type);
    }

    private static Schema nullOf(ProtobufField field) {
        return field.oneof() >= 0 ? SchemaMarks.absent() : Schema.create(Schema.Type.NULL);
    }

    private static Schema item(ProtobufMessage within, ProtobufField field) {
        Schema type = scalar(within, field);
        return field.type() == ProtobufType.ENUM ? Schema.createUnion(Schema.create(Schema.Type.NULL), type) : type;
    }

    private static Schema scalar(ProtobufMessage within, ProtobufField field) {
        return switch (field.type()) {
            case DOUBLE -> Schema.create(Schema.Type.DOUBLE);
            case FLOAT -> Schema.create(Schema.Type.FLOAT);
            case INT32, SINT32, SFIXED32 -> Schema.create(Schema.Type.INT);
            case INT64, SINT64, SFIXED64, UINT32, FIXED32 -> Schema.create(Schema.Type.LONG);
            case UINT64, FIXED64 -> SchemaMarks.unsigned();
            case BOOL -> Schema.create(Schema.Type.BOOLEAN);
            case STRING -> Schema.create(Schema.Type.STRING);
            case BYTES -> Schema.create(Schema.Type.BYTES);
            case ENUM ->
                Schema.createEnum(
                        within.name() + "_" + field.name(),
                        null,
                        null,
                        List.copyOf(field.symbols().values()));
            case MESSAGE -> throw new IllegalArgumentException(field.name() + " is a message");
        };
    }

    /** Whether a field, if it is a single value, can be null. */
    static boolean isNullable(ProtobufField field) {
        // the number of an enum can be one that the schema does not name
        return field.presence() == ProtobufPresence.OPTIONAL || field.type() == ProtobufType.ENUM;
    }

    /** Whether null is the second branch, because the default is of the first one. */
    static boolean isDefaultFirst(ProtobufField field) {
        return field.type() == ProtobufType.ENUM && field.presence() == ProtobufPresence.IMPLICIT;
    }
}
