package io.thalweg.app.benchmark;

import java.util.Map;

/**
 * What a child process says of itself at one moment, as a line of JSON on its standard output.
 *
 * @param event what has happened
 * @param records how many records it has processed
 * @param nanos on a clock of its own
 * @param cpuNanos processor time that its process has had
 * @param sentBytes bytes sent to each topic, as sent: in batches, compressed
 * @param heapMax the largest heap that it may have, in bytes
 * @param heapUsed what of it is in use after a full collection, where that was asked for; otherwise 0
 * @param restoring how it has come by its state
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
    /** What a child process reports. */
    enum Event {
        /** There is hardly anything left to compile, or it does not come to an end. */
        WARM,
        /** The measuring begins. */
        BEGIN,
        /** The measuring has ended. */
        END,
        /** All state is restored, and the learner runs. */
        RUNNING,
        /** It works on the state. */
        ACTIVE,
        /** It has a copy of the state that another instance works on. */
        STANDS_BY,
        /** It has collected its garbage. */
        COLLECTED,
        /** It has stopped running. */
        ENDED
    }

    /**
     * How a learner has come by its state.
     *
     * @param seconds that reading it back has taken
     * @param bytes that were read, as they are in the changelog: in batches, compressed
     */
    record RestoreStats(double seconds, double bytes) {
        static final RestoreStats NONE = new RestoreStats(0, 0);
    }
}
