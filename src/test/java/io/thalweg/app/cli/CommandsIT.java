package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.CommittedTopic;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.store.KeyPartitioner;
import io.thalweg.testing.ClientThreads;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The commands as people use them, against a real broker and a real registry. */
@Timeout(300)
@Seeded
class CommandsIT {
    private static final ClientThreads CLIENTS = ClientThreads.before();

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private static Path directory;

    private static EmbeddedBroker broker;
    private static EmbeddedRegistry registry;

    @BeforeAll
    static void start() {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        registry = EmbeddedRegistry.start(null, 0);
    }

    @AfterAll
    static void stop() {
        registry.close();
        broker.close();
        CLIENTS.assertNoneSince();
    }

    /** A learner with its own name and its own topics. */
    private static final class Project {
        private final List<String> settings = new ArrayList<>();
        private final Map<String, String> values = new LinkedHashMap<>();

        Project(String name, String... more) {
            set("bootstrap.servers", broker.bootstrapServers());
            set("schema.registry.url", registry.url());
            set("application.id", name);
            for (String topic : List.of("examples", "predictions", "weights", "metrics", "dead.letters")) {
                set(topic + ".topic", name + "-" + topic);
            }
            set("metrics.every", "10");
            set("registry.retry.max.ms", "0");
            for (int i = 0; i < more.length; i += 2) {
                set(more[i], more[i + 1]);
            }
        }

        private void set(String name, String value) {
            values.put(name, value);
            settings.add("--set");
            settings.add(name + "=" + value);
        }

        CommandRun thalweg(String... arguments) {
            return CommandRun.of(
                    Stream.concat(Arrays.stream(arguments), settings.stream()).toArray());
        }

        ThalwegConfig config() {
            return new ThalwegConfig(values);
        }

        /** Runs a learner until the group has committed all examples, then does the rest while it runs. */
        void whileLearning(long examples, Runnable rest) {
            ThalwegConfig config = config();
            try (ConfluentSchemas schemas = new ConfluentSchemas(config.registry(), Duration.ZERO);
                    LearnerRuntime learner = LearnerRuntime.start(config, schemas, schemas);
                    Admin admin = KafkaSettings.admin(config)) {
                Awaitility.await().atMost(PATIENCE).until(() -> committed(admin) == examples);
                assertThat(learner.hasEnded()).isFalse();
                rest.run();
            }
        }

        private long committed(Admin admin) throws Exception {
            return admin
                    .listConsumerGroupOffsets(values.get("application.id"))
                    .partitionsToOffsetAndMetadata()
                    .get()
                    .values()
                    .stream()
                    .mapToLong(offset -> offset == null ? 0 : offset.offset())
                    .sum();
        }
    }

    private static List<JsonNode> json(CommandRun result) {
        return result.out().stream().map(CommandsIT::json).toList();
    }

    private static JsonNode json(String line) {
        try {
            return JSON.readTree(line);
        } catch (IOException e) {
            throw new AssertionError("no JSON: " + line, e);
        }
    }

    private static Path csv(String name, int rows) throws IOException {
        StringBuilder text = new StringBuilder("model,visit,hour,browser,label\n");
        for (int i = 0; i < rows; i++) {
            text.append(
                    "m%d,v%d,%s,%s,%d\n".formatted(i % 2, i, i % 24 / 24.0, i % 3 == 0 ? "fox" : "crow", i % 5 / 4));
        }
        return Files.writeString(directory.resolve(name), text);
    }

