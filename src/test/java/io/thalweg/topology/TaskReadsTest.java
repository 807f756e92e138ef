package io.thalweg.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.math.Examples;
import io.thalweg.math.Model;
import io.thalweg.math.Rejection;
import io.thalweg.store.TaskState;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What readers get, and when: the calls are those of the learner's thread, one after the other. */
class TaskReadsTest {
    private final CommittedReads all = new CommittedReads(Runnable::run);
    private long now;
    /** How much later it is each time that somebody looks at the clock. */
    private long pace;

    private final TaskReads reads = new TaskReads(all, () -> now += pace);
    private LearningTask task;

    @BeforeEach
    void start() {
        task = task();
        task.begin();
        reads.activate(task, 3);
    }

    private static LearningTask task() {
        return new LearningTask(
                new ThalwegConfig(Map.of()),
                id -> io.thalweg.avro.Example.getClassSchema(),
                "default",
                TaskState.logged("weights", Path.of("target")));
    }

    private void learn(int steps) {
        try {
            for (int i = 0; i < steps; i++) {
                reads.touch();
                task.apply("m", Examples.dense(i % 2.0, 1, i % 2 - 0.5));
            }
        } catch (Rejection e) {
            throw new AssertionError(e);
        }
    }

    private long versionOf(String id) {
        return reads.model(id).getNow(null).model().version();
    }

    @Test
    void aModelIsSeenOnceItsCommitHasSucceeded() {
        learn(5);
        CompletableFuture<CommittedModel> first = reads.model("m");
        reads.pass();
        assertThat(first).as("nothing is committed").isNotDone();
        reads.commit();
        assertThat(first).as("the commit may still fail").isNotDone();
        reads.pass();
        assertThat(first.join().model().version()).isEqualTo(5);

        learn(3);
        reads.pass();
        assertThat(versionOf("m")).isEqualTo(5);
        reads.commit();
        assertThat(versionOf("m")).isEqualTo(5);
        reads.pass();
        assertThat(first.join().model().version()).as("what was given stays").isEqualTo(5);
    }

    @Test
    void nothingComesFromACommitThatFailed() {
        learn(5);
        CompletableFuture<CommittedModel> model = reads.model("m");
        CompletableFuture<Integer> question = reads.ask(state -> state.models().size());
        reads.commit();
        // the commit fails; Kafka Streams may flush once more before it closes the task and its state is removed
        reads.commit();
        assertThat(List.of(model, question)).noneMatch(CompletableFuture::isDone);
        reads.end();
        for (CompletableFuture<?> each : List.of(model, question, reads.model("m"), reads.ask(state -> 1))) {
            assertThatThrownBy(each::join)
                    .isInstanceOf(CompletionException.class)
                    .hasCauseInstanceOf(MovedException.class);
        }
        assertThat(all.active()).isEmpty();
    }

    @Test
    void withoutAnythingToLearnThereIsAnAnswerAtTheNextPass() {
        learn(2);
        reads.commit();
        reads.pass();
        CompletableFuture<CommittedModel> model = reads.model("m");
        CompletableFuture<Boolean> question = reads.ask(state -> state.entry("m") != null);
        CompletableFuture<CommittedModel> unknown = reads.model("none");
        assertThat(model).isNotDone();
        reads.pass();
        assertThat(model.join().model().version()).isEqualTo(2);
        assertThat(question.join()).isTrue();
        assertThat(unknown).isCompletedWithValue(null);
    }

    @Test
    void aFailingQuestionFailsAloneAndADeletedModelIsGone() {
        learn(2);
        CompletableFuture<Object> wrong = reads.ask(state -> {
            throw new IllegalStateException("wrong");
        });
        CompletableFuture<Integer> right = reads.ask(state -> 7);
        assertThat(reads.model("m")).isNotDone();
        reads.commit();
        reads.pass();
        assertThatThrownBy(wrong::join).hasRootCauseMessage("wrong");
        assertThat(right.join()).isEqualTo(7);
        assertThat(versionOf("m")).isEqualTo(2);

        reads.touch();
        task.delete("m");
        commitWithin(0);
        CompletableFuture<CommittedModel> gone = reads.model("m");
        reads.commit();
        reads.pass();
        assertThat(gone).isCompletedWithValue(null);
    }

    @Test
    void questionsDoNotBringForwardACopyThatIsPutOff() {
        learn(1);
        reads.model("m");
        commitWithin(0);
        assertThat(versionOf("m")).isEqualTo(1);
        learn(1);
        commitWithin(100);
        assertThat(versionOf("m")).isEqualTo(2);
        // the copy took at least 100 ms, so the next is due 10 s later, of which at most 1 s was saved up before
        for (int i = 0; i < 39; i++) {
            learn(1);
            reads.ask(state -> 1);
            reads.model("unknown");
            commitWithin(0);
            assertThat(versionOf("m")).isEqualTo(2);
            later(100);
        }
        later(60_000);
        learn(1);
        commitWithin(0);
        assertThat(versionOf("m")).isEqualTo(42);
    }

