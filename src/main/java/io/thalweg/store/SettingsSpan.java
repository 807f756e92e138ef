package io.thalweg.store;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;

/**
 * A stretch of input that was learned under the same settings. An audit replays each stretch under its own.
 *
 * @param from the first offset of each input partition; 0 where a partition is missing
 * @param settings the settings that the course of learning depends on, by name
 */
public record SettingsSpan(Map<TopicPartition, Long> from, Map<String, String> settings) {
    /**
     * The spans of a task, oldest first, if this is the record of its changelog that holds them.
     *
     * @param value not null
     * @throws StateException if it is damaged or of another format
     */
    public static Optional<List<SettingsSpan>> inChangelog(byte[] key, byte[] value) {
        return Arrays.equals(key, ChangelogFormat.settingsKey())
                ? Optional.of(ChangelogFormat.readSettings(value))
                : Optional.empty();
    }
}
