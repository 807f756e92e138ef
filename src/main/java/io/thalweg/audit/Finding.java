package io.thalweg.audit;

import org.apache.kafka.common.TopicPartition;

/**
 * Something in the topics that is not as the replay says it must be.
 *
 * @param source the partition of the examples topic that it concerns
 * @param offset the offset there: of the example, or of the one whose step made the version; {@value #NONE} where none is known
 * @param output the partition of the output topic
 * @param outputOffset the offset of the output; {@value #NONE} where the output is missing
 * @param key the key of the weights or metrics record, NUL written as a space; null for predictions and dead letters
 * @param sentence all of it for people, with what was found and what was expected
 */
public record Finding(
        FindingKind kind,
        TopicPartition source,
        long offset,
        TopicPartition output,
        long outputOffset,
        String key,
        String sentence) {
    /** In place of an offset. */
    public static final long NONE = -1;

    /** The kind and the sentence. */
    @Override
    public String toString() {
        return kind + ": " + sentence;
    }
}
