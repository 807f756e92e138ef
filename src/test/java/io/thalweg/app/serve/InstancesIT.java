package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.app.serve.ServedLearner.Served;
import io.thalweg.avro.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.runtime.ExampleSender;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.testing.FreePort;
import io.thalweg.testing.PatchedSource;
import io.thalweg.testing.Seed;
import io.thalweg.testing.Seeded;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Three instances as processes, of which one is killed while they are asked. */
@Seeded
@Timeout(300)
class InstancesIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int PARTITIONS = 3;
    private static final int MODELS = 24;
    private static final int SENT = 50;

    @TempDir
    private Path directory;

    private EmbeddedBroker broker;
    private EmbeddedRegistry registry;
    private final List<Instance> instances = new ArrayList<>();

    private record Instance(int port, Process process) {}

    @BeforeEach
    void start() {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        registry = EmbeddedRegistry.start(null, 0);
    }

    @AfterEach
    void stop() throws InterruptedException {
        for (Instance instance : instances) {
            instance.process.destroyForcibly().waitFor();
        }
        registry.close();
        broker.close();
    }

    private Instance instance(ServedLearner learner) throws IOException {
        return instance(learner, System.getProperty("java.class.path"));
    }

    private Instance instance(ServedLearner learner, String classPath) throws IOException {
        int port = FreePort.find();
        Instance started = new Instance(
                port,
                learner.startProcess(
                        port,
                        directory.resolve(port + ".log"),
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        classPath));
        instances.add(started);
        return started;
    }

    @Test
    void oneIsKilledWhileAllAreAsked(Seed seed) throws Exception {
        try (ServedLearner learner = new ServedLearner(
                broker,
                registry,
                "several",
                "topics.partitions",
                Integer.toString(PARTITIONS),
                "num.standby.replicas",
                "1",
                "probing.rebalance.interval.ms",
                "60000",
                "http.stale.max.ms",
                "60000")) {
            learner.createTopics();
            for (int i = 0; i < 3; i++) {
                instance(learner);
            }
            List<Double> probe = List.of(0.5, -1.0, 2.0);
            List<Served> served = Collections.synchronizedList(new ArrayList<>());
            List<String> wrong = Collections.synchronizedList(new ArrayList<>());
            AtomicBoolean isOver = new AtomicBoolean();
            AtomicInteger killed = new AtomicInteger(-1);
            AtomicInteger refused = new AtomicInteger();
            AtomicInteger stale = new AtomicInteger();

            ExecutorService threads = Executors.newCachedThreadPool();
            List<Future<?>> running = new ArrayList<>();
            Random features = seed.random();
            ExampleSender sender = ExampleSender.open(learner.config, learner.schemas);
            // a steady load that leaves the learners time to answer
            ScheduledExecutorService load = Executors.newSingleThreadScheduledExecutor();
            Future<?> sending = load.scheduleWithFixedDelay(() -> send(sender, features), 0, 20, TimeUnit.MILLISECONDS);
            for (Instance instance : instances) {
                await().atMost(PATIENCE).until(() -> isReady(instance));
            }
            // every instance knows where every model is
            for (Instance instance : instances) {
                for (int model = 0; model < MODELS; model++) {
                    String path = "/v1/models/model-" + model;
                    await().atMost(PATIENCE)
                            .until(() -> new Http(instance.port).get(path).status() == 200);
                }
                assertThat(new Http(instance.port)
                                .get("/v1/models")
                                .ok()
                                .path("total")
                                .asInt())
                        .isEqualTo(MODELS);
            }
            // the list and the search are over all instances, and each page is the same wherever it is asked for
            JsonNode everywhere = null;
            for (Instance instance : instances) {
                Http http = new Http(instance.port);
                JsonNode found = http.get("/v1/models?search=MODEL-1&limit=100").ok();
                assertThat(found.path("complete").asBoolean()).isTrue();
                assertThat(found.path("models").findValuesAsText("id"))
                        .containsExactly(
                                "model-1",
                                "model-10",
                                "model-11",
                                "model-12",
                                "model-13",
                                "model-14",
                                "model-15",
                                "model-16",
                                "model-17",
                                "model-18",
                                "model-19");
                List<String> pages = new ArrayList<>();
                for (int offset = 0; offset < MODELS; offset += 7) {
                    JsonNode page =
                            http.get("/v1/models?limit=7&offset=" + offset).ok();
                    assertThat(page.path("total").asInt()).isEqualTo(MODELS);
                    pages.addAll(page.path("models").findValuesAsText("id"));
                }
                assertThat(pages).isSorted().hasSize(MODELS).doesNotHaveDuplicates();
                JsonNode partitions = JsonNodeFactory.instance
                        .arrayNode()
                        .addAll(found.path("models").findValues("partition"));
                assertThat(everywhere == null || everywhere.equals(partitions)).isTrue();
                everywhere = partitions;
            }
            AtomicInteger staleOfOtherKinds = new AtomicInteger();
            OpenApi openApi = new OpenApi(
                    new Http(instances.get(0).port).get("/openapi.json").ok());
            Random kinds = seed.random();
            running.add(threads.submit(() -> {
                for (int i = 0; !isOver.get(); i++) {
                    int which = i % instances.size();
                    String of = "/v1/models/model-" + kinds.nextInt(MODELS);
                    String kind = List.of("", "/weights", "/metrics").get(kinds.nextInt(3));
                    if (which == killed.get()) {
                        continue;
                    }
                    try {
                        Http.Answer answer = new Http(instances.get(which).port).get(of + kind);
                        if (answer.status() == 200) {
                            openApi.check("get", "/v1/models/{id}" + kind, answer);
                            JsonNode json = answer.json();
                            staleOfOtherKinds.addAndGet(json.has("behindMs") ? 1 : 0);
                            if (kind.equals("/metrics")
                                    && json.path("overall").path("examples").asLong()
                                            != json.path("version").asLong()) {
                                wrong.add(answer.body());
                            }
                        } else if (answer.status() != 503 && which != killed.get()) {
                            wrong.add(answer.status() + " " + answer.body());
                        }
                    } catch (AssertionError e) {
                        if (which != killed.get()) {
                            wrong.add(e.toString());
                        }
                    }
                }
                return null;
            }));
            for (int client = 0; client < 3; client++) {
                Random random = seed.random();
                int first = client;
                running.add(threads.submit(() -> {
                    for (int i = first; !isOver.get(); i++) {
                        int which = i % instances.size();
                        if (which == killed.get()) {
                            continue;
                        }
                        String model = "model-" + random.nextInt(MODELS);
                        Http.Answer answer;
                        try {
                            answer = new Http(instances.get(which).port)
                                    .post("/v1/models/" + model + "/predict", "{\"features\":" + probe + "}");
                        } catch (AssertionError e) {
                            if (which != killed.get()) {
                                wrong.add(e.toString());
                            }
                            continue;
                        }
                        if (answer.status() == 200) {
                            JsonNode json = answer.json();
                            stale.addAndGet(json.has("behindMs") ? 1 : 0);
                            served.add(new Served(
                                    model,
                                    json.path("partition").asInt(),
                                    json.path("offset").asLong(),
                                    json.path("version").asLong(),
                                    Double.doubleToLongBits(json.path("logit").asDouble()),
                                    0));
                        } else if (answer.status() == 503
                                && answer.response()
                                        .headers()
                                        .firstValue("Retry-After")
                                        .isPresent()) {
                            refused.incrementAndGet();
                        } else if (which != killed.get()) {
                            wrong.add(answer.status() + " " + answer.body());
                        }
                    }
                    return null;
                }));
            }
            await().atMost(PATIENCE).until(() -> served.size() > 500);
            killed.set(seed.random().nextInt(3));
            Instance victim = instances.get(killed.get());
            victim.process.destroyForcibly().waitFor();
            Map<Integer, Long> before = new HashMap<>();
            List.copyOf(served).forEach(each -> before.merge(each.partition(), each.offset(), Math::max));
            // the others take over, and go on learning
            List<Instance> rest =
                    instances.stream().filter(each -> each != victim).toList();
            for (Instance instance : rest) {
                for (int model = 0; model < MODELS; model++) {
                    String path = "/v1/models/model-" + model;
                    await().atMost(PATIENCE).until(() -> {
                        Http.Answer answer = new Http(instance.port).get(path);
                        return answer.status() == 200
                                && answer.json().path("offset").asLong()
                                        > before.get(
                                                answer.json().path("partition").asInt());
                    });
                }
            }
            isOver.set(true);
            load.shutdown();
            assertThat(load.awaitTermination(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                    .isTrue();
            // it went on until it was ended, and did not fail
            assertThatThrownBy(sending::get).isInstanceOf(CancellationException.class);
            sender.close();
            for (Future<?> each : running) {
                each.get();
            }
            threads.shutdown();

            assertThat(wrong).isEmpty();
            io.thalweg.math.Example x = new io.thalweg.math.Example();
            x.clear();
            x.form(FeatureForm.DENSE);
            probe.forEach(x::addValue);
            assertThat(learner.differences(served, IntStream.range(0, PARTITIONS), List.of(x)))
                    .isEmpty();
            assertThat(served.stream().map(Served::partition).distinct()).hasSize(PARTITIONS);
            // the kill was noticed
            assertThat(stale.get() + refused.get()).isPositive();
            System.out.printf(
                    "%d served, %d of them stale, %d refused, %d stale of other kinds%n",
                    served.size(), stale.get(), refused.get(), staleOfOtherKinds.get());
        }
    }

    /** The state is written and the transaction is not committed: what was prepared for readers must not get out. */
    @Test
    void aDeathBetweenFlushAndCommitIsSeenByNoReader(Random random) throws Exception {
        Path mark = directory.resolve("die");
        String last = "new RecordHeaders(), Position.emptyPosition()));";
        Path patch = PatchedSource.compile(
                directory,
                Path.of("io", "thalweg", "topology", "ChangelogAtCommit.java"),
                last,
                last + " if (java.nio.file.Files.exists(java.nio.file.Path.of(\"" + mark
                        + "\"))) { Runtime.getRuntime().halt(1); }");
        try (ServedLearner learner =
                new ServedLearner(broker, registry, "halted", "topics.partitions", "1", "commit.interval.ms", "500")) {
            learner.createTopics();
            ExampleSender sender = ExampleSender.open(learner.config, learner.schemas);
            Instance doomed = instance(learner, patch + File.pathSeparator + System.getProperty("java.class.path"));
            List<Served> served = Collections.synchronizedList(new ArrayList<>());
            AtomicInteger unanswered = new AtomicInteger();
            List<Double> probe = List.of(0.5, -1.0, 2.0);
            send(sender, random);
            await().atMost(PATIENCE)
                    .ignoreExceptionsInstanceOf(AssertionError.class)
                    .until(() -> new Http(doomed.port).get("/v1/models/model-0").status() == 200);
            ExecutorService threads = Executors.newCachedThreadPool();
            List<Future<?>> readers = new ArrayList<>();
            // predictions come from copies, and the others wait for the next commit
            for (String kind : List.of("/predict", "/predict", "", "")) {
                readers.add(threads.submit(() -> {
                    for (int i = 0; doomed.process.isAlive(); i++) {
                        String model = "model-" + i % MODELS;
                        try {
                            Http http = new Http(doomed.port);
                            JsonNode json = (kind.isEmpty()
                                            ? http.get("/v1/models/" + model)
                                            : http.post("/v1/models/" + model + kind, "{\"features\":" + probe + "}"))
                                    .ok();
                            served.add(new Served(
                                    model,
                                    0,
                                    json.path("offset").asLong(),
                                    json.path("version").asLong(),
                                    Double.doubleToLongBits(json.path("logit").asDouble()),
                                    0));
                        } catch (AssertionError e) {
                            unanswered.incrementAndGet();
                        }
                    }
                }));
            }
            for (int i = 0; i < 10; i++) {
                send(sender, random);
            }
            await().atMost(PATIENCE).until(() -> served.size() > 200);
            Files.createFile(mark);
            await().atMost(PATIENCE).until(() -> {
                send(sender, random);
                return !doomed.process.isAlive();
            });
            for (Future<?> reader : readers) {
                reader.get();
            }
            threads.shutdown();

            long committed = committed(learner);
            assertThat(served).allSatisfy(each -> assertThat(each.offset()).isLessThanOrEqualTo(committed));
            assertThat(served.stream().mapToLong(Served::offset).max().orElseThrow())
                    .isPositive();
            assertThat(unanswered.get()).as("readers that waited").isPositive();
            long seen = served.stream().mapToLong(Served::version).max().orElseThrow();

            // the next one does the rest, and no reader is taken back
            Files.delete(mark);
            Instance next = instance(learner);
            await().atMost(PATIENCE)
                    .ignoreExceptionsInstanceOf(AssertionError.class)
                    .until(() -> new Http(next.port)
                                    .get("/v1/models/model-0")
                                    .ok()
                                    .path("version")
                                    .asLong()
                            > seen);
            sender.close();
        }
    }

    private static long committed(ServedLearner learner) throws Exception {
        try (Admin admin = KafkaSettings.admin(learner.config)) {
            return admin.listConsumerGroupOffsets("halted").partitionsToOffsetAndMetadata().get().values().stream()
                    .mapToLong(OffsetAndMetadata::offset)
                    .sum();
        }
    }

    @Test
    void questionsArePassedOnOverTlsWithTheirToken(Random random) throws Exception {
        Certificate certificate = Certificate.create(directory, "ip:127.0.0.1");
        String mayRead = "a-token-that-can-read";
        Path tokens = Files.writeString(directory.resolve("tokens"), "read %s\n".formatted(mayRead));
        try (ServedLearner learner = new ServedLearner(
                broker,
                registry,
                "secure",
                "topics.partitions",
                "2",
                "http.tokens.file",
                tokens.toString(),
                "http.ssl.keystore.location",
                certificate.keystore().toString(),
                "http.ssl.keystore.password",
                Certificate.PASSWORD,
                "http.ssl.truststore.location",
                certificate.truststore().toString(),
                "http.ssl.truststore.password",
                Certificate.PASSWORD)) {
            learner.createTopics();
            instance(learner);
            instance(learner);
            SSLContext tls = certificate.trusting();
            for (Instance instance : instances) {
                Http http = new Http(instance.port, tls, "");
                await().atMost(PATIENCE)
                        .ignoreExceptionsInstanceOf(AssertionError.class)
                        .until(() -> http.get("/health/ready")
                                        .json()
                                        .path("partitions")
                                        .size()
                                == 1);
            }
            try (ExampleSender sender = ExampleSender.open(learner.config, learner.schemas)) {
                send(sender, random);
            }
            for (Instance instance : instances) {
                Http http = new Http(instance.port, tls, mayRead);
                await().atMost(PATIENCE).until(() -> {
                    Http.Answer list = http.get("/v1/models");
                    return list.status() == 200
                            && list.json().path("complete").asBoolean()
                            && list.json().path("total").asInt() == MODELS;
                });
                // half of them are in the other instance
                for (int model = 0; model < MODELS; model++) {
                    for (String kind : List.of("", "/weights", "/metrics")) {
                        http.get("/v1/models/model-" + model + kind).ok();
                    }
                    http.post("/v1/models/model-" + model + "/predict", "{\"features\":[0.5,-1,2]}")
                            .ok();
                }
                assertThat(http.get("/v1/models/none").status()).isEqualTo(404);
                for (String wrong : List.of("", "another-token-of-nobody")) {
                    assertThat(new Http(instance.port, tls, wrong)
                                    .get("/v1/models/model-0")
                                    .status())
                            .isEqualTo(401);
                }
            }
        }
    }

    @Test
    void aStandbyAnswersWhenNothingWasLearnedForLong(Random random) throws Exception {
        try (ServedLearner learner = new ServedLearner(
                broker,
                registry,
                "quiet",
                "topics.partitions",
                "1",
                "num.standby.replicas",
                "1",
                "http.stale.max.ms",
                "2000")) {
            learner.createTopics();
            Instance active = instance(learner);
            await().atMost(PATIENCE).until(() -> isReady(active));
            try (ExampleSender sender = ExampleSender.open(learner.config, learner.schemas)) {
                send(sender, random);
            }
            Http ofActive = new Http(active.port);
            // all that was sent, which can be committed in parts
            long version = IntStream.range(0, SENT).filter(i -> i % MODELS == 0).count();
            await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(ofActive.get("/v1/models/model-0")
                                    .ok()
                                    .path("version")
                                    .asLong())
                            .isEqualTo(version));
            long quietSince = System.currentTimeMillis();

            instance(learner);
            await().atMost(PATIENCE).until(() -> System.currentTimeMillis() - quietSince > 3_000);
            // either can be the standby
            AtomicReference<StandbyAnswer> standby = new AtomicReference<>();
            await().atMost(PATIENCE)
                    .ignoreExceptionsInstanceOf(IOException.class)
                    .untilAsserted(() -> {
                        List<StandbyAnswer> answers = new ArrayList<>();
                        for (Instance each : instances) {
                            answers.add(StandbyAnswer.of(each, "/v1/models/model-0"));
                        }
                        standby.set(answers.stream()
                                .filter(answer -> answer.status == 200 && answer.json.has("behindMs"))
                                .findFirst()
                                .orElse(null));
                        assertThat(standby).as("%s", answers).doesNotHaveNullValue();
                    });
            JsonNode model = standby.get().json;
            assertThat(model.path("behindMs").asLong()).isBetween(0L, 2_000L);
            assertThat(model.path("version").asLong()).isEqualTo(version);

            // what the active instance says about a request comes back as it is
            Http ofStandby = new Http(standby.get().from.port);
            String predict = "/v1/models/model-0/predict";
            await().atMost(PATIENCE)
                    .until(() -> ofStandby.post(predict, "{\"features\":[1]}").status() != 503);
            assertThat(ofStandby
                            .post(predict, "{\"record\":{\"partition\":0,\"offset\":1000000}}")
                            .refusal(404))
                    .contains("no event at offset 1000000");
            assertThat(ofStandby.post(predict, "{\"features\":[1]}").refusal(422))
                    .isNotBlank();
            assertThat(ofStandby.get("/v1/models/none").refusal(404)).contains("no model none");
        }
    }

    /** What an instance answered to a request that only a standby takes. */
    private record StandbyAnswer(Instance from, int status, JsonNode json) {
        static StandbyAnswer of(Instance instance, String path) throws IOException, InterruptedException {
            HttpResponse<String> answer = HttpClient.newHttpClient()
                    .send(
                            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + instance.port + path))
                                    .header(Instances.PASSED_ON, "to-standby")
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());
            return new StandbyAnswer(instance, answer.statusCode(), new ObjectMapper().readTree(answer.body()));
        }
    }

    private static void send(ExampleSender sender, Random random) {
        for (int i = 0; i < SENT; i++) {
            sender.send(
                    "model-" + i % MODELS,
                    new Example(
                            null,
                            (double) random.nextInt(2),
                            1.0,
                            List.of(random.nextGaussian(), 1.0, random.nextDouble())));
        }
        sender.flush();
    }

    private static boolean isReady(Instance instance) {
        try {
            return new Http(instance.port).get("/health/ready").status() == 200;
        } catch (AssertionError notYet) {
            return false;
        }
    }
}
