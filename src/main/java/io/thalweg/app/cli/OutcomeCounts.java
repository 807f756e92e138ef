package io.thalweg.app.cli;

import io.thalweg.app.cli.EvaluationReport.Late;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Result;
import io.thalweg.fold.OutputSink;
import io.thalweg.output.OutputTopic;
import java.util.Arrays;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.header.Headers;

/** Counts of what came of events and labels in an evaluation. */
final class OutcomeCounts implements OutputSink {
    private long inTime;
    private long givenUp;
    private long[] delays = new long[1024];

    @Override
    public boolean wants(OutputTopic topic) {
        return topic == OutputTopic.OUTCOMES;
    }

    @Override
    public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
        Outcome outcome = (Outcome) value;
        if (outcome.getOutcome() == Result.LEARNED) {
            if (inTime == delays.length) {
                delays = Arrays.copyOf(delays, delays.length * 2);
            }
            delays[(int) inTime++] = outcome.getDelayMs();
        } else if (outcome.getOutcome() == Result.GIVEN_UP || outcome.getOutcome() == Result.LEARNED_NEGATIVE) {
            givenUp++;
        }
    }

    private Long median() {
        if (inTime == 0) {
            return null;
        }
        long[] sorted = Arrays.copyOf(delays, (int) inTime);
        Arrays.sort(sorted);
        return sorted[(sorted.length - 1) / 2];
    }

    /** Returns the figures. @param labels how many labels came */
    Late figures(long labels) {
        return new Late(labels, inTime, givenUp, median());
    }
}
