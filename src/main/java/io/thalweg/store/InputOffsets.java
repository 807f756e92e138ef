package io.thalweg.store;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The next offset of each partition of the input. The changelog holds them together with the state they belong to. A
 * record before them has been applied and is not applied again, whatever offset the consumer group has: its offsets
 * expire, and people reset them.
 */
public final class InputOffsets {
    private final Map<TopicPartition, Position> positions = new LinkedHashMap<>();

    // the last lookup: most records are of the same partition as the one before
    private @Nullable TopicPartition lastPartition;
    private @Nullable Position lastPosition;

    private static final class Position {
        long next;
        boolean moved;
        /** What was deleted before it was applied. */
        final List<UnreadGap> gaps = new ArrayList<>();

        boolean gapsChanged;
    }

    /**
     * Records of the input that were deleted before they were applied.
     *
     * @param from the first offset
     * @param to the offset after the last
     */
    public record UnreadGap(long from, long to) {}

    InputOffsets() {}

    /**
     * Returns the next offset of a partition of the input, if a record of a changelog contains one.
     *
     * @param key the key of the record
     * @param value the value of the record; not null
     * @throws StateException if the record is damaged or has another format
     */
    public static Optional<Map<TopicPartition, Long>> inChangelog(byte[] key, byte[] value) {
        return key[0] == ChangelogFormat.OFFSET
                ? Optional.of(Map.of(partition(key), ChangelogFormat.readOffset(value)))
                : Optional.empty();
    }

    /** Returns the partition of the input that a record of a changelog is about. @param key the key of the record */
    public static TopicPartition partition(byte[] key) {
        return partition(ByteBuffer.wrap(key, 1, key.length - 1));
    }

    /** Returns the partition in a key, after the letter. */
    static TopicPartition partition(ByteBuffer key) {
        int partition = key.getInt();
        return new TopicPartition(ChangelogFormat.text(key), partition);
    }

    /** Returns whether a record has been applied. */
    public boolean isApplied(TopicPartition partition, long offset) {
        return offset < position(partition).next;
    }

    /** Notes that a record, and all before it, have been applied. */
    public void advanceTo(TopicPartition partition, long offset) {
        Position position = position(partition);
        position.next = offset + 1;
        position.moved = true;
    }

    /**
     * Notes where a partition begins. What is before that and was not applied is a gap.
     *
     * @return the gap; empty if there is none
     */
    public Optional<UnreadGap> beginsAt(TopicPartition partition, long beginning) {
        Position position = position(partition);
        if (position.next == 0 || position.next >= beginning) {
            return Optional.empty();
        }
        UnreadGap gap = new UnreadGap(position.next, beginning);
        addGap(partition, gap);
        position.next = beginning;
        position.moved = true;
        return Optional.of(gap);
    }

    /** Notes what was deleted before it was applied. */
    public void addGap(TopicPartition partition, UnreadGap gap) {
        Position position = position(partition);
        position.gaps.add(gap);
        position.gapsChanged = true;
    }

    /**
     * Returns the gaps of a partition of the input, if a record of a changelog contains them.
     *
     * @param key the key of the record
     * @param value the value of the record; not null
     * @throws StateException if the record is damaged or has another format
     */
    public static Optional<List<UnreadGap>> gapsInChangelog(byte[] key, byte[] value) {
        return key[0] == ChangelogFormat.GAPS ? Optional.of(ChangelogFormat.readGaps(value)) : Optional.empty();
    }

    private Position position(TopicPartition partition) {
        Position position = lastPosition;
        if (position == null || !partition.equals(lastPartition)) {
            position = positions.computeIfAbsent(partition, p -> new Position());
            lastPartition = partition;
            lastPosition = position;
        }
        return position;
    }

    /** Returns the next offset of each partition of which something has been applied. */
    public Map<TopicPartition, Long> next() {
        Map<TopicPartition, Long> next = new HashMap<>();
        positions.forEach((partition, position) -> {
            if (position.next > 0) {
                next.put(partition, position.next);
            }
        });
        return Map.copyOf(next);
    }

    /** Returns the next offset of the partition of a topic; 0 if nothing of it has been applied. */
    public long next(String topic) {
        return positions.entrySet().stream()
                .filter(position -> position.getKey().topic().equals(topic))
                .mapToLong(position -> position.getValue().next)
                .max()
                .orElse(0);
    }

    /** Sets the next offset of a partition, as the changelog has it. */
    void restore(TopicPartition partition, long next) {
        position(partition).next = next;
    }

    /** Sets the gaps of a partition, as the changelog has them. */
    void restoreGaps(TopicPartition partition, List<UnreadGap> gaps) {
        Position position = position(partition);
        position.gaps.clear();
        position.gaps.addAll(gaps);
    }

    /** Writes the offsets that have moved since the last call. */
    void writeChanges(Changelog changelog) {
        positions.forEach((partition, position) -> {
            if (position.gapsChanged) {
                position.gapsChanged = false;
                changelog.write(
                        ChangelogFormat.key(ChangelogFormat.GAPS, partition.partition(), partition.topic()),
                        ChangelogFormat.gaps(position.gaps));
            }
            if (position.moved) {
                position.moved = false;
                changelog.write(
                        ChangelogFormat.key(ChangelogFormat.OFFSET, partition.partition(), partition.topic()),
                        ChangelogFormat.offset(position.next));
            }
        });
    }

    /** Forgets all offsets. */
    void clear() {
        positions.clear();
        lastPartition = null;
        lastPosition = null;
    }
}
