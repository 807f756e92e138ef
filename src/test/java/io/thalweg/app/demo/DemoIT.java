package io.thalweg.app.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.app.serve.Http;
import io.thalweg.audit.VerificationReport;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The demo on its first flights. */
@Timeout(300)
class DemoIT {
    private static final int EXAMPLES = 3000;
    private static final double RATE = 0.1;

    private final StringWriter text = new StringWriter();
    private JsonNode tick;
    private JsonNode visited;

    private Demo.Result run(Map<String, ?> set) throws IOException {
        return new Demo(
                        defaults -> {
                            Map<String, Object> settings = new HashMap<>(defaults);
                            settings.putAll(set);
                            return new ThalwegConfig(settings);
                        },
                        new Screen(new PrintWriter(text), false),
                        EXAMPLES)
                .run(result -> {}, this::visit);
    }

    /** Looks at the page that stays after the end. */
    private void visit(String url) {
        Http http = new Http(URI.create(url).getPort());
        tick = await().atMost(Duration.ofMinutes(1))
                .until(
                        () -> http.get("/v1/page").ok().path("tick"),
                        tick -> tick.path("models").asInt() == 1
                                || tick.path("deadLetters").asInt() > 0);
        visited = http.get("/v1/page/models/late-flights").ok();
    }

    private List<String> printed() {
        return text.toString().lines().toList();
    }

    @Test
    void twoLearnersReadTheSameFlightsAndBothReplaysMatch() throws IOException {
        Demo.Result result = run(Map.of("learning.rate", RATE, "algorithm", "adagrad"));

        assertThat(result.learners()).containsOnlyKeys(Algorithm.SGD, Algorithm.AUTO);
        Demo.Learned sgd = result.learners().get(Algorithm.SGD);
        Demo.Learned auto = result.learners().get(Algorithm.AUTO);
        for (Demo.Learned learned : List.of(sgd, auto)) {
            assertThat(learned.predictions()).isEqualTo(EXAMPLES);
            assertThat(learned.deadLetters()).isZero();
            assertThat(learned.audit().conclusion()).isEqualTo(VerificationReport.Conclusion.MATCHES);
            assertThat(learned.audit().counts().steps()).isEqualTo(EXAMPLES);
        }
        assertThat(result.isComplete()).isTrue();
        assertThat(sgd.logLoss()).isCloseTo(plainSgd(), within(1e-9));
        assertThat(auto.logLoss()).isNotEqualTo(sgd.logLoss());
        assertThat(auto.baseRateLogLoss()).isEqualTo(sgd.baseRateLogLoss());

        assertThat(result.late()).containsOnlyKeys(Algorithm.SGD, Algorithm.AUTO);
        for (Demo.Learned learned : result.late().values()) {
            assertThat(learned.predictions()).isEqualTo(EXAMPLES);
            assertThat(learned.inTime()).isEqualTo(EXAMPLES);
            assertThat(learned.givenUp()).isZero();
            assertThat(learned.audit().conclusion()).isEqualTo(VerificationReport.Conclusion.MATCHES);
            assertThat(learned.audit().counts().labels()).isEqualTo(EXAMPLES);
            // two to three hours, most of them
            assertThat(learned.delayP50Ms()).isBetween(100 * 60_000L, 200 * 60_000L);
        }
        assertThat(visited.path("metrics").path("latest").path("version").asInt())
                .isEqualTo(EXAMPLES);
        assertThat(result.mostInTheAir()).isBetween(100, EXAMPLES);
        assertThat(result.late().get(Algorithm.SGD).logLoss()).isGreaterThan(sgd.logLoss());

        assertThat(printed())
                .anyMatch(line -> line.startsWith("  in the air"))
                .contains("algorithm = adagrad is ignored: the demo sets it, sgd for one learner and auto for the"
                        + " other")
                .anyMatch(line -> line.startsWith("  sgd  ██████████████") && line.contains("3,000 flights"))
                .anyMatch(line -> line.startsWith("  auto ██████████████") && line.contains("3,000 flights"))
                .anyMatch(line -> line.endsWith("all 3,000 flights"))
                .contains("  " + result.lead());
    }

    @Test
    void whatNeitherCanUseIsDeadLettersOfBothAndNotComplete() throws IOException {
        Demo.Result result = run(Map.of("features.form", "dense"));

        assertThat(result.learners().values()).hasSize(2).allSatisfy(learned -> {
            assertThat(learned.predictions()).isZero();
            assertThat(learned.deadLetters()).isEqualTo(EXAMPLES);
            assertThat(learned.audit().replayMatches()).isTrue();
        });
        assertThat(result.isComplete()).isFalse();
        assertThat(tick.path("deadLettersAreMore").asBoolean())
                .as("the page says that it has not read all of them")
                .isTrue();
    }

    /** The log loss of stochastic gradient descent, without any of the learner's code. */
    private static double plainSgd() throws IOException {
        Map<String, Double> weights = new HashMap<>();
        double bias = 0;
        double sum = 0;
        try (Stream<Flight> flights = Flights.stream().limit(EXAMPLES)) {
            for (Flight flight : (Iterable<Flight>) flights::iterator) {
                double logit = bias;
                for (Map.Entry<String, Double> x : flight.features().entrySet()) {
                    logit += weights.getOrDefault(x.getKey(), 0.0) * x.getValue();
                }
                double probability = 1 / (1 + Math.exp(-logit));
                sum -= Math.log(flight.label() == 1 ? probability : 1 - probability);
                double step = RATE * (probability - flight.label());
                flight.features().forEach((name, x) -> weights.merge(name, -step * x, Double::sum));
                bias -= step;
            }
        }
        return sum / EXAMPLES;
    }
}
