package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.registry.Registry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Topics in each format, and in several at once, on a real broker. Each ends with a proof of what was learned. */
@Timeout(300)
class FormatsIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static EmbeddedBroker broker;

    @BeforeAll
    static void start(@TempDir Path directory) {
        broker = EmbeddedBroker.start(directory, 0);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    // ---- what is on a topic

    private record Sent(byte[] key, byte[] value, Headers headers) {
        static Sent of(byte[] value) {
            return new Sent(null, value, new RecordHeaders());
        }

        static Sent of(String value) {
            return of(utf8(value));
        }

        Sent withHeader(String name, byte[] content) {
            return new Sent(key, value, new RecordHeaders(headers).add(name, content));
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void send(LearnerTrial trial, String topic, List<Sent> records) {
        int partitions = (int) trial.settings.get("topics.partitions");
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            for (int i = 0; i < records.size(); i++) {
                Sent record = records.get(i);
                producer.send(new ProducerRecord<>(
                        trial.name + "-" + topic,
                        i % partitions,
                        1_000_000L + i,
                        record.key,
                        record.value,
                        record.headers));
            }
        }
    }

    private static LearnerTrial trial(int partitions, Object... settings) {
        return with(new LearnerTrial(broker, partitions), settings);
    }

    private static LearnerTrial with(LearnerTrial trial, Object... settings) {
        trial.settings.put("output.format", "json");
        for (int i = 0; i < settings.length; i += 2) {
            trial.settings.put((String) settings[i], settings[i + 1]);
        }
        return trial;
    }

    private static List<JsonNode> read(LearnerTrial trial, String topic) {
        return trial.read(topic).stream()
                .map(record -> {
                    try {
                        return JSON.readTree(record.value());
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                })
                .toList();
    }

    private static List<String> texts(List<JsonNode> records, String field) {
        return records.stream().map(record -> record.get(field).asText()).toList();
    }

    /** The warnings of a class of the program, while it is open. */
    private static final class Warnings implements AutoCloseable {
        private final Logger logger;
        private final ListAppender<ILoggingEvent> log = new ListAppender<>();

        Warnings(String name) {
            logger = (Logger) LoggerFactory.getLogger(name);
            log.start();
            logger.addAppender(log);
        }

        List<String> lines() {
            return List.copyOf(log.list).stream()
                    .filter(event -> event.getLevel() == Level.WARN)
                    .map(ILoggingEvent::getFormattedMessage)
                    .toList();
        }

        @Override
        public void close() {
            logger.detachAppender(log);
        }
    }

    // ---- change events

    /** How change events are written. */
    private enum Form {
        AVRO,
        JSON,
        JSON_WITH_SCHEMA
    }

    /** What Debezium's connector for PostgreSQL registers, with fewer columns. */
    private static final Schema ENVELOPE = new Schema.Parser().parse("""
            {"type":"record","name":"Envelope","namespace":"shop.public.orders","fields":[
              {"name":"before","type":["null",{"type":"record","name":"Value","fields":[
                {"name":"id","type":"long"},{"name":"shop","type":"string"},
                {"name":"amount","type":"double"},
                {"name":"returned","type":["null","boolean"],"default":null}]}],"default":null},
              {"name":"after","type":["null","Value"],"default":null},
              {"name":"source","type":{"type":"record","name":"Source",
                "namespace":"io.debezium.connector.postgresql","fields":[
                {"name":"version","type":"string"},{"name":"connector","type":"string"},
                {"name":"name","type":"string"},{"name":"ts_ms","type":"long"},
                {"name":"snapshot","type":["null","string"],"default":"false"},
                {"name":"db","type":"string"},{"name":"sequence","type":["null","string"],"default":null},
                {"name":"schema","type":"string"},{"name":"table","type":"string"},
                {"name":"txId","type":["null","long"],"default":null},
                {"name":"lsn","type":["null","long"],"default":null},
                {"name":"xmin","type":["null","long"],"default":null}]}},
              {"name":"transaction","type":["null",{"type":"record","name":"block","namespace":"event","fields":[
                {"name":"id","type":"string"},{"name":"total_order","type":"long"},
                {"name":"data_collection_order","type":"long"}]}],"default":null},
              {"name":"op","type":"string"},
              {"name":"ts_ms","type":["null","long"],"default":null}]}""");

    private static final String STRUCT = """
            {"type":"struct","name":"shop.public.orders.Envelope","optional":false,"version":2,"fields":[
              {"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"}],"optional":true,
               "field":"before"},
              {"type":"string","optional":false,"field":"op"}]}""";

    /** A row of the table; half of the expensive orders come back. */
    private record Order(long id, double amount) {
        static Order of(int i) {
            return new Order(i, i * 37 % 100 + 0.5);
        }

        String shop() {
            return "shop-" + id % 3;
        }

        boolean isReturned() {
            return amount > 50 && id % 2 == 0;
        }

        String json() {
            return "{\"id\":%d,\"shop\":\"%s\",\"amount\":%s,\"returned\":%s}"
                    .formatted(id, shop(), amount, isReturned());
        }

        GenericRecord in(Schema schema) {
            return new GenericRecordBuilder(schema)
                    .set("id", id)
                    .set("shop", shop())
                    .set("amount", amount)
                    .set("returned", isReturned())
                    .build();
        }
    }

    /** A change event. The key is that of the row, as the same converter writes it. */
    private static Sent change(LearnerTrial trial, Form form, String op, Order before, Order after) {
        byte[] key = utf8("{\"id\":%d}".formatted((after == null ? before : after).id()));
        if (form == Form.AVRO) {
            Schema row = ENVELOPE.getField("after").schema().getTypes().get(1);
            GenericRecord source = new GenericRecordBuilder(
                            ENVELOPE.getField("source").schema())
                    .set("version", "3.0.0.Final")
                    .set("connector", "postgresql")
                    .set("name", "shop")
                    .set("ts_ms", 1_700_000_000_000L)
                    .set("snapshot", op.equals("r") ? "true" : "false")
                    .set("db", "shop")
                    .set("schema", "public")
                    .set("table", "orders")
                    .set("lsn", 24_023_128L)
                    .build();
            GenericRecord event = new GenericRecordBuilder(ENVELOPE)
                    .set("before", before == null ? null : before.in(row))
                    .set("after", after == null ? null : after.in(row))
                    .set("source", source)
                    .set("op", op)
                    .set("ts_ms", 1_700_000_000_123L)
                    .build();
            return new Sent(key, trial.encode(event), new RecordHeaders());
        }
        String event =
                ("{\"before\":%s,\"after\":%s,\"source\":{\"version\":\"3.0.0.Final\",\"connector\":\"postgresql\","
                                + "\"name\":\"shop\",\"ts_ms\":1700000000000,\"snapshot\":\"%s\",\"db\":\"shop\","
                                + "\"sequence\":\"[null,\\\"24023128\\\"]\",\"schema\":\"public\",\"table\":\"orders\","
                                + "\"txId\":555,\"lsn\":24023128,\"xmin\":null},\"transaction\":null,\"op\":\"%s\","
                                + "\"ts_ms\":1700000000123}")
                        .formatted(
                                before == null ? "null" : before.json(),
                                after == null ? "null" : after.json(),
                                op.equals("r") ? "first" : "false",
                                op);
        return new Sent(
                key,
                utf8(form == Form.JSON ? event : "{\"schema\":%s,\"payload\":%s}".formatted(STRUCT, event)),
                new RecordHeaders());
    }

    /** A snapshot, and then inserts, updates, deletes with their tombstones, and events that are damaged. */
    private static List<Sent> changes(LearnerTrial trial, Form form) {
        List<Sent> sent = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            sent.add(change(trial, form, "r", null, Order.of(i)));
        }
        for (int i = 40; i < 160; i++) {
            sent.add(change(trial, form, "c", null, Order.of(i)));
            if (i % 4 == 1) {
                sent.add(change(trial, form, "u", Order.of(i - 1), new Order(i - 1, i)));
            } else if (i % 4 == 2) {
                Sent deleted = change(trial, form, "d", Order.of(i - 30), null);
                sent.add(deleted);
                sent.add(new Sent(deleted.key, null, new RecordHeaders()));
            }
        }
        byte[] whole = sent.get(0).value;
        sent.add(Sent.of(Arrays.copyOf(whole, whole.length - 3)));
        sent.add(Sent.of("no change event"));
        return sent;
    }

    private static final int SNAPSHOT = 40;
    private static final int INSERTED = 120;
    private static final int UPDATED = 30;
    private static final int DELETED = 30;
    private static final int DAMAGED = 2;

    private static LearnerTrial ofChanges(Form form, int partitions) {
        return with(
                new LearnerTrial(broker, partitions, ENVELOPE),
                "examples.format",
                form == Form.AVRO ? "avro" : "json",
                "events.unwrap",
                "after",
                "label",
                "returned",
                "id.field",
                "id");
    }

    @Test
    void changeEventsTeachTheSameInEachForm() {
        List<List<String>> predicted = new ArrayList<>();
        for (Form form : Form.values()) {
            LearnerTrial trial = with(ofChanges(form, 1), "model.from", "fixed:orders");
            trial.createTopics();
            send(trial, "examples", changes(trial, form));

            trial.learn(SNAPSHOT + INSERTED + UPDATED + DAMAGED);

            List<JsonNode> predictions = read(trial, "predictions");
            assertThat(predictions).hasSize(SNAPSHOT + INSERTED + UPDATED);
            List<String> ids = texts(predictions, "id");
            assertThat(ids.subList(0, 43)).startsWith("0", "1", "2").endsWith("40", "41", "40");
            assertThat(texts(read(trial, "dead-letters"), "reason")).containsExactly("UNREADABLE", "UNREADABLE");
            trial.assertVerified();
            predicted.add(texts(predictions, "logit"));
        }
        assertThat(predicted.get(1)).isEqualTo(predicted.get(0));
        assertThat(predicted.get(2)).isEqualTo(predicted.get(0));
    }

    @ParameterizedTest
    @EnumSource
    void deletesAreLearnedFromAndSnapshotsAreNotIfTheSettingsSaySo(Form form) {
        // models are in a field, so that events are sent on to the partition of their model
        LearnerTrial trial = with(
                ofChanges(form, 2),
                "model.from",
                "field:shop",
                "events.unwrap.deletes",
                "before",
                "events.unwrap.snapshots",
                "skip");
        trial.createTopics();
        send(trial, "examples", changes(trial, form));

        trial.learn(INSERTED + UPDATED + DELETED + DAMAGED);

        List<JsonNode> predictions = read(trial, "predictions");
        assertThat(predictions).hasSize(INSERTED + UPDATED + DELETED);
        // the first was deleted, and had been read for the snapshot
        assertThat(texts(predictions, "id")).contains("12").doesNotContain("0", "11", "13");
        trial.assertVerified();
    }

    // ---- what a topic is taken for

    @Test
    void recordsWithAValueAreFoundWhereverTheyAre() {
        LearnerTrial trial = trial(2);
        trial.createTopics();
        sendAborted(trial, 20);
        int begin = 21;
        sendToFirst(trial, 20, null);
        sendToFirst(trial, 30, utf8("{}"));
        sendToFirst(trial, 150, null);
        sendAborted(trial, 20);

        assertThat(TopicSample.of(trial.config(), trial.name + "-examples").records())
                .extracting(ConsumerRecord::offset)
                .containsExactlyElementsOf(IntStream.concat(IntStream.range(20, 30), IntStream.range(40, 50))
                        .mapToObj(i -> (long) begin + i)
                        .toList());
    }

    private static void sendToFirst(LearnerTrial trial, int count, byte[] value) {
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            for (int i = 0; i < count; i++) {
                producer.send(new ProducerRecord<>(trial.name + "-examples", 0, utf8("k"), value));
            }
        }
    }

    /** Sends records in a transaction that is aborted. They have offsets, and so has its marker. */
    private static void sendAborted(LearnerTrial trial, int count) {
        Map<String, Object> settings = new KafkaSettings(trial.config()).writer();
        settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, trial.name);
        settings.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, 5_000);
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
            producer.initTransactions();
            producer.beginTransaction();
            for (int i = 0; i < count; i++) {
                producer.send(new ProducerRecord<>(trial.name + "-examples", 0, utf8("k"), utf8("{}")));
            }
            producer.flush();
            producer.abortTransaction();
        }
    }

    // ---- formats that change

    private static final Schema ROW = SchemaBuilder.record("Order")
            .fields()
            .requiredLong("id")
            .requiredString("shop")
            .requiredDouble("amount")
            .requiredBoolean("returned")
            .endRecord();

    private static List<Sent> inAvro(LearnerTrial trial, int from, int to) {
        List<Sent> sent = new ArrayList<>();
        for (int i = from; i < to; i++) {
            sent.add(Sent.of(trial.encode(Order.of(i).in(ROW))));
        }
        return sent;
    }

    private static List<Sent> inJson(int from, int to) {
        List<Sent> sent = new ArrayList<>();
        for (int i = from; i < to; i++) {
            sent.add(Sent.of(Order.of(i).json()));
        }
        return sent;
    }

    @Test
    void aTopicOfAvroBecomesOneOfJsonAndTheSettingFollows() {
        LearnerTrial trial = with(new LearnerTrial(broker, 1, ROW), "label", "returned", "id.field", "id");
        trial.createTopics();
        send(trial, "examples", inAvro(trial, 0, 100));
        send(trial, "examples", inJson(100, 200));

        try (Warnings atStart = new Warnings(TopicSample.class.getName());
                Warnings ofInput = new Warnings("io.thalweg.topology.InputHealth")) {
            trial.learn(200);

            assertThat(atStart.lines())
                    .singleElement()
                    .asString()
                    .contains(
                            "holds", "JSON (", "values in the frame of a schema registry (", "examples.format is avro");
            assertThat(ofInput.lines())
                    .isNotEmpty()
                    .allMatch(line -> line.contains("UNREADABLE") && line.contains("set examples.format=json"));
        }
        assertThat(read(trial, "predictions")).hasSize(100);
        assertThat(read(trial, "dead-letters"))
                .hasSize(100)
                .allMatch(letter -> letter.get("reason").asText().equals("UNREADABLE")
                        && letter.get("detail").asText().contains("looks like JSON")
                        && letter.get("detail").asText().endsWith("set examples.format=json"));
        trial.assertVerified();

        trial.settings.put("examples.format", "json");
        send(trial, "examples", inJson(200, 300));
        trial.learn(300);

        List<JsonNode> predictions = read(trial, "predictions");
        assertThat(predictions).hasSize(200);
        assertThat(texts(predictions, "id").subList(99, 101)).containsExactly("99", "200");
        // each part is replayed in the format that it was read in
        trial.assertVerified();
    }

    @Test
    void theSettingMayChangeBeforeTheFirstRecordIfAllOthersAreRead() {
        LearnerTrial trial = with(new LearnerTrial(broker, 1, ROW), "label", "returned", "id.field", "id");
        trial.createTopics();
        send(trial, "examples", inAvro(trial, 0, 100));
        trial.learn(100);

        trial.settings.put("examples.format", "json");
        try (Warnings warnings = new Warnings(TopicSample.class.getName())) {
            MappingCheck.run(trial.config(), trial.schemas);
            assertThat(warnings.lines()).singleElement().asString().contains("Avro", "they have all been read");
        }
        // a program that reads the topic from the beginning needs the format that it has
        assertThatThrownBy(() -> MappingCheck.ofEvents(trial.config(), trial.schemas))
                .hasMessageEndingWith("set examples.format=avro");
        send(trial, "examples", inAvro(trial, 100, 101));
        assertThatThrownBy(() -> MappingCheck.run(trial.config(), trial.schemas))
                .hasMessageEndingWith("set examples.format=avro");
    }

    @Test
    void framedJsonAndPlainJsonAreReadAndAvroAmongThemIsNamed() {
        LearnerTrial trial = with(
                new LearnerTrial(broker, 1, ROW), "label", "returned", "id.field", "id", "examples.format", "json");
        trial.createTopics();
        List<Sent> sent = new ArrayList<>();
        inJson(0, 60)
                .forEach(plain -> sent.add(Sent.of(ByteBuffer.allocate(5 + plain.value.length)
                        .put((byte) 0)
                        .putInt(17)
                        .put(plain.value)
                        .array())));
        sent.addAll(inJson(60, 120));
        inJson(120, 180).forEach(plain -> sent.add(plain.withHeader("__value_schema_id", guid(new UUID(3, 4)))));
        sent.addAll(inAvro(trial, 180, 210));
        send(trial, "examples", sent);

        trial.learn(210);

        assertThat(read(trial, "predictions")).hasSize(180);
        assertThat(read(trial, "dead-letters"))
                .hasSize(30)
                .allMatch(letter -> letter.get("reason").asText().equals("UNREADABLE")
                        && letter.get("detail").asText().endsWith("set examples.format=avro"));
        trial.assertVerified();
    }

    // ---- ids in headers

    private static byte[] guid(UUID guid) {
        return ByteBuffer.allocate(17)
                .put((byte) 1)
                .putLong(guid.getMostSignificantBits())
                .putLong(guid.getLeastSignificantBits())
                .array();
    }

    private static byte[] id(int id) {
        return ByteBuffer.allocate(5).put((byte) 0).putInt(id).array();
    }

    private static byte[] withoutFrame(byte[] value) {
        return Arrays.copyOfRange(value, 5, value.length);
    }

    /** A learner whose schemas are in a real registry. */
    private static LearnerTrial with(Registry registry) {
        return new LearnerTrial(broker, 1) {
            @Override
            LearnerRuntime start() {
                return LearnerRuntime.start(config(), registry, registry);
            }

            @Override
            VerificationReport verify() {
                return new Verification(config(), registry).run(progress -> {});
            }
        };
    }

    @Test
    void idsInHeadersAndFramesNameTheSchemasOfKeysAndValues() throws Exception {
        Schema ofKeys = Schema.create(Schema.Type.LONG);
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0);
                SchemaRegistryClient client = new CachedSchemaRegistryClient(registry.url(), 10);
                Registry schemas =
                        new ConfluentSchemas(Map.of("schema.registry.url", registry.url()), Duration.ofSeconds(10))) {
            LearnerTrial trial = with(
                    with(schemas),
                    "label",
                    "returned",
                    "id.field",
                    "id",
                    "key.format",
                    "avro",
                    "output.format",
                    "avro");
            trial.createTopics();
            int id = schemas.idFor(trial.name + "-examples", ROW);
            int keyId = client.register(trial.name + "-examples-key", new AvroSchema(ofKeys));
            // as the registry makes them
            UUID guid = UUID.nameUUIDFromBytes(utf8(ROW.toString()));
            UUID keyGuid = UUID.nameUUIDFromBytes(utf8(ofKeys.toString()));
            List<Sent> sent = new ArrayList<>();
            for (int i = 0; i < 120; i++) {
                byte[] bare = withoutFrame(trial.encode(Order.of(i).in(ROW)));
                byte[] bareKey = new byte[] {(byte) (2 * (i % 5))};
                ByteBuffer framed =
                        ByteBuffer.allocate(5 + bare.length).put(id(id)).put(bare);
                ByteBuffer framedKey = ByteBuffer.allocate(6).put(id(keyId)).put(bareKey);
                Headers headers = new RecordHeaders();
                if (i % 3 > 0) {
                    headers.add("__value_schema_id", i % 3 == 1 ? id(id) : guid(guid));
                }
                if (i % 4 > 1) {
                    headers.add("__key_schema_id", i % 4 == 2 ? id(keyId) : guid(keyGuid));
                }
                sent.add(new Sent(i % 4 > 1 ? bareKey : framedKey.array(), i % 3 > 0 ? bare : framed.array(), headers));
            }
            byte[] key = sent.get(0).key;
            byte[] bare = withoutFrame(trial.encode(Order.of(7).in(ROW)));
            for (byte[] header : List.of(guid(new UUID(5, 6)), id(9999), new byte[16], new byte[0])) {
                sent.add(new Sent(key, bare, new RecordHeaders().add("__value_schema_id", header)));
            }
            sent.add(new Sent(
                    new byte[] {2},
                    sent.get(0).value,
                    new RecordHeaders().add("__key_schema_id", guid(new UUID(7, 8)))));
            sent.add(new Sent(utf8("shop"), sent.get(0).value, new RecordHeaders()));
            send(trial, "examples", sent);

            trial.learn(126);

            assertThat(trial.read("predictions"))
                    .hasSize(120)
                    .extracting(record -> new String(record.key(), StandardCharsets.UTF_8))
                    .startsWith("0", "1", "2", "3", "4", "0");
            assertThat(trial.read("dead-letters"))
                    .extracting(
                            record -> CommittedTopic.decode(io.thalweg.avro.DeadLetter.getClassSchema(), record.value())
                                    .toString())
                    .satisfiesExactly(
                            letter -> assertThat(letter).contains("UNKNOWN_SCHEMA", "GUID " + new UUID(5, 6)),
                            letter -> assertThat(letter).contains("UNKNOWN_SCHEMA", "9999"),
                            letter -> assertThat(letter).contains("UNREADABLE", "the header __value_schema_id"),
                            letter -> assertThat(letter).contains("UNREADABLE", "the header __value_schema_id"),
                            letter -> assertThat(letter).contains("UNKNOWN_SCHEMA", "GUID " + new UUID(7, 8)),
                            letter -> assertThat(letter).contains("BAD_KEY"));
            trial.assertVerified();
        }
    }

    // ---- labels in another format than events

    private static final Schema CLAIM = SchemaBuilder.record("Claim")
            .fields()
            .requiredString("order")
            .requiredBoolean("lost")
            .endRecord();

    private static final Schema EVENT = SchemaBuilder.record("Event")
            .fields()
            .requiredString("id")
            .requiredDouble("amount")
            .endRecord();

    @ParameterizedTest
    @ValueSource(strings = {"avro", "json"})
    void labelsCanHaveAnotherFormatThanEvents(String labels) {
        boolean areJson = labels.equals("json");
        LearnerTrial trial = with(
                new LearnerTrial(broker, 1, EVENT, CLAIM).withLateLabels(Duration.ofHours(1)),
                "id.field",
                "id",
                "examples.format",
                areJson ? "avro" : "json",
                "labels.format",
                labels);
        trial.createTopics();
        List<Sent> events = new ArrayList<>();
        List<Sent> claims = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            double amount = i * 37 % 100 + 0.5;
            Sent event = areJson
                    ? Sent.of(trial.encode(new GenericRecordBuilder(EVENT)
                            .set("id", "e" + i)
                            .set("amount", amount)
                            .build()))
                    : Sent.of("{\"id\":\"e%d\",\"amount\":%s}".formatted(i, amount));
            events.add(event);
            GenericRecord claim = new GenericData.Record(CLAIM);
            claim.put("order", "e" + i);
            claim.put("lost", amount > 50);
            Sent label = areJson
                    ? Sent.of("{\"order\":\"e%d\",\"lost\":%s}".formatted(i, amount > 50))
                    : Sent.of(trial.encode(claim));
            claims.add(label);
            if (i == 50) {
                // each in the format of the other
                events.add(label);
                claims.add(event);
            }
        }
        send(trial, "examples", events);
        send(trial, "labels", claims);

        trial.learn(() -> trial.read("outcomes").size() == 100
                && trial.read("dead-letters").size() == 2);

        assertThat(texts(read(trial, "outcomes"), "outcome")).containsOnly("LEARNED");
        assertThat(read(trial, "dead-letters"))
                .extracting(letter -> letter.get("detail").asText())
                .anyMatch(detail -> detail.endsWith("set examples.format=" + labels))
                .anyMatch(detail -> detail.endsWith("set labels.format=" + (areJson ? "avro" : "json")));
        trial.assertVerified();
    }
}
