package io.thalweg.app.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.testing.Seeded;
import java.util.Random;
import org.junit.jupiter.api.Test;

@Seeded
class ReliabilityTest {
    @Test
    void isTheDiagonalForProbabilitiesThatMeanWhatTheySay(Random random) {
        Reliability reliability = new Reliability();
        for (int i = 0; i < 25_000; i++) {
            double probability = random.nextDouble();
            reliability.add(probability, random.nextDouble() < probability ? 1 : 0);
        }
        JsonNode bins = reliability.json();
        assertThat(bins).hasSize(Reliability.BINS);
        long count = 0;
        for (JsonNode bin : bins) {
            count += bin.path("count").asLong();
            // five standard deviations of a mean of a thousand or more labels
            assertThat(bin.path("label").asDouble())
                    .isCloseTo(bin.path("probability").asDouble(), within(5 * 0.5 / Math.sqrt(900)));
        }
        assertThat(count).as("the recent ones").isEqualTo(15_000);
    }

    @Test
    void countsTheEndsOfTheRange() {
        Reliability reliability = new Reliability();
        reliability.add(0, 0);
        reliability.add(1, 1);
        assertThat(reliability.json()).hasSize(2);
    }
}
