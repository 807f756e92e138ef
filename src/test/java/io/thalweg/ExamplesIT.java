package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.app.cli.Thalweg;
import io.thalweg.avro.Example;
import io.thalweg.registry.ConfluentSchemas;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Utils;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Builds and runs the programs in {@code examples} against {@code thalweg local}, as projects of somebody else: with
 * our jar as it would be released, or without it.
 */
class ExamplesIT {
    private static final Path EXAMPLES = Path.of("examples");
    private static final Path BUILD = Path.of("target/examples").toAbsolutePath();

    /** A local repository of the examples' own, so that the jar under test never gets into the user's. */
    private static final Path REPOSITORY = Path.of("target/examples-repository").toAbsolutePath();

    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /** A build may have to download. */
    private static final Duration BUILD_PATIENCE = Duration.ofMinutes(10);

    private static final int ORDERS = 1000;

    /** The exit code of a JVM that was asked to stop. */
    private static final int STOPPED = 128 + 15;

    @TempDir
    private static Path directory;

    private static Program local;
    private static String broker;
    private static String registry;
    private static ConfluentSchemas schemas;

    private final List<Program> running = new ArrayList<>();

    /** A process, and what it prints. */
    private record Program(String name, Process process, Path log) {
        static Program start(String name, Path in, List<String> command, Map<String, String> environment)
                throws IOException {
            Path log = Files.createTempFile(directory, "program", ".log");
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(in.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile());
            builder.environment().putAll(environment);
            return new Program(name, builder.start(), log);
        }

        String printed() throws IOException {
            return Files.readString(log);
        }

        @Override
        public String toString() {
            try {
                return name + " printed\n" + printed();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }

        Matcher awaitPrinted(String pattern) throws IOException {
            Pattern wanted = Pattern.compile(pattern);
            await("\"" + pattern + "\"", () -> wanted.matcher(printed()).find());
            Matcher found = wanted.matcher(printed());
            assertThat(found.find()).isTrue();
            return found;
        }

        void awaitRecords(String topic, int count) {
            await(count + " records in topic " + topic, () -> read(topic).size() >= count);
        }

        private void await(String what, Callable<Boolean> condition) {
            Awaitility.await()
                    .atMost(PATIENCE)
                    .failFast(() -> assertThat(process.isAlive())
                            .as(() -> "it runs until " + what + ": " + this)
                            .isTrue())
                    .untilAsserted(() -> assertThat(condition.call())
                            .as(() -> what + ": " + this)
                            .isTrue());
        }

        String awaitEnd(Duration patience, int exitCode) throws Exception {
            try {
                assertThat(process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS))
                        .as(() -> "it ends: " + this)
                        .isTrue();
            } finally {
                kill();
            }
            assertThat(process.exitValue()).as(() -> "exit code: " + this).isEqualTo(exitCode);
            return printed();
        }

        void stop() throws Exception {
            process.destroy();
            // SLF4J says so where it finds no back end, and nothing is logged
            assertThat(awaitEnd(PATIENCE, STOPPED)).doesNotContain("SLF4J");
        }

        void kill() throws InterruptedException {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor();
        }
    }

    @BeforeAll
    static void sendOrders() throws Exception {
        copyExamples();
        release();
        local = Program.start(
                "local",
                Path.of("").toAbsolutePath(),
                List.of(
                        java(),
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Thalweg.class.getName(),
                        "local",
                        "--config",
                        EXAMPLES.resolve("orders.properties").toString(),
                        "--data",
                        directory.resolve("data").toString(),
                        "--port",
                        "0",
                        "--registry-port",
                        "0"),
                Map.of());
        Matcher addresses = local.awaitPrinted("broker +localhost:(\\d+)\\n +registry +http://localhost:(\\d+)\\n");
        broker = "127.0.0.1:" + addresses.group(1);
        registry = "http://127.0.0.1:" + addresses.group(2);
        schemas = new ConfluentSchemas(Map.of("schema.registry.url", registry), PATIENCE);

        Path javascript = BUILD.resolve("javascript");
        Program.start("npm ci", javascript, List.of("npm", "ci", "--prefer-offline"), Map.of())
                .awaitEnd(BUILD_PATIENCE, 0);
        Program.start("produce.mjs", javascript, List.of("node", "produce.mjs", String.valueOf(ORDERS)), addresses())
                .awaitEnd(PATIENCE, 0);
    }

    @AfterAll
    static void stopLocal() throws Exception {
        if (schemas != null) {
            schemas.close();
        }
        if (local != null) {
            local.kill();
        }
    }

    @AfterEach
    void killWhatStillRuns() throws InterruptedException {
        for (Program program : running) {
            program.kill();
        }
    }

