package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.DataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.thalweg.app.serve.HealthEndpoints.ObservedLearner;
import io.thalweg.app.serve.ModelMetrics.ModelGroup;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.math.Examples;
import io.thalweg.math.Rejection;
import io.thalweg.store.TaskState;
import io.thalweg.testing.ProgramLog;
import io.thalweg.topology.CommittedReads;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.streams.KafkaStreams.State;
import org.junit.jupiter.api.Test;

/** The labels of models at /metrics, and what they say. */
class ModelMetricsTest {
    private final ThalwegConfig config = new ThalwegConfig(Map.of(
            ThalwegConfig.HTTP_LISTEN, "127.0.0.1:0",
            ThalwegConfig.HTTP_METRICS_MODELS_MAX, "1",
            ThalwegConfig.LABELS_TOPIC, "labels"));
    private final AtomicBoolean failsNext = new AtomicBoolean();
    private final HealthEndpoints health = new HealthEndpoints(
            () -> {
                if (failsNext.getAndSet(false)) {
                    throw new IllegalStateException("as the test wants it");
                }
                return new ObservedLearner(State.RUNNING, true, null);
            },
            List::of,
            List::of);
    private final ModelMetrics metrics = new ModelMetrics(
            config,
            "1",
            new CommittedReads(Runnable::run),
            new CachedQuestions(),
            health,
            new StallWatch(config, new AtomicReference<>()));

    /** Returns a model that has learned from examples of which every second is positive. */
    private static ModelSummary model(String id, int partition, int examples) {
        LearningTask task = new LearningTask(
                new ThalwegConfig(Map.of()),
                schema -> io.thalweg.avro.Example.getClassSchema(),
                "",
                TaskState.inMemory());
        task.begin();
        try {
            for (int i = 0; i < examples; i++) {
                task.apply(id, Examples.dense(i % 2.0, 1));
            }
        } catch (Rejection e) {
            throw new AssertionError(e);
        }
        return ModelSummary.of(task, partition).get(0);
    }

    private Map<String, Double> values(ServedMetric metric, ModelSummary... models) {
        List<ModelGroup> groups = metrics.groups(List.of(models));
        return values(metric, metrics.snapshots(groups, new ModelCounters().count(1, Set.of(), groups), Map.of()));
    }

    /** Returns the values of a metric by model. */
    private static Map<String, Double> values(ServedMetric metric, MetricSnapshots snapshots) {
        Map<String, Double> values = new HashMap<>();
        snapshots.stream()
                .filter(each -> each.getMetadata().getName().equals(metric.base()))
                .flatMap(each -> each.getDataPoints().stream())
                .filter(point -> !"recent".equals(point.getLabels().get("window")))
                .forEach(point -> assertThat(values.put(point.getLabels().get("model"), value(point)))
                        .isNull());
        return values;
    }

    private static double value(DataPointSnapshot point) {
        return point instanceof CounterDataPointSnapshot counter
                ? counter.getValue()
                : ((GaugeDataPointSnapshot) point).getValue();
    }

    // ---- labels

    @Test
    void aModelWithTheNameOfTheSumIsPartOfIt() {
        ModelSummary[] models = {model("other", 0, 40), model("a", 0, 20), model("b", 0, 10)};
        assertThat(values(ServedMetric.VERSION, models)).isEqualTo(Map.of("a", 20.0, "other", 50.0));
        assertThat(values(ServedMetric.MEAN_LABEL, models)).isEqualTo(Map.of("a", 0.5, "other", 0.5));
        assertThat(values(ServedMetric.VERSION, model("other", 0, 4))).isEqualTo(Map.of("other", 4.0));
    }

    @Test
    void modelsOfTheSameNameAreAddedUp() {
        ModelSummary[] models = {model("b", 0, 3), model("a", 0, 2), model("a", 1, 2)};
        assertThat(values(ServedMetric.VERSION, models)).isEqualTo(Map.of("a", 4.0, "other", 3.0));
        assertThat(values(ServedMetric.EXAMPLES, models)).containsEntry("a", 4.0);
        assertThat(values(ServedMetric.MEAN_LABEL, models)).isEqualTo(Map.of("a", 0.5, "other", 1 / 3.0));
    }

    // ---- counters

    private final ModelCounters counters = new ModelCounters();
    private long scrapes;

