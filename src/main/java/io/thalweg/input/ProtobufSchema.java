package io.thalweg.input;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A Protobuf schema as a registry has it: the messages that a file declares. */
public final class ProtobufSchema {
    private final List<ProtobufMessage> messages;
    private final int depth;

    /** @param messages those of the top level, in the order of the file; complete */
    public ProtobufSchema(List<ProtobufMessage> messages) {
        this.messages = List.copyOf(messages);
        depth = depth(messages);
    }

    /** The messages of the top level, in the order of the file. */
    public List<ProtobufMessage> messages() {
        return messages;
    }

    /**
     * Finds a message by its indexes, as they are in the frame of values.
     *
     * @param indexes the position of the message at the top level, or of one that it is nested in, and then those of
     *     the messages nested in it
     * @return null if there is none
     */
    @Nullable
    ProtobufMessage message(List<Integer> indexes) {
        List<ProtobufMessage> among = messages;
        ProtobufMessage found = null;
        for (int index : indexes) {
            if (index < 0 || index >= among.size()) {
                return null;
            }
            found = among.get(index);
            among = found.nested();
        }
        return found;
    }

    /** How many messages are declared in each other, at most. */
    int depth() {
        return depth;
    }

    private static int depth(List<ProtobufMessage> messages) {
        int deepest = 0;
        for (ProtobufMessage message : messages) {
            deepest = Math.max(deepest, 1 + depth(message.nested()));
        }
        return deepest;
    }
}
