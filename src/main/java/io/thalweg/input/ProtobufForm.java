package io.thalweg.input;

/** What a field of a Protobuf message is as Avro. */
enum ProtobufForm {
    /** A number, text, or the like. */
    SINGLE,
    LIST,
    MAP,
    RECORD,
    /** A {@code google.protobuf.Timestamp}: a time. */
    TIME,
    /** A {@code google.protobuf.Duration}: a number of seconds. */
    SECONDS,
    /** A {@code confluent.type.Decimal}: a number. */
    DECIMAL,
    /** One of the messages that only wrap a value. */
    WRAPPER,
    /** A {@code google.protobuf.Struct}: a map of values of any type. */
    STRUCT,
    /** A {@code google.protobuf.Value}: a value of any type. */
    ANY_VALUE,
    /** An empty list or map. */
    LEFT_OUT;

    /** The form of a field. */
    static ProtobufForm of(ProtobufField field) {
        if (field.presence() == ProtobufPresence.MAP) {
            return entry(field, 2).type() == ProtobufType.MESSAGE ? LEFT_OUT : MAP;
        }
        boolean isList = field.presence() == ProtobufPresence.REPEATED;
        if (field.type() != ProtobufType.MESSAGE) {
            return isList ? LIST : SINGLE;
        }
        return isList ? LEFT_OUT : of(messageOf(field));
    }

    /** The form of a single message. */
    static ProtobufForm of(ProtobufMessage message) {
        return switch (message.name()) {
            case "google.protobuf.Timestamp" -> has(message, ProtobufType.INT64, ProtobufType.INT32) ? TIME : RECORD;
            case "google.protobuf.Duration" -> has(message, ProtobufType.INT64, ProtobufType.INT32) ? SECONDS : RECORD;
            case "confluent.type.Decimal" ->
                has(message, ProtobufType.BYTES, ProtobufType.UINT32, ProtobufType.INT32) ? DECIMAL : RECORD;
            case "google.protobuf.DoubleValue" -> wrapper(message, ProtobufType.DOUBLE);
            case "google.protobuf.FloatValue" -> wrapper(message, ProtobufType.FLOAT);
            case "google.protobuf.Int64Value" -> wrapper(message, ProtobufType.INT64);
            case "google.protobuf.UInt64Value" -> wrapper(message, ProtobufType.UINT64);
            case "google.protobuf.Int32Value" -> wrapper(message, ProtobufType.INT32);
            case "google.protobuf.UInt32Value" -> wrapper(message, ProtobufType.UINT32);
            case "google.protobuf.BoolValue" -> wrapper(message, ProtobufType.BOOL);
            case "google.protobuf.StringValue" -> wrapper(message, ProtobufType.STRING);
            case "google.protobuf.BytesValue" -> wrapper(message, ProtobufType.BYTES);
            case "google.protobuf.Struct" -> isStruct(message) ? STRUCT : RECORD;
            case "google.protobuf.Value" -> isAnyValue(message) ? ANY_VALUE : RECORD;
            default -> RECORD;
        };
    }

    private static ProtobufForm wrapper(ProtobufMessage message, ProtobufType type) {
        return has(message, type) ? WRAPPER : RECORD;
    }

    private static boolean isStruct(ProtobufMessage message) {
        return message.fields().size() == 1
                && message.fields().get(0).number() == 1
                && message.fields().get(0).presence() == ProtobufPresence.MAP
                && entry(message.fields().get(0), 1).type() == ProtobufType.STRING
                && entry(message.fields().get(0), 2).type() == ProtobufType.MESSAGE
                && of(messageOf(entry(message.fields().get(0), 2))) == ANY_VALUE;
    }

    private static boolean isAnyValue(ProtobufMessage message) {
        return has(
                message,
                ProtobufType.ENUM,
                ProtobufType.DOUBLE,
                ProtobufType.STRING,
                ProtobufType.BOOL,
                ProtobufType.MESSAGE,
                ProtobufType.MESSAGE);
    }

    /** Whether the fields of a message are single ones of these types, numbered from 1. */
    private static boolean has(ProtobufMessage message, ProtobufType... types) {
        if (message.fields().size() != types.length) {
            return false;
        }
        for (int i = 0; i < types.length; i++) {
            ProtobufField field = message.fields().get(i);
            if (field.number() != i + 1
                    || field.type() != types[i]
                    || field.presence() == ProtobufPresence.REPEATED
                    || field.presence() == ProtobufPresence.MAP) {
                return false;
            }
        }
        return true;
    }

    /** The type of a field that is a message. */
    static ProtobufMessage messageOf(ProtobufField field) {
        if (field.message() == null) {
            throw new IllegalArgumentException(field.name() + " is no message");
        }
        return field.message();
    }

    /** The key (1) or the value (2) of a map. */
    static ProtobufField entry(ProtobufField map, int number) {
        return messageOf(map).fields().get(number - 1);
    }
}
