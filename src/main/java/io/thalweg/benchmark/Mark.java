package io.thalweg.benchmark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
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
 */
record Mark(Event event, long records, long nanos, long cpuNanos, Map<String, Double> sentBytes, long heapMax) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What a child process reports. */
    enum Event {
        /** The measuring begins. */
        BEGIN,
        /** The measuring has ended. */
        END,
        /** All state is restored, and the learner runs. */
        RUNNING,
        /** It works on the state. */
        ACTIVE,
        /** It has a copy of the state that another instance works on. */
        STANDS_BY
    }

    String line() {
        try {
            return JSON.writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    static Mark parse(String line) {
        try {
            return JSON.readValue(line, Mark.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a child process said what it should not: " + line, e);
        }
    }
}
