package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.ExampleSender;
import io.thalweg.runtime.KafkaSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The probes of a learner on a real broker, in the states that last only a moment otherwise. */
@Timeout(300)
class HealthIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    /** How long offsets may stand still. */
    private static final long STALL_MS = 1000;

    private static EmbeddedBroker broker;
    private static EmbeddedRegistry registry;

    @BeforeAll
    static void start(@TempDir Path directory) {
        broker = EmbeddedBroker.start(directory, 0);
        registry = EmbeddedRegistry.start(null, 0);
    }

    @AfterAll
    static void stop() {
        registry.close();
        broker.close();
    }

    /** What a restore consumer reads, held up on request. */
    public static final class HeldRestore implements ConsumerInterceptor<byte[], byte[]> {
        private static volatile CountDownLatch gate = new CountDownLatch(0);
        private boolean restores;

        static void hold() {
            gate = new CountDownLatch(1);
        }

        static void release() {
            gate.countDown();
        }

        @Override
        public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
            try {
                if (restores) {
                    gate.await();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return records;
        }

        @Override
        public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
            // restore consumers commit nothing
        }

        @Override
        public void configure(Map<String, ?> settings) {
            // readers of topics have the settings of a restore consumer, too
            restores = settings.get(ConsumerConfig.CLIENT_ID_CONFIG).toString().contains("restore");
        }

        @Override
        public void close() {
            // nothing to close
        }
    }

    private static ServedLearner learner(EmbeddedRegistry registry, String name, String... more) {
        Object[] settings = new Object[more.length + 4];
        settings[0] = "http.stall.max.ms";
        settings[1] = Long.toString(STALL_MS);
        settings[2] = "restore.consumer.interceptor.classes";
        settings[3] = HeldRestore.class.getName();
        System.arraycopy(more, 0, settings, 4, more.length);
        ServedLearner learner = new ServedLearner(broker, registry, name, settings);
        learner.createTopics();
        return learner;
    }

    private static JsonNode assertUp(Http http, String probe) {
        JsonNode health = http.get("/health/" + probe).ok();
        assertThat(health.path("status").asText()).isEqualTo("up");
        assertThat(health.path("reasons")).isEmpty();
        return health;
    }

    private static List<String> assertDown(Http http, String probe) {
        Http.Answer answer = http.get("/health/" + probe);
        assertThat(answer.status()).as(answer.body()).isEqualTo(503);
        assertThat(answer.json().path("status").asText()).isEqualTo("down");
        return StreamSupport.stream(answer.json().path("reasons").spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }

    private static void awaitStatus(Http http, String path, int status) {
        await(path).atMost(PATIENCE).until(() -> http.get(path).status() == status);
    }

    private static void awaitVersion(Http http, String model, long version) {
        await().atMost(PATIENCE)
                .until(() -> http.get("/v1/models/" + model).status() == 200
                        && http.get("/v1/models/" + model)
                                        .json()
                                        .path("version")
                                        .asLong()
                                == version);
    }

    private static Example example(int i) {
        return new Example(null, i % 2.0, 1.0, List.of(i % 2 - 0.5));
    }

    /** Returns what a watch finds that looks now, and again after an hour in which nothing changes. */
    private static List<String> stallsAfterAnHour(ServedLearner learner) {
        AtomicLong nanos = new AtomicLong();
        try (StallWatch watch = new StallWatch(
                learner.config,
                new AtomicReference<>(learner.serving().learner()),
                nanos::get,
                StallWatch.onBrokers(learner.config))) {
            watch.look();
            nanos.addAndGet(TimeUnit.HOURS.toNanos(1));
            watch.look();
            return watch.stalls();
        }
    }

    @Test
    void aLearnerThatRestoresAtItsStartIsAliveAndNotStarted() {
        try (ServedLearner learner = learner(registry, "restores")) {
            Http http = learner.start();
            learner.send(500, i -> "m", HealthIT::example);
            awaitVersion(http, "m", 500);
            learner.stop();
            // more to learn, which must wait
            learner.send(100, i -> "m", HealthIT::example);

            HeldRestore.hold();
            try {
                Http again = learner.start();
                await().atMost(PATIENCE)
                        .until(
                                () -> again.get("/health/live")
                                        .json()
                                        .path("state")
                                        .asText(),
                                "REBALANCING"::equals);
                assertUp(again, "live");
                assertThat(stallsAfterAnHour(learner)).isEmpty();
                assertThat(assertDown(again, "started")).containsExactly("the learner has not been running yet");
                assertThat(assertDown(again, "ready"))
                        .containsExactly("the learner waits for its partitions, or restores them");
                assertThat(again.get("/v1/models/m").refusal(503)).isNotBlank();

                HeldRestore.release();
                awaitVersion(again, "m", 600);
                for (String probe : List.of("live", "started", "ready")) {
                    assertThat(assertUp(again, probe).path("state").asText()).isEqualTo("RUNNING");
                }
                assertThat(assertUp(again, "ready").path("partitions").toString())
                        .isEqualTo("[0]");
            } finally {
                HeldRestore.release();
            }
        }
    }

    /** A partition that moves must be restored, and meanwhile the others are answered from. */
    @Test
    void aLearnerWhosePartitionsMoveIsAliveAndReady() {
        try (ServedLearner learner = learner(registry, "moves", "topics.partitions", "2")) {
            Http http = learner.start();
            learner.send(600, i -> "m-" + i % 6, HealthIT::example);
            for (int model = 0; model < 6; model++) {
                awaitVersion(http, "m-" + model, 100);
            }
            HeldRestore.hold();
            try {
                learner.serving().learner().streams().addStreamThread();
                // the partition is given up before the thread that gets it is seen to rebalance
                await().atMost(PATIENCE)
                        .until(
                                () -> assertUp(http, "live"),
                                health -> health.path("partitions").size() == 1
                                        && health.path("state").asText().equals("REBALANCING"));
                assertUp(http, "started");
                assertUp(http, "ready");
                assertThat(stallsAfterAnHour(learner)).isEmpty();
                List<Integer> answers = IntStream.range(0, 6)
                        .mapToObj(model -> http.get("/v1/models/m-" + model).status())
                        .toList();
                assertThat(answers).contains(200).allMatch(status -> status == 200 || status == 503);

                HeldRestore.release();
                await().atMost(PATIENCE)
                        .until(() -> assertUp(http, "ready").path("partitions").size(), restored -> restored == 2);
                awaitVersion(http, "m-0", 100);
            } finally {
                HeldRestore.release();
            }
        }
    }

    @Test
    void aLearnerThatStandsStillIsNotLive(@TempDir Path directory) {
        Path file = directory.resolve("schemas.jsonl");
        EmbeddedRegistry own = EmbeddedRegistry.start(file, 0);
        int port = Integer.parseInt(own.url().replaceFirst(".*:", ""));
        try (ServedLearner learner = learner(own, "stands-still", "registry.retry.max.ms", "240000")) {
            Http http = learner.start();
            awaitStatus(http, "/health/started", 200);
            assertThat(assertUp(http, "ready").path("partitions")).hasSize(1);
            sendWithoutRegistry(learner, own);
            awaitStatus(http, "/health/live", 503);
            assertThat(http.get("/health/live").json().path("state").asText()).isEqualTo("RUNNING");
            assertThat(assertDown(http, "live"))
                    .singleElement()
                    .asString()
                    .contains("stands-still-examples-0", "has been 0 for", "ends at 1");
            assertThat(http.get("/metrics").body().lines()).contains("thalweg_live 0.0");

            own = EmbeddedRegistry.start(file, port);
            awaitStatus(http, "/health/live", 200);
            awaitVersion(http, "m", 1);
        } finally {
            own.close();
        }
    }

    /** Reads and loses everything, as a consumer whose records nobody processes. */
    public static final class LosingConsumer implements ConsumerInterceptor<byte[], byte[]> {
        @Override
        public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
            return ConsumerRecords.empty();
        }

        @Override
        public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
            // nothing to do
        }

        @Override
        public void configure(Map<String, ?> settings) {
            // nothing to configure
        }

        @Override
        public void close() {
            // nothing to close
        }
    }

    /** Its consumer goes on asking, and says that there is nothing left to read. */
    @Test
    void aLearnerThatReadsAndProcessesNothingIsNotLive() {
        try (ServedLearner learner =
                learner(registry, "loses", "main.consumer.interceptor.classes", LosingConsumer.class.getName())) {
            Http http = learner.start();
            awaitStatus(http, "/health/ready", 200);
            learner.send(3, i -> "m", HealthIT::example);
            await().atMost(PATIENCE)
                    .until(() -> learner.serving().learner().streams().metrics().entrySet().stream()
                            .anyMatch(metric -> metric.getKey().name().equals("records-lag")
                                    && metric.getValue().metricValue().equals(0.0)));
            awaitStatus(http, "/health/live", 503);
            assertThat(assertDown(http, "live"))
                    .singleElement()
                    .asString()
                    .contains("loses-examples-0", "has been 0 for", "ends at 3");
        }
    }

    @Test
    void aLearnerThatHasFailedIsNotLive() {
        EmbeddedRegistry own = EmbeddedRegistry.start(null, 0);
        try (ServedLearner learner = learner(own, "fails", "registry.retry.max.ms", "100")) {
            Http http = learner.start();
            awaitStatus(http, "/health/started", 200);
            assertUp(http, "live");
            sendWithoutRegistry(learner, own);
            await().atMost(PATIENCE).until(() -> learner.serving().learner().hasEnded());
            assertThat(assertDown(http, "live"))
                    .singleElement()
                    .asString()
                    .startsWith("the learner has ended: ")
                    .contains("nothing is lost");
            awaitStatus(http, "/health/ready", 503);
            assertThat(assertDown(http, "ready")).singleElement().asString().startsWith("the learner is ");
            assertUp(http, "started");
            await().atMost(PATIENCE)
                    .untilAsserted(() ->
                            assertThat(http.get("/metrics").body().lines()).contains("thalweg_live 0.0"));
        } finally {
            own.close();
        }
    }

    /** Behind the last record are the marker of its transaction and aborted records, which nobody reads. */
    @Test
    void aLearnerWithNothingToDoIsLive() {
        try (ServedLearner learner = learner(registry, "idles", "examples.format", "json", "label", "y")) {
            Http http = learner.start();
            awaitStatus(http, "/health/ready", 200);
            assertThat(stallsAfterAnHour(learner)).as("with an empty topic").isEmpty();
            Map<String, Object> settings = new KafkaSettings(learner.config).writer();
            settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, "sender");
            try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
                producer.initTransactions();
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(
                        learner.config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                        "m".getBytes(),
                        "{\"y\":1,\"a\":2}".getBytes()));
                producer.commitTransaction();
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(
                        learner.config.getString(ThalwegConfig.EXAMPLES_TOPIC), "m".getBytes(), "{}".getBytes()));
                producer.flush();
                producer.abortTransaction();
            }
            awaitVersion(http, "m", 1);
            assertThat(stallsAfterAnHour(learner)).isEmpty();
            assertUp(http, "live");
        }
    }

    /** Sends an example whose schema nobody can look up any more. */
    private static void sendWithoutRegistry(ServedLearner learner, EmbeddedRegistry own) {
        try (ConfluentSchemas ofSender = new ConfluentSchemas(learner.config.registry(), PATIENCE);
                ExampleSender sender = ExampleSender.open(learner.config, ofSender)) {
            own.close();
            sender.send("m", new Example(null, 1.0, 1.0, List.of(1.0)));
            sender.flush();
        }
    }
}
