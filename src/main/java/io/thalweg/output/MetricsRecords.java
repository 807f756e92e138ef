package io.thalweg.output;

import io.thalweg.avro.Metrics;
import io.thalweg.avro.Quality;
import io.thalweg.avro.Share;
import io.thalweg.math.MetricSums;
import io.thalweg.math.Model;
import java.util.List;

/** Creates the records of the metrics topic. */
public final class MetricsRecords {
    private MetricsRecords() {}

    /** Returns the metrics of a model as it is now. */
    public static Metrics of(Model model) {
        return new Metrics(
                model.id(),
                model.version(),
                quality(model.validation().overall()),
                quality(model.validation().recent()),
                model.learningRate(),
                mixture(model));
    }

    /** Returns the experts that a model mixes, with their shares; empty if it mixes none. */
    public static List<Share> mixture(Model model) {
        return model.optimizer().mixture(model).stream()
                .map(share -> new Share(share.kind(), share.learningRate(), share.weight()))
                .toList();
    }

    private static Quality quality(MetricSums sums) {
        return new Quality(
                sums.examples(),
                sums.importance(),
                sums.logLoss(),
                sums.baseRateLogLoss(),
                sums.accuracy(),
                sums.auc(),
                sums.aucError(),
                sums.meanLabel(),
                sums.meanProbability(),
                sums.calibration());
    }
}
