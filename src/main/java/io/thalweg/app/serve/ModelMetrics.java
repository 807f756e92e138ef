package io.thalweg.app.serve;

import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot.InfoDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.thalweg.app.serve.ModelCounters.ModelCounts;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.MetricSums;
import io.thalweg.store.ModelEntry;
import io.thalweg.topology.CommittedReads;
import io.thalweg.topology.TaskReads;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * The metrics of the models and of the learner, as of the last commit. Only a limited number of models have a label of
 * their own: those with the most examples. The others are added up, and so are models of the same name in several
 * partitions. The metrics are computed anew for each scrape, so that nothing remains of a model that has moved.
 */
final class ModelMetrics {
    private static final String OVERALL = "overall";
    private static final String RECENT = "recent";

    private final ThalwegConfig config;
    private final String version;
    private final int labeled;
    private final CommittedReads reads;
    private final CachedQuestions questions;
    private final HealthEndpoints health;
    private final StallWatch stalls;
    private final ModelCounters counters = new ModelCounters();
    private long scrapes;

    /** The areas under the curve of a model, which the learner's thread computes only for some. */
    record Areas(double overall, double recent) {}

    /** The models that have a label in common. */
    record ModelGroup(String label, List<ModelSummary> models) {
        long examples() {
            return models.stream()
                    .mapToLong(model -> model.overall().examples())
                    .sum();
        }

        /** Returns whether the label is that of one model. */
        boolean isOneModel() {
            return models.size() == 1 && !label.equals(ServedMetric.OTHER);
        }
    }

    ModelMetrics(
            ThalwegConfig config,
            String version,
            CommittedReads reads,
            CachedQuestions questions,
            HealthEndpoints health,
            StallWatch stalls) {
        this.config = config;
        this.version = version;
        labeled = config.getInt(ThalwegConfig.HTTP_METRICS_MODELS_MAX);
        this.reads = reads;
        this.questions = questions;
        this.health = health;
        this.stalls = stalls;
    }

    /** Returns all metrics. */
    CompletableFuture<MetricSnapshots> snapshots() {
        List<TaskReads> tasks;
        List<CompletableFuture<List<ModelSummary>>> parts;
        long scrape;
        // so that no scrape has answers older than those of an earlier one
        synchronized (this) {
            scrape = ++scrapes;
            tasks = List.copyOf(reads.active());
            parts = tasks.stream()
                    .map(task -> questions.ask(task, "summaries", state -> ModelSummary.of(state, task.partition())))
                    .toList();
        }
        return all(parts).thenCompose(done -> {
            List<ModelGroup> groups =
                    groups(parts.stream().flatMap(part -> part.join().stream()).toList());
            Set<Integer> partitions = tasks.stream().map(TaskReads::partition).collect(Collectors.toSet());
            Map<String, ModelCounts> counts = counters.count(scrape, partitions, groups);
            return areas(tasks, groups).thenApply(areas -> snapshots(groups, counts, areas));
        });
    }

    /** Returns the models by label, so that no two have the same one. */
    List<ModelGroup> groups(List<ModelSummary> models) {
        Map<String, List<ModelSummary>> byId = models.stream().collect(Collectors.groupingBy(ModelSummary::id));
        List<ModelSummary> others = new ArrayList<>();
        // a model may have the name that the sum has
        List<ModelSummary> sameName = byId.remove(ServedMetric.OTHER);
        if (sameName != null) {
            others.addAll(sameName);
        }
        List<ModelGroup> groups = new ArrayList<>();
        byId.entrySet().stream()
                .map(each -> new ModelGroup(each.getKey(), each.getValue()))
                .sorted(Comparator.comparingLong(ModelGroup::examples)
                        .reversed()
                        .thenComparing(ModelGroup::label))
                .forEach(group -> {
                    if (groups.size() < labeled) {
                        groups.add(group);
                    } else {
                        others.addAll(group.models);
                    }
                });
        if (!others.isEmpty()) {
            groups.add(new ModelGroup(ServedMetric.OTHER, others));
        }
        return groups;
    }

    /** Returns the metrics that are known without asking the learner's thread. */
    MetricSnapshots withoutModels() {
        return snapshots(null, Map.of(), Map.of());
    }

