package io.thalweg.output;

import io.thalweg.avro.Metrics;
import io.thalweg.avro.Quality;
import io.thalweg.avro.Share;
import io.thalweg.math.MetricSums;
import io.thalweg.math.Model;
import java.util.List;

/** What is published of how well a model predicts. */
public final class MetricsRecords {
    private MetricsRecords() {}

    /** The metrics of a model as it is. */
    public static Metrics of(Model model) {
        return new Metrics(
                model.id(),
                model.version(),
                quality(model.validation().overall()),
                quality(model.validation().recent()),
                model.learningRate(),
                mixture(model));
    }

    /** Those that a model mixes, with their shares; none if it does not mix. */
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
