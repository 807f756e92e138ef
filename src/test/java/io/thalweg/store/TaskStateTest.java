package io.thalweg.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.avro.SparseFeatures;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.fold.LearningTask.Applied;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.InputRecord;
import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.Optimizer;
import io.thalweg.output.OutputTopic;
import io.thalweg.testing.Seed;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class TaskStateTest {
    private static final TopicPartition INPUT = new TopicPartition("examples", 3);
    private static final Map<String, String> REPLAYED = config("sgd").replayedSettings("default");

    private static ThalwegConfig config(String algorithm) {
        return new ThalwegConfig(Map.of(
                ThalwegConfig.ALGORITHM,
                algorithm,
                ThalwegConfig.FEATURES_SPACE_BITS,
                12,
                ThalwegConfig.NAMES_MAX,
                200,
                ThalwegConfig.METRICS_WINDOW,
                20,
                ThalwegConfig.WEIGHTS_RECORD_MAX,
                64,
                ThalwegConfig.WEIGHTS_EVERY,
                3));
    }

    private record Change(ByteBuffer key, byte[] value) {}

    /** A task with its changelog. */
    private static final class Task {
        final TaskState state;
        final LearningTask learning;
        final List<Change> changelog;
        final Map<String, String> replayed;
        final Optimizer optimizer;

        Task(List<Change> changelog) {
            this("sgd", changelog);
        }

        Task(String algorithm, List<Change> changelog) {
            this(config(algorithm), changelog);
        }

        Task(ThalwegConfig config, List<Change> changelog) {
            this.changelog = changelog;
            replayed = config.replayedSettings("default");
            optimizer = Optimizer.of(config.learner());
            // a journal so short that it is cut again and again
            state = TaskState.logged("weights", new Journal(500, 25));
            learning = new LearningTask(config, id -> io.thalweg.avro.Example.getClassSchema(), "default", state);
        }

        static Task begun() {
            return begun("sgd");
        }

        static Task begun(String algorithm) {
            Task task = new Task(algorithm, new ArrayList<>());
            task.begin();
            return task;
        }

        void begin() {
            learning.begin();
        }

        /** Another task that takes over: restored from a changelog, in batches or at once makes no difference to it. */
        static Task restored(List<Change> changelog, List<Change> from) {
            return restored("sgd", changelog, from);
        }

        static Task restored(String algorithm, List<Change> changelog, List<Change> from) {
            Task task = new Task(algorithm, changelog);
            task.restore(from);
            task.begin();
            return task;
        }

        void restore(List<Change> from) {
            from.forEach(change -> learning.restore(change.key.array(), change.value));
        }

        /** What a random record does; the same for the same random numbers. */
        void record(Random random, long offset) {
            String id = "model " + random.nextInt(5);
            boolean isDeletion = random.nextInt(40) == 0;
            apply(id, offset, isDeletion ? null : example(random, id));
            if (random.nextInt(10) == 0) {
                learning.publishRest(0, SINK);
            }
        }

        /** Applies an example, or a deletion. */
        void apply(String id, long offset, Example x) {
            Applied applied = learning.apply(
                    InputRecord.produced(
                            INPUT,
                            offset,
                            0,
                            id.getBytes(StandardCharsets.UTF_8),
                            x == null ? null : encode(x),
                            new RecordHeaders()),
                    SINK);
            assertThat(applied).isEqualTo(x == null ? Applied.DELETED : Applied.LEARNED);
        }

        Model model(String id) {
            return learning.model(id);
        }

        private static Example example(Random random, String id) {
            if (id.charAt(6) - '0' < 2) {
                return Examples.randomSparse(random, 6, 1 << 12);
            }
            Object[] namesAndValues = random.ints(0, 250)
                    .distinct()
                    .limit(1 + random.nextInt(6))
                    .boxed()
                    .flatMap(i -> java.util.stream.Stream.of("näme" + i, random.nextGaussian()))
                    .toArray();
            return Examples.named((double) random.nextInt(2), namesAndValues);
        }

        void commit() {
            learning.commit((key, value) -> changelog.add(new Change(ByteBuffer.wrap(key), value)));
        }

        /** All that must survive, of every model. */
        String bits() {
            Map<String, String> models = new TreeMap<>();
            for (ModelEntry entry : state.models()) {
                models.put(entry.id(), TaskStateTest.bits(entry));
            }
            return models.toString();
        }

        String bits(String model) {
            return TaskStateTest.bits(state.get(model));
        }

        /** The models that are to be published next, and their blocks. */
        String unpublished() {
            TreeSet<String> all = new TreeSet<>();
            for (ModelEntry entry : state.models()) {
                if (!entry.published().isCurrent()) {
                    TreeSet<Integer> blocks = new TreeSet<>();
                    for (int i = 0; i < entry.published().changed().size(); i++) {
                        blocks.add(entry.published().changed().get(i));
                    }
                    all.add(entry.id() + " " + blocks);
                }
            }
            return all.toString();
        }
    }

    private static final OutputSink SINK = new OutputSink() {
        @Override
        public boolean wants(OutputTopic topic) {
            return true;
        }

        @Override
        public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
            // nobody reads it
        }
    };

    private static byte[] encode(Example x) {
        Object features;
        if (x.form() == FeatureForm.SPARSE) {
            SparseFeatures sparse = new SparseFeatures(new ArrayList<>(), new ArrayList<>());
            for (int k = 0; k < x.size(); k++) {
                sparse.getIndices().add(x.index(k));
                sparse.getValues().add(x.value(k));
            }
            features = sparse;
        } else if (x.form() == FeatureForm.DENSE) {
            features = IntStream.range(0, x.size()).mapToObj(x::value).toList();
        } else {
            Map<CharSequence, Double> named = new LinkedHashMap<>();
            for (int k = 0; k < x.size(); k++) {
                named.put(x.name(k), x.value(k));
            }
            features = named;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[5]);
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new SpecificDatumWriter<>(io.thalweg.avro.Example.class)
                    .write(new io.thalweg.avro.Example(null, x.label(), x.importance(), features), encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static String bits(ModelEntry entry) {
        return Examples.bits(entry.model()) + "\npublished " + entry.published().version() + " "
                + entry.published().isWhole();
    }

    /** Only the last record of each key, at its place, as log compaction leaves it; tombstones stay or go. */
    private static List<Change> compacted(List<Change> changelog, boolean tombstones) {
        Map<ByteBuffer, Change> last = new LinkedHashMap<>();
        for (Change change : changelog) {
            last.remove(change.key);
            last.put(change.key, change);
        }
        return last.values().stream()
                .filter(change -> tombstones || change.value != null)
                .toList();
    }

    /** Runs records with commits between them; calls after each commit. */
    private static void run(Task task, Random random, int from, int to, Runnable afterCommit) {
        for (int offset = from; offset < to; offset++) {
            task.record(random, offset);
            if (random.nextInt(8) == 0 || offset == to - 1) {
                task.commit();
                afterCommit.run();
            }
        }
    }

    private static String[] namesOnly(int from, int to) {
        String[] names = new String[to - from];
        for (int i = from; i < to; i++) {
            names[i - from] = "n" + i;
        }
        return names;
    }

    private static Object[] names(int from, int to) {
        return java.util.Arrays.stream(namesOnly(from, to))
                .flatMap(name -> java.util.stream.Stream.of((Object) name, 1.0))
                .toArray();
    }

    private static void learn(Task task, Example x) {
        learn(task, "m", x);
    }

    private static void learn(Task task, String model, Example x) {
        task.apply(model, task.state.offsets().next().getOrDefault(INPUT, 0L), x);
    }

    private static Example wide(double label) {
        return Examples.sparse(label, new int[] {1, 130, 300, 600, 1000, 2000}, new double[] {1, 2, 3, 4, 5, 6});
    }

    /** As they were up to format 3. */
    private static List<Change> withoutNumbers(List<Change> changelog) {
        return changelog.stream()
                .map(change -> {
                    if (change.key.get(0) != 'm') {
                        return change;
                    }
                    byte[] head = Arrays.copyOf(change.value, change.value.length - Integer.BYTES);
                    head[0] = 3;
                    return new Change(change.key, head);
                })
                .toList();
    }

    private static List<Change> inFormat4(List<Change> changelog) {
        return changelog.stream()
                .map(change -> {
                    byte[] value = change.value.clone();
                    value[0] = change.key.get(0) == 'm' ? 4 : value[0];
                    return new Change(change.key, value);
                })
                .toList();
    }

    private static List<String> kinds(Task task) {
        List<String> kinds = task.changelog.stream()
                .map(change -> String.valueOf((char) change.key.get(0)))
                .toList();
        task.changelog.clear();
        return kinds;
    }

    private static Map<String, String> with(String name, String value) {
        Map<String, String> replayed = new TreeMap<>(REPLAYED);
        replayed.put(name, value);
        return replayed;
    }

    private static List<SettingsSpan> spans(Task task) {
        return compacted(task.changelog, false).stream()
                .filter(change -> change.key.get(0) == 's')
                .flatMap(change -> ChangelogFormat.readSettings(change.value).stream())
                .toList();
    }

    private static void assertRefused(byte[] key, byte[] value, String saying) {
        TaskState state = TaskState.logged("weights", new Journal());
        assertThatThrownBy(() -> state.restore(key, value))
                .isInstanceOf(StateException.class)
                .hasMessageContaining(saying)
                .hasMessageNotContaining("\n");
    }

    @Nested
    class Restoring {
        /** Under auto some models are large enough for their steps to be written instead of their blocks. */
        @ParameterizedTest
        @CsvSource({"sgd,40", "auto,8"})
        void goesOnAfterARestoreAsIfNothingHadHappened(String algorithm, int runs, Seed seed) {
            for (int run = 0; run < runs; run++) {
                long runSeed = seed.value() + run;
                int n = 300;
                int crash = 1 + new Random(runSeed).nextInt(n - 1);

                Task uninterrupted = Task.begun(algorithm);
                Task before = Task.begun(algorithm);
                Random random = new Random(runSeed);
                run(uninterrupted, random, 0, crash, () -> {});
                run(before, new Random(runSeed), 0, crash, () -> {});
                // steps that were taken and not committed are lost with the process
                for (int i = 0; i < 5; i++) {
                    before.record(new Random(i), crash + i);
                }

                List<Change> log = before.changelog;
                List<Change> head = log.subList(0, log.size() / 2);
                List<Change> tail = log.subList(log.size() / 2, log.size());
                List<Change> partly = new ArrayList<>(compacted(head, true));
                partly.addAll(tail);
                List<Change> partlyWithoutTombstones = new ArrayList<>(compacted(head, false));
                partlyWithoutTombstones.addAll(tail);

                String expected = uninterrupted.bits();
                List<Task> successors = new ArrayList<>();
                for (List<Change> way :
                        List.of(log, compacted(log, true), compacted(log, false), partly, partlyWithoutTombstones)) {
                    successors.add(Task.restored(algorithm, new ArrayList<>(log), way));
                }
                // a standby reads some now and the rest later
                Task standby = new Task(algorithm, new ArrayList<>(log));
                standby.restore(head);
                standby.restore(tail);
                standby.begin();
                successors.add(standby);

                run(uninterrupted, random, crash, n, () -> {});
                for (Task successor : successors) {
                    assertThat(successor.bits()).isEqualTo(expected);
                    assertThat(successor.state.offsets().isApplied(INPUT, crash - 1))
                            .isTrue();
                    assertThat(successor.state.offsets().isApplied(INPUT, crash))
                            .isFalse();
                    Random again = new Random(runSeed);
                    run(Task.begun(algorithm), again, 0, crash, () -> {});
                    run(successor, again, crash, n, () -> {});
                    assertThat(successor.bits()).isEqualTo(uninterrupted.bits());
                    // and its own changelog restores it once more
                    assertThat(Task.restored(algorithm, new ArrayList<>(), successor.changelog)
                                    .bits())
                            .isEqualTo(uninterrupted.bits());
                    assertThat(Task.restored(algorithm, new ArrayList<>(), compacted(successor.changelog, false))
                                    .bits())
                            .isEqualTo(uninterrupted.bits());
                    assertThat(successor.unpublished()).isEqualTo(uninterrupted.unpublished());
                }
            }
        }

        /** A task that becomes a standby keeps its state, reads what another writes, and becomes active again. */
        @ParameterizedTest
        @CsvSource({"sgd,40", "auto,8"})
        void goesOnAfterItWasAStandbyForAWhile(String algorithm, int runs, Seed seed) {
            for (int run = 0; run < runs; run++) {
                Random random = new Random(seed.value() + run);
                Task uninterrupted = Task.begun(algorithm);
                Task one = Task.begun(algorithm);
                Random same = new Random(seed.value() + run);
                run(uninterrupted, random, 0, 200, () -> {});
                run(one, same, 0, 200, () -> {});
                int read = one.changelog.size();

                Task other = Task.restored(algorithm, new ArrayList<>(one.changelog), one.changelog);
                run(uninterrupted, random, 200, 400, () -> {});
                run(other, same, 200, 400, () -> {});

                List<Change> since = other.changelog.subList(read, other.changelog.size());
                one.restore(run % 2 == 0 ? since : compacted(since, true));
                one.begin();
                assertThat(one.bits()).isEqualTo(uninterrupted.bits());
                assertThat(one.unpublished()).isEqualTo(uninterrupted.unpublished());

                one.changelog.clear();
                one.changelog.addAll(other.changelog);
                run(uninterrupted, random, 400, 600, () -> {});
                run(one, same, 400, 600, () -> {});
                assertThat(one.bits()).isEqualTo(uninterrupted.bits());
                assertThat(Task.restored(algorithm, new ArrayList<>(), one.changelog)
                                .bits())
                        .isEqualTo(uninterrupted.bits());
            }
        }

        @Test
        void aModelThatWasForgottenAndBegunAgainSinceTheLastCommitIsTheNewOne() {
            Task task = Task.begun();
            learn(task, Examples.named(1.0, names(0, 150)));
            task.commit();
            task.state.remove("m");
            learn(task, Examples.named(0.0, "b", 1));
            task.state.remove("m");
            learn(task, Examples.sparse(0.0, new int[] {4000}, new double[] {1}));
            task.commit();
            for (List<Change> way :
                    List.of(task.changelog, compacted(task.changelog, true), compacted(task.changelog, false))) {
                Task next = Task.restored(new ArrayList<>(), way);
                assertThat(next.bits("m")).isEqualTo(task.bits("m"));
                Model model = next.model("m");
                assertThat(model.version()).isEqualTo(1);
                assertThat(model.form()).isEqualTo(FeatureForm.SPARSE);
                assertThat(model.blockCount()).isEqualTo(1);
                assertThat(model.names().size()).isZero();
            }
        }

        @Test
        void aModelThatWasForgottenLeavesNothing() {
            Task task = Task.begun();
            learn(task, Examples.named(1.0, names(0, 150)));
            task.commit();
            assertThat(task.state.remove("m")).isNotNull();
            assertThat(task.state.remove("m")).isNull();
            task.commit();
            assertThat(compacted(task.changelog, false))
                    .extracting(change -> (char) change.key.get(0))
                    .containsOnly('s', 'o');
            Task next = Task.restored(new ArrayList<>(), task.changelog);
            assertThat(next.state.size()).isZero();
            assertThat(next.state.get("m")).isNull();
        }
    }

    @Nested
    class Writing {
        @Test
        void writesWhatHasChangedAndNothingElse() {
            Task task = Task.begun();
            task.commit();
            assertThat(kinds(task)).containsExactly("s");
            learn(task, Examples.sparse(1.0, new int[] {1, 130, 2000}, new double[] {1, 1, 1}));
            task.commit();
            assertThat(kinds(task)).containsExactly("b", "b", "b", "m", "o");
            learn(task, Examples.sparse(1.0, new int[] {131}, new double[] {1}));
            task.commit();
            assertThat(kinds(task))
                    .as("a step is smaller than what it has changed")
                    .containsExactly("l", "o");
            for (int i = 0; i < 100; i++) {
                learn(task, Examples.sparse(1.0, new int[] {132}, new double[] {1}));
            }
            task.commit();
            assertThat(kinds(task))
                    .as("one block, once, instead of a hundred steps; what that makes useless; and offsets last")
                    .containsExactly("b", "m", "l", "o");
            task.commit();
            assertThat(kinds(task)).isEmpty();
            task.state.offsets().advanceTo(INPUT, 77);
            task.commit();
            assertThat(kinds(task)).containsExactly("o");
        }

        @Test
        void writesOnlyTheChunksOfNamesThatAreNew() {
            Task task = Task.begun();
            learn(task, Examples.named(1.0, names(0, 100)));
            task.commit();
            assertThat(kinds(task)).containsExactly("n", "n", "b", "m", "s", "o");
            learn(task, Examples.named(1.0, names(50, 101)));
            task.commit();
            assertThat(kinds(task)).containsExactly("n", "l", "o");
            learn(task, Examples.named(1.0, names(50, 101)));
            task.commit();
            assertThat(kinds(task)).containsExactly("l", "o");
        }

        @Test
        void dropsEverything() {
            Task task = Task.begun();
            learn(task, Examples.named(1.0, "a", 1));
            task.state.clear(true);
            assertThat(task.state.size()).isZero();
            assertThat(task.state.offsets().isApplied(INPUT, 0)).isFalse();
            task.commit();
            assertThat(task.changelog).isEmpty();
        }
    }

    @Nested
    class Steps {
        @Test
        void stepsAreWrittenUntilTheSettingsChange() {
            Task task = Task.begun("auto");
            learn(task, wide(1));
            task.commit();
            assertThat(kinds(task)).containsExactly("b", "b", "b", "b", "b", "b", "m", "s", "o");
            task = Task.begun("auto");
            for (int i = 0; i < 4; i++) {
                learn(task, wide(i % 2));
                task.commit();
            }
            assertThat(task.changelog.stream().skip(9).map(change -> (char) change.key.get(0)))
                    .containsExactly('l', 'o', 'l', 'o', 'l', 'o');
            Task next = Task.restored("auto", new ArrayList<>(task.changelog), task.changelog);
            assertThat(next.bits("m")).isEqualTo(task.bits("m"));

            // what was learned under other settings must not be learned again under these
            Map<String, String> changed = new TreeMap<>(task.replayed);
            changed.put(ThalwegConfig.METRICS_WINDOW, "4");
            Task other = new Task("auto", new ArrayList<>(task.changelog));
            other.restore(task.changelog);
            other.state.begin(changed, other.optimizer, false);
            assertThat(other.bits("m")).isEqualTo(task.bits("m"));
            other.state.offsets().advanceTo(INPUT, 9);
            other.commit();
            assertThat(compacted(other.changelog, false).stream().map(change -> (char) change.key.get(0)))
                    .doesNotContain('l');
            Task last = new Task("auto", new ArrayList<>());
            last.restore(compacted(other.changelog, false));
            last.state.begin(changed, last.optimizer, false);
            assertThat(last.bits("m")).isEqualTo(task.bits("m"));
        }

        @Test
        void stepsOfManyModelsAreOneRecord() {
            Task task = Task.begun();
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 10; i++) {
                    learn(task, "m" + i, wide(i % 2));
                }
                task.commit();
                List<String> kinds = kinds(task);
                if (round > 0) {
                    assertThat(kinds).containsExactly("l", "o");
                }
            }
        }

        /**
         * What was taken down of a model before it turned out that its blocks are the smaller is not written, nor is
         * what was forgotten.
         */
        @Test
        void stepsOfModelsThatAreWrittenAsBlocksAreLeftOut() {
            Task task = Task.begun();
            for (String model : List.of("often", "gone", "once")) {
                learn(task, model, wide(1));
            }
            task.commit();
            List<Change> all = new ArrayList<>(task.changelog);
            task.changelog.clear();
            for (int i = 0; i < 100; i++) {
                learn(task, "often", wide(i % 2));
                if (i == 0) {
                    learn(task, "gone", wide(0));
                    learn(task, "once", wide(1));
                    task.state.remove("gone");
                }
            }
            task.commit();
            all.addAll(task.changelog);
            byte[] part = task.changelog.stream()
                    .filter(change -> change.key.get(0) == 'l' && change.value != null)
                    .findFirst()
                    .orElseThrow()
                    .value;
            StepLogReader entries = new StepLogReader(part, ChangelogFormat.PART_HEADER);
            assertThat(entries.next()).isTrue();
            assertThat(entries.model()).isEqualTo(2);
            assertThat(entries.version()).isEqualTo(1);
            assertThat(entries.next()).isFalse();
            Task next = Task.restored(new ArrayList<>(), all);
            assertThat(next.state.size()).isEqualTo(2);
            for (String model : List.of("often", "once")) {
                assertThat(next.bits(model)).isEqualTo(task.bits(model));
            }
        }

        /** Models whose heads were written before there were numbers get one, and new heads. */
        @Test
        void modelsWithoutNumbersGetThem() {
            Task task = Task.begun();
            for (int i = 0; i < 3; i++) {
                learn(task, "m" + i, wide(1));
            }
            task.commit();
            List<Change> older = withoutNumbers(task.changelog);
            Task next = Task.restored(new ArrayList<>(older), older);
            for (int commit = 0; commit < 2; commit++) {
                for (int i = 0; i < 4; i++) {
                    learn(task, "m" + i, wide(0));
                    learn(next, "m" + i, wide(0));
                }
                next.commit();
            }
            assertThat(compacted(next.changelog, false))
                    .extracting(change -> (char) change.key.get(0))
                    .contains('l');
            Task last = Task.restored(new ArrayList<>(), next.changelog);
            for (int i = 0; i < 4; i++) {
                assertThat(last.bits("m" + i)).isEqualTo(task.bits("m" + i));
            }
        }

        @Test
        void refusesAJournalOfAnEarlierVersion() {
            assertRefused(ChangelogFormat.journalKey(0), new byte[] {1, 1}, "format 1");
        }

        @Test
        void refusesAJournalThatDoesNotFitTheBlocks() {
            Task task = Task.begun();
            List<Change> all = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                learn(task, wide(i % 2));
                task.commit();
                all.addAll(task.changelog);
                task.changelog.clear();
            }
            assertThat(all).extracting(change -> (char) change.key.get(0)).contains('l');
            Change first = all.stream()
                    .filter(change -> change.key.get(0) == 'l')
                    .findFirst()
                    .orElseThrow();
            List<Change> withAGap =
                    all.stream().filter(change -> change != first).toList();
            assertThatThrownBy(() -> Task.restored(new ArrayList<>(), withAGap))
                    .isInstanceOf(StateException.class)
                    .hasMessageContaining("cannot be replayed (steps from version 2 on, for a model at version 1)")
                    .hasMessageContaining("reset");

            List<Change> damaged = all.stream()
                    .map(change -> change == first
                            ? new Change(change.key, java.util.Arrays.copyOf(change.value, change.value.length - 3))
                            : change)
                    .toList();
            assertThatThrownBy(() -> Task.restored(new ArrayList<>(), damaged))
                    .isInstanceOf(StateException.class)
                    .hasMessageContaining("part 0 is damaged")
                    .hasMessageContaining("reset");
        }
    }

    @Nested
    class OffsetsAndSettings {
        @Test
        void refusesAChangelogInWhichTheyAreDeleted() {
            TaskState state = TaskState.logged("weights", new Journal());
            for (byte[] key : List.of(
                    ChangelogFormat.settingsKey(), ChangelogFormat.key(ChangelogFormat.OFFSET, 0, "examples"))) {
                assertThatThrownBy(() -> state.restore(key, null))
                        .isInstanceOf(StateException.class)
                        .hasMessageContaining("has lost its offsets, settings or time")
                        .hasMessageContaining("thalweg reset");
            }
        }

        @Test
        void knowsWhatItHasTakenInOfEachPartition() {
            TopicPartition other = new TopicPartition("others", 3);
            Task task = Task.begun();
            assertThat(task.state.offsets().isApplied(INPUT, 0)).isFalse();
            task.state.offsets().advanceTo(INPUT, 41);
            task.state.offsets().advanceTo(other, 7);
            task.commit();
            Task next = Task.restored(new ArrayList<>(), task.changelog);
            for (TaskState state : List.of(task.state, next.state)) {
                assertThat(state.offsets().isApplied(INPUT, 41)).isTrue();
                assertThat(state.offsets().isApplied(INPUT, 42)).isFalse();
                assertThat(state.offsets().isApplied(other, 7)).isTrue();
                assertThat(state.offsets().isApplied(other, 8)).isFalse();
                assertThat(state.offsets().isApplied(new TopicPartition("examples", 4), 0))
                        .isFalse();
            }
        }

        @Test
        void aChangedLearningRateBeginsASpanAtTheNextOffset() {
            Task task = Task.begun();
            learn(task, Examples.dense(1.0, 1));
            task.state.offsets().advanceTo(INPUT, 99);
            task.commit();
            assertThat(spans(task)).containsExactly(new SettingsSpan(Map.of(), REPLAYED));

            Map<String, String> changed = with(ThalwegConfig.LEARNING_RATE, "0.5");
            Task next = new Task(new ArrayList<>(task.changelog));
            next.restore(task.changelog);
            next.state.begin(changed, Examples.SGD, false);
            next.commit();
            assertThat(spans(next))
                    .containsExactly(
                            new SettingsSpan(Map.of(), REPLAYED), new SettingsSpan(Map.of(INPUT, 100L), changed));

            // nothing is learned under it: back again it has never been
            Task back = new Task(new ArrayList<>(next.changelog));
            back.restore(next.changelog);
            back.state.begin(with(ThalwegConfig.LEARNING_RATE, "0.7"), Examples.SGD, false);
            back.commit();
            assertThat(spans(back))
                    .containsExactly(
                            new SettingsSpan(Map.of(), REPLAYED),
                            new SettingsSpan(Map.of(INPUT, 100L), with(ThalwegConfig.LEARNING_RATE, "0.7")));

            // the same settings begin nothing, and write nothing
            Task same = new Task(new ArrayList<>());
            same.restore(back.changelog);
            same.state.begin(with(ThalwegConfig.LEARNING_RATE, "0.7"), Examples.SGD, false);
            same.commit();
            assertThat(same.changelog).isEmpty();
        }

        /** A changelog of weights that were learned with these labels, one after the other. */
        private List<Change> learnedWith(String... labels) {
            List<Change> changelog = new ArrayList<>();
            long offset = 0;
            for (String label : labels) {
                Task task = new Task(changelog);
                task.restore(List.copyOf(changelog));
                task.state.begin(labelled(label), Examples.SGD, true);
                learn(task, Examples.dense(1.0, 1));
                task.state.offsets().advanceTo(INPUT, offset++);
                task.commit();
            }
            return changelog;
        }

        /** Settings with a label, and with the old labels as what they may be. */
        private static Map<String, String> labelled(String label, String... settings) {
            Map<String, String> labelled = new TreeMap<>(with("label", label));
            labelled.put("features.exclude", "clicked, delay");
            for (int i = 0; i < settings.length; i += 2) {
                labelled.put(settings[i], settings[i + 1]);
            }
            return labelled;
        }

        private static void begin(List<Change> changelog, Map<String, String> settings, boolean migrate) {
            Task next = new Task(new ArrayList<>());
            next.restore(changelog);
            next.state.begin(settings, Examples.SGD, migrate);
        }

        @Test
        void anotherLabelIsRefusedUnlessItIsAskedFor() {
            List<Change> changelog = learnedWith("delay>15");

            for (String same : List.of("delay>15", "delay > 15", " delay  > 15.0")) {
                assertThatCode(() -> begin(changelog, labelled(same), false)).doesNotThrowAnyException();
            }
            for (String other : List.of("delay > 16", "delay < 15", "delay", "bought")) {
                assertThatThrownBy(() -> begin(changelog, labelled(other), false))
                        .isInstanceOf(StateException.class)
                        .hasMessage("the weights were learned with label = delay > 15 and it is now " + other
                                + "; set it back, set state.migrate = true to learn this from those weights, or delete"
                                + " them with `thalweg reset`");
                assertThatCode(() -> begin(changelog, labelled(other), true)).doesNotThrowAnyException();
            }
        }

        @Test
        void aFieldThatWasTheLabelIsNoFeatureUnlessASettingSaysSo() {
            List<Change> changelog = learnedWith("clicked == 'yes'", "delay > 15", "bought");

            for (String left : List.of("clicked", "delay")) {
                String other = left.equals("clicked") ? "delay" : "clicked";
                assertThatThrownBy(() -> begin(changelog, labelled("bought", "features.exclude", other), true))
                        .isInstanceOf(StateException.class)
                        .hasMessageContaining("field " + left + " would now be a feature; add it to features.exclude");
            }
            for (String[] wanted : new String[][] {
                {"features.exclude", "clicked", "features.numeric", "delay"},
                {"features.exclude", "delay", "features.categorical", "clicked"},
                {"features.exclude", "delay", "id.field", "clicked"},
                {"features.exclude", "delay", "features.cross", "clicked*hour"},
            }) {
                assertThatCode(() -> begin(changelog, labelled("bought", wanted), false))
                        .doesNotThrowAnyException();
            }
        }

        @Test
        void aSpanThatWasNotWrittenDoesNotOutliveAChangeToStandby() {
            Task task = Task.begun();
            learn(task, Examples.dense(1.0, 1));
            task.state.offsets().advanceTo(INPUT, 99);
            task.commit();
            Task next = new Task(new ArrayList<>(task.changelog));
            next.restore(task.changelog);
            next.state.begin(with(ThalwegConfig.LEARNING_RATE, "0.5"), Examples.SGD, false);
            next.state.dropUnwritten();
            next.state.begin(REPLAYED, Examples.SGD, false);
            learn(next, Examples.dense(1.0, 1));
            next.commit();
            assertThat(spans(next)).containsExactly(new SettingsSpan(Map.of(), REPLAYED));
        }

        /** A span in the changelog that nothing was learned under yet gives way to another, which comes to nothing. */
        @Test
        void aSpanThatGaveWayToOneThatWasNotWrittenIsBack() {
            Task task = Task.begun();
            learn(task, Examples.dense(1.0, 1));
            task.state.offsets().advanceTo(INPUT, 99);
            task.commit();
            Map<String, String> half = with(ThalwegConfig.LEARNING_RATE, "0.5");
            Task next = new Task(new ArrayList<>(task.changelog));
            next.restore(task.changelog);
            next.state.begin(half, Examples.SGD, false);
            next.commit();

            Task last = new Task(new ArrayList<>(next.changelog));
            last.restore(next.changelog);
            last.state.begin(with(ThalwegConfig.LEARNING_RATE, "0.9"), Examples.SGD, false);
            last.state.dropUnwritten();
            last.state.begin(half, Examples.SGD, false);
            learn(last, Examples.dense(1.0, 1));
            last.state.offsets().advanceTo(INPUT, 100);
            last.commit();
            last.state.begin(with(ThalwegConfig.LEARNING_RATE, "0.7"), Examples.SGD, false);
            last.commit();
            assertThat(spans(last))
                    .containsExactly(
                            new SettingsSpan(Map.of(), REPLAYED),
                            new SettingsSpan(Map.of(INPUT, 100L), half),
                            new SettingsSpan(Map.of(INPUT, 101L), with(ThalwegConfig.LEARNING_RATE, "0.7")));
        }

        @Test
        void refusesStateThatMeansSomethingElseNow() {
            Task task = Task.begun();
            learn(task, Examples.dense(1.0, 1));
            task.commit();
            Map.of(
                            "algorithm", "auto",
                            "scaling", "standard",
                            "l1", "0.5",
                            "l2", "0.25",
                            "features.space.bits", "21",
                            "names.max", "9",
                            "features.form", "sparse")
                    .forEach((name, value) -> {
                        Task next = new Task(new ArrayList<>());
                        next.restore(task.changelog);
                        assertThatThrownBy(() -> next.state.begin(
                                        with(name, value),
                                        Examples.SGD,
                                        name.equals("names.max") || name.startsWith("features")))
                                .isInstanceOf(StateException.class)
                                .hasMessageContaining(name)
                                .hasMessageContaining(value)
                                .hasMessageContaining("reset")
                                .hasMessageNotContaining("\n");
                    });
            for (String form : List.of("dense", "any")) {
                Task next = new Task(new ArrayList<>());
                next.restore(task.changelog);
                assertThatCode(() -> next.state.begin(with("features.form", form), Examples.SGD, false))
                        .doesNotThrowAnyException();
            }
        }

        @Test
        void withoutModelsAnySettingsMayFollow() {
            Task task = Task.begun();
            task.state.offsets().advanceTo(INPUT, 5);
            task.commit();
            Task next = new Task(new ArrayList<>());
            next.restore(task.changelog);
            assertThatCode(() -> next.state.begin(with("features.space.bits", "21"), Examples.SGD, false))
                    .doesNotThrowAnyException();
        }
    }

    @Nested
    class Migrating {
        private static final Map<String, String> AUTO = config("auto").replayedSettings("default");

        private static Optimizer auto() {
            return new Learner(config("auto").learner()).optimizer();
        }

        /** A task that has committed 50 records. */
        private static Task learned(String algorithm) {
            Task task = Task.begun(algorithm);
            run(task, new Random(5), 0, 50, () -> {});
            return task;
        }

        /** The next one, with auto or sgd, that goes on from the weights. */
        private static Task migrated(String algorithm, List<Change> changelog) {
            Task next = new Task(algorithm, new ArrayList<>(changelog));
            next.restore(changelog);
            next.state.begin(next.replayed, next.optimizer, true);
            return next;
        }

        @Test
        void saysThatStateCanBeMigrated() {
            Task next = new Task("auto", new ArrayList<>());
            next.restore(learned("sgd").changelog);
            assertThatThrownBy(next::begin)
                    .isInstanceOf(StateException.class)
                    .hasMessageContaining("algorithm = sgd and it is now auto")
                    .hasMessageContaining("state.migrate = true")
                    .hasMessageContaining("reset")
                    .hasMessageNotContaining("\n");
        }

        /** From auto too, whose models are so large that their changelog holds steps, which the migration ends. */
        @ParameterizedTest
        @ValueSource(strings = {"sgd", "auto"})
        void anotherAlgorithmGoesOnFromTheWeightsAndAllOfThemAreWrittenAtTheFirstCommit(String first) {
            String second = first.equals("sgd") ? "auto" : "sgd";
            Task task = learned(first);
            for (boolean crash : new boolean[] {false, true}) {
                Task next = migrated(second, task.changelog);
                if (crash) {
                    // before anything was committed: the next one finds what there was, and migrates again
                    next = migrated(second, task.changelog);
                }
                next.state.offsets().advanceTo(INPUT, 50);
                next.commit();
                assertThat(spans(next))
                        .containsExactly(
                                new SettingsSpan(Map.of(), task.replayed),
                                new SettingsSpan(Map.of(INPUT, 50L), next.replayed));

                for (List<Change> way : List.of(next.changelog, compacted(next.changelog, false))) {
                    Task after = Task.restored(second, new ArrayList<>(), way);
                    assertThat(after.bits()).isEqualTo(next.bits());
                    after.commit();
                    assertThat(after.changelog).isEmpty();
                    assertThat(after.unpublished()).isEqualTo(next.unpublished());
                    for (int i = 0; i < 5; i++) {
                        Model old = task.model("model " + i);
                        Model now = after.model("model " + i);
                        assertThat(now.version()).isEqualTo(old.version());
                        assertThat(now.bias()).isEqualTo(old.bias());
                        assertThat(now.version()).isEqualTo(old.version());
                        assertThat(now.width()).isEqualTo(new Model("new", after.optimizer).width());
                        for (int k = 0; k < old.extent(); k++) {
                            assertThat(now.weight(k)).isEqualTo(old.weight(k));
                        }
                    }
                    // and goes on, through another restore, as if nothing had happened
                    Task uninterrupted = migrated(second, task.changelog);
                    run(uninterrupted, new Random(8), 51, 90, () -> {});
                    Task interrupted = Task.restored(second, new ArrayList<>(way), way);
                    run(interrupted, new Random(8), 51, 90, () -> {});
                    assertThat(interrupted.bits()).isEqualTo(uninterrupted.bits());
                    assertThat(Task.restored(second, new ArrayList<>(), interrupted.changelog)
                                    .bits())
                            .isEqualTo(uninterrupted.bits());
                }
            }
        }

        @Test
        void aMigrationThatWasNotWrittenDoesNotOutliveAChangeToStandby() {
            Task task = learned("sgd");
            Task next = new Task(new ArrayList<>(task.changelog));
            next.restore(task.changelog);
            next.state.begin(AUTO, auto(), true);
            next.state.dropUnwritten();
            next.state.begin(REPLAYED, Examples.SGD, false);
            assertThat(next.bits()).isEqualTo(task.bits());
            run(task, new Random(6), 50, 80, () -> {});
            run(next, new Random(6), 50, 80, () -> {});
            assertThat(next.bits()).isEqualTo(task.bits());
            assertThat(Task.restored(new ArrayList<>(), next.changelog).bits()).isEqualTo(task.bits());
            assertThat(spans(next)).containsExactly(new SettingsSpan(Map.of(), REPLAYED));
        }

        /** A migration changes the state, so it leaves its trace although nothing was learned after it. */
        @Test
        void everyMigrationIsASpan() {
            List<Change> changelog = learned("sgd").changelog;
            Map<String, String> faster = with(ThalwegConfig.LEARNING_RATE, "0.5");
            for (Map<String, String> replayed : List.of(AUTO, REPLAYED, faster)) {
                Task next = new Task(new ArrayList<>(changelog));
                next.restore(changelog);
                next.state.begin(replayed, replayed == AUTO ? auto() : Examples.SGD, true);
                next.commit();
                changelog = next.changelog;
            }
            assertThat(spans(new Task(changelog)))
                    .containsExactly(
                            new SettingsSpan(Map.of(), REPLAYED),
                            new SettingsSpan(Map.of(INPUT, 50L), AUTO),
                            new SettingsSpan(Map.of(INPUT, 50L), faster));
        }
    }

    @Nested
    class Refusing {
        /** It was of sixteen parts up to format 3, and had no scale of importances up to format 4. */
        @Test
        void refusesAnAutoOfAnEarlierVersion() {
            Task task = Task.begun("auto");
            learn(task, wide(1));
            task.commit();
            for (List<Change> older : List.of(withoutNumbers(task.changelog), inFormat4(task.changelog))) {
                Task next = new Task("auto", new ArrayList<>());
                next.restore(older);
                assertThatThrownBy(next::begin)
                        .isInstanceOf(StateException.class)
                        .hasMessageContaining("algorithm = auto")
                        .hasMessageContaining("thalweg reset");
            }
        }

        /** A scale that is not there has not changed. */
        @Test
        void readsAnSgdOfAnEarlierVersion() {
            Task task = Task.begun();
            learn(task, wide(1));
            task.commit();
            Task next = Task.restored(new ArrayList<>(), inFormat4(task.changelog));
            assertThat(next.bits("m")).isEqualTo(task.bits("m"));
        }

        @Test
        void refusesStateThatItCannotRead() {
            Task task = Task.begun();
            learn(task, Examples.named(1.0, "a", 1));
            task.commit();
            assertThat(task.changelog).hasSize(5);
            for (Change change : task.changelog) {
                byte[] later = change.value.clone();
                later[0] = 9;
                assertRefused(change.key.array(), later, "format 9");
                assertRefused(change.key.array(), new byte[0], "reset");
                if (change.value.length > 1) {
                    assertRefused(
                            change.key.array(),
                            java.util.Arrays.copyOf(change.value, change.value.length / 2),
                            "reset");
                }
            }
            assertRefused(new byte[] {'z'}, new byte[] {1}, "later version");
            assertRefused(new byte[] {'j', 0, 0, 0, 0, 'm'}, new byte[] {1}, "earlier version");
        }

        @Test
        void refusesAModelWithoutItsHead() {
            Task task = Task.begun();
            learn(task, Examples.named(1.0, "a", 1));
            task.commit();
            Task next = new Task(new ArrayList<>());
            next.restore(task.changelog.stream()
                    .filter(change -> change.key.get(0) != 'm')
                    .toList());
            assertThatThrownBy(() -> next.state.begin(REPLAYED, Examples.SGD, false))
                    .isInstanceOf(StateException.class)
                    .hasMessageContaining("reset");
        }

        @Test
        void refusesNamesWithAGap() {
            Task task = Task.begun();
            learn(task, Examples.named(1.0, names(0, 100)));
            task.commit();
            Task next = new Task(new ArrayList<>());
            next.restore(task.changelog.stream()
                    .filter(change -> change.key.get(0) != 'n' || change.key.getInt(1) != 0)
                    .toList());
            assertThatThrownBy(() -> next.state.begin(REPLAYED, Examples.SGD, false))
                    .isInstanceOf(StateException.class)
                    .hasMessageContaining("reset");
        }
    }
}
