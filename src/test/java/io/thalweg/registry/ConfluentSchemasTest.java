package io.thalweg.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.testutil.MockSchemaRegistry;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.ProtobufMessage;
import io.thalweg.input.ProtobufPresence;
import io.thalweg.input.ProtobufSchema;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.registry.StubRegistry.Answer;
import io.thalweg.testing.FreePort;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ConfluentSchemasTest {
    private static final Duration SHORT = Duration.ofMillis(250);
    private static final Answer FOUND = new Answer(200, "{\"schema\":\"\\\"double\\\"\"}");
    private static final Answer NOT_FOUND =
            new Answer(404, "{\"error_code\":40403,\"message\":\"Schema 7 not found\"}");
    private static final Answer HTML = new Answer(404, "<html><body>no such page</body></html>");

    @Test
    void asksOnceForEachId() throws Exception {
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> FOUND);
                ConfluentSchemas schemas = client(registry, Map.of())) {
            for (int id : new int[] {7, 3, 9, 3, 7, 9, 7}) {
                assertThat(schemas.writerSchema(id)).isEqualTo(Schema.create(Schema.Type.DOUBLE));
            }
            assertThat(registry.paths).containsExactly("/schemas/ids/7", "/schemas/ids/3", "/schemas/ids/9");
        }
    }

    @Test
    void anIdThatTheRegistryDoesNotKnowIsBadInputAndMayBecomeKnown() throws Exception {
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> request < 3 ? NOT_FOUND : FOUND);
                ConfluentSchemas schemas = new ConfluentSchemas(
                        Map.of("schema.registry.url", registry.url()), SHORT, Duration.ofMillis(1))) {
            assertThatThrownBy(() -> schemas.writerSchema(7))
                    .isInstanceOf(UnknownSchemaException.class)
                    .hasMessageContaining("7");
            Awaitility.await()
                    .ignoreExceptionsInstanceOf(UnknownSchemaException.class)
                    .until(() -> schemas.writerSchema(7).equals(Schema.create(Schema.Type.DOUBLE)));
            assertThat(registry.paths).hasSize(3);
        }
    }

    @Test
    void withoutAskingItHasWhatWasAskedForBefore() throws Exception {
        try (StubRegistry registry =
                        StubRegistry.start((request, exchange) -> new Answer(200, "{\"schema\":\"\\\"double\\\"\"}"));
                ConfluentSchemas schemas = client(registry, Map.of())) {
            SchemaSource known = schemas.withoutAsking();
            assertThatThrownBy(() -> known.writerSchema(7)).isInstanceOf(UnknownSchemaException.class);
            assertThat(registry.paths).isEmpty();
            Schema schema = schemas.writerSchema(7);
            assertThat(known.writerSchema(7)).isSameAs(schema);
            assertThat(registry.paths).containsExactly("/schemas/ids/7");
        }
    }

    @Test
    void anIdThatTheRegistryDoesNotKnowIsNotAskedForWithEveryRecord() throws Exception {
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> NOT_FOUND);
                ConfluentSchemas schemas = client(registry, Map.of())) {
            for (int i = 0; i < 100; i++) {
                assertThatThrownBy(() -> schemas.writerSchema(7)).hasMessageContaining("has no schema with id 7");
            }
            assertThatThrownBy(() -> schemas.writerSchema(0)).hasMessageContaining("Apicurio");
            assertThat(registry.paths).containsExactly("/schemas/ids/7", "/schemas/ids/0");
        }
    }

    @Test
    void aGuidIsAskedForOnceWhetherTheRegistryKnowsItOrNot() throws Exception {
        UUID known = UUID.fromString("01234567-89ab-cdef-0123-456789abcdef");
        UUID unknown = new UUID(1, 2);
        try (StubRegistry registry = StubRegistry.start((request, exchange) ->
                        exchange.getRequestURI().getPath().endsWith(known.toString()) ? FOUND : NOT_FOUND);
                ConfluentSchemas schemas = client(registry, Map.of())) {
            for (int i = 0; i < 100; i++) {
                assertThat(schemas.writerSchema(known)).isEqualTo(Schema.create(Schema.Type.DOUBLE));
                assertThatThrownBy(() -> schemas.writerSchema(unknown))
                        .isInstanceOf(UnknownSchemaException.class)
                        .hasMessageContaining("GUID " + unknown);
            }
            assertThat(registry.paths).containsExactly("/schemas/guids/" + known, "/schemas/guids/" + unknown);
            assertThat(schemas.withoutAsking().writerSchema(known)).isEqualTo(Schema.create(Schema.Type.DOUBLE));
        }
    }

    @Test
    void aGuidThatTheRegistryDoesNotKnowMayBecomeKnown() throws Exception {
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> request < 3 ? NOT_FOUND : FOUND);
                ConfluentSchemas schemas = new ConfluentSchemas(
                        Map.of("schema.registry.url", registry.url()), SHORT, Duration.ofMillis(1))) {
            Awaitility.await()
                    .ignoreExceptionsInstanceOf(UnknownSchemaException.class)
                    .until(() -> schemas.writerSchema(new UUID(1, 2)).equals(Schema.create(Schema.Type.DOUBLE)));
            assertThat(registry.paths).hasSize(3);
        }
    }

    /** A damaged header or frame names a schema that nobody has, and each record another one. */
    @Test
    void refusalsDoNotFillTheMemory() throws Exception {
        int most = 500;
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> NOT_FOUND);
                ConfluentSchemas schemas = client(registry, Map.of())) {
            for (int i = 0; i <= most; i++) {
                UUID guid = new UUID(0, i);
                assertThatThrownBy(() -> schemas.writerSchema(guid)).isInstanceOf(UnknownSchemaException.class);
            }
            assertThat(registry.paths).hasSize(most + 1);
            // the last is remembered, and the first is asked for again
            assertThatThrownBy(() -> schemas.writerSchema(new UUID(0, most)))
                    .isInstanceOf(UnknownSchemaException.class);
            assertThat(registry.paths).hasSize(most + 1);
            assertThatThrownBy(() -> schemas.writerSchema(new UUID(0, 0))).isInstanceOf(UnknownSchemaException.class);
            assertThat(registry.paths).hasSize(most + 2);
        }
    }

    /** Names that Debezium and older clients write, and Avro 1.12 refuses. */
    @ParameterizedTest
    @CsvSource({
        "shop-1.public.orders, Envelope, a, b",
        "shop.orders, Envelope, 2nd_a, b-rate",
        "shop.orders, Envelope$Inner, a, b"
    })
    void aSchemaWithUnusualNamesIsRead(String namespace, String name, String first, String second) throws Exception {
        String schema = ("{'type':'record','name':'%s','namespace':'%s','fields':[{'name':'%s','type':'double'},"
                        + "{'name':'%s','type':'double'},{'name':'clicked','type':'boolean'}]}")
                .formatted(name, namespace, first, second);
        String body = "{\"schema\":\"" + schema.replace("'", "\\\"") + "\"}";
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> new Answer(200, body));
                ConfluentSchemas schemas = client(registry, Map.of())) {
            RecordReader reader = new RecordReader(schemas, new ThalwegConfig(Map.of("label", "clicked")), "default");
            byte[] value = ByteBuffer.allocate(5 + 2 * Double.BYTES + 1)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put(new byte[] {0, 0, 0, 0, 7})
                    .putDouble(1.5)
                    .putDouble(-2)
                    .put((byte) 1)
                    .array();
            io.thalweg.math.Example x = new io.thalweg.math.Example();
            for (int i = 0; i < 3; i++) {
                reader.read(
                        InputRecord.produced(new TopicPartition("orders", 0), i, 0, null, value, new RecordHeaders()),
                        x);
            }
            assertThat(List.of(x.label(), x.value(0), x.value(1))).containsExactly(1.0, 1.5, -2.0);
            assertThat(x.name(0)).isEqualTo(first);
            assertThat(registry.paths).hasSize(1);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"schemaType\":\"PROTOBUF\",\"schema\":\"syntax = 'proto3';\"}",
                "{\"schema\":\"{\\\"type\\\":\\\"nonsense\\\"}\"}"
            })
    void aSchemaThatIsNotAvroIsBadInput(String body) throws Exception {
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> new Answer(200, body));
                ConfluentSchemas schemas = client(registry, Map.of())) {
            for (int i = 0; i < 3; i++) {
                assertThatThrownBy(() -> schemas.writerSchema(7))
                        .isInstanceOf(UnknownSchemaException.class)
                        .hasMessageContaining(
                                body.contains("PROTOBUF") ? "set its format to protobuf" : "cannot be parsed");
            }
            assertThat(registry.paths).hasSize(1);
        }
    }

    private static String answer(String schema, String more) {
        return "{\"schemaType\":\"PROTOBUF\",\"schema\":\"%s\"%s}"
                .formatted(schema.replace("\"", "\\\"").replace("\n", "\\n"), more);
    }

    @Test
    void aProtobufSchemaIsReadWithItsReferencesAndRemembered() throws Exception {
        String main = answer(
                "syntax = \"proto3\"; package shop; import \"money.proto\"; import \"unknown/options.proto\";"
                        + " message Order { Money total = 1; .pay.Card card = 2; }"
                        + " message Money { string text = 1; }",
                ",\"references\":[{\"name\":\"money.proto\",\"subject\":\"money\",\"version\":3}]");
        String money = answer("package pay; message Card { required int32 number = 1; }", "");
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> new Answer(
                        200, exchange.getRequestURI().getPath().startsWith("/subjects/money/") ? money : main));
                ConfluentSchemas schemas = client(registry, Map.of())) {
            SchemaSource known = schemas.withoutAsking();
            assertThatThrownBy(() -> known.protobufSchema(7)).isInstanceOf(UnknownSchemaException.class);

            ProtobufSchema schema = schemas.protobufSchema(7);

            assertThat(schema.messages()).extracting(ProtobufMessage::name).containsExactly("shop.Order", "shop.Money");
            assertThat(schema.messages().get(0).fields())
                    .extracting(field -> field.message().name())
                    .containsExactly("shop.Money", "pay.Card");
            assertThat(schema.messages()
                            .get(0)
                            .fields()
                            .get(1)
                            .message()
                            .fields()
                            .get(0)
                            .presence())
                    .isEqualTo(ProtobufPresence.REQUIRED);
            int requests = registry.paths.size();
            assertThat(schemas.protobufSchema(7)).isSameAs(schema);
            assertThat(known.protobufSchema(7)).isSameAs(schema);
            assertThat(registry.paths).hasSize(requests);
        }
    }

    @Test
    void aSchemaThatIsNotUsableProtobufIsBadInputAndIsNotAskedForAgain() throws Exception {
        Map<String, String> bodies = Map.of(
                "/schemas/ids/1", "{\"schema\":\"\\\"double\\\"\"}",
                "/schemas/ids/2", answer("syntax = \"proto3\"; message M { Gone g = 1; }", ""),
                "/schemas/ids/3", answer("message M {", ""),
                "/schemas/ids/4", answer("message M {".repeat(20_000), ""),
                "/schemas/ids/5", "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}");
        Map<Integer, String> reasons = Map.of(
                1, "is of type AVRO, not Protobuf; if the topic holds Avro, set its format to avro",
                2, "type Gone in M is not declared",
                3, "unexpected end of file",
                4, "nested too deeply",
                5, "is of type JSON, not Protobuf; if the topic holds JSON, set its format to json",
                6, "has no schema with id 6");
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> {
                    String body = bodies.get(exchange.getRequestURI().getPath());
                    return body == null
                            ? new Answer(404, "{\"error_code\":40403,\"message\":\"Schema not found\"}")
                            : new Answer(200, body);
                });
                ConfluentSchemas schemas = client(registry, Map.of())) {
            for (int i = 0; i < 3; i++) {
                for (Map.Entry<Integer, String> each : reasons.entrySet()) {
                    assertThatThrownBy(() -> schemas.protobufSchema(each.getKey()))
                            .isInstanceOf(UnknownSchemaException.class)
                            .hasMessageContaining(each.getValue());
                }
            }
            assertThat(registry.paths).hasSize(reasons.size());
            assertThat(schemas.writerSchema(1)).isEqualTo(Schema.create(Schema.Type.DOUBLE));
        }
    }

    @Test
    void onlyAJsonSchemaIsOneAndItIsAskedForOnce() throws Exception {
        UUID guid = new UUID(1, 2);
        UUID ofAvro = new UUID(3, 4);
        Map<String, String> bodies = Map.of(
                "/schemas/ids/1",
                "{\"schemaType\":\"JSON\",\"schema\":\"{\\\"type\\\":\\\"object\\\"}\"}",
                // what it refers to is not needed, and not asked for
                "/schemas/ids/2",
                "{\"schemaType\":\"JSON\",\"schema\":\"{}\",\"references\":[{\"name\":\"a\",\"subject\":\"b\","
                        + "\"version\":1}]}",
                "/schemas/ids/3",
                "{\"schema\":\"\\\"double\\\"\"}",
                "/schemas/ids/4",
                answer("syntax = \"proto3\"; message M { int32 a = 1; }", ""),
                "/schemas/guids/" + guid,
                "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}",
                "/schemas/guids/" + ofAvro,
                "{\"schema\":\"\\\"double\\\"\"}");
        Map<Integer, String> reasons = Map.of(
                3, "is of type AVRO, not JSON; if the topic holds Avro, set its format to avro",
                4, "is of type PROTOBUF, not JSON; if the topic holds Protobuf, set its format to protobuf",
                5, "has no schema with id 5");
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> {
                    String body = bodies.get(exchange.getRequestURI().getPath());
                    return body == null
                            ? new Answer(404, "{\"error_code\":40403,\"message\":\"Schema not found\"}")
                            : new Answer(200, body);
                });
                ConfluentSchemas schemas = client(registry, Map.of())) {
            SchemaSource known = schemas.withoutAsking();
            assertThatThrownBy(() -> known.checkJsonSchema(1)).isInstanceOf(UnknownSchemaException.class);
            assertThatThrownBy(() -> known.checkJsonSchema(guid)).isInstanceOf(UnknownSchemaException.class);
            for (int i = 0; i < 3; i++) {
                schemas.checkJsonSchema(1);
                schemas.checkJsonSchema(2);
                schemas.checkJsonSchema(guid);
                known.checkJsonSchema(1);
                known.checkJsonSchema(guid);
                assertThatThrownBy(() -> schemas.checkJsonSchema(ofAvro))
                        .isInstanceOf(UnknownSchemaException.class)
                        .hasMessageContaining("is of type AVRO, not JSON");
                for (Map.Entry<Integer, String> each : reasons.entrySet()) {
                    assertThatThrownBy(() -> schemas.checkJsonSchema(each.getKey()))
                            .isInstanceOf(UnknownSchemaException.class)
                            .hasMessageContaining(each.getValue());
                }
            }
            assertThat(registry.paths).hasSize(bodies.size() + 1);
        }
    }

    @Test
    void aSchemaWhoseReferenceCannotBeFetchedIsNotBadInput() throws Exception {
        String body = "{\"schema\":\"{\\\"type\\\":\\\"array\\\",\\\"items\\\":\\\"a.B\\\"}\","
                + "\"references\":[{\"name\":\"a.B\",\"subject\":\"b\",\"version\":1}]}";
        try (StubRegistry registry = StubRegistry.start((request, exchange) ->
                        exchange.getRequestURI().getPath().startsWith("/schemas/ids")
                                ? new Answer(200, body)
                                : new Answer(503, "{\"error_code\":50301,\"message\":\"busy\"}"));
                ConfluentSchemas schemas = client(registry, Map.of())) {
            assertThatThrownBy(() -> schemas.writerSchema(7)).isInstanceOf(SchemaSourceException.class);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "401 | {\"error_code\":40101,\"message\":\"Unauthorized\"} | HTTP 401 | basic.auth.user.info",
                "401 | <html>log in</html>                                 | HTTP 401 | basic.auth.user.info",
                "403 | {\"error_code\":40301,\"message\":\"Forbidden\"}    | HTTP 403 | allow this user",
                "404 | <html>no such page</html>                           | HTTP 404 | schema.registry.url",
                "404 | {\"error_code\":404,\"message\":\"HTTP 404\"}       | HTTP 404 | schema.registry.url",
                "429 | {\"error_code\":42901,\"message\":\"slow down\"}    | HTTP 429 | registry's log",
                "500 | {\"error_code\":50001,\"message\":\"store\"}        | HTTP 500 | registry's log",
                "503 | no healthy upstream                                 | HTTP 503 | registry's log",
                "200 | <html>welcome</html>                                | Json     | schema.registry.url",
            })
    void noAnswerIsNotBadInputAndIsAskedForAgainForABoundedTime(int status, String body, String what, String remedy)
            throws Exception {
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> new Answer(status, body));
                ConfluentSchemas schemas = client(registry, Map.of())) {
            assertThatThrownBy(() -> schemas.writerSchema(7))
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining(registry.url())
                    .hasMessageContaining("schema id 7")
                    .hasMessageContaining(what)
                    .hasMessageContaining(remedy)
                    .hasMessageNotContaining("\n");
            assertThat(registry.paths).hasSizeBetween(2, 6);

            int before = registry.paths.size();
            assertThatThrownBy(schemas::check)
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining(what)
                    .hasMessageContaining(remedy)
                    .hasMessageNotContaining("\n");
            assertThat(registry.paths).hasSize(before + 1);
        }
    }

    @Test
    void recoversWhenTheRegistryDoes() throws Exception {
        Answer busy = new Answer(503, "busy");
        try (StubRegistry registry =
                        StubRegistry.start((request, exchange) -> request == 1 ? busy : request == 2 ? HTML : FOUND);
                ConfluentSchemas schemas =
                        new ConfluentSchemas(Map.of("schema.registry.url", registry.url()), Duration.ofSeconds(30))) {
            assertThat(schemas.writerSchema(7)).isEqualTo(Schema.create(Schema.Type.DOUBLE));
            assertThat(registry.paths).hasSize(3);
        }
    }

    @Test
    void aRegistryThatNeverAnswersTimesOut() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> {
                    never.await();
                    return FOUND;
                });
                ConfluentSchemas schemas = client(registry, Map.of("http.read.timeout.ms", "100"))) {
            assertThatThrownBy(() -> schemas.writerSchema(7))
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining("timed out")
                    .hasMessageContaining("http.read.timeout.ms");
        }
    }

    @Test
    void nobodyListening() throws Exception {
        int port = FreePort.find();
        Map<String, Object> settings = Map.of(
                "schema.registry.url", "http://alice:secret@localhost:" + port, "basic.auth.credentials.source", "URL");
        try (ConfluentSchemas schemas = new ConfluentSchemas(settings, SHORT)) {
            assertThatThrownBy(() -> schemas.writerSchema(7))
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining("http://localhost:" + port)
                    .hasMessageContaining("refused")
                    .hasMessageContaining("start the registry")
                    .hasMessageNotContaining("secret")
                    .hasNoCause();
            assertThatThrownBy(schemas::check).hasMessageContaining("refused");
        }
    }

    @Test
    void stopsWaitingWhenInterrupted() throws Exception {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> new Answer(503, "busy"));
                ConfluentSchemas schemas =
                        new ConfluentSchemas(Map.of("schema.registry.url", registry.url()), Duration.ofHours(1))) {
            Thread asking = new Thread(() -> {
                try {
                    schemas.writerSchema(7);
                } catch (UnknownSchemaException | RuntimeException e) {
                    thrown.set(Thread.currentThread().isInterrupted() ? e : new AssertionError("flag lost", e));
                }
            });
            asking.start();
            Awaitility.await().until(() -> !registry.paths.isEmpty());
            asking.interrupt();
            asking.join();
        }
        assertThat(thrown.get()).isInstanceOf(SchemaSourceException.class).hasMessageContaining("interrupted");
    }

    @Test
    void checkIsContentWithARegistryThatDoesNotKnowTheId() throws Exception {
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> NOT_FOUND);
                ConfluentSchemas schemas = client(registry, Map.of())) {
            assertThatCode(schemas::check).doesNotThrowAnyException();
        }
    }

    @Test
    void takesSettingsAsTextAsTheyComeFromAFile() throws Exception {
        Map<String, Object> text = Map.of(
                "missing.id.cache.ttl.sec", "0",
                "missing.version.cache.ttl.sec", "0",
                "missing.schema.cache.ttl.sec", "0",
                "missing.cache.size", "10",
                "max.retries", "0",
                "latest.cache.ttl.sec", "60",
                "proxy.port", "-1",
                "basic.auth.credentials.source", "USER_INFO",
                "basic.auth.user.info", new Password("alice:secret"));
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> FOUND);
                ConfluentSchemas schemas = client(registry, text)) {
            schemas.writerSchema(7);
            assertThat(registry.authorizations).containsExactly("Basic YWxpY2U6c2VjcmV0");
        }
    }

    @Test
    void refusesCredentialsThatWouldNotBeSent() {
        for (String source : List.of("OAUTHBEARER", "SASL_OAUTHBEARER_INHERIT", "CUSTOM", "STATICTOKEN")) {
            assertThatThrownBy(() -> withSetting("bearer.auth.credentials.source", source))
                    .isInstanceOf(ConfigException.class)
                    .hasMessageContaining("bearer.auth.credentials.source=" + source)
                    .hasMessageContaining("STATIC_TOKEN")
                    .hasMessageContaining("USER_INFO");
        }
        assertThatThrownBy(() -> withSetting("schema.registry.bearer.auth.credentials.source", "OAUTHBEARER"))
                .isInstanceOf(ConfigException.class);
        assertThatThrownBy(() -> withSetting("basic.auth.credentials.source", "USERINFO"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("USER_INFO");
    }

    @Test
    void refusesSettingsThatCannotWork() {
        assertThatThrownBy(() -> new ConfluentSchemas(Map.of(), SHORT))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("schema.registry.url");
        assertThatThrownBy(() -> withSetting("missing.cache.size", "many"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("missing.cache.size")
                .hasMessageContaining("many");
        assertThatThrownBy(() -> withSetting("schema.registry.ssl.truststore.location", "/nowhere/trust.jks"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("/nowhere/trust.jks");
    }

    @Test
    void givesEveryOutputSchemaAnIdThatReadersResolve() throws Exception {
        try (ConfluentSchemas schemas = mock("ids", Map.of())) {
            for (Schema schema : List.of(
                    Example.SCHEMA$, Prediction.SCHEMA$, Weights.SCHEMA$, Metrics.SCHEMA$, DeadLetter.SCHEMA$)) {
                int id = schemas.idFor("topic-of-" + schema.getName(), schema);
                assertThat(schemas.writerSchema(id)).isEqualTo(schema);
                assertThat(schemas.idFor("topic-of-" + schema.getName(), schema))
                        .isEqualTo(id);
            }
            assertThatThrownBy(() -> schemas.writerSchema(4711)).isInstanceOf(UnknownSchemaException.class);
            assertThatCode(schemas::check).doesNotThrowAnyException();
        }
    }

    @Test
    void namesSubjectsAsConfluentsStrategiesDo() throws Exception {
        try (ConfluentSchemas schemas = mock(
                "subjects",
                Map.of("value.subject.name.strategy", "io.confluent.kafka.serializers.subject.RecordNameStrategy"))) {
            schemas.idFor("predictions", Prediction.SCHEMA$);
            assertThat(MockSchemaRegistry.getClientForScope("subjects").getAllSubjects())
                    .containsExactly("io.thalweg.avro.Prediction");
        }
    }

    @Test
    void registersNothingWhenToldNotTo() throws Exception {
        try (ConfluentSchemas schemas = mock("lookup", Map.of("auto.register.schemas", "false"))) {
            assertThatThrownBy(() -> schemas.idFor("predictions", Prediction.SCHEMA$))
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining("predictions-value")
                    .hasMessageContaining("auto.register.schemas");
            int id = MockSchemaRegistry.getClientForScope("lookup")
                    .register("predictions-value", new AvroSchema(Prediction.SCHEMA$));
            assertThat(schemas.idFor("predictions", Prediction.SCHEMA$)).isEqualTo(id);
        }
    }

    @Test
    void refusesALatestVersionThatRecordsAreNotWrittenWith() throws Exception {
        Schema other = SchemaBuilder.record("Prediction")
                .namespace("io.thalweg.avro")
                .fields()
                .requiredDouble("probability")
                .endRecord();
        var registry = MockSchemaRegistry.getClientForScope("latest");
        int id = registry.register("predictions-value", new AvroSchema(Prediction.SCHEMA$));
        registry.register("old-value", new AvroSchema(other));
        for (String strict : List.of("true", "false")) {
            try (ConfluentSchemas schemas = mock(
                    "latest",
                    Map.of(
                            "auto.register.schemas",
                            "false",
                            "use.latest.version",
                            "true",
                            "latest.compatibility.strict",
                            strict))) {
                assertThat(schemas.idFor("predictions", Prediction.SCHEMA$)).isEqualTo(id);
                assertThatThrownBy(() -> schemas.idFor("old", Prediction.SCHEMA$))
                        .isInstanceOf(SchemaSourceException.class)
                        .hasMessageContaining("old-value")
                        .hasMessageContaining("use.latest.version")
                        .hasMessageNotContaining("\n");
            }
        }
    }

    @Test
    void saysWhatToDoAboutAnIncompatibleSchema() throws Exception {
        Answer incompatible = new Answer(
                409,
                "{\"error_code\":409,\"message\":\"Schema being registered is incompatible with an earlier schema for"
                        + " subject \\\"predictions-value\\\", details: [\\n" + "x".repeat(5000) + "]\"}");
        try (StubRegistry registry = StubRegistry.start((request, exchange) -> incompatible);
                ConfluentSchemas schemas = client(registry, Map.of())) {
            assertThatThrownBy(() -> schemas.idFor("predictions", Prediction.SCHEMA$))
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining("predictions-value")
                    .hasMessageContaining("incompatible")
                    .hasMessageContaining("compatibility level")
                    .hasMessageNotContaining("\n")
                    .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(800));
            assertThat(registry.paths).hasSize(1);
        }
    }

    private static ConfluentSchemas client(StubRegistry registry, Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("schema.registry.url", registry.url());
        return new ConfluentSchemas(settings, SHORT);
    }

    private static ConfluentSchemas mock(String scope, Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("schema.registry.url", "mock://" + scope);
        return new ConfluentSchemas(settings, SHORT);
    }

    private static void withSetting(String name, String value) {
        new ConfluentSchemas(Map.of("schema.registry.url", "http://localhost:1", name, value), SHORT).close();
    }
}
