package io.thalweg.app.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.InputRecord;
import io.thalweg.store.TaskState;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.stream.Stream;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * How well flights are predicted whose delay is known when they land. {@code -Dthalweg.flights.grid=true} prints
 * figures of {@code sgd} and {@code adagrad} at many rates.
 */
class LateFlightsTest {
    private static final TopicPartition DEPARTURES = new TopicPartition("examples", 0);
    private static final TopicPartition LANDINGS = new TopicPartition("labels", 0);
    private static final byte[] MODEL = "flights".getBytes(StandardCharsets.UTF_8);

    private static double logLoss(Map<String, String> settings, boolean late, boolean onlyNames) {
        Map<String, String> all = new HashMap<>(settings);
        if (late) {
            all.put(ThalwegConfig.LABELS_TOPIC, "labels");
            all.put(ThalwegConfig.LABELS_WAIT_MS, String.valueOf(10 * 86_400_000L));
        }
        LearningTask task = new LearningTask(
                new ThalwegConfig(all), id -> Example.getClassSchema(), "default", TaskState.inMemory());
        PriorityQueue<Flight> inTheAir = new PriorityQueue<>(Comparator.comparingLong(Flight::landing));
        long[] offsets = new long[2];
        int most = 0;
        for (Flight flight : FLIGHTS) {
            while (late && !inTheAir.isEmpty() && inTheAir.peek().landing() <= flight.departure()) {
                land(task, inTheAir.poll(), offsets);
            }
            Map<CharSequence, Double> features = new LinkedHashMap<>(flight.features());
            if (onlyNames) {
                features.remove("distance");
                features.keySet().removeIf(name -> name.toString().matches("destination=.*:hour=.*"));
            }
            apply(
                    task,
                    DEPARTURES,
                    offsets[0]++,
                    flight.departure(),
                    new Example(flight.id(), late ? null : (Double) flight.label(), 1.0, features));
            if (late) {
                inTheAir.add(flight);
                most = Math.max(most, inTheAir.size());
            }
        }
        while (!inTheAir.isEmpty()) {
            land(task, inTheAir.poll(), offsets);
        }
        assertThat(task.model("flights").validation().overall().examples()).isEqualTo(FLIGHTS.size());
        if (late) {
            assertThat(most).isEqualTo(2592);
        }
        return task.model("flights").validation().overall().logLoss();
    }

    private static final List<Flight> FLIGHTS = flights();

    private static List<Flight> flights() {
        try (Stream<Flight> flights = Flights.stream()) {
            return new ArrayList<>(flights.toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void land(LearningTask task, Flight flight, long[] offsets) {
        apply(task, LANDINGS, offsets[1]++, flight.landing(), new Example(flight.id(), flight.label(), 1.0, null));
    }

    private static void apply(LearningTask task, TopicPartition partition, long offset, long timestamp, Example x) {
        InputRecord record = InputRecord.produced(partition, offset, timestamp, MODEL, encode(x), new RecordHeaders());
        task.apply(partition == LANDINGS ? record.asLabel() : record, OutputSink.NONE);
    }

    private static byte[] encode(Example x) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, 1).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new SpecificDatumWriter<>(Example.class).write(x, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /** What to set is not known before. The best of two algorithms over a grid of rates is known only afterwards. */
    @Test
    void withNothingToSetAutoIsAsGoodAsTheBestThatIsAsLate() {
        Map<String, String> auto = Map.of("algorithm", "auto");
        double best = Math.min(
                logLoss(Map.of("algorithm", "adagrad", "learning.rate", "0.05"), true, true),
                logLoss(Map.of("algorithm", "sgd", "learning.rate", "0.01"), true, true));
        assertThat(logLoss(auto, true, true)).isLessThan(best * 1.01);
    }

    /** The same figures as those of another implementation, on the same features. */
    @Test
    void theTextbookStepGivesTheFiguresOfAnotherImplementation() {
        Map<String, String> sgd = Map.of("algorithm", "sgd", "learning.rate", "0.05");
        assertThat(logLoss(sgd, false, true)).isCloseTo(0.4905, within(5e-5));
        assertThat(logLoss(sgd, true, true)).isCloseTo(0.567, within(5e-4));
        assertThat(logLoss(Map.of("learning.rate", "0.01"), true, true)).isCloseTo(0.554, within(5e-4));
    }

    @Test
    @EnabledIfSystemProperty(named = "thalweg.flights.grid", matches = "true")
    void printsTheGrid() {
        for (boolean late : new boolean[] {false, true}) {
            for (String rate : List.of("0.005", "0.01", "0.02", "0.05", "0.1")) {
                print(Map.of("algorithm", "sgd", "learning.rate", rate), late);
            }
            for (String rate : List.of("0.02", "0.05", "0.1", "0.2")) {
                print(Map.of("algorithm", "adagrad", "learning.rate", rate), late);
            }
            print(Map.of("algorithm", "auto"), late);
        }
    }

    private static void print(Map<String, String> settings, boolean late) {
        System.out.printf(
                Locale.ROOT,
                "labels %s, %s: %.4f; without distance and destination by hour %.4f%n",
                late ? "at landing" : "at once",
                settings,
                logLoss(settings, late, false),
                logLoss(settings, late, true));
    }
}
