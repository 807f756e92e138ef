package io.thalweg.app.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.avro.Example;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputJson;
import io.thalweg.output.OutputTopic;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Topics;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The events that moved a weight of one of thousands of models, found in topics with the records of all. */
@Timeout(300)
class WeightMovesIT {
    private static final int MODELS = 2_500;
    /** How many predictions of each model there are. */
    private static final int STEPS = 80;
    /** How many predictions of the others there are before a younger model has its first. */
    private static final int YOUNGER = 70;

    /** Less than there is before the events that are asked for. */
    private static final int MOST_READ = 100_000;

    private static EmbeddedBroker broker;
    private static ThalwegConfig config;
    private static Registry schemas;

    @BeforeAll
    static void start(@TempDir Path directory) {
        broker = EmbeddedBroker.start(directory, 0);
        config = new ThalwegConfig(Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "examples.format",
                "json",
                "output.format",
                "json",
                "learning.rate",
                "0.1",
                // as long as it takes
                "http.timeout.ms",
                "240000"));
        schemas = Registry.of(config, Duration.ofSeconds(1));
        try (Admin admin = KafkaSettings.admin(config)) {
            new Topics(config, admin).create();
        }
        Map<String, Object> settings = new KafkaSettings(config).writer();
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 50);
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 1 << 18);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
            for (int step = 0; step < STEPS; step++) {
                for (int model = 0; model < MODELS - 2; model++) {
                    // its value is not looked at
                    send(producer, OutputTopic.PREDICTIONS.nameIn(config), "other-" + model, "{}".getBytes());
                }
                send(producer, OutputTopic.PREDICTIONS.nameIn(config), "old", prediction(step));
                send(
                        producer,
                        OutputTopic.PREDICTIONS.nameIn(config),
                        step < YOUNGER ? "other" : "young",
                        prediction(step - YOUNGER));
                send(producer, config.getString(ThalwegConfig.EXAMPLES_TOPIC), "any", example(step));
            }
        }
    }

    @AfterAll
    static void stop() {
        schemas.close();
        broker.close();
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, String topic, String key, byte[] value) {
        producer.send(new ProducerRecord<>(topic, 0, key.getBytes(StandardCharsets.UTF_8), value));
    }

    /** Returns the prediction for the example at an offset, which has the number of the version. */
    private static byte[] prediction(long version) {
        Prediction record = new Prediction();
        record.setPartition(0);
        record.setOffset(version);
        record.setVersion(version);
        record.setProbability(0.25);
        record.setLogit(0.0);
        record.setLabel(1.0);
        record.setLogLoss(Math.log(4));
        return OutputJson.write(record);
    }

    private static byte[] example(int step) {
        return OutputJson.write(new Example(null, 1.0, 1.0, Map.of("a", step + 1.0)));
    }

    private static void assertFound(String model, int from, int to) {
        JsonNode found = new WeightMoves(config, schemas, MOST_READ).of(model, 0, "a", from, to);
        assertThat(found.path("reason").asText()).isEmpty();
        assertThat(found.path("steps").asInt()).isEqualTo(to - from);
        List<Long> offsets = found.path("events").findValues("offset").stream()
                .map(JsonNode::asLong)
                .toList();
        assertThat(offsets)
                .containsExactlyInAnyOrderElementsOf(
                        LongStream.range(from, to).boxed().toList());
        for (JsonNode event : found.path("events")) {
            assertThat(event.path("step").asDouble())
                    .isCloseTo(0.1 * 0.75 * (event.path("offset").asLong() + 1), within(1e-12));
        }
    }

    @Test
    void findsAFewEventsInALongTopicOfManyModels() {
        assertFound("old", 0, 5);
        assertFound("old", 37, 42);
        assertFound("old", STEPS - 5, STEPS);
    }

    @Test
    void findsThoseOfAModelThatIsYoungerThanTheOthers() {
        assertFound("young", 0, 3);
        assertFound("young", 4, 8);
    }

    @Test
    void saysWhenTooMuchWouldHaveToBeRead() {
        JsonNode answer = new WeightMoves(config, schemas, MOST_READ).of("old", 0, "a", 0, STEPS);
        assertThat(answer.path("reason").asText()).startsWith("It would take too long");
        assertThat(answer.has("events")).isFalse();
        // what the server allows is more
        assertThat(new WeightMoves(config, schemas)
                        .of("old", 0, "a", 0, STEPS)
                        .path("steps")
                        .asInt())
                .isEqualTo(STEPS);
    }
}