    @Test
    void fromAFileToAProofAndBackToTheBeginning() throws Exception {
        Project project = new Project("clicks");
        project.thalweg("topics", "--create").is(0);
        assertThat(project.thalweg("topics").is(0).out())
                .anyMatch(line -> line.contains("lz4, which kafkajs cannot read; topics.compression=gzip"))
                .last()
                .asString()
                .startsWith("✓");
        assertThat(project.thalweg("topics", "--set", "topics.compression=gzip")
                        .is(0)
                        .out())
                .noneMatch(line -> line.contains("kafkajs"));

        CommandRun produced = project.thalweg(
                        "produce", csv("clicks.csv", 100).toString(), "--model-column", "model", "--id-column", "visit")
                .is(0);
        assertThat(produced.out()).isEmpty();
        assertThat(produced.err())
                .containsExactly(
                        "label: label; model: model; id: visit; numbers: hour; categories: browser",
                        "sent 100 examples, 100 with a label, to clicks-examples (1 partition)");
        Path more = Files.writeString(directory.resolve("more.jsonl"), """
                {"model": "m0", "id": "dense", "label": 1, "features": [1, 2]}
                {"model": "m0", "label": 2, "features": {"a": 1}}
                {"model": "m0", "id": "ask", "features": {"browser=fox": 1}}
                {"model": "gone", "label": 1, "features": {"a": 1}}
                {"model": "gone", "delete": true}
                """);
        CommandRun skipped =
                project.thalweg("produce", more.toString(), "--skip-bad").is(0);
        assertThat(skipped.err())
                .containsExactly(
                        "skipped " + more
                                + ", line 2: the label is 2.0; a label must be from 0 to 1. If these are classes,"
                                + " compare them, such as with --label \"label == 2\"",
                        "sent 4 examples, 2 with a label, to clicks-examples (1 partition); skipped 1 that cannot be"
                                + " used");

        project.whileLearning(104, () -> {
            List<JsonNode> predictions =
                    json(project.thalweg("watch", "predictions", "--from-beginning", "--limit", "102", "--json")
                            .is(0));
            assertThat(predictions)
                    .extracting(line -> line.at("/value/offset").asLong())
                    .as("all but the dead letter at 100 and the deletion at 103")
                    .doesNotHaveDuplicates()
                    .doesNotContain(100L, 103L)
                    .hasSize(102);
            assertThat(predictions.get(0).get("key").textValue()).isEqualTo("m0");
            assertThat(predictions.get(0).at("/value/id").textValue()).isEqualTo("v0");
            assertThat(predictions.get(0).at("/value/probability").doubleValue())
                    .isEqualTo(0.5);

            assertThat(project.thalweg("watch", "predictions", "--from-beginning", "--limit", "2", "--model", "m1")
                            .is(0)
                            .out())
                    .hasSize(3)
                    .element(1)
                    .asString()
                    .contains("m1", "v1 ", "0.5000 █████ ", "0@1");
            assertThat(project.thalweg("watch", "dead-letters", "--from-beginning", "--limit", "1")
                            .is(0)
                            .out())
                    .element(1)
                    .asString()
                    .contains("FORM_DIFFERS", "clicks-examples-0@100", "m0");
            assertThat(project.thalweg("watch", "metrics", "--limit", "1").is(0).out())
                    .hasSize(2);
            assertThat(project.thalweg("watch", "weights", "--model", "m1", "--limit", "50")
                            .is(0)
                            .out())
                    .anyMatch(line -> line.startsWith("m1  version 50  "))
                    .anyMatch(line -> line.contains("browser=crow"))
                    .noneMatch(line -> line.contains("\033"));

            CommandRun running = project.thalweg("reset", "--yes").is(3);
            assertThat(running.err()).singleElement().asString().contains("learner clicks is running; stop");
        });

        assertThat(project.thalweg("verify").is(0).out()).last().asString().startsWith("MATCHES");
        JsonNode report = json(project.thalweg("verify", "--json").is(0)).get(0);
        assertThat(report.get("replay_matches").booleanValue()).isTrue();
        assertThat(report.get("predictions").intValue()).isEqualTo(102);
        assertThat(report.get("dead_letters").intValue()).isEqualTo(1);

        assertThat(project.thalweg("reset").is(2).err())
                .as("nobody to ask")
                .singleElement()
                .asString()
                .contains("--yes");
        project.thalweg("verify").is(0);
        CommandRun reset = project.thalweg("reset", "--yes").is(0);
        assertThat(reset.out())
                .anyMatch(line -> line.contains("clicks-weights-changelog"))
                .anyMatch(line -> line.contains("contents of topic clicks-predictions"))
                .anyMatch(line -> line.contains("contents of topic clicks-weights: 2 keys"));
        assertThat(project.thalweg("reset", "--yes").is(0).out())
                .containsExactly("there is nothing to delete for learner clicks");
        project.thalweg("topics").is(0);
        assertThat(project.thalweg("verify").is(3).out()).last().asString().startsWith("CANNOT VERIFY");

        project.whileLearning(104, () -> {});
        JsonNode again = json(project.thalweg("verify", "--json").is(0)).get(0);
        assertThat(again.get("predictions").intValue()).isEqualTo(102);

        project.thalweg("reset", "--yes", "--keep-outputs").is(0);
        project.whileLearning(104, () -> {});
        assertThat(project.thalweg("verify").is(1).out())
                .as("outputs that were kept are there twice")
                .anyMatch(line -> line.contains("DOUBLED"));
    }

