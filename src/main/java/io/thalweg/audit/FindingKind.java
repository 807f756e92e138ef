package io.thalweg.audit;

/** The kinds of what {@code verify} finds. The names are part of what is printed. */
public enum FindingKind {
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
    /** A model of which each of two partitions has learned a part. */
    MODEL_SPLIT,
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
