package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/** What is found at the start of a learner whose labels come later, from the newest schemas of its two topics. */
class MappingCheckTest {
    private static final Schema ORDER = SchemaBuilder.record("Order")
            .fields()
            .requiredString("order")
            .requiredDouble("amount")
            .endRecord();
    private static final Schema CLAIM = SchemaBuilder.record("Claim")
            .fields()
            .requiredString("order")
            .requiredString("status")
            .optionalDouble("weight")
            .endRecord();

    private final Map<String, Schema> newest = new HashMap<>(Map.of("orders", ORDER, "claims", CLAIM));
    private final SchemaSource schemas = new SchemaSource() {
        @Override
        public Schema writerSchema(int id) throws UnknownSchemaException {
            throw new UnknownSchemaException(id);
        }

        @Override
        public Optional<Schema> latestSchema(String topic) {
            return Optional.ofNullable(newest.get(topic));
        }
    };
    private final Map<String, Object> settings = new HashMap<>(Map.of(
            "examples.topic",
            "orders",
            "labels.topic",
            "claims",
            "id.field",
            "order",
            "labels.id.field",
            "order",
            "labels.label",
            "status == 'lost'",
            "labels.importance.field",
            "weight"));

    /** What lies on each topic. */
    private final Map<String, List<byte[]>> values = new HashMap<>();

    private final Map<TopicPartition, Long> committed = new HashMap<>();

    private void check() {
        MappingCheck.run(
                new ThalwegConfig(settings),
                schemas,
                topic -> {
                    List<byte[]> found = values.getOrDefault(topic, List.of());
                    return new TopicSample(
                            topic,
                            IntStream.range(0, found.size())
                                    .mapToObj(i -> new ConsumerRecord<byte[], byte[]>(topic, 0, i, null, found.get(i)))
                                    .toList());
                },
                () -> committed);
    }

    /** Checks, and returns what it warns of. */
    private List<String> warnings() {
        return logged(Level.WARN);
    }

