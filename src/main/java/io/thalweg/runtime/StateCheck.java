package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Learner;
import io.thalweg.store.RecordedSettings;
import io.thalweg.store.StateException;
import io.thalweg.topology.LearnerSupplier;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.streams.StreamsConfig;

/**
 * The check that the settings of an instance fit those that other instances learn under, before it joins them. An
 * instance that does not fit would take a partition, restore it, and only then end, while nobody learns from that
 * partition.
 *
 * <p>The settings are in the changelog, the same in each partition. The check reads the smallest one. An instance that
 * is alone keeps nobody from learning; it finds the same when it restores its state, without reading twice.
 */
final class StateCheck {
    private StateCheck() {}

    /**
     * Checks the settings, if other instances are running.
     *
     * @param keyless as {@link LearnerRuntime#keyless}
     * @throws StopException if they do not fit
     */
    static void run(ThalwegConfig config, Admin admin, String keyless) {
        if (!hasMembers(config, admin)) {
            return;
        }
        List<TopicPartition> partitions =
                new TopicChanges(config, admin, "try again").partitions(LearnerSupplier.changelog(config));
        if (partitions.isEmpty()) {
            return;
        }
        RecordedSettings recorded = new RecordedSettings();
        Map<String, Object> settings = new KafkaSettings(config).reader();
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            Map<TopicPartition, Long> begins = consumer.beginningOffsets(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            TopicPartition smallest = partitions.stream()
                    .filter(partition -> ends.get(partition) > begins.get(partition))
                    .min(Comparator.comparing(partition -> ends.get(partition) - begins.get(partition)))
                    .orElse(partitions.get(0));
            CommittedRecords records =
                    new CommittedRecords(consumer, smallest, begins.get(smallest), ends.get(smallest));
            while (records.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = records.next();
                recorded.take(record.key(), record.value());
            }
        }
        try {
            recorded.check(
                    config.replayedSettings(keyless),
                    new Learner(config.learner()).optimizer(),
                    config.getBoolean(ThalwegConfig.STATE_MIGRATE),
                    StreamsConfig.EXACTLY_ONCE_V2.equals(config.getString(ThalwegConfig.PROCESSING_GUARANTEE)));
        } catch (StateException e) {
            throw new StopException(ExitCode.BAD_STATE, e.getMessage());
        }
    }

    private static boolean hasMembers(ThalwegConfig config, Admin admin) {
        String group = config.getString(ThalwegConfig.APPLICATION_ID);
        try {
            return !AdminCalls.await(
                            admin.describeConsumerGroups(List.of(group))
                                    .describedGroups()
                                    .get(group),
                            config)
                    .members()
                    .isEmpty();
        } catch (ApiException e) {
            // there is no group yet
            return false;
        }
    }
}
