package io.thalweg.output;

import org.apache.avro.specific.SpecificRecordBase;
import org.jspecify.annotations.Nullable;

/**
 * A value on its way to an output topic.
 *
 * @param topic the topic
 * @param partition the partition, which has the number of the example's partition
 * @param value the record, of the class {@link OutputTopic#type}; null for a tombstone
 */
public record OutputRecord(
        OutputTopic topic, int partition, @Nullable SpecificRecordBase value) {}
