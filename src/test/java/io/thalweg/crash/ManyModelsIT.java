package io.thalweg.crash;

import io.thalweg.avro.Example;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Ten thousand small models in one task and half a gigabyte, before a kill and after. */
class ManyModelsIT extends CrashTestBase {
    private static final int MODELS = 10_000;

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
        Random numbers = seed.random();
        int[] count = {0};
        return () -> {
            String model = "model-" + count[0]++ % MODELS;
            Map<CharSequence, Double> features = new LinkedHashMap<>();
            while (features.size() < 10) {
                features.put("feature " + numbers.nextInt(40), numbers.nextGaussian());
            }
            Example example = new Example(null, (double) numbers.nextInt(2), 1.0, features);
            return new Input(
                    0, model.getBytes(StandardCharsets.UTF_8), AvroWireFormat.encode(example), model, example, null);
        };
    }
}
