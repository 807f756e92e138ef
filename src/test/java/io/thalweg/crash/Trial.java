package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.Topics;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.awaitility.Awaitility;

/**
 * One learner over one stream: topics of its own, the producer that feeds them, the processes that learn, and what is
 * to be seen of them from outside.
 */
final class Trial implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(120);
    private static final int FEEDS_PER_SECOND = 100;

    private final Cluster cluster;
    private final String name;
    private final int partitions;
    private final Supplier<Supplier<Input>> inputs;
    private final Map<String, String> settings = new LinkedHashMap<>();
    private final List<JavaProcess> learners = new ArrayList<>();

    private final KafkaProducer<byte[], byte[]> producer;
    private final ScheduledExecutorService feeder = Executors.newSingleThreadScheduledExecutor();
    private final AtomicReference<Exception> feederFailure = new AtomicReference<>();
    private final Supplier<Input> input;
    private long sent;
    private int starts;

    /**
     * Creates the topics.
     *
     * @param name distinguishes it from others on the same cluster
     * @param inputs each gives the same stream from its beginning
     */
    Trial(Cluster cluster, String name, int partitions, Supplier<Supplier<Input>> inputs) {
        this(cluster, name, partitions, inputs, Map.of());
    }

    /**
     * Creates the topics.
     *
     * @param more further settings
     */
    Trial(Cluster cluster, String name, int partitions, Supplier<Supplier<Input>> inputs, Map<String, String> more) {
        this.cluster = cluster;
        this.name = name;
        this.partitions = partitions;
        this.inputs = inputs;
        input = inputs.get();
        settings.put(ThalwegConfig.BOOTSTRAP_SERVERS, cluster.bootstrapServers());
        settings.put(ThalwegConfig.APPLICATION_ID, name);
        for (String topic : List.of(
                ThalwegConfig.EXAMPLES_TOPIC,
                ThalwegConfig.PREDICTIONS_TOPIC,
                ThalwegConfig.WEIGHTS_TOPIC,
                ThalwegConfig.METRICS_TOPIC,
                ThalwegConfig.DEAD_LETTERS_TOPIC,
                ThalwegConfig.OUTCOMES_TOPIC)) {
            settings.put(topic, name + "-" + topic.substring(0, topic.lastIndexOf('.')));
        }
        settings.put(ThalwegConfig.TOPICS_PARTITIONS, String.valueOf(partitions));
        settings.put(ThalwegConfig.NAMES_MAX, "60");
        settings.put(ThalwegConfig.METRICS_EVERY, "50");
        settings.put(ThalwegConfig.METRICS_WINDOW, "1000");
        settings.put(ThalwegConfig.WEIGHTS_INTERVAL_MS, "300");
        // a dead learner's transaction holds up the next one until it has timed out, and its membership until then
        settings.put("producer.transaction.timeout.ms", "2500");
        settings.put("session.timeout.ms", "2500");
        settings.put("heartbeat.interval.ms", "500");
        // on two processors it is off
        settings.put(ThalwegConfig.READ_AHEAD, "on");
        settings.putAll(more);
        producer = new KafkaProducer<>(
                Map.of(
                        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        cluster.bootstrapServers(),
                        ProducerConfig.LINGER_MS_CONFIG,
                        5,
                        // a new partition takes the second batch of a producer while it refuses the first (KAFKA-15591)
                        ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION,
                        1),
                new ByteArraySerializer(),
                new ByteArraySerializer());
        new Topics(config(), cluster.admin()).create();
    }

    void set(String setting, String value) {
        settings.put(setting, value);
    }

    ThalwegConfig config() {
        return new ThalwegConfig(settings);
    }

    private String topic(String setting) {
        return settings.get(setting);
    }

    // ---- the learner

    /** Starts a learner with the settings as they are now. */
    JavaProcess learner() {
        return learner("256m", null);
    }

    /** @param patch a directory of classes that replace the learner's own; null for none */
    JavaProcess learner(String heap, Path patch) {
        String process = name + "-learner-" + ++starts;
        // two on one machine must not share it, and none needs what the one before has left there
        settings.put(
                StreamsConfig.STATE_DIR_CONFIG,
                cluster.directory().resolveSibling(process).toString());
        JavaProcess learner = JavaProcess.start(
                process,
                heap,
                patch,
                LearnerProcess.class,
                settings.entrySet().stream()
                        .map(setting -> setting.getKey() + "=" + setting.getValue())
                        .toList());
        learners.add(learner);
        return learner;
    }

    /** SIGKILL. */
    void kill(JavaProcess learner) {
        assertThat(learner.isAlive()).as("%s", learner).isTrue();
        learner.kill();
        learners.remove(learner);
    }

    /** SIGTERM; it must commit and stop. */
    void stop(JavaProcess learner) {
        assertThat(learner.isAlive()).as("%s", learner).isTrue();
        assertThat(learner.terminate()).as("%s", learner).isTrue();
        assertThat(learner.log().contains(LearnerProcess.CLOSED))
                .as("%s", learner)
                .isTrue();
        learners.remove(learner);
    }

    // ---- the stream

    /** Begins to send examples at a rate that lets the learner keep up. */
    void feed(int perSecond) {
        feeder.scheduleAtFixedRate(
                () -> {
                    try {
                        send(perSecond / FEEDS_PER_SECOND);
                    } catch (RuntimeException e) {
                        feederFailure.set(e);
                        throw e;
                    }
                },
                0,
                1000 / FEEDS_PER_SECOND,
                TimeUnit.MILLISECONDS);
    }

    /** Sends so many examples at once. Not while others are fed. */
    void send(int count) {
        for (int i = 0; i < count; i++) {
            Input next = input.get();
            producer.send(
                    new ProducerRecord<>(
                            topic(next.topic()), next.partition(), next.timestamp(), next.key(), next.value()),
                    (metadata, failure) -> {
                        if (failure != null) {
                            feederFailure.set(failure);
                        }
                    });
            sent++;
        }
    }

    /** Ends the stream, and waits until all of it has been taken into account and committed. */
    void finish() {
        feeder.shutdown();
        try {
            assertThat(feeder.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        producer.flush();
        assertThat(feederFailure.get()).isNull();
        Map<TopicPartition, Long> end = ends(ThalwegConfig.EXAMPLES_TOPIC, IsolationLevel.READ_UNCOMMITTED);
        if (config().hasLateLabels()) {
            end.putAll(ends(ThalwegConfig.LABELS_TOPIC, IsolationLevel.READ_UNCOMMITTED));
        }
        long found = end.values().stream().mapToLong(n -> n).sum();
        assertThat(found).isGreaterThanOrEqualTo(sent);
        // when its broker is killed, the producer of this test can begin a new epoch, and write a batch twice
        assumeThat(found).as("records that were sent once").isEqualTo(sent);
        end.values().removeIf(n -> n == 0);
        await("everything to be committed", () -> committed().equals(end));
        for (String output : List.of(
                ThalwegConfig.PREDICTIONS_TOPIC, ThalwegConfig.DEAD_LETTERS_TOPIC, ThalwegConfig.METRICS_TOPIC)) {
            await(
                    "dead transactions to time out",
                    () -> ends(output, IsolationLevel.READ_COMMITTED)
                            .equals(ends(output, IsolationLevel.READ_UNCOMMITTED)));
        }
    }

    /** How many examples have been sent. */
    long sent() {
        return sent;
    }

    /** What the group has committed, by partition. */
    Map<TopicPartition, Long> committed() {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        try {
            cluster.admin()
                    .listConsumerGroupOffsets(name)
                    .partitionsToOffsetAndMetadata()
                    .get()
                    .forEach((partition, offset) -> offsets.put(partition, offset.offset()));
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return offsets;
    }

    /** Makes the group's committed offsets what they are not. */
    void commit(long offset) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) {
            offsets.put(
                    new TopicPartition(topic(ThalwegConfig.EXAMPLES_TOPIC), partition), new OffsetAndMetadata(offset));
        }
        // until the broker has noticed that the last member has left
        await("offsets to be set", () -> {
            cluster.admin().alterConsumerGroupOffsets(name, offsets).all().get();
            return true;
        });
    }

    /** Deletes the group with its committed offsets. */
    void forgetGroup() {
        await("the group to be deleted", () -> {
            cluster.admin().deleteConsumerGroups(List.of(name)).all().get();
            return true;
        });
    }

    /** Waits until every partition has been committed further than it is now, by learners that are all alive. */
    void awaitProgress() {
        Map<TopicPartition, Long> before = new HashMap<>();
        await("what is committed", () -> {
            before.putAll(committed());
            return true;
        });
        await("progress", () -> {
            Map<TopicPartition, Long> now = committed();
            return now.size() >= partitions
                    && now.entrySet().stream()
                            .allMatch(offset -> offset.getValue() > before.getOrDefault(offset.getKey(), 0L));
        });
    }

    /** Waits, as long as every learner lives and the stream is fed. */
    void await(String what, Callable<Boolean> condition) {
        Awaitility.await(what)
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(25))
                .ignoreExceptionsMatching(e -> !(e instanceof AssertionError))
                .until(() -> {
                    assertThat(feederFailure.get()).isNull();
                    assertThat(learners).allMatch(JavaProcess::isAlive);
                    return condition.call();
                });
    }

    /** How many partitions each member of the group has, in rising order. */
    List<Integer> assignment() {
        try {
            return cluster
                    .admin()
                    .describeConsumerGroups(List.of(name))
                    .describedGroups()
                    .get(name)
                    .get()
                    .members()
                    .stream()
                    .map(member -> member.assignment().topicPartitions().size())
                    .sorted()
                    .toList();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    // ---- what came of it

    /** What must have come of it, under the settings as they are. */
    Replay replay() {
        return replay(Map.of(0L, config()));
    }

    /** The same with settings that have changed. @param spans the settings from an offset on; one partition only */
    Replay replay(Map<Long, ThalwegConfig> spans) {
        Replay replay = new Replay(partitions, spans);
        Supplier<Input> again = inputs.get();
        for (long i = 0; i < sent; i++) {
            replay.take(again.get());
        }
        return replay;
    }

    /** The stream again, from its beginning. */
    Supplier<Input> inputAgain() {
        return inputs.get();
    }

    /** All that a topic holds, by partition and offset. @param setting names the topic */
    List<ConsumerRecord<byte[], byte[]>> read(String setting, IsolationLevel isolation) {
        Map<String, Object> consumerSettings = Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                cluster.bootstrapServers(),
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                isolation.toString());
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(consumerSettings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            Map<TopicPartition, Long> ends = ends(setting, isolation);
            for (TopicPartition partition : ends.keySet()) {
                consumer.assign(List.of(partition));
                consumer.seekToBeginning(List.of(partition));
                while (consumer.position(partition) < ends.get(partition)) {
                    consumer.poll(Duration.ofMillis(100)).forEach(records::add);
                }
            }
        }
        return records;
    }

    private List<TopicPartition> topicPartitions(String setting) {
        return IntStream.range(0, partitions)
                .mapToObj(partition -> new TopicPartition(topic(setting), partition))
                .toList();
    }

    private Map<TopicPartition, Long> ends(String setting, IsolationLevel isolation) {
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        topicPartitions(setting).forEach(partition -> latest.put(partition, OffsetSpec.latest()));
        Map<TopicPartition, Long> ends = new HashMap<>();
        try {
            cluster.admin()
                    .listOffsets(latest, new ListOffsetsOptions(isolation))
                    .all()
                    .get()
                    .forEach((partition, end) -> ends.put(partition, end.offset()));
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return ends;
    }

    /** How many predictions were written in transactions that did not commit. */
    long aborted() {
        return read(ThalwegConfig.PREDICTIONS_TOPIC, IsolationLevel.READ_UNCOMMITTED)
                        .size()
                - read(ThalwegConfig.PREDICTIONS_TOPIC, IsolationLevel.READ_COMMITTED)
                        .size();
    }

    /** Fails unless all outputs are what they must be, bit for bit. */
    void assertMatches(Replay replay) {
        assertThat(new Comparison(this, replay).ofPredictions()).isEmpty();
        assertThat(new Comparison(this, replay).ofDeadLetters()).isEmpty();
        assertThat(new Comparison(this, replay).ofMetrics()).isEmpty();
        Awaitility.await("weights that match")
                .atMost(Duration.ofSeconds(20))
                .pollInterval(Duration.ofMillis(500))
                .untilAsserted(() ->
                        assertThat(new Comparison(this, replay).ofWeights()).isEmpty());
    }

    /** Fails unless Thalweg's own verification finds everything as it must be. */
    void assertVerified() {
        assertVerified(List.of());
    }

    /** @param modelFiles what models began with, besides the file in the settings */
    void assertVerified(List<Path> modelFiles) {
        VerificationReport report = new Verification(config(), LearnerProcess::schema, modelFiles).run(progress -> {});
        assertThat(report.lines())
                .as(String.join("\n", report.lines()).replace("%", "%%"))
                .last()
                .asString()
                .startsWith("MATCHES");
    }

    @Override
    public void close() {
        feeder.shutdownNow();
        producer.close(Duration.ZERO);
        learners.forEach(JavaProcess::close);
    }
}
