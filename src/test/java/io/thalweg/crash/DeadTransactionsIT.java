package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.Test;

/**
 * The learner is killed in the middle of a transaction. Transactions time out after longer than anybody waits here, so
 * that what becomes visible does so because somebody has aborted what the dead had left open.
 */
class DeadTransactionsIT extends CrashTestBase {
    private static final String NEVER = "900000";

    @Test
    void readersNeedNotWaitForTheTransactionsOfTheDead() {
        try (Trial trial = trial("dead", 1)) {
            killInTransaction(trial);
            trial.learner();
            trial.awaitProgress();
            trial.finish();

            trial.assertMatches(trial.replay());
        }
    }

    /** The one that lives has transactions of its own, which are left alone, also when others come and go. */
    @Test
    void nobodyAbortsTheTransactionsOfTheLiving() {
        int partitions = 4;
        try (Trial trial = trial("living", partitions)) {
            trial.set(StreamsConfig.NUM_STREAM_THREADS_CONFIG, "2");
            trial.set(StreamsConfig.ACCEPTABLE_RECOVERY_LAG_CONFIG, String.valueOf(Long.MAX_VALUE));
            trial.feed(2000);
            JavaProcess first = trial.learner();
            trial.awaitProgress();
            for (int others = 0; others < 2; others++) {
                JavaProcess other = trial.learner();
                trial.await(
                        "all threads of both to have a partition",
                        () -> trial.assignment().equals(List.of(1, 1, 1, 1)));
                trial.awaitProgress();
                assertThat(other.runsFor(random.nextInt(500))).isTrue();
                trial.kill(other);
                trial.awaitProgress();
            }
            trial.finish();

            assertThat(first.log()).noneMatch(line -> line.contains("a thread died"));
            trial.assertMatches(trial.replay());
        }
    }

    /**
     * Nobody would miss the dead for minutes: its place in the group and its transaction go to the one that
     * has its name.
     */
    @Test
    void whoHasItsNameGoesOnAtOnce() {
        try (Trial trial = trial("named", 1)) {
            trial.set("group.instance.id", "one");
            trial.set("session.timeout.ms", NEVER);
            killInTransaction(trial);
            trial.learner();
            trial.awaitProgress();
            trial.finish();

            trial.assertMatches(trial.replay());
        }
    }

    @Override
    Trial trial(String name, int partitions) {
        Trial trial = super.trial(name, partitions);
        trial.set("producer.transaction.timeout.ms", NEVER);
        return trial;
    }

    private void killInTransaction(Trial trial) {
        trial.feed(3000);
        do {
            JavaProcess learner = trial.learner();
            trial.awaitProgress();
            assertThat(learner.runsFor(random.nextInt(500))).isTrue();
            trial.kill(learner);
        } while (open().isEmpty());
    }

    private List<TransactionListing> open() {
        try {
            return List.copyOf(cluster.admin()
                    .listTransactions(new ListTransactionsOptions().filterStates(List.of(TransactionState.ONGOING)))
                    .all()
                    .get());
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }
}
