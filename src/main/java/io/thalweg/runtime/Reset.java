package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import io.thalweg.topology.LearnerSupplier;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;

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
    private final TopicChanges topics;
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
        topics = new TopicChanges(config, admin, "run the reset again");
        TopicNames.check(config);
        application = config.getString(ThalwegConfig.APPLICATION_ID);
        changelog = LearnerSupplier.changelog(config);
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
        boolean hasState = !topics.partitions(changelog).isEmpty();
        if (LearnerGroup.findStopped(config, admin).isPresent()) {
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
        if (!topics.partitions(config.routedTopic()).isEmpty()) {
            goes.add("topic %s: the copies of the events, in the partitions of their models"
                    .formatted(config.routedTopic()));
        }
        if (!topics.partitions(config.routedLabelsTopic()).isEmpty()) {
            goes.add("topic %s: the copies of the labels, in the partitions of their models"
                    .formatted(config.routedLabelsTopic()));
        }
        if (!keepOutputs) {
            for (String topic : emptied) {
                long offsets = sum(topics.partitions(topic));
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
        topics.delete(changelog);
        topics.delete(Repartition.staging(config));
        // the learner copies all events and labels to them again
        topics.delete(config.routedTopic());
        topics.delete(config.routedLabelsTopic());
        if (!keepOutputs) {
            emptied.forEach(this::empty);
            retracted.forEach(this::retract);
        }
    }

    private void deleteGroup() {
        LearnerGroup.findStopped(config, admin);
        try {
            await(admin.deleteConsumerGroups(List.of(application)).all());
        } catch (GroupIdNotFoundException e) {
            // it never ran, or this is the second attempt
        } catch (GroupNotEmptyException e) {
            throw LearnerGroup.running(config);
        }
    }

    private void empty(String topic) {
        List<TopicPartition> partitions = topics.partitions(topic);
        if (sum(partitions) == 0) {
            return;
        }
        NewTopic anew = topics.like(topic, topic, partitions.size());
        topics.delete(topic);
        topics.create(
                anew,
                "topic %s was deleted but not created again; `thalweg topics --create` creates it".formatted(topic));
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
        List<TopicPartition> partitions = topics.partitions(topic);
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

    private long sum(List<TopicPartition> partitions) {
        return topics.offsets(partitions, OffsetSpec.latest()).values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    private <T> T await(KafkaFuture<T> answer) {
        return AdminCalls.await(answer, config);
    }
}
