package io.thalweg.app.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DemoTest {
    private static final List<String> OUTPUTS =
            List.of("predictions.topic", "weights.topic", "metrics.topic", "dead.letters.topic");

    @Test
    void theLearnersShareTheExamplesAndNothingThatTheyWriteTo() {
        ThalwegConfig given = new ThalwegConfig(Map.of(
                "application.id",
                "a",
                "predictions.topic",
                "p",
                "algorithm",
                "adagrad",
                "learning.rate",
                "0.2",
                "metrics.every",
                "7"));

        ThalwegConfig sgd = Demo.own(given, "sgd");
        ThalwegConfig auto = Demo.own(given, "auto");

        assertThat(OUTPUTS.stream().map(sgd::getString)).containsExactly("p", "weights", "metrics", "dead-letters");
        assertThat(OUTPUTS.stream().map(auto::getString))
                .containsExactly("auto-p", "auto-weights", "auto-metrics", "auto-dead-letters");
        assertThat(List.of(sgd, auto)).allSatisfy(config -> {
            assertThat(config.getString("examples.topic")).isEqualTo("examples");
            assertThat(config.getInt("metrics.every")).isEqualTo(7);
        });
        assertThat(sgd.getDouble("learning.rate")).isEqualTo(0.2);
        assertThat(auto.isGiven("learning.rate")).isFalse();
        assertThat(sgd.getString("application.id")).isEqualTo("a-sgd");
        assertThat(auto.getString("application.id")).isEqualTo("a-auto");
        assertThat(sgd.getString("algorithm")).isEqualTo("sgd");
        assertThat(auto.getString("algorithm")).isEqualTo("auto");
    }
}
