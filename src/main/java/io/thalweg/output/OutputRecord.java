package io.thalweg.output;

import org.apache.avro.specific.SpecificRecordBase;

/**
 * A value on its way to an output topic.
 *
 * @param kind which topic it is for
 * @param partition the partition it goes to: the number of the partition that its example came from
 * @param value the record, of the class that belongs to the kind; null for a tombstone
 */
public record OutputRecord(Kind kind, int partition, SpecificRecordBase value) {
    /** The output topics. */
    public enum Kind {
        /** {@link io.thalweg.avro.Prediction}. */
        PREDICTION("predictions"),
        /** {@link io.thalweg.avro.Weights}. */
        WEIGHTS("weights"),
        /** {@link io.thalweg.avro.Metrics}. */
        METRICS("metrics"),
        /** {@link io.thalweg.avro.DeadLetter}. */
        DEAD_LETTER("dead-letters");

        private final String sink;

        Kind(String sink) {
            this.sink = sink;
        }

        /** The name of its sink in the topology. */
        public String sink() {
            return sink;
        }
    }
}
