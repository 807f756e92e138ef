package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.audit.Finding;
import io.thalweg.audit.FindingKind;
import io.thalweg.audit.VerificationReport;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.input.SourceCoordinates;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.apache.kafka.common.utils.Utils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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

    private static final Map<String, Object> MAPPING = Map.of(
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
            "2");

    private static EmbeddedBroker broker;
    private static int learners;

    private LearnerTrial trial;

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
        trial = new LearnerTrial(broker, 2, FIRST, SECOND, WITHOUT_LABEL);
        trial.subject = FIRST;
        trial.settings.putAll(MAPPING);
        // the topic is there before the learner is
        trial.create(trial.name + "-examples", 2);
    }

    private void createTopics() {
        assertThat(trial.createTopics()).hasSize(5).contains(trial.name + "-by-model");
    }

    /** @return how many of them can be predicted */
    private int send(Random random, int from) throws IOException {
        return send(random, from, 2);
    }

    private int send(Random random, int from, int partitions) throws IOException {
        int good = 0;
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            for (int i = from; i < from + EVENTS; i++) {
                int schema = i % 3 == 0 ? 1 : i % 50 == 4 ? 2 : 0;
                GenericRecord order = new GenericData.Record(
                        List.of(FIRST, SECOND, WITHOUT_LABEL).get(schema));
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
                        : i % 60 == 14 ? null : i % 60 == 16 ? new byte[] {0, 0, 0, 1, 0} : trial.encode(order);
                good += value != null && value.length > 5 && hasShop && schema < 2 ? 1 : 0;
                byte[] key = random.nextBoolean() ? null : new byte[] {(byte) random.nextInt(), 0};
                ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
                        trial.config().getString("examples.topic"), random.nextInt(partitions), 1000L + i, key, value);
                record.headers().add("trace", ("t" + i).getBytes(StandardCharsets.UTF_8));
                producer.send(record);
            }
        }
        return good;
    }

    private void learn(int predictions, int letters) {
        trial.learn(() -> trial.read("predictions").size() >= predictions
                && trial.read("dead-letters").size() >= letters);
    }

    @Test
    void eventsOfAModelAreLearnedInOneOrderWhereverTheyAre(Random random) throws Exception {
        createTopics();
        int good = send(random, 0);
        learn(good, EVENTS - good);
        // and again, from where it was
        good += send(random, EVENTS);
        trial.settings.put("features.exclude", "country");
        learn(good, 2 * EVENTS - good);

        Map<String, ConsumerRecord<byte[], byte[]>> orders = new HashMap<>();
        trial.read("examples").forEach(record -> orders.put(record.partition() + "@" + record.offset(), record));
        assertThat(orders).hasSize(2 * EVENTS);
        Map<String, Set<Integer>> partitions = new HashMap<>();
        List<ConsumerRecord<byte[], byte[]>> predictions = trial.read("predictions");
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
        for (ConsumerRecord<byte[], byte[]> record : trial.read("dead-letters")) {
            DeadLetter letter = CommittedTopic.decode(DeadLetter.getClassSchema(), record.value());
            reasons.merge(letter.getReason().toString(), 1, Integer::sum);
            assertThat(letter.getTopic()).hasToString(trial.name + "-examples");
            ConsumerRecord<byte[], byte[]> order = orders.remove(letter.getPartition() + "@" + letter.getOffset());
            assertThat(order).as("one letter for a record").isNotNull();
            assertThat(letter.getValue()).isEqualTo(order.value() == null ? null : ByteBuffer.wrap(order.value()));
            assertThat(letter.getKey()).isEqualTo(order.key() == null ? null : ByteBuffer.wrap(order.key()));
            assertThat(record.headers().lastHeader("trace"))
                    .isEqualTo(order.headers().lastHeader("trace"));
        }
        assertThat(reasons).containsOnlyKeys("UNREADABLE", "UNKNOWN_SCHEMA", "NO_VALUE", "NO_KEY", "NO_LABEL_FIELD");

        VerificationReport report = trial.verify();
        assertThat(report.findings()).isEmpty();
        assertThat(report.obstacle()).isEmpty();
        assertThat(report.conclusion()).isEqualTo(VerificationReport.Conclusion.MATCHES);
        assertThat(report.counts().predictions()).isEqualTo(good);
        assertThat(report.counts().models()).isEqualTo(5);

        // somebody else writes to the topic by model: a copy of a record of it
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            ConsumerRecord<byte[], byte[]> copied = trial.read("by-model").get(0);
            producer.send(new ProducerRecord<>(
                    copied.topic(),
                    copied.partition(),
                    copied.timestamp(),
                    copied.key(),
                    copied.value(),
                    copied.headers()));
        }
        assertThat(trial.verify().findings()).extracting(Finding::kind).containsExactly(FindingKind.ROUTED_DIFFERS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"field:shop", "fixed:all"})
    void eventsOfOtherTypesInAUnionArePassedOver(String modelFrom, Random random) throws Exception {
        trial.settings.put("model.from", modelFrom);
        trial.settings.put("events.types", "Order");
        trial.createTopics();
        Schema ping = SchemaBuilder.record("Ping").fields().requiredInt("n").endRecord();
        Schema union = Schema.createUnion(ping, FIRST);
        try (Producer<byte[], byte[]> producer = trial.producer()) {
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
                producer.send(
                        new ProducerRecord<>(trial.name + "-examples", i % 4 / 2, null, trial.encode(union, event)));
            }
        }
        learn(50, 0);
        VerificationReport report = trial.verify();
        assertThat(report.conclusion()).as("%s", report.lines()).isEqualTo(VerificationReport.Conclusion.MATCHES);
        assertThat(report.counts().predictions()).isEqualTo(50);
        assertThat(trial.read("dead-letters")).isEmpty();
    }

    @Test
    void aMappingThatDoesNotFitTheTopicEndsItAtStart() throws Exception {
        createTopics();
        trial.settings.put("label", "state == 'fraud'");
        assertStops(
                "label: there is no field state; the event has id, shop, amount, country, status (in Order, the schema"
                        + " of topic "
                        + trial.name + "-examples)");
        trial.subject = null;
        trial.start().close();
        send(new Random(1), 0);
        assertStops("label: there is no field state; the event has ");
        trial.settings.remove("label");
        assertStops(" is set but label is not; without a label, topic " + trial.name + "-examples must hold Examples");
    }

    private void assertStops(String why) {
        assertThatThrownBy(() -> trial.start())
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessageContaining(why)
                .hasMessageNotContaining("\n");
    }

    /** Models of records in other partitions, because the learner sends records on where their model is. */
    @ParameterizedTest
    @CsvSource({"1, 3", "2, 5"})
    void itsModelsMoveToMorePartitions(int before, int after, Random random) throws Exception {
        trial = new LearnerTrial(broker, before, FIRST, SECOND, WITHOUT_LABEL);
        trial.settings.putAll(MAPPING);
        trial.createTopics();
        int good = send(random, 0, before);
        learn(good, EVENTS - good);
        Map<String, Double> learned = steps();
        // some that were not read, and some of the new partitions
        good += send(random, EVENTS, before);
        trial.grow(trial.name + "-examples", after);
        good += send(random, 2 * EVENTS, after);
        assertThatThrownBy(() -> trial.start())
                .hasMessageContaining("`thalweg topics --repartition %d`".formatted(after));

        trial.move(after, line -> {});
        trial.assertVerified();
        learn(good, 3 * EVENTS - good);
        good += send(random, 3 * EVENTS, after);
        learn(good, 4 * EVENTS - good);

        assertMoved(good, after);
        Map<String, Double> now = steps();
        assertThat(learned)
                .allSatisfy((model, steps) -> assertThat(now.get(model)).isGreaterThan(steps));
        // the router has lost its offsets: what was learned once is not learned again
        try (Admin admin = KafkaSettings.admin(trial.config())) {
            Map<TopicPartition, OffsetAndMetadata> lost =
                    Map.of(new TopicPartition(trial.name + "-examples", 0), new OffsetAndMetadata(0));
            // a moment after the learner has ended, the group may still have its members
            await().atMost(LearnerTrial.PATIENCE)
                    .ignoreExceptionsMatching(e -> e.getCause() instanceof UnknownMemberIdException)
                    .until(() -> {
                        admin.alterConsumerGroupOffsets(trial.name, lost).all().get();
                        return true;
                    });
        }
        int total = good + send(random, 4 * EVENTS, after);
        learn(total, 0);
        assertThat(trial.read("predictions")).hasSize(total);
    }

    /** Kafka cannot take partitions away, so events go on in another topic, and their copies too. */
    @ParameterizedTest
    @CsvSource({"3, 2", "3, 1"})
    void itsModelsMoveToAnotherTopic(int before, int after, Random random) throws Exception {
        trial = new LearnerTrial(broker, before, FIRST, SECOND, WITHOUT_LABEL);
        trial.settings.putAll(MAPPING);
        trial.createTopics();
        int good = send(random, 0, before);
        learn(good, EVENTS - good);
        // some that were not read
        good += send(random, EVENTS, before);
        assertThatThrownBy(() -> trial.move(after, line -> {}))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("Kafka cannot take any away")
                .hasMessageContaining("set examples.topic to it");
        useTopic("other", after);
        good += send(random, 2 * EVENTS, after);
        assertThatThrownBy(() -> trial.start())
                .hasMessageContaining("`thalweg topics --repartition %d`".formatted(after));
        trial.move(after, line -> {});
        trial.assertVerified();
        learn(good, 3 * EVENTS - good);
        assertMoved(good, after);

        // once more, in place; and once more, back to the first topic
        trial.move(5, line -> {});
        good += send(random, 3 * EVENTS, 5);
        learn(good, 4 * EVENTS - good);
        assertMoved(good, 5);
        trial.settings.put("examples.topic", trial.name + "-examples");
        trial.move(before, line -> {});
        good += send(random, 4 * EVENTS, before);
        learn(good, 5 * EVENTS - good);
        assertMoved(good, before);

        // the copies of each topic are in one of their own
        assertThat(copies())
                .containsExactly(trial.name + "-by-model", trial.name + "-by-model-2", trial.name + "-by-model-3");
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            for (String copies : List.of("by-model", "by-model-3")) {
                ConsumerRecord<byte[], byte[]> copied = trial.read(copies).get(0);
                producer.send(new ProducerRecord<>(
                        copied.topic(),
                        copied.partition(),
                        copied.timestamp(),
                        copied.key(),
                        copied.value(),
                        copied.headers()));
            }
        }
        // what somebody else writes is found, but not in a topic that is read no more
        assertThat(trial.verify().findings()).extracting(Finding::kind).containsExactly(FindingKind.ROUTED_DIFFERS);
        try (Admin admin = KafkaSettings.admin(trial.config())) {
            new Reset(trial.config(), admin, false).run();
        }
        assertThat(copies()).isEmpty();
        // also in the partitions that models were in before
        assertThat(homes()).allSatisfy((model, home) -> assertThat(home).isEmpty());
    }

    /** Asserts that each event was learned once, and that each model is where its id goes. */
    private void assertMoved(int good, int partitions) {
        VerificationReport report = trial.assertVerified();
        assertThat(report.counts().predictions()).isEqualTo(good);
        assertThat(report.counts().models()).isEqualTo(5);
        assertThat(steps().values().stream().mapToDouble(Double::doubleValue).sum())
                .as("steps of all models: one for each labeled event")
                .isEqualTo(good - unlabeled());
        assertThat(homes())
                .allSatisfy((model, home) -> assertThat(home)
                        .containsExactly(
                                Utils.toPositive(Utils.murmur2(model.getBytes(StandardCharsets.UTF_8))) % partitions));
    }

    /** The partitions in which each model has weights. */
    private Map<String, Set<Integer>> homes() {
        Map<String, Set<Integer>> homes = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : trial.read("weights")) {
            Set<Integer> home =
                    homes.computeIfAbsent(new String(record.key(), StandardCharsets.UTF_8), model -> new TreeSet<>());
            if (record.value() == null) {
                home.remove(record.partition());
            } else {
                home.add(record.partition());
            }
        }
        return homes;
    }

    /** Goes on with a topic that is not there yet. */
    private void useTopic(String topic, int partitions) throws Exception {
        trial.create(trial.name + "-" + topic, partitions);
        trial.settings.put("examples.topic", trial.name + "-" + topic);
    }

    private List<String> copies() throws Exception {
        try (Admin admin = KafkaSettings.admin(trial.config())) {
            return admin.listTopics().names().get().stream()
                    .filter(topic -> topic.startsWith(trial.name + "-by-model"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void retentionOfEventsThatWereSentOnIsNoGapAndOfOthersIs(Random random) throws Exception {
        trial.createTopics();
        int good = send(random, 0, 2);
        learn(good, EVENTS - good);
        // all of these were sent on, though the last of partition 0 went to one partition only
        long end = endOf(0);
        trim(0, end);
        assertThat(trial.verify().obstacle().orElseThrow()).contains("retention has deleted the records before it");
        send(random, EVENTS, 2);
        trim(0, end + 5);
        assertThat(trial.verify().obstacle().orElseThrow())
                .contains("before they were learned from: offsets %d to %d".formatted(end, end + 4));
        try (LearnerRuntime learner = trial.start()) {
            // it is forgotten when the task moves to the other thread
            await().atMost(LearnerTrial.PATIENCE).until(() -> RepartitionIT.unread(learner) == 5);
            await().atMost(LearnerTrial.PATIENCE)
                    .until(() -> trial.read("predictions").size()
                                    + trial.read("dead-letters").size()
                            == 2 * EVENTS - 5);
        }
    }

    private long endOf(int partition) {
        return trial.read("examples").stream()
                        .filter(record -> record.partition() == partition)
                        .mapToLong(ConsumerRecord::offset)
                        .max()
                        .orElseThrow()
                + 1;
    }

    private void trim(int partition, long before) throws Exception {
        try (Admin admin = KafkaSettings.admin(trial.config())) {
            admin.deleteRecords(Map.of(
                            new TopicPartition(trial.name + "-examples", partition),
                            RecordsToDelete.beforeOffset(before)))
                    .all()
                    .get();
        }
    }

    /** The latest version of each model. */
    private Map<String, Double> steps() {
        Map<String, Double> steps = new HashMap<>();
        trial.read("weights").stream().filter(record -> record.value() != null).forEach(record -> {
            Weights weights = CommittedTopic.decode(Weights.getClassSchema(), record.value());
            steps.merge(new String(record.key(), StandardCharsets.UTF_8), (double) weights.getVersion(), Math::max);
        });
        return steps;
    }

    private int unlabeled() {
        return (int) trial.read("predictions").stream()
                .filter(record -> CommittedTopic.<Prediction>decode(Prediction.getClassSchema(), record.value())
                                .getLabel()
                        == null)
                .count();
    }
}