    @Test
    void allQuestionsTogetherGetAHundredthOfTheTime() {
        int asked = 100;
        List<CompletableFuture<Integer>> answers = new ArrayList<>();
        for (int i = 0; i < asked; i++) {
            int number = i;
            answers.add(reads.ask(state -> {
                later(10);
                return number;
            }));
        }
        int before = 0;
        for (int millis = 0; answers.stream().anyMatch(answer -> !answer.isDone()); millis += 10) {
            reads.pass();
            int done = (int) answers.stream().filter(CompletableFuture::isDone).count();
            assertThat(answers.subList(0, done)).as("in their order").allMatch(CompletableFuture::isDone);
            assertThat(10 * done).isLessThanOrEqualTo(10 + (1000 + millis + 10 * done) / 100);
            assertThat(done).isGreaterThanOrEqualTo(before);
            before = done;
            later(10);
        }
        assertThat(answers.get(asked - 1)).isCompletedWithValue(asked - 1);
    }

    @Test
    void aQuestionTooManyFailsAtOnce() {
        List<CompletableFuture<Integer>> answers = new ArrayList<>();
        for (int i = 0; i <= 1_000; i++) {
            answers.add(reads.ask(state -> 1));
        }
        assertThatThrownBy(answers.get(1_000)::join).hasCauseInstanceOf(TimeoutException.class);
        reads.pass();
        assertThat(answers.subList(0, 1_000)).allMatch(CompletableFuture::isDone);
    }

    @Test
    void theWindowComesWithTheCopyOnceItIsAskedFor() {
        learn(5);
        CompletableFuture<CommittedModel> waiting = reads.model("m");
        CompletableFuture<CommittedModel> listed = reads.modelWithWindow("m");
        commitWithin(0);
        Model model = task.model("m");
        assertThat(waiting.join().model().version()).isEqualTo(5);
        assertThat(model.windowBegin()).isNotNegative();
        assertThat(listed.join().model().windowBegin()).isEqualTo(model.windowBegin());
        assertThat(listed.join().model().weightsThen(0, model.weights(0)))
                .isEqualTo(model.weightsThen(0, model.weights(0)));

        learn(5);
        commitWithin(0);
        assertThat(reads.model("m").join().model().windowBegin()).isEqualTo(model.windowBegin());
        assertThat(versionOf("m")).isEqualTo(10);
    }

    /** Commits. @param millis how long a copy takes, at least */
    private void commitWithin(int millis) {
        pace = TimeUnit.MILLISECONDS.toNanos(millis);
        reads.commit();
        pace = 0;
        reads.pass();
    }

    private void later(int millis) {
        now += TimeUnit.MILLISECONDS.toNanos(millis);
    }

    /** Its first instance was alone, and has never restored anything. */
    @Test
    void aTaskThatWasActiveAnswersAsAStandbyBeforeAnythingElseIsCommitted() {
        learn(5);
        reads.commit();
        assertThat(reads.standbyModel("m")).isNull();
        reads.continueStandingBy();
        Model there = reads.standbyModel("m").committed().model();
        assertThat(Examples.bits(there)).isEqualTo(Examples.bits(task.model("m")));
    }

    @Test
    void aStandbyAnswersFromWholeCommits() {
        List<ConsumerRecord<byte[], byte[]>> changelog = new ArrayList<>();
        TaskReads standby = new TaskReads(all);
        LearningTask copy = task();
        standby.standBy(copy, 3);
        assertThat(all.standby(3)).isSameAs(standby);
        for (int commit = 1; commit <= 20; commit++) {
            learn(1 + commit % 4);
            task.offsets().advanceTo(new TopicPartition("examples", 3), commit * 10L - 1);
            changelog.clear();
            int timestamp = commit;
            task.commit((key, value) -> changelog.add(new ConsumerRecord<>(
                    "changelog",
                    3,
                    changelog.size(),
                    timestamp,
                    TimestampType.CREATE_TIME,
                    key.length,
                    value == null ? 0 : value.length,
                    key,
                    value,
                    new RecordHeaders(),
                    Optional.empty())));
            standby.restore(List.copyOf(changelog.subList(0, changelog.size() - 1)));
            assertThat(standby.standbyModel("m")).as("a part of a commit").isNull();
            standby.restore(List.of(changelog.get(changelog.size() - 1)));

            TaskReads.StandbyModel there = standby.standbyModel("m");
            assertThat(there.timestamp()).isEqualTo(commit);
            assertThat(there.committed().offsets()).containsValue(commit * 10L);
            assertThat(there.committed().model().weights(0))
                    .isEqualTo(task.model("m").weights(0));
            assertThat(there.committed().model().bias())
                    .isEqualTo(task.model("m").bias());
            assertThat(there.committed().model().version())
                    .isEqualTo(task.model("m").version());
            assertThat(there.metrics()).isEqualTo(task.metrics(task.model("m")));
            assertThat(standby.standbyModel("none").committed()).isNull();
        }
        // a copy is used again, however many other models are asked for that do not exist
        TaskReads.StandbyModel copied = standby.standbyModel("m");
        for (int i = 0; i < 200; i++) {
            standby.standbyModel("none-" + i);
        }
        assertThat(standby.standbyModel("m")).isSameAs(copied);
        // it takes over
        standby.endStandingBy();
        assertThat(all.standby(3)).isNull();
        copy.begin();
        assertThat(Examples.bits(copy.model("m"))).isEqualTo(Examples.bits(task.model("m")));
    }
}
