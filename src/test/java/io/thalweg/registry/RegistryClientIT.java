package io.thalweg.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.CodedOutputStream;
import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import io.confluent.kafka.serializers.KafkaAvroDeserializer;
import io.confluent.kafka.serializers.KafkaAvroSerializer;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.audit.VerificationReport.Conclusion;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.runtime.CommittedTopic;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.Topics;
import io.thalweg.testing.FreePort;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.SchemaNormalization;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The client against a registry server that somebody else wrote: Apicurio, by its Confluent-compatible interface. */
@Timeout(120)
class RegistryClientIT {
    private static final Path SERVER = Path.of("target", "registry-server");

    private static Process server;
    private static String url;

    @BeforeAll
    static void startServer() throws Exception {
        Path jar;
        try (var files = Files.list(SERVER)) {
            jar = files.filter(file -> file.toString().endsWith("-runner.jar"))
                    .findFirst()
                    .orElseThrow();
        }
        int port = FreePort.find();
        server = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xms64m",
                        "-Xmx256m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Dquarkus.http.host=127.0.0.1",
                        "-Dquarkus.http.port=" + port,
                        "-Dquarkus.management.host=127.0.0.1",
                        "-Dquarkus.management.port=" + FreePort.find(),
                        "-Dapicurio.datasource.jdbc.initial-size=1",
                        "-Dapicurio.datasource.jdbc.min-size=1",
                        "-Dapicurio.datasource.jdbc.max-size=4",
                        "-Dquarkus.oidc.tenant-enabled=false",
                        "-Dquarkus.http.access-log.enabled=false",
                        "-Dquarkus.log.level=WARN",
                        "-jar",
                        jar.toString())
                .redirectErrorStream(true)
                .redirectOutput(SERVER.resolve("server.log").toFile())
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(server::destroyForcibly));
        url = "http://127.0.0.1:" + port + "/apis/ccompat/v7";
        HttpClient http = HttpClient.newHttpClient();
        Awaitility.await()
                .atMost(Duration.ofSeconds(90))
                .ignoreExceptionsInstanceOf(IOException.class)
                .failFast("the registry server ended; see target/registry-server/server.log", () -> !server.isAlive())
                .until(() -> http.send(
                                        HttpRequest.newBuilder(URI.create(url + "/subjects"))
                                                .build(),
                                        HttpResponse.BodyHandlers.discarding())
                                .statusCode()
                        == 200);
        try (SchemaRegistryClient client = new CachedSchemaRegistryClient(url, 10)) {
            client.updateCompatibility(null, "BACKWARD"); // this server's default is NONE
        }
    }

    @AfterAll
    static void stopServer() throws Exception {
        if (server != null) {
            server.destroyForcibly();
            assertThat(server.waitFor(10, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void isThere() {
        try (ConfluentSchemas schemas = client(Map.of())) {
            assertThatCode(schemas::check).doesNotThrowAnyException();
        }
        String elsewhere = url.replace("/apis/ccompat/v7", "/no/such/path");
        try (ConfluentSchemas schemas = client(Map.of("schema.registry.url", elsewhere))) {
            assertThatThrownBy(schemas::check)
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining("HTTP 404")
                    .hasMessageContaining("check the path");
        }
    }

    @Test
    void anIdInAHeaderIsLookedUpLikeOneInTheFrame() throws Exception {
        Schema event = SchemaBuilder.record("Clicked")
                .fields()
                .requiredLong("first")
                .requiredBoolean("clicked")
                .endRecord();
        try (ConfluentSchemas schemas = client(Map.of())) {
            int id = schemas.idFor("header-clicks", event);
            RecordReader reader = new RecordReader(schemas, new ThalwegConfig(Map.of("label", "clicked")), "m");
            byte[] header = ByteBuffer.allocate(5).put((byte) 0).putInt(id).array();
            io.thalweg.math.Example x = new io.thalweg.math.Example();

            reader.read(
                    InputRecord.produced(
                            new TopicPartition("header-clicks", 0),
                            0,
                            0,
                            null,
                            new byte[] {0, 1},
                            new RecordHeaders().add("__value_schema_id", header)),
                    x);

            assertThat(x.label()).isEqualTo(1);
            assertThat(x.name(0)).isEqualTo("first");
        }
    }

    /** This version of Apicurio has no path for GUIDs, which says nothing about the registry. */
    @Test
    void aGuidThatCannotBeLookedUpIsBadInputAndDoesNotStopTheLearner() {
        UUID guid = new UUID(1, 2);
        try (ConfluentSchemas schemas = client(Map.of())) {
            assertThatThrownBy(() -> schemas.writerSchema(guid))
                    .isInstanceOf(UnknownSchemaException.class)
                    .hasMessageContaining("the schema with GUID " + guid + " cannot be looked up (HTTP 404");
        }
        String elsewhere = url.replace("/apis/ccompat/v7", "/no/such/path");
        try (ConfluentSchemas schemas = client(Map.of("schema.registry.url", elsewhere))) {
            assertThatThrownBy(() -> schemas.writerSchema(guid)).isInstanceOf(SchemaSourceException.class);
        }
    }

    @Test
    void aJsonSchemaIsFoundAndOthersAreNone() throws Exception {
        int id;
        try (SchemaRegistryClient client = new CachedSchemaRegistryClient(
                List.of(url), 10, List.of(new JsonSchemaText.JsonSchemaProvider()), Map.of())) {
            id = client.register(
                    "json-value",
                    new JsonSchemaText(
                            "{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"type\": \"object\"}"));
        }
        int ofProtobuf = registerOrders("not-json-value");
        try (ConfluentSchemas schemas = client(Map.of())) {
            schemas.checkJsonSchema(id);
            assertThatThrownBy(() -> schemas.checkJsonSchema(ofProtobuf))
                    .isInstanceOf(UnknownSchemaException.class)
                    .hasMessageContaining("is of type PROTOBUF, not JSON");
            assertThatThrownBy(() -> schemas.writerSchema(id))
                    .isInstanceOf(UnknownSchemaException.class)
                    .hasMessageContaining("is of type JSON, not Avro; if the topic holds JSON, set its format to json");
        }
    }

    /** Registers a Protobuf schema whose second message has one of another file. Returns its id. */
    private static int registerOrders(String subject) throws Exception {
        String money = "syntax = \"proto3\"; package pay; message Money { sint64 cents = 1; }";
        String order = "syntax = \"proto3\"; package shop; import \"pay/money.proto\";"
                + " import \"google/protobuf/timestamp.proto\"; message Unused { string a = 1; }"
                + " message Order { pay.Money total = 1; google.protobuf.Timestamp at = 2; bool returned = 3; }";
        try (SchemaRegistryClient client = new CachedSchemaRegistryClient(
                List.of(url), 10, List.of(new ProtobufText.ProtobufProvider()), Map.of())) {
            client.register("money", new ProtobufText(money, List.of(), Map.of()));
            return client.register(
                    subject,
                    new ProtobufText(
                            order,
                            List.of(new SchemaReference("pay/money.proto", "money", 1)),
                            Map.of("pay/money.proto", money)));
        }
    }

    @Test
    void aProtobufSchemaComesWithItsReferences() throws Exception {
        int id = registerOrders("orders-value");
        try (ConfluentSchemas schemas = client(Map.of())) {
            RecordReader reader = new RecordReader(
                    schemas,
                    new ThalwegConfig(
                            Map.of("label", "returned", "examples.format", "protobuf", "features.time", "at:hour")),
                    "m");
            io.thalweg.math.Example x = new io.thalweg.math.Example();
            byte[] value = ByteBuffer.allocate(18)
                    .put((byte) 0)
                    .putInt(id)
                    // the second message; 5 cents, at 02:00, returned
                    .put(new byte[] {2, 2, 10, 2, 8, 10, 18, 3, 8, (byte) 0xa0, 56, 24, 1})
                    .array();

            reader.read(
                    InputRecord.produced(new TopicPartition("orders", 0), 0, 0, null, value, new RecordHeaders()), x);

            assertThat(x.label()).isEqualTo(1);
            assertThat(List.of(x.name(0), x.value(0), x.name(1))).containsExactly("total.cents", 5.0, "at.hour=2");
            assertThat(schemas.latestProtobufSchema("orders")).isPresent();
            assertThat(schemas.latestSchema("orders")).isEmpty();
            assertThatThrownBy(() -> schemas.writerSchema(id)).hasMessageContaining("set its format to protobuf");
            assertThatThrownBy(() -> schemas.protobufSchema(1_000_000)).isInstanceOf(UnknownSchemaException.class);
        }
    }

    @Test
    void aLearnerReadsEventsInProtobufAndPublishesInAvro(@TempDir Path directory) throws Exception {
        int id = registerOrders("shop-examples-value");
        int orders = 200;
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0);
                ConfluentSchemas schemas = client(Map.of());
                KafkaAvroDeserializer deserializer = new KafkaAvroDeserializer()) {
            Map<String, Object> settings = new HashMap<>(Map.of(
                    "bootstrap.servers", broker.bootstrapServers(),
                    "schema.registry.url", url,
                    "application.id", "shop",
                    "examples.format", "protobuf",
                    "label", "returned",
                    "algorithm", "auto"));
            for (String topic : List.of("examples", "predictions", "weights", "metrics", "dead.letters")) {
                settings.put(topic + ".topic", "shop-" + topic);
            }
            ThalwegConfig config = new ThalwegConfig(settings);
            try (Admin admin = KafkaSettings.admin(config)) {
                new Topics(config, admin).create();
            }
            try (Producer<byte[], byte[]> producer = new KafkaProducer<>(
                    Map.of("bootstrap.servers", broker.bootstrapServers()),
                    new ByteArraySerializer(),
                    new ByteArraySerializer())) {
                for (int i = 0; i < orders; i++) {
                    producer.send(new ProducerRecord<>("shop-examples", 0, null, order(id, i)));
                }
                // cut in the middle of its amount
                producer.send(new ProducerRecord<>("shop-examples", 0, null, Arrays.copyOf(order(id, 0), 8)));
            }

            try (LearnerRuntime learner = LearnerRuntime.start(config, schemas, schemas::idFor)) {
                Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> {
                    assertThat(learner.hasEnded()).as(learner::reasonOfEnd).isFalse();
                    return CommittedTopic.read(config, "shop-dead.letters").size() == 1;
                });
            }

            deserializer.configure(Map.of("schema.registry.url", url, "specific.avro.reader", true), false);
            List<Prediction> predictions = CommittedTopic.read(config, "shop-predictions").stream()
                    .map(record -> (Prediction) deserializer.deserialize(record.topic(), record.value()))
                    .toList();
            assertThat(predictions).hasSize(orders);
            // every second order is returned, and the amount says which
            for (int i = orders / 2; i < orders; i++) {
                assertThat(predictions.get(i).getProbability() > 0.5).isEqualTo(i % 2 == 0);
            }
            VerificationReport report = new Verification(config, schemas).run(progress -> {});
            assertThat(report.conclusion()).as("%s", report.lines()).isEqualTo(Conclusion.MATCHES);
        }
    }

    /** The second message of the schema, as Google's library writes it. */
    private static byte[] order(int id, int i) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(ByteBuffer.allocate(5).put((byte) 0).putInt(id).array());
        bytes.writeBytes(new byte[] {2, 2});
        ByteArrayOutputStream money = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(money);
        out.writeSInt64(1, i % 2 == 0 ? 500 + i : -500 - i);
        out.flush();
        out = CodedOutputStream.newInstance(bytes);
        out.writeByteArray(1, money.toByteArray());
        out.writeBool(3, i % 2 == 0);
        out.flush();
        return bytes.toByteArray();
    }

    @Test
    void registersEverySchemaAndReadsItBack() throws Exception {
        try (ConfluentSchemas schemas = client(Map.of())) {
            for (Schema schema : List.of(
                    Example.SCHEMA$, Prediction.SCHEMA$, Weights.SCHEMA$, Metrics.SCHEMA$, DeadLetter.SCHEMA$)) {
                int id = schemas.idFor("all-" + schema.getName(), schema);
                assertThat(SchemaNormalization.toParsingForm(schemas.writerSchema(id)))
                        .isEqualTo(SchemaNormalization.toParsingForm(schema));
                assertThat(schemas.idFor("all-" + schema.getName(), schema)).isEqualTo(id);
            }
        }
    }

    @Test
    void agreesWithConfluentsSerializersAboutIds() throws Exception {
        Example example = Example.newBuilder()
                .setLabel(1.0)
                .setFeatures(SparseFeatures.newBuilder()
                        .setIndices(List.of(3, 1 << 20))
                        .setValues(List.of(0.5, -2.0))
                        .build())
                .build();
        try (ConfluentSchemas schemas = client(Map.of());
                KafkaAvroSerializer serializer = new KafkaAvroSerializer();
                KafkaAvroDeserializer deserializer = new KafkaAvroDeserializer()) {
            serializer.configure(Map.of("schema.registry.url", url), false);
            deserializer.configure(Map.of("schema.registry.url", url, "specific.avro.reader", true), false);
            byte[] bytes = serializer.serialize("examples", example);
            int id = ByteBuffer.wrap(bytes).getInt(1);
            assertThat(SchemaNormalization.toParsingForm(schemas.writerSchema(id)))
                    .isEqualTo(SchemaNormalization.toParsingForm(Example.SCHEMA$));
            assertThat(schemas.idFor("examples", Example.SCHEMA$)).isEqualTo(id);
            assertThat(deserializer.deserialize("examples", bytes)).isEqualTo(example);
        }
    }

    @Test
    void evolves() throws Exception {
        Schema earlier = withoutField(Prediction.SCHEMA$, "logLoss");
        try (ConfluentSchemas schemas = client(Map.of())) {
            int before = schemas.idFor("evolving", earlier);
            int after = schemas.idFor("evolving", Prediction.SCHEMA$);
            assertThat(after).isNotEqualTo(before);
            assertThat(schemas.writerSchema(before).getField("logLoss")).isNull();
            assertThat(schemas.writerSchema(after).getField("logLoss")).isNotNull();
            try (SchemaRegistryClient client = new CachedSchemaRegistryClient(url, 10)) {
                assertThat(client.getAllVersions("evolving-value")).containsExactly(1, 2);
            }
        }
    }

    @Test
    void isToldOfAnIncompatibleSchema() throws Exception {
        // Without this field, which has no default, what was written before cannot be read.
        Schema earlier = withoutField(Prediction.SCHEMA$, "probability");
        try (ConfluentSchemas schemas = client(Map.of());
                SchemaRegistryClient client = new CachedSchemaRegistryClient(url, 10)) {
            client.register("refusing-value", new AvroSchema(earlier));
            assertThatThrownBy(() -> client.register("refusing-value", new AvroSchema(Prediction.SCHEMA$)))
                    .isInstanceOfSatisfying(
                            RestClientException.class,
                            e -> assertThat(e.getStatus()).isEqualTo(409));
            assertThatThrownBy(() -> schemas.idFor("refusing", Prediction.SCHEMA$))
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining(url)
                    .hasMessageContaining("refusing-value")
                    .hasMessageContaining("HTTP 409")
                    .hasMessageContaining("compatibility level")
                    .hasMessageNotContaining("\n");
            assertThat(client.getAllVersions("refusing-value")).containsExactly(1);
        }
    }

    @Test
    void isToldOfAnUnknownId() {
        try (ConfluentSchemas schemas = client(Map.of())) {
            assertThatThrownBy(() -> schemas.writerSchema(1_000_000)).isInstanceOf(UnknownSchemaException.class);
        }
    }

    @Test
    void takesTheLatestVersionWhenToldTo() throws Exception {
        Map<String, Object> latest = Map.of("auto.register.schemas", "false", "use.latest.version", "true");
        try (ConfluentSchemas schemas = client(latest);
                SchemaRegistryClient client = new CachedSchemaRegistryClient(url, 10)) {
            assertThatThrownBy(() -> schemas.idFor("latest", Prediction.SCHEMA$))
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining("latest-value")
                    .hasMessageContaining("register the schema first");
            int id = client.register("latest-value", new AvroSchema(Prediction.SCHEMA$));
            assertThat(schemas.idFor("latest", Prediction.SCHEMA$)).isEqualTo(id);
        }
    }

    private static ConfluentSchemas client(Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("schema.registry.url", url);
        settings.putAll(more);
        return new ConfluentSchemas(settings, Duration.ofSeconds(2));
    }

    private static Schema withoutField(Schema schema, String name) {
        List<Schema.Field> fields = new ArrayList<>();
        schema.getFields().stream()
                .filter(field -> !field.name().equals(name))
                .forEach(field -> fields.add(new Schema.Field(field, field.schema())));
        return Schema.createRecord(schema.getName(), schema.getDoc(), schema.getNamespace(), false, fields);
    }
}
