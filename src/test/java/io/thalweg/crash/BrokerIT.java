package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The broker is killed or stands still in the middle of the stream; the learner lives through it. */
class BrokerIT extends CrashTestBase {
    /** Longer than a transaction or a group member may be silent, as {@link Trial} sets it. */
    private static final int STALL_MS = 7000;

    @Test
    void theLearnerOutlivesItsBroker() {
        try (Trial trial = trial("broker", 1)) {
            trial.feed(3000);
            JavaProcess learner = trial.learner();
            trial.awaitProgress();

            assertThat(learner.runsFor(random.nextInt(1000))).isTrue();
            cluster.broker().kill();
            cluster.start();
            trial.awaitProgress();

            assertThat(learner.runsFor(random.nextInt(1000))).isTrue();
            cluster.broker().pause();
            assertThat(learner.runsFor(STALL_MS)).isTrue();
            cluster.broker().resume();
            trial.awaitProgress();
            trial.finish();

            assertThat(learner.isAlive()).isTrue();
            trial.assertMatches(trial.replay());
            System.out.printf(
                    "BrokerIT: %d examples, %d predictions in aborted transactions%n", trial.sent(), trial.aborted());
        }
    }

    /**
     * The client gives up on a commit before the broker gives up on the transaction. Kafka Streams by itself would then
     * pass over what it had fetched and not processed.
     */
    @Test
    void aCommitThatTimesOutLosesNothing() {
        try (Trial trial = trial("commit", 1)) {
            trial.set("producer.max.block.ms", "1500");
            trial.set("producer.transaction.timeout.ms", "6000");
            trial.set("session.timeout.ms", "6000");
            trial.set("commit.interval.ms", "1");
            trial.set("thread.replacements.max", "100");
            trial.feed(6000);
            JavaProcess learner = trial.learner();
            trial.awaitProgress();

            int stalls = 0;
            while (timeouts(learner) < 1) {
                assertThat(++stalls)
                        .as("stalls without a commit that timed out")
                        .isLessThan(15);
                assertThat(learner.runsFor(300 + random.nextInt(500))).isTrue();
                cluster.broker().pause();
                assertThat(learner.runsFor(2500)).isTrue();
                cluster.broker().resume();
                trial.awaitProgress();
            }
            trial.finish();

            assertThat(learner.isAlive()).isTrue();
            trial.assertMatches(trial.replay());
            System.out.printf("BrokerIT: %d commits timed out in %d stalls%n", timeouts(learner), stalls);
        }
    }

    private static long timeouts(JavaProcess learner) {
        return learner.log().stream()
                .filter(line -> line.contains("a thread died and is replaced"))
                .count();
    }
}
