package io.thalweg.app.benchmark;

import java.util.Map;

/**
 * An event in a measured process, sent as a line of JSON on its standard output.
 *
 * @param event what has happened
 * @param records how many records it has processed
 * @param nanos the time, on a clock of its own
 * @param cpuNanos the processor time of the process
 * @param sentBytes the bytes sent to each topic, in compressed batches
 * @param heapMax the maximum heap, in bytes
 * @param heapUsed the heap in use after a full collection, if one was asked for; otherwise 0
 * @param restoring how it restored its state
 */
record ProcessEvent(
        Event event,
        long records,
        long nanos,
        long cpuNanos,
        Map<String, Double> sentBytes,
        long heapMax,
        long heapUsed,
        RestoreStats restoring) {
    /** The events. */
    enum Event {
        /** Hardly anything is left to compile, or compiling does not come to an end. */
        WARM,
        /** Measuring begins. */
        BEGIN,
        /** Measuring has ended. */
        END,
        /** All state is restored, and the learner is running. */
        RUNNING,
        /** It is active. */
        ACTIVE,
        /** It is a standby, with a copy of the state that another instance works on. */
        STANDS_BY,
        /** It has collected garbage. */
        COLLECTED,
        /** It has stopped running. */
        ENDED
    }

    /**
     * How long a learner took to restore its state, and how much it read.
     *
     * @param seconds how long restoring took
     * @param bytes how many bytes were read from the changelog, in compressed batches
     */
    record RestoreStats(double seconds, double bytes) {
        static final RestoreStats NONE = new RestoreStats(0, 0);
    }
}
