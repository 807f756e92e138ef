package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import io.thalweg.topology.LearnerSupplier;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * A reset of a learner. It deletes what the learner has learned, so that it starts again with the first example.
 *
 * <p>The learner would then publish everything a second time, so its outputs are deleted too, unless they are to be
 * kept. The topics of predictions, dead letters and outcomes are deleted and created again with the same partitions and
 * settings, so that they begin at offset 0, which an audit needs. In the compacted topics every key gets a tombstone,
 * which tells readers that the models are gone.
 *
 * <p>An interrupted reset can be repeated. Offsets are deleted first, because a learner with state but no offsets
 * learns from nothing twice, whereas one with offsets but no state would continue in the middle with weights of zero.
 */
public final class Reset {
    private static final Duration POLL = Duration.ofMillis(200);

    private final ThalwegConfig config;
    private final Admin admin;
    private final boolean keepOutputs;
    private final String application;
    private final String changelog;
    private final List<String> emptied;
    private final List<String> retracted;

    /**
     * @param keepOutputs whether to keep what has been published
     * @throws StopException if two settings name the same topic, so that one to keep could be deleted
     */
    public Reset(ThalwegConfig config, Admin admin, boolean keepOutputs) {
        this.config = config;
        this.admin = admin;
        this.keepOutputs = keepOutputs;
        TopicNames.check(config);
        application = config.getString(ThalwegConfig.APPLICATION_ID);
        changelog = application + "-" + LearnerSupplier.STORE + "-changelog";
        emptied = outputs(OutputTopic::mustBeComplete);
        retracted = outputs(OutputTopic::isCompacted);
    }

    private List<String> outputs(Predicate<OutputTopic> which) {
        return OutputTopic.of(config).stream()
                .filter(which)
                .map(output -> output.nameIn(config))
                .toList();
    }

    /**
     * Lists what a reset would delete, one line each.
     *
     * @return empty if there is nothing to delete
     * @throws StopException if the learner is running, or the brokers do not answer
     */
    public List<String> look() {
        List<String> goes = new ArrayList<>();
        // first, because listing groups does not report brokers that cannot be reached
        boolean hasState = !partitions(changelog).isEmpty();
        if (findGroup().isPresent()) {
            goes.add("consumer group %s and its offsets: the learner starts again with the oldest record of %s%s"
                    .formatted(
                            application,
                            config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                            config.hasLateLabels() ? " and of " + config.getString(ThalwegConfig.LABELS_TOPIC) : ""));
        }
        if (hasState) {
            goes.add("changelog topic %s: weights, metrics and names of all models%s"
                    .formatted(changelog, config.hasLateLabels() ? ", and the events that wait for their labels" : ""));
        }
        if (!partitions(config.routedTopic()).isEmpty()) {
            goes.add("topic %s: the copies of the events, in the partitions of their models"
                    .formatted(config.routedTopic()));
        }
        if (!partitions(config.routedLabelsTopic()).isEmpty()) {
            goes.add("topic %s: the copies of the labels, in the partitions of their models"
                    .formatted(config.routedLabelsTopic()));
        }
        if (!keepOutputs) {
            for (String topic : emptied) {
                long offsets = sum(partitions(topic), OffsetSpec.latest());
                if (offsets > 0) {
                    goes.add("the contents of topic %s: %,d offsets".formatted(topic, offsets));
                }
            }
            for (String topic : retracted) {
                int keys = liveKeys(topic).size();
                if (keys > 0) {
                    goes.add("the contents of topic %s: %,d %s, by writing tombstones"
                            .formatted(topic, keys, keys == 1 ? "key" : "keys"));
                }
            }
        }
        return goes;
    }

    /**
     * Resets the learner.
     *
     * @throws StopException if the learner is running, or the brokers do not answer or refuse
     */
    public void run() {
        deleteGroup();
        deleteTopic(changelog);
        // the learner copies all events and labels to them again
        deleteTopic(config.routedTopic());
        deleteTopic(config.routedLabelsTopic());
        if (!keepOutputs) {
            emptied.forEach(this::empty);
            retracted.forEach(this::retract);
        }
    }

    private Optional<GroupListing> findGroup() {
        Optional<GroupListing> group = await(admin.listGroups().all()).stream()
                .filter(listing -> listing.groupId().equals(application))
                .findFirst();
        group.flatMap(GroupListing::groupState)
                .filter(state -> state != GroupState.EMPTY && state != GroupState.DEAD && state != GroupState.UNKNOWN)
                .ifPresent(state -> {
                    throw running();
                });
        return group;
    }

