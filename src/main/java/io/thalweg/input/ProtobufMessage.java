package io.thalweg.input;

import java.util.List;

/** A type of Protobuf messages. Types can refer to each other and to themselves. */
public final class ProtobufMessage {
    private final String name;
    private List<ProtobufField> fields = List.of();
    private List<ProtobufMessage> nested = List.of();

    /** @param name the full name, with package and enclosing messages */
    public ProtobufMessage(String name) {
        this.name = name;
    }

    /** Completes the type, before anybody reads it. @param messages the types that are declared in it */
    public void complete(List<ProtobufField> ofFields, List<ProtobufMessage> messages) {
        fields = List.copyOf(ofFields);
        nested = List.copyOf(messages);
    }

    /** The full name, with package and enclosing messages. */
    public String name() {
        return name;
    }

    /** The fields in the order of the schema. */
    public List<ProtobufField> fields() {
        return fields;
    }

    /** The messages that are declared in this one, in the order of the schema. */
    public List<ProtobufMessage> nested() {
        return nested;
    }

    @Override
    public String toString() {
        return name;
    }
}
