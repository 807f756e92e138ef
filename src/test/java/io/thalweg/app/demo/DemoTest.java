package io.thalweg.app.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
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

        ThalwegConfig sgd = Demo.own(given, Algorithm.SGD);
        ThalwegConfig auto = Demo.own(given, Algorithm.AUTO);

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

    @Test
    void whatOnlyAnotherAlgorithmHasAUseForIsLeftOutAndSaid() {
        ThalwegConfig given =
                new ThalwegConfig(Map.of("algorithm", "ftrl", "ftrl.beta", "2", "scaling", "max-abs", "l1", "0.1"));

        ThalwegConfig sgd = Demo.own(given, Algorithm.SGD);
        ThalwegConfig auto = Demo.own(given, Algorithm.AUTO);

        assertThat(sgd.isGiven("ftrl.beta")).isFalse();
        assertThat(sgd.getString("scaling")).isEqualTo("max-abs");
        assertThat(sgd.getDouble("l1")).isEqualTo(0.1);
        assertThat(ThalwegConfig.unusedBy(Algorithm.AUTO)).noneMatch(auto::isGiven);
        assertThat(Demo.passedOver(given))
                .containsExactly(
                        "algorithm = ftrl is ignored: the demo sets it, sgd for one learner and auto for the other",
                        "also ignored, because neither learner uses them: ftrl.beta");
        assertThat(Demo.passedOver(new ThalwegConfig(Map.of("scaling", "max-abs"))))
                .isEmpty();
    }
}
