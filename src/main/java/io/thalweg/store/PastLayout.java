package io.thalweg.store;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;

/**
 * A layout that a learner had before its models were moved. An audit replays the input up to there in this layout.
 *
 * @param layout the layout
 * @param parts what was learned in each partition, in order
 */
public record PastLayout(Layout layout, List<PastPart> parts) {
    /**
     * A partition of the layout, as the move found it.
     *
     * @param next the next offset of each partition of the input: what is before it was learned in this layout
     * @param spans the settings that it was learned under
     * @param outputs the ends of the output topics in this partition, by topic: what is before them is of this layout
     *     or an earlier one
     */
    public record PastPart(Map<TopicPartition, Long> next, List<SettingsSpan> spans, Map<String, Long> outputs) {}

    /**
     * Returns the past layouts of a learner, oldest first, if a record of its changelog contains them.
     *
     * @param key the key of the record
     * @param value the value of the record; not null
     * @throws StateException if the record is damaged or has another format
     */
    public static Optional<List<PastLayout>> inChangelog(byte[] key, byte[] value) {
        return Arrays.equals(key, ChangelogFormat.pastKey())
                ? Optional.of(ChangelogFormat.readPast(value))
                : Optional.empty();
    }

    /** Returns the present layout of a learner, if a record of its changelog contains it. */
    public static Optional<Layout> presentInChangelog(byte[] key, byte[] value) {
        return Arrays.equals(key, ChangelogFormat.layoutKey())
                ? Optional.of(ChangelogFormat.readLayout(value))
                : Optional.empty();
    }
}
