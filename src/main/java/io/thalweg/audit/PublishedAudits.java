package io.thalweg.audit;

import io.thalweg.store.Layout;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * The audits of published weights and metrics, one of each for a partition. A model that was moved is audited where it
 * is now, also while it is replayed in an earlier layout.
 */
final class PublishedAudits {
    private final Layout layout;
    private final IntFunction<WeightsAudit> readWeights;
    private final IntFunction<MetricsAudit> readMetrics;
    private final Map<Integer, WeightsAudit> weights = new HashMap<>();
    private final Map<Integer, MetricsAudit> metrics = new HashMap<>();

    /**
     * @param layout the present layout
     * @param readWeights reads the weights of a partition
     * @param readMetrics reads the metrics of a partition
     */
    PublishedAudits(Layout layout, IntFunction<WeightsAudit> readWeights, IntFunction<MetricsAudit> readMetrics) {
        this.layout = layout;
        this.readWeights = readWeights;
        this.readMetrics = readMetrics;
    }

    /** The weights of a model. @param at the partition in which it is replayed */
    WeightsAudit weights(String model, int at) {
        return weights(layout.home(model, at));
    }

    /** The metrics of a model. @param at the partition in which it is replayed */
    MetricsAudit metrics(String model, int at) {
        return metrics(layout.home(model, at));
    }

    /** The weights of a partition, which are read if they were not. */
    WeightsAudit weights(int partition) {
        return weights.computeIfAbsent(partition, readWeights::apply);
    }

    /** The metrics of a partition, which are read if they were not. */
    MetricsAudit metrics(int partition) {
        return metrics.computeIfAbsent(partition, readMetrics::apply);
    }

    /** Forgets what was published in a partition. */
    void forget(int partition) {
        weights.remove(partition);
        metrics.remove(partition);
    }
}