    private static CompletableFuture<Void> all(List<? extends CompletableFuture<?>> futures) {
        return CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new));
    }

    private CompletableFuture<Map<String, Areas>> areas(List<TaskReads> tasks, List<ModelGroup> groups) {
        List<CompletableFuture<Map<String, Areas>>> parts = tasks.stream()
                .map(task -> {
                    List<String> ids = groups.stream()
                            .filter(group ->
                                    group.isOneModel() && group.models.get(0).partition() == task.partition())
                            .map(ModelGroup::label)
                            .toList();
                    return questions.ask(task, "areas", state -> {
                        Map<String, Areas> areas = new HashMap<>();
                        for (String id : ids) {
                            ModelEntry entry = state.entry(id);
                            if (entry != null) {
                                areas.put(
                                        id,
                                        new Areas(
                                                entry.model()
                                                        .validation()
                                                        .overall()
                                                        .auc(),
                                                entry.model()
                                                        .validation()
                                                        .recent()
                                                        .auc()));
                            }
                        }
                        return areas;
                    });
                })
                .toList();
        return all(parts).thenApply(done -> {
            Map<String, Areas> areas = new HashMap<>();
            parts.forEach(part -> areas.putAll(part.join()));
            return areas;
        });
    }

    // ---- snapshots

    /** The data points of each metric. */
    private static final class Points {
        private final Map<ServedMetric, GaugeSnapshot.Builder> gauges = new EnumMap<>(ServedMetric.class);
        private final Map<ServedMetric, CounterSnapshot.Builder> counters = new EnumMap<>(ServedMetric.class);
        private final List<MetricSnapshot> others = new ArrayList<>();

        /** Adds a value, unless it is not known. */
        void add(ServedMetric metric, double value, String... labels) {
            if (Double.isNaN(value)) {
                return;
            }
            Labels of = Labels.of(metric.labels(), List.of(labels));
            if (metric.kind() == ServedMetric.MetricType.COUNTER) {
                counters.computeIfAbsent(
                                metric,
                                m -> CounterSnapshot.builder().name(m.base()).help(m.help()))
                        .dataPoint(CounterDataPointSnapshot.builder()
                                .value(value)
                                .labels(of)
                                .build());
            } else {
                gauges.computeIfAbsent(
                                metric,
                                m -> GaugeSnapshot.builder().name(m.base()).help(m.help()))
                        .dataPoint(GaugeDataPointSnapshot.builder()
                                .value(value)
                                .labels(of)
                                .build());
            }
        }

        void add(MetricSnapshot snapshot) {
            others.add(snapshot);
        }

        MetricSnapshots build() {
            MetricSnapshots.Builder all = MetricSnapshots.builder();
            others.forEach(all::metricSnapshot);
            gauges.values().forEach(gauge -> all.metricSnapshot(gauge.build()));
            counters.values().forEach(counter -> all.metricSnapshot(counter.build()));
            return all.build();
        }
    }

    /** @param groups all models; null if they are not known */
    MetricSnapshots snapshots(List<ModelGroup> groups, Map<String, ModelCounts> counts, Map<String, Areas> areas) {
        Points points = new Points();
        points.add(InfoSnapshot.builder()
                .name(ServedMetric.INFO.base())
                .help(ServedMetric.INFO.help())
                .dataPoint(InfoDataPointSnapshot.builder()
                        .labels(Labels.of(
                                ServedMetric.INFO.labels(),
                                List.of(version, config.getString(ThalwegConfig.ALGORITHM))))
                        .build())
                .build());
        points.add(ServedMetric.LIVE, health.notLive().isEmpty() ? 1 : 0);
        points.add(ServedMetric.READY, health.notReady().isEmpty() ? 1 : 0);
        points.add(ServedMetric.PARTITIONS, reads.active().size());
        for (StallWatch.PartitionProgress seen : stalls.latest()) {
            String partition = Integer.toString(seen.partition().partition());
            points.add(ServedMetric.LAG, seen.lag(), seen.partition().topic(), partition);
            points.add(
                    ServedMetric.COMMITTED, seen.committed(), seen.partition().topic(), partition);
        }
        if (groups == null) {
            return points.build();
        }
        points.add(
                ServedMetric.MODELS,
                groups.stream().mapToInt(group -> group.models.size()).sum());
        for (ModelGroup group : groups) {
            Areas area = areas.get(group.label);
            if (area != null) {
                points.add(ServedMetric.AUC, area.overall, group.label, OVERALL);
                points.add(ServedMetric.AUC, area.recent, group.label, RECENT);
            }
            add(points, group.label, group.models, counts.get(group.label));
        }
        return points.build();
    }

    private void add(Points points, String label, List<ModelSummary> models, ModelCounts counts) {
        points.add(ServedMetric.VERSION, sum(models, ModelSummary::version), label);
        points.add(ServedMetric.EXAMPLES, counts.examples(), label);
        addWindow(
                points,
                label,
                OVERALL,
                models.stream().map(ModelSummary::overall).toList());
        addWindow(
                points, label, RECENT, models.stream().map(ModelSummary::recent).toList());
        if (config.hasLateLabels()) {
            double inTime = sum(models, ModelSummary::labelsInTime);
            double givenUp = sum(models, ModelSummary::labelsGivenUp);
            points.add(ServedMetric.LABELS_WAITING, sum(models, ModelSummary::labelsWaiting), label);
            points.add(ServedMetric.LABELS_IN_TIME, counts.labelsInTime(), label);
            points.add(ServedMetric.LABELS_GIVEN_UP, counts.labelsGivenUp(), label);
            points.add(ServedMetric.LABEL_RATE, inTime / (inTime + givenUp), label);
        }
    }

    /** Adds means over the examples of all models, each with its importance. */
    private static void addWindow(Points points, String label, String window, List<MetricSums> sums) {
        double importance = sum(sums, MetricSums::importance);
        points.add(ServedMetric.LOG_LOSS, weighted(sums, MetricSums::logLoss) / importance, label, window);
        points.add(
                ServedMetric.BASE_RATE_LOG_LOSS,
                weighted(sums, MetricSums::baseRateLogLoss) / importance,
                label,
                window);
        double labels = weighted(sums, MetricSums::meanLabel);
        double probabilities = weighted(sums, MetricSums::meanProbability);
        points.add(ServedMetric.CALIBRATION, labels > 0 ? probabilities / labels : Double.NaN, label, window);
        points.add(ServedMetric.MEAN_LABEL, labels / importance, label, window);
    }

    private static double weighted(List<MetricSums> sums, ToDoubleFunction<MetricSums> mean) {
        return sum(sums, each -> each.importance() > 0 ? each.importance() * mean.applyAsDouble(each) : 0);
    }

    private static <T> double sum(List<T> each, ToDoubleFunction<T> value) {
        return each.stream().mapToDouble(value).sum();
    }
}
