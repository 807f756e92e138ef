package io.thalweg.store;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;

/**
 * A stretch of input that was learned under the same settings. An audit replays each stretch under its own settings.
 *
 * @param from the first offset of each input partition; 0 for a partition that is not in the map
 * @param settings the settings that the course of learning depends on, by name
 */
public record SettingsSpan(Map<TopicPartition, Long> from, Map<String, String> settings) {
    /**
     * Returns the spans of a task, oldest first, if a record of its changelog contains them.
     *
     * @param key the key of the record
     * @param value the value of the record; not null
     * @throws StateException if the record is damaged or has another format
     */
    public static Optional<List<SettingsSpan>> inChangelog(byte[] key, byte[] value) {
        return Arrays.equals(key, ChangelogFormat.settingsKey())
                ? Optional.of(ChangelogFormat.readSettings(value))
                : Optional.empty();
    }
}
