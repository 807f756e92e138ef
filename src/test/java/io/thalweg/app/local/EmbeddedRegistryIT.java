package io.thalweg.app.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.rest.entities.Config;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import io.confluent.kafka.serializers.KafkaAvroDeserializer;
import io.confluent.kafka.serializers.KafkaAvroSerializer;
import io.thalweg.avro.Prediction;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.registry.JsonSchemaText;
import io.thalweg.registry.ProtobufText;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Schema;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class EmbeddedRegistryIT {
    private static final String FIRST = "{\"type\":\"record\",\"name\":\"A\",\"namespace\":\"n\",\"fields\":["
            + "{\"name\":\"x\",\"type\":\"int\"}]}";
    private static final String WITH_DEFAULT = "{\"type\":\"record\",\"name\":\"A\",\"namespace\":\"n\",\"fields\":["
            + "{\"name\":\"x\",\"type\":\"int\"},{\"name\":\"y\",\"type\":\"int\",\"default\":0}]}";
    private static final String WITHOUT_DEFAULT = "{\"type\":\"record\",\"name\":\"A\",\"namespace\":\"n\",\"fields\":["
            + "{\"name\":\"x\",\"type\":\"int\"},{\"name\":\"z\",\"type\":\"int\"}]}";

    @TempDir
    Path directory;

    private final HttpClient http = HttpClient.newHttpClient();

    @Test
    void registersEvolvesAndRefusesWhatIsIncompatible() throws Exception {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0);
                SchemaRegistryClient client = client(registry)) {
            int first = client.register("a-value", new AvroSchema(FIRST));
            int second = client.register("a-value", new AvroSchema(WITH_DEFAULT));
            assertThat(second).isNotEqualTo(first);
            assertThat(client.getAllVersions("a-value")).containsExactly(1, 2);
            assertThat(client.getLatestSchemaMetadata("a-value").getId()).isEqualTo(second);
            assertThat(client.getSchemaMetadata("a-value", 1).getSchema()).isEqualTo(FIRST);
            assertThat(client.getVersion("a-value", new AvroSchema(WITH_DEFAULT)))
                    .isEqualTo(2);

            ParsedSchema incompatible = new AvroSchema(WITHOUT_DEFAULT);
            assertThat(client.testCompatibility("a-value", incompatible)).isFalse();
            assertThat(client.testCompatibilityVerbose("a-value", incompatible))
                    .first()
                    .asString()
                    .contains("READER_FIELD_MISSING_DEFAULT_VALUE");
            refused(409, 409, () -> client.register("a-value", incompatible));
            assertThat(client.getAllVersions("a-value")).containsExactly(1, 2);

            client.updateCompatibility("a-value", "NONE");
            assertThat(client.getCompatibility("a-value")).isEqualTo("NONE");
            assertThat(client.register("a-value", incompatible)).isGreaterThan(second);
            assertThat(client.getAllVersions("a-value")).containsExactly(1, 2, 3);

            // One schema has one id, whatever the subject.
            assertThat(client(registry).register("b-value", new AvroSchema(FIRST)))
                    .isEqualTo(first);
            assertThat(client.getAllSubjects()).containsExactly("a-value", "b-value");
            assertThat(client.getAllSubjectsById(first)).containsExactly("a-value", "b-value");
        }
    }

    @Test
    void holdsProtobufWithReferences() throws Exception {
        String money = "syntax = \"proto3\"; message Money { sint64 cents = 1; }";
        ProtobufText order = new ProtobufText(
                "syntax = \"proto3\"; import \"money.proto\"; message Order { Money total = 1; }",
                List.of(new SchemaReference("money.proto", "money", 1)),
                Map.of("money.proto", money));
        Path file = directory.resolve("registry.jsonl");
        int id;
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0);
                SchemaRegistryClient client = ofProtobuf(registry)) {
            refused(422, 42201, () -> client.register("orders-value", order));
            refused(422, 42201, () -> client.register("a", new ProtobufText("message {", List.of(), Map.of())));
            client.register("money", new ProtobufText(money, List.of(), Map.of()));
            id = client.register("orders-value", order);
        }
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0);
                SchemaRegistryClient client = ofProtobuf(registry);
                ConfluentSchemas schemas =
                        new ConfluentSchemas(Map.of("schema.registry.url", registry.url()), Duration.ZERO)) {
            assertThat(client.getAllSubjects()).containsExactly("money", "orders-value");
            assertThat(schemas.protobufSchema(id).messages().get(0).name()).isEqualTo("Order");
            UUID guid = UUID.nameUUIDFromBytes(order.text().getBytes(StandardCharsets.UTF_8));
            assertThat(schemas.protobufSchema(guid).messages().get(0).name()).isEqualTo("Order");
        }
    }

    @Test
    void holdsJsonSchemas() throws Exception {
        Path file = directory.resolve("registry.jsonl");
        int id;
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0);
                SchemaRegistryClient client = ofJson(registry)) {
            refused(422, 42201, () -> client.register("a", new JsonSchemaText("{")));
            id = client.register("orders-value", new JsonSchemaText("{\"type\": \"object\"}"));
        }
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0);
                SchemaRegistryClient client = ofJson(registry);
                ConfluentSchemas schemas =
                        new ConfluentSchemas(Map.of("schema.registry.url", registry.url()), Duration.ZERO)) {
            assertThat(client.getSchemaById(id).canonicalString()).isEqualTo("{\"type\": \"object\"}");
            schemas.checkJsonSchema(id);
            assertThatThrownBy(() -> schemas.protobufSchema(id)).hasMessageContaining("is of type JSON, not Protobuf");
            assertThatThrownBy(() -> schemas.checkJsonSchema(id + 1)).isInstanceOf(UnknownSchemaException.class);
        }
    }

    private static SchemaRegistryClient ofJson(EmbeddedRegistry registry) {
        return new CachedSchemaRegistryClient(
                List.of(registry.url()), 10, List.of(new JsonSchemaText.JsonSchemaProvider()), Map.of());
    }

    private static SchemaRegistryClient ofProtobuf(EmbeddedRegistry registry) {
        return new CachedSchemaRegistryClient(
                List.of(registry.url()), 10, List.of(new ProtobufText.ProtobufProvider()), Map.of());
    }

    @Test
    void findsSchemasByTheirGuids() throws Exception {
        Schema schema = new Schema.Parser().parse(FIRST);
        UUID guid = UUID.nameUUIDFromBytes(schema.toString().getBytes(StandardCharsets.UTF_8));
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0);
                SchemaRegistryClient client = client(registry);
                ConfluentSchemas schemas =
                        new ConfluentSchemas(Map.of("schema.registry.url", registry.url()), Duration.ZERO)) {
            assertThatThrownBy(() -> schemas.writerSchema(guid))
                    .isInstanceOf(UnknownSchemaException.class)
                    .hasMessageContaining("GUID " + guid);
            client.register("a-value", new AvroSchema(FIRST));
            try (ConfluentSchemas others =
                    new ConfluentSchemas(Map.of("schema.registry.url", registry.url()), Duration.ZERO)) {
                assertThat(others.writerSchema(guid)).isEqualTo(schema);
            }
        }
    }

    @Test
    void comparesWithTheLatestVersionOnlyUnlessTheLevelIsTransitive() throws Exception {
        String again = WITHOUT_DEFAULT.replace("\"z\"", "\"y\"");
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0);
                SchemaRegistryClient client = client(registry)) {
            client.register("a", new AvroSchema(FIRST));
            client.register("a", new AvroSchema(WITH_DEFAULT));
            // Readers of this find y in the latest version, and not in the first.
            client.updateCompatibility("a", "BACKWARD_TRANSITIVE");
            refused(409, 409, () -> client.register("a", new AvroSchema(again)));
            client.updateCompatibility("a", "BACKWARD");
            client.register("a", new AvroSchema(again));
        }
    }

    @Test
    void answersWhatIsNotThereWithTheCodesThatClientsKnow() throws Exception {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0);
                SchemaRegistryClient client = client(registry)) {
            refused(404, 40403, () -> client.getSchemaById(4711));
            refused(404, 40401, () -> client.getAllVersions("nobody"));
            refused(404, 40401, () -> client.getId("nobody", new AvroSchema(FIRST)));
            refused(404, 40401, () -> client.deleteSubject("nobody"));
            client.register("a", new AvroSchema(FIRST));
            refused(404, 40402, () -> client.getSchemaMetadata("a", 2));
            refused(404, 40403, () -> client.getId("a", new AvroSchema(WITH_DEFAULT)));
            refused(404, 40408, () -> client.getConfig("a"));
            // Questions leave nothing behind.
            assertThat(client.getAllSubjects()).containsExactly("a");

            assertThat(error(send(registry, "POST", "/subjects/a/versions", "{\"schema\":\"nonsense\"}"), 422))
                    .isEqualTo(42201);
            assertThat(error(send(registry, "POST", "/subjects/a/versions", "nonsense"), 422))
                    .isEqualTo(42201);
            assertThat(error(
                            send(
                                    registry,
                                    "POST",
                                    "/subjects/a/versions",
                                    "{\"schemaType\":\"XML\",\"schema\":\"<a/>\"}"),
                            422))
                    .isEqualTo(42201);
            assertThat(error(send(registry, "GET", "/subjects/a/versions/newest", null), 422))
                    .isEqualTo(42202);
            assertThat(error(send(registry, "PUT", "/config", "{\"compatibility\":\"SOMEWHAT\"}"), 422))
                    .isEqualTo(42203);
            assertThat(error(send(registry, "GET", "/no/such/page", null), 404)).isEqualTo(404);
        }
    }

    @Test
    void answersCurl() throws Exception {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0)) {
            String body = new ObjectMapper().writeValueAsString(Map.of("schema", FIRST));
            HttpResponse<String> registered = send(registry, "POST", "/subjects/a/versions", body);
            assertThat(registered.body()).isEqualTo("{\"id\":1}");
            assertThat(registered.headers().firstValue("Content-Type").orElseThrow())
                    .startsWith("application/vnd.schemaregistry.v1+json");
            // é, which Confluent's Java client encodes wrongly and others do not
            send(registry, "PUT", "/config/caf%C3%A9", "{\"compatibility\":\"full\"}");
            send(registry, "POST", "/subjects/caf%C3%A9/versions", body);
            assertThat(send(registry, "GET", "/subjects?subjectPrefix=c", null).body())
                    .isEqualTo("[\"café\"]");
            send(registry, "DELETE", "/subjects/caf%C3%A9", null);
            assertThat(send(registry, "GET", "/", null).body()).isEqualTo("{}");
            assertThat(send(registry, "GET", "/schemas/types", null).body())
                    .isEqualTo("[\"AVRO\",\"PROTOBUF\",\"JSON\"]");
            assertThat(send(registry, "GET", "/subjects", null).body()).isEqualTo("[\"a\"]");
            assertThat(send(registry, "GET", "/mode", null).body()).isEqualTo("{\"mode\":\"READWRITE\"}");
            assertThat(send(registry, "GET", "/config", null).body())
                    .isEqualTo("{\"compatibilityLevel\":\"BACKWARD\"}");
            assertThat(send(registry, "GET", "/config/a?defaultToGlobal=true", null)
                            .body())
                    .isEqualTo("{\"compatibilityLevel\":\"BACKWARD\"}");
            assertThat(send(registry, "GET", "/subjects/a/versions/latest/schema", null)
                            .body())
                    .isEqualTo(FIRST);
            assertThat(send(registry, "GET", "/schemas/ids/1/schema", null).body())
                    .isEqualTo(FIRST);
            assertThat(new ObjectMapper()
                            .readTree(send(registry, "GET", "/schemas/ids/1/versions", null)
                                    .body()))
                    .isEqualTo(new ObjectMapper().readTree("[{\"subject\":\"a\",\"version\":1}]"));
            JsonNode version = new ObjectMapper()
                    .readTree(send(registry, "GET", "/subjects/a/versions/latest", null)
                            .body());
            assertThat(version.path("schema").asText()).isEqualTo(FIRST);
            assertThat(version.path("id").asInt()).isEqualTo(1);
            assertThat(version.has("schemaType")).isFalse();
        }
    }

    @Test
    void keepsTheReferencesOfJsonSchemasAndRefusesWhatIsNone() throws Exception {
        Path file = directory.resolve("registry/json.jsonl");
        String referring = "{\"schemaType\":\"JSON\",\"schema\":\"{\\\"$ref\\\":\\\"a.json\\\"}\",\"references\":"
                + "[{\"name\":\"a.json\",\"subject\":\"a\",\"version\":1}]}";
        String id;
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0)) {
            for (String notASchema : List.of("{} }", "7", "\\\"x\\\"", "{")) {
                HttpResponse<String> refused = send(
                        registry,
                        "POST",
                        "/subjects/none/versions",
                        "{\"schemaType\":\"JSON\",\"schema\":\"" + notASchema + "\"}");
                assertThat(refused.statusCode()).as(notASchema).isEqualTo(422);
            }
            send(
                    registry,
                    "POST",
                    "/subjects/a/versions",
                    "{\"schemaType\":\"JSON\",\"schema\":\"{\\\"type\\\":\\\"object\\\"}\"}");
            id = new ObjectMapper()
                    .readTree(send(registry, "POST", "/subjects/b/versions", referring)
                            .body())
                    .path("id")
                    .asText();
        }
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0)) {
            JsonNode found = new ObjectMapper()
                    .readTree(send(registry, "GET", "/schemas/ids/" + id, null).body());
            assertThat(found.path("references"))
                    .isEqualTo(new ObjectMapper().readTree(referring).path("references"));
        }
    }

    @Test
    void keepsIdsVersionsAndLevelsInItsFile() throws Exception {
        Path file = directory.resolve("registry/schemas.jsonl");
        String deleted = FIRST.replace("\"A\"", "\"B\"");
        int first;
        int second;
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0);
                SchemaRegistryClient client = client(registry)) {
            first = client.register("a/b c%2F+:d", new AvroSchema(FIRST));
            client.register("gone", new AvroSchema(deleted));
            client.deleteSubject("gone");
            second = client.register("a/b c%2F+:d", new AvroSchema(WITH_DEFAULT));
            client.updateCompatibility(null, "FULL");
            client.updateCompatibility("a/b c%2F+:d", "FORWARD");
            client.register("a/b c%2F+:d", new AvroSchema(FIRST)); // known already: nothing happens
        }
        // The process dies while it writes.
        Files.writeString(file, "{\"action\":\"regis", StandardOpenOption.APPEND);

        for (int restart = 0; restart < 2; restart++) {
            try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0);
                    SchemaRegistryClient client = client(registry)) {
                assertThat(client.getAllSubjects()).containsExactly("a/b c%2F+:d");
                assertThat(client.getAllVersions("a/b c%2F+:d")).containsExactly(1, 2);
                assertThat(client.getSchemaById(first).canonicalString()).isEqualTo(FIRST);
                assertThat(client.getSchemaById(second).canonicalString()).isEqualTo(WITH_DEFAULT);
                assertThat(client.getCompatibility(null)).isEqualTo("FULL");
                assertThat(client.getCompatibility("a/b c%2F+:d")).isEqualTo("FORWARD");
                int next = client.register(
                        "next-" + restart, new AvroSchema(FIRST.replace("\"A\"", "\"C" + restart + "\"")));
                assertThat(next).isEqualTo(second + 1 + restart);
                client.deleteSubject("next-" + restart);
            }
        }
        assertThat(Files.readAllLines(file)).allSatisfy(line -> new ObjectMapper().readTree(line));
    }

    @Test
    void resolvesReferences() throws Exception {
        Path file = directory.resolve("schemas.jsonl");
        String list = "{\"type\":\"array\",\"items\":\"n.A\"}";
        List<SchemaReference> references = List.of(new SchemaReference("n.A", "a", 1));
        int id;
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0);
                SchemaRegistryClient client = client(registry)) {
            client.register("a", new AvroSchema(FIRST));
            id = client.register("list", new AvroSchema(list, references, Map.of("n.A", FIRST), null));
        }
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0);
                SchemaRegistryClient client = client(registry)) {
            AvroSchema schema = (AvroSchema) client.getSchemaById(id);
            assertThat(schema.rawSchema().getElementType().getFullName()).isEqualTo("n.A");
        }
    }

    @Test
    void removesLevels() throws Exception {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0);
                SchemaRegistryClient client = client(registry)) {
            client.updateConfig(null, new Config("NONE"));
            client.updateConfig("a", new Config("FULL"));
            client.deleteConfig("a");
            refused(404, 40408, () -> client.getConfig("a"));
            assertThat(send(registry, "DELETE", "/config", null).body()).isEqualTo("{\"compatibilityLevel\":\"NONE\"}");
            assertThat(client.getCompatibility(null)).isEqualTo("BACKWARD");
        }
    }

    @Test
    void servesConfluentsSerializers() {
        Prediction prediction = Prediction.newBuilder()
                .setProbability(0.5)
                .setLogit(0)
                .setVersion(3)
                .setPartition(0)
                .setOffset(7)
                .build();
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0);
                KafkaAvroSerializer serializer = new KafkaAvroSerializer();
                KafkaAvroDeserializer deserializer = new KafkaAvroDeserializer()) {
            serializer.configure(Map.of("schema.registry.url", registry.url()), false);
            deserializer.configure(Map.of("schema.registry.url", registry.url(), "specific.avro.reader", true), false);
            assertThat(deserializer.deserialize("predictions", serializer.serialize("predictions", prediction)))
                    .isEqualTo(prediction);
        }
    }

    @Test
    void saysWhenItsPortIsTakenOrItsFileCannotBeUsed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            assertThatThrownBy(() -> EmbeddedRegistry.start(null, taken.getLocalPort()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("127.0.0.1:" + taken.getLocalPort())
                    .hasMessageContaining("choose another")
                    .hasMessageNotContaining("\n");
        }
        Path file = directory.resolve("schemas.jsonl");
        EmbeddedRegistry registry = EmbeddedRegistry.start(file, 0);
        try (registry) {
            assertThatThrownBy(() -> EmbeddedRegistry.start(file, 0))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("another registry uses " + file);
        }
        Files.writeString(file, "{\"action\":\"sing\"}\n");
        assertThatThrownBy(() -> EmbeddedRegistry.start(file, 0))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(file + " cannot be read at line 1");
    }

    private static SchemaRegistryClient client(EmbeddedRegistry registry) {
        return new CachedSchemaRegistryClient(registry.url(), 100);
    }

    private static void refused(int status, int code, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOfSatisfying(RestClientException.class, e -> {
            assertThat(e.getStatus()).isEqualTo(status);
            assertThat(e.getErrorCode()).isEqualTo(code);
        });
    }

    private static int error(HttpResponse<String> response, int status) throws IOException {
        assertThat(response.statusCode()).isEqualTo(status);
        JsonNode error = new ObjectMapper().readTree(response.body());
        assertThat(error.path("message").asText()).isNotBlank();
        return error.path("error_code").asInt();
    }

    private HttpResponse<String> send(EmbeddedRegistry registry, String method, String path, String body)
            throws IOException, InterruptedException {
        HttpRequest.BodyPublisher publisher =
                body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body);
        return http.send(
                HttpRequest.newBuilder(URI.create(registry.url() + path))
                        .method(method, publisher)
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }
}
