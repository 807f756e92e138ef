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
        Kind kind,
        TopicPartition source,
        long offset,
        TopicPartition output,
        long outputOffset,
        String key,
        String sentence) {
    /** In place of an offset. */
    public static final long NONE = -1;

    /** What is wrong. The names are part of what is printed. */
    public enum Kind {
        /** A prediction says something else than the replay. */
        ALTERED,
        /** A committed example has no prediction, or none of the dead letter that it must have. */
        MISSING,
        /** An example has more than one prediction, or more than one dead letter. */
        DOUBLED,
        /** A prediction or a dead letter is not in the order of the input. */
        OUT_OF_PLACE,
        /** A prediction or a dead letter that no committed record of the input calls for. */
        UNEXPECTED,
        /** What was sent on to the partition of its model is not what the examples topic holds. */
        ROUTED_DIFFERS,
        /** An output that cannot be read. */
        UNREADABLE,
        /** A dead letter with another reason, or other bytes than its record. */
        DEAD_LETTER_DIFFERS,
        /** A weights record says something else than the replay at that version. */
        WEIGHTS_DIFFER,
        /** The weights that the topic holds are older than what a step has published, or are not all there. */
        WEIGHTS_MISSING,
        /** Weights of a model, or of a block, that is no more. */
        WEIGHTS_LEFT_OVER,
        /** A metrics record says something else than the replay at that version. */
        METRICS_DIFFER,
        /** The last metrics that were due are not there. */
        METRICS_MISSING,
        /** Metrics of a model that is no more. */
        METRICS_LEFT_OVER
    }

    /** The kind and the sentence. */
    @Override
    public String toString() {
        return kind + ": " + sentence;
    }
}
