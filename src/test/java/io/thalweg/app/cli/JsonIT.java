package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.testing.Programs;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

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

    private record Result(int exitCode, List<String> out, List<String> err) {
        Result is(int expected) {
            assertThat(exitCode).as("%s", this).isEqualTo(expected);
            return this;
        }
    }

    private static Result thalweg(Path settings, String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Thalweg.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(Stream.concat(Arrays.stream(arguments), Stream.of("--config", settings.toString()))
                        .toArray(String[]::new));
        return new Result(
                exitCode,
                out.toString().lines().toList(),
                err.toString().lines().toList());
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

    private static Path javascript() throws Exception {
        Path project = Files.createDirectories(directory.resolve("javascript"));
        for (String file : List.of("package.json", "package-lock.json")) {
            Files.copy(Path.of("examples", "javascript", file), project.resolve(file));
        }
        Programs.run(project, Programs.find("npm", "npm"), "ci", "--prefer-offline", "--silent");
        Files.writeString(project.resolve("clients.mjs"), """
                import { Kafka, logLevel } from 'kafkajs';
                import { readFileSync } from 'node:fs';
                const [, , what, broker, topic, argument] = process.argv;
                const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
                if (what === 'send') {
                  const producer = kafka.producer();
                  await producer.connect();
                  const lines = readFileSync(argument, 'utf8').split('\\n').filter((line) => line !== '');
                  await producer.send({ topic, messages: lines.map((value) => ({ value })) });
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
        return project.resolve("clients.mjs");
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
            Path clients = javascript();
            List<String> more = new ArrayList<>();
            for (int i = FIRST; i < FIRST + SECOND; i++) {
                more.add(order(i));
            }
            more.addAll(
                    List.of("not JSON", "{\"id\": \"x\", \"returned\": true, \"a\": 1, \"a\": 2}", "{\"id\": \"y\"}"));
            Path second = Files.write(directory.resolve("second.jsonl"), more);
            String node = Programs.find("node", "nodejs").toString();
            run(
                    "send",
                    null,
                    node,
                    clients.toString(),
                    "send",
                    broker.bootstrapServers(),
                    "orders-examples",
                    "" + second);

            int all = FIRST + SECOND;
            List<JsonNode> byConsole = json(console(
                    "consume",
                    "org.apache.kafka.tools.consumer.ConsoleConsumer",
                    null,
                    "--topic",
                    "orders-predictions",
                    "--from-beginning",
                    "--isolation-level",
                    "read_committed",
                    "--max-messages",
                    "" + all));
            assertThat(byConsole).hasSize(all);
            for (int i = 0; i < all; i++) {
                assertThat(byConsole.get(i).get("id").asText()).isEqualTo("o" + i);
                assertThat(byConsole.get(i).get("offset").asLong()).isEqualTo(i);
                assertThat(byConsole.get(i).get("probability").asDouble()).isBetween(0.0, 1.0);
            }
            assertThat(json(run(
                            "kcat",
                            null,
                            Programs.find("kcat", "kcat").toString(),
                            "-b",
                            broker.bootstrapServers(),
                            "-t",
                            "orders-predictions",
                            "-C",
                            "-q",
                            "-c",
                            "" + all,
                            "-o",
                            "beginning")))
                    .isEqualTo(byConsole);
            assertThat(json(run(
                            "kafkajs",
                            null,
                            node,
                            clients.toString(),
                            "read",
                            broker.bootstrapServers(),
                            "orders-predictions",
                            "" + all)))
                    .isEqualTo(byConsole);
            List<JsonNode> letters = json(console(
                    "letters",
                    "org.apache.kafka.tools.consumer.ConsoleConsumer",
                    null,
                    "--topic",
                    "orders-dead.letters",
                    "--from-beginning",
                    "--max-messages",
                    "3"));
            assertThat(letters)
                    .extracting(letter -> letter.get("reason").asText())
                    .containsExactly("UNREADABLE", "UNREADABLE", "NO_LABEL_FIELD");
            assertThat(letters.get(0).get("value").binaryValue())
                    .asString(StandardCharsets.UTF_8)
                    .isEqualTo("not JSON");
            for (String topic : List.of("orders-weights", "orders-metrics")) {
                assertThat(json(console(
                                topic,
                                "org.apache.kafka.tools.consumer.ConsoleConsumer",
                                null,
                                "--topic",
                                topic,
                                "--from-beginning",
                                "--max-messages",
                                "1")))
                        .allMatch(value -> value.get("model").asText().equals("default"));
            }
        } finally {
            learner.destroy();
            learner.waitFor();
        }
        assertThat(thalweg(settings, "verify").is(0).out()).anyMatch(line -> line.contains("400"));
        assertThat(Files.lines(loaded).filter(line -> line.contains("io.confluent")))
                .as("classes of the registry's client")
                .isEmpty();
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
}
