package io.thalweg.input;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * Finds which schema a key or a value was written with. As Confluent's deserializers do, it looks at the header first,
 * where a byte 1 precedes a GUID of 16 bytes and a byte 0 an id of 4, and then at the frame before the contents: a zero
 * byte and an id of 4 bytes. Not thread-safe.
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

    private final String header;
    /** The setting of the format, for messages. */
    private final String setting;

    private boolean isGuid;
    private long high;
    private long low;
    private int begin;

    private SchemaLocator(String header, String setting) {
        this.header = header;
        this.setting = setting;
    }

    /** Creates a locator for values of the examples topic, or of the labels topic. */
    static SchemaLocator ofValues(boolean areLabels) {
        return new SchemaLocator(VALUE_HEADER, areLabels ? ThalwegConfig.LABELS_FORMAT : ThalwegConfig.EXAMPLES_FORMAT);
    }

    /** Creates a locator for keys. */
    static SchemaLocator ofKeys() {
        return new SchemaLocator(KEY_HEADER, ThalwegConfig.KEY_FORMAT);
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
            return;
        }
        byte[] bytes = found.value();
        begin = 0;
        if (bytes != null && bytes.length == GUID_HEADER && bytes[0] == GUID) {
            set(true, (long) LONG.get(bytes, 1), (long) LONG.get(bytes, 9));
        } else if (bytes != null && bytes.length == FRAME && bytes[0] == ID) {
            set(false, 0, (int) INT.get(bytes, 1));
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

    /** Whether the schema of the last value is known by this key. */
    boolean isAt(SchemaKey key) {
        return key.low() == low && key.high() == high && key.isGuid() == isGuid;
    }

    /** What the schema of the last value is known by. */
    SchemaKey key() {
        return new SchemaKey(isGuid, high, low);
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
                    .formatted(setting, ValueFormat.AVRO, ValueFormat.JSON);
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
