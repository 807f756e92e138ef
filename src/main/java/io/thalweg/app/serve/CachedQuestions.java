package io.thalweg.app.serve;

import io.thalweg.fold.LearningTask;
import io.thalweg.topology.TaskReads;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Answers to questions about the state of tasks, which are used again for a while: at least a second, and longer if the
 * question takes long, so that one that is asked often leaves time for others. {@link TaskReads} limits the time of all
 * questions together. Safe for use by several threads.
 */
final class CachedQuestions {
    private static final int MOST = 512;
    private static final long LEAST = TimeUnit.SECONDS.toNanos(1);
    private static final int TIMES_COST = 50;

    private final Map<QuestionKey, Cached<?>> cached = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<QuestionKey, Cached<?>> eldest) {
            return size() > MOST;
        }
    };

    private record QuestionKey(TaskReads task, String question) {}

    private static final class Cached<T> {
        CompletableFuture<T> answer;
        volatile long validUntil;

        boolean isValid() {
            return !answer.isDone() || !answer.isCompletedExceptionally() && System.nanoTime() - validUntil < 0;
        }
    }

    /**
     * Asks a question, unless there is an answer that can be used again.
     *
     * @param name names the question with all that it depends on; the same name always stands for the same type
     */
    @SuppressWarnings("unchecked")
    synchronized <T> CompletableFuture<T> ask(TaskReads task, String name, Function<LearningTask, T> question) {
        QuestionKey key = new QuestionKey(task, name);
        Cached<T> known = (Cached<T>) cached.get(key);
        if (known != null && known.isValid()) {
            return known.answer;
        }
        Cached<T> asked = new Cached<>();
        asked.answer = task.ask(state -> {
            long begin = System.nanoTime();
            T answer = question.apply(state);
            long end = System.nanoTime();
            asked.validUntil = end + Math.max(LEAST, TIMES_COST * (end - begin));
            return answer;
        });
        cached.put(key, asked);
        return asked.answer;
    }
}
