package io.thalweg.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.audit.VerificationReport.Conclusion;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.InputRecord;
import io.thalweg.math.Examples;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.ModelFile;
import io.thalweg.store.ModelFiles;
import io.thalweg.store.SettingsSpan;
import io.thalweg.store.StartModels;
import io.thalweg.store.TaskState;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Headers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a learner published whose models began with a file, and its replay. */
@Seeded
class StartFilesTest {
    private static final int RECORDS = 500;
    private static final int STEPS = 40;

    @TempDir
    private Path directory;

    /** A file with models of the ids and forms of a {@link LearnedLog}; others begin at zero. */
    private Path start(String name, String algorithm, Random random) throws IOException {
        ThalwegConfig config =
                new ThalwegConfig(Map.of("algorithm", algorithm, "names.max", "8", "features.space.bits", "10"));
        Learner learner = new Learner(config.learner());
        Model dense = new Model("dense", learner.optimizer());
        Model named = new Model("named", learner.optimizer());
        Model large = new Model("large", learner.optimizer());
        for (int i = 0; i < STEPS; i++) {
            double label = random.nextInt(2);
            ModelFiles.learn(learner, dense, Examples.dense(label, random.nextGaussian(), 1, random.nextDouble()));
            ModelFiles.learn(
                    learner, named, Examples.named(label, "feature " + random.nextInt(20), random.nextGaussian()));
            ModelFiles.learn(learner, large, Examples.randomSparse(random, 5, 900));
        }
        return ModelFiles.write(directory.resolve(name), config, dense, named, large);
    }

    /** The same of two of the models of a {@link LateLabelsLog}. */
    private Path lateStart(String name, ThalwegConfig config, Random random) throws IOException {
        Learner learner = new Learner(config.learner());
        Model dense = new Model("m0", learner.optimizer());
        Model named = new Model("m1", learner.optimizer());
        for (int i = 0; i < STEPS; i++) {
            double label = random.nextInt(2);
            ModelFiles.learn(learner, dense, Examples.dense(label, random.nextGaussian(), random.nextGaussian()));
            ModelFiles.learn(
                    learner, named, Examples.named(label, "f" + random.nextInt(6), random.nextGaussian(), "g", 1));
        }
        return ModelFiles.write(directory.resolve(name), config, dense, named);
    }

