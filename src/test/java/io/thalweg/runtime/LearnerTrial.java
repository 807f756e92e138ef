package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.audit.VerificationReport.Conclusion;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.ProtobufSchema;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.output.SchemaIds;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;

/** A learner with topics of its own on a broker, and a registry of schemas in memory. */
class LearnerTrial {
    static final Duration PATIENCE = Duration.ofMinutes(2);

    private static final AtomicInteger LEARNERS = new AtomicInteger();

    final String name;
    final Map<String, Object> settings = new HashMap<>();
    private final List<Schema> registered;
    final SchemaIds schemaIds = (topic, schema) -> id(schema);
    /** The Protobuf schemas of the registry, by id. */
    final Map<Integer, ProtobufSchema> protobuf = new HashMap<>();

    final SchemaSource schemas = new SchemaSource() {
        @Override
        public ProtobufSchema protobufSchema(int id) throws UnknownSchemaException {
            ProtobufSchema schema = protobuf.get(id);
            if (schema == null) {
                throw new UnknownSchemaException(id);
            }
            return schema;
        }

        @Override
        public Schema writerSchema(int id) throws UnknownSchemaException {
            if (id < 0 || id >= registered.size()) {
                throw new UnknownSchemaException(id);
            }
            return registered.get(id);
        }

        @Override
        public Optional<Schema> latestSchema(String topic) {
            return Optional.ofNullable(subject);
        }
    };

    /** The latest schema of each topic; null if there is none. */
    Schema subject;

    /**
     * A learner that has no topics yet.
     *
     * @param partitions how many its topics will have
     * @param known the schemas that the registry has, from id 0 on
     */
    LearnerTrial(EmbeddedBroker broker, int partitions, Schema... known) {
        name = "learner-" + LEARNERS.getAndIncrement();
        registered = new CopyOnWriteArrayList<>(known);
        settings.putAll(Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "application.id",
                name,
                "topics.partitions",
                partitions,
                "producer.transaction.timeout.ms",
                "5000"));
        for (String topic : List.of("examples", "predictions", "weights", "metrics")) {
            settings.put(topic + ".topic", name + "-" + topic);
        }
        settings.put("dead.letters.topic", name + "-dead-letters");
    }

    LearnerTrial withLateLabels(Duration wait) {
        settings.putAll(Map.of("labels.wait.ms", wait.toMillis(), "labels.id.field", "order", "labels.label", "lost"));
        settings.put("labels.topic", name + "-labels");
        settings.put("outcomes.topic", name + "-outcomes");
        return this;
    }

    /** Whether it is a learner that asks for a schema. At its start it asks, too, to say what is in its topics. */
    static boolean isStreamThread() {
        return Thread.currentThread().getName().contains("StreamThread");
    }

    ThalwegConfig config() {
        return new ThalwegConfig(settings);
    }

    /** Returns the id of a schema, and registers it if it has none. */
    synchronized int id(Schema schema) {
        if (!registered.contains(schema)) {
            registered.add(schema);
        }
        return registered.indexOf(schema);
    }

    /** Returns a record in Confluent's wire format. */
    byte[] encode(GenericRecord record) {
        return encode(record.getSchema(), record);
    }

    /** Returns a record as one of a schema, which can be a union that has its own. */
    byte[] encode(Schema schema, GenericRecord record) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, id(schema)).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    // ---- topics

    /** Creates the topics that are missing, as `topics --create` does. Returns their names. */
    List<String> createTopics() {
        try (Admin admin = KafkaSettings.admin(config())) {
            List<String> created = new Topics(config(), admin).create();
            assertThat(new Topics(config(), admin).look().fatal()).isEmpty();
            return created;
        }
    }

    void create(String topic, int partitions) throws Exception {
        try (Admin admin = KafkaSettings.admin(config())) {
            admin.createTopics(
                            List.of(new NewTopic(topic, partitions, (short) 1).configs(Map.of("retention.ms", "-1"))))
                    .all()
                    .get();
            awaitPartitions(admin, topic, partitions);
        }
    }

    void grow(String topic, int partitions) throws Exception {
        try (Admin admin = KafkaSettings.admin(config())) {
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(partitions)))
                    .all()
                    .get();
            awaitPartitions(admin, topic, partitions);
        }
    }

    private static void awaitPartitions(Admin admin, String topic, int partitions) {
        await().atMost(PATIENCE)
                .ignoreExceptions()
                .until(() -> admin.describeTopics(List.of(topic))
                                .topicNameValues()
                                .get(topic)
                                .get()
                                .partitions()
                                .size()
                        == partitions);
    }

    Producer<byte[], byte[]> producer() {
        return new KafkaProducer<>(new KafkaSettings(config()).writer());
    }

    /** Returns what is committed on a topic of the learner. @param topic without the name of the learner */
    List<ConsumerRecord<byte[], byte[]>> read(String topic) {
        return CommittedTopic.read(config(), name + "-" + topic);
    }

    // ---- the learner

    LearnerRuntime start() {
        return LearnerRuntime.start(config(), schemas, schemaIds);
    }

    /** Runs the learner until it has predicted or rejected so many examples. */
    void learn(int records) {
        learn(() -> read("predictions").size() + read("dead-letters").size() == records);
    }

    void learn(Callable<Boolean> done) {
        try (LearnerRuntime learner = start()) {
            await().atMost(PATIENCE).dontCatchUncaughtExceptions().until(() -> {
                assertThat(learner.hasEnded()).as(learner::reasonOfEnd).isFalse();
                return done.call();
            });
        }
    }

    void move(int partitions, Consumer<String> progress) {
        move(partitions, schemas, progress);
    }

    void move(int partitions, SchemaSource source, Consumer<String> progress) {
        try (Admin admin = KafkaSettings.admin(config())) {
            new Repartition(config(), admin, source, schemaIds, partitions, Optional.empty(), progress).run();
        }
    }

    VerificationReport verify() {
        return new Verification(config(), schemas).run(progress -> {});
    }

    VerificationReport assertVerified() {
        VerificationReport report = verify();
        assertThat(report.conclusion()).as("%s", report.lines()).isEqualTo(Conclusion.MATCHES);
        return report;
    }
}
