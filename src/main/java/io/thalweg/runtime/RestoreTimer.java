package io.thalweg.runtime;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A timer of restores, which take up most of the start of a learner with large models. It logs how long each took. */
public final class RestoreTimer implements StateRestoreListener {
    private static final Logger LOG = LoggerFactory.getLogger(RestoreTimer.class);

    private final Map<TopicPartition, Long> begun = new ConcurrentHashMap<>();
    private final AtomicLong longest = new AtomicLong();

    /** Creates a timer of the restores of one program. */
    public RestoreTimer() {}

    /** Returns the longest time that restoring a partition has taken; 0 if none has been restored. */
    public Duration longest() {
        return Duration.ofNanos(longest.get());
    }

    @Override
    public void onRestoreStart(TopicPartition changelog, String store, long start, long end) {
        begun.put(changelog, System.nanoTime());
    }

    @Override
    public void onBatchRestored(TopicPartition changelog, String store, long end, long records) {
        // only the end is of interest
    }

    @Override
    public void onRestoreEnd(TopicPartition changelog, String store, long records) {
        Long begin = begun.remove(changelog);
        if (begin != null) {
            Duration taken = Duration.ofNanos(System.nanoTime() - begin);
            longest.accumulateAndGet(taken.toNanos(), Math::max);
            LOG.info("restored {} records from {} in {} ms", records, changelog, taken.toMillis());
        }
    }

    @Override
    public void onRestoreSuspended(TopicPartition changelog, String store, long records) {
        begun.remove(changelog);
    }
}