    private List<String> logged(Level level) {
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger(MappingCheck.class.getPackageName());
        Level before = logger.getLevel();
        log.start();
        logger.addAppender(log);
        logger.setLevel(Level.INFO);
        try {
            check();
        } finally {
            logger.setLevel(before);
            logger.detachAppender(log);
        }
        return log.list.stream()
                .filter(event -> event.getLevel() == level)
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    private void assertStops(String why) {
        assertThatThrownBy(this::check)
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessageContaining(why)
                .hasMessageNotContaining("\n");
    }

    @Test
    void settingsThatFitBothTopicsAreFine() {
        assertThatCode(this::check).doesNotThrowAnyException();
        settings.put("labels.label", "1");
        assertThatCode(this::check).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource({
        "id.field, number, 'id.field: there is no field number; the event has order, amount (in Order'",
        "labels.id.field, id, 'labels.id.field: there is no field id; the label record has order, status, weight'",
        "labels.label, lost, 'labels.label: there is no field lost; the label record has order, status, weight'",
        "labels.importance.field, cost, 'labels.importance.field: there is no field cost; the label record has'",
        "labels.model.from, field:shop, 'labels.model.from: there is no field shop; the label record has'",
    })
    void aFieldThatIsNotThereStopsTheStartWithTheNameOfItsSetting(String setting, String value, String why) {
        settings.put(setting, value);

        assertStops(why);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aTopicInAnotherFormatStopsTheStartWithTheSettingThatFits() {
        values.put("orders", List.of(bytes("{\"order\": \"1\"}"), bytes(" {\"order\": \"2\"}")));
        assertStops("topic orders holds JSON, in the 2 records looked at, but examples.format is avro; set"
                + " examples.format=json");

        values.put("orders", List.of(bytes("\0\0\0\0\1{\"order\": \"1\"}")));
        assertStops("set examples.format=json");

        values.put("orders", List.of(bytes("\0\0\0\0\1abc")));
        values.put("claims", List.of(bytes("{\"order\": \"1\"}")));
        assertStops("topic claims holds JSON, in the 1 records looked at, but labels.format is avro; set"
                + " labels.format=json");

        settings.put("labels.format", "json");
        settings.put("examples.format", "json");
        assertStops("topic orders holds values in the frame of a schema registry, in the 1 records looked at, but"
                + " examples.format is json; set examples.format=avro or protobuf, and schema.registry.url to the"
                + " registry of the producers");

        // some are as the setting says, or all are of no known format: the others become dead letters
        values.put("orders", List.of(bytes("{\"order\": \"1\"}"), bytes("\0\0\0\0\1abc")));
        values.put("claims", List.of(bytes("{\"order\": \"1\", \"status\": \"lost\", \"weight\": 1}")));
        assertThatCode(this::check).doesNotThrowAnyException();
        settings.put("labels.topic", "others");
        values.put("others", List.of(bytes("a,b")));
        assertThatCode(this::check).doesNotThrowAnyException();
    }

    @Test
    void aTopicWhoseRecordsHaveAllBeenReadMayChangeItsFormat() {
        putJson("orders", "{\"order\": \"1\"}", "{\"order\": \"2\"}");
        putJson("claims", "{\"order\": \"1\"}");
        committed.put(new TopicPartition("orders", 0), 2L);
        committed.put(new TopicPartition("claims", 0), 1L);
        assertThat(warnings())
                .containsExactly(
                        "topic orders holds JSON, in the 2 records looked at, and examples.format is avro; they have"
                                + " all been read, so this is right only if the next records are avro",
                        "topic claims holds JSON, in the 1 records looked at, and labels.format is avro; they have all"
                                + " been read, so this is right only if the next records are avro");

        committed.put(new TopicPartition("orders", 0), 1L);
        assertStops("set examples.format=json");
        committed.clear();
        assertStops("set examples.format=json");
    }

    @Test
    void aTopicWithoutValuesIsSaid() {
        assertThat(logged(Level.INFO))
                .contains(
                        "no record with a value was found in topic orders, so it could not be checked whether"
                                + " examples.format=avro is right",
                        "no record with a value was found in topic claims, so it could not be checked whether"
                                + " labels.format=avro is right");
    }

    @Test
    void fieldsOfJsonAreLookedForInTheValues() {
        settings.put("examples.format", "json");
        values.put("claims", List.of(bytes("{\"order\": \"1\", \"status\": \"lost\", \"weight\": null}")));
        assertThatCode(this::check).doesNotThrowAnyException();

        settings.put("labels.label", "lost");
        assertStops("labels.label: there is no field lost; the label record has order, status, weight (in the 1 values"
                + " of topic claims that were looked at)");
    }

    @Test
    void fieldsOfJsonThatMayBeLeftOutAreOnlySaid() {
        settings.put("examples.format", "json");
        settings.put("features.numeric", "amount, discount");
        settings.put("features.categorical", "'a,b'");
        values.put("orders", List.of(bytes("{\"order\": \"1\", \"amount\": 1}")));
        values.put("claims", List.of(bytes("{\"order\": \"1\", \"status\": \"lost\"}")));

        assertThat(warnings())
                .containsExactly(
                        "none of the 1 values of topic orders that were looked at has discount (features.numeric),"
                                + " 'a,b' (features.categorical); check the names, unless these fields are often left"
                                + " out",
                        "none of the 1 values of topic claims that were looked at has weight"
                                + " (labels.importance.field); check the names, unless these fields are often left"
                                + " out");
    }

    private void putJson(String topic, String... texts) {
        values.put(topic, Arrays.stream(texts).map(MappingCheckTest::bytes).toList());
    }

    @Test
    void changeEventsThatAreAllPassedOverSayNothingAboutTheMapping() {
        settings.put("examples.format", "json");
        settings.put("labels.format", "avro");
        settings.put("events.unwrap", "after");
        settings.put("events.unwrap.snapshots", "skip");
        String inserted = "{\"before\": null, \"after\": {\"id\": 1}, \"op\": \"%s\"}";
        putJson("orders", inserted.formatted("r"), "{\"before\": {\"id\": 1}, \"op\": \"d\"}");
        assertThat(warnings())
                .singleElement()
                .asString()
                .contains("in the 2 values of topic orders", "could not be checked whether the mapping fits");

        // a row tells which fields there are
        putJson("orders", inserted.formatted("r"), inserted.formatted("c"));
        assertStops("id.field: there is no field order; the event has id (in the 2 values of topic orders");
    }

    @Test
    void valuesThatAreAllRejectedStopTheStartWithWhatIsWrongWithThem() {
        settings.put("examples.format", "json");
        settings.put("labels.format", "avro");
        settings.put("events.unwrap", "after");
        putJson("orders", "{\"order\": \"1\"}", "{\"order\": \"2\"}");
        assertStops("no value can be used: the value is not a change event: it has no field op, which events.unwrap"
                + " needs (in the 2 values of topic orders that were looked at)");

        settings.remove("events.unwrap");
        putJson("orders", "{\"order\": {\"id\": 1}}");
        assertStops("no value can be used: field order is an object");

        // the settings fit the fields, so the values become dead letters
        settings.put("features.numeric", "amount");
        putJson("orders", "{\"order\": \"1\", \"amount\": \"much\"}");
        assertThatCode(this::check).doesNotThrowAnyException();
    }

    @Test
    void theMessageNamesTheTopic() {
        settings.put("labels.id.field", "id");

        assertStops("(in Claim, the schema of topic claims)");
    }

    @Test
    void examplesNeedNoMappingForLabelsToBeChecked() {
        newest.put("orders", Example.getClassSchema());
        settings.remove("id.field");
        assertThatCode(this::check).doesNotThrowAnyException();

        settings.put("features.exclude", "amount");
        assertStops("features.exclude is set but id.field is not; without it, topic orders must hold Examples");
        settings.remove("features.exclude");
        settings.put("labels.id.field", "id");
        assertStops("labels.id.field: there is no field id");
    }

    @Test
    void eventsOfAnySchemaNeedAnId() {
        settings.remove("id.field");
        settings.put("label", "amount > 3");

        assertStops("labels.topic is set but id.field is not");
    }

    @Test
    void anIdThatTheRegistryDoesNotKnowIsSaid() {
        newest.remove("orders");
        values.put("orders", List.of(new byte[] {0, 0, 0, 3, (byte) 133, 2, 'a'}));

        assertThat(warnings())
                .filteredOn(line -> line.contains("could not be checked"))
                .singleElement()
                .asString()
                .contains("of the last record of topic orders: the schema registry has no schema with id 901;");
    }

    @Test
    void mappedEventsHaveNamedFeatures() {
        settings.put("features.form", "dense");

        assertStops("features.form is dense, but with an id.field events become named features");
    }
}
