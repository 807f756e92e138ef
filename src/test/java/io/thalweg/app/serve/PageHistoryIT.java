package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Quality;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.output.OutputRecord;
import io.thalweg.output.OutputSerializer;
import io.thalweg.output.OutputTopic;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.testing.FreePort;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A learner in a process with a small heap, whose topics hold a long history of ten thousand models. Its page is
 * answered while the history is read, and while more arrives than it can show. With {@code mvn verify -Phistory} there
 * are ten million records.
 */
@Timeout(3600)
class PageHistoryIT {
    private static final Logger LOG = LoggerFactory.getLogger(PageHistoryIT.class);

    private static final int RECORDS = Integer.getInteger("thalweg.history", 200_000);
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final String HEAP = "-Xmx192m";
    private static final int MODELS = 10_000;
    private static final int PARTITIONS = 4;
    private static final int WEIGHTS = 10;
    /** How many examples of each model the learner has learned from. */
    private static final int LEARNED = 2;

    private static final long BEGIN = 1_700_000_000_000L;

    @TempDir
    private Path directory;

    private EmbeddedBroker broker;
    private EmbeddedRegistry registry;
    private ServedLearner learner;
    private Process process;
    private final Map<OutputTopic, OutputSerializer> serializers = new EnumMap<>(OutputTopic.class);

    @BeforeEach
    void start() {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        registry = EmbeddedRegistry.start(null, 0);
        // nothing of its own is in the way of the history
        learner = new ServedLearner(
                broker,
                registry,
                "history",
                "topics.partitions",
                Integer.toString(PARTITIONS),
                "metrics.every",
                "1000000",
                "weights.every",
                "1000000",
                "weights.interval.ms",
                "3600000");
        learner.createTopics();
    }

    @AfterEach
    void stop() throws InterruptedException {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
        learner.close();
        registry.close();
        broker.close();
    }

    private static String id(int model) {
        return "model-%04d".formatted(model);
    }

    private void learnModels() {
        Http http = learner.start();
        learner.send(MODELS * LEARNED, i -> id(i % MODELS), i -> new Example(null, i % 2.0, 1.0, List.of(1.0)));
        await().atMost(PATIENCE).until(() -> {
            JsonNode list = http.get("/v1/models?sort=examples&limit=10000").json();
            return list.path("total").asInt() == MODELS
                    && list.path("models").get(MODELS - 1).path("examples").asInt() == LEARNED;
        });
        learner.stop();
    }

    // ---- what the topics hold

    private static Metrics metrics(String model, long version) {
        Quality quality = new Quality(version, (double) version, 0.5, 0.6, 0.8, 0.7, 0.01, 0.3, 0.3, 1.0);
        return new Metrics(model, version, quality, quality, 0.1, List.of(), null);
    }

    private static Weights weights(String model, long version) {
        List<Weight> weights = new ArrayList<>();
        for (int k = 0; k < WEIGHTS; k++) {
            weights.add(new Weight(k, "feature-" + k, k + version * 1e-3, null));
        }
        Weights record = new Weights();
        record.setModel(model);
        record.setVersion(version);
        record.setBlocks(1);
        record.setBias(0.5);
        record.setWeights(weights);
        record.setL2Norm(1.0);
        record.setChange(0.1);
        record.setLearningRate(0.1);
        return record;
    }

    private static Prediction prediction(String model, long version) {
        Prediction record = new Prediction();
        record.setPartition(0);
        record.setOffset(version);
        record.setVersion(version);
        record.setProbability(0.5);
        record.setLogit(0.0);
        record.setLabel(1.0);
        record.setLogLoss(Math.log(2));
        return record;
    }

