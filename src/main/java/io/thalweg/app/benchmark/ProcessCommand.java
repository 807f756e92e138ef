package io.thalweg.app.benchmark;

import java.util.Map;

/**
 * What a child process is asked for, as a line of JSON on its standard input.
 *
 * @param settings of the program that is to run; empty where none is
 * @param limits how many records there are, and when to measure; all 0 where it runs until it is told to stop
 * @param recording where to leave a recording of Java Flight Recorder of the run; null for none
 */
record ProcessCommand(What what, Map<String, String> settings, Limits limits, String recording) {
    /** What is asked for. */
    enum What {
        /** To run until it is told to stop. */
        RUN,
        /** To run until the records end, or until there is hardly anything left to compile. */
        WARM_UP,
        /** To run, measure, and end. */
        MEASURE,
        /** To stop running. */
        STOP,
        /** To say whether it works on the state or stands by, once it has a copy of the state. */
        ROLE,
        /** To collect its garbage and say how much of the heap is in use then. */
        COLLECT
    }

    /**
     * When to measure.
     *
     * @param records how many there are to process
     * @param before how many of them to pass over before the measuring begins
     * @param beforeMs or after so long, if that is sooner; processor time of the process, as is the next, so that a
     *     machine with much else to do gives no cold figures
     * @param measuredMs how long to measure at most
     */
    record Limits(long records, long before, long beforeMs, long measuredMs) {
        static final Limits NONE = new Limits(0, 0, 0, 0);
    }

    static ProcessCommand of(What what) {
        return new ProcessCommand(what, Map.of(), Limits.NONE, null);
    }
}
