package io.thalweg.store;

import java.util.concurrent.atomic.AtomicLong;

/**
 * A limit on what all tasks of a process keep on the heap of what waits for labels. A task that finds it exceeded moves
 * its own share to a file. Thread-safe.
 */
final class HeapBudget {
    /** The budget of all tasks of this process. */
    static final HeapBudget OF_PROCESS = usual();

    private final long limit;
    private final AtomicLong taken = new AtomicLong();

    /** Returns another budget of the usual size, for a task that is not closed. */
    static HeapBudget usual() {
        return new HeapBudget(Math.min(1L << 26, Runtime.getRuntime().maxMemory() / 16));
    }

    /** @param limit in bytes */
    HeapBudget(long limit) {
        this.limit = limit;
    }

    void take(long bytes) {
        taken.addAndGet(bytes);
    }

    void giveBack(long bytes) {
        taken.addAndGet(-bytes);
    }

    boolean isExceeded() {
        return taken.get() > limit;
    }
}
