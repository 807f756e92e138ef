package io.thalweg.topology;

import static io.thalweg.topology.LearnerDriver.dense;
import static io.thalweg.topology.LearnerDriver.encode;
import static io.thalweg.topology.LearnerDriver.key;
import static io.thalweg.topology.LearnerDriver.named;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.FeatureCollector;
import io.thalweg.mapping.FieldEncoder;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.testing.Seeded;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.TestInputTopic;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** What the log says of input that is lost, or learned from in vain. */
@Seeded
class InputHealthTest {
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();

    private static Logger logger() {
        return (Logger) LoggerFactory.getLogger(InputHealth.class);
    }

    @BeforeEach
    void listen() {
        log.start();
        logger().setLevel(Level.INFO);
        logger().addAppender(log);
    }

    @AfterEach
    void stopListening() {
        logger().detachAppender(log);
        logger().setLevel(null);
    }

    private List<String> warnings() {
        return log.list.stream()
                .filter(event -> event.getLevel() == Level.WARN)
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    @Test
    void labelsOfMinusOneAreSaidOnceWithTheComparisonThatHelps(Random random) {
        try (LearnerDriver learner = new LearnerDriver(Map.of("algorithm", "auto"))) {
            for (int i = 0; i < 600; i++) {
                learner.send("m", dense(i % 2 == 0 ? 1.0 : -1.0, random.nextGaussian()));
            }
            assertThat(warnings()).singleElement().asString().contains("LABEL_OUT_OF_RANGE", "label > 0", "examples-0");
        }
    }

    @Test
    void labelsThatAreOtherWordsAreSaidWithTheComparisonThatHelps() {
        try (LearnerDriver learner = new LearnerDriver(Map.of("examples.format", "json", "label", "paid"))) {
            for (int i = 0; i < 30; i++) {
                String event = "{\"paid\": \"%s\", \"amount\": %d}".formatted(i % 2 == 0 ? "A" : "B", i);
                learner.examples.pipeInput(key("m"), event.getBytes(StandardCharsets.UTF_8));
            }
            assertThat(warnings()).singleElement().asString().contains("BAD_VALUE", "such as with label = paid == '");
        }
    }

    @Test
    void keysThatAreNumbersAreSaidSoon() {
        try (LearnerDriver learner = new LearnerDriver(Map.of())) {
            for (long i = 0; i < 300; i++) {
                learner.examples.pipeInput(
                        ByteBuffer.allocate(Long.BYTES).putLong(0, i).array(), encode(dense(1.0, 1.0)));
            }
            assertThat(warnings())
                    .singleElement()
                    .asString()
                    .contains("of the last 20 records", "BAD_KEY", "model.from=fixed:NAME", "key.format");
            learner.driver.advanceWallClockTime(Duration.ofSeconds(1));
            assertThat(learner.driver.metrics().entrySet().stream()
                            .filter(metric -> metric.getKey().name().equals("dead-letters-share"))
                            .map(metric -> metric.getValue().metricValue()))
                    .containsExactly(1.0);
        }
    }

    @Test
    void anotherReasonIsSaidAgainAndTheEndToo(Random random) {
        try (LearnerDriver learner = new LearnerDriver(Map.of("algorithm", "auto"))) {
            for (int i = 0; i < 300; i++) {
                learner.examples.pipeInput(key("m"), new byte[] {1, 2, 3});
            }
            for (int i = 0; i < 1000; i++) {
                learner.send("m", dense(7.0, 1.0));
            }
            assertThat(warnings()).hasSize(2);
            assertThat(warnings().get(0)).contains("UNREADABLE");
            assertThat(warnings().get(1)).contains("LABEL_OUT_OF_RANGE");

            for (int i = 0; i < 1000; i++) {
                learner.send("m", dense(random.nextInt(2) * 1.0, 1.0));
            }
            assertThat(log.list.get(log.list.size() - 1).getFormattedMessage()).contains("only 49 of the last 1000");
            assertThat(warnings()).hasSize(2);
        }
    }

    @ParameterizedTest
    @CsvSource({"avro, set examples.format=json", "json, values must be JSON objects"})
    void whatIsInAnotherFormatIsSaidWithTheSetting(String format, String hint) {
        try (LearnerDriver learner = new LearnerDriver(Map.of("examples.format", format))) {
            for (int i = 0; i < 30; i++) {
                learner.examples.pipeInput(key("m"), new byte[] {1, 2, 3});
            }
            assertThat(warnings()).singleElement().asString().contains("UNREADABLE", hint);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "orders, NO_LABEL_FIELD, 'is label the name of the field? If there are events of other types, events.types'",
        "orders, NO_ID, is id.field the name",
        "claims, NO_LABEL_FIELD, is labels.label the name of the field?;",
        "claims, NO_ID, is labels.id.field the name",
        "claims, LABEL_OUT_OF_RANGE, 'set labels.label to a comparison, such as \"status > 0\"'",
        "claims, UNREADABLE, 'set labels.format=json'"
    })
    void theSettingIsThatOfTheTopic(String topic, Reason reason, String hint) {
        InputHealth health = new InputHealth(new ThalwegConfig(Map.of(
                "examples.topic", "orders",
                "labels.topic", "claims",
                "id.field", "order",
                "labels.id.field", "order",
                "labels.label", "status")));
        for (int i = 0; i < 20; i++) {
            health.rejected(new TopicPartition(topic, 0), i, new Rejection(reason, "why"));
        }

        assertThat(warnings()).singleElement().asString().contains(hint);
    }

    @Test
    void aModelForEachEventIsSaid() {
        try (LearnerDriver learner = new LearnerDriver(Map.of("algorithm", "auto", "models.max", "5000"))) {
            for (int i = 0; i < 1000; i++) {
                learner.send("order " + i, dense(i % 2 * 1.0, 1.0));
            }
            assertThat(warnings()).singleElement().asString().contains("model of their own", "model.from=fixed:NAME");
        }
    }

    @Test
    void aModelThatIsWorseThanTheBaseRateIsSaidWithTheReason(Random random) {
        try (LearnerDriver learner = new LearnerDriver(Map.of("algorithm", "sgd"))) {
            for (int i = 0; i < 1100; i++) {
                learner.send(
                        "m",
                        named(
                                random.nextInt(2) * 1.0,
                                Map.of("amount", 5000 * random.nextDouble(), "event_id=" + i, 1.0)));
            }
            assertThat(warnings())
                    .singleElement()
                    .asString()
                    .contains("worse than", "after 1000 examples", "algorithm=auto", "features.exclude")
                    .doesNotContain("amount");
        }
    }

    @Test
    void aModelThatIsWorseThanTheBaseRateIsSaidAlsoIfItsLabelsComeLater(Random random) {
        try (LearnerDriver learner = new LearnerDriver(Map.of("algorithm", "sgd", "labels.topic", "labels"))) {
            TestInputTopic<byte[], byte[]> labels = learner.driver.createInputTopic(
                    "labels", new ByteArraySerializer(), new ByteArraySerializer(), Instant.EPOCH, Duration.ZERO);
            for (int i = 0; i < 10_100; i++) {
                Example event = dense(null, 5000 * random.nextDouble());
                event.setId("e" + i);
                learner.send("m", event);
                Example label = dense(random.nextInt(2) * 1.0);
                label.setId("e" + i);
                labels.pipeInput(key("m"), encode(label));
            }
            assertThat(warnings())
                    .singleElement()
                    .asString()
                    .contains("in examples-0", "a recent log loss", "after 10000 examples", "in the hundreds");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"$%d", "%d%%", "1,%03d.5"})
    void textThatLooksLikeNumbersIsSaidWithTheFieldOnce(String format, Random random) {
        List<String> said = ofText(Map.of(), i -> format.formatted(100 + random.nextInt(800)));
        assertThat(said)
                .filteredOn(line -> line.contains("looks like numbers"))
                .singleElement()
                .asString()
                .contains("in examples-0, field text has", "features.exclude=text")
                .doesNotContain(format.formatted(1).substring(0, 1) + "1");
        assertThat(ofText(Map.of("features.categorical", "text"), i -> format.formatted(i % 7)))
                .as("a category that is meant")
                .isEmpty();
        assertThat(ofText(
                        Map.of("features.time", "text[iso]:hour|minute"),
                        i -> "2026-11-30T%02d:%02d:00Z".formatted(i % 24, i % 60)))
                .as("parts of a time")
                .isEmpty();
    }

    @Test
    void aCategoryThatIsDifferentInNearlyEveryEventIsSaid() {
        assertThat(ofText(Map.of(), i -> "visit-" + i))
                .filteredOn(line -> line.contains("different in nearly every event"))
                .singleElement()
                .asString()
                .contains("field text", "features.exclude=text");
        assertThat(ofText(Map.of(), i -> "city-" + i % 300)).isEmpty();
        assertThat(ofText(Map.of("features.exclude", "text"), i -> "visit-" + i))
                .isEmpty();
    }

    @Test
    void fieldsWhoseNamesAreDataAreNotAllSaid() throws Rejection {
        InputHealth health = new InputHealth(new ThalwegConfig(Map.of()));
        FeatureCollector collector = new FeatureCollector(Mapping.of(Map.of("label", "y")::get));
        collector.begin(new io.thalweg.math.Example());
        for (int field = 0; field < 300; field++) {
            FieldEncoder encoder = collector.feature("f" + field);
            for (int i = 0; i < 60; i++) {
                byte[] category = ("visit-" + i).getBytes(StandardCharsets.UTF_8);
                encoder.category(category, 0, category.length);
            }
        }
        for (int i = 0; i < 3; i++) {
            health.look(collector.categories(), new TopicPartition("t", 0));
        }

        assertThat(warnings()).hasSize(100).doesNotHaveDuplicates();
    }

    /** Learns from events that have a text, and returns the warnings. */
    private List<String> ofText(Map<String, String> more, IntFunction<String> text) {
        log.list.clear();
        Schema schema = SchemaBuilder.record("Visit")
                .fields()
                .requiredString("text")
                .requiredDouble("x")
                .requiredBoolean("bought")
                .endRecord();
        Map<String, String> settings = new HashMap<>(Map.of("algorithm", "auto", "label", "bought"));
        settings.putAll(more);
        try (LearnerDriver learner = new LearnerDriver(settings)) {
            learner.registry.put(11, schema);
            for (int i = 0; i < 3000; i++) {
                GenericRecord visit = new GenericData.Record(schema);
                visit.put("text", text.apply(i));
                visit.put("x", i % 2 - 0.5);
                visit.put("bought", i % 2 == 0);
                learner.examples.pipeInput(key("m"), encode(11, schema, visit));
            }
        }
        return warnings();
    }

    @Test
    void healthyInputIsNotSaid(Random random) {
        try (LearnerDriver learner = new LearnerDriver(Map.of("algorithm", "auto"))) {
            for (int i = 0; i < 3000; i++) {
                double x = random.nextGaussian();
                learner.send(
                        "m" + random.nextInt(20),
                        dense(random.nextDouble() < 1 / (1 + Math.exp(-3 * x)) ? 1.0 : 0.0, x));
                if (i % 50 == 0) {
                    learner.examples.pipeInput(key("m"), new byte[] {1, 2, 3});
                }
            }
            assertThat(warnings()).isEmpty();
        }
    }
}
