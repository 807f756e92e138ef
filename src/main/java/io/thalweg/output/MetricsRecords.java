package io.thalweg.output;

import io.thalweg.avro.LabelStatistics;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Quality;
import io.thalweg.avro.Share;
import io.thalweg.math.LabelCounts;
import io.thalweg.math.LabelCounts.Count;
import io.thalweg.math.MetricSums;
import io.thalweg.math.Model;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Creates the records of the metrics topic. */
public final class MetricsRecords {
    private MetricsRecords() {}

    /**
     * Returns the metrics of a model as it is now.
     *
     * @param labels what came of its labels; null if they are in the events
     */
    public static Metrics of(Model model, @Nullable LabelCounts labels) {
        return new Metrics(
                model.id(),
                model.version(),
                quality(model.validation().overall()),
                quality(model.validation().recent()),
                model.learningRate(),
                mixture(model),
                labels == null ? null : statistics(labels));
    }

    private static LabelStatistics statistics(LabelCounts labels) {
        return new LabelStatistics(
                labels.waiting(),
                labels.get(Count.IN_TIME),
                labels.get(Count.GIVEN_UP),
                labels.shareInTime(),
                labels.get(Count.UNKNOWN),
                labels.get(Count.REPEATED),
                labels.get(Count.CORRECTED),
                labels.get(Count.TOO_LATE),
                labels.delays().quantile(0.5),
                labels.delays().quantile(0.99));
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
