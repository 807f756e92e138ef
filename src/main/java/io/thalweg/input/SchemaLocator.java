package io.thalweg.input;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * Finds which schema a key or a value was written with. As Confluent's deserializers do, it looks at the header first,
 * where a byte 1 precedes a GUID of 16 bytes and a byte 0 an id of 4, and then at the frame before the contents: a zero
 * byte and an id of 4 bytes. If the schema is of Protobuf, either is followed by the indexes of the message: how many
 * there are, and they themselves, as variable-length integers, or a single 0 for the first message. Not thread-safe.
 */
final class SchemaLocator {
    /** How many bytes the frame has. */
    static final int FRAME = 5;

    static final String VALUE_HEADER = "__value_schema_id";
    static final String KEY_HEADER = "__key_schema_id";

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final byte ID = 0;
    private static final byte GUID = 1;
    private static final int GUID_HEADER = 17;

    /** The version of the frame of AWS Glue, and its length: version, compression, and a UUID. */
    private static final int GLUE = 3;

    private static final int GLUE_FRAME = 18;

    /**
     * The most indexes of a message that are not doubtful. The first byte of more can also be that of a message without
     * indexes, which kafkajs's client writes: it begins with the number of a field, which is at least 1, times 8.
     */
    static final int MOST_CERTAIN = 3;

    /** The most indexes of a message. Messages are not nested that deeply. */
    private static final int MOST_INDEXES = 64;

    private final String header;
    /** The setting of the format, for messages. */
    private final String setting;

    private final boolean isOfProtobuf;
    private int[] message = new int[4];
    private int depth;
    private boolean isDoubtful;
    /** What holds the indexes. */
    private byte[] indexes = {};

    private int at;
    private boolean isGuid;
    private long high;
    private long low;
    private int begin;

    private SchemaLocator(String header, String setting, boolean isOfProtobuf) {
        this.header = header;
        this.setting = setting;
        this.isOfProtobuf = isOfProtobuf;
    }

    /** Creates a locator for values of the examples topic, or of the labels topic, that are not Protobuf. */
    static SchemaLocator ofValues(boolean areLabels) {
        return new SchemaLocator(VALUE_HEADER, setting(areLabels), false);
    }

    /** Creates a locator for Protobuf of the examples topic, or of the labels topic. */
    static SchemaLocator ofProtobuf(boolean areLabels) {
        return new SchemaLocator(VALUE_HEADER, setting(areLabels), true);
    }

    /** Creates a locator for keys. */
    static SchemaLocator ofKeys() {
        return new SchemaLocator(KEY_HEADER, ThalwegConfig.KEY_FORMAT, false);
    }

    private static String setting(boolean areLabels) {
        return areLabels ? ThalwegConfig.LABELS_FORMAT : ThalwegConfig.EXAMPLES_FORMAT;
    }

