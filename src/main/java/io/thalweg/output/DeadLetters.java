package io.thalweg.output;

import io.thalweg.avro.DeadLetter;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.math.Rejection;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/** Creates the records of the dead letters topic, for records that could not be used. */
public final class DeadLetters {
    /**
     * The largest size of what a dead letter has besides the repeated record: reason, coordinates, headers, and Avro's
     * own bytes.
     */
    private static final int OVERHEAD = 8192;

    private static final String PREFIX = "thalweg.";
    private static final String ROUTED_OFFSET = "routed.offset";

    private final int maxBytes;
    private final boolean isJson;

    /**
     * Creates a factory, for letters of the size and in the format that the settings say.
     */
    public DeadLetters(ThalwegConfig config) {
        maxBytes = config.getInt(ThalwegConfig.DEAD_LETTERS_MAX_BYTES);
        isJson = config.outputFormat() == ValueFormat.JSON;
    }

    /**
     * Returns the dead letter for a record. It repeats the record as it was produced, unless the result would be too
     * large to send. The limits of the topics rule that out except for records that were sent compressed. The detail
     * then says where to find the record.
     */
    public DeadLetter of(InputRecord record, Rejection rejection) {
        byte[] key = record.sourceKey();
        byte[] value = record.value();
        boolean whole = fits(record);
        return new DeadLetter(
                rejection.reason().name(),
                whole
                        ? rejection.getMessage()
                        : rejection.getMessage()
                                + "; too large to be repeated here, read it at its own topic and offset",
                record.sourcePartition().topic(),
                record.sourcePartition().partition(),
                record.sourceOffset(),
                record.timestamp(),
                key == null || !whole ? null : ByteBuffer.wrap(key),
                value == null || !whole ? null : ByteBuffer.wrap(value));
    }

    /** Returns the key of the dead letter: that of the record, or null if the letter does not repeat the record. */
    public byte @Nullable [] key(InputRecord record) {
        return fits(record) ? record.sourceKey() : null;
    }

    /**
     * Returns the headers of the dead letter: those of the record if they fit, reason and coordinates, and for a routed
     * record its offset in the routed topic.
     *
     * <p>Headers of the record whose names begin with {@code thalweg.} are left out. Such a record may be an earlier
     * dead letter that was produced again, and its headers are not true of this one. Key and value are repeated byte
     * for byte.
     */
    public Headers headers(DeadLetter letter, InputRecord record) {
        Headers all = new RecordHeaders();
        if (fits(record)) {
            for (Header header : record.sourceHeaders()) {
                if (!header.key().startsWith(PREFIX)) {
                    all.add(header);
                }
            }
        }
        add(all, "reason", letter.getReason());
        add(all, "detail", letter.getDetail());
        add(all, "topic", letter.getTopic());
        add(all, "partition", String.valueOf(letter.getPartition()));
        add(all, "offset", String.valueOf(letter.getOffset()));
        if (record.wasSentOn()) {
            add(all, ROUTED_OFFSET, String.valueOf(record.offset()));
        }
        return all;
    }

    /**
     * Returns the offset in the routed topic from the headers of a dead letter; −1 for a record that was not routed.
     */
    public static long routedOffset(Headers headers) {
        Header header = headers.lastHeader(PREFIX + ROUTED_OFFSET);
        try {
            return header == null || header.value() == null
                    ? -1
                    : Long.parseLong(new String(header.value(), StandardCharsets.UTF_8));
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private static void add(Headers headers, String name, CharSequence value) {
        headers.add(PREFIX + name, value.toString().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Returns whether the dead letter can repeat the record. The key counts twice, because it is both the key of the
     * letter and a field of it. In JSON, the fields are in Base64.
     */
    private boolean fits(InputRecord record) {
        byte[] key = record.sourceKey();
        byte[] value = record.value();
        int keyLength = key == null ? 0 : key.length;
        long size = RecordReader.size(key, value, record.sourceHeaders()) + keyLength;
        if (isJson) {
            size += ((value == null ? 0L : value.length) + keyLength) / 3;
        }
        return size + OVERHEAD <= maxBytes;
    }
}
