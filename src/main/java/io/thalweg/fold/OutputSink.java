package io.thalweg.fold;

import io.thalweg.output.OutputTopic;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/** A receiver of what a {@link LearningTask} publishes. */
public interface OutputSink {
    /** A sink that wants nothing. */
    OutputSink NONE = new OutputSink() {
        @Override
        public boolean wants(OutputTopic topic) {
            return false;
        }

        @Override
        public void publish(
                OutputTopic topic,
                byte @Nullable [] key,
                @Nullable SpecificRecordBase value,
                long timestamp,
                @Nullable Headers headers) {
            throw new IllegalStateException("this sink wants no records");
        }
    };

    /** Returns whether records for a topic are wanted. If not, none are created. */
    boolean wants(OutputTopic topic);

    /**
     * Publishes a record.
     *
     * @param key the key; null if there is none
     * @param value the value, of the class that belongs to the topic; null for a tombstone
     * @param timestamp milliseconds since 1970
     * @param headers the headers; null if there are none
     */
    void publish(
            OutputTopic topic,
            byte @Nullable [] key,
            @Nullable SpecificRecordBase value,
            long timestamp,
            @Nullable Headers headers);
}
