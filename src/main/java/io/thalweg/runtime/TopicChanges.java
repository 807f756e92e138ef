package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Deletes, creates and extends topics, and waits until the brokers know. */
final class TopicChanges {
    private static final Duration POLL = Duration.ofMillis(200);

    private final ThalwegConfig config;
    private final Admin admin;
    private final String again;

    /** @param again what to do if the brokers take too long, such as "run the reset again" */
    TopicChanges(ThalwegConfig config, Admin admin, String again) {
        this.config = config;
        this.admin = admin;
        this.again = again;
    }

    /** The partitions of a topic; none if it is missing. */
    List<TopicPartition> partitions(String topic) {
        return describe(topic)
                .map(found -> of(topic, found.partitions().size()))
                .orElse(List.of());
    }

    /** Whether a topic is there; false too if these clients may not know. */
    boolean isKnown(String topic) {
        return !known(Set.of(topic)).isEmpty();
    }

    /** Returns those of some topics that are there, and of which these clients may know. */
    Set<String> known(Set<String> names) {
        Set<String> known = new HashSet<>();
        admin.describeTopics(names).topicNameValues().forEach((topic, description) -> {
            try {
                AdminCalls.await(description, config);
                known.add(topic);
            } catch (UnknownTopicOrPartitionException | AuthorizationException e) {
                // left out
            }
        });
        return known;
    }

    /** The first partitions of a topic. */
    static List<TopicPartition> of(String topic, int partitions) {
        return IntStream.range(0, partitions)
                .mapToObj(partition -> new TopicPartition(topic, partition))
                .toList();
    }

    private Optional<TopicDescription> describe(String topic) {
        return describe(topic, AccessRight.onTopic(AclOperation.DESCRIBE, topic));
    }

    /**
     * Describes a topic.
     *
     * @param right the right to describe it, or one that includes it
     * @return empty if it is missing
     */
    Optional<TopicDescription> describe(String topic, AccessRight right) {
        try {
            return Optional.of(AdminCalls.await(
                    admin.describeTopics(List.of(topic)).topicNameValues().get(topic), config, right));
        } catch (UnknownTopicOrPartitionException e) {
            return Optional.empty();
        }
    }

    /** The first or the last offsets of partitions. */
    Map<TopicPartition, Long> offsets(List<TopicPartition> partitions, OffsetSpec which) {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        partitions.forEach(partition -> asked.put(partition, which));
        ListOffsetsResult answer = admin.listOffsets(asked);
        Map<TopicPartition, Long> offsets = new HashMap<>();
        for (TopicPartition partition : partitions) {
            offsets.put(
                    partition,
                    AdminCalls.await(
                                    answer.partitionResult(partition),
                                    config,
                                    AccessRight.onTopic(AclOperation.DESCRIBE, partition.topic()))
                            .offset());
        }
        return offsets;
    }

    /** A topic like one that exists: as many replicas, and the settings that it was given. */
    NewTopic like(String topic, String name, int partitions) {
        TopicDescription description = describe(topic).orElseThrow();
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Map<String, String> own = new HashMap<>();
        AdminCalls.await(
                        admin.describeConfigs(List.of(resource)).values().get(resource),
                        config,
                        AccessRight.onTopic(AclOperation.DESCRIBE_CONFIGS, topic))
                .entries()
                .stream()
                .filter(entry -> entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
                .forEach(entry -> own.put(entry.name(), entry.value()));
        short replicas = (short) description.partitions().get(0).replicas().size();
        return new NewTopic(name, partitions, replicas).configs(own);
    }

    /** Deletes a topic, if it is there. */
    void delete(String topic) {
        try {
            AdminCalls.await(
                    admin.deleteTopics(List.of(topic)).all(), config, AccessRight.onTopic(AclOperation.DELETE, topic));
        } catch (UnknownTopicOrPartitionException e) {
            return;
        }
        // a learner that starts before all brokers know of the deletion would find the old topic
        waitUntil(
                () -> partitions(topic).isEmpty(),
                "topic %s is still there, although its deletion was accepted".formatted(topic));
    }

    /** Creates a topic. One of the same name may just have been deleted. @param otherwise if it cannot be created */
    void create(NewTopic topic, String otherwise) {
        waitUntil(() -> created(topic), otherwise);
        waitUntil(
                () -> partitions(topic.name()).size() == topic.numPartitions(),
                "topic %s was created but cannot be found".formatted(topic.name()));
    }

    private boolean created(NewTopic topic) {
        try {
            AdminCalls.await(
                    admin.createTopics(List.of(topic)).all(),
                    config,
                    AccessRight.onTopic(AclOperation.CREATE, topic.name()));
            return true;
        } catch (TopicExistsException e) {
            // the brokers are still deleting the old topic
            return false;
        }
    }

    /** Gives a topic more partitions, unless it has as many. */
    void extend(String topic, int partitions) {
        if (partitions(topic).size() < partitions) {
            AdminCalls.await(
                    admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(partitions)))
                            .all(),
                    config,
                    AccessRight.onTopic(AclOperation.ALTER, topic));
            waitUntil(
                    () -> partitions(topic).size() >= partitions,
                    "topic %s was given %d partitions and does not show them".formatted(topic, partitions));
        }
    }

    private void waitUntil(BooleanSupplier done, String otherwise) {
        long deadline =
                System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(config.getInt(ThalwegConfig.START_TIMEOUT_MS));
        while (!done.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new StopException(ExitCode.NOT_READY, otherwise + "; " + again);
            }
            LockSupport.parkNanos(POLL.toNanos());
        }
    }
}
