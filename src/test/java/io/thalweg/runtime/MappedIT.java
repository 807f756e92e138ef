package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.audit.Finding;
import io.thalweg.audit.FindingKind;
import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SourceCoordinates;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.output.SchemaIds;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A learner on a topic of records of its own schema, of two partitions, whose models are in a field. */
@Seeded
class MappedIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int EVENTS = 600;

    private static final Schema FIRST = new Schema.Parser()
            .parse("{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
                    + "{\"name\":\"shop\",\"type\":[\"null\",\"string\"]},{\"name\":\"amount\",\"type\":\"double\"},"
                    + "{\"name\":\"country\",\"type\":[\"null\",\"string\"]},"
                    + "{\"name\":\"status\",\"type\":[\"null\",\"string\"]}]}");
    private static final Schema SECOND = new Schema.Parser()
            .parse("{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"shop\",\"type\":[\"null\","
                    + "\"string\"]},{\"name\":\"items\",\"type\":\"int\"},"
                    + "{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"amount\",\"type\":\"float\"},"
                    + "{\"name\":\"status\",\"type\":[\"null\",\"string\"]}]}");
    private static final Schema WITHOUT_LABEL = new Schema.Parser()
            .parse("{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"shop\",\"type\":[\"null\","
                    + "\"string\"]},{\"name\":\"amount\",\"type\":\"float\"}]}");

    private static EmbeddedBroker broker;
    private static int learners;

    private final List<Schema> registered = new CopyOnWriteArrayList<>(List.of(FIRST, SECOND, WITHOUT_LABEL));
    private final SchemaIds schemaIds = (topic, schema) -> id(schema);
    private boolean hasSubject = true;
    private final SchemaSource schemas = new SchemaSource() {
        @Override
        public Schema writerSchema(int id) throws UnknownSchemaException {
            if (id < 0 || id >= registered.size()) {
                throw new UnknownSchemaException(id);
            }
            return registered.get(id);
        }

        @Override
        public Optional<Schema> latestSchema(String topic) {
            return hasSubject ? Optional.of(FIRST) : Optional.empty();
        }
    };
    private Map<String, Object> settings;
    private String name;

    private synchronized int id(Schema schema) {
        if (!registered.contains(schema)) {
            registered.add(schema);
        }
        return registered.indexOf(schema);
    }

    @BeforeAll
    static void startBroker(@TempDir Path directory) {
        broker = EmbeddedBroker.start(directory, 0);
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    @BeforeEach
    void aLearnerOfItsOwn() throws Exception {
        name = "mapped-" + learners++;
        settings = new HashMap<>(Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "application.id",
                name,
                "examples.topic",
                name + "-orders",
                "label",
                "status == 'fraud'",
                "id.field",
                "id",
                "model.from",
                "field:shop",
                "features.buckets",
                "amount:log2",
                "features.cross",
                "country*amount",
                "num.stream.threads",
                "2"));
        for (String topic : List.of("predictions", "weights", "metrics")) {
            settings.put(topic + ".topic", name + "-" + topic);
        }
        settings.put("dead.letters.topic", name + "-dead-letters");
        try (Admin admin = KafkaSettings.admin(config())) {
            // the topic is there before the learner is
            admin.createTopics(
                            List.of(new NewTopic(name + "-orders", 2, (short) 1).configs(Map.of("retention.ms", "-1"))))
                    .all()
                    .get();
            await().atMost(PATIENCE)
                    .until(() -> new Topics(config(), admin).look().partitions() == 2);
        }
    }

    private ThalwegConfig config() {
        return new ThalwegConfig(settings);
    }

    private void createTopics() {
        try (Admin admin = KafkaSettings.admin(config())) {
            assertThat(new Topics(config(), admin).create()).hasSize(5).contains(name + "-by-model");
            assertThat(new Topics(config(), admin).look().fatal()).isEmpty();
        }
    }

    private byte[] encode(int id, GenericRecord record) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, id).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<>(registered.get(id)).write(record, encoder);
        return out.toByteArray();
    }

    /** @return how many of them can be predicted */
    private int send(Random random, int from) throws IOException {
        int good = 0;
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config()).writer())) {
            for (int i = from; i < from + EVENTS; i++) {
                int schema = i % 3 == 0 ? 1 : i % 50 == 4 ? 2 : 0;
                GenericRecord order = new GenericData.Record(registered.get(schema));
                boolean hasShop = i % 40 != 7;
                boolean fraud = random.nextInt(3) == 0;
                order.put("shop", hasShop ? "shop-" + random.nextInt(5) : null);
                order.put("amount", (fraud ? 40 : 10) * random.nextFloat());
                if (schema == 0) {
                    order.put("amount", (double) (float) order.get("amount"));
                    order.put("country", random.nextInt(4) == 0 ? null : "C" + random.nextInt(3));
                } else if (schema == 1) {
                    order.put("items", random.nextInt(9));
                }
                if (schema < 2) {
                    order.put("id", "order-" + i);
                    order.put("status", i % 30 == 11 ? null : fraud ? "fraud" : "ok");
                }
                byte[] value = i % 60 == 13
                        ? new byte[] {1, 2, 3}
                        : i % 60 == 14 ? null : i % 60 == 16 ? new byte[] {0, 0, 0, 1, 0} : encode(schema, order);
                good += value != null && value.length > 5 && hasShop && schema < 2 ? 1 : 0;
                byte[] key = random.nextBoolean() ? null : new byte[] {(byte) random.nextInt(), 0};
                ProducerRecord<byte[], byte[]> record =
                        new ProducerRecord<>(name + "-orders", random.nextInt(2), 1000L + i, key, value);
                record.headers().add("trace", ("t" + i).getBytes(StandardCharsets.UTF_8));
                producer.send(record);
            }
        }
        return good;
    }

    private void learn(int predictions, int letters) {
        try (LearnerRuntime learner = LearnerRuntime.start(config(), schemas, schemaIds)) {
            await().atMost(PATIENCE).dontCatchUncaughtExceptions().until(() -> {
                assertThat(learner.hasEnded()).isFalse();
                return read("predictions.topic").size() >= predictions
                        && read("dead.letters.topic").size() >= letters;
            });
        }
    }

    private List<ConsumerRecord<byte[], byte[]>> read(String setting) {
        return CommittedTopic.read(
                config(), settings.getOrDefault(setting, setting).toString());
    }

    private VerificationReport verify() {
        return new Verification(config(), schemas).run(progress -> {});
    }

    @Test
    void eventsOfAModelAreLearnedInOneOrderWhereverTheyAre(Random random) throws Exception {
        createTopics();
        int good = send(random, 0);
        learn(good, EVENTS - good);
        // and again, from where it was
        good += send(random, EVENTS);
        settings.put("features.exclude", "country");
        learn(good, 2 * EVENTS - good);

        Map<String, ConsumerRecord<byte[], byte[]>> orders = new HashMap<>();
        read("examples.topic").forEach(record -> orders.put(record.partition() + "@" + record.offset(), record));
        assertThat(orders).hasSize(2 * EVENTS);
        Map<String, Set<Integer>> partitions = new HashMap<>();
        List<ConsumerRecord<byte[], byte[]>> predictions = read("predictions.topic");
        assertThat(predictions).hasSize(good);
        for (ConsumerRecord<byte[], byte[]> record : predictions) {
            partitions
                    .computeIfAbsent(new String(record.key(), StandardCharsets.UTF_8), model -> new TreeSet<>())
                    .add(record.partition());
            Prediction prediction = CommittedTopic.decode(Prediction.getClassSchema(), record.value());
            SourceCoordinates coordinates = SourceCoordinates.of(record.headers());
            ConsumerRecord<byte[], byte[]> order = orders.get(coordinates.partition() + "@" + coordinates.offset());
            assertThat("t" + prediction.getId().toString().substring("order-".length()))
                    .isEqualTo(new String(order.headers().lastHeader("trace").value(), StandardCharsets.UTF_8));
            assertThat(coordinates.key()).isEqualTo(order.key());
            assertThat(record.timestamp()).isEqualTo(order.timestamp());
        }
        assertThat(partitions)
                .hasSize(5)
                .allSatisfy((model, in) -> assertThat(in).hasSize(1));
        Map<String, Integer> reasons = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : read("dead.letters.topic")) {
            DeadLetter letter = CommittedTopic.decode(DeadLetter.getClassSchema(), record.value());
            reasons.merge(letter.getReason().toString(), 1, Integer::sum);
            assertThat(letter.getTopic()).hasToString(name + "-orders");
            ConsumerRecord<byte[], byte[]> order = orders.remove(letter.getPartition() + "@" + letter.getOffset());
            assertThat(order).as("one letter for a record").isNotNull();
            assertThat(letter.getValue()).isEqualTo(order.value() == null ? null : ByteBuffer.wrap(order.value()));
            assertThat(letter.getKey()).isEqualTo(order.key() == null ? null : ByteBuffer.wrap(order.key()));
            assertThat(record.headers().lastHeader("trace"))
                    .isEqualTo(order.headers().lastHeader("trace"));
        }
        assertThat(reasons).containsOnlyKeys("UNREADABLE", "UNKNOWN_SCHEMA", "NO_VALUE", "NO_KEY", "NO_LABEL_FIELD");

        VerificationReport report = verify();
        assertThat(report.findings()).isEmpty();
        assertThat(report.obstacle()).isEmpty();
        assertThat(report.conclusion()).isEqualTo(VerificationReport.Conclusion.MATCHES);
        assertThat(report.counts().predictions()).isEqualTo(good);
        assertThat(report.counts().models()).isEqualTo(5);

        // somebody else writes to the topic by model: a copy of a record of it
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config()).writer())) {
            ConsumerRecord<byte[], byte[]> copied = read(name + "-by-model").get(0);
            producer.send(new ProducerRecord<>(
                    copied.topic(),
                    copied.partition(),
                    copied.timestamp(),
                    copied.key(),
                    copied.value(),
                    copied.headers()));
        }
        assertThat(verify().findings()).extracting(Finding::kind).containsExactly(FindingKind.ROUTED_DIFFERS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"field:shop", "fixed:all"})
    void eventsOfOtherTypesInAUnionArePassedOver(String modelFrom, Random random) throws Exception {
        settings.put("model.from", modelFrom);
        settings.put("events.types", "Order");
        try (Admin admin = KafkaSettings.admin(config())) {
            new Topics(config(), admin).create();
        }
        Schema ping = SchemaBuilder.record("Ping").fields().requiredInt("n").endRecord();
        Schema union = Schema.createUnion(ping, FIRST);
        int id = id(union);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config()).writer())) {
            for (int i = 0; i < 100; i++) {
                GenericRecord event = new GenericData.Record(i % 2 == 0 ? ping : FIRST);
                if (i % 2 == 0) {
                    event.put("n", i);
                } else {
                    event.put("id", "order-" + i);
                    event.put("shop", "shop-" + i % 5);
                    event.put("amount", random.nextDouble());
                    event.put("country", null);
                    event.put("status", i % 3 == 0 ? "fraud" : "ok");
                }
                producer.send(new ProducerRecord<>(name + "-orders", i % 4 / 2, null, encode(id, event)));
            }
        }
        learn(50, 0);
        VerificationReport report = verify();
        assertThat(report.conclusion()).as("%s", report.lines()).isEqualTo(VerificationReport.Conclusion.MATCHES);
        assertThat(report.counts().predictions()).isEqualTo(50);
        assertThat(read("dead.letters.topic")).isEmpty();
    }

    @Test
    void aMappingThatDoesNotFitTheTopicEndsItAtStart() throws Exception {
        createTopics();
        settings.put("label", "state == 'fraud'");
        assertStops(
                "label: there is no field state; the event has id, shop, amount, country, status (in Order, the schema"
                        + " of topic "
                        + name + "-orders)");
        hasSubject = false;
        LearnerRuntime.start(config(), schemas, schemaIds).close();
        send(new Random(1), 0);
        assertStops("label: there is no field state; the event has ");
        settings.remove("label");
        assertStops(" is set but label is not; without a label, topic " + name + "-orders must hold Examples");
    }

    private void assertStops(String why) {
        assertThatThrownBy(() -> LearnerRuntime.start(config(), schemas, schemaIds))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessageContaining(why)
                .hasMessageNotContaining("\n");
    }
}
