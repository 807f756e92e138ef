package io.thalweg.output;

import java.util.List;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * A value on its way to an output topic.
 *
 * @param topic the topic
 * @param partition the partition, which has the number of the example's partition
 * @param value the record, of the class {@link OutputTopic#type}; null for a tombstone
 * @param rest records that follow in the same partition, and are sent with this one
 */
public record OutputRecord(
        OutputTopic topic, int partition, @Nullable SpecificRecordBase value, List<FollowingOutput> rest) {

    /** A record by itself. */
    public OutputRecord(OutputTopic topic, int partition, @Nullable SpecificRecordBase value) {
        this(topic, partition, value, List.of());
    }

    /**
     * A record that follows another one.
     *
     * @param headers null for none
     */
    public record FollowingOutput(
            byte @Nullable [] key,
            @Nullable SpecificRecordBase value,
            long timestamp,
            @Nullable Headers headers) {}
}
