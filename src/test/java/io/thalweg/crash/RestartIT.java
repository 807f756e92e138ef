package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The learner is stopped in the middle of the stream and started again. */
class RestartIT extends CrashTestBase {
    /** The second time with another learning rate, which counts from the first example after the stop. */
    @Test
    void learningGoesOnWhereItWas() {
        try (Trial trial = trial("restart", 1)) {
            trial.feed(3000);
            ThalwegConfig before = trial.config();
            stopMidStream(trial);
            stopMidStream(trial);
            trial.set(ThalwegConfig.LEARNING_RATE, "0.2");
            long change = trial.committed().values().iterator().next();
            stopMidStream(trial);
            trial.learner();
            trial.awaitProgress();
            trial.finish();

            assertThat(change).isBetween(1L, trial.sent() - 1);
            trial.assertMatches(trial.replay(Map.of(0L, before, change, trial.config())));
            System.out.printf("RestartIT: %d examples, another learning rate from %d on%n", trial.sent(), change);
        }
    }

    /** From sgd's weights on with auto, killed soon after. */
    @Test
    void anotherAlgorithmGoesOnFromTheWeights() {
        try (Trial trial = trial("migrate", 1)) {
            trial.feed(1500);
            ThalwegConfig before = trial.config();
            stopMidStream(trial);
            trial.set(ThalwegConfig.ALGORITHM, "auto");
            trial.set(ThalwegConfig.STATE_MIGRATE, "true");
            long change = trial.committed().values().iterator().next();
            JavaProcess learner = trial.learner();
            trial.awaitProgress();
            trial.kill(learner);
            trial.set(ThalwegConfig.STATE_MIGRATE, "false");
            trial.learner();
            trial.awaitProgress();
            trial.finish();

            assertThat(change).isBetween(1L, trial.sent() - 1);
            trial.assertMatches(trial.replay(Map.of(0L, before, change, trial.config())));
            trial.assertVerified();
            System.out.printf("RestartIT: %d examples, with auto from %d on%n", trial.sent(), change);
        }
    }

    private void stopMidStream(Trial trial) {
        JavaProcess learner = trial.learner();
        trial.awaitProgress();
        assertThat(learner.runsFor(random.nextInt(1000))).isTrue();
        trial.stop(learner);
    }
}
