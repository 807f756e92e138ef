package io.thalweg.fold;

import io.thalweg.output.OutputTopic;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.header.Headers;

/** Takes what a {@link LearningTask} has to publish. */
public interface OutputSink {
    /** A sink that wants nothing. */
    OutputSink NONE = new OutputSink() {
        @Override
        public boolean wants(OutputTopic topic) {
            return false;
        }

        @Override
        public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
            throw new IllegalStateException("it was not asked for");
        }
    };

    /** Whether records for a topic are wanted; if not, none are made. */
    boolean wants(OutputTopic topic);

    /**
     * Publishes a record.
     *
     * @param key of the record; null if it has none
     * @param value of the class that belongs to the topic; null for a tombstone
     * @param timestamp in milliseconds since 1970
     * @param headers of the record; null if it has none
     */
    void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers);
}
