package io.thalweg.app.serve;

import io.thalweg.app.serve.ModelMetrics.ModelGroup;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The counters of models by label. A counter of several models must not fall when one of them leaves, because
 * Prometheus would take that for a new start and count everything again. So it adds up by how much each has grown from
 * scrape to scrape. Safe for use by several threads.
 */
final class ModelCounters {
    /** The number of the last scrape. */
    private long last;

    private Set<Integer> partitions = Set.of();
    private Map<ModelPlace, ModelCounts> seen = Map.of();
    // the sum begins with 0 in each process: it cannot begin above where it was before, as that of a model does
    private Map<String, ModelCounts> counters = Map.of(ServedMetric.OTHER, ModelCounts.NONE);

    /** What is counted of models. */
    record ModelCounts(long examples, long labelsInTime, long labelsGivenUp) {
        private static final ModelCounts NONE = new ModelCounts(0, 0, 0);

        private static ModelCounts of(ModelSummary model) {
            return new ModelCounts(model.overall().examples(), model.labelsInTime(), model.labelsGivenUp());
        }

        private ModelCounts plus(ModelCounts other) {
            return new ModelCounts(
                    examples + other.examples, labelsInTime + other.labelsInTime, labelsGivenUp + other.labelsGivenUp);
        }

        private ModelCounts minus(ModelCounts other) {
            return new ModelCounts(
                    examples - other.examples, labelsInTime - other.labelsInTime, labelsGivenUp - other.labelsGivenUp);
        }

        private boolean isBelow(ModelCounts other) {
            return examples < other.examples
                    || labelsInTime < other.labelsInTime
                    || labelsGivenUp < other.labelsGivenUp;
        }
    }

    private record ModelPlace(int partition, String id) {
        private static ModelPlace of(ModelSummary model) {
            return new ModelPlace(model.partition(), model.id());
        }
    }

    /**
     * Returns the counters of each label.
     *
     * @param scrape the number of the scrape; what an earlier one has found changes nothing
     * @param active the partitions that the models are in
     */
    synchronized Map<String, ModelCounts> count(long scrape, Set<Integer> active, List<ModelGroup> groups) {
        if (scrape > last) {
            Map<String, ModelCounts> next = new HashMap<>();
            next.put(ServedMetric.OTHER, counters.get(ServedMetric.OTHER));
            groups.forEach(group -> next.put(group.label(), counter(group)));
            counters = next;
            seen = groups.stream()
                    .flatMap(group -> group.models().stream())
                    .collect(Collectors.toMap(ModelPlace::of, ModelCounts::of));
            partitions = active;
            last = scrape;
        }
        return groups.stream()
                .collect(Collectors.toMap(
                        ModelGroup::label, group -> counters.getOrDefault(group.label(), total(group))));
    }

    private static ModelCounts total(ModelGroup group) {
        return group.models().stream().map(ModelCounts::of).reduce(ModelCounts.NONE, ModelCounts::plus);
    }

    private ModelCounts counter(ModelGroup group) {
        ModelCounts before = counters.get(group.label());
        if (before == null || group.isOneModel() && hasBegunAgain(group.models().get(0))) {
            return total(group);
        }
        return group.models().stream().map(this::growth).reduce(before, ModelCounts::plus);
    }

    /** Returns whether a model was deleted since the last scrape. */
    private boolean hasBegunAgain(ModelSummary model) {
        ModelCounts then = seen.get(ModelPlace.of(model));
        return then != null && ModelCounts.of(model).isBelow(then);
    }

    /** Returns what was counted of a model since the last scrape. */
    private ModelCounts growth(ModelSummary model) {
        ModelCounts now = ModelCounts.of(model);
        ModelCounts then = seen.get(ModelPlace.of(model));
        if (then == null) {
            // what a partition brings along was counted before
            return partitions.contains(model.partition()) ? now : ModelCounts.NONE;
        }
        return now.isBelow(then) ? now : now.minus(then);
    }
}