    @Test
    void labelsThatComeLaterAreSentFromAFileOfTheirOwn() throws Exception {
        Project project = new Project(
                "later",
                "labels.topic",
                "later-labels",
                "outcomes.topic",
                "later-outcomes",
                "labels.id.field",
                "visit",
                "labels.label",
                "status == 'bought'",
                "labels.model.from",
                "field:shop",
                "topics.partitions",
                "2");
        assertThat(project.thalweg("topics", "--create").is(0).out())
                .contains("created later-labels", "created later-outcomes", "created later-by-model-labels");
        StringBuilder events = new StringBuilder("visit,at,shop,hour\n");
        StringBuilder labels = new StringBuilder("at,visit,shop,status\n");
        for (int i = 0; i < 40; i++) {
            events.append("v%d,%d,s%d,%s\n".formatted(i, 1_700_000_000_000L + i, i % 3, i % 24 / 24.0));
            labels.append(
                    "2023-11-14T22:13:21.%03dZ,v%d,s%d,%s\n".formatted(i, i, i % 3, i % 4 == 0 ? "bought" : "left"));
        }
        Path eventsFile = Files.writeString(directory.resolve("later.csv"), events);
        Path labelsFile = Files.writeString(directory.resolve("later-labels.csv"), labels.append("oops,v,s,left\n"));

        assertThat(project.thalweg("produce", eventsFile.toString(), "--model-column", "shop", "--time", "at")
                        .is(2)
                        .err())
                .singleElement()
                .asString()
                .contains("later.csv, line 2: it has neither a label nor an id", "--id-column");
        String[] columns = {"--model-column", "shop", "--time", "at", "--id-column", "visit"};
        assertThat(project.thalweg(Stream.concat(Stream.of("produce", eventsFile.toString()), Stream.of(columns))
                                .toArray(String[]::new))
                        .is(0)
                        .err())
                .containsExactly(
                        "model: shop; id: visit; timestamp: at; numbers: hour",
                        "sent 40 examples, 0 with a label, to later-examples (2 partitions)");
        assertThat(project.thalweg("produce", labelsFile.toString(), "--labels", "--time", "at", "--skip-bad")
                        .is(0)
                        .err())
                .containsExactly(
                        "skipped " + labelsFile
                                + ", line 42: column at is \"oops\", which is neither milliseconds since"
                                + " 1970 nor a timestamp such as 2026-05-01T12:00:00Z",
                        "label: status == 'bought'; model: shop; id: visit; timestamp: at",
                        "sent 40 labels to later-labels (2 partitions); skipped 1 that cannot be used");

        try (ConfluentSchemas schemas = new ConfluentSchemas(project.config().registry(), Duration.ZERO);
                LearnerRuntime learner = LearnerRuntime.start(project.config(), schemas, schemas)) {
            List<JsonNode> outcomes =
                    json(project.thalweg("watch", "outcomes", "--from-beginning", "--limit", "40", "--json")
                            .is(0));
            assertThat(outcomes).allSatisfy(line -> {
                assertThat(line.at("/value/outcome").textValue()).isEqualTo("LEARNED");
                int i = Integer.parseInt(line.at("/value/id").textValue().substring(1));
                assertThat(line.at("/value/label").doubleValue()).isEqualTo(i % 4 == 0 ? 1 : 0);
                assertThat(line.at("/value/delayMs").longValue()).isEqualTo(1000);
                assertThat(line.get("key").textValue()).isEqualTo("s" + i % 3);
            });
            assertThat(outcomes)
                    .extracting(line -> line.at("/value/id").textValue())
                    .doesNotHaveDuplicates();
            assertThat(learner.hasEnded()).isFalse();
        }
        assertThat(project.thalweg("verify").is(0).out()).last().asString().startsWith("MATCHES");
        assertThat(project.thalweg("reset", "--yes").is(0).out())
                .anyMatch(line -> line.contains("topic later-by-model-labels: the copies of the labels"))
                .anyMatch(line -> line.contains("the contents of topic later-outcomes"));
        project.thalweg("topics", "--create").is(0);
        assertThat(new Project("later", "labels.topic", "later-examples")
                        .thalweg("topics")
                        .is(2)
                        .err())
                .singleElement()
                .asString()
                .contains("examples.topic and labels.topic both name topic later-examples");
    }

