package io.thalweg.output;

import org.apache.avro.specific.SpecificRecordBase;

/**
 * A value on its way to an output topic.
 *
 * @param topic which topic it is for
 * @param partition the partition it goes to: the number of the partition that its example came from
 * @param value the record, of the topic's {@link OutputTopic#type}; null for a tombstone
 */
public record OutputRecord(OutputTopic topic, int partition, SpecificRecordBase value) {}
