package io.thalweg.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.FeatureForm;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Seeded
class ExampleSpoolTest {
    private static final int SIZE = 5000;

    @TempDir
    private Path directory;

    private final List<String> added = new ArrayList<>();
    private final List<Example> examples = new ArrayList<>();

    @BeforeEach
    void examples(Random random) {
        for (int i = 0; i < SIZE; i++) {
            Example x = switch (random.nextInt(3)) {
                case 0 -> Examples.dense(1.0, random.nextGaussian(), 1, -0.0);
                case 1 -> Examples.named(0.0, "größe", random.nextFloat(), "n" + i, 1);
                default -> Examples.randomSparse(random, 5, 1 << 20);
            };
            if (random.nextInt(10) == 0) {
                x.label(random.nextDouble());
            }
            if (random.nextInt(10) == 0) {
                x.importance(random.nextDouble());
            }
            examples.add(x);
            added.add(words(x, i % 7, 3L * i, x.label(), i));
        }
    }

    /** All that an example says. */
    private static String words(Example x, int model, long line, double label, long place) {
        StringBuilder words =
                new StringBuilder("%d %d %s %s %d %s".formatted(model, line, label, x.importance(), place, x.form()));
        for (int k = 0; k < x.size(); k++) {
            words.append(' ')
                    .append(x.form() == FeatureForm.NAMED ? x.name(k) : x.form() == FeatureForm.SPARSE ? x.index(k) : k)
                    .append(':')
                    .append(x.value(k));
        }
        return words.toString();
    }

    private ExampleSpool spool(int chunk, long heap) {
        ExampleSpool spool = new ExampleSpool(directory, chunk, heap);
        for (int i = 0; i < SIZE; i++) {
            spool.add(examples.get(i), i % 7, 3L * i);
        }
        spool.end();
        return spool;
    }

    private static List<String> all(ExampleSpool.SpoolReader reading) {
        Example x = new Example();
        List<String> all = new ArrayList<>();
        while (reading.next(x)) {
            assertThat(x.labelled()).isFalse();
            all.add(words(x, reading.model(), reading.line(), reading.label(), reading.place()));
        }
        assertThat(reading.next(x)).isFalse();
        return all;
    }

    @Test
    void examplesComeBackAsTheyWereAsOftenAsOneLikes() {
        try (ExampleSpool spool = spool(1000, Long.MAX_VALUE)) {
            assertThat(spool.size()).isEqualTo(SIZE);
            assertThat(spool.spilled()).isZero();
            assertThat(all(spool.read())).isEqualTo(added);
            assertThat(all(spool.read())).isEqualTo(added);
        }
    }

    @Test
    void whatDoesNotFitIsInAFile() throws IOException {
        try (ExampleSpool heap = spool(1000, Long.MAX_VALUE);
                ExampleSpool file = spool(1000, 20_000)) {
            assertThat(file.spilled()).isGreaterThan(20_000);
            assertThat(all(file.read())).isEqualTo(added);
            assertThat(all(file.read(1))).isEqualTo(all(heap.read(1)));
            // several at a time
            List<List<String>> readings = IntStream.range(0, 8)
                    .parallel()
                    .mapToObj(seed -> all(file.read(seed)))
                    .toList();
            assertThat(readings)
                    .doesNotHaveDuplicates()
                    .allSatisfy(reading -> assertThat(reading).containsExactlyInAnyOrderElementsOf(added));
        }
        try (Stream<Path> left = Files.list(directory)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void aSeedGivesAnOrder() {
        // in one go, and in several
        for (int chunk : new int[] {100_000, 1000}) {
            try (ExampleSpool spool = spool(chunk, Long.MAX_VALUE)) {
                List<String> order = all(spool.read(5));
                assertThat(order).containsExactlyInAnyOrderElementsOf(added).isNotEqualTo(added);
                assertThat(all(spool.read(5))).isEqualTo(order);
                assertThat(all(spool.read(6))).isNotEqualTo(order);
            }
        }
    }

    /** Of those that stood in the first half, about half stand there afterwards. */
    @Test
    void anOrderIsMixedAlsoAcrossChunks() {
        try (ExampleSpool spool = spool(300, Long.MAX_VALUE)) {
            ExampleSpool.SpoolReader reading = spool.read(7);
            Example x = new Example();
            int early = 0;
            for (int i = 0; i < SIZE / 2; i++) {
                assertThat(reading.next(x)).isTrue();
                early += reading.place() < SIZE / 2 ? 1 : 0;
            }
            assertThat(early).isBetween(SIZE / 8, 3 * SIZE / 8);
        }
    }

    @Test
    void anExampleMayBeLongerThanAChunk() {
        try (ExampleSpool spool = new ExampleSpool(directory, 10, Long.MAX_VALUE)) {
            spool.add(examples.get(0), 0, 0);
            spool.add(examples.get(1), 1, 3);
            spool.end();
            assertThat(all(spool.read())).isEqualTo(added.subList(0, 2));
        }
    }

    @Test
    void anEmptyListHasNothing() {
        try (ExampleSpool spool = new ExampleSpool(directory)) {
            spool.end();
            assertThat(all(spool.read())).isEmpty();
            assertThat(all(spool.read(1))).isEmpty();
        }
    }
}
