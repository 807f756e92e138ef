package io.thalweg.app.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.testing.FreePort;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class EmbeddedBrokerIT {
    private static final String TOPIC = "letters";
    private static final TopicPartition PARTITION = new TopicPartition(TOPIC, 0);

    @TempDir
    Path directory;

    /** A broker in a process of its own, for tests that kill it. */
    static final class Child {
        private Child() {}

        public static void main(String[] args) throws Exception {
            EmbeddedBroker broker = EmbeddedBroker.start(Path.of(args[0]), 0);
            System.out.println(broker.bootstrapServers());
            System.in.read(); // until killed, or until the parent is gone
            System.exit(0);
        }
    }

    @Test
    void keepsDataPortAndGroupOffsetsWhenTheDirectoryIsOpenedAgain() throws Exception {
        String address;
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0)) {
            address = broker.bootstrapServers();
            createTopic(address, Map.of());
            send(address, "a", "b");
            try (Consumer<String, String> consumer = consumer(address)) {
                consumer.assign(List.of(PARTITION));
                consumer.commitSync(Map.of(PARTITION, new OffsetAndMetadata(1)));
            }
        }
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0)) {
            assertThat(broker.bootstrapServers()).isEqualTo(address);
            assertThat(read(address, 2)).containsExactly("a", "b");
            try (Admin admin = admin(address)) {
                assertThat(admin.listConsumerGroupOffsets("readers")
                                .partitionsToOffsetAndMetadata()
                                .get())
                        .containsEntry(PARTITION, new OffsetAndMetadata(1));
            }
            send(address, "c");
            assertThat(read(address, 3)).containsExactly("a", "b", "c");
            assertThat(broker.failed().toCompletableFuture()).isNotDone();
        }
    }

    @Test
    void showsCommittedTransactionsAndHidesAbortedOnes() {
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0)) {
            String address = broker.bootstrapServers();
            createTopic(address, Map.of());
            try (Producer<String, String> producer = producer(address, Map.of("transactional.id", "writer"))) {
                producer.initTransactions();
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(TOPIC, "aborted"));
                producer.flush();
                producer.abortTransaction();
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(TOPIC, "committed"));
                producer.commitTransaction();
            }
            assertThat(read(address, 1)).containsExactly("committed");
        }
    }

    @Test
    void makesNoTopicByItselfAndLimitsRecordsUnlessTheTopicAllowsMore() throws Exception {
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0)) {
            String address = broker.bootstrapServers();
            String twoMegabytes = "x".repeat(2 << 20);
            try (Producer<String, String> producer =
                    producer(address, Map.of("max.request.size", 8 << 20, "max.block.ms", 2000))) {
                assertThatThrownBy(() -> producer.send(new ProducerRecord<>("nobody-made-this", "x"))
                                .get())
                        .rootCause()
                        .isInstanceOf(UnknownTopicOrPartitionException.class);

                createTopic(address, Map.of());
                assertThatThrownBy(() -> producer.send(new ProducerRecord<>(TOPIC, twoMegabytes))
                                .get())
                        .hasCauseInstanceOf(RecordTooLargeException.class);

                try (Admin admin = admin(address)) {
                    NewTopic large =
                            new NewTopic("large", 1, (short) 1).configs(Map.of("max.message.bytes", "4194304"));
                    admin.createTopics(List.of(large)).all().get();
                }
                assertThat(producer.send(new ProducerRecord<>("large", twoMegabytes))
                                .get()
                                .offset())
                        .isZero();
            }
        }
    }

    @Test
    void servesItsDataAfterAKill() throws Exception {
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        directory.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String address;
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            address = output.readLine();
            createTopic(address, Map.of());
            send(address, "before the kill");
            try (Producer<String, String> producer = producer(address, Map.of("transactional.id", "writer"))) {
                producer.initTransactions();
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(TOPIC, "in a transaction"));
                producer.commitTransaction();
            }
        } finally {
            child.destroyForcibly();
            assertThat(child.waitFor(10, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(child.exitValue()).isEqualTo(128 + 9);

        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0)) {
            assertThat(broker.bootstrapServers()).isEqualTo(address);
            try (Producer<String, String> producer = producer(address, Map.of("transactional.id", "writer"))) {
                producer.initTransactions();
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(TOPIC, "after the kill"));
                producer.commitTransaction();
            }
            assertThat(read(address, 3)).containsExactly("before the kill", "in a transaction", "after the kill");
        }
    }

    @Test
    void saysWhenItsPortIsTakenOrItsDirectoryIsInUse() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            assertThatThrownBy(() -> EmbeddedBroker.start(directory, taken.getLocalPort()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("127.0.0.1:" + taken.getLocalPort())
                    .hasMessageContaining("in use")
                    .hasMessageContaining("choose another")
                    .hasMessageNotContaining("\n");
        }
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0)) {
            int otherPort = FreePort.find();
            assertThatThrownBy(() -> EmbeddedBroker.start(directory, otherPort))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining(directory.toString())
                    .hasMessageContaining("another broker uses this directory")
                    .hasMessageNotContaining("\n");
            createTopic(broker.bootstrapServers(), Map.of());
            send(broker.bootstrapServers(), "unharmed");
            assertThat(read(broker.bootstrapServers(), 1)).containsExactly("unharmed");
        }
    }

    private static void createTopic(String address, Map<String, String> configs) {
        try (Admin admin = admin(address)) {
            admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1).configs(configs)))
                    .all()
                    .get();
        } catch (ExecutionException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void send(String address, String... values) throws Exception {
        try (Producer<String, String> producer = producer(address, Map.of())) {
            for (String value : values) {
                producer.send(new ProducerRecord<>(TOPIC, value)).get();
            }
        }
    }

    private static List<String> read(String address, int count) {
        List<String> values = new ArrayList<>();
        try (Consumer<String, String> consumer = consumer(address)) {
            consumer.assign(List.of(PARTITION));
            consumer.seekToBeginning(List.of(PARTITION));
            Awaitility.await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> values.add(record.value()));
                assertThat(values).hasSizeGreaterThanOrEqualTo(count);
            });
            assertThat(consumer.endOffsets(List.of(PARTITION)).get(PARTITION)).isGreaterThanOrEqualTo(count);
        }
        return values;
    }

    private static Admin admin(String address) {
        return Admin.create(Map.of("bootstrap.servers", address));
    }

    private static Producer<String, String> producer(String address, Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("bootstrap.servers", address);
        return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    }

    private static Consumer<String, String> consumer(String address) {
        return new KafkaConsumer<>(
                Map.of(
                        "bootstrap.servers",
                        address,
                        "group.id",
                        "readers",
                        "enable.auto.commit",
                        false,
                        "isolation.level",
                        "read_committed"),
                new StringDeserializer(),
                new StringDeserializer());
    }
}
