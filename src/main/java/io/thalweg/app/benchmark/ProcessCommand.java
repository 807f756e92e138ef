package io.thalweg.app.benchmark;

import java.util.Map;

/**
 * A command for a measured process, sent as a line of JSON to its standard input.
 *
 * @param settings the settings of the program; empty if none is to run
 * @param limits how many records there are, and when to measure; all 0 if it runs until it is told to stop
 * @param recording where to write a Java Flight Recorder recording of the run; null for none
 */
record ProcessCommand(What what, Map<String, String> settings, Limits limits, String recording) {
    /** The commands. */
    enum What {
        /** Run until it is told to stop. */
        RUN,
        /** Run until the records end, or until hardly anything is left to compile. */
        WARM_UP,
        /** Run, measure, and end. */
        MEASURE,
        /** Stop. */
        STOP,
        /** Report whether it is active or a standby; a standby waits until it has a copy of the state. */
        ROLE,
        /** Collect garbage, and report how much of the heap is then in use. */
        COLLECT
    }

    /**
     * When to measure.
     *
     * @param records how many records there are to process
     * @param before how many of them to process before measuring begins
     * @param beforeMs the processor time after which measuring begins at the latest; this and the next are processor
     *     time of the process, so that a busy machine does not give cold results
     * @param measuredMs the longest processor time to measure
     */
    record Limits(long records, long before, long beforeMs, long measuredMs) {
        static final Limits NONE = new Limits(0, 0, 0, 0);
    }

    static ProcessCommand of(What what) {
        return new ProcessCommand(what, Map.of(), Limits.NONE, null);
    }
}
