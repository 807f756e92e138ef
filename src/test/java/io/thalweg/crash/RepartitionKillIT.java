package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExampleSender;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.Topics;
import io.thalweg.testing.Seeded;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A move to another number of partitions whose process is killed: at every point of it, and at random moments. */
@Seeded
class RepartitionKillIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int KILLS = 8;
    private static final int LEARNED = 3000;
    private static final int LEFT = 9000;
    private static final int EVENTS = 120;
    private static final int MODELS = 7;
    private static final long BEGIN = 1_000_000;

    private static EmbeddedBroker broker;

    private final Map<String, String> settings = new HashMap<>();

    /** What learner is moved. */
    private enum Way {
        LABELS_LATER(2, 4, false, true),
        LABELS_LATER_TO_FEWER(3, 2, false, true),
        SENT_ON(2, 4, true, false),
        /** Events and labels. */
        SENT_ON_TO_FEWER(3, 2, true, true);

        private final int before;
        private final int after;
        private final boolean isSentOn;
        private final boolean hasLateLabels;

        Way(int before, int after, boolean isSentOn, boolean hasLateLabels) {
            this.before = before;
            this.after = after;
            this.isSentOn = isSentOn;
            this.hasLateLabels = hasLateLabels;
        }

        boolean isToFewer() {
            return after < before;
        }

        String learner() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /** The points in their order. A process that has gone past one does not come back to it. */
        List<String> points() {
            String changelog = learner() + "-weights-changelog";
            String copies = learner() + "-by-model";
            List<String> points = new ArrayList<>();
            if (isSentOn && isToFewer()) {
                points.addAll(List.of(MoveProcess.SENDS + copies, "sent on"));
            }
            if (!isSentOn || isToFewer()) {
                // otherwise the learner itself sends the rest on, in the new layout
                points.addAll(List.of(MoveProcess.SENDS + changelog, "committed"));
            }
            points.addAll(List.of(
                    "the topics have",
                    "learned the rest",
                    MoveProcess.SENDS + learner() + "-repartition",
                    "read them back",
                    "the state of"));
            if (isSentOn && isToFewer()) {
                points.add("created topic " + copies + "-2");
            }
            points.addAll(List.of(
                    "deleted topic", "created topic " + changelog, MoveProcess.SENDS + changelog, "moved the state"));
            return points;
        }
    }

    @BeforeAll
    static void startBroker(@TempDir Path directory) {
        broker = EmbeddedBroker.start(directory, 0);
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    private ThalwegConfig config() {
        return new ThalwegConfig(settings);
    }

    private void begin(String learner, int partitions) {
        settings.putAll(Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "application.id",
                learner,
                "topics.partitions",
                String.valueOf(partitions),
                "algorithm",
                "auto",
                // that of a learner that was stopped in the middle of one ends so soon
                "producer.transaction.timeout.ms",
                "5000"));
        for (String topic : List.of("examples", "predictions", "weights", "metrics")) {
            settings.put(topic + ".topic", learner + "-" + topic);
        }
        settings.put("dead.letters.topic", learner + "-dead-letters");
    }

    private void createTopics() {
        try (Admin admin = KafkaSettings.admin(config())) {
            new Topics(config(), admin).create();
        }
    }

    private JavaProcess move(String log, int partitions, String point) {
        List<String> args = new ArrayList<>(List.of(String.valueOf(partitions), point));
        settings.forEach((name, value) -> args.add(name + "=" + value));
        return JavaProcess.start(log, "512m", null, MoveProcess.class, args);
    }

    private void moveToTheEnd(String log, int partitions) {
        try (JavaProcess process = move(log, partitions, MoveProcess.NOWHERE)) {
            assertThat(process.runsFor(PATIENCE.toMillis())).as("%s", process).isFalse();
            assertThat(process.log()).as("%s", process).last().isEqualTo(MoveProcess.MOVED);
        }
    }

    // ---- at every point

    @ParameterizedTest
    @EnumSource
    void everyExampleMovesTheWeightsOnceWhereverTheMoveIsKilled(Way way, Random random) throws Exception {
        begin(way.learner(), way.before);
        settings.putAll(Map.of("examples.format", "json", "label", "paid", "id.field", "id"));
        if (way.isSentOn) {
            settings.put("model.from", "field:shop");
        }
        if (way.hasLateLabels) {
            settings.remove("label");
            settings.putAll(Map.of(
                    "labels.topic", way.learner() + "-labels",
                    "outcomes.topic", way.learner() + "-outcomes",
                    "labels.format", "json",
                    "labels.id.field", "id",
                    "labels.label", "paid",
                    "labels.wait.ms", "3600000"));
            if (way.isSentOn) {
                settings.put("labels.model.from", "field:shop");
            }
        }
        createTopics();
        sendEvents(way, way.before, 0, random);
        sendLabels(way, way.before, 0, EVENTS / 3);
        learn(EVENTS, way.hasLateLabels ? EVENTS / 3 : EVENTS);
        // what the learner has not read
        sendEvents(way, way.before, 1, random);
        sendLabels(way, way.before, EVENTS / 3, EVENTS);
        if (way.isToFewer()) {
            useOtherTopics(way);
        }
        sendEvents(way, way.isToFewer() ? way.after : way.before, 2, random);

        List<String> points = way.points();
        for (int i = 0; i < points.size(); i++) {
            try (JavaProcess process = move(way.learner() + "-" + i, way.after, points.get(i))) {
                String there = MoveProcess.STANDS_STILL + points.get(i);
                await().atMost(PATIENCE)
                        .until(() -> !process.isAlive() || process.log().contains(there));
                assertThat(process.isAlive()).as("%s", process).isTrue();
                process.kill();
            }
        }
        moveToTheEnd(way.learner() + "-last", way.after);
        verify();
        sendEvents(way, way.after, 3, random);
        sendLabels(way, way.after, EVENTS, 2 * EVENTS);
        learn(4 * EVENTS, way.hasLateLabels ? 2 * EVENTS : 4 * EVENTS);
    }

    /** Goes on with topics of fewer partitions. Labels that are sent on can stay where they are. */
    private void useOtherTopics(Way way) throws Exception {
        List<String> inputs = way.hasLateLabels && !way.isSentOn ? List.of("examples", "labels") : List.of("examples");
        try (Admin admin = KafkaSettings.admin(config())) {
            for (String input : inputs) {
                String fewer = way.learner() + "-fewer-" + input;
                admin.createTopics(List.of(new NewTopic(fewer, way.after, (short) 1)))
                        .all()
                        .get();
                settings.put(input + ".topic", fewer);
                await().atMost(PATIENCE)
                        .ignoreExceptions()
                        .until(() -> admin.describeTopics(List.of(fewer))
                                        .allTopicNames()
                                        .get()
                                        .get(fewer)
                                        .partitions()
                                        .size()
                                == way.after);
            }
        }
    }

    private static String model(int event) {
        return "shop-" + event % MODELS;
    }

    /** Sends as many events as in {@link #EVENTS}. @param lot how many times before */
    private void sendEvents(Way way, int partitions, int lot, Random random) {
        produce(producer -> {
            for (int i = lot * EVENTS; i < (lot + 1) * EVENTS; i++) {
                String event = "{\"id\":\"e%d\",\"shop\":\"%s\",\"amount\":%s%s}"
                        .formatted(
                                i,
                                model(i),
                                random.nextGaussian(),
                                way.hasLateLabels ? "" : ",\"paid\":" + random.nextInt(2));
                producer.send(record("examples", way, partitions, i, event));
            }
        });
    }

    /** Sends the labels of some events, if they come later. */
    private void sendLabels(Way way, int partitions, int from, int to) {
        if (way.hasLateLabels) {
            produce(producer -> {
                for (int i = from; i < to; i++) {
                    String label = "{\"id\":\"e%d\",\"shop\":\"%s\",\"paid\":%d}".formatted(i, model(i), i % 3 / 2);
                    producer.send(record("labels", way, partitions, i, label));
                }
            });
        }
    }

    /** A record with its model as the key, or in any partition if the learner sends it on. */
    private ProducerRecord<byte[], byte[]> record(String input, Way way, int partitions, int i, String json) {
        return new ProducerRecord<>(
                settings.get(input + ".topic"),
                way.isSentOn ? Integer.valueOf(i / MODELS % partitions) : null,
                BEGIN + i,
                way.isSentOn ? null : model(i).getBytes(StandardCharsets.UTF_8),
                json.getBytes(StandardCharsets.UTF_8));
    }

    private void produce(Consumer<Producer<byte[], byte[]>> records) {
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config()).writer())) {
            records.accept(producer);
        }
    }

    // ---- at random moments

    @Test
    void everyExampleMovesTheWeightsOnceAllTheSame(Random random) {
        begin("killed", 2);
        createTopics();
        send(LEARNED, random);
        learn(LEARNED, LEARNED);
        send(LEFT, random);
        boolean moved = false;
        for (int kill = 0; kill < KILLS && !moved; kill++) {
            try (JavaProcess process = move("move-" + kill, 5, MoveProcess.NOWHERE)) {
                moved = !process.runsFor(1000 + random.nextInt(4000));
            }
        }
        moveToTheEnd("move-last", 5);
        send(LEARNED, random);
        learn(LEARNED + LEFT + LEARNED, LEARNED + LEFT + LEARNED);
    }

    private void send(int count, Random random) {
        try (ExampleSender sender = ExampleSender.open(config(), (topic, schema) -> LearnerProcess.id(schema))) {
            for (int i = 0; i < count; i++) {
                sender.send(
                        "m" + random.nextInt(20),
                        BEGIN + i,
                        new Example(
                                null,
                                random.nextInt(2) * 1.0,
                                1.0,
                                List.of(random.nextGaussian(), random.nextGaussian())));
            }
            sender.flush();
        }
    }

    // ---- what was learned

    /** Learns, and verifies when it has learned. */
    private void learn(int predictions, int steps) {
        try (LearnerRuntime learner =
                LearnerRuntime.start(config(), LearnerProcess::schema, (topic, schema) -> LearnerProcess.id(schema))) {
            await().atMost(PATIENCE).pollInterval(Duration.ofSeconds(1)).untilAsserted(() -> {
                assertThat(learner.hasEnded()).isFalse();
                VerificationReport report = verify();
                assertThat(report.counts().predictions()).isEqualTo(predictions);
                assertThat(report.counts().steps()).isEqualTo(steps);
            });
        }
    }

    private VerificationReport verify() {
        VerificationReport report = new Verification(config(), LearnerProcess::schema).run(progress -> {});
        assertThat(report.conclusion()).as("%s", report.lines()).isEqualTo(VerificationReport.Conclusion.MATCHES);
        return report;
    }
}
