package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.testing.FreePort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Commands as processes, and how they end. */
@Timeout(180)
class RunIT {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    private static Process start(List<String> options, String... words) throws IOException {
        List<String> command = new ArrayList<>();
        if (isInterruptIgnored()) {
            command.addAll(List.of("env", "--default-signal=INT"));
        }
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Thalweg.class.getName()));
        command.addAll(List.of(words));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    /** Whether this process, and those that it starts, ignore SIGINT. A shell lets commands in the background do so. */
    private static boolean isInterruptIgnored() throws IOException {
        Path status = Path.of("/proc/self/status");
        return Files.exists(status)
                && Files.readAllLines(status).stream()
                        .filter(line -> line.startsWith("SigIgn:"))
                        .anyMatch(line ->
                                (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 1 << 2 - 1) != 0);
    }

    private static void signal(Process process, String name) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid()))
                        .inheritIO()
                        .start()
                        .waitFor())
                .isZero();
    }

    private static String outputOf(Process process) throws IOException {
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT"})
    void aStopInTheFirstSecondsIsCleanToo(String signal) throws Exception {
        try (ServerSocket registry = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Process process =
                    start(List.of(), "run", "--set", "schema.registry.url=http://127.0.0.1:" + registry.getLocalPort());
            try (Socket asked = registry.accept()) {
                assertThat(asked.isConnected()).isTrue();
                signal(process, signal);
                assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
                assertThat(process.exitValue()).isZero();
                assertThat(outputOf(process)).doesNotContain("Exception");
            } finally {
                process.destroyForcibly();
            }
        }
    }

    @Test
    void aLearnerThatCannotCommitWhenItIsStoppedExitsWith5() throws Exception {
        String[] settings = {
            "examples.format=json",
            "output.format=json",
            "commit.interval.ms=120000",
            "producer.transaction.timeout.ms=240000"
        };
        EmbeddedBroker broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        Process learner = null;
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
            Path csv = Files.writeString(directory.resolve("clicks.csv"), "hour,label\n0.5,1\n0.25,0\n");
            for (List<String> command : List.of(List.of("topics", "--create"), List.of("produce", csv.toString()))) {
                assertThat(Thalweg.commandLine()
                                .execute(words(broker, settings, command).toArray(String[]::new)))
                        .isZero();
            }
            learner = start(List.of(), words(broker, settings, List.of("run")).toArray(String[]::new));
            TopicPartition predictions = new TopicPartition("predictions", 0);
            Process running = learner;
            Awaitility.await("predictions that are not committed yet")
                    .atMost(PATIENCE)
                    .until(() -> !running.isAlive()
                            || admin.listOffsets(
                                                    Map.of(predictions, OffsetSpec.latest()),
                                                    new ListOffsetsOptions(IsolationLevel.READ_UNCOMMITTED))
                                            .partitionResult(predictions)
                                            .get()
                                            .offset()
                                    > 0);
            assertThat(learner.isAlive()).isTrue();
            broker.close();
            signal(learner, "TERM");
            assertThat(learner.waitFor(90, TimeUnit.SECONDS)).isTrue();
            assertThat(learner.exitValue()).as(outputOf(learner)).isEqualTo(5);
        } finally {
            broker.close();
            if (learner != null) {
                learner.destroyForcibly();
            }
        }
    }

    private static List<String> words(EmbeddedBroker broker, String[] settings, List<String> command) {
        List<String> words = new ArrayList<>(command);
        words.addAll(List.of("--set", "bootstrap.servers=" + broker.bootstrapServers()));
        for (String setting : settings) {
            words.addAll(List.of("--set", setting));
        }
        return words;
    }

    private static CommandRun thalweg(EmbeddedBroker broker, String[] settings, String... command) {
        return CommandRun.of(words(broker, settings, List.of(command)));
    }

    @Test
    void aRegistryThatIsNotThereExitsWith3() throws Exception {
        int free = FreePort.find();
        String[] settings = {"schema.registry.url=http://127.0.0.1:" + free, "registry.retry.max.ms=0"};
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory.resolve("broker"), 0)) {
            thalweg(broker, settings, "topics", "--create").is(0);
            CommandRun run = thalweg(broker, settings, "run");
            run.isOneLine(3, "http://127.0.0.1:" + free);
        }
    }

    @Test
    void stateThatCannotBeReadExitsWith4() throws Exception {
        String[] settings = {"examples.format=json", "output.format=json"};
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory.resolve("broker"), 0)) {
            thalweg(broker, settings, "topics", "--create").is(0);
            Map<String, Object> client = Map.of("bootstrap.servers", broker.bootstrapServers());
            try (Admin admin = Admin.create(client);
                    Producer<byte[], byte[]> producer =
                            new KafkaProducer<>(client, new ByteArraySerializer(), new ByteArraySerializer())) {
                String changelog = "thalweg-weights-changelog";
                admin.createTopics(List.of(new NewTopic(changelog, 1, (short) 1)))
                        .all()
                        .get();
                producer.send(new ProducerRecord<>(changelog, new byte[] {99}, new byte[] {1, 2, 3}))
                        .get();
            }
            CommandRun run = thalweg(broker, settings, "run");
            run.isOneLine(4, "changelog");
        }
    }

    /** The option is one of those that the launcher gives. */
    @Test
    void aHeapThatIsTooSmallExitsWith3() throws Exception {
        StringBuilder row = new StringBuilder();
        StringBuilder head = new StringBuilder();
        for (int i = 0; i < 2_000; i++) {
            head.append('c').append(i).append(',');
            row.append("v%d,");
        }
        StringBuilder text = new StringBuilder(head).append("label\n");
        for (int i = 0; i < 1_000; i++) {
            text.append(row.toString().replace("%d", String.valueOf(i)))
                    .append(i % 2)
                    .append('\n');
        }
        Path csv = Files.writeString(directory.resolve("categories.csv"), text);
        Process process = start(
                List.of("-XX:+ExitOnOutOfMemoryError", "-Xmx40m"),
                "evaluate",
                "--file",
                csv.toString(),
                "--label",
                "label",
                "--set",
                "algorithm=auto");
        String output = outputOf(process);
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isEqualTo(3);
        assertThat(output).contains("java.lang.OutOfMemoryError");
    }
}