    /**
     * Finds the schema of a value.
     *
     * @throws Rejection if nothing names it
     */
    void locate(byte[] value, Headers headers) throws Rejection {
        Header found = headers.lastHeader(header);
        if (found == null) {
            if (value.length < FRAME || value[0] != 0) {
                throw new Rejection(Reason.UNREADABLE, foreign(value));
            }
            set(false, 0, (int) INT.get(value, 1));
            begin = FRAME;
            if (isOfProtobuf) {
                locateMessage(value, FRAME);
                begin = at;
            }
            return;
        }
        byte[] bytes = found.value();
        begin = 0;
        if (bytes != null && isLength(bytes, GUID_HEADER) && bytes[0] == GUID) {
            set(true, (long) LONG.get(bytes, 1), (long) LONG.get(bytes, 9));
            locateMessageInHeader(bytes, GUID_HEADER);
        } else if (bytes != null && isLength(bytes, FRAME) && bytes[0] == ID) {
            set(false, 0, (int) INT.get(bytes, 1));
            locateMessageInHeader(bytes, FRAME);
        } else {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the header " + header + " has neither a byte 1 and a GUID of 16 bytes, nor a byte 0 and an id of 4"
                            + " bytes");
        }
    }

    private void set(boolean guid, long highBits, long lowBits) {
        isGuid = guid;
        high = highBits;
        low = lowBits;
    }

    private boolean isLength(byte[] bytes, int length) {
        return isOfProtobuf ? bytes.length >= length : bytes.length == length;
    }

    private void locateMessageInHeader(byte[] bytes, int from) throws Rejection {
        if (!isOfProtobuf) {
            return;
        }
        if (bytes.length == from) {
            locateFirst();
            return;
        }
        locateMessage(bytes, from);
        if (isDoubtful ? !readAllIndexes() : at < bytes.length) {
            throw new Rejection(
                    Reason.UNREADABLE, "the header " + header + " does not end with the indexes of a message");
        }
        isDoubtful = false;
    }

    private void locateFirst() {
        depth = 1;
        message[0] = 0;
        isDoubtful = false;
    }

    /** Reads the indexes of the message, unless it is in doubt whether there are any. */
    private void locateMessage(byte[] bytes, int from) throws Rejection {
        indexes = bytes;
        at = from;
        locateFirst();
        int first = from < bytes.length ? bytes[from] : -1;
        if (first == 0) {
            at++;
            return;
        }
        isDoubtful = first < 0 || (first & 1) != 0 || first >> 1 > MOST_CERTAIN;
        if (!isDoubtful && !readIndexes()) {
            throw new Rejection(Reason.UNREADABLE, "the value has damaged indexes of its message");
        }
    }

    /** Whether the last value can begin with its message, without indexes; then that is taken to be the first one. */
    boolean isDoubtful() {
        return isDoubtful;
    }

    /**
     * Reads the indexes of a message that are in doubt.
     *
     * @return null if there are none; otherwise they, and {@link #key} and {@link #begin} take them into account
     */
    @Nullable
    List<Integer> readDoubtful() {
        int from = at;
        if (readIndexes()) {
            begin = at;
            return key().message();
        }
        at = from;
        depth = 1;
        message[0] = 0;
        return null;
    }

    /** Takes the last value for the first message, without indexes. */
    void withoutIndexes() {
        begin = FRAME;
        depth = 1;
        message[0] = 0;
    }

    private boolean readAllIndexes() {
        return readIndexes() && at == indexes.length;
    }

    private boolean readIndexes() {
        int size = readIndex();
        if (size < 1 || size > MOST_INDEXES) {
            return false;
        }
        if (message.length < size) {
            message = new int[size];
        }
        for (int i = 0; i < size; i++) {
            message[i] = readIndex();
            if (message[i] < 0) {
                return false;
            }
        }
        depth = size;
        return true;
    }

    /** Reads an index, as Kafka writes variable-length integers. @return below 0 if it is not one */
    private int readIndex() {
        int zigzag = 0;
        for (int shift = 0; shift < Integer.SIZE && at < indexes.length; shift += 7) {
            byte b = indexes[at++];
            zigzag |= (b & 0x7f) << shift;
            if (b >= 0) {
                return zigzag >>> 1 ^ -(zigzag & 1);
            }
        }
        return -1;
    }

    /** Whether the schema of the last value is known by this key. */
    boolean isAt(SchemaKey key) {
        if (key.low() != low || key.high() != high || key.isGuid() != isGuid) {
            return false;
        }
        if (isOfProtobuf) {
            if (key.message().size() != depth) {
                return false;
            }
            for (int i = 0; i < depth; i++) {
                if (key.message().get(i) != message[i]) {
                    return false;
                }
            }
        }
        return true;
    }

    /** What the schema of the last value is known by. */
    SchemaKey key() {
        List<Integer> path = new ArrayList<>();
        for (int i = 0; isOfProtobuf && i < depth; i++) {
            path.add(message[i]);
        }
        return new SchemaKey(isGuid, high, low, List.copyOf(path));
    }

    /** Where the contents of the last value begin. */
    int begin() {
        return begin;
    }

    /** Whether a value names a schema, so that a registry is asked for it. */
    static boolean isNamed(byte[] value, Headers headers) {
        return value.length >= FRAME && value[0] == 0 || headers.lastHeader(VALUE_HEADER) != null;
    }

    /** Says what a value is that does not begin with a zero byte and a schema id. */
    private String foreign(byte[] value) {
        int first = value.length == 0 ? -1 : value[0] & 0xff;
        if (first == '{') {
            return "the value looks like JSON, and %s is %s; if the topic holds JSON, set %1$s=%s"
                    .formatted(setting, isOfProtobuf ? ValueFormat.PROTOBUF : ValueFormat.AVRO, ValueFormat.JSON);
        }
        String what = first == '['
                ? " and looks like a JSON list, which is not read"
                : first == GLUE && value.length >= GLUE_FRAME
                        ? " and looks like a value of the AWS Glue registry, which is not read"
                        : value.length < FRAME && first == 0 ? " that is complete" : "";
        return "the value does not begin with a zero byte and a schema id" + what
                + "; write it with a Schema Registry serializer";
    }
}