    @Test
    void readsPredictionsInJavaScript() throws Exception {
        String printed = Program.start(
                        "predictions.mjs",
                        BUILD.resolve("javascript"),
                        List.of("node", "predictions.mjs", String.valueOf(ORDERS)),
                        addresses())
                .awaitEnd(PATIENCE, 0);

        assertThat(printed.lines().filter(line -> line.matches(".* probability 0\\.\\d{3}  (returned|kept)")))
                .hasSize(ORDERS);
        Matcher sum = Pattern.compile(ORDERS + " orders: log loss (\\S+), the base rate's (\\S+)")
                .matcher(printed);
        assertThat(sum.find()).as(printed).isTrue();
        assertThat(Double.parseDouble(sum.group(1))).isLessThan(0.8 * Double.parseDouble(sum.group(2)));
    }

    @Test
    void joinsPredictionsToOrders() throws Exception {
        build("join-streams", "kafka.version", "avro.version");

        Program join = start("join-streams", "com.example.join.ScoredOrders");
        join.awaitRecords("scored-orders", ORDERS);
        join.stop();

        Map<String, Object> predicted = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : read("predictions")) {
            GenericRecord prediction = decode(record.value());
            if (prediction.get("label") == null) {
                predicted.put(prediction.get("id").toString(), prediction.get("probability"));
            }
        }
        Map<String, Object> placed = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : read("orders")) {
            GenericRecord order = decode(record.value());
            if (order.get("returned") == null) {
                placed.put(text(record.key()), order.get("amount"));
            }
        }
        List<ConsumerRecord<byte[], byte[]>> scored = read("scored-orders");
        assertThat(scored).hasSize(ORDERS);
        Map<String, Object> probabilities = new HashMap<>();
        Map<String, Object> amounts = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : scored) {
            GenericRecord order = decode(record.value());
            probabilities.put(text(record.key()), order.get("probability"));
            amounts.put(order.get("id").toString(), order.get("amount"));
        }
        assertThat(probabilities).isEqualTo(predicted).hasSize(ORDERS);
        assertThat(amounts).isEqualTo(placed);
    }

    @Test
    void embedsTheLearnerAndNothingElse() throws Exception {
        build("embed-java", "thalweg.version");
        try (Stream<Path> jars = Files.list(BUILD.resolve("embed-java/target/dependency"))) {
            assertThat(jars.map(jar -> jar.getFileName().toString()))
                    .contains("thalweg-" + System.getProperty("thalweg.version") + ".jar")
                    .noneMatch(jar -> jar.matches(
                            "(picocli|javalin|logback|commons-csv|kafka_|kafka-server|kafka-metadata|pinot).*"));
        }
        String topic = "examples-of-embed-java";
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
            admin.createTopics(List.of(new NewTopic(topic, Optional.empty(), Optional.empty())))
                    .all()
                    .get();
        }
        Path settings =
                Files.writeString(directory.resolve("alerts.properties"), """
                bootstrap.servers=%s
                schema.registry.url=%s
                application.id=order-alerts
                examples.topic=%s
                dead.letters.topic=order-alerts-dead-letters
                learning.rate=0.5
                """.formatted(broker, registry, topic));

        Program service = start("embed-java", "com.example.alerts.AlertService", settings.toString(), "0.5");
        service.awaitPrinted("The service is running\\.");
        send(topic, example("first", null, 2), example(null, 1.0, 2), example("second", null, 2));
        send(topic, example("unlikely", null, -2), new byte[] {1, 2, 3});
        service.awaitRecords("order-alerts", 2);
        service.stop();

        // it goes on with what it has learned
        Program successor = start("embed-java", "com.example.alerts.AlertService", settings.toString(), "0.5");
        send(topic, example("third", null, 2));
        successor.awaitRecords("order-alerts", 3);
        successor.stop();

        // one step at α = 0.5 on x = 2, y = 1: z is 0, then w·x + b = 0.5·2 + 0.25
        assertThat(alerts())
                .containsExactly(
                        "first {\"probability\": 0.5, \"modelVersion\": 0}",
                        "second {\"probability\": 0.7772998611746911, \"modelVersion\": 1}",
                        "third {\"probability\": 0.7772998611746911, \"modelVersion\": 1}");
        assertThat(read("order-alerts-dead-letters")).singleElement().satisfies(letter -> {
            assertThat(letter.value()).containsExactly(1, 2, 3);
            assertThat(text(letter.headers().lastHeader("thalweg.reason").value()))
                    .isEqualTo("UNREADABLE");
        });
    }

    private static List<String> alerts() {
        return read("order-alerts").stream()
                .map(record -> text(record.key()) + " " + text(record.value()))
                .toList();
    }

    /**
     * Builds as the README of the example says.
     *
     * @param versions the properties that its POM leaves to the command line
     */
    private static void build(String example, String... versions) throws Exception {
        Path in = BUILD.resolve(example);
        List<String> build = Stream.concat(
                        Stream.of("compile", "dependency:copy-dependencies"),
                        Stream.of(versions).map(version -> "-D" + version + "=" + System.getProperty(version)))
                .toList();
        assertThat(in.resolve("README.md"))
                .content()
                .contains("mvn -q -f examples/" + example + " " + String.join(" ", build) + "\n");

        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("maven.home"), "bin/mvn").toString(),
                "--batch-mode",
                "--quiet",
                "--global-settings",
                settings().toString(),
                "-Dmaven.repo.local=" + REPOSITORY));
        command.addAll(build);
        // a run this short is faster without the JVM's second compiler
        Program.start("mvn of " + example, in, command, Map.of("MAVEN_OPTS", "-XX:TieredStopAtLevel=1"))
                .awaitEnd(BUILD_PATIENCE, 0);
    }

    private Program start(String example, String main, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                java(),
                "-Xmx512m",
                // where Kafka Streams keeps its state
                "-Djava.io.tmpdir=" + directory,
                "-cp",
                "target/classes:target/dependency/*",
                main));
        command.addAll(List.of(arguments));
        Program program = Program.start(main, BUILD.resolve(example), command, addresses());
        running.add(program);
        return program;
    }

    private static String java() {
        return ProcessHandle.current().info().command().orElseThrow();
    }

    private static Map<String, String> addresses() {
        return Map.of("BOOTSTRAP_SERVERS", broker, "SCHEMA_REGISTRY_URL", registry);
    }

    /** What is committed in a topic of one partition, from its beginning. */
    private static List<ConsumerRecord<byte[], byte[]>> read(String topic) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", broker, "isolation.level", "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            if (!consumer.listTopics().containsKey(topic)) {
                return records;
            }
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (consumer.position(partition) < end) {
                consumer.poll(Duration.ofMillis(50)).forEach(records::add);
            }
        }
        return records;
    }

    private static void send(String topic, byte[]... values) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", broker), new ByteArraySerializer(), new ByteArraySerializer())) {
            for (byte[] value : values) {
                producer.send(new ProducerRecord<>(topic, "model".getBytes(StandardCharsets.UTF_8), value))
                        .get();
            }
        }
    }

    private static byte[] example(String id, Double label, double feature) throws IOException {
        int schemaId = schemas.idFor("examples-of-embed-java", Example.getClassSchema());
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, schemaId).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new SpecificDatumWriter<>(Example.class).write(new Example(id, label, 1.0, List.of(feature)), encoder);
        return out.toByteArray();
    }

    private static GenericRecord decode(byte[] value) throws Exception {
        Schema schema = schemas.writerSchema(ByteBuffer.wrap(value).getInt(1));
        return new GenericDatumReader<GenericRecord>(schema)
                .read(null, DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null));
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Where the Maven of the examples looks first: in what this build has downloaded, and only then elsewhere. */
    private static Path settings() throws IOException {
        String here =
                """
                <id>already-here</id><url>%s</url><releases><checksumPolicy>ignore</checksumPolicy></releases>\
                """.formatted(Path.of(System.getProperty("maven.repository")).toUri());
        return Files.writeString(BUILD.resolve("settings.xml"), """
                <settings>
                  <profiles>
                    <profile>
                      <id>already-here</id>
                      <repositories><repository>%1$s</repository></repositories>
                      <pluginRepositories><pluginRepository>%1$s</pluginRepository></pluginRepositories>
                    </profile>
                  </profiles>
                  <activeProfiles><activeProfile>already-here</activeProfile></activeProfiles>
                </settings>
                """.formatted(here));
    }

    private static void release() throws IOException {
        String version = System.getProperty("thalweg.version");
        Path release = Files.createDirectories(REPOSITORY.resolve("io/thalweg/thalweg/" + version));
        String name = "thalweg-" + version;
        Files.copy(
                Path.of(System.getProperty("thalweg.jar")),
                release.resolve(name + ".jar"),
                StandardCopyOption.REPLACE_EXISTING);
        Files.copy(Path.of("pom.xml"), release.resolve(name + ".pom"), StandardCopyOption.REPLACE_EXISTING);
    }

    /** Copies the examples, without what somebody has built in them. */
    private static void copyExamples() throws IOException {
        Utils.delete(BUILD.toFile());
        Set<Path> built = Set.of(Path.of("target"), Path.of("node_modules"));
        Files.walkFileTree(EXAMPLES, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path from, BasicFileAttributes attributes) throws IOException {
                if (built.contains(from.getFileName())) {
                    return FileVisitResult.SKIP_SUBTREE;
                }
                Files.createDirectories(BUILD.resolve(EXAMPLES.relativize(from)));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path from, BasicFileAttributes attributes) throws IOException {
                Files.copy(from, BUILD.resolve(EXAMPLES.relativize(from)), StandardCopyOption.REPLACE_EXISTING);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
