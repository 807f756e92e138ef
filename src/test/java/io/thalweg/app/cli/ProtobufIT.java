package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.registry.ProtobufText;
import io.thalweg.testing.FreePort;
import io.thalweg.testing.Programs;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Protobuf that other programs write, with a registry in which it has references. */
@Timeout(600)
class ProtobufIT {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ORDERS = 300;

    private static final String MONEY = """
            syntax = "proto3";
            package pay;
            message Money { sint64 cents = 1; }
            """;

    private static final String ORDER = """
            syntax = "proto3";
            package shop;
            import "pay/money.proto";
            message Unused { string nothing = 1; }
            message Order {
              string id = 1;
              Customer customer = 2;
              pay.Money amount = 3;
              repeated string tags = 4;
              bool returned = 5;
              message Customer { optional int32 age = 1; string country = 2; }
            }
            """;

    @TempDir
    private static Path directory;

    private static EmbeddedBroker broker;
    private static EmbeddedRegistry registry;
    private static SchemaRegistryClient client;

    @BeforeAll
    static void start() {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        registry = EmbeddedRegistry.start(directory.resolve("registry.jsonl"), 0);
        client = new CachedSchemaRegistryClient(
                List.of(registry.url()), 10, List.of(new ProtobufText.ProtobufProvider()), Map.of());
    }

    @AfterAll
    static void stop() throws IOException {
        client.close();
        registry.close();
        broker.close();
    }

    private static CommandRun thalweg(Path settings, String... arguments) {
        return CommandRun.of(Stream.concat(Arrays.stream(arguments), Stream.of("--config", settings.toString()))
                .toArray());
    }

    private static Path settings(String name, String more) throws IOException {
        StringBuilder text = new StringBuilder("""
                bootstrap.servers=%s
                schema.registry.url=%s
                application.id=%s
                examples.format=protobuf
                topics.compression=gzip
                """.formatted(broker.bootstrapServers(), registry.url(), name));
        for (String topic :
                List.of("examples", "labels", "predictions", "weights", "metrics", "dead.letters", "outcomes")) {
            if (!topic.equals("labels") || more.contains("labels.")) {
                text.append("%s.topic=%s-%1$s%n".formatted(topic, name));
            }
        }
        return Files.writeString(directory.resolve(name + ".properties"), text + more);
    }

