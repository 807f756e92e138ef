package io.thalweg.input;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A field of a Protobuf message.
 *
 * @param number its number on the wire, from 1
 * @param oneof which of the alternatives (oneof) of the message it belongs to, from 0; below 0 if to none
 * @param message the type of the values if they are messages; of a map, that of its entries, with the fields key and
 *     value. Null otherwise
 * @param symbols the names of the values by their numbers if they are of an enum, in the order of the schema; otherwise
 *     empty
 */
public record ProtobufField(
        String name,
        int number,
        ProtobufType type,
        ProtobufPresence presence,
        int oneof,
        @Nullable ProtobufMessage message,
        Map<Integer, String> symbols) {}
