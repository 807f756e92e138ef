package io.thalweg.topology;

import io.thalweg.avro.Metrics;
import io.thalweg.fold.LearningTask;
import io.thalweg.math.Model;
import io.thalweg.store.ModelEntry;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The reads that other threads want of the committed state of one task.
 *
 * <p><b>How it works.</b> Readers leave questions, and the learner's thread answers them just before a commit, when the
 * state is what is about to be committed. Answers are handed out once the commit has succeeded: when the thread next
 * comes by, which it does not do if the commit failed. So no answer comes from a transaction that was aborted. While
 * nothing is learned, the state is committed at all times, and questions are answered at the next {@link #pass}.
 *
 * <p><b>Models that are asked for</b> are copied at each commit that has changed them, as long as somebody asks.
 * Readers use the last copy and wait for nothing. A model costs nothing before somebody asks for it.
 *
 * <p><b>What it costs.</b> All copies together take at most {@value TimeShare#LARGEST} of the thread's time, and so do
 * all answers: after one that took long, the next one comes at a later commit. Only the first copy of a model is made
 * at once, and those after it are made later for that.
 */
public final class TaskReads {
    /** How many copies of models a standby keeps. On a quiet topic, they are of use for a long time. */
    private static final int MOST_STANDBY_MODELS = 100;

    /** How many questions may wait. If there are more, nobody would wait until the last one is answered. */
    private static final int MOST_WAITING = 1_000;

    /** How long copies of a model are made after it was last asked for. */
    private static final long FORGOTTEN_AFTER = TimeUnit.MINUTES.toNanos(10);
    /** How exactly the time of the last request is kept, so that readers need not write to the same place. */
    private static final long ASKED_EVERY = TimeUnit.SECONDS.toNanos(1);

    private final CommittedReads all;
    private final LongSupplier clock;
    private final Map<String, FollowedModel> followed = new ConcurrentHashMap<>();
    private final Queue<Question<?>> questions = new LinkedBlockingQueue<>(MOST_WAITING);
    /** Whether there may be models that were never copied. */
    private volatile boolean asked;

    private volatile boolean active;
    private volatile int partition = -1;
    /** When the learner's thread last came by. */
    private volatile long passed;

    private final Object standbyLock = new Object();
    // with that lock
    private boolean standsBy;
    private long restoredUpTo;
    private final Map<String, StandbyModel> standbyModels = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, StandbyModel> eldest) {
            return size() > MOST_STANDBY_MODELS;
        }
    };

    // only for the learner's thread, and for whoever has the lock while the task stands by
    private LearningTask task;
    /** Whether a record was applied since the last commit. */
    private boolean touched;
    /** What to hand out once the commit has succeeded. */
    private final List<Answered> answers = new ArrayList<>();

    private final TimeShare forCopies;
    private final TimeShare forAnswers;

    /**
     * An answer that waits for the commit.
     *
     * @param future fails if the commit does
     * @param handOut completes it
     */
    private record Answered(CompletableFuture<?> future, Runnable handOut) {}

    /** A question about the state. */
    private record Question<T>(Function<LearningTask, T> question, CompletableFuture<T> answer) {
        Answered answered(LearningTask task, Executor executor) {
            try {
                T value = question.apply(task);
                return new Answered(answer, () -> answer.completeAsync(() -> value, executor));
            } catch (RuntimeException e) {
                return new Answered(answer, () -> executor.execute(() -> answer.completeExceptionally(e)));
            }
        }
    }

    /** A model that was asked for. */
    private static final class FollowedModel {
        final CompletableFuture<CommittedModel> first = new CompletableFuture<>();
        /** Whether the copies have the recent window. */
        final boolean hasWindow;
        /** The last committed copy; null before the first. */
        volatile CommittedModel current;

        volatile long askedAt;

        // only for the learner's thread
        Model source;
        Model copy;

        FollowedModel(boolean hasWindow, long now) {
            this.hasWindow = hasWindow;
            askedAt = now;
        }
    }

    TaskReads(CommittedReads all) {
        this(all, System::nanoTime);
    }

    /** @param clock tells the time in nanoseconds, as {@link System#nanoTime} does */
    TaskReads(CommittedReads all, LongSupplier clock) {
        this.all = all;
        this.clock = clock;
        forCopies = new TimeShare(clock);
        forAnswers = new TimeShare(clock);
    }

    // ---- for readers

    /** Returns the partition of the task. */
    public int partition() {
        return partition;
    }

    /**
     * Returns how long ago the learner's thread came by, in milliseconds. It does several times a second, unless it is
     * held up.
     */
    public long silentMs() {
        return TimeUnit.NANOSECONDS.toMillis(clock.getAsLong() - passed);
    }

    /**
     * Returns a model as the last commit has left it, or one of the last commits if copying takes long.
     *
     * @return null in it if there is no such model; {@link MovedException} if the task is not active
     */
    public CompletableFuture<CommittedModel> model(String id) {
        return model(id, false);
    }

    /**
     * Returns a model with its recent window. Otherwise it does the same as {@link #model(String)}. From the first
     * request on, all copies of the model have the window, until nobody asks for it any more.
     */
    public CompletableFuture<CommittedModel> modelWithWindow(String id) {
        return model(id, true);
    }

    private CompletableFuture<CommittedModel> model(String id, boolean withWindow) {
        FollowedModel model = followed.get(id);
        if (model == null || withWindow && !model.hasWindow) {
            model = followed.compute(
                    id,
                    (key, known) ->
                            known == null || withWindow && !known.hasWindow ? follow(known, withWindow) : known);
            asked = true;
        }
        CommittedModel current = model.current;
        if (current == null) {
            failUnlessActive();
            return model.first;
        }
        long now = clock.getAsLong();
        if (now - model.askedAt > ASKED_EVERY) {
            model.askedAt = now;
        }
        return CompletableFuture.completedFuture(current);
    }

    /** Begins to follow a model, in place of {@code known} if there is one. */
    private FollowedModel follow(@Nullable FollowedModel known, boolean withWindow) {
        FollowedModel model = new FollowedModel(withWindow, clock.getAsLong());
        if (known != null) {
            // somebody may wait for the first copy
            model.first.whenComplete((copy, failure) -> {
                if (failure == null) {
                    known.first.complete(copy);
                } else {
                    known.first.completeExceptionally(failure);
                }
            });
        }
        return model;
    }

    /**
     * Asks a question about the state as the next commit will leave it. It is answered by the learner's thread, so it
     * must be quick, must not change anything, and must not keep references to anything in the state that can change.
     *
     * @return fails with {@link MovedException} if the task is not active, and with {@link TimeoutException} if more
     *     questions wait than can be answered in time
     */
    public <T> CompletableFuture<T> ask(Function<LearningTask, T> question) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        if (!questions.offer(new Question<>(question, answer))) {
            return CompletableFuture.failedFuture(new TimeoutException("too many questions wait"));
        }
        failUnlessActive();
        return answer;
    }

    private void failUnlessActive() {
        if (!active) {
            failAll();
        }
    }

    private void failAll() {
        for (Question<?> next = questions.poll(); next != null; next = questions.poll()) {
            fail(next.answer);
        }
        followed.values().forEach(model -> fail(model.first));
        followed.clear();
    }

    private void fail(CompletableFuture<?> answer) {
        if (!answer.isDone()) {
            all.executor().execute(() -> answer.completeExceptionally(new MovedException()));
        }
    }

    // ---- standing by

    /**
     * A model as a standby has it.
     *
     * @param committed null if there is no such model
     * @param metrics its metrics; null if there is no such model
     * @param timestamp when the last commit that it has read was written, in milliseconds since 1970
     */
    public record StandbyModel(
            @Nullable CommittedModel committed, @Nullable Metrics metrics, long timestamp) {}

    /**
     * Returns a model as the last commit that the standby has read has left it. This takes the journaled steps of the
     * model, so it can take long for a large model.
     *
     * @return null if the task does not stand by, or has read a commit in part
     */
    public StandbyModel standbyModel(String id) {
        synchronized (standbyLock) {
            if (!standsBy || !task.isAtCommit()) {
                return null;
            }
            StandbyModel known = standbyModels.get(id);
            if (known == null) {
                Model copy = task.standbyCopy(id);
                if (copy == null) {
                    return new StandbyModel(null, null, restoredUpTo);
                }
                known = new StandbyModel(
                        new CommittedModel(copy, task.offsets().next()), task.metrics(copy), restoredUpTo);
                standbyModels.put(id, known);
            }
            return known;
        }
    }

    /** Begins to stand by, or to be restored. */
    void standBy(LearningTask restoring, int taskPartition) {
        task = restoring;
        partition = taskPartition;
        continueStandingBy();
    }

    /** Stands by from now on, with the state that the task has. */
    void continueStandingBy() {
        deactivate();
        synchronized (standbyLock) {
            standsBy = true;
            standbyModels.clear();
        }
        all.standsBy(this);
    }

    /** Restores records of the changelog, of which readers see whole commits only. */
    void restore(Collection<ConsumerRecord<byte[], byte[]>> records) {
        synchronized (standbyLock) {
            standbyModels.clear();
            for (ConsumerRecord<byte[], byte[]> record : records) {
                task.restore(record.key(), record.value());
                restoredUpTo = record.timestamp();
            }
        }
    }

    void endStandingBy() {
        all.noLongerStandsBy(this);
        synchronized (standbyLock) {
            standsBy = false;
            standbyModels.clear();
        }
    }

    // ---- for the learner's thread

    /** Begins to answer, when the state is restored. */
    void activate(LearningTask restored, int taskPartition) {
        task = restored;
        partition = taskPartition;
        touched = false;
        answers.clear();
        passed = clock.getAsLong();
        active = true;
        all.activated(this);
    }

    /** Ends everything, before the state is removed. */
    void end() {
        deactivate();
        endStandingBy();
    }

    /** Ends answering. Questions fail, because it is not known whether the last commit has succeeded. */
    void deactivate() {
        if (active) {
            active = false;
            all.deactivated(this);
        }
        answers.forEach(answered -> fail(answered.future));
        answers.clear();
        failAll();
    }

    /** Notes that a record is about to be applied. */
    void touch() {
        touched = true;
    }

    /** Answers questions, when the state is what is about to be committed. */
    void commit() {
        if (active) {
            // nothing is handed out here: when a task is closed after a failure, this may be called once more
            answer();
            touched = false;
        }
    }

    /**
     * Hands out answers after a commit, and answers questions if the state is committed. Called several times a second.
     */
    void pass() {
        passed = clock.getAsLong();
        if (!active) {
            return;
        }
        handOut();
        if ((asked || !questions.isEmpty()) && !touched) {
            answer();
            handOut();
        }
    }

    private void handOut() {
        if (!answers.isEmpty()) {
            answers.forEach(answered -> answered.handOut.run());
            answers.clear();
        }
    }

    private void answer() {
        while (!questions.isEmpty() && forAnswers.isLeft()) {
            forAnswers.begin();
            answers.add(questions.remove().answered(task, all.executor()));
            forAnswers.end();
        }
        boolean isTimeForCopies = forCopies.isLeft();
        boolean isFirst = asked;
        asked = false;
        if (!isTimeForCopies && !isFirst || followed.isEmpty()) {
            return;
        }
        long now = forCopies.begin();
        Map<TopicPartition, Long> offsets = task.offsets().next();
        followed.forEach((id, model) -> {
            if (isTimeForCopies || model.copy == null) {
                follow(id, model, offsets, now);
            }
        });
        forCopies.end();
    }

    private void follow(String id, FollowedModel model, Map<TopicPartition, Long> offsets, long now) {
        ModelEntry entry = task.entry(id);
        if (entry == null || model.copy != null && now - model.askedAt > FORGOTTEN_AFTER) {
            answers.add(new Answered(model.first, () -> {
                followed.remove(id, model);
                model.first.completeAsync(() -> null, all.executor());
            }));
            return;
        }
        Model source = entry.model();
        if (model.source == source && model.copy.version() == source.version()) {
            return;
        }
        Model before = model.source == source ? model.copy : null;
        model.copy = model.hasWindow ? source.copyToList(before) : source.copyToPredict(before);
        model.source = source;
        CommittedModel committed = new CommittedModel(model.copy, offsets);
        answers.add(new Answered(model.first, () -> {
            model.current = committed;
            if (!model.first.isDone()) {
                model.first.completeAsync(() -> committed, all.executor());
            }
        }));
    }
}
