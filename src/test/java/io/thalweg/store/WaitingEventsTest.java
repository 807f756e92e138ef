package io.thalweg.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.PredictionResult;
import io.thalweg.store.WaitingEntry.Kind;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class WaitingEventsTest {
    @TempDir
    Path directory;

    /** What an entry must say. */
    private record Expected(Kind kind, String model, String id, long due, long order, String features) {}

    private final Map<String, Expected> expected = new HashMap<>();
    private final Map<ByteBuffer, byte[]> changelog = new LinkedHashMap<>();
    private final WaitingEntry entry = new WaitingEntry();
    private long time;

    private WaitingEvents restored(long heapBytes) {
        WaitingEvents waiting = new WaitingEvents(true, directory, new HeapBudget(heapBytes));
        changelog.forEach((key, value) -> {
            ByteBuffer rest = ByteBuffer.wrap(key.array());
            if (rest.get() == ChangelogFormat.WAITING) {
                waiting.restorePart(rest.getLong(), value);
            } else {
                waiting.restoreDeletion(ChangelogFormat.text(rest), value);
            }
        });
        waiting.restored(time);
        return waiting;
    }

    private void commit(WaitingEvents waiting) {
        waiting.writeChanges(time, (key, value) -> {
            changelog.remove(ByteBuffer.wrap(key));
            if (value != null) {
                changelog.put(ByteBuffer.wrap(key), value);
            }
        });
    }

    /** Does the same as a map, through spills, compactions and restarts. */
    @ParameterizedTest
    @ValueSource(longs = {0, 3000, 1L << 30})
    void isAMapWithAnOrderOfTime(long heapBytes, Random random) {
        WaitingEvents waiting = new WaitingEvents(true, directory, new HeapBudget(heapBytes));
        for (int i = 0; i < 20_000; i++) {
            String model = "m" + random.nextInt(3);
            String id = "event " + random.nextInt(2000);
            switch (random.nextInt(12)) {
                case 0, 1, 2, 3, 4, 5 -> put(waiting, random, model, id, i);
                case 6, 7 -> settle(waiting, model, id);
                case 8, 9 -> check(waiting, model, id);
                case 10 -> {
                    time += random.nextInt(40);
                    removeDue(waiting);
                }
                default -> {
                    if (random.nextInt(60) == 0) {
                        waiting.deleteModel(model, i);
                        expected.values().removeIf(e -> e.model.equals(model) && e.kind != Kind.LABEL);
                    }
                    if (random.nextInt(4) == 0) {
                        commit(waiting);
                        if (random.nextInt(4) == 0) {
                            waiting.clear();
                            waiting = restored(heapBytes);
                        }
                    }
                }
            }
        }
        for (Expected one : List.copyOf(expected.values())) {
            check(waiting, one.model, one.id);
        }
        time = Long.MAX_VALUE;
        removeDue(waiting);
        assertThat(expected).isEmpty();
        commit(waiting);
        assertThat(changelog).as("all parts are dropped when nothing waits").isEmpty();
        assertThat(waiting.bytes()).isZero();
    }

    private void put(WaitingEvents waiting, Random random, String model, String id, int i) {
        long due = time + random.nextInt(400);
        if (random.nextInt(6) == 0) {
            entry.label(model, id.getBytes(StandardCharsets.UTF_8), due, i, 5, 6, 0.25, Double.NaN);
            waiting.put(entry);
            expected.put(model + id, new Expected(Kind.LABEL, model, id, due, i, ""));
            return;
        }
        Example x = random.nextBoolean()
                ? Examples.randomSparse(random, 1 + random.nextInt(9), 1 << 20)
                : Examples.named(1.0, "näme " + random.nextInt(50), random.nextGaussian(), "g", 1.0);
        x.id(id.getBytes(StandardCharsets.UTF_8));
        PredictionResult served = new PredictionResult();
        served.restore(
                random.nextGaussian(), i, random.doubles(random.nextInt(3)).toArray());
        waiting.putEvent(model, id.getBytes(StandardCharsets.UTF_8), x, served, random.nextBoolean(), time, i, due);
        expected.put(model + id, new Expected(Kind.EVENT, model, id, due, i, features(x) + served.logit()));
    }

    private void settle(WaitingEvents waiting, String model, String id) {
        if (waiting.find(model, id.getBytes(StandardCharsets.UTF_8), entry) && entry.kind() == Kind.EVENT) {
            String features = features(entry.example()) + entry.prediction().logit();
            entry.settle(Kind.GIVEN_UP, entry.due() + 50, true);
            waiting.put(entry);
            expected.put(model + id, new Expected(Kind.GIVEN_UP, model, id, entry.due(), entry.order(), features));
        }
    }

    private void check(WaitingEvents waiting, String model, String id) {
        Expected one = expected.get(model + id);
        assertThat(waiting.find(model, id.getBytes(StandardCharsets.UTF_8), entry))
                .isEqualTo(one != null);
        if (one != null) {
            assertThat(found()).isEqualTo(one);
        }
    }

    private Expected found() {
        return new Expected(
                entry.kind(),
                entry.model(),
                new String(entry.id(), StandardCharsets.UTF_8),
                entry.due(),
                entry.order(),
                entry.kind() == Kind.LABEL
                        ? ""
                        : features(entry.example()) + entry.prediction().logit());
    }

    private void removeDue(WaitingEvents waiting) {
        List<Expected> due = expected.values().stream()
                .filter(e -> e.due < time)
                .sorted(Comparator.comparingLong(Expected::due).thenComparingLong(Expected::order))
                .toList();
        for (Expected one : due) {
            assertThat(waiting.removeDue(time, entry)).isTrue();
            assertThat(found()).isEqualTo(one);
            expected.remove(one.model + one.id);
        }
        assertThat(waiting.removeDue(time, entry) ? found() : null).isNull();
    }

    private static String features(Example x) {
        StringBuilder features = new StringBuilder().append(x.form()).append(x.importance());
        for (int k = 0; k < x.size(); k++) {
            features.append(x.form() == io.thalweg.math.FeatureForm.NAMED ? x.name(k) : x.index(k))
                    .append('=')
                    .append(x.value(k))
                    .append(' ');
        }
        return features.toString();
    }

    /** What waits takes little more than its features, in the changelog as well as in the file. */
    @Test
    void isNotMuchLargerThanTheFeatures(Random random) throws IOException {
        WaitingEvents waiting = new WaitingEvents(true, directory, new HeapBudget(0));
        PredictionResult served = new PredictionResult();
        int waits = 20_000;
        long features = 0;
        for (int i = 0; i < 4 * waits; i++) {
            Example x = Examples.dense(null, random.doubles(20).toArray());
            byte[] id = ("event-" + i).getBytes(StandardCharsets.UTF_8);
            x.id(id);
            served.restore(0.5, i, new double[0]);
            waiting.putEvent("default", id, x, served, false, i, i, i + waits);
            time = i;
            while (waiting.removeDue(time, entry)) {
                // given up
            }
            if (i % 1000 == 999) {
                commit(waiting);
            }
        }
        features = (long) waits * (20 * Double.BYTES);
        long inChangelog =
                changelog.values().stream().mapToLong(value -> value.length).sum();
        assertThat(inChangelog).isLessThan(features * 3 / 2);
        assertThat(waiting.bytes()).isLessThan(features * 3 / 2);
        waiting.clear();
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files.map(Path::toString).collect(Collectors.toList())).isEmpty();
        }
        assertThat(Arrays.asList(waiting.size(), waiting.bytes())).containsOnly(0L);
    }
}
