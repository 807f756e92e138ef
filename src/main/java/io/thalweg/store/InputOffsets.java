package io.thalweg.store;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/**
 * The next offset of each partition of the input. They are written with the weights that they belong to: a record before them has been
 * applied already and is not applied again, whatever offset the consumer group says, because offsets expire and are reset by hand.
 */
public final class InputOffsets {
    private final Map<TopicPartition, Position> positions = new LinkedHashMap<>();

    // the one that was asked for last: most records are of the partition of the one before
    private TopicPartition lastPartition;
    private Position lastPosition;

    private static final class Position {
        long next;
        boolean moved;
    }

    InputOffsets() {}

    /** Whether a record has been applied. */
    public boolean isApplied(TopicPartition partition, long offset) {
        return offset < position(partition).next;
    }

    /** Says that a record, and all before it, have been applied. */
    public void advanceTo(TopicPartition partition, long offset) {
        Position position = position(partition);
        position.next = offset + 1;
        position.moved = true;
    }

    private Position position(TopicPartition partition) {
        if (!partition.equals(lastPartition)) {
            lastPartition = partition;
            lastPosition = positions.computeIfAbsent(partition, p -> new Position());
        }
        return lastPosition;
    }

    /** The next offsets, without partitions of which nothing has been applied. */
    Map<TopicPartition, Long> next() {
        Map<TopicPartition, Long> next = new HashMap<>();
        positions.forEach((partition, position) -> {
            if (position.next > 0) {
                next.put(partition, position.next);
            }
        });
        return Map.copyOf(next);
    }

    void restore(TopicPartition partition, long next) {
        position(partition).next = next;
    }

    void writeChanges(Changelog changelog) {
        positions.forEach((partition, position) -> {
            if (position.moved) {
                position.moved = false;
                changelog.write(
                        ChangelogFormat.key(ChangelogFormat.OFFSET, partition.partition(), partition.topic()),
                        ChangelogFormat.offset(position.next));
            }
        });
    }

    void clear() {
        positions.clear();
        lastPartition = null;
        lastPosition = null;
    }
}
