package io.thalweg.topology;

import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/**
 * The reads that other threads want of a learner's committed state, task by task. A learner that is not given one does
 * nothing for readers. Safe for use by several threads.
 */
public final class CommittedReads {
    private final Map<Integer, TaskReads> active = new ConcurrentHashMap<>();
    private final Map<Integer, TaskReads> standbys = new ConcurrentHashMap<>();
    private final Executor executor;

    /** @param executor gets the answers, so that what readers do with them is not done by the learner's thread */
    public CommittedReads(Executor executor) {
        this.executor = executor;
    }

    Executor executor() {
        return executor;
    }

    /** Returns the active tasks. */
    public Collection<TaskReads> active() {
        return active.values();
    }

    /** Returns the active task of a partition; null if it is not active here. */
    public TaskReads active(int partition) {
        return active.get(partition);
    }

    /** Returns the standby of a partition, or the active task that is being restored; null if it is not here. */
    public TaskReads standby(int partition) {
        return standbys.get(partition);
    }

    void standsBy(TaskReads task) {
        standbys.put(task.partition(), task);
    }

    void noLongerStandsBy(TaskReads task) {
        standbys.remove(task.partition(), task);
    }

    void activated(TaskReads task) {
        active.put(task.partition(), task);
    }

    void deactivated(TaskReads task) {
        active.remove(task.partition(), task);
    }
}
