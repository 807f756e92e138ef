package io.thalweg.output;

import io.thalweg.avro.Prediction;
import io.thalweg.math.Example;
import io.thalweg.math.PredictionResult;
import org.apache.avro.util.Utf8;

/** What is published of a prediction. */
public final class Predictions {
    private Predictions() {}

    /** The prediction of the example at an offset. */
    public static Prediction of(Example x, PredictionResult result, int partition, long offset) {
        return new Prediction(
                x.id() == null ? null : new Utf8(x.id()),
                result.probability(),
                result.logit(),
                result.version(),
                result.learned() ? (Double) result.label() : null,
                result.learned() ? (Double) result.logLoss() : null,
                partition,
                offset);
    }
}