    private static Process learner(Path settings) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Thalweg.class.getName(),
                        "run",
                        "--config",
                        settings.toString())
                .redirectErrorStream(true)
                .redirectOutput(
                        directory.resolve(settings.getFileName() + ".log").toFile())
                .start();
    }

    private static int register(String subject) throws Exception {
        client.register("money", new ProtobufText(MONEY, List.of(), Map.of()));
        return client.register(
                subject,
                new ProtobufText(
                        ORDER,
                        List.of(new SchemaReference("pay/money.proto", "money", 1)),
                        Map.of("pay/money.proto", MONEY)));
    }

    /** A program of protobufjs, which comes with kafkajs's client of registries. */
    private static Path javascript() throws Exception {
        Path project = Files.createDirectories(directory.resolve("javascript"));
        for (String file : List.of("package.json", "package-lock.json")) {
            Files.copy(Path.of("examples", "javascript", file), project.resolve(file));
        }
        Programs.run(project, Programs.find("npm", "npm"), "ci", "--prefer-offline", "--silent");
        return Files.writeString(project.resolve("orders.mjs"), """
                import { Kafka, logLevel } from 'kafkajs';
                import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
                import protobuf from 'protobufjs';
                const [, , how, broker, host, topic, count, id] = process.argv;
                const producer = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR }).producer();
                const order = (i) => ({
                  id: `o${i}`,
                  customer: { ...(i % 4 ? { age: 20 + (i % 50) } : {}), country: i % 3 ? 'FR' : 'DE' },
                  amount: { cents: 100 * (i % 100) - 50 },
                  tags: ['a', `t${i % 7}`],
                  returned: i % 100 > 50 && i % 2 === 0,
                });
                let encode;
                if (how === 'registry') {
                  // the client's own serializer, which knows one message and writes no indexes
                  const registry = new SchemaRegistry({ host });
                  const schema = `syntax = "proto3";
                package shop;
                message Order {
                  message Customer { optional int32 age = 1; string country = 2; }
                  message Money { sint64 cents = 1; }
                  string id = 1; Customer customer = 2; Money amount = 3; repeated string tags = 4; bool returned = 5;
                }`;
                  const { id } = await registry.register(
                    { type: SchemaType.PROTOBUF, schema }, { subject: `${topic}-value` });
                  encode = async (i) => ({ value: await registry.encode(id, order(i)) });
                } else {
                  const root = protobuf.parse(`syntax = "proto3";
                package shop;
                message Order {
                  message Customer { optional int32 age = 1; string country = 2; }
                  message Money { sint64 cents = 1; }
                  string id = 1; Customer customer = 2; Money amount = 3; repeated string tags = 4; bool returned = 5;
                }`).root;
                  const type = root.lookupType('shop.Order');
                  const schemaId = Buffer.alloc(5);
                  schemaId.writeInt32BE(Number(id), 1);
                  // the second message of the file: one index, 1
                  const prefix = Buffer.concat([schemaId, Buffer.from([2, 2])]);
                  encode = async (i) => {
                    const body = type.encode(type.create(order(i))).finish();
                    return i % 2
                      ? { value: Buffer.concat([prefix, body]) }
                      : { value: Buffer.from(body), headers: { __value_schema_id: prefix } };
                  };
                }
                await producer.connect();
                const messages = [];
                for (let i = 0; i < Number(count); i += 1) messages.push(await encode(i));
                await producer.send({ topic, messages });
                await producer.disconnect();
                """);
    }

    private static void send(Path program, String how, String topic, int id) throws Exception {
        Programs.run(
                program.getParent(),
                Programs.find("node", "nodejs"),
                program.toString(),
                how,
                broker.bootstrapServers(),
                registry.url(),
                topic,
                "" + ORDERS,
                "" + id);
    }

    private static List<JsonNode> watch(Path settings, String what, int count) throws IOException {
        List<JsonNode> nodes = new ArrayList<>();
        for (String line : thalweg(settings, "watch", what, "--from-beginning", "--limit", "" + count, "--json")
                .is(0)
                .out()) {
            nodes.add(JSON.readTree(line));
        }
        return nodes;
    }

    private static final String MAPPING = """
            label=returned
            id.field=id
            features.cross=customer.country*tags
            """;

    @Test
    void ordersOfOtherProgramsAreLearnedFromAndVerified() throws Exception {
        Path program = javascript();
        Path settings = settings("orders", MAPPING);
        thalweg(settings, "topics", "--create").is(0);
        send(program, "bytes", "orders-examples", register("orders-examples-value"));
        // values that nobody can read
        send("orders-examples", new byte[] {0, 0, 0, 0, 2, 2, 2, 10, 100, 1});
        send("orders-examples", new byte[] {0, 0, 0, 0, 2, 2, 40});
        send("orders-examples", new byte[] {0, 0, 0, 0, 99, 0});
        send("orders-examples", "{\"id\": 1}".getBytes(StandardCharsets.UTF_8));

        int port = FreePort.find();
        Files.writeString(settings, "http.listen=127.0.0.1:" + port + "\n", StandardOpenOption.APPEND);
        Process learner = learner(settings);
        List<JsonNode> predictions;
        try {
            predictions = watch(settings, "predictions", ORDERS);
            assertThat(predictions).hasSize(ORDERS);
            for (int i = 0; i < ORDERS; i++) {
                assertThat(predictions.get(i).get("value").get("id").asText()).isEqualTo("o" + i);
            }
            List<JsonNode> letters = watch(settings, "dead-letters", 4);
            assertThat(letters)
                    .extracting(letter -> letter.get("value").get("reason").asText())
                    .containsExactly("UNREADABLE", "UNREADABLE", "UNKNOWN_SCHEMA", "UNREADABLE");
            assertThat(letters.get(0).toString()).contains("(shop.Order)", "it claims 100 bytes where 1 are left");
            overHttp(port, predictions.get(0).get("value").get("probability").asDouble());
        } finally {
            learner.destroy();
            learner.waitFor();
        }
        assertThat(thalweg(settings, "verify").is(0).out()).anyMatch(line -> line.contains("" + ORDERS));
        assertThat(String.join(
                        "\n", thalweg(settings, "evaluate", "--topic").is(0).out()))
                .contains("" + ORDERS);

        assertThat(thalweg(
                                settings,
                                "train",
                                "--topic",
                                "--passes",
                                "1",
                                "--output",
                                directory.resolve("orders.avro").toString())
                        .is(0)
                        .err())
                .contains("read orders-examples-0@0 to 303");

        // the same orders as kafkajs's serializer writes them give the same predictions, to the last bit
        Path again = settings("again", MAPPING);
        thalweg(again, "topics", "--create").is(0);
        send(program, "registry", "again-examples", 0);
        Process second = learner(again);
        try {
            assertThat(watch(again, "predictions", ORDERS))
                    .extracting(line -> line.get("value").get("probability"))
                    .isEqualTo(predictions.stream()
                            .map(line -> line.get("value").get("probability"))
                            .toList());
        } finally {
            second.destroy();
            second.waitFor();
        }
        thalweg(again, "verify").is(0);
    }

    /** Events in JSON have the fields of the schema, of which those that are left out have their defaults. */
    private static void overHttp(int port, double first) throws Exception {
        HttpResponse<String> predicted = post(
                port,
                "/v1/models/default/predict",
                "{\"event\": {\"id\": \"x\", \"customer\": {\"country\": \"FR\"}, \"tags\": [\"a\"]}}");
        assertThat(predicted.statusCode()).as(predicted.body()).isEqualTo(200);
        assertThat(JSON.readTree(predicted.body()).get("probability").asDouble())
                .isBetween(0.0, 1.0)
                .isNotEqualTo(first);
        // the first has the id of its schema in a header, the second before its contents
        HttpResponse<String> stored = post(
                port,
                "/v1/models/default/predict",
                "{\"examples\": [{\"record\": {\"partition\": 0, \"offset\": 0}},"
                        + " {\"record\": {\"partition\": 0, \"offset\": 1}}]}");
        assertThat(stored.statusCode()).as(stored.body()).isEqualTo(200);
        HttpResponse<String> refused = post(port, "/v1/examples", "{\"event\": {}}");
        assertThat(refused.statusCode()).isEqualTo(409);
        assertThat(refused.body()).contains("topic orders-examples holds Protobuf");
    }

    private static HttpResponse<String> post(int port, String path, String body) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                                .header("Content-Type", "application/json")
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    private static void send(String topic, byte[] value) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", broker.bootstrapServers()),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(topic, value)).get();
        }
    }

    @Test
    void labelsComeInProtobufToo() throws Exception {
        Path settings = settings("late", """
                labels.topic=late-labels
                id.field=id
                labels.id.field=order
                labels.label=returned
                labels.wait.ms=1000000
                """);
        thalweg(settings, "topics", "--create").is(0);
        int events = client.register("late-examples-value", new ProtobufText("""
                syntax = "proto3"; message Order { string id = 1; double amount = 2; }""", List.of(), Map.of()));
        int labels = client.register("late-labels-value", new ProtobufText("""
                syntax = "proto3"; message Outcome { string order = 1; bool returned = 2; }""", List.of(), Map.of()));
        for (int i = 0; i < 5; i++) {
            byte[] id = {10, 2, 'o', (byte) ('0' + i)};
            ByteArrayOutputStream event = frame(events);
            event.writeBytes(id);
            event.writeBytes(ByteBuffer.allocate(9)
                    .put((byte) 17)
                    .putLong(Long.reverseBytes(Double.doubleToLongBits(i)))
                    .array());
            send("late-examples", event.toByteArray());
            ByteArrayOutputStream label = frame(labels);
            label.writeBytes(id);
            label.writeBytes(new byte[] {16, (byte) (i % 2)});
            send("late-labels", label.toByteArray());
        }
        Process learner = learner(settings);
        try {
            assertThat(watch(settings, "outcomes", 5)).hasSize(5);
        } finally {
            learner.destroy();
            learner.waitFor();
        }
        thalweg(settings, "verify").is(0);
    }

    private static ByteArrayOutputStream frame(int id) {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        frame.writeBytes(
                ByteBuffer.allocate(6).put((byte) 0).putInt(id).put((byte) 0).array());
        return frame;
    }

    @Test
    void aTopicInAnotherFormatStopsAtStart() throws Exception {
        Path settings = settings("mistaken", MAPPING);
        thalweg(settings, "topics", "--create").is(0);
        int id = register("mistaken-examples-value");
        send(
                "mistaken-examples",
                ByteBuffer.allocate(7)
                        .put((byte) 0)
                        .putInt(id)
                        .put(new byte[] {2, 2})
                        .array());

        assertThat(thalweg(settings, "run", "--set", "examples.format=avro")
                        .is(2)
                        .err())
                .singleElement()
                .asString()
                .contains(
                        "topic mistaken-examples holds Protobuf in the frame of a schema registry",
                        "set examples.format=protobuf");
        assertThat(thalweg(settings, "run", "--set", "label=gone").is(2).err())
                .singleElement()
                .asString()
                .contains("there is no field gone", "customer.age", "in shop.Order");
        Path file = Files.writeString(directory.resolve("orders.csv"), "id,amount,returned\nx,1,1\n");
        assertThat(thalweg(settings, "produce", file.toString(), "--set", "features.cross=")
                        .is(2)
                        .err())
                .singleElement()
                .asString()
                .contains("topic mistaken-examples holds Protobuf, which is not written here");
        Path unmapped = settings("unmapped", "");
        assertThat(thalweg(unmapped, "run").is(2).err())
                .singleElement()
                .asString()
                .contains("examples.format is protobuf, but label is not set");
    }
}
