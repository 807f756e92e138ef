package io.thalweg.store;

import io.thalweg.avro.ModelOrigin;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Example;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;

/** Model files for tests, with models that the tests themselves have learned. */
public final class ModelFiles {
    private ModelFiles() {}

    /** Writes a file. */
    public static Path write(Path file, ThalwegConfig config, Model... models) throws IOException {
        ModelFile.write(file, origin(config), List.of(models));
        return file;
    }

    static ModelOrigin origin(ThalwegConfig config) {
        return new ModelOrigin(
                ModelFile.FORMAT,
                "test",
                new HashMap<>(config.replayedSettings("")),
                List.of(),
                null,
                10L,
                0L,
                null,
                1,
                1,
                List.of(0.5),
                List.of());
    }

    /**
     * Takes a step.
     *
     * @return the logit that was predicted before
     */
    public static double learn(Learner learner, Model model, Example x) {
        PredictionResult prediction = new PredictionResult();
        try {
            learner.validate(x, model.form() == null ? null : model, 1);
            learner.resolve(x, model);
            learner.predict(model, x, prediction);
            learner.learn(model, x, prediction);
        } catch (Rejection e) {
            throw new AssertionError(e);
        }
        return prediction.logit();
    }
}
