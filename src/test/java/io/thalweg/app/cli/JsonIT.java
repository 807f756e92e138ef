package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.JsonSchemaText;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.CommittedTopic;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.testing.Programs;
import java.io.IOException;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Plain JSON, without a schema registry, with the programs of others as producers and consumers. */
@Timeout(600)
class JsonIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int FIRST = 300;
    private static final int SECOND = 100;

    @TempDir
    private static Path directory;

    private static EmbeddedBroker broker;

    @BeforeAll
    static void start() {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    private static CommandRun thalweg(Path settings, String... arguments) {
        return CommandRun.of(Stream.concat(Arrays.stream(arguments), Stream.of("--config", settings.toString()))
                .toArray());
    }

    private static Path settings(String name, String more) throws IOException {
        StringBuilder text = new StringBuilder("""
                bootstrap.servers=%s
                schema.registry.url=
                application.id=%s
                examples.format=json
                output.format=json
                topics.compression=gzip
                """.formatted(broker.bootstrapServers(), name));
        for (String topic : List.of("examples", "predictions", "weights", "metrics", "dead.letters", "outcomes")) {
            text.append("%s.topic=%s-%1$s%n".formatted(topic, name));
        }
        return Files.writeString(directory.resolve(name + ".properties"), text + more);
    }

    /** An order as JSON; half of the expensive ones come back. */
    private static String order(int i) {
        String customer = "{\"age\": %d, \"country\": \"%s\"}".formatted(20 + i % 50, i % 3 == 0 ? "DE" : "FR");
        return ("{\"id\": \"o%d\", \"customer\": %s, \"amount\": \"%d.50\", \"tags\": [\"a\", \"t%d\"],"
                        + " \"returned\": %s}")
                .formatted(i, customer, i % 100, i % 7, i % 100 > 50 && i % 2 == 0);
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    private static Process program(Path log, Path in, String... command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectError(directory.resolve(log.getFileName() + ".err").toFile())
                .redirectOutput(log.toFile());
        if (in != null) {
            builder.redirectInput(in.toFile());
        }
        return builder.start();
    }

    private static List<String> run(String name, Path in, String... command) throws Exception {
        Path log = directory.resolve(name);
        Process process = program(log, in, command);
        try {
            assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                    .as(name)
                    .isTrue();
            assertThat(process.exitValue())
                    .as(() -> name + read(log) + read(directory.resolve(name + ".err")))
                    .isZero();
        } finally {
            process.destroyForcibly();
        }
        return Files.readAllLines(log);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static List<JsonNode> json(List<String> lines) throws IOException {
        List<JsonNode> nodes = new ArrayList<>();
        for (String line : lines) {
            nodes.add(JSON.readTree(line));
        }
        return nodes;
    }

    private static List<String> console(String name, String tool, Path in, String... arguments) throws Exception {
        return run(
                name,
                in,
                Stream.concat(
                                Stream.of(
                                        java(),
                                        "-cp",
                                        System.getProperty("java.class.path"),
                                        tool,
                                        "--bootstrap-server",
                                        broker.bootstrapServers()),
                                Stream.of(arguments))
                        .toArray(String[]::new));
    }

    /** Returns the programs with kafkajs, which are made when they are first needed. */
    private static Path javascript() throws Exception {
        Path project = directory.resolve("javascript");
        Path clients = project.resolve("clients.mjs");
        if (Files.exists(clients)) {
            return clients;
        }
        Files.createDirectories(project);
        for (String file : List.of("package.json", "package-lock.json")) {
            Files.copy(Path.of("examples", "javascript", file), project.resolve(file));
        }
        Programs.run(project, Programs.find("npm", "npm"), "ci", "--prefer-offline", "--silent");
        Files.writeString(clients, """
                import { Kafka, logLevel } from 'kafkajs';
                import { readFileSync } from 'node:fs';
                const [, , what, broker, topic, argument] = process.argv;
                const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
                if (what === 'send') {
                  const producer = kafka.producer();
                  await producer.connect();
                  const lines = readFileSync(argument, 'utf8').split('\\n').filter((line) => line !== '');
                  // a key in Base64 can precede the value, with a tab between them
                  const messages = lines.map((line) => line.split('\\t')).map((parts) => parts.length === 1
                    ? { value: parts[0] }
                    : { key: Buffer.from(parts[0], 'base64'), value: parts[1] });
                  await producer.send({ topic, messages });
                  await producer.disconnect();
                } else {
                  const consumer = kafka.consumer({ groupId: 'reader-' + topic });
                  await consumer.connect();
                  await consumer.subscribe({ topic, fromBeginning: true });
                  let left = Number(argument);
                  await new Promise((done) => consumer.run({
                    autoCommit: false,
                    eachMessage: async ({ message }) => {
                      const text = message.value.toString();
                      JSON.parse(text);
                      if (left > 0) console.log(text);
                      left -= 1;
                      if (left === 0) done();
                    },
                  }));
                  await consumer.disconnect();
                }
                """);
        return clients;
    }

    /** Reads the first records of a topic with three programs of others, which must see the same. */
    private static List<JsonNode> readByEachProgram(String topic, int count) throws Exception {
        List<JsonNode> byConsole = json(console(
                "console-" + topic,
                "org.apache.kafka.tools.consumer.ConsoleConsumer",
                null,
                "--topic",
                topic,
                "--from-beginning",
                "--isolation-level",
                "read_committed",
                "--max-messages",
                "" + count));
        assertThat(byConsole).hasSize(count);
        assertThat(json(run(
                        "kcat-" + topic,
                        null,
                        Programs.find("kcat", "kcat").toString(),
                        "-b",
                        broker.bootstrapServers(),
                        "-t",
                        topic,
                        "-C",
                        "-q",
                        "-c",
                        "" + count,
                        "-o",
                        "beginning")))
                .isEqualTo(byConsole);
        assertThat(json(run(
                        "kafkajs-" + topic,
                        null,
                        Programs.find("node", "nodejs").toString(),
                        javascript().toString(),
                        "read",
                        broker.bootstrapServers(),
                        topic,
                        "" + count)))
                .isEqualTo(byConsole);
        return byConsole;
    }

    private static void sendByKafkaJs(String topic, Path lines) throws Exception {
        run(
                "send-" + topic,
                null,
                Programs.find("node", "nodejs").toString(),
                javascript().toString(),
                "send",
                broker.bootstrapServers(),
                topic,
                lines.toString());
    }

    @Test
    void fromNothingToPredictionsWithoutARegistry() throws Exception {
        Path settings = settings("orders", """
                label=returned
                id.field=id
                features.numeric=amount
                features.cross=customer.country*tags
                """);
        thalweg(settings, "topics", "--create").is(0);
        Path first = directory.resolve("first.jsonl");
        Files.write(
                first,
                Stream.iterate(0, i -> i + 1).limit(FIRST).map(JsonIT::order).toList());
        console("produce", "org.apache.kafka.tools.ConsoleProducer", first, "--topic", "orders-examples");

        Path loaded = directory.resolve("classes.log");
        Path log = directory.resolve("learner.log");
        Process learner = program(
                log,
                null,
                java(),
                "-Xlog:class+load:file=" + loaded,
                "-cp",
                System.getProperty("java.class.path"),
                Thalweg.class.getName(),
                "run",
                "--config",
                settings.toString(),
                "--set",
                "http.listen=127.0.0.1:0");
        try {
            assertThat(json(thalweg(
                                    settings,
                                    "watch",
                                    "predictions",
                                    "--from-beginning",
                                    "--limit",
                                    "" + FIRST,
                                    "--json")
                            .is(0)
                            .out()))
                    .hasSize(FIRST)
                    .allMatch(line -> line.get("value").get("probability").isDouble());
            List<String> more = new ArrayList<>();
            for (int i = FIRST; i < FIRST + SECOND; i++) {
                more.add(order(i));
            }
            more.addAll(
                    List.of("not JSON", "{\"id\": \"x\", \"returned\": true, \"a\": 1, \"a\": 2}", "{\"id\": \"y\"}"));
            Path second = Files.write(directory.resolve("second.jsonl"), more);
            sendByKafkaJs("orders-examples", second);

            int all = FIRST + SECOND;
            List<JsonNode> predictions = readByEachProgram("orders-predictions", all);
            for (int i = 0; i < all; i++) {
                assertThat(predictions.get(i).get("id").asText()).isEqualTo("o" + i);
                assertThat(predictions.get(i).get("offset").asLong()).isEqualTo(i);
                assertThat(predictions.get(i).get("probability").asDouble()).isBetween(0.0, 1.0);
            }
            List<JsonNode> letters = readByEachProgram("orders-dead.letters", 3);
            assertThat(letters)
                    .extracting(letter -> letter.get("reason").asText())
                    .containsExactly("UNREADABLE", "UNREADABLE", "NO_LABEL_FIELD");
            assertThat(letters.get(0).get("value").binaryValue())
                    .asString(StandardCharsets.UTF_8)
                    .isEqualTo("not JSON");
            assertThat(readByEachProgram("orders-weights", 1))
                    .allMatch(weights -> weights.get("model").asText().equals("default")
                            && weights.get("weights").get(0).get("weight").isNumber());
            assertThat(readByEachProgram("orders-metrics", 1))
                    .allMatch(metrics -> metrics.get("model").asText().equals("default")
                            && metrics.get("overall").get("logLoss").isNumber());
        } finally {
            learner.destroy();
            learner.waitFor();
        }
        assertThat(thalweg(settings, "verify").is(0).out()).anyMatch(line -> line.contains("400"));
        // the client of the registry, and the libraries that are packed with it
        List<String> classes = Files.readAllLines(loaded);
        assertThat(classes).anyMatch(line -> line.contains(" io.thalweg.registry.NoRegistry "));
        assertThat(classes)
                .noneMatch(line -> line.contains(" io.confluent.") || line.contains(" org.apache.pinot."))
                .noneMatch(line -> line.contains(" io.thalweg.registry.ConfluentSchemas "));
    }

    @Test
    void examplesAndLabelsInJsonComeFromFilesToo() throws Exception {
        Path settings = settings("clicks", """
                labels.topic=clicks-labels
                labels.format=json
                labels.wait.ms=1000000
                """);
        thalweg(settings, "topics", "--create").is(0);
        Path events = directory.resolve("events.csv");
        Path labels = directory.resolve("labels.csv");
        StringBuilder of = new StringBuilder("id,hour,browser,time\n");
        StringBuilder labelled = new StringBuilder("id,label,time\n");
        for (int i = 0; i < 50; i++) {
            of.append("v%d,%d,%s,%d%n".formatted(i, i % 24, i % 3 == 0 ? "fox" : "crow", 1_000_000 + i));
            labelled.append("v%d,%d,%d%n".formatted(i, i % 2, 1_000_100 + i));
        }
        Files.writeString(events, of);
        Files.writeString(labels, labelled);
        thalweg(settings, "produce", events.toString(), "--id-column", "id", "--time", "time")
                .is(0);
        thalweg(settings, "produce", labels.toString(), "--labels", "--time", "time")
                .is(0);
        Process learner = program(
                directory.resolve("clicks.log"),
                null,
                java(),
                "-cp",
                System.getProperty("java.class.path"),
                Thalweg.class.getName(),
                "run",
                "--config",
                settings.toString());
        try {
            assertThat(json(thalweg(settings, "watch", "outcomes", "--from-beginning", "--limit", "40", "--json")
                            .is(0)
                            .out()))
                    .hasSize(40);
            assertThat(readByEachProgram("clicks-outcomes", 40))
                    .allMatch(outcome -> outcome.get("outcome").asText().equals("LEARNED"))
                    .extracting(outcome -> outcome.get("id").asText())
                    .contains("v0", "v7");
        } finally {
            learner.destroy();
            learner.waitFor();
        }
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> thalweg(settings, "verify").exitCode() == 0);
    }

    @Test
    void aTopicInAnotherFormatStopsAtStart() throws Exception {
        Path settings = settings("mistaken", "label=returned\n");
        thalweg(settings, "topics", "--create").is(0);
        Path lines = Files.writeString(directory.resolve("mistaken.jsonl"), order(1) + "\n");
        console("mistaken", "org.apache.kafka.tools.ConsoleProducer", lines, "--topic", "mistaken-examples");

        assertThat(thalweg(settings, "run", "--set", "schema.registry.url=mock://none", "--set", "examples.format=avro")
                        .is(2)
                        .err())
                .singleElement()
                .asString()
                .contains("topic mistaken-examples holds JSON", "set examples.format=json");
        assertThat(thalweg(settings, "run", "--set", "output.format=avro").is(2).err())
                .singleElement()
                .asString()
                .contains("schema.registry.url is empty, but output.format = avro needs a schema registry");
        assertThat(thalweg(settings, "run", "--set", "label=gone").is(2).err())
                .singleElement()
                .asString()
                .contains("there is no field gone; the event has id, customer.age");
    }

    @Test
    void theIdsOfJsonSchemasAreLookedUpIfAskedAndVerifyKnowsWhatTheAnswerWas() throws Exception {
        String name = "looked-up";
        try (EmbeddedRegistry server = EmbeddedRegistry.start(null, 0);
                SchemaRegistryClient client = new CachedSchemaRegistryClient(
                        List.of(server.url()), 10, List.of(new JsonSchemaText.JsonSchemaProvider()), Map.of())) {
            Path settings = settings(name, "label=returned\njson.schema.lookup=true\nmodel.from=fixed:m\n");
            assertThat(thalweg(settings, "run").is(2).err())
                    .singleElement()
                    .asString()
                    .contains("schema.registry.url is empty, but json.schema.lookup = true needs a schema registry; set"
                            + " its address, or drop json.schema.lookup");
            Files.writeString(
                    settings,
                    Files.readString(settings).replace("schema.registry.url=", "schema.registry.url=" + server.url()));
            thalweg(settings, "topics", "--create").is(0);
            int id = client.register("orders-value", new JsonSchemaText("{\"type\": \"object\"}"));
            int later = id + 1;
            List<byte[]> values = List.of(framed(id, order(0)), framed(later, order(1)), utf8(order(2)));
            ThalwegConfig config = config(settings);
            try (Producer<byte[], byte[]> producer = new KafkaProducer<>(
                    Map.of("bootstrap.servers", broker.bootstrapServers()),
                    new ByteArraySerializer(),
                    new ByteArraySerializer())) {
                values.forEach(value -> producer.send(new ProducerRecord<>(name + "-examples", value)));
            }
            try (Registry registry = Registry.of(config, Duration.ofSeconds(10));
                    LearnerRuntime learner = LearnerRuntime.start(config, registry, registry)) {
                Awaitility.await()
                        .atMost(PATIENCE)
                        .dontCatchUncaughtExceptions()
                        .until(() -> CommittedTopic.read(config, name + "-predictions")
                                                .size()
                                        == 2
                                && CommittedTopic.read(config, name + "-dead.letters")
                                                .size()
                                        == 1);
                assertThat(learner.hasEnded()).isFalse();
            }
            assertThat(JSON.readTree(CommittedTopic.read(config, name + "-dead.letters")
                                    .get(0)
                                    .value())
                            .get("reason")
                            .asText())
                    .isEqualTo("UNKNOWN_SCHEMA");
            // the registry knows it by now, which does not change what was learned
            assertThat(client.register("others-value", new JsonSchemaText("{\"type\": \"object\", \"title\": \"T\"}")))
                    .isEqualTo(later);
            assertThat(thalweg(settings, "verify").is(0).out()).anyMatch(line -> line.startsWith("MATCHES"));
        }
        // and nor does it if the registry has lost them all
        try (EmbeddedRegistry empty = EmbeddedRegistry.start(null, 0)) {
            assertThat(thalweg(
                                    directory.resolve(name + ".properties"),
                                    "verify",
                                    "--set",
                                    "schema.registry.url=" + empty.url())
                            .is(0)
                            .out())
                    .anyMatch(line -> line.startsWith("MATCHES"));
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** A value as Confluent's JSON Schema serializer writes it. */
    private static byte[] framed(int id, String json) {
        byte[] text = utf8(json);
        return ByteBuffer.allocate(5 + text.length)
                .put((byte) 0)
                .putInt(id)
                .put(text)
                .array();
    }

    // ---- keys

    /** A model id as the key that a producer of others writes. */
    private static byte[] key(String format, int model, int schemaId) {
        return switch (format) {
            case "string" -> "shop ä %d".formatted(model).getBytes(StandardCharsets.UTF_8);
            case "long" -> ByteBuffer.allocate(8).putLong(model).array();
            case "json" -> "{\"id\": %d}".formatted(model).getBytes(StandardCharsets.UTF_8);
            // a long, which is zigzag
            default ->
                ByteBuffer.allocate(6)
                        .putInt(1, schemaId)
                        .put(5, (byte) (2 * model))
                        .array();
        };
    }

    private static int registerLong(EmbeddedRegistry server, String name) throws Exception {
        try (SchemaRegistryClient client = new CachedSchemaRegistryClient(server.url(), 10)) {
            return client.register(name + "-examples-key", new AvroSchema(Schema.create(Schema.Type.LONG)));
        }
    }

    private static String keyed(byte[] key, String value) {
        return Base64.getEncoder().encodeToString(key) + "\t" + value;
    }

    @ParameterizedTest
    @ValueSource(strings = {"string", "long", "json", "avro"})
    void keysOfOtherProducersNameTheModelsOfEventsAndLabels(String format) throws Exception {
        int events = 60;
        int models = 5;
        String name = "keys-" + format;
        try (EmbeddedRegistry server = EmbeddedRegistry.start(null, 0)) {
            Path settings = settings(name, """
                    key.format=%s
                    id.field=id
                    labels.topic=%s-labels
                    labels.wait.ms=1000000000
                    topics.partitions=3
                    """.formatted(format, name));
            if (format.equals("avro")) {
                Files.writeString(
                        settings,
                        Files.readString(settings)
                                .replace("schema.registry.url=", "schema.registry.url=" + server.url()));
            }
            thalweg(settings, "topics", "--create").is(0);
            ThalwegConfig config = config(settings);
            try (Registry registry = Registry.of(config, Duration.ofSeconds(10))) {
                int schemaId = format.equals("avro") ? registerLong(server, name) : 0;
                List<String> sentEvents = new ArrayList<>();
                List<String> sentLabels = new ArrayList<>();
                for (int i = 0; i < events; i++) {
                    byte[] key = key(format, i % models, schemaId);
                    sentEvents.add(keyed(key, "{\"id\":\"e%d\",\"amount\":%d}".formatted(i, i % 7)));
                    sentLabels.add(keyed(key, "{\"id\":\"e%d\",\"label\":%d}".formatted(i, i % 2)));
                }
                sentEvents.add(keyed(new byte[] {(byte) 0xff}, "{\"id\":\"bad\",\"amount\":1}"));
                sendByKafkaJs(name + "-examples", Files.write(directory.resolve(name + "-events"), sentEvents));
                sendByKafkaJs(name + "-labels", Files.write(directory.resolve(name + "-claims"), sentLabels));
                int more = format.equals("string") || format.equals("json") ? models : 0;
                if (more > 0) {
                    List<String> lines = new ArrayList<>();
                    for (int i = 0; i < more; i++) {
                        lines.add(new String(key(format, i, 0), StandardCharsets.UTF_8)
                                + "|{\"id\":\"c%d\",\"amount\":1}".formatted(i));
                    }
                    console(
                            name,
                            "org.apache.kafka.tools.ConsoleProducer",
                            Files.write(directory.resolve(name + "-lines"), lines),
                            "--topic",
                            name + "-examples",
                            "--reader-property",
                            "parse.key=true",
                            "--reader-property",
                            "key.separator=|");
                }
                more += produce(settings, format);
                int predicted = events + more;

                try (LearnerRuntime learner = LearnerRuntime.start(config, registry, registry)) {
                    Awaitility.await()
                            .atMost(PATIENCE)
                            .dontCatchUncaughtExceptions()
                            .until(() -> CommittedTopic.read(config, name + "-outcomes")
                                                    .size()
                                            == events
                                    && CommittedTopic.read(config, name + "-predictions")
                                                    .size()
                                            == predicted);
                    assertThat(learner.hasEnded()).isFalse();
                }
            }
            List<ConsumerRecord<byte[], byte[]>> predictions = CommittedTopic.read(config, name + "-predictions");
            Map<String, Set<Integer>> partitions = new TreeMap<>();
            predictions.forEach(record -> partitions
                    .computeIfAbsent(new String(record.key(), StandardCharsets.UTF_8), model -> new TreeSet<>())
                    .add(record.partition()));
            String prefix = format.equals("string") ? "shop ä " : "";
            for (int i = 0; i < models; i++) {
                assertThat(partitions.get(prefix + i)).hasSize(1);
            }
            assertThat(CommittedTopic.read(config, name + "-outcomes"))
                    .allMatch(record -> new String(record.value(), StandardCharsets.UTF_8).contains("\"LEARNED\""));
            assertThat(CommittedTopic.read(config, name + "-dead.letters"))
                    .singleElement()
                    .satisfies(record -> assertThat(new String(record.value(), StandardCharsets.UTF_8))
                            .contains("\"BAD_KEY\""));
            thalweg(settings, "verify").is(0);
        }
    }

    /** Sends an event of a model with `produce`. Returns how many it sent. */
    private static int produce(Path settings, String format) throws IOException {
        Path event = Files.writeString(
                directory.resolve("one-" + format + ".jsonl"), "{\"id\": \"p\", \"features\": {\"amount\": 2}}\n");
        String model = format.equals("string") ? "shop ä 3" : "3";
        CommandRun sent = thalweg(settings, "produce", event.toString(), "--model", model);
        if (format.equals("avro") || format.equals("json")) {
            // the key of a model can be written in several ways, each of which can lead to another partition
            assertThat(sent.is(2).err()).singleElement().asString().contains("key.format is " + format);
            return 0;
        }
        sent.is(0);
        if (format.equals("long")) {
            assertThat(thalweg(settings, "produce", event.toString(), "--model", "shop")
                            .is(2)
                            .err())
                    .singleElement()
                    .asString()
                    .contains("model shop is not a whole number", "key.format = long");
        }
        return 1;
    }

    private static ThalwegConfig config(Path settings) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(settings)) {
            properties.load(reader);
        }
        Map<String, Object> values = new HashMap<>();
        properties.forEach((setting, value) -> values.put((String) setting, value));
        return new ThalwegConfig(values);
    }

    // ---- the guide

    private static String block(String page, String language) {
        Matcher block = Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL)
                .matcher(page.substring(page.indexOf("\n## JSON without a schema registry")));
        assertThat(block.find()).as(language).isTrue();
        return block.group(1);
    }

    /** The commands as they stand, but for the address of the broker and where the program is. */
    @Test
    void theFiveCommandsOfTheGuideLeadToPredictions() throws Exception {
        Programs.find("kcat", "kcat");
        String page = Files.readString(Path.of("docs/guides/formats.md"));
        Path place = Files.createDirectories(directory.resolve("guide"));
        Path settings = Files.writeString(
                place.resolve("orders.properties"),
                block(page, "properties") + "bootstrap.servers=" + broker.bootstrapServers() + "\n");
        Path program = Files.createDirectories(place.resolve("bin")).resolve("thalweg");
        Files.writeString(
                program,
                "#!/bin/sh\nexec %s -cp '%s' %s \"$@\"\n"
                        .formatted(java(), System.getProperty("java.class.path"), Thalweg.class.getName()));
        assertThat(program.toFile().setExecutable(true)).isTrue();
        String commands = block(page, "sh");
        assertThat(commands.lines()).hasSize(5);
        Path script = Files.writeString(
                place.resolve("commands.sh"), commands.replace("localhost:9092", broker.bootstrapServers()));
        Path printed = place.resolve("printed");

        // line by line, as in a terminal
        Process shell = new ProcessBuilder("stdbuf", "-oL", "bash", "-e", script.toString())
                .directory(place.toFile())
                .redirectErrorStream(true)
                .redirectOutput(printed.toFile())
                .start();
        try {
            Awaitility.await()
                    .atMost(PATIENCE)
                    .failFast(
                            () -> assertThat(shell.isAlive()).as(read(printed)).isTrue())
                    .until(() -> predictions(printed).size() == 1000);
        } finally {
            shell.descendants().forEach(ProcessHandle::destroy);
            shell.destroy();
            shell.waitFor();
        }
        assertThat(json(predictions(printed)))
                .allMatch(prediction -> prediction.get("probability").isDouble()
                        && prediction.get("label").isNumber())
                .extracting(prediction -> prediction.get("id").asText())
                .startsWith("o1", "o2")
                .endsWith("o1000");
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> thalweg(settings, "verify").exitCode() == 0);
    }

    private static List<String> predictions(Path printed) throws IOException {
        try (Stream<String> lines = Files.lines(printed)) {
            // the last line may not be complete yet
            return lines.filter(line -> line.startsWith("{") && line.endsWith("}"))
                    .toList();
        }
    }
}
