package io.thalweg.topology;

import io.thalweg.store.InputOffsets.UnreadGap;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices that retention has overtaken a learner that runs: that records of a partition were deleted before they were
 * read. Offsets also jump where transactions end or were aborted. So after a jump it asks where the partition begins,
 * and if that is not before the jump, it was retention.
 */
final class UnreadWatch {
    private static final Logger LOG = LoggerFactory.getLogger(UnreadWatch.class);

    /** What helps if the learner did not run. */
    static final String STOPPED = "give topic %s a longer retention, or stop the learner for a shorter time";

    private final TopicPartition partition;
    private final InputWatch watch;
    /** The next offset; below 0 if it is not known. */
    private long next = -1;

    // the widest jump since the last look; none if the two are equal
    private long from;
    private long to;

    /** @param watch is asked where the partition begins */
    UnreadWatch(TopicPartition partition, InputWatch watch) {
        this.partition = partition;
        this.watch = watch;
    }

    /** Called for each record that is read. */
    void taken(long offset) {
        // the end of a transaction takes one offset
        if (offset > next + 1 && next >= 0 && offset - next > to - from) {
            from = next;
            to = offset;
            watch.ask(partition);
        }
        next = offset + 1;
    }

    /** Returns what retention has deleted before it was read; empty if nothing is known to be missing. */
    Optional<UnreadGap> look() {
        if (from == to) {
            return Optional.empty();
        }
        OptionalLong begin = watch.answer(partition);
        if (begin.isEmpty()) {
            return Optional.empty();
        }
        UnreadGap gap = new UnreadGap(from, Math.min(to, begin.getAsLong()));
        from = to;
        if (gap.from() >= gap.to()) {
            return Optional.empty();
        }
        warn(
                partition,
                gap,
                "give topic %s a longer retention: the learner is further behind than that"
                        .formatted(partition.topic()));
        return Optional.of(gap);
    }

    /** Warns of a gap. @param help what the user can do */
    static void warn(TopicPartition partition, UnreadGap gap, String help) {
        LOG.warn(
                "retention has deleted records of {} that were not learned from, offsets {} to {}; {}",
                partition,
                gap.from(),
                gap.to() - 1,
                help);
    }
}