    /** Of the labels, some come too late, some never. */
    @ParameterizedTest
    @CsvSource({"drop, 1", "negative, 2"})
    void topicsWithLabelsThatComeLaterAreEvaluatedAndTrainedOnAsTheFileTheyCameFrom(
            String missing, String partitions, Random random) throws Exception {
        String name = "joined-" + missing;
        Project project = new Project(
                name,
                "labels.topic",
                name + "-labels",
                "outcomes.topic",
                name + "-outcomes",
                "labels.model.from",
                "field:shop",
                "labels.wait.ms",
                "60000",
                "labels.missing",
                missing,
                "topics.partitions",
                partitions);
        project.thalweg("topics", "--create").is(0);
        StringBuilder all = new StringBuilder("id,at,shop,x,label,came\n");
        StringBuilder events = new StringBuilder("id,at,shop,x\n");
        TreeMap<Long, String> labels = new TreeMap<>();
        long start = 1_700_000_000_000L;
        int rows = 600;
        for (int i = 0; i < rows; i++) {
            double x = random.nextGaussian();
            // the last one lets the time of all others pass
            long at = start + (i < rows - 1 ? 1000L * i : 86_400_000L);
            String event = "e%d,%d,s%d,%s".formatted(i, at, i % 3, x);
            events.append(event).append('\n');
            if (i < rows - 1 && random.nextInt(10) == 0) {
                all.append(event).append(",,\n");
                continue;
            }
            int label = random.nextDouble() < 1 / (1 + StrictMath.exp(-2 * x)) ? 1 : 0;
            // no two labels, and no label and event, come at the same time; one in ten comes before its event
            long seconds = random.nextInt(10) == 0 ? -5 : random.nextInt(90);
            long came = at + 1000 * seconds + 1 + i;
            all.append(event).append(",%d,%d\n".formatted(label, came));
            labels.put(came, "%d,e%d,s%d,%d\n".formatted(came, i, i % 3, label));
        }
        Path allFile = Files.writeString(directory.resolve(name + ".csv"), all);
        Path eventsFile = Files.writeString(directory.resolve(name + "-events.csv"), events);
        Path labelsFile = Files.writeString(
                directory.resolve(name + "-labels.csv"), "came,id,shop,label\n" + String.join("", labels.values()));

        String[] columns = {"--model-column", "shop", "--time", "at", "--id-column", "id"};
        project.thalweg(Stream.concat(Stream.of("produce", eventsFile.toString()), Stream.of(columns))
                        .toArray(String[]::new))
                .is(0);
        project.thalweg("produce", labelsFile.toString(), "--labels", "--time", "came")
                .is(0);

        String[] evaluate = {"evaluate", "--file", allFile.toString(), "--label-time", "came", "--json"};
        JsonNode ofFile = figures(project.thalweg(
                Stream.concat(Arrays.stream(evaluate), Arrays.stream(columns)).toArray(String[]::new)));
        JsonNode ofTopics = figures(project.thalweg("evaluate", "--topic", "--json"));
        assertThat(ofTopics.get("in_time").intValue()).isBetween(100, labels.size() - 50);
        assertThat(ofTopics.get("given_up").intValue()).isPositive();
        for (String exact : List.of("examples", "unlabelled", "skipped", "labels", "in_time", "given_up")) {
            assertThat(ofTopics.get(exact)).as(exact).isEqualTo(ofFile.get(exact));
        }
        assertThat(ofTopics.get("delay_p50_ms")).isEqualTo(ofFile.get("delay_p50_ms"));
        for (String figure : List.of("log_loss", "auc", "accuracy", "calibration")) {
            assertThat(ofTopics.get(figure).doubleValue())
                    .as(figure)
                    .isCloseTo(ofFile.get(figure).doubleValue(), within(1e-9));
        }
        assertThat(project.thalweg("evaluate", "--topic").is(0).err())
                .anyMatch(line -> line.contains("read " + name + "-examples-0@0 to ") && line.contains("-labels-0@0"));

        String output = directory.resolve(name + ".avro").toString();
        JsonNode trained = json(lastLine(project.thalweg("train", "--topic", "--passes", "3", "--json", "-o", output)));
        if (missing.equals("drop")) {
            JsonNode onFile = json(lastLine(project.thalweg(
                    "train",
                    allFile.toString(),
                    "--model-column",
                    "shop",
                    "--id-column",
                    "id",
                    "--exclude",
                    "at,came",
                    "--passes",
                    "3",
                    "--json",
                    "-o",
                    output)));
            assertThat(trained.get("examples")).isEqualTo(onFile.get("examples"));
            assertThat(trained.get("losses")).isEqualTo(onFile.get("losses"));
        } else {
            assertThat(trained.get("examples").intValue()).isEqualTo(rows);
            // more than one of the partitions has
            JsonNode some = json(lastLine(
                    project.thalweg("train", "--topic", "--passes", "1", "--holdout", "0.7", "--json", "-o", output)));
            assertThat(some.get("held_out").intValue()).isEqualTo(rows * 7 / 10);
            assertThat(some.get("models").intValue()).as("each has learned").isEqualTo(3);
        }
        assertThat(project.thalweg("train", "--topic", "--passes", "1", "-o", output)
                        .is(0)
                        .err())
                .anyMatch(line -> line.contains("read " + name + "-examples-0@0 to ") && line.contains("-labels-0@0"));
    }

    private static String lastLine(CommandRun result) {
        return result.is(0).out().get(result.out().size() - 1);
    }

    @Test
    void aTimestampThatTheBrokersRefuseIsOneLineThatSaysSo() throws Exception {
        Project project = new Project("future");
        project.thalweg("topics", "--create").is(0);
        Path file = Files.writeString(
                directory.resolve("future.csv"), "at,a,label\n1700000000000,1,1\n2999-01-01T00:00:00Z,1,1\n");

        assertThat(project.thalweg("produce", file.toString(), "--time", "at")
                        .is(3)
                        .err())
                .singleElement()
                .asString()
                .contains(
                        "topic future-examples did not accept record 2", "InvalidTimestampException", "in the future");
    }