    private KafkaProducer<byte[], byte[]> producer() {
        for (OutputTopic topic : List.of(OutputTopic.METRICS, OutputTopic.WEIGHTS, OutputTopic.PREDICTIONS)) {
            serializers.put(topic, OutputSerializer.of(learner.config, topic, learner.schemas));
        }
        Map<String, Object> settings = new KafkaSettings(learner.config).writer();
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 50);
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 1 << 18);
        settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private void send(
            KafkaProducer<byte[], byte[]> producer,
            OutputTopic topic,
            int model,
            long version,
            SpecificRecordBase value) {
        producer.send(new ProducerRecord<>(
                topic.nameIn(learner.config),
                model % PARTITIONS,
                BEGIN + version * 1000,
                id(model).getBytes(StandardCharsets.UTF_8),
                serializers.get(topic).serialize("", new OutputRecord(topic, 0, value))));
    }

    /** Sends metrics and weights of a version of all models. */
    private void send(KafkaProducer<byte[], byte[]> producer, long version) {
        for (int model = 0; model < MODELS; model++) {
            send(producer, OutputTopic.METRICS, model, version, metrics(id(model), version));
            send(producer, OutputTopic.WEIGHTS, model, version, weights(id(model), version));
        }
    }

    // ---- what the page sees

    /** Counts the events that the page receives. */
    private static void follow(int port, AtomicLong ticks) {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v1/events"))
                .header("Accept", "text/event-stream")
                .build();
        HttpClient.newHttpClient()
                .sendAsync(request, HttpResponse.BodyHandlers.ofLines())
                .thenAcceptAsync(
                        answer -> {
                            try (Stream<String> lines = answer.body()) {
                                lines.filter("event: tick"::equals).forEach(line -> ticks.incrementAndGet());
                            }
                        },
                        task -> {
                            Thread thread = new Thread(task, "page");
                            thread.setDaemon(true);
                            thread.start();
                        });
    }

    @Test
    void aLongHistoryOfManyModelsDoesNotFreezeThePage() throws Exception {
        learnModels();
        long versions = RECORDS / 2 / MODELS;
        long next = LEARNED + 1;
        try (KafkaProducer<byte[], byte[]> producer = producer()) {
            for (; next <= versions + LEARNED; next++) {
                send(producer, next);
            }
            producer.flush();
            LOG.info("{} records of history are in the topics", 2 * versions * MODELS);
            long latest = next - 1;

            int port = FreePort.find();
            Path log = directory.resolve("learner.log");
            process = learner.startProcess(
                    port,
                    log,
                    HEAP,
                    "-XX:+UseSerialGC",
                    "-XX:+ExitOnOutOfMemoryError",
                    "-XX:TieredStopAtLevel=1",
                    "-cp",
                    System.getProperty("java.class.path"));
            Http http = new Http(port);
            await().atMost(PATIENCE)
                    .ignoreExceptionsInstanceOf(AssertionError.class)
                    .until(() -> http.get("/v1/page").status() == 200);
            AtomicLong ticks = new AtomicLong();
            follow(port, ticks);

            // answered while history is read
            AtomicLong slowest = new AtomicLong();
            await().atMost(PATIENCE).until(() -> {
                answered(http, "/v1/page", slowest);
                answered(http, "/v1/page/models?search=77", slowest);
                JsonNode of = answered(http, "/v1/page/models/" + id(77), slowest);
                return of.path("metrics").path("latest").path("version").asLong() == latest
                        && of.path("weights").path("version").asLong() == latest;
            });
            JsonNode of = answered(http, "/v1/page/models/" + id(77), slowest);
            assertSpans(of.path("metrics").path("history").path("version"), latest);
            assertSpans(of.path("weights").path("drawn").get(0).path("history").path("version"), latest);
            LOG.info("the slowest answer while history was read took {} ms", slowest.get());

            // and while more arrives than it shows
            slowest.set(0);
            long before = ticks.get();
            long more = latest + 1;
            AtomicBoolean isOver = new AtomicBoolean();
            // of its own, because clients of HTTP need the common pool
            ExecutorService sending = Executors.newSingleThreadExecutor();
            Future<Long> sent = sending.submit(() -> {
                long version = more;
                for (; !isOver.get(); version++) {
                    send(producer, version);
                    for (int model = 0; model < MODELS; model++) {
                        send(producer, OutputTopic.PREDICTIONS, model, version, prediction(id(model), version));
                    }
                }
                return version - more;
            });
            await().atMost(PATIENCE).until(() -> {
                answered(http, "/v1/page/models?search=", slowest);
                JsonNode list = answered(http, "/v1/models?sort=worst&limit=200", slowest);
                assertThat(list.path("total").asInt()).isEqualTo(MODELS);
                return ticks.get() >= before + 10;
            });
            isOver.set(true);
            sending.shutdown();
            LOG.info(
                    "the slowest answer while {} records arrived took {} ms",
                    3 * MODELS * sent.get(5, TimeUnit.MINUTES),
                    slowest.get());
            assertThat(process.isAlive()).as(Files.readString(log)).isTrue();
            assertThat(Files.readString(log)).doesNotContain("OutOfMemoryError", "the page cannot read");
        }
    }

    private static void assertSpans(JsonNode shown, long latest) {
        assertThat(shown).hasSizeGreaterThan((int) Math.min(5, latest / 4)).hasSizeLessThanOrEqualTo(600);
        assertThat(shown.get(0).asLong()).as("the first version").isLessThanOrEqualTo(LEARNED + 1 + latest / 3);
        assertThat(shown.get(shown.size() - 1).asLong()).as("the last version").isEqualTo(latest);
    }

    private static JsonNode answered(Http http, String path, AtomicLong slowest) {
        long begin = System.nanoTime();
        JsonNode answer = http.get(path).ok();
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
        slowest.accumulateAndGet(took, Math::max);
        return answer;
    }
}
