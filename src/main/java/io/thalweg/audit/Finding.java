package io.thalweg.audit;

import org.apache.kafka.common.TopicPartition;

/**
 * A difference between the topics and the replay.
 *
 * @param kind what is wrong
 * @param source the partition of the examples topic that it is about
 * @param offset the offset there: of the example, or of the one whose step made the version; {@value #NONE} if not
 *     known
 * @param output the partition of the output topic
 * @param outputOffset the offset of the output; {@value #NONE} if the output is missing
 * @param key the key of the weights or metrics record, with NUL as a space; null for predictions and dead letters
 * @param sentence a description for people, with what was found and what was expected
 */
public record Finding(
        FindingKind kind,
        TopicPartition source,
        long offset,
        TopicPartition output,
        long outputOffset,
        String key,
        String sentence) {
    /** Stands for an unknown offset. */
    public static final long NONE = -1;

    /** Returns the kind and the sentence. */
    @Override
    public String toString() {
        return kind + ": " + sentence;
    }
}
