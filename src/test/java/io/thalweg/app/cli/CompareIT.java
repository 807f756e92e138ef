package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.StringJoiner;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The short form of the table of results: auto against the others, tuned in hindsight, on real flights and
 * on made rows.
 */
class CompareIT {
    @TempDir
    private Path directory;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        return Thalweg.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(arguments);
    }

    @Test
    void autoIsAsGoodAsTheBestOfTheOthersChosenInHindsight() throws Exception {
        Path file = directory.resolve("rows.csv");
        Files.writeString(file, rows());
        assertThat(run("compare", "--flights", "--json", file.toString()))
                .as(err.toString())
                .isZero();
        String[] lines = out.toString().split("\\R");
        JsonNode result = new ObjectMapper().readTree(lines[lines.length - 1]);

        JsonNode flights = result.path("flights");
        assertThat(flights.path("examples").asInt()).isEqualTo(100_000);
        // what the demo has published for plain sgd since before there was another algorithm
        assertThat(flights.path("sgd as it comes, 0.05").path("log_loss").asDouble())
                .isCloseTo(0.49080, within(5e-6));
        JsonNode made = result.path(file.toString());
        for (JsonNode set : new JsonNode[] {flights, made}) {
            double auto = set.path("auto").path("log_loss").asDouble();
            assertThat(set.path("auto_to_best_tuned").asDouble())
                    .isEqualTo(auto / set.path("best_tuned").path("log_loss").asDouble())
                    .isLessThan(1.02);
            assertThat(auto).isLessThan(set.path("base_rate_log_loss").asDouble());
            JsonNode early = set.path("early");
            assertThat(early.size()).isEqualTo(8);
            for (String first : new String[] {"100", "1000"}) {
                early.forEach(
                        losses -> assertThat(losses.path(first).asDouble()).isPositive());
                assertThat(early.path("auto").path(first).asDouble()).isLessThan(0.8);
            }
        }
        assertThat(flights.path("early").path("auto").path("10000").asDouble()).isPositive();
        assertThat(err.toString())
                .contains("flights: 100,000 examples")
                .contains("auto, nothing set")
                .contains("at most");
    }

    @Test
    void saysThatItTriesEveryAlgorithmItself() {
        assertThat(run("compare", "--set", "algorithm=sgd")).isEqualTo(2);
        assertThat(err.toString()).contains("remove that setting").doesNotContain("\n\tat ");
    }

    /** Two columns of very different units that matter, and one that does not; the seed is always the same. */
    private static String rows() {
        Random random = new Random(42);
        StringJoiner rows = new StringJoiner("\n", "label,metres,share,noise\n", "\n");
        for (int i = 0; i < 5000; i++) {
            double metres = 40_000 + 9000 * random.nextGaussian();
            double share = random.nextDouble() / 1000;
            double z = (metres - 41_000) / 6000 - 4000 * (share - 0.0005);
            rows.add("%d,%s,%s,%s"
                    .formatted(
                            random.nextDouble() < 1 / (1 + Math.exp(-z)) ? 1 : 0,
                            metres,
                            share,
                            random.nextGaussian()));
        }
        return rows.toString();
    }
}
