package io.thalweg.runtime;

import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MAX_MESSAGE_BYTES_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.RETENTION_MS_CONFIG;

import java.util.Map;
import java.util.Optional;

/**
 * A topic as it exists on the brokers.
 *
 * @param settings the settings of the topic; empty if there is no permission to read them, and then they are assumed to
 *     be right
 */
record FoundTopic(int partitions, Map<String, String> settings) {
    /** Whether its settings could be read. */
    boolean isKnown() {
        return !settings.isEmpty();
    }

    Optional<String> cleanupPolicy() {
        return Optional.ofNullable(settings.get(CLEANUP_POLICY_CONFIG));
    }

    /** The largest record that the topic accepts, in bytes. */
    Optional<Integer> maxBytes() {
        return Optional.ofNullable(settings.get(MAX_MESSAGE_BYTES_CONFIG)).map(Integer::valueOf);
    }

    /** How long the topic keeps records, in milliseconds; -1 for forever. */
    String retention() {
        return settings.getOrDefault(RETENTION_MS_CONFIG, "-1");
    }

    /**
     * How far a timestamp may be from the clock.
     *
     * @param limit one of {@link TopicPlan#TIMESTAMP_LIMITS}
     */
    long timestampLimit(String limit) {
        return Long.parseLong(settings.getOrDefault(limit, TopicPlan.ANY_TIMESTAMP));
    }

    /** Whether the broker sets the timestamps itself, so that it refuses none. */
    boolean isStampedByBroker() {
        return "LogAppendTime".equals(settings.get(MESSAGE_TIMESTAMP_TYPE_CONFIG));
    }
}