    /** Returns what a scrape counts by model. */
    private Map<String, Double> scrape(Set<Integer> partitions, ModelSummary... models) {
        return scrape(++scrapes, partitions, models);
    }

    private Map<String, Double> scrape(long scrape, Set<Integer> partitions, ModelSummary... models) {
        List<ModelGroup> groups = metrics.groups(List.of(models));
        return values(
                ServedMetric.EXAMPLES, metrics.snapshots(groups, counters.count(scrape, partitions, groups), Map.of()));
    }

    @Test
    void theSumCountsWhatIsLearnedWhereverModelsGo() {
        Set<Integer> one = Set.of(0);
        assertThat(scrape(one, model("a", 0, 9), model("b", 0, 7), model("c", 0, 3)))
                .isEqualTo(Map.of("a", 9.0, "other", 0.0));
        assertThat(scrape(one, model("a", 0, 9), model("b", 0, 8), model("c", 0, 5)))
                .isEqualTo(Map.of("a", 9.0, "other", 3.0));
        // b has the most examples now
        assertThat(scrape(one, model("a", 0, 11), model("b", 0, 12), model("c", 0, 5)))
                .isEqualTo(Map.of("b", 12.0, "other", 5.0));
        // a partition arrives, and a new model begins
        Set<Integer> both = Set.of(0, 1);
        assertThat(scrape(
                        both,
                        model("a", 0, 11),
                        model("b", 0, 12),
                        model("c", 0, 6),
                        model("new", 0, 2),
                        model("d", 1, 10)))
                .isEqualTo(Map.of("b", 12.0, "other", 8.0));
        assertThat(scrape(both, model("b", 0, 12), model("d", 1, 11))).isEqualTo(Map.of("b", 12.0, "other", 9.0));
        // and leaves
        assertThat(scrape(one, model("b", 0, 13))).isEqualTo(Map.of("b", 13.0));
        assertThat(scrape(both, model("b", 0, 13), model("d", 1, 12))).isEqualTo(Map.of("b", 13.0, "other", 9.0));
        assertThat(scrape(both, model("b", 0, 13), model("d", 1, 1)))
                .as("d was deleted and has begun again")
                .isEqualTo(Map.of("b", 13.0, "other", 10.0));
        assertThat(scrape(both, model("b", 0, 2), model("d", 1, 1)))
                .as("so has b, which has its own label")
                .isEqualTo(Map.of("b", 2.0, "other", 10.0));
    }

    @Test
    void aModelInTwoPartitionsDoesNotFallWhenOneLeaves() {
        assertThat(scrape(Set.of(0, 1), model("a", 0, 4), model("a", 1, 5))).isEqualTo(Map.of("a", 9.0));
        assertThat(scrape(Set.of(0), model("a", 0, 6))).isEqualTo(Map.of("a", 11.0));
        assertThat(scrape(Set.of(0, 1), model("a", 0, 6), model("a", 1, 8))).isEqualTo(Map.of("a", 11.0));
    }

    @Test
    void aScrapeThatIsLateChangesNothing() {
        Set<Integer> one = Set.of(0);
        scrape(1, one, model("a", 0, 9), model("b", 0, 1));
        assertThat(scrape(3, one, model("a", 0, 9), model("b", 0, 4))).containsEntry("other", 3.0);
        assertThat(scrape(2, one, model("a", 0, 9), model("b", 0, 3))).containsEntry("other", 3.0);
        assertThat(scrape(4, one, model("a", 0, 9), model("b", 0, 5))).containsEntry("other", 4.0);
    }

    // ---- failures

    @Test
    void aFailureIsLoggedOnceUntilItWorksAgain() {
        try (MetricsEndpoint endpoint = new MetricsEndpoint(config, metrics);
                HttpServer server = HttpServer.start(config, List.of(endpoint));
                ProgramLog log = new ProgramLog()) {
            Http http = new Http(server.port());
            for (int round = 0; round < 2; round++) {
                for (int i = 0; i < 2; i++) {
                    failsNext.set(true);
                    assertThat(http.get("/metrics").body())
                            .contains("thalweg_live 1.0")
                            .doesNotContain("thalweg_models");
                }
                assertThat(log.lines()).singleElement().asString().contains("lacks the metrics of the models");
                log.clear();
                assertThat(http.get("/metrics").body()).contains("thalweg_models 0.0");
            }
            assertThat(log.lines()).isEmpty();
        }
    }
}
