package io.thalweg.input;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * A record of the input, as the learner reads it, and as it was produced. The two are the same unless it was sent on to
 * the partition of its model: then it was produced elsewhere, perhaps with another key, and a dead letter names it as
 * it was there.
 */
public final class InputRecord {
    private final TopicPartition partition;
    private final long offset;
    private final long timestamp;
    private final byte @Nullable [] key;
    private final byte @Nullable [] value;
    private final Headers headers;
    /** Where it was sent on from; null if it was not. */
    private final @Nullable SourceCoordinates origin;

    private final TopicPartition sourcePartition;
    private final boolean schemaWasUnknown;
    private final boolean isLabel;

    private InputRecord(
            TopicPartition partition,
            long offset,
            long timestamp,
            byte @Nullable [] key,
            byte @Nullable [] value,
            Headers headers,
            @Nullable SourceCoordinates origin,
            boolean schemaWasUnknown,
            boolean isLabel) {
        this.partition = partition;
        this.offset = offset;
        this.timestamp = timestamp;
        this.key = key;
        this.value = value;
        this.headers = headers;
        this.origin = origin;
        sourcePartition = origin == null ? partition : new TopicPartition(origin.topic(), origin.partition());
        this.schemaWasUnknown = schemaWasUnknown;
        this.isLabel = isLabel;
    }

    /** A record of the topic that it was produced to. @param value null deletes a model */
    public static InputRecord produced(
            TopicPartition partition,
            long offset,
            long timestamp,
            byte @Nullable [] key,
            byte @Nullable [] value,
            Headers headers) {
        return new InputRecord(partition, offset, timestamp, key, value, headers, null, false, false);
    }

    /**
     * A record of the topic that records are sent on to. One that something else has written there counts as
     * produced there.
     *
     * @param headers say where it was sent on from: {@link SourceCoordinates#sentOn}
     */
    public static InputRecord sentOn(
            TopicPartition partition,
            long offset,
            long timestamp,
            byte @Nullable [] key,
            byte @Nullable [] value,
            Headers headers) {
        return new InputRecord(
                partition, offset, timestamp, key, value, headers, SourceCoordinates.of(headers), false, false);
    }

    /** A record as a consumer has read it from the topic that it was produced to. */
    public static InputRecord produced(ConsumerRecord<byte[], byte[]> record) {
        return produced(
                new TopicPartition(record.topic(), record.partition()),
                record.offset(),
                record.timestamp(),
                record.key(),
                record.value(),
                record.headers());
    }

    /** A record as a consumer has read it from the topic that records are sent on to. */
    public static InputRecord sentOn(ConsumerRecord<byte[], byte[]> record) {
        return sentOn(
                new TopicPartition(record.topic(), record.partition()),
                record.offset(),
                record.timestamp(),
                record.key(),
                record.value(),
                record.headers());
    }

    /**
     * The same record for a replay that knows that the registry did not know its schema id when the learner read it. It
     * may know it now.
     */
    public InputRecord withUnknownSchema() {
        return new InputRecord(partition, offset, timestamp, key, value, headers, origin, true, isLabel);
    }

    /** The same record, as a label and not as an event. */
    public InputRecord asLabel() {
        return new InputRecord(partition, offset, timestamp, key, value, headers, origin, schemaWasUnknown, true);
    }

    /** Whether it is a label that comes later than its event. */
    public boolean isLabel() {
        return isLabel;
    }

    // ---- as the learner reads it

    /** The partition that it is read from. */
    public TopicPartition partition() {
        return partition;
    }

    /** Its offset in that partition. */
    public long offset() {
        return offset;
    }

    /** Its timestamp, in milliseconds since 1970. */
    public long timestamp() {
        return timestamp;
    }

    /** The key that it is read with; null if it has none. */
    public byte @Nullable [] key() {
        return key;
    }

    /** The value; null if it has none. */
    public byte @Nullable [] value() {
        return value;
    }

    /** The headers that it is read with. */
    public Headers headers() {
        return headers;
    }

    /** Whether it was decided when it was first read that the registry does not know its schema id. */
    boolean schemaWasUnknown() {
        return schemaWasUnknown;
    }

    // ---- as it was produced

    /** Whether it was produced to another partition and sent on to this one. */
    public boolean wasSentOn() {
        return origin != null;
    }

    /** The partition that it was produced to. */
    public TopicPartition sourcePartition() {
        return sourcePartition;
    }

    /** Its offset in the partition that it was produced to. */
    public long sourceOffset() {
        return origin == null ? offset : origin.offset();
    }

    /** The key that it was produced with; null if it had none. */
    public byte @Nullable [] sourceKey() {
        return origin == null ? key : origin.key();
    }

    /** The headers that it was produced with. */
    public Headers sourceHeaders() {
        return origin == null ? headers : origin.headers();
    }
}