    /** What evaluate says in JSON, less what the clock says. */
    private static JsonNode figures(CommandRun result) {
        ObjectNode figures =
                (ObjectNode) json(result.is(0).out().get(result.out().size() - 1));
        return figures.without(List.of("seconds", "examples_per_second"));
    }

    @Test
    void aTopicIsEvaluatedAsTheFileItCameFrom() throws Exception {
        Project project = new Project("judged");
        project.thalweg("topics", "--create").is(0);
        CommandRun empty = project.thalweg("evaluate", "--topic").is(2);
        assertThat(empty.err()).singleElement().asString().contains("topic judged-examples is empty");

        List<String> lines = Files.readAllLines(csv("judged.csv", 300));
        lines.set(50, "m0,v49,0.5,fox,");
        Path file = Files.write(directory.resolve("judged.csv"), lines);
        String[] columns = {"--model-column", "model", "--id-column", "visit"};
        project.thalweg("produce", file.toString(), columns[0], columns[1], columns[2], columns[3])
                .is(0);
        Path part = directory.resolve("part.csv");
        List<String> rows = new ArrayList<>(lines.subList(101, 201));
        rows.add(0, lines.get(0));
        Files.write(part, rows);

        JsonNode ofFile = figures(evaluateFile(project, file));
        assertThat(ofFile.get("examples").intValue()).isEqualTo(299);
        assertThat(ofFile.get("unlabelled").intValue()).isEqualTo(1);
        assertThat(figures(project.thalweg("evaluate", "--topic", "--json"))).isEqualTo(ofFile);
        // what helps is for the topic that was asked for
        assertThat(project.thalweg("evaluate", "--topic", "absent").err())
                .singleElement()
                .asString()
                .contains("topic absent", "thalweg topics --create", "--set examples.topic=absent");
        assertThat(figures(new Project("other").thalweg("evaluate", "--topic", "judged-examples", "--json")))
                .isEqualTo(ofFile);
        assertThat(project.thalweg("evaluate", "--topic").is(0).out().stream().skip(1))
                .as("all but the line with the time: figures and weights")
                .isEqualTo(project
                        .thalweg("evaluate", "--file", file.toString(), columns[0], columns[1], columns[2], columns[3])
                        .is(0)
                        .out()
                        .stream()
                        .skip(1)
                        .toList());

        CommandRun range =
                project.thalweg("evaluate", "--topic", "--json", "--from", "100", "--to", "200", "--partition", "0");
        assertThat(figures(range))
                .isEqualTo(figures(evaluateFile(project, part)))
                .isNotEqualTo(ofFile);
        assertThat(range.err()).contains("read judged-examples-0@100 to 199");
        assertThat(figures(project.thalweg("evaluate", "--topic", "--json", "--from", "2001-01-01")))
                .isEqualTo(ofFile);
        assertThat(project.thalweg("evaluate", "--topic", "--to", "2001-01-01T00:00:00Z")
                        .is(2)
                        .err())
                .singleElement()
                .asString()
                .contains("--from and --to exclude all");
        assertThat(project.thalweg("evaluate", "--topic", "--from", "300").is(2).err())
                .hasSize(1);
        assertThat(project.thalweg("evaluate", "--topic", "--partition", "1")
                        .is(2)
                        .err())
                .singleElement()
                .asString()
                .contains("has no partition 1");

        for (String[] wrong : new String[][] {
            {"features.exclude=nosuch", "features.exclude: there is no field nosuch"},
            {"features.cross=id*foo", "features.cross: there is no field foo"},
            {"features.time=id:hour", "features.time: field id is a string; specify its format"},
        }) {
            assertThat(project.thalweg("evaluate", "--topic", "--set", "label=label", "--set", wrong[0])
                            .is(2)
                            .err())
                    .singleElement()
                    .asString()
                    .contains(wrong[1]);
        }
        assertThat(project.thalweg("evaluate", "--topic", "--set", "features.exclude=id")
                        .is(2)
                        .err())
                .singleElement()
                .asString()
                .contains("features.exclude is set but label is not");
        assertThat(project.thalweg("evaluate", "--topic", "--set", "label=label", "--set", "id.field=id")
                        .is(0)
                        .err())
                .contains("label: label", "id: id")
                .anyMatch(line -> line.startsWith("numbers: importance"));

        Path bad = Files.writeString(
                directory.resolve("bad.jsonl"), "{\"model\": \"m0\", \"label\": 1, \"features\": [1, 2]}\n");
        project.thalweg("produce", bad.toString()).is(0);
        CommandRun skipping = project.thalweg("evaluate", "--topic", "--json").is(0);
        assertThat(skipping.err())
                .anyMatch(line -> line.startsWith("skipped judged-examples-0@300: FORM_DIFFERS: "))
                .contains("skipped 1 that cannot be used: FORM_DIFFERS 1");
        assertThat(figures(skipping)).isEqualTo(((ObjectNode) ofFile.deepCopy()).put("skipped", 1));

        try (Admin admin = KafkaSettings.admin(project.config())) {
            assertThat(admin.listConsumerGroupOffsets("judged")
                            .partitionsToOffsetAndMetadata()
                            .get())
                    .as("nothing is committed")
                    .isEmpty();
        }
    }

