package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Examples;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.store.ModelFiles;
import io.thalweg.testing.PatchedSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The learner is killed in the middle of the stream, again and again, and nobody can tell from what it publishes. */
class KillIT extends CrashTestBase {
    private static final int KILLS = 6;
    private static final int PER_SECOND = 3000;

    @Test
    void nothingIsLostOrDoneTwice() {
        try (Trial trial = trial("kill", 1)) {
            trial.feed(PER_SECOND);
            for (int kill = 0; kill < KILLS; kill++) {
                JavaProcess learner = trial.learner();
                killMidStream(trial, learner);
            }
            trial.learner();
            trial.awaitProgress();
            trial.finish();

            trial.assertMatches(trial.replay());
            long aborted = trial.aborted();
            System.out.printf(
                    "KillIT: %d examples, %d kills, %d predictions in aborted transactions%n",
                    trial.sent(), KILLS, aborted);
            assertThat(aborted).isPositive();
        }
    }

    /** The same of a mixture, whose weights all move at every step, and most of whose state is not published. */
    @Test
    void nothingOfAMixtureIsLostOrDoneTwice() {
        try (Trial trial = trial("mixture", 1)) {
            trial.set(ThalwegConfig.ALGORITHM, "auto");
            trial.feed(PER_SECOND / 2);
            killMidStream(trial, trial.learner());
            killMidStream(trial, trial.learner());
            trial.learner();
            trial.awaitProgress();
            trial.finish();

            trial.assertMatches(trial.replay());
            trial.assertVerified();
            System.out.printf("KillIT: %d examples with auto%n", trial.sent());
        }
    }

    /** New models begin with a file, and after the first kill with another one. */
    @Test
    void nothingOfModelsThatBeganWithAFileIsLostOrDoneTwice() throws IOException {
        try (Trial trial = trial("start", 1)) {
            Path first = start("first.avro", trial.config());
            Path second = start("second.avro", trial.config());
            trial.set(ThalwegConfig.MODEL_START, first.toString());
            trial.feed(PER_SECOND);
            killMidStream(trial, trial.learner());
            trial.set(ThalwegConfig.MODEL_START, second.toString());
            killMidStream(trial, trial.learner());
            trial.learner();
            trial.awaitProgress();
            trial.finish();

            trial.assertVerified(List.of(first));
            System.out.printf("KillIT: %d examples of models that began with a file%n", trial.sent());
        }
    }

    /** A file with some of the models of {@link RandomInputs}; one that is deleted begins with it again. */
    private Path start(String name, ThalwegConfig config) throws IOException {
        Learner learner = new Learner(config.learner());
        Model dense = new Model(RandomInputs.DENSE_PREFIX + 0, learner.optimizer());
        Model hashed = new Model("hashed", learner.optimizer());
        for (int i = 0; i < 500; i++) {
            ModelFiles.learn(
                    learner,
                    dense,
                    Examples.dense(
                            (double) random.nextInt(2),
                            random.doubles(RandomInputs.DENSE_LENGTH).toArray()));
            ModelFiles.learn(learner, hashed, Examples.randomSparse(random, 20, 1 << 18));
        }
        return ModelFiles.write(directory.resolve(name), config, dense, hashed);
    }

    /** Without the call before each commit a kill loses steps, and the comparison notices. */
    @Test
    void withoutTheChangelogAtCommitStepsAreLost() throws IOException {
        Path patch = withoutChangelogAtCommit();
        try (Trial trial = trial("hookless", 1)) {
            trial.feed(PER_SECOND);
            killMidStream(trial, trial.learner("256m", patch));
            trial.learner("256m", patch);
            trial.awaitProgress();
            trial.finish();

            List<String> differences = new Comparison(trial, trial.replay()).ofPredictions();
            assertThat(differences).anyMatch(difference -> difference.startsWith("prediction "));
            System.out.println("KillIT: without the changelog, " + differences.get(1));
        }
    }

    private void killMidStream(Trial trial, JavaProcess learner) {
        trial.awaitProgress();
        assertThat(learner.runsFor(random.nextInt(1000))).isTrue();
        trial.kill(learner);
    }

    /** Compiles the store's base class with a {@code flushCache} that does nothing. */
    private Path withoutChangelogAtCommit() throws IOException {
        String hook = "public final void flushCache() {";
        return PatchedSource.compile(
                directory,
                Path.of("io", "thalweg", "topology", "ChangelogAtCommit.java"),
                hook,
                hook + " if (true) { return; }");
    }
}
