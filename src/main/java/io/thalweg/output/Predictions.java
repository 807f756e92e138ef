package io.thalweg.output;

import io.thalweg.avro.Prediction;
import io.thalweg.math.Example;
import io.thalweg.math.Outcome;
import org.apache.avro.util.Utf8;

/** What is published of a prediction. */
public final class Predictions {
    private Predictions() {}

    /** The prediction of the example at an offset. */
    public static Prediction of(Example x, Outcome outcome, int partition, long offset) {
        return new Prediction(
                x.id() == null ? null : new Utf8(x.id()),
                outcome.probability(),
                outcome.logit(),
                outcome.version(),
                outcome.learned() ? (Double) outcome.label() : null,
                outcome.learned() ? (Double) outcome.logLoss() : null,
                partition,
                offset);
    }
}