    private static VerificationReport verify(LearnedLog log, ThalwegConfig config, Path... files) {
        return new Verification(config, log.schemas, log.cluster::copy, List.of(files)).run(progress -> {});
    }

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "auto"})
    void modelsThatBeganWithAFileAreReplayed(String algorithm, Random random) throws IOException {
        Path file = start("start.avro", algorithm, random);
        Path other = start("other.avro", algorithm, random);
        LearnedLog log = new LearnedLog(
                random.nextLong(), RECORDS, Map.of("algorithm", algorithm, ThalwegConfig.MODEL_START, file.toString()));
        assertThat(verify(log, log.config).lines()).last().asString().startsWith("MATCHES");

        // predictions before the first label are those of the file too, and versions go on from there
        Set<String> met = new HashSet<>();
        for (ConsumerRecord<byte[], byte[]> record : log.cluster.log("predictions")) {
            Prediction prediction = LearnedLog.decode(record.value(), Prediction.getClassSchema());
            String id = new String(record.key(), StandardCharsets.UTF_8);
            if (met.add(id)) {
                boolean isOfFile = Set.of("dense", "named", "large").contains(id);
                assertThat(prediction.getVersion()).as(id).isEqualTo(isOfFile ? STEPS : 0);
            }
        }
        assertThat(met).contains("dense", "named", "large", "sparse");

        // the settings may name another file, as long as the right one is at hand
        ThalwegConfig none = log.config.with(ThalwegConfig.MODEL_START, "");
        ThalwegConfig changed = log.config.with(ThalwegConfig.MODEL_START, other.toString());
        assertThat(verify(log, changed, file).lines()).last().asString().startsWith("MATCHES");
        assertThat(verify(log, none, other, file).lines()).last().asString().startsWith("MATCHES");
        for (VerificationReport report :
                List.of(verify(log, none), verify(log, changed), verify(log, none, directory.resolve("no.avro")))) {
            assertThat(report.conclusion()).isEqualTo(Conclusion.CANNOT_VERIFY);
            assertThat(report.obstacle()).hasValueSatisfying(words -> {
                assertThat(words).contains("--model").contains(hash(file));
                assertThat(words.lines()).hasSize(1);
            });
        }
    }

    /** A replay with other weights at the beginning finds that nothing is as it should be. */
    @Test
    void whatBeganAtZeroDoesNotMatchAFile(Random random) throws IOException {
        Path file = start("start.avro", "sgd", random);
        long seed = random.nextLong();
        LearnedLog zero = new LearnedLog(seed, RECORDS, Map.of());
        LearnedLog started = new LearnedLog(seed, RECORDS, Map.of(ThalwegConfig.MODEL_START, file.toString()));
        assertThat(zero.cluster.log("predictions"))
                .extracting(ConsumerRecord::value)
                .isNotEqualTo(started.cluster.log("predictions").stream()
                        .map(ConsumerRecord::value)
                        .toList());
        // what zero published, with the settings that started recorded
        MemoryClusterView mixed = zero.cluster.copy();
        started.cluster.log("test-weights-changelog").stream()
                .filter(record -> record.key()[0] == 's')
                .forEach(record ->
                        mixed.append("test-weights-changelog", 0, record.key(), record.value(), record.headers()));
        VerificationReport report =
                new Verification(started.config, zero.schemas, () -> mixed, List.of()).run(progress -> {});
        assertThat(report.conclusion()).isEqualTo(Conclusion.DIFFERS);
        // a file that is at hand and was not used does no harm
        assertThat(verify(zero, started.config).lines()).last().asString().startsWith("MATCHES");
    }

    @ParameterizedTest
    @MethodSource("io.thalweg.audit.LateLabelsVerificationTest#settings")
    void soAreThoseWhoseLabelsComeLater(Map<String, String> settings, Random random) throws IOException {
        Map<String, String> started = new HashMap<>(settings);
        started.put(
                ThalwegConfig.MODEL_START,
                lateStart("late.avro", new ThalwegConfig(Map.of("algorithm", algorithm(settings))), random)
                        .toString());
        LateLabelsLog log = new LateLabelsLog(random, RECORDS, started);
        VerificationReport report = new Verification(log.config, log.schemas, log.cluster::copy).run(progress -> {});
        assertThat(report.lines()).last().asString().startsWith("MATCHES");
    }

    private static String algorithm(Map<String, String> settings) {
        return settings.getOrDefault("algorithm", "sgd");
    }

    /** Remembers all that was published, without what is not known after a restart. */
    private static final class Published implements OutputSink {
        final List<String> records = new ArrayList<>();

        @Override
        public boolean wants(OutputTopic topic) {
            return true;
        }

        @Override
        public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
            records.add((topic + " " + new String(key, StandardCharsets.UTF_8) + " " + value)
                    .replaceAll("\"(moved|movedSteps|change)\": [^,}]*", "\"$1\": -"));
        }
    }

    /**
     * A task is restored from its changelog alone, again and again, without the file that its models began with; new
     * models begin with whatever the settings name then. It publishes the same as a task that never ends.
     */
    @ParameterizedTest
    @ValueSource(strings = {"sgd", "auto"})
    void modelsGoOnWithoutTheirFile(String algorithm, Random random) throws IOException {
        ThalwegConfig plain = new ThalwegConfig(Map.of("algorithm", algorithm));
        StartModels first = of(lateStart("first.avro", plain, random), plain);
        StartModels second = of(lateStart("second.avro", plain, random), plain);
        List<StartModels> starts = List.of(first, StartModels.NONE, second, second, StartModels.NONE, first);
        LateLabelsLog log = new LateLabelsLog(random, 600, Map.of("algorithm", algorithm));
        int stretch = log.applied.size() / starts.size();

        Published expected = new Published();
        LearningTask whole =
                new LearningTask(log.config, log.schemas, "default", TaskState.logged("whole", directory), first);
        whole.begin();
        Published actual = new Published();
        Map<ByteBuffer, byte[]> changelog = new LinkedHashMap<>();
        for (int i = 0; i < starts.size(); i++) {
            whole.goOnUnder(log.config, "default", starts.get(i));
            LearningTask restored = new LearningTask(
                    log.config, log.schemas, "default", TaskState.logged("weights", directory), starts.get(i));
            restored.clear(true);
            changelog.forEach((key, value) -> restored.restore(key.array(), value));
            restored.begin();
            for (InputRecord input : log.applied.subList(i * stretch, (i + 1) * stretch)) {
                whole.apply(input, expected);
                restored.apply(input, actual);
                if (random.nextInt(20) == 0) {
                    // so that new models begin again and again
                    String model = "m" + random.nextInt(3);
                    whole.delete(model);
                    restored.delete(model);
                }
                if (random.nextInt(20) == 0) {
                    commit(restored, changelog);
                }
            }
            commit(restored, changelog);
        }
        assertThat(actual.records).isEqualTo(expected.records).hasSizeGreaterThan(500);

        List<SettingsSpan> spans = changelog.entrySet().stream()
                .flatMap(record -> SettingsSpan.inChangelog(record.getKey().array(), record.getValue()).stream())
                .findFirst()
                .orElseThrow();
        assertThat(spans)
                .extracting(span -> span.settings().getOrDefault(ThalwegConfig.MODEL_START, ""))
                .containsExactly(first.sha256(), "", second.sha256(), "", first.sha256());
    }

    private static void commit(LearningTask task, Map<ByteBuffer, byte[]> changelog) {
        task.commit((key, value) -> {
            // as compaction has it: in the order of the last values
            changelog.remove(ByteBuffer.wrap(key));
            if (value != null) {
                changelog.put(ByteBuffer.wrap(key), value);
            }
        });
    }

    private static StartModels of(Path file, ThalwegConfig config) {
        return StartModels.of(ModelFile.read(file), config);
    }

    private static String hash(Path file) {
        try {
            return ModelFile.sha256(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