    @Test
    void aLearnerGoesOnFromWhatWasTrainedOnATopic() throws Exception {
        Project project = new Project("trained");
        project.thalweg("topics", "--create").is(0);
        String[] columns = {"--model-column", "model", "--id-column", "visit"};
        Path file = csv("trained.csv", 300);
        project.thalweg("produce", file.toString(), columns[0], columns[1], columns[2], columns[3])
                .is(0);
        String ofTopic = directory.resolve("topic.avro").toString();
        String ofFile = directory.resolve("file.avro").toString();
        CommandRun trained = project.thalweg("train", "--topic", "--json", "--passes", "4", "--output", ofTopic);
        JsonNode result = json(trained.is(0).out().get(0));
        assertThat(trained.err()).contains("read trained-examples-0@0 to 299");
        assertThat(result.get("models").intValue()).isEqualTo(2);
        assertThat(json(new Project("unused")
                                .thalweg(
                                        "train",
                                        file.toString(),
                                        "--json",
                                        "--passes=4",
                                        "--output",
                                        ofFile,
                                        columns[0],
                                        columns[1],
                                        columns[2],
                                        columns[3])
                                .is(0)
                                .out()
                                .get(0))
                        .get("losses"))
                .isEqualTo(result.get("losses"));
        CommandRun range = project.thalweg(
                "train", "--topic", "--json", "--passes", "1", "--from", "100", "--to", "200", "--output", ofFile);
        assertThat(json(range.is(0).out().get(0)).get("examples").intValue()).isEqualTo(100);

        Project started = new Project("started", "model.start", ofTopic);
        started.thalweg("topics", "--create").is(0);
        started.thalweg("produce", file.toString(), columns[0], columns[1], columns[2], columns[3])
                .is(0);
        started.whileLearning(300, () -> {
            List<JsonNode> predictions =
                    json(started.thalweg("watch", "predictions", "--from-beginning", "--limit", "300", "--json")
                            .is(0));
            assertThat(predictions.get(0).at("/value/version").longValue())
                    .isEqualTo(150L * result.get("pass").intValue());
            // two models of 150 examples each
            assertThat(predictions.get(299).at("/value/version").longValue())
                    .isEqualTo(150L * result.get("pass").intValue() + 149);
        });
        started.thalweg("verify").is(0);
        Project changed = new Project("started");
        assertThat(changed.thalweg("verify").is(3).out())
                .anyMatch(line -> line.contains("give that file with --model"));
        changed.thalweg("verify", "--model", ofFile, "--model", ofTopic).is(0);

        for (String[] misfit : new String[][] {
            {"algorithm", "adagrad", "was learned with algorithm = sgd, and it is now adagrad"},
            {"model.start", ofTopic + "2", "there is no model file"},
            {"features.space.bits", "7", "features.space.bits = 20, and it is now 7"}
        }) {
            Project refused = new Project("started", "model.start", ofTopic, misfit[0], misfit[1]);
            assertThat(refused.thalweg("run").is(2).err())
                    .singleElement()
                    .asString()
                    .contains(misfit[2]);
        }
    }

    private static CommandRun evaluateFile(Project project, Path file) {
        return project.thalweg(
                "evaluate", "--json", "--file", file.toString(), "--model-column", "model", "--id-column", "visit");
    }

    @Test
    void aResetKeepsWhatIsSetOnATopic() throws Exception {
        Project project = new Project("kept", "topics.partitions", "3", "topics.retention.ms", "86400000");
        project.thalweg("topics", "--create").is(0);
        project.thalweg("produce", csv("kept.csv", 9).toString(), "--model-column", "model")
                .is(0);
        project.whileLearning(9, () -> {});
        project.thalweg("reset", "--yes").is(0);

        try (Admin admin = KafkaSettings.admin(project.config())) {
            assertThat(admin.describeTopics(List.of("kept-predictions"))
                            .allTopicNames()
                            .get()
                            .get("kept-predictions")
                            .partitions())
                    .hasSize(3);
        }
        assertThat(new Project("kept").thalweg("topics").is(0).out())
                .as("a retention that is not for ever is a remark")
                .anyMatch(line -> line.contains("topic kept-predictions keeps records for 86400000 ms"));
    }

