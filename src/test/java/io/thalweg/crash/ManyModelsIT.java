package io.thalweg.crash;

import io.thalweg.avro.Example;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ten thousand small models in one task and half a gigabyte, before a kill and after. */
class ManyModelsIT {
    private static final int MODELS = 10_000;

    private final long seed = System.nanoTime();

    @TempDir
    private Path directory;

    private Cluster cluster;

    @BeforeEach
    void start() {
        System.out.println("ManyModelsIT: seed " + seed);
        cluster = new Cluster(directory.resolve("many"));
    }

    @AfterEach
    void stop() {
        cluster.close();
    }

    @Test
    void allAreRestored() {
        try (Trial trial = new Trial(cluster, "many", 1, this::stream)) {
            trial.set("metrics.every", "5");
            JavaProcess learner = trial.learner("512m", null);
            trial.send(2 * MODELS);
            trial.await("every model to begin", () -> trial.committed().containsValue(2L * MODELS));
            trial.feed(5000);
            trial.awaitProgress();
            trial.kill(learner);
            trial.learner("512m", null);
            trial.awaitProgress();
            trial.awaitProgress();
            trial.finish();

            trial.assertMatches(trial.replay());
            System.out.printf("ManyModelsIT: %d examples of %d models%n", trial.sent(), MODELS);
        }
    }

    /** One example of each model in turn, with ten named features of forty. */
    private Supplier<Input> stream() {
        Random random = new Random(seed);
        int[] count = {0};
        return () -> {
            String model = "model-" + count[0]++ % MODELS;
            Map<CharSequence, Double> features = new LinkedHashMap<>();
            while (features.size() < 10) {
                features.put("feature " + random.nextInt(40), random.nextGaussian());
            }
            Example example = new Example(null, (double) random.nextInt(2), 1.0, features);
            return new Input(
                    0, model.getBytes(StandardCharsets.UTF_8), AvroWireFormat.encode(example), model, example, null);
        };
    }
}
