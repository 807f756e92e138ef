package io.thalweg.store;

import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/**
 * A stretch of input that was learned under the same settings. An audit replays each stretch under its own.
 *
 * @param from the first offset of each input partition; 0 where a partition is missing
 * @param course the settings that the course of learning depends on, by name
 */
public record Epoch(Map<TopicPartition, Long> from, Map<String, String> course) {}