    @Test
    void watchFollowsFromTheEnd() throws Exception {
        Project project = new Project("follow");
        project.thalweg("topics", "--create").is(0);
        project.thalweg("produce", csv("before.csv", 4).toString(), "--model", "a")
                .is(0);
        project.whileLearning(4, () -> {
            CompletableFuture<CommandRun> watching = CompletableFuture.supplyAsync(
                    () -> project.thalweg("watch", "predictions", "--limit", "1", "--json", "--partition", "0"));
            // it cannot be seen from outside when a follower is there; so examples come until it has seen one
            Awaitility.await().atMost(PATIENCE).until(() -> {
                project.thalweg("produce", csv("after.csv", 1).toString(), "--model", "a")
                        .is(0);
                return watching.isDone();
            });
            assertThat(json(watching.join().is(0)))
                    .singleElement()
                    .extracting(line -> line.at("/value/offset").asLong())
                    .satisfies(offset -> assertThat(offset).isGreaterThanOrEqualTo(4));
        });
    }

    @Test
    void whatIsMissingIsOneLineWithTheRemedy() throws Exception {
        Project project = new Project("nothing");
        String file = csv("nothing.csv", 1).toString();

        for (String[] command : new String[][] {
            {"produce", file},
            {"watch", "predictions"},
            {"watch", "weights", "--limit", "1"},
            {"verify"},
            {"evaluate", "--topic"},
        }) {
            CommandRun result = project.thalweg(command).is(3);
            assertThat(Stream.concat(result.out().stream(), result.err().stream()))
                    .as("%s", List.of(command))
                    .singleElement()
                    .asString()
                    .contains("topic nothing-", "is missing", "thalweg topics --create");
        }
        List<String> run = project.thalweg("run").is(3).err();
        assertThat(run.subList(0, 5)).as("all that is missing").allMatch(line -> line.endsWith(" is missing"));
        List<String> topics = project.thalweg("topics").is(3).out();
        assertThat(topics.subList(0, 5)).allMatch(line -> line.startsWith("✗"));
        String remedy =
                "create what is missing with `thalweg topics --create " + String.join(" ", project.settings) + "`";
        assertThat(run).last().isEqualTo(remedy);
        assertThat(topics).last().isEqualTo(remedy);
        assertThat(project.thalweg("reset", "--yes").is(0).out())
                .containsExactly("there is nothing to delete for learner nothing");
        try (Admin admin = KafkaSettings.admin(project.config())) {
            assertThat(admin.listTopics().names().get())
                    .as("asking made none")
                    .noneMatch(topic -> topic.startsWith("nothing-"));
        }
    }

    @Test
    void outputsWithTooFewPartitionsAreOneLine() throws Exception {
        Project project = new Project("few", "topics.partitions", "2");
        project.thalweg("topics", "--create").is(0);
        Project other = new Project("few", "predictions.topic", "few-narrow");
        try (Admin admin = KafkaSettings.admin(other.config())) {
            admin.createTopics(List.of(new NewTopic("few-narrow", Optional.of(1), Optional.empty())))
                    .all()
                    .get();
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() -> admin.listTopics().names().get().contains("few-narrow"));
        }

