package io.thalweg.app.page;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Quality;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MetricsHistoryTest {
    private static Metrics metrics(String model, long version, double logLoss) {
        Quality quality =
                new Quality(version, (double) version, logLoss, 0.6, 0.8, Double.NaN, Double.NaN, 0.3, 0.3, 1.0);
        return new Metrics(model, version, quality, quality, 0.1, List.of(), null);
    }

    @Test
    void listsTenThousandModelsWithTheWorstFirst() {
        MetricsHistory history = new MetricsHistory();
        for (int version = 1; version <= 60; version++) {
            for (int i = 0; i < 10_000; i++) {
                String model = "model-" + i;
                history.take(model, metrics(model, version, 0.1 + i * 1e-5), version);
            }
        }
        JsonNode list = history.list("", 200);
        assertThat(list.path("total").asInt()).isEqualTo(10_000);
        assertThat(list.path("models")).hasSize(200);
        assertThat(list.path("models").get(0).path("model").asText()).isEqualTo("model-9999");
        assertThat(list.path("models").get(1).path("model").asText()).isEqualTo("model-9998");
        assertThat(history.list("MODEL-123", 200).path("found").asInt()).isEqualTo(11);
        int points = 0;
        for (int i = 0; i < 10_000; i++) {
            points += history.json("model-" + i).path("history").path("time").size();
        }
        assertThat(points).as("points of all models").isLessThanOrEqualTo(400_000);
    }

    @Test
    void beginsAnewWithAModelThatDoes() {
        MetricsHistory history = new MetricsHistory();
        history.take("m", metrics("m", 100, 0.5), 1);
        history.take("m", metrics("m", 10, 0.6), 2);
        assertThat(history.json("m").path("history").path("version")).hasSize(1);
        assertThat(history.json("m").path("latest").path("version").asLong()).isEqualTo(10);
        history.take("m", null, 3);
        assertThat(history.json("m")).isNull();
        assertThat(history.size()).isZero();
    }

    @Test
    void getsALongerHistoryOfAModel() {
        MetricsHistory history = new MetricsHistory();
        history.take("m", metrics("m", 100, 0.5), 100);
        history.take("m", metrics("m", 500, 0.5), 500);
        history.new LongerHistory("m").end();
        assertThat(versions(history)).containsExactly(100, 500);
        MetricsHistory.LongerHistory longer = history.new LongerHistory("m");
        IntStream.of(50, 100, 300).forEach(version -> longer.take(metrics("m", version, 0.5), version));
        longer.end();
        assertThat(versions(history)).as("with the latest").containsExactly(50, 100, 300, 500);
        history.take("m", metrics("m", 600, 0.5), 600);
        assertThat(versions(history)).containsExactly(50, 100, 300, 500, 600);
        assertThat(history.json("m").path("history").path("time").get(3).asLong())
                .isEqualTo(500);
        // it was deleted at some time, and began anew
        MetricsHistory.LongerHistory begunAnew = history.new LongerHistory("m");
        begunAnew.take(metrics("m", 700, 0.5), 1);
        begunAnew.take(null, 2);
        begunAnew.take(metrics("m", 10, 0.5), 3);
        begunAnew.take(metrics("m", 600, 0.5), 4);
        begunAnew.end();
        assertThat(versions(history)).containsExactly(10, 600);
    }

    private static List<Integer> versions(MetricsHistory history) {
        List<Integer> versions = new ArrayList<>();
        history.json("m").path("history").path("version").forEach(version -> versions.add(version.asInt()));
        return versions;
    }

    @Test
    void saysNothingOfAnAucThatIsNotKnown() {
        MetricsHistory history = new MetricsHistory();
        history.take("m", metrics("m", 100, 0.5), 1);
        assertThat(history.json("m").path("history").path("auc").get(0).isNull())
                .isTrue();
    }
}
