package io.thalweg.topology;

import java.util.function.LongSupplier;

/**
 * How often weights are published that change faster than they can be published: a large model has many thousands of
 * blocks. Publishing takes at most a tenth of the time, so that learning does not have to wait for it.
 */
public final class PublishingPace {
    /** How many times as long as publishing took it rests. */
    private static final int REST = 9;
    /** What takes less than this is not worth a rest, in nanoseconds. */
    private static final long SHORT_NANOS = 50_000_000;

    private final LongSupplier nanoTime;
    private long begin;
    private long restUntil;

    /**
     * Creates a pace without a rest.
     *
     * @param nanoTime as {@link System#nanoTime}. What Kafka Streams gives a processor is no clock: it stands still
     *     during a punctuation
     */
    public PublishingPace(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        restUntil = nanoTime.getAsLong();
    }

    /** Returns whether it is time to publish. If so, {@link #end} must follow. */
    public boolean begins() {
        begin = nanoTime.getAsLong();
        return begin - restUntil >= 0;
    }

    /** Ends publishing. */
    public void end() {
        long now = nanoTime.getAsLong();
        long took = now - begin;
        restUntil = took < SHORT_NANOS ? now : now + REST * took;
    }
}
