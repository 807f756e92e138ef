package io.thalweg.output;

import io.thalweg.avro.DeadLetter;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.math.Rejection;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** What is published of a record that could not be used. */
public final class DeadLetters {
    /** What a dead letter has besides the record it repeats, at most: reason, coordinates, headers, Avro's own bytes. */
    private static final int OVERHEAD = 8192;

    private static final String PREFIX = "thalweg.";
    private static final String ROUTED_OFFSET = "routed.offset";

    private final int maxBytes;

    /** @param maxBytes the largest dead letter, key and headers included */
    public DeadLetters(int maxBytes) {
        this.maxBytes = maxBytes;
    }

    /**
     * The letter for a record. It repeats the record, as it was produced, unless the two together would be too large to send, which the
     * topics' limits exclude unless a record was sent compressed; the detail then says where to find it.
     */
    public DeadLetter of(InputRecord record, Rejection rejection) {
        byte[] key = record.sourceKey();
        byte[] value = record.value();
        boolean whole = fits(record);
        return new DeadLetter(
                rejection.reason().name(),
                whole
                        ? rejection.getMessage()
                        : rejection.getMessage() + "; too large to be repeated here, read it where it came from",
                record.sourcePartition().topic(),
                record.sourcePartition().partition(),
                record.sourceOffset(),
                record.timestamp(),
                key == null || !whole ? null : ByteBuffer.wrap(key),
                value == null || !whole ? null : ByteBuffer.wrap(value));
    }

    /** The key to send the letter with: the original one, unless the letter does not repeat the record. */
    public byte[] key(InputRecord record) {
        return fits(record) ? record.sourceKey() : null;
    }

    /**
     * The headers to send the letter with: the original ones if they fit, and reason and coordinates; and, for a record that was sent
     * on, its offset in the topic by model. Of the original ones those are left out whose names begin with {@code thalweg.}: a record
     * may be an earlier dead letter that was produced again, and what was said of that is not true of this one. Key and value stay byte
     * for byte what they were.
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

    /** The offset in the topic by model that the headers of a letter say; below 0 for a record that was not sent on. */
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

    /** Whether the letter can repeat the record. The key counts twice: it is the letter's key and in the letter. */
    private boolean fits(InputRecord record) {
        byte[] key = record.sourceKey();
        long size = RecordReader.size(key, record.value(), record.sourceHeaders()) + (key == null ? 0 : key.length);
        return size + OVERHEAD <= maxBytes;
    }
}
