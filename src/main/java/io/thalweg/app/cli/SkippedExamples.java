package io.thalweg.app.cli;

import io.thalweg.app.view.Printable;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.PrintWriter;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The examples of an evaluation that were skipped because they could not be used. The first few are printed, and all
 * are counted.
 */
final class SkippedExamples {
    private static final int SHOWN = 10;

    private final PrintWriter err;
    private final Map<Reason, Long> reasons = new EnumMap<>(Reason.class);
    private long count;

    SkippedExamples(PrintWriter err) {
        this.err = err;
    }

    /** Adds a line of a file. @param message where it is and what is wrong with it */
    void add(String message) {
        if (++count <= SHOWN) {
            err.println("skipped " + message);
        }
    }

    /** Adds a record of a topic. */
    void add(ConsumerRecord<byte[], byte[]> record, Rejection rejection) {
        reasons.merge(rejection.reason(), 1L, Long::sum);
        add("%s-%d@%d: %s: %s"
                .formatted(
                        record.topic(),
                        record.partition(),
                        record.offset(),
                        rejection.reason(),
                        Printable.of(rejection.getMessage())));
    }

    /** How many there are. */
    long count() {
        return count;
    }

    /** Prints how many there are, if there are any, and how many of them for each reason. */
    void printCount() {
        if (count > 0) {
            err.println("skipped %d that cannot be used%s"
                    .formatted(
                            count,
                            reasons.isEmpty()
                                    ? ""
                                    : reasons.entrySet().stream()
                                            .map(reason -> reason.getKey() + " " + reason.getValue())
                                            .collect(Collectors.joining(", ", ": ", ""))));
        }
    }
}
