package io.thalweg.app.page;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Quality;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What the page keeps of ten million records of ten thousand models, in whatever order they come. */
class BoundedHistoryTest {
    private static final int RECORDS = 10_000_000;
    private static final int MODELS = 10_000;
    private static final List<String> IDS =
            IntStream.range(0, MODELS).mapToObj(i -> "model-" + i).toList();

    /** Half of the records come model by model, and half of them in turn. */
    private static String model(int record) {
        return IDS.get(record < RECORDS / 2 ? record / (RECORDS / 2 / MODELS) : record % MODELS);
    }

    @Test
    void metricsHaveABoundedNumberOfPoints() {
        MetricsHistory history = new MetricsHistory();
        Quality quality = new Quality(1L, 1.0, 0.5, 0.6, 0.8, Double.NaN, Double.NaN, 0.3, 0.3, 1.0);
        for (int i = 0; i < RECORDS; i++) {
            history.take(model(i), new Metrics("m", (long) i, quality, quality, 0.1, List.of(), null), i);
            if (i == RECORDS / 2 || i == RECORDS - 1) {
                long points = 0;
                for (String model : IDS) {
                    ObjectNode json = history.json(model);
                    points +=
                            json == null ? 0 : json.path("history").path("time").size();
                }
                assertThat(points).as("points after %,d records", i).isBetween(100_000L, 400_000L);
            }
        }
        assertThat(history.size()).isEqualTo(MODELS);
        ObjectNode of = history.json("model-77");
        assertThat(of.path("latest").path("version").asInt()).isGreaterThan(RECORDS - MODELS);
        assertThat(of.path("history").path("version").get(0).asInt())
                .as("the history reaches back to the beginning")
                .isLessThan(RECORDS / 2);
    }

    @Test
    void weightsAreKeptOfAFewModelsAndTheStrongest() {
        WeightsHistory history = new WeightsHistory();
        List<List<Weight>> lists = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            List<Weight> weights = new ArrayList<>();
            for (int k = 0; k < 20; k++) {
                weights.add(new Weight(i * 20 + k, null, (double) (i + k), null));
            }
            lists.add(weights);
        }
        for (int i = 0; i < RECORDS; i++) {
            if (i % 1_000_000 == 0) {
                IDS.subList(0, 100).forEach(history::lookAt);
            }
            String model = model(i);
            history.take(model, weights(model, i, lists.get(i / MODELS % 1000)), i);
        }
        int kept = 0;
        for (String model : IDS) {
            ObjectNode json = history.json(model, List.of(), "", Integer.MAX_VALUE);
            if (json.isEmpty()) {
                continue;
            }
            kept++;
            assertThat(json.path("kept").asInt()).isBetween(1, 256);
            json.path("drawn")
                    .forEach(track -> assertThat(
                                    track.path("history").path("time").size())
                            .isLessThanOrEqualTo(300));
        }
        assertThat(kept).isEqualTo(WeightsHistory.MOST_MODELS);
    }

    private static Weights weights(String model, int version, List<Weight> weights) {
        Weights record = new Weights();
        record.setModel(model);
        record.setVersion(version);
        record.setWeights(weights);
        return record;
    }
}