    private StopException running() {
        return new StopException(
                ExitCode.NOT_READY,
                "learner %s is running; stop all its instances first. A killed instance counts as running until its"
                                .formatted(application)
                        + " session.timeout.ms has passed, 6 s by default");
    }

    private void deleteGroup() {
        findGroup();
        try {
            await(admin.deleteConsumerGroups(List.of(application)).all());
        } catch (GroupIdNotFoundException e) {
            // it never ran, or this is the second attempt
        } catch (GroupNotEmptyException e) {
            throw running();
        }
    }

    private void deleteTopic(String topic) {
        try {
            await(admin.deleteTopics(List.of(topic)).all());
        } catch (UnknownTopicOrPartitionException e) {
            return;
        }
        // a learner that starts before all brokers know of the deletion would find the old topic
        waitUntil(
                () -> partitions(topic).isEmpty(),
                "topic %s is still there, although its deletion was accepted".formatted(topic));
    }

    private void empty(String topic) {
        List<TopicPartition> partitions = partitions(topic);
        if (sum(partitions, OffsetSpec.latest()) == 0) {
            return;
        }
        TopicDescription description =
                await(admin.describeTopics(List.of(topic)).topicNameValues().get(topic));
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Map<String, String> own = new HashMap<>();
        await(admin.describeConfigs(List.of(resource)).values().get(resource)).entries().stream()
                .filter(entry -> entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
                .forEach(entry -> own.put(entry.name(), entry.value()));
        short replicas = (short) description.partitions().get(0).replicas().size();
        deleteTopic(topic);
        NewTopic anew = new NewTopic(topic, partitions.size(), replicas).configs(own);
        waitUntil(
                () -> created(anew),
                "topic %s was deleted but not created again; `thalweg topics --create` creates it".formatted(topic));
        waitUntil(
                () -> partitions(topic).size() == partitions.size(),
                "topic %s was created again but cannot be found".formatted(topic));
    }

    private boolean created(NewTopic topic) {
        try {
            await(admin.createTopics(List.of(topic)).all());
            return true;
        } catch (TopicExistsException e) {
            // the brokers are still deleting the old topic
            return false;
        }
    }

    private void waitUntil(BooleanSupplier done, String otherwise) {
        long deadline =
                System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(config.getInt(ThalwegConfig.START_TIMEOUT_MS));
        while (!done.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new StopException(ExitCode.NOT_READY, otherwise + "; run the reset again");
            }
            LockSupport.parkNanos(POLL.toNanos());
        }
    }

    private void retract(String topic) {
        Map<ByteBuffer, Integer> keys = liveKeys(topic);
        if (keys.isEmpty()) {
            return;
        }
        List<Exception> failures = new ArrayList<>();
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config).writer())) {
            keys.forEach((key, partition) ->
                    producer.send(new ProducerRecord<>(topic, partition, key.array(), null), (metadata, failure) -> {
                        if (failure != null) {
                            failures.add(failure);
                        }
                    }));
        }
        if (!failures.isEmpty()) {
            throw new StopException(
                    ExitCode.NOT_READY,
                    "topic %s did not accept %d of %d tombstones (%s); run the reset again"
                            .formatted(
                                    topic,
                                    failures.size(),
                                    keys.size(),
                                    failures.get(0).getMessage()));
        }
    }

    /** The keys whose latest record has a value, and their partitions. */
    private Map<ByteBuffer, Integer> liveKeys(String topic) {
        Map<ByteBuffer, Integer> keys = new LinkedHashMap<>();
        List<TopicPartition> partitions = partitions(topic);
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    if (record.key() == null) {
                        continue;
                    }
                    ByteBuffer key = ByteBuffer.wrap(record.key());
                    if (record.value() == null) {
                        keys.remove(key);
                    } else {
                        keys.put(key, record.partition());
                    }
                }
            }
        }
        return keys;
    }

    private long sum(List<TopicPartition> partitions, OffsetSpec spec) {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        partitions.forEach(partition -> asked.put(partition, spec));
        return await(admin.listOffsets(asked).all()).values().stream()
                .mapToLong(ListOffsetsResultInfo::offset)
                .sum();
    }

    /** The partitions of a topic; none if it is missing. */
    private List<TopicPartition> partitions(String topic) {
        try {
            int partitions = await(admin.describeTopics(List.of(topic))
                            .topicNameValues()
                            .get(topic))
                    .partitions()
                    .size();
            return IntStream.range(0, partitions)
                    .mapToObj(partition -> new TopicPartition(topic, partition))
                    .toList();
        } catch (UnknownTopicOrPartitionException e) {
            return List.of();
        }
    }

    private <T> T await(KafkaFuture<T> answer) {
        return AdminCalls.await(answer, config);
    }
}
