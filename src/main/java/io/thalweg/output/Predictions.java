package io.thalweg.output;

import io.thalweg.avro.Prediction;
import io.thalweg.math.Example;
import io.thalweg.math.PredictionResult;
import org.apache.avro.util.Utf8;
import org.jspecify.annotations.Nullable;

/** Creates the records of the predictions topic. */
public final class Predictions {
    private Predictions() {}

    /**
     * Returns the prediction of an example.
     *
     * @param logLoss the log loss of the prediction, in nats; ignored if the example has no label
     * @param partition the partition that the example was read from
     * @param offset the offset of the example there
     * @param labelsOffset the offset of the next label, if labels come on a topic of their own; null if not
     */
    public static Prediction of(
            Example x,
            PredictionResult prediction,
            double logLoss,
            int partition,
            long offset,
            @Nullable Long labelsOffset) {
        return new Prediction(
                x.id() == null ? null : new Utf8(x.id()),
                prediction.probability(),
                prediction.logit(),
                prediction.version(),
                x.labelled() ? (Double) x.label() : null,
                x.labelled() ? (Double) logLoss : null,
                partition,
                offset,
                labelsOffset);
    }
}
