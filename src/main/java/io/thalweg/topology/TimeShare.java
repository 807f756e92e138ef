package io.thalweg.topology;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * A limit on the part of a thread's time that some work takes: {@value #LARGEST} of it in the long run. Whatever took
 * long puts off what comes next, and time that was not used is kept for a second only. For one thread.
 */
final class TimeShare {
    /** The largest part of the time. */
    static final double LARGEST = 0.01;

    private static final long KEPT = TimeUnit.SECONDS.toNanos(1);

    private final LongSupplier clock;
    private long begun;
    /** When all work so far will have been no more than its share. */
    private long even;

    /** @param clock tells the time in nanoseconds, as {@link System#nanoTime} does */
    TimeShare(LongSupplier clock) {
        this.clock = clock;
        even = clock.getAsLong();
    }

    /** Returns whether there is time left. */
    boolean isLeft() {
        return clock.getAsLong() - even >= 0;
    }

    /** Notes that the work begins. @return what the time is */
    long begin() {
        begun = clock.getAsLong();
        return begun;
    }

    /** Notes that the work has ended. */
    void end() {
        long end = clock.getAsLong();
        even = Math.max(even, begun - KEPT) + (long) ((end - begun) / LARGEST);
    }
}
