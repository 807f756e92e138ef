package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.app.page.PageEndpoints;
import io.thalweg.app.serve.ServedLearner.Served;
import io.thalweg.avro.Example;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.FeatureForm;
import io.thalweg.output.OutputTopic;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.OutputReader;
import io.thalweg.testing.Seed;
import io.thalweg.testing.Seeded;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.streams.KafkaStreams;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A learner on a real broker, asked over HTTP. */
@Seeded
@Timeout(300)
class ServingIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private static EmbeddedBroker broker;
    private static EmbeddedRegistry registry;
    private static int learners;

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

    private static ServedLearner learner(Object... more) {
        ServedLearner learner = new ServedLearner(broker, registry, "served-" + learners++, more);
        learner.createTopics();
        return learner;
    }

    // ---- predictions

    private static Map<CharSequence, Double> named(Random random) {
        Map<CharSequence, Double> features = new LinkedHashMap<>();
        for (int i = random.nextInt(4); i < 40; i += 1 + random.nextInt(15)) {
            features.put("f" + i, random.nextGaussian());
        }
        features.putIfAbsent("always", 1.0);
        return features;
    }

    private static io.thalweg.math.Example probe(Map<CharSequence, Double> features) {
        io.thalweg.math.Example x = new io.thalweg.math.Example();
        x.clear();
        x.form(FeatureForm.NAMED);
        features.forEach((name, value) -> {
            byte[] utf8 = name.toString().getBytes(StandardCharsets.UTF_8);
            x.addNamed(utf8, 0, utf8.length, value);
        });
        return x;
    }

    private static String json(Map<CharSequence, Double> features) {
        List<String> fields = new ArrayList<>();
        features.forEach((name, value) -> fields.add("\"%s\":%s".formatted(name, value)));
        return "{" + String.join(",", fields) + "}";
    }

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "auto"})
    void everyAnswerIsThatOfTheReplayUpToItsOffset(String algorithm, Seed seed) throws Exception {
        try (ServedLearner learner = learner("algorithm", algorithm, "topics.partitions", "2")) {
            Random random = seed.random();
            List<Map<CharSequence, Double>> probes = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                probes.add(named(random));
            }
            Http http = learner.start();
            List<Served> served = Collections.synchronizedList(new ArrayList<>());
            AtomicBoolean learned = new AtomicBoolean();
            ExecutorService readers = Executors.newFixedThreadPool(3);
            List<Future<?>> reading = new ArrayList<>();
            for (int reader = 0; reader < 3; reader++) {
                String model = "model-" + reader;
                reading.add(readers.submit(() -> {
                    for (int i = 0; !learned.get() || i < 10; i++) {
                        int probe = i % probes.size();
                        Http.Answer answer = http.post(
                                "/v1/models/" + model + "/predict", "{\"features\":" + json(probes.get(probe)) + "}");
                        if (answer.status() == 200) {
                            JsonNode json = answer.json();
                            served.add(new Served(
                                    model,
                                    json.path("partition").asInt(),
                                    json.path("offset").asLong(),
                                    json.path("version").asLong(),
                                    Double.doubleToLongBits(json.path("logit").asDouble()),
                                    probe));
                        } else {
                            assertThat(answer.status()).as(answer.body()).isIn(404, 503);
                        }
                    }
                    return null;
                }));
            }
            Random features = seed.random();
            for (int portion = 1; portion <= 20; portion++) {
                learner.send(
                        3_000,
                        i -> "model-" + i % 3,
                        i -> new Example(null, (double) features.nextInt(2), 1.0, named(features)));
                // copies may take only a small part of the learner's time, so they need not come before the next events
                int least = portion;
                await().atMost(PATIENCE).until(() -> versions(served) >= least);
            }
            await().atMost(PATIENCE)
                    .until(() -> IntStream.range(0, 3)
                            .allMatch(i -> http.get("/v1/models/model-" + i)
                                            .json()
                                            .path("version")
                                            .asLong()
                                    == 20_000));
            learned.set(true);
            for (Future<?> each : reading) {
                each.get();
            }
            readers.shutdown();

            assertThat(versions(served)).isGreaterThan(10);
            assertThat(learner.differences(
                            served,
                            IntStream.range(0, 2),
                            probes.stream().map(ServingIT::probe).toList()))
                    .isEmpty();
        }
    }

    private static long versions(List<Served> served) {
        synchronized (served) {
            return served.stream().map(Served::version).distinct().count();
        }
    }

    @Test
    void oneExampleOrManyWithWhatEachFeatureAdds() {
        try (ServedLearner learner = learner()) {
            Http http = learner.start();
            learner.send(400, i -> "m", i -> new Example(null, i % 2.0, 1.0, List.of(i % 2 - 0.5, 1.0, -2.0)));
            await().atMost(PATIENCE)
                    .until(() -> http.get("/v1/models/m").json().path("version").asLong() == 400);

            JsonNode one = http.post("/v1/models/m/predict", "{\"features\":[0.5,1,-2],\"contributions\":true}")
                    .ok();
            assertThat(one.path("version").asLong()).isEqualTo(400);
            assertThat(one.path("offset").asLong()).isEqualTo(400);
            double logit = one.path("logit").asDouble();
            assertThat(one.path("probability").asDouble()).isCloseTo(1 / (1 + Math.exp(-logit)), within(1e-15));
            assertThat(logit).isPositive();
            double sum = one.path("bias").asDouble();
            for (JsonNode each : one.path("contributions")) {
                sum += each.path("contribution").asDouble();
            }
            assertThat(sum).isCloseTo(logit, within(1e-12));
            JsonNode weights = http.get("/v1/models/m/weights?sort=name").ok().path("weights");
            assertThat(one.path("contributions").get(2).path("contribution").asDouble())
                    .isEqualTo(-2 * weights.get(2).path("weight").asDouble());

            JsonNode many = http.post(
                            "/v1/models/m/predict",
                            "{\"examples\":[{\"features\":[0.5,1,-2]},{\"event\":{\"features\":[-0.5,1,-2]}}]}")
                    .ok();
            assertThat(many.path("predictions")).hasSize(2);
            assertThat(many.path("predictions").get(0).path("logit").asDouble()).isEqualTo(logit);
            assertThat(many.path("predictions").get(1).path("logit").asDouble()).isNegative();

            assertThat(http.post("/v1/models/none/predict", "{\"features\":[1,2,3]}")
                            .refusal(404))
                    .contains("none");
            for (String wrong : List.of(
                    "{}",
                    "{\"features\":[1,2]}",
                    "{\"features\":[1,2,\"x\"]}",
                    "{\"features\":{\"a\":1}}",
                    "{\"features\":[]}",
                    "{\"event\":{\"features\":[1,2,3],\"other\":1}}",
                    "{\"examples\":[{}]}")) {
                assertThat(http.post("/v1/models/m/predict", wrong).refusal(422))
                        .isNotBlank();
            }
            String records = "{\"examples\":[" + "{\"record\":{\"partition\":0,\"offset\":1}},".repeat(9)
                    + "{\"record\":{\"partition\":0,\"offset\":2}}%s]}";
            JsonNode read = http.post("/v1/models/m/predict", records.formatted(""))
                    .ok()
                    .path("predictions");
            assertThat(read).hasSize(10);
            assertThat(read.get(0).path("logit").asDouble()).isEqualTo(logit);
            assertThat(read.get(9).path("logit").asDouble()).isNegative();
            assertThat(http.post(
                                    "/v1/models/m/predict",
                                    records.formatted(",{\"record\":{\"partition\":0,\"offset\":3}}"))
                            .refusal(422))
                    .contains("more than 10", "record");
            for (String wrong : List.of("", "{", "[]", "{} {}", "{\"a\":1,\"a\":2}")) {
                assertThat(http.post("/v1/models/m/predict", wrong).refusal(400))
                        .isNotBlank();
            }
        }
    }

    // ---- models

    @Test
    void modelsAreListedInPages() {
        try (ServedLearner learner = learner("topics.partitions", "3")) {
            Http http = learner.start();
            // a model with many examples, one that is right, one that is worse than the base rate
            learner.send(
                    500,
                    i -> i % 5 == 0 ? "m-%03d".formatted(i / 5) : "big/β",
                    i -> new Example(null, (double) (i % 2), 1.0, List.of(1.0)));
            await().atMost(PATIENCE)
                    .until(() -> http.get("/v1/models").json().path("total").asInt() == 101);
            JsonNode page = http.get("/v1/models?offset=10&limit=20&search=M-").ok();
            assertThat(page.path("total").asInt()).isEqualTo(100);
            assertThat(page.path("complete").asBoolean()).isTrue();
            assertThat(page.path("models").findValuesAsText("id"))
                    .containsExactlyElementsOf(IntStream.range(10, 30)
                            .mapToObj("m-%03d"::formatted)
                            .toList());
            JsonNode biggest = http.get("/v1/models?sort=examples&limit=1")
                    .ok()
                    .path("models")
                    .get(0);
            assertThat(biggest.path("id").asText()).isEqualTo("big/β");
            assertThat(biggest.path("examples").asLong()).isEqualTo(400);
            assertThat(http.get("/v1/models/big%2F%CE%B2").ok().path("version").asLong())
                    .isEqualTo(400);
            assertThat(http.get("/v1/models?limit=0").refusal(400)).contains("limit");
            assertThat(http.get("/v1/models?sort=best").refusal(400)).contains("worst");
        }
    }

    @Test
    void weightsAndMetricsAreThoseOfTheModel() {
        try (ServedLearner learner = learner("weights.window", "100")) {
            Http http = learner.start();
            learner.send(
                    600,
                    i -> "m",
                    i -> new Example(
                            null,
                            (double) (i % 2),
                            1.0,
                            // after 400 examples, only "late" moves
                            i < 400
                                    ? Map.of("early", i % 2 * 2.0 - 1, "constant", 0.1)
                                    : Map.of("late", i % 2 * 2.0 - 1)));
            await().atMost(PATIENCE)
                    .until(() -> http.get("/v1/models/m").json().path("version").asLong() == 600);
            JsonNode strongest = http.get("/v1/models/m/weights?limit=2").ok();
            assertThat(strongest.path("weights").findValuesAsText("name")).containsExactly("early", "late");
            assertThat(strongest.path("size").asInt()).isEqualTo(3);
            JsonNode moved = http.get("/v1/models/m/weights?sort=moved&limit=1").ok();
            assertThat(moved.path("weights").findValuesAsText("name")).containsExactly("late");
            assertThat(moved.path("movedSteps").asInt()).isBetween(50, 100);
            assertThat(http.get("/v1/models/m/weights?search=CONST")
                            .ok()
                            .path("weights")
                            .findValuesAsText("name"))
                    .containsExactly("constant");
            // answers are not taken for those to other questions
            learner.send(
                    10,
                    i -> i < 5 ? "b c" : "c",
                    i -> new Example(null, i % 2.0, 1.0, Map.of(i < 5 ? "a" : "a b", 1.0)));
            await().atMost(PATIENCE)
                    .until(() -> http.get("/v1/models").json().path("total").asInt() == 3);
            for (String path : List.of("b%20c/weights?search=a", "c/weights?search=a%20b")) {
                assertThat(http.get("/v1/models/" + path).ok().path("model").asText())
                        .isEqualTo(path.startsWith("b") ? "b c" : "c");
                assertThat(http.get("/v1/models/" + path).ok().path("weights").findValuesAsText("name"))
                        .containsExactly(path.startsWith("b") ? "a" : "a b");
            }

            JsonNode metrics = http.get("/v1/models/m/metrics").ok();
            assertThat(metrics.path("version").asLong()).isEqualTo(600);
            assertThat(metrics.path("overall").path("examples").asLong()).isEqualTo(600);
            assertThat(metrics.path("overall").path("logLoss").asDouble())
                    .isBetween(
                            0.0, metrics.path("overall").path("baseRateLogLoss").asDouble());
            assertThat(http.get("/v1/models/none/metrics").refusal(404)).isNotBlank();
        }
    }

    // ---- examples

    @Test
    void whatIsSentIsLearned() {
        try (ServedLearner learner = learner()) {
            Http http = learner.start();
            JsonNode first = http.post(
                            "/v1/examples",
                            "{\"model\":\"m\",\"event\":{\"id\":\"1\",\"label\":1,\"features\":{\"a\":1}}}")
                    .ok();
            assertThat(first.path("partition").asInt()).isZero();
            assertThat(first.path("offset").asLong()).isZero();
            JsonNode more = http.post(
                            "/v1/examples",
                            "{\"records\":[{\"model\":\"m\",\"timestamp\":5,"
                                    + "\"event\":{\"label\":0,\"features\":{\"a\":-1}}},"
                                    + "{\"model\":\"n\",\"event\":{\"features\":{\"indices\":[1],\"values\":[2]}}}]}")
                    .ok();
            assertThat(more.path("records").findValuesAsText("offset")).containsExactly("1", "2");
            await().atMost(PATIENCE)
                    .until(() -> http.get("/v1/models/m").status() == 200
                            && http.get("/v1/models/m").json().path("version").asLong() == 2);
            for (String wrong : List.of(
                    "{\"model\":\"m\"}",
                    "{\"model\":\"\",\"event\":{\"features\":{\"a\":1}}}",
                    "{\"model\":\"m\",\"event\":{\"features\":{\"a\":\"x\"}}}",
                    "{\"model\":\"m\",\"label\":1,\"event\":{\"features\":{\"a\":1}}}",
                    "{\"records\":[]}",
                    "{\"records\":[{\"model\":\"m\",\"event\":{\"features\":{\"a\":1}}},{}]}")) {
                assertThat(http.post("/v1/examples", wrong).refusal(422)).isNotBlank();
            }
            assertThat(http.post("/v1/labels", "{\"model\":\"m\",\"event\":{\"id\":\"1\",\"label\":1}}")
                            .refusal(409))
                    .contains("labels.topic");
        }
    }

    private static final Schema FLIGHT = new Schema.Parser().parse("""
            {"type": "record", "name": "Flight", "fields": [
              {"name": "carrier", "type": ["null", "string"], "default": null},
              {"name": "distance", "type": "double"},
              {"name": "departure", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
              {"name": "delay", "type": "int"}]}""");

    @Test
    void eventsGoThroughTheSameMapping() {
        try (ServedLearner learner = learner(
                "label", "delay > 15", "features.time", "departure:hour", "features.cross", "carrier*departure.hour")) {
            learner.schemas.idFor(learner.config.getString("examples.topic"), FLIGHT);
            Http http = learner.start();
            String event = "\"carrier\":\"A%d\",\"distance\":0.%d,\"departure\":\"2026-01-01T%02d:30:00Z\"";
            List<String> records = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                records.add("{\"model\":\"m\",\"event\":{%s,\"delay\":%d}}"
                        .formatted(event.formatted(i % 3, i, i % 5), i % 2 * 30));
            }
            http.post("/v1/examples", "{\"records\":[" + String.join(",", records) + "]}")
                    .ok();
            await().atMost(PATIENCE)
                    .until(() -> http.get("/v1/models/m").status() == 200
                            && http.get("/v1/models/m").json().path("version").asLong() == 50);

            // the delay is not known yet, and the time can be a number
            String asked = event.formatted(1, 7, 3);
            JsonNode served = http.post("/v1/models/m/predict", "{\"event\":{" + asked + "},\"contributions\":true}")
                    .ok();
            assertThat(served.path("contributions").findValuesAsText("feature"))
                    .contains("carrier=A1", "distance", "departure.hour=3", "carrier=A1*departure.hour=3");
            String asNumber = asked.replace("\"2026-01-01T03:30:00Z\"", "1767238200000");
            assertThat(http.post("/v1/models/m/predict", "{\"event\":{" + asNumber + "}}")
                            .ok()
                            .path("logit"))
                    .isEqualTo(served.path("logit"));

            // what the learner itself predicts for this event at this version
            http.post("/v1/examples", "{\"model\":\"m\",\"event\":{" + asked + ",\"delay\":0}}")
                    .ok();
            try (OutputReader<Prediction> predictions = OutputReader.open(
                    learner.config,
                    learner.schemas,
                    OutputTopic.PREDICTIONS,
                    Prediction.class,
                    null,
                    OutputReader.Start.BEGINNING)) {
                List<Prediction> read = new ArrayList<>();
                await().atMost(PATIENCE).until(() -> {
                    predictions.poll(Duration.ofMillis(100)).forEach(entry -> read.add(entry.value()));
                    return read.size() == 51;
                });
                assertThat(read.get(50).getVersion())
                        .isEqualTo(served.path("version").asLong());
                assertThat(read.get(50).getLogit())
                        .isEqualTo(served.path("logit").asDouble());
            }
            for (String wrong : List.of(
                    "{\"distance\":1}",
                    "{%s,\"speed\":1}".formatted(asked),
                    "{%s}".formatted(asked.replace("0.7", "\"far\"")),
                    "{%s}".formatted(asked.replace("2026-01", "January")))) {
                assertThat(http.post("/v1/models/m/predict", "{\"event\":" + wrong + "}")
                                .refusal(422))
                        .isNotBlank();
            }
            // an event to learn from needs its label
            assertThat(http.post("/v1/examples", "{\"model\":\"m\",\"event\":{" + asked + "}}")
                            .refusal(422))
                    .contains("delay");
        }
    }

    @Test
    void labelsThatAreSentLaterAreLearned() {
        String topic = "served-labels-" + learners;
        try (ServedLearner learner = learner("labels.topic", topic)) {
            Http http = learner.start();
            for (int i = 0; i < 4; i++) {
                http.post(
                                "/v1/examples",
                                "{\"model\":\"m\",\"event\":{\"id\":\"%d\",\"features\":{\"a\":%d}}}".formatted(i, i))
                        .ok();
            }
            for (int i = 0; i < 3; i++) {
                JsonNode sent = http.post(
                                "/v1/labels",
                                "{\"model\":\"m\",\"event\":{\"id\":\"%d\",\"label\":%d}}".formatted(i, i % 2))
                        .ok();
                assertThat(sent.path("topic").asText()).isEqualTo(topic);
            }
            await().atMost(PATIENCE)
                    .until(() -> http.get("/v1/models/m").status() == 200
                            && http.get("/v1/models/m").json().path("version").asLong() == 3);
            JsonNode prediction = http.post("/v1/models/m/predict", "{\"features\":{\"a\":1}}")
                    .ok();
            assertThat(prediction.path("offset").asLong()).isEqualTo(4);
            assertThat(prediction.path("labelsOffset").asLong()).isEqualTo(3);
            await().atMost(PATIENCE).untilAsserted(() -> {
                String scrape = http.get("/metrics").body();
                assertThat(value(scrape, "thalweg_model_labels_waiting{model=\"m\"}"))
                        .isEqualTo(1);
                assertThat(value(scrape, "thalweg_model_labels_in_time_total{model=\"m\"}"))
                        .isEqualTo(3);
                assertThat(value(scrape, "thalweg_model_label_rate_ratio{model=\"m\"}"))
                        .isEqualTo(1);
            });
        }
    }

    // ---- JSON, without a registry

    private static ServedLearner inJson(Object... more) {
        List<Object> settings =
                new ArrayList<>(List.of("examples.format", "json", "output.format", "json", "schema.registry.url", ""));
        settings.addAll(List.of(more));
        return learner(settings.toArray());
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

    @Test
    void eventsInJsonAreSentLearnedAndPredicted() throws Exception {
        try (ServedLearner learner =
                inJson("label", "delay > 15", "id.field", "id", "features.cross", "carrier*plane.seats")) {
            Http http = learner.start();
            String event = "\"id\":\"f%d\",\"carrier\":\"A%d\",\"distance\":\"0.%d\",\"plane\":{\"seats\":%d},"
                    + "\"tags\":[\"é\",\"b\"]";
            List<String> records = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                records.add("{\"model\":\"m\",\"event\":{%s,\"delay\":%d}}"
                        .formatted(event.formatted(i, i % 3, i, 100 + i % 4), i % 2 * 30));
            }
            http.post("/v1/examples", "{\"records\":[" + String.join(",", records) + "]}")
                    .ok();
            awaitVersion(http, "m", 50);

            String asked = event.formatted(50, 1, 7, 102);
            JsonNode served = http.post("/v1/models/m/predict", "{\"event\":{" + asked + "},\"contributions\":true}")
                    .ok();
            assertThat(served.path("contributions").findValuesAsText("feature"))
                    .contains("carrier=A1", "plane.seats", "tags=é", "carrier=A1*plane.seats");
            http.post("/v1/examples", "{\"model\":\"m\",\"event\":{" + asked + ",\"delay\":0}}")
                    .ok();
            awaitVersion(http, "m", 51);
            // what the learner itself predicted for this event at this version
            List<Prediction> read = new ArrayList<>();
            try (OutputReader<Prediction> predictions = OutputReader.open(
                    learner.config,
                    learner.schemas,
                    OutputTopic.PREDICTIONS,
                    Prediction.class,
                    null,
                    OutputReader.Start.BEGINNING)) {
                await().atMost(PATIENCE).until(() -> {
                    predictions.poll(Duration.ofMillis(100)).forEach(entry -> read.add(entry.value()));
                    return read.size() == 51;
                });
            }
            assertThat(read.get(50).getId()).hasToString("f50");
            assertThat(read.get(50).getVersion())
                    .isEqualTo(served.path("version").asLong());
            assertThat(read.get(50).getLogit()).isEqualTo(served.path("logit").asDouble());

            // an event to learn from needs its label, and a label that can be one
            assertThat(http.post("/v1/examples", "{\"model\":\"m\",\"event\":{" + asked + "}}")
                            .refusal(422))
                    .contains("NO_LABEL_FIELD", "delay");
            assertThat(http.post("/v1/examples", "{\"model\":\"m\",\"event\":{\"delay\":\"much\"}}")
                            .refusal(422))
                    .contains("BAD_VALUE", "delay");
            assertThat(http.post(
                                    "/v1/examples",
                                    "{\"records\":[%s,{\"model\":\"m\",\"event\":{}}]}".formatted(records.get(0)))
                            .refusal(422))
                    .startsWith("record 1: NO_LABEL_FIELD");
            assertThat(http.get("/v1/models/m").json().path("version").asLong()).isEqualTo(51);
        }
    }

    @Test
    void examplesAndLaterLabelsInJsonAreSentAndLearned() {
        String topic = "served-labels-json-" + learners;
        try (ServedLearner learner = inJson("labels.topic", topic)) {
            Http http = learner.start();
            for (int i = 0; i < 4; i++) {
                http.post(
                                "/v1/examples",
                                "{\"model\":\"m\",\"event\":{\"id\":\"%d\",\"features\":{\"a\":%d}}}".formatted(i, i))
                        .ok();
            }
            for (int i = 0; i < 3; i++) {
                http.post("/v1/labels", "{\"model\":\"m\",\"event\":{\"id\":\"%d\",\"label\":%d}}".formatted(i, i % 2))
                        .ok();
            }
            awaitVersion(http, "m", 3);
            http.post("/v1/models/m/predict", "{\"features\":{\"a\":1}}").ok();
            assertThat(http.post("/v1/labels", "{\"model\":\"m\",\"event\":{\"label\":1}}")
                            .refusal(422))
                    .contains("NO_ID");
        }
    }

    @Test
    void keysAreSentInTheFormatOfTheTopic() {
        // in which of them a model is depends on the bytes of its key
        try (ServedLearner learner =
                inJson("label", "y", "id.field", "id", "key.format", "long", "topics.partitions", "3")) {
            Http http = learner.start();
            for (int model = 0; model < 5; model++) {
                http.post("/v1/examples", "{\"model\":\"%d\",\"event\":{\"y\":1,\"a\":2}}".formatted(model))
                        .ok();
            }
            for (int model = 0; model < 5; model++) {
                awaitVersion(http, String.valueOf(model), 1);
                http.post("/v1/models/%d/predict".formatted(model), "{\"event\":{\"a\":1}}")
                        .ok();
            }
            assertThat(http.post("/v1/examples", "{\"model\":\"shop\",\"event\":{\"y\":1,\"a\":2}}")
                            .refusal(422))
                    .contains("model shop is not a whole number", "key.format");
        }
    }

    // ---- metrics and health

    /** Returns the value of a metric in a scrape. */
    private static double value(String scrape, String series) {
        return scrape.lines()
                .filter(line -> line.startsWith(series + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(series.length() + 1)))
                .findFirst()
                .orElseThrow(() -> new AssertionError(series + " is not in " + scrape));
    }

    @Test
    void metricsOfAFewModelsHaveLabelsOfTheirOwn() {
        try (ServedLearner learner = learner("http.metrics.models.max", "2", "http.stall.max.ms", "1000")) {
            Http http = learner.start();
            String[] models = {"a", "a", "a", "b", "b", "c", "d"};
            learner.send(
                    700,
                    i -> models[i % models.length],
                    i -> new Example(null, (double) (i % 2), 1.0, List.of(i % 2 - 0.5)));
            await().atMost(PATIENCE)
                    .until(() -> http.get("/v1/models/a").status() == 200
                            && http.get("/v1/models/a").json().path("version").asLong() == 300);
            // answers are used again for a second
            await().atMost(PATIENCE).untilAsserted(() -> {
                String scrape = http.get("/metrics").body();
                assertThat(value(scrape, "thalweg_models")).isEqualTo(4);
                assertThat(value(scrape, "thalweg_model_examples_total{model=\"a\"}"))
                        .isEqualTo(300);
                assertThat(value(scrape, "thalweg_model_examples_total{model=\"b\"}"))
                        .isEqualTo(200);
                assertThat(value(scrape, "thalweg_model_version{model=\"other\"}"))
                        .isEqualTo(200);
                assertThat(value(
                                scrape,
                                "thalweg_committed_offset{partition=\"0\",topic=\""
                                        + learner.config.getString("examples.topic") + "\"}"))
                        .isEqualTo(700);
            });
            Http.Answer answer = http.get("/metrics");
            assertThat(answer.type()).startsWith("text/plain; version=0.0.4");
            String scrape = answer.body();
            assertThat(scrape).doesNotContain("model=\"c\"", "model=\"d\"");
            JsonNode metrics = http.get("/v1/models/a/metrics").ok();
            for (String window : List.of("overall", "recent")) {
                String labels = "{model=\"a\",window=\"" + window + "\"}";
                assertThat(value(scrape, "thalweg_model_log_loss_nats" + labels))
                        .isEqualTo(metrics.path(window).path("logLoss").asDouble());
                assertThat(value(scrape, "thalweg_model_base_rate_log_loss_nats" + labels))
                        .isEqualTo(metrics.path(window).path("baseRateLogLoss").asDouble());
                assertThat(value(scrape, "thalweg_model_auc_ratio" + labels))
                        .isEqualTo(metrics.path(window).path("auc").asDouble());
                assertThat(value(scrape, "thalweg_model_calibration_ratio" + labels))
                        .isCloseTo(metrics.path(window).path("calibration").asDouble(), within(1e-12));
            }
            JsonNode c = http.get("/v1/models/c/metrics").ok().path("overall");
            JsonNode d = http.get("/v1/models/d/metrics").ok().path("overall");
            assertThat(value(scrape, "thalweg_model_log_loss_nats{model=\"other\",window=\"overall\"}"))
                    .isCloseTo((c.path("logLoss").asDouble() + d.path("logLoss").asDouble()) / 2, within(1e-12));
            assertThat(scrape)
                    .contains(
                            "kafka_stream_learner_steps_total",
                            "jvm_memory_used_bytes",
                            "thalweg_http_requests_seconds_bucket");
            // each has a help
            List<String> names = scrape.lines()
                    .filter(line -> !line.startsWith("#"))
                    .map(line -> line.replaceFirst("[{ ].*", ""))
                    .distinct()
                    .toList();
            assertThat(names).hasSizeGreaterThan(100);
            assertThat(names)
                    .allSatisfy(name -> assertThat(scrape)
                            .containsPattern(
                                    "# HELP (" + name + "|" + name.replaceFirst("_(bucket|sum|count)$", "") + ") \\S"));
        }
    }

    @Test
    void nothingLeaksOverAHundredRebalances() {
        try (ServedLearner learner = learner()) {
            Http http = learner.start();
            learner.send(100, i -> "m", i -> new Example(null, i % 2.0, 1.0, List.of(i % 2 - 0.5)));
            await().atMost(PATIENCE).until(() -> http.get("/v1/models/m").status() == 200);
            KafkaStreams streams = learner.serving().learner().streams();
            long lines = 0;
            int meters = 0;
            for (int i = 0; i < 100; i++) {
                assertThat(streams.addStreamThread()).isPresent();
                await().atMost(PATIENCE)
                        .pollInterval(Duration.ofMillis(5))
                        .until(() -> streams.state() == KafkaStreams.State.RUNNING);
                assertThat(streams.removeStreamThread()).isPresent();
                await().atMost(PATIENCE)
                        .pollInterval(Duration.ofMillis(5))
                        .until(() -> streams.state() == KafkaStreams.State.RUNNING);
                if (i == 0) {
                    lines = http.get("/metrics").body().lines().count();
                    meters = learner.serving().meters();
                }
            }
            long linesThen = lines;
            int metersThen = meters;
            // a thread that was removed may take a moment to end
            await().atMost(PATIENCE).untilAsserted(() -> {
                assertThat(http.get("/metrics").body().lines().count()).isBetween(linesThen - 50, linesThen + 50);
                assertThat(learner.serving().meters()).isBetween(metersThen - 10, metersThen + 10);
            });
            assertThat(http.get("/v1/models/m").ok().path("version").asLong()).isEqualTo(100);
        }
    }

    // ---- the page

    private static long total(JsonNode numbers) {
        long total = 0;
        for (JsonNode each : numbers) {
            total += each.isObject() ? each.path("count").asLong() : each.asLong();
        }
        return total;
    }

    /** Sends labeled examples, and then one record that cannot be read. */
    private static void sendAlsoGarbage(ServedLearner learner, int examples) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(learner.config).writer())) {
            for (int i = 0; i <= examples; i++) {
                String value = i < examples ? "{\"label\":%d,\"features\":{\"a\":1}}".formatted(i % 2) : "garbage";
                producer.send(new ProducerRecord<>(
                        learner.config.getString(ThalwegConfig.EXAMPLES_TOPIC), "m".getBytes(), value.getBytes()));
            }
        }
    }

    /** The page reads its topics again after a fault. */
    @Test
    void afterAFaultThePageCountsNothingTwice() throws Exception {
        try (ServedLearner learner = inJson("metrics.every", "5", "weights.every", "5")) {
            AtomicBoolean fails = new AtomicBoolean();
            Http http = learner.start((config, schemas, of) -> new PageEndpoints(config, schemas, () -> {
                if (Thread.currentThread().getName().equals("page-feed") && fails.getAndSet(false)) {
                    throw new IllegalStateException("a fault");
                }
                return of.get();
            }));
            HttpClient.newHttpClient()
                    .sendAsync(
                            HttpRequest.newBuilder(URI.create(learner.serving().url() + "/v1/events"))
                                    .header("Accept", "text/event-stream")
                                    .build(),
                            HttpResponse.BodyHandlers.discarding());
            sendAlsoGarbage(learner, 20);
            awaitShown(http, 20, 1);
            JsonNode before = http.get("/v1/page/models/m").ok();

            fails.set(true);
            await().atMost(PATIENCE).until(() -> !fails.get());
            sendAlsoGarbage(learner, 10);
            awaitShown(http, 30, 2);
            JsonNode model = http.get("/v1/page/models/m").ok();
            assertThat(total(model.path("reliability"))).isEqualTo(30);
            assertThat(model.path("predictions")).hasSize(30);
            for (String history : List.of("/metrics/history/version", "/weights/drawn/0/history/version")) {
                List<Long> versions = new ArrayList<>();
                model.at(history).forEach(version -> versions.add(version.asLong()));
                assertThat(versions).as(history).isSorted().doesNotHaveDuplicates();
                before.at(history)
                        .forEach(version -> assertThat(versions).as(history).contains(version.asLong()));
            }
            JsonNode letters = http.get("/v1/page/dead-letters").ok();
            assertThat(total(letters.path("counts"))).isEqualTo(2);
            assertThat(letters.path("latest")).hasSize(2);
            assertThat(letters.path("atLeast").asBoolean()).isFalse();
        }
    }

    /** Waits until the page shows a version of the model, and at least so many dead letters. */
    private static void awaitShown(Http http, long version, int deadLetters) {
        await().atMost(PATIENCE).until(() -> {
            JsonNode model = http.get("/v1/page/models/m").ok();
            return model.at("/metrics/latest/version").asLong() == version
                    && model.at("/weights/version").asLong() == version
                    && model.at("/predictions/0/version").asLong() == version - 1
                    && total(http.get("/v1/page/dead-letters").ok().path("counts")) >= deadLetters;
        });
    }

    // ---- OpenAPI

    @Test
    void theOpenApiFileIsWhatTheServerDoes() {
        try (ServedLearner learner = learner("http.stall.max.ms", "1000")) {
            Http http = learner.start();
            OpenApi openApi = new OpenApi(http.get("/openapi.json").ok());
            assertThat(openApi.paths()).isEqualTo(learner.serving().paths());

            String example = "{\"model\":\"m\",\"event\":{\"label\":1,\"features\":{\"a\":1}}}";
            for (String body : List.of(
                    example,
                    "{\"records\":[" + example + "]}",
                    "{\"model\":\"m\",\"event\":{\"label\":0,\"features\":{\"a\":-1}},\"timestamp\":1}")) {
                openApi.checkBody("/v1/examples", body);
                openApi.check("post", "/v1/examples", http.post("/v1/examples", body));
            }
            openApi.check("post", "/v1/examples", http.post("/v1/examples", "{}"));
            openApi.check("post", "/v1/examples", http.post("/v1/examples", "["));
            openApi.check("post", "/v1/labels", http.post("/v1/labels", example));
            await().atMost(PATIENCE)
                    .until(() -> http.get("/v1/models/m").status() == 200
                            && http.get("/v1/models/m").json().path("version").asLong() == 3);
            for (String path :
                    List.of("/v1/models", "/v1/models/{id}", "/v1/models/{id}/weights", "/v1/models/{id}/metrics")) {
                openApi.check("get", path, http.get(path.replace("{id}", "m")));
                openApi.check("get", path, http.get(path.replace("{id}", "none")));
                if (!path.endsWith("metrics") && !path.endsWith("}")) {
                    openApi.check("get", path, http.get(path.replace("{id}", "m") + "?limit=x"));
                }
            }
            String predict = "/v1/models/{id}/predict";
            for (String body : List.of(
                    "{\"features\":{\"a\":1},\"contributions\":true}",
                    "{\"record\":{\"partition\":0,\"offset\":0}}",
                    "{\"examples\":[{\"features\":{\"a\":1}},{\"event\":{\"features\":{\"b\":1}}}]}")) {
                openApi.checkBody(predict, body);
                openApi.check("post", predict, http.post("/v1/models/m/predict", body));
            }
            openApi.check("post", predict, http.post("/v1/models/none/predict", "{\"features\":{\"a\":1}}"));
            openApi.check("post", predict, http.post("/v1/models/m/predict", "{}"));
            openApi.check(
                    "post",
                    predict,
                    http.post("/v1/models/m/predict", "{\"record\":{\"partition\":0,\"offset\":1000000}}"));
            for (String path :
                    List.of("/v1/page", "/v1/page/models", "/v1/page/dead-letters", "/v1/page/models/{id}")) {
                openApi.check("get", path, http.get(path.replace("{id}", "m")));
                openApi.check("get", path, http.get(path.replace("{id}", "none")));
            }
            String moves = "/v1/page/models/{id}/moves";
            for (String query : List.of("?feature=a&from=0&to=3", "?feature=a&from=3&to=1", "?feature=a&from=x&to=1")) {
                openApi.check("get", moves, http.get(moves.replace("{id}", "m") + query));
            }
            for (String path : List.of("/metrics", "/health/live", "/health/started", "/health/ready")) {
                openApi.check("get", path, http.get(path));
                assertThat(http.get(path).status()).isEqualTo(200);
            }
        }
    }
}
