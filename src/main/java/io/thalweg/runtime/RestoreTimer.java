package io.thalweg.runtime;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says how long it takes to read back what was learned, which is most of what a start with large models takes. */
final class RestoreTimer implements StateRestoreListener {
    private static final Logger LOG = LoggerFactory.getLogger(RestoreTimer.class);

    private final Map<TopicPartition, Long> begun = new ConcurrentHashMap<>();
    private final AtomicLong longest = new AtomicLong();

    /** The longest that a partition has taken; 0 while none has been read to its end. */
    Duration longest() {
        return Duration.ofNanos(longest.get());
    }

    @Override
    public void onRestoreStart(TopicPartition changelog, String store, long start, long end) {
        begun.put(changelog, System.nanoTime());
    }

    @Override
    public void onBatchRestored(TopicPartition changelog, String store, long end, long records) {
        // the end is enough
    }

    @Override
    public void onRestoreEnd(TopicPartition changelog, String store, long records) {
        Long begin = begun.remove(changelog);
        if (begin != null) {
            Duration taken = Duration.ofNanos(System.nanoTime() - begin);
            longest.accumulateAndGet(taken.toNanos(), Math::max);
            LOG.info("read {} records back from {} in {} ms", records, changelog, taken.toMillis());
        }
    }

    @Override
    public void onRestoreSuspended(TopicPartition changelog, String store, long records) {
        begun.remove(changelog);
    }
}
