package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/**
 * The group's committed offsets are lost while the learner is away; its own, in the store, keep it from learning
 * anything twice.
 */
class SharedOffsetsIT extends CrashTestBase {
    @Test
    void nothingIsLearnedTwice() {
        try (Trial trial = trial("offsets", 1)) {
            trial.feed(3000);
            JavaProcess learner = trial.learner();
            trial.awaitProgress();
            trial.stop(learner);
            trial.commit(0);

            learner = trial.learner();
            trial.awaitProgress();
            assertPassedOver(trial, learner);
            trial.stop(learner);
            trial.forgetGroup();
            assertThat(trial.committed()).isEmpty();

            learner = trial.learner();
            trial.awaitProgress();
            trial.finish();
            assertPassedOver(trial, learner);
            trial.assertMatches(trial.replay());
            System.out.printf("SharedOffsetsIT: %d examples%n", trial.sent());
        }
    }

    /** It has read again what it has learned from, or this test shows nothing. */
    private static void assertPassedOver(Trial trial, JavaProcess learner) {
        trial.await(
                "a word about records that come again",
                () -> learner.log().stream()
                        .anyMatch(line -> line.contains("@0 and the records after it have been learned from already")));
    }
}
