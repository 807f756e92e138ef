package io.thalweg.topology;

import java.util.function.LongSupplier;

/**
 * How often weights are published that change faster than they can be published: a large model has many thousands of
 * blocks. Publishing takes at most a tenth of the time, so that learning does not have to wait for it.
 */
public final class PublishingPace {
    /** How many times as long as publishing took it rests. */
    private static final int REST = 9;
    /** What takes less than this is not worth a rest, in milliseconds. */
    private static final long SHORT_MILLIS = 50;

    private final LongSupplier clock;
    private long begin = Long.MIN_VALUE;
    private long restFrom = Long.MIN_VALUE;
    private long restUntil = Long.MIN_VALUE;

    /**
     * Creates a pace without a rest.
     *
     * @param clock the time in milliseconds, of the processor that publishes: a test of a topology has a clock of its
     *     own, and what it publishes must not depend on how fast the machine is
     */
    public PublishingPace(LongSupplier clock) {
        this.clock = clock;
    }

    /** Returns whether it is time to publish. If so, {@link #end} must follow. */
    public boolean begins() {
        begin = clock.getAsLong();
        // a clock that was set back must not prolong a rest
        return begin >= restUntil || begin < restFrom;
    }

    /** Ends publishing. */
    public void end() {
        long now = clock.getAsLong();
        long took = now - begin;
        restFrom = now;
        restUntil = took < SHORT_MILLIS ? now : now + REST * took;
    }
}
