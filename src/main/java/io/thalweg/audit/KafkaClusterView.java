package io.thalweg.audit;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.CommittedRecords;
import io.thalweg.runtime.StopException;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.streams.StreamsConfig;

/** The view of a real cluster. Its clients get the same settings as those of the learner, and join no group. */
final class KafkaClusterView implements ClusterView {
    private static final long PAUSE_MS = 20;

    private final Map<String, Object> consumerSettings;
    private final Admin admin;
    private final Deque<Consumer<byte[], byte[]>> idle = new ArrayDeque<>();

    KafkaClusterView(ThalwegConfig config) {
        Map<String, Object> settings = new HashMap<>(config.clients());
        String name = config.getString(ThalwegConfig.APPLICATION_ID);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, name);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, config.getString(ThalwegConfig.BOOTSTRAP_SERVERS));
        // otherwise Kafka Streams logs a warning that is meant for learners
        settings.putIfAbsent("processing.exception.handler.global.enabled", true);
        // Kafka Streams decides which setting is for which client, as when the learner runs
        StreamsConfig streams = new StreamsConfig(settings);
        consumerSettings = new HashMap<>(streams.getRestoreConsumerConfigs(name + "-verify"));
        consumerSettings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        consumerSettings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        consumerSettings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        consumerSettings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        // a consumer at the end of one partition asks for the next only after the broker has answered for the first
        consumerSettings.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 20);
        admin = Admin.create(streams.getAdminConfigs(name + "-verify"));
    }

    @Override
    public Map<String, Integer> partitions(Collection<String> topics) {
        Map<String, Integer> partitions = new HashMap<>();
        for (Map.Entry<String, KafkaFuture<TopicDescription>> topic :
                admin.describeTopics(topics).topicNameValues().entrySet()) {
            try {
                partitions.put(
                        topic.getKey(), get(topic.getValue()).partitions().size());
            } catch (UnknownTopicOrPartitionException e) {
                // left out
            } catch (TopicAuthorizationException e) {
                // the exception of an admin client does not say which
                throw new TopicAuthorizationException(e.getMessage(), Set.of(topic.getKey()));
            }
        }
        return partitions;
    }

    @Override
    public Set<String> existing(Set<String> topics) {
        Set<String> existing = new HashSet<>();
        admin.describeTopics(topics).topicNameValues().forEach((topic, description) -> {
            try {
                get(description);
                existing.add(topic);
            } catch (UnknownTopicOrPartitionException | TopicAuthorizationException e) {
                // left out
            }
        });
        return existing;
    }

    @Override
    public Map<TopicPartition, Long> committed(String group, Collection<TopicPartition> partitions) {
        // not with the admin client, which leaves out offsets that a transaction is about to commit
        Map<String, Object> settings = new HashMap<>(consumerSettings);
        settings.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        Map<TopicPartition, Long> committed = new HashMap<>();
        // it subscribes to nothing, so it does not join the group
        try (Consumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.committed(Set.copyOf(partitions)).forEach((partition, offset) -> {
                if (offset != null) {
                    committed.put(partition, offset.offset());
                }
            });
        }
        return committed;
    }

    @Override
    public Map<TopicPartition, Long> beginnings(Collection<TopicPartition> partitions) {
        return offsets(partitions, OffsetSpec.earliest());
    }

    @Override
    public Map<TopicPartition, Long> ends(Collection<TopicPartition> partitions) {
        return offsets(partitions, OffsetSpec.latest());
    }

    @Override
    public Map<TopicPartition, Long> endsOfTransactions(Collection<TopicPartition> partitions) {
        Map<TopicPartition, Long> ends = ends(partitions);
        long begin = System.nanoTime();
        while (true) {
            Map<TopicPartition, Long> stable = offsets(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED);
            if (ends.entrySet().stream().allMatch(end -> stable.get(end.getKey()) >= end.getValue())) {
                return stable;
            }
            if (System.nanoTime() - begin > CommittedRecords.PATIENCE.toNanos()) {
                // one that was left open, which reading will report
                return ends;
            }
            try {
                TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
            } catch (InterruptedException e) {
                throw new InterruptException(e);
            }
        }
    }

    private Map<TopicPartition, Long> offsets(Collection<TopicPartition> partitions, OffsetSpec which) {
        return offsets(partitions, which, IsolationLevel.READ_UNCOMMITTED);
    }

    private Map<TopicPartition, Long> offsets(
            Collection<TopicPartition> partitions, OffsetSpec which, IsolationLevel isolation) {
        Map<TopicPartition, OffsetSpec> question =
                partitions.stream().collect(Collectors.toMap(Function.identity(), partition -> which));
        Map<TopicPartition, Long> offsets = new HashMap<>();
        get(admin.listOffsets(question, new ListOffsetsOptions(isolation)).all())
                .forEach((partition, found) -> offsets.put(partition, found.offset()));
        return offsets;
    }

    private static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof KafkaException cause ? cause : new KafkaException(e.getCause());
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
    }

    @Override
    public Records read(TopicPartition partition, long from, long to) {
        Consumer<byte[], byte[]> consumer = idle.isEmpty()
                ? new KafkaConsumer<>(consumerSettings, new ByteArrayDeserializer(), new ByteArrayDeserializer())
                : idle.remove();
        return new Fetched(consumer, partition, from, to);
    }

    @Override
    public void close() {
        idle.forEach(Consumer::close);
        admin.close();
    }

    private final class Fetched implements Records {
        private final Consumer<byte[], byte[]> consumer;
        private final CommittedRecords records;

        Fetched(Consumer<byte[], byte[]> consumer, TopicPartition partition, long from, long to) {
            this.consumer = consumer;
            records = new CommittedRecords(consumer, partition, from, to);
        }

        @Override
        public boolean hasNext() {
            try {
                return records.hasNext();
            } catch (StopException e) {
                throw new UnverifiableException(e.getMessage(), e);
            }
        }

        @Override
        public ConsumerRecord<byte[], byte[]> next() {
            try {
                return records.next();
            } catch (StopException e) {
                throw new UnverifiableException(e.getMessage(), e);
            }
        }

        @Override
        public void close() {
            consumer.unsubscribe();
            idle.add(consumer);
        }
    }
}
