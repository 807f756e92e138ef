package io.thalweg.app.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

class FlightsTest {

    @Test
    void readsEveryFlightOnceWithItsLabel() throws IOException {
        Set<String> ids = new HashSet<>();
        int late = 0;
        try (Stream<Flight> flights = Flights.stream()) {
            for (Flight flight : (Iterable<Flight>) flights::iterator) {
                ids.add(flight.id());
                late += (int) flight.label();
                assertThat(flight.features()).hasSize(10);
            }
        }
        assertThat(ids).hasSize(Flights.COUNT).contains("flight-000001", "flight-100000");
        assertThat(late).isEqualTo(26_408);
    }

    @Test
    void namesWhatIsKnownWhenAFlightLeaves() throws IOException {
        try (Stream<Flight> flights = Flights.stream()) {
            Flight first = flights.findFirst().orElseThrow();
            assertThat(first.id()).isEqualTo("flight-000001");
            assertThat(first.label()).isZero();
            assertThat(first.features())
                    .containsExactly(
                            entry("origin=ANC", 1.0),
                            entry("destination=LAX", 1.0),
                            entry("route=ANC-LAX", 1.0),
                            entry("hour=0", 1.0),
                            entry("weekday=Mon", 1.0),
                            entry("origin=ANC:hour=0", 1.0),
                            entry("destination=LAX:hour=0", 1.0),
                            entry("origin=ANC:weekday=Mon", 1.0),
                            entry("destination=LAX:weekday=Mon", 1.0),
                            entry("distance", 2.345));
        }
    }

    @Test
    void theLabelTurnsAfterFifteenMinutesAndTheFeaturesDoNotSeeTheDelay() {
        Flight onTime = late(15);
        assertThat(onTime.label()).isZero();
        assertThat(late(16).label()).isOne();
        assertThat(late(1000).features()).isEqualTo(onTime.features());
        assertThat(late(-30).landing()).isEqualTo(late(0).landing());
    }

    @Test
    void aFlightLandsAfterItsWayAndItsDelay() {
        Flight flight = late(16);
        assertThat(flight.departure())
                .isEqualTo(Instant.parse("2001-01-06T17:45:00Z").toEpochMilli());
        // 30 minutes, 1846 miles at 7.5 miles a minute, and 16 minutes
        assertThat(flight.landing() - flight.departure()).isEqualTo(Math.round((46 + 1846 / 7.5) * 60_000));
    }

    private static Flight late(int minutes) {
        return Flights.flight(7, LocalDateTime.of(2001, 1, 6, 17, 45), "ORD", "SFO", 1846, minutes);
    }

    @Test
    void theFileIsSmallAndInTheOrderOfTime() throws IOException {
        try (InputStream file = Flights.class.getResourceAsStream("flights-100k.csv.gz")) {
            assertThat(file.readAllBytes()).hasSizeLessThan(1_000_000);
        }
        try (BufferedReader csv = new BufferedReader(new InputStreamReader(
                new GZIPInputStream(Flights.class.getResourceAsStream("flights-100k.csv.gz")),
                StandardCharsets.US_ASCII))) {
            assertThat(csv.readLine()).isEqualTo("date,origin,destination,distance,delay");
            List<String> dates = csv.lines()
                    .map(line -> line.substring(0, line.indexOf(',')))
                    .toList();
            assertThat(dates).hasSize(Flights.COUNT).isSorted();
        }
    }

    /** What the demo promises rests on these features, so it is measured here without any of the learner's code. */
    @Test
    void plainSgdAtAConstantRateLearnsFromThem() throws IOException {
        double rate = 0.05;
        Map<String, Double> weights = new HashMap<>();
        double bias = 0;
        double sum = 0;
        double late = 0;
        try (Stream<Flight> flights = Flights.stream()) {
            for (Iterator<Flight> each = flights.iterator(); each.hasNext(); ) {
                Flight flight = each.next();
                double logit = bias;
                for (Map.Entry<String, Double> x : flight.features().entrySet()) {
                    logit += weights.getOrDefault(x.getKey(), 0.0) * x.getValue();
                }
                double probability = 1 / (1 + Math.exp(-logit));
                sum -= Math.log(flight.label() == 1 ? probability : 1 - probability);
                late += flight.label();
                double step = rate * (probability - flight.label());
                flight.features().forEach((name, x) -> weights.merge(name, -step * x, Double::sum));
                bias -= step;
            }
        }
        double share = late / Flights.COUNT;
        assertThat(-share * Math.log(share) - (1 - share) * Math.log(1 - share)).isBetween(0.577, 0.578);
        assertThat(sum / Flights.COUNT).isBetween(0.48, 0.495);
    }
}
