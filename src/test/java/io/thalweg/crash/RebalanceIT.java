package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import java.util.List;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.Test;

/**
 * Instances come and go in the middle of the stream; tasks move between them, and change between active and standby.
 */
class RebalanceIT extends CrashTestBase {
    private static final int PARTITIONS = 4;
    /**
     * Tasks move as soon as they may, rather than after a standby has warmed up, which is looked at every ten minutes.
     */
    private static final String AT_ONCE = String.valueOf(Long.MAX_VALUE);

    @Test
    void tasksMove() {
        try (Trial trial = trial("rebalance", PARTITIONS)) {
            trial.set(StreamsConfig.ACCEPTABLE_RECOVERY_LAG_CONFIG, AT_ONCE);
            trial.feed(3000);
            JavaProcess first = trial.learner();
            trial.awaitProgress();
            trial.learner();
            awaitTwo(trial);
            trial.kill(first);
            trial.awaitProgress();
            trial.finish();

            trial.assertMatches(trial.replay());
            System.out.printf(
                    "RebalanceIT: %d examples, %d predictions in aborted transactions%n",
                    trial.sent(), trial.aborted());
        }
    }

    /** With the algorithm that has most to hand over. */
    @Test
    void standbysTakeOver() {
        try (Trial trial = trial("standby", PARTITIONS)) {
            trial.set(StreamsConfig.ACCEPTABLE_RECOVERY_LAG_CONFIG, AT_ONCE);
            trial.set(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, "1");
            trial.set(ThalwegConfig.ALGORITHM, "auto");
            trial.feed(2000);
            JavaProcess first = trial.learner();
            trial.awaitProgress();

            // half of the first one's tasks become standbys, and active again
            JavaProcess second = trial.learner();
            awaitTwo(trial);
            trial.await("active tasks to become standbys", () -> recycled(first, "StreamTask") >= 2);
            trial.awaitProgress();
            assertThat(second.runsFor(random.nextInt(1000))).isTrue();
            trial.kill(second);
            trial.await("standbys to become active", () -> recycled(first, "StandbyTask") >= 2);
            trial.awaitProgress();

            // standbys that have never been active take over
            JavaProcess third = trial.learner();
            awaitTwo(trial);
            trial.awaitProgress();
            trial.kill(first);
            trial.await("standbys to become active", () -> recycled(third, "StandbyTask") >= 2);
            trial.awaitProgress();
            trial.finish();

            trial.assertMatches(trial.replay());
            System.out.printf(
                    "RebalanceIT: %d examples, with standbys %d predictions in aborted transactions%n",
                    trial.sent(), trial.aborted());
        }
    }

    private static void awaitTwo(Trial trial) {
        trial.await(
                "two instances with half of the partitions each",
                () -> trial.assignment().equals(List.of(PARTITIONS / 2, PARTITIONS / 2)));
        trial.awaitProgress();
    }

    /** How many tasks of a kind Kafka Streams says that it has turned into the other kind, state and all. */
    private static long recycled(JavaProcess learner, String kind) {
        return learner.log().stream()
                .filter(line -> line.contains(kind + ":") && line.contains("Closed and recycled state"))
                .count();
    }
}
