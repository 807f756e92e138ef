package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.store.Layout;
import io.thalweg.store.StateException;
import io.thalweg.topology.InputWatch;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/**
 * Notices that an input topic of a learner that runs has got more partitions. Keys then go to other partitions, and a
 * learner that goes on would begin second models of the same ids there. Kafka Streams itself notices it after
 * {@code metadata.max.age.ms}, five minutes by default.
 */
final class PartitionWatch implements InputWatch, AutoCloseable {
    /** How often to look. */
    static final Duration INTERVAL = Duration.ofSeconds(2);

    /** No answer yet, and nobody is looking for it. */
    private static final long UNANSWERED = -1;
    /** No answer yet, but soon. */
    private static final long IN_FLIGHT = -2;

    private final ThalwegConfig config;
    private final Admin admin;
    private final Map<String, Integer> partitions = new TreeMap<>();

    /** The partitions of which the first offset was asked for, with the answer, which is below 0 until it is there. */
    private final Map<TopicPartition, Long> asked = new ConcurrentHashMap<>();

    /** @param started how many partitions the examples topic had when the learner started */
    PartitionWatch(ThalwegConfig config, int started) {
        this.config = config;
        admin = KafkaSettings.admin(config);
        partitions.put(config.getString(ThalwegConfig.EXAMPLES_TOPIC), started);
        if (config.hasLateLabels() && !config.areLabelsRouted(started)) {
            // an event and its label are in partitions of the same number
            partitions.put(config.getString(ThalwegConfig.LABELS_TOPIC), started);
        }
    }

    /** Looks. Returns what has changed, in one line; empty if nothing has, or the brokers do not answer. */
    Optional<String> look() {
        try {
            for (Map.Entry<String, Integer> started : partitions.entrySet()) {
                TopicDescription found = AdminCalls.await(
                        admin.describeTopics(List.of(started.getKey()))
                                .topicNameValues()
                                .get(started.getKey()),
                        config);
                int now = found.partitions().size();
                if (now > started.getValue()) {
                    return Optional.of(Layout.differs(started.getKey(), started.getValue(), now));
                }
            }
        } catch (KafkaException | StopException e) {
            // BrokerSilence tells about brokers that do not answer
        }
        return Optional.empty();
    }

    @Override
    public long committed(TopicPartition partition) {
        String group = config.getString(ThalwegConfig.APPLICATION_ID);
        try {
            OffsetAndMetadata offset = AdminCalls.await(
                            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata(), config)
                    .get(partition);
            return offset == null ? 0 : offset.offset();
        } catch (KafkaException | StopException e) {
            return 0;
        }
    }

    @Override
    public void ask(TopicPartition partition) {
        asked.put(partition, UNANSWERED);
    }

    @Override
    public OptionalLong answer(TopicPartition partition) {
        long answer = asked.getOrDefault(partition, UNANSWERED);
        return answer < 0 ? OptionalLong.empty() : OptionalLong.of(answer);
    }

    /** Answers what was asked. */
    void answer() {
        Map<TopicPartition, OffsetSpec> open = new HashMap<>();
        asked.forEach((partition, answer) -> {
            if (answer == UNANSWERED) {
                // if it is asked for again meanwhile, the answer could be too old
                asked.put(partition, IN_FLIGHT);
                open.put(partition, OffsetSpec.earliest());
            }
        });
        if (open.isEmpty()) {
            return;
        }
        try {
            AdminCalls.await(admin.listOffsets(open).all(), config)
                    .forEach((partition, found) -> asked.replace(partition, IN_FLIGHT, found.offset()));
        } catch (KafkaException | StopException e) {
            open.keySet().forEach(partition -> asked.replace(partition, IN_FLIGHT, UNANSWERED));
        }
    }

    /** @throws StateException if there are more partitions, so that nothing is learned from the record */
    @Override
    public void strayed() {
        look().ifPresent(changed -> {
            throw new StateException(changed);
        });
    }

    @Override
    public long beginning(TopicPartition partition) {
        try {
            return AdminCalls.await(
                            admin.listOffsets(Map.of(partition, OffsetSpec.earliest()))
                                    .partitionResult(partition),
                            config)
                    .offset();
        } catch (KafkaException | StopException e) {
            return 0;
        }
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