        assertThat(other.thalweg("run").is(3).err())
                .singleElement()
                .asString()
                .contains("topic few-narrow has 1 partitions and the examples have 2");
        assertThat(new Project("few", "model.default", "m").thalweg("run").is(2).err())
                .singleElement()
                .asString()
                .contains("model.default", "2 partitions");
        assertThat(project.thalweg("watch", "predictions", "--partition", "2")
                        .is(2)
                        .err())
                .singleElement()
                .asString()
                .contains("topic few-predictions has no partition 2");
        CommandRun keyless =
                project.thalweg("produce", csv("few.csv", 2).toString()).is(2);
        assertThat(keyless.err())
                .singleElement()
                .asString()
                .contains("few.csv, line 2: it does not name a model", "--model", "the 0 before it were sent");
    }

    @Test
    void aBadLineStopsAfterWhatWasGoodBeforeIt() throws Exception {
        Project project = new Project("stops");
        project.thalweg("topics", "--create").is(0);
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream("{\"a\": 1}\n{\"a\": 2}\n{\"a\"\n".getBytes(StandardCharsets.UTF_8)));
        try {
            assertThat(project.thalweg("produce").is(2).err())
                    .singleElement()
                    .asString()
                    .contains("standard input, line 3: it is not JSON", "the 2 before it were sent", "--skip-bad");
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void whoSendsAndWatchesGarbageIsTold() throws Exception {
        Project project = new Project("garbage", "learning.rate", "1");
        project.thalweg("topics", "--create").is(0);
        StringBuilder text = new StringBuilder("event_id,price,amount,label\n");
        for (int i = 0; i < 1500; i++) {
            text.append(
                    i % 5 == 4
                            ? "e%d,$%d,%d,maybe\n".formatted(i, i % 9, i)
                            : "e%d,$%d,%d,%d\n".formatted(i, i % 9, 1000 + i * 7919 % 1000, i % 2));
        }
        Path file = Files.writeString(directory.resolve("garbage.csv"), text);

        List<String> sent = project.thalweg("produce", file.toString(), "--model", "m", "--skip-bad")
                .is(0)
                .err();
        assertThat(sent)
                .filteredOn(line -> line.startsWith("warning:"))
                .hasSize(3)
                .anyMatch(line -> line.contains("column event_id is different in nearly every row"))
                .anyMatch(line -> line.contains("column price has text that looks like numbers"))
                .anyMatch(line -> line.contains("300 of 1500 lines cannot be used; the first: ")
                        && line.contains("garbage.csv, line 6: "));
        assertThat(project.thalweg("produce", file.toString(), "--model-column", "event_id", "--skip-bad")
                        .is(0)
                        .err())
                .anyMatch(line -> line.contains("1000 of the first 1000 lines name a model of their own"));
        project.whileLearning(2400, () -> {});
        for (String[] watched : new String[][] {
            {"watch", "metrics", "--model", "m", "--limit", "120"},
            {"watch", "predictions", "--from-beginning", "--model", "m", "--limit", "1200"}
        }) {
            assertThat(project.thalweg(watched).is(0).err())
                    .singleElement()
                    .asString()
                    .contains("worse than", "always predicting the base rate", "algorithm=auto");
        }
    }

    @Test
    void theWayInWhichProducersChoosePartitionsCanBeNamed() throws Exception {
        Project project = new Project("named-way", "topics.partitions", "2");
        project.thalweg("topics", "--create").is(0);
        project.thalweg("produce", csv("few.csv", 20).toString(), "--model-column", "model")
                .is(0);
        // a stranger has put a model where no hash puts it
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(project.config()).writer())) {
            byte[] stray = IntStream.range(0, 1000)
                    .mapToObj(i -> ("stray" + i).getBytes(StandardCharsets.UTF_8))
                    .filter(key -> Arrays.stream(KeyPartitioner.values()).allMatch(way -> way.partition(key, 2) == 0))
                    .findFirst()
                    .orElseThrow();
            producer.send(new ProducerRecord<>(
                            "named-way-examples",
                            1,
                            stray,
                            CommittedTopic.read(project.config(), "named-way-examples")
                                    .get(0)
                                    .value()))
                    .get();
        }
        project.whileLearning(21, () -> {});

        assertThat(project.thalweg("topics", "--repartition", "3").is(4).err())
                .singleElement()
                .asString()
                .contains("are not where a partitioner of Kafka's clients puts their keys", "--partitioner");
        assertThat(project.thalweg("topics", "--repartition", "3", "--partitioner", "MURMUR3")
                        .is(2)
                        .err())
                .anyMatch(line -> line.contains("MURMUR2") && line.contains("CRC32"));
        project.thalweg("topics", "--repartition", "3", "--partitioner", "CRC32")
                .is(0);

        assertThat(project.thalweg("verify").is(0).out()).last().asString().startsWith("MATCHES");
        Map<String, Set<Integer>> homes = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : CommittedTopic.read(project.config(), "named-way-weights")) {
            Set<Integer> home =
                    homes.computeIfAbsent(new String(record.key(), StandardCharsets.UTF_8), model -> new TreeSet<>());
            if (record.value() == null) {
                home.remove(record.partition());
            } else {
                home.add(record.partition());
            }
        }
        assertThat(homes)
                .hasSize(3)
                .allSatisfy((model, home) -> assertThat(home)
                        .containsExactly(KeyPartitioner.CRC32.partition(model.getBytes(StandardCharsets.UTF_8), 3)));
    }

    @Test
    void anExampleThatTheTopicDoesNotTakeIsOneLine() throws Exception {
        Project project = new Project("large");
        project.thalweg("topics", "--create").is(0);
        StringBuilder row = new StringBuilder("{\"features\": [0");
        row.append(",1".repeat(200_000)).append("]}\n");
        Path file = Files.writeString(directory.resolve("large.jsonl"), "{\"features\": [1]}\n" + row);

        assertThat(project.thalweg("produce", file.toString(), "--set", "compression.type=none")
                        .is(3)
                        .err())
                .singleElement()
                .asString()
                .contains("topic large-examples did not accept record 2 of this run", "RecordTooLargeException");
    }
}
