package io.thalweg.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.audit.VerificationReport.Conclusion;
import io.thalweg.avro.ModelOrigin;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Examples;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.store.ModelFile;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a learner published whose models began with a file, and its replay. */
@Seeded
class StartFilesTest {
    private static final int RECORDS = 500;
    private static final int STEPS = 40;

    @TempDir
    private Path directory;

    /** A file with models of the ids and forms of a {@link LearnedLog}; others begin at zero. */
    private Path start(String name, String algorithm, Random random) throws IOException, Rejection {
        ThalwegConfig config =
                new ThalwegConfig(Map.of("algorithm", algorithm, "names.max", "8", "features.space.bits", "10"));
        Learner learner = new Learner(config.learner());
        Model dense = new Model("dense", learner.optimizer());
        Model named = new Model("named", learner.optimizer());
        Model large = new Model("large", learner.optimizer());
        for (int i = 0; i < STEPS; i++) {
            double label = random.nextInt(2);
            learn(learner, dense, Examples.dense(label, random.nextGaussian(), 1, random.nextDouble()));
            learn(learner, named, Examples.named(label, "feature " + random.nextInt(20), random.nextGaussian()));
            learn(learner, large, Examples.randomSparse(random, 5, 900));
        }
        Path file = directory.resolve(name);
        ModelFile.write(
                file,
                new ModelOrigin(
                        ModelFile.FORMAT,
                        "test",
                        new HashMap<>(config.replayedSettings("")),
                        List.of(),
                        null,
                        1L,
                        0L,
                        null,
                        1,
                        1,
                        List.of(),
                        List.of()),
                List.of(dense, named, large));
        return file;
    }

    private static void learn(Learner learner, Model model, io.thalweg.math.Example x) throws Rejection {
        PredictionResult prediction = new PredictionResult();
        learner.resolve(x, model);
        learner.predict(model, x, prediction);
        learner.learn(model, x, prediction);
    }

    private static VerificationReport verify(LearnedLog log, ThalwegConfig config, Path... files) {
        return new Verification(config, log.schemas, log.cluster::copy, List.of(files)).run(progress -> {});
    }

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "auto"})
    void modelsThatBeganWithAFileAreReplayed(String algorithm, Random random) throws IOException, Rejection {
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
    void whatBeganAtZeroDoesNotMatchAFile(Random random) throws IOException, Rejection {
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

    private static String hash(Path file) {
        try {
            return ModelFile.sha256(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
