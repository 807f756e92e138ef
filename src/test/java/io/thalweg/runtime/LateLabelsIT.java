package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.audit.VerificationReport;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Outcome;
import io.thalweg.testing.Seeded;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A learner on events and labels that come later, in two topics of two partitions. */
@Seeded
class LateLabelsIT {
    private static final int PARTITIONS = 2;
    private static final int MODELS = 5;
    private static final int EVENTS = 400;
    private static final long BEGIN = 1_000_000;
    private static final long HOUR = 3_600_000;

    private static final Schema EVENT = SchemaBuilder.record("Order")
            .fields()
            .requiredString("id")
            .requiredString("shop")
            .requiredDouble("amount")
            .endRecord();
    private static final Schema LABEL = SchemaBuilder.record("Claim")
            .fields()
            .optionalString("shop")
            .requiredString("order")
            .requiredDouble("lost")
            .endRecord();

    private static EmbeddedBroker broker;

    private LearnerTrial trial;

    /** Where the model of events and labels is. */
    private enum Way {
        /** In the key. */
        KEYED(2, false, false),
        /** In a field of the labels, which are in any partition. */
        LABELS_SENT_ON(2, false, true),
        /** The same, and the labels topic has more partitions than the examples topic. */
        LABELS_SENT_ON_FROM_MORE(3, false, true),
        /** In a field of both. */
        ALL_SENT_ON(2, true, true);

        private final int labelPartitions;
        private final boolean areEventsSentOn;
        private final boolean areLabelsSentOn;

        Way(int labelPartitions, boolean areEventsSentOn, boolean areLabelsSentOn) {
            this.labelPartitions = labelPartitions;
            this.areEventsSentOn = areEventsSentOn;
            this.areLabelsSentOn = areLabelsSentOn;
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

    private void begin(Way way) {
        trial = new LearnerTrial(broker, PARTITIONS, EVENT, LABEL).withLateLabels(Duration.ofMillis(HOUR));
        trial.settings.put("num.stream.threads", "2");
        if (way.areEventsSentOn) {
            trial.settings.put("id.field", "id");
            trial.settings.put("model.from", "field:shop");
        }
        if (way.areLabelsSentOn) {
            trial.settings.put("labels.model.from", "field:shop");
        }
    }

    private static String model(int event) {
        return "shop-" + event % MODELS;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private void sendEvents(Way way, Random random) {
        if (!way.areEventsSentOn) {
            try (ExampleSender sender = ExampleSender.open(trial.config(), trial.schemaIds)) {
                for (int i = 0; i < EVENTS; i++) {
                    sender.send(
                            model(i),
                            BEGIN + i,
                            new Example("e" + i, null, 1.0, Map.of("amount", random.nextGaussian())));
                }
                sender.flush();
            }
            return;
        }
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            for (int i = 0; i < EVENTS; i++) {
                GenericRecord event = new GenericRecordBuilder(EVENT)
                        .set("id", "e" + i)
                        .set("shop", model(i))
                        .set("amount", random.nextGaussian())
                        .build();
                producer.send(new ProducerRecord<>(
                        trial.name + "-examples", random.nextInt(PARTITIONS), BEGIN + i, null, trial.encode(event)));
            }
        }
    }

    /** A label on its way. */
    private record Due(String model, String id, double label, long timestamp) {}

    private void sendLabels(Way way, Random random, List<Due> labels) {
        if (!way.areLabelsSentOn) {
            try (ExampleSender sender = ExampleSender.openForLabels(trial.config(), trial.schemaIds, LABEL)) {
                labels.forEach(label -> sender.send(label.model, label.timestamp, label(label, null)));
                sender.flush();
            }
            return;
        }
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            labels.forEach(label -> producer.send(new ProducerRecord<>(
                    trial.name + "-labels",
                    random.nextInt(way.labelPartitions),
                    label.timestamp,
                    random.nextBoolean() ? null : utf8("any " + random.nextInt()),
                    trial.encode(label(label, label.model)))));
        }
    }

    private static GenericRecord label(Due due, String shop) {
        return new GenericRecordBuilder(LABEL)
                .set("shop", shop)
                .set("order", due.id)
                .set("lost", due.label)
                .build();
    }

    private static double truth(int event) {
        return event % 3 == 0 ? 1 : 0;
    }

    /** Runs the learner until there are as many outcomes and dead letters. */
    private void learn(int predictions, int outcomes, int letters) {
        try (LearnerRuntime learner = trial.start()) {
            await().atMost(LearnerTrial.PATIENCE).dontCatchUncaughtExceptions().untilAsserted(() -> {
                assertThat(learner.hasEnded()).isFalse();
                assertThat(trial.read("predictions")).as("predictions").hasSize(predictions);
                assertThat(trial.read("outcomes")).as("outcomes").hasSize(outcomes);
                assertThat(trial.read("dead-letters")).as("dead letters").hasSize(letters);
            });
        }
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void everyLabelHasItsOutcomeAndVerifyRepeatsIt(Way way, Random random) throws Exception {
        begin(way);
        trial.create(trial.name + "-labels", way.labelPartitions);
        if (way.labelPartitions > PARTITIONS) {
            // the labels topic is there before the others, which otherwise would all be created alike
            trial.create(trial.name + "-examples", PARTITIONS);
        }
        trial.createTopics();

        sendEvents(way, random);
        learn(EVENTS, 0, 0);

        // three of four events get a label in time; some get it twice, some two different ones
        Map<String, String> expected = new TreeMap<>();
        List<Due> inTime = new ArrayList<>();
        int letters = 0;
        for (int i = 0; i < EVENTS; i++) {
            if (i % 4 == 0) {
                expected.put("e" + i, "GIVEN_UP ");
                continue;
            }
            inTime.add(new Due(model(i), "e" + i, truth(i), BEGIN + EVENTS + i));
            String again = "";
            if (i % 40 == 1) {
                inTime.add(new Due(model(i), "e" + i, truth(i), BEGIN + EVENTS + i));
                again = "REPEATED ";
            } else if (i % 40 == 2) {
                inTime.add(new Due(model(i), "e" + i, 1 - truth(i), BEGIN + EVENTS + i));
                again = "REJECTED ";
                letters++;
            }
            expected.put("e" + i, "LEARNED " + again);
        }
        for (int i = 0; i < MODELS; i++) {
            inTime.add(new Due(model(i), "nobody" + i, 1, BEGIN + EVENTS));
            expected.put("nobody" + i, "UNKNOWN ");
        }
        // out of range, and of no model or unreadable
        inTime.add(new Due(model(0), "e0", 7, BEGIN + EVENTS));
        sendLabels(way, random, inTime);
        letters += 1 + sendBad(way);
        learn(EVENTS, inTime.size() - 1 - MODELS, letters);

        // with the first label after an hour, the others are given up; they are remembered for another hour
        List<Due> late = IntStream.range(0, MODELS)
                .mapToObj(i -> new Due(model(4 * i), "e" + 4 * i, 1, BEGIN + 3 * HOUR / 2 + i))
                .toList();
        late.forEach(label -> expected.merge(label.id, "TOO_LATE ", String::concat));
        sendLabels(way, random, late);
        int outcomes = inTime.size() - 1 + EVENTS / 4 + MODELS;
        learn(EVENTS, outcomes, letters);

        Map<String, String> found = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : trial.read("outcomes")) {
            Outcome outcome = CommittedTopic.decode(Outcome.getClassSchema(), record.value());
            String id = outcome.getId().toString();
            found.merge(id, outcome.getOutcome() + " ", String::concat);
            if (id.startsWith("e")) {
                int i = Integer.parseInt(id.substring(1));
                assertThat(record.key()).isEqualTo(utf8(model(i)));
                assertThat(outcome.getProbability()).isBetween(0.0, 1.0);
                if (expected.get(id).equals("LEARNED ")) {
                    assertThat(outcome.getLabel()).isEqualTo(truth(i));
                    assertThat(outcome.getDelayMs()).isEqualTo(EVENTS);
                }
            }
        }
        assertThat(found).isEqualTo(expected);
        Map<String, Integer> reasons = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : trial.read("dead-letters")) {
            DeadLetter letter = CommittedTopic.decode(DeadLetter.getClassSchema(), record.value());
            assertThat(letter.getTopic()).hasToString(trial.name + "-labels");
            reasons.merge(letter.getReason().toString(), 1, Integer::sum);
        }
        assertThat(reasons)
                .isEqualTo(Map.of(
                        "CONFLICTING_LABEL",
                        EVENTS / 40,
                        "LABEL_OUT_OF_RANGE",
                        1,
                        way.areLabelsSentOn ? "NO_KEY" : "UNREADABLE",
                        way.labelPartitions));

        VerificationReport report = trial.verify();
        assertThat(report.findings()).isEmpty();
        assertThat(report.obstacle()).isEmpty();
        assertThat(report.conclusion()).isEqualTo(VerificationReport.Conclusion.MATCHES);
        assertThat(report.counts().outcomes()).isEqualTo(outcomes);
        assertThat(report.counts().predictions()).isEqualTo(EVENTS);
    }

    /** Models, and the events that wait, go where their labels are sent from then on. */
    @ParameterizedTest
    @EnumSource(names = {"LABELS_SENT_ON_FROM_MORE", "ALL_SENT_ON"})
    void whatWaitsForLabelsThatAreSentOnMovesToMorePartitions(Way way, Random random) throws Exception {
        begin(way);
        trial.create(trial.name + "-labels", way.labelPartitions);
        trial.create(trial.name + "-examples", PARTITIONS);
        trial.createTopics();
        sendEvents(way, random);
        learn(EVENTS, 0, 0);
        List<Due> labels = IntStream.range(0, EVENTS)
                .mapToObj(i -> new Due(model(i), "e" + i, truth(i), BEGIN + EVENTS + i))
                .toList();
        sendLabels(way, random, labels.subList(0, EVENTS / 3));
        learn(EVENTS, EVENTS / 3, 0);
        // these are sent on when it runs again, with the new number of partitions
        sendLabels(way, random, labels.subList(EVENTS / 3, EVENTS / 2));
        trial.move(5, line -> {});
        trial.assertVerified();
        sendLabels(way, random, labels.subList(EVENTS / 2, EVENTS));
        learn(EVENTS, EVENTS, 0);

        assertThat(trial.assertVerified().counts().outcomes()).isEqualTo(EVENTS);
        Map<String, String> found = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : trial.read("outcomes")) {
            Outcome outcome = CommittedTopic.decode(Outcome.getClassSchema(), record.value());
            found.merge(outcome.getId().toString(), outcome.getOutcome().toString(), String::concat);
        }
        assertThat(found)
                .hasSize(EVENTS)
                .allSatisfy((id, outcome) -> assertThat(outcome).isEqualTo("LEARNED"));
    }

    /** Sends a label to each partition that names no model, or cannot be read. Returns how many. */
    private int sendBad(Way way) {
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            for (int partition = 0; partition < way.labelPartitions; partition++) {
                byte[] value = way.areLabelsSentOn
                        ? trial.encode(label(new Due(null, "e0", 1, 0), null))
                        : new byte[] {0, 0, 0, 0, 1, 9};
                producer.send(
                        new ProducerRecord<>(trial.name + "-labels", partition, BEGIN + EVENTS, utf8("shop-0"), value));
            }
        }
        return way.labelPartitions;
    }

    @Test
    void aLabelsTopicThatIsMissingOrDoesNotFitEndsTheStart() throws Exception {
        begin(Way.KEYED);
        String labels = trial.name + "-labels";
        trial.settings.remove("labels.topic");
        trial.settings.keySet().removeIf(setting -> setting.startsWith("labels."));
        trial.createTopics();
        trial.settings.put("labels.topic", labels);
        assertStops("topic " + labels + " (labels.topic) is missing", "thalweg topics --create");

        trial.create(labels, PARTITIONS + 1);
        trial.create(trial.name + "-outcomes", PARTITIONS);
        assertStops(
                "topic %s has 3 partitions and the examples have 2; a label must be in the partition of its event"
                        .formatted(labels),
                "create it with 2");
        trial.settings.put("labels.topic", trial.name + "-weights");
        assertThatThrownBy(() -> trial.start())
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessageContaining("labels.topic and weights.topic both name topic " + trial.name + "-weights");
    }

    private void assertStops(String... why) {
        assertThatThrownBy(() -> trial.start())
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.NOT_READY))
                .hasMessageContainingAll(why);
    }

    @Test
    void aResetForgetsWhatWasSentOnAndKeepsTheLabels(Random random) throws Exception {
        begin(Way.LABELS_SENT_ON);
        trial.createTopics();
        sendEvents(Way.LABELS_SENT_ON, random);
        learn(EVENTS, 0, 0);
        List<Due> labels = List.of(new Due(model(1), "e1", 1, BEGIN + EVENTS));
        sendLabels(Way.LABELS_SENT_ON, random, labels);
        learn(EVENTS, 1, 0);

        try (Admin admin = KafkaSettings.admin(trial.config())) {
            Reset reset = new Reset(trial.config(), admin, false);
            assertThat(reset.look())
                    .anyMatch(
                            line -> line.contains("topic " + trial.name + "-by-model-labels: the copies of the labels"))
                    .anyMatch(line -> line.contains("the contents of topic " + trial.name + "-outcomes: "))
                    .anyMatch(line ->
                            line.contains("oldest record of %1$s-examples and of %1$s-labels".formatted(trial.name)))
                    .noneMatch(line -> line.contains("topic " + trial.name + "-labels:"));
            reset.run();
            assertThat(reset.look()).isEmpty();
            assertThat(admin.listTopics().names().get()).doesNotContain(trial.name + "-by-model-labels");
            assertThat(trial.read("labels")).hasSize(1);
            assertThat(trial.read("outcomes")).isEmpty();
        }
        trial.createTopics();
        learn(EVENTS, 1, 0);
        assertThat(trial.verify().conclusion()).isEqualTo(VerificationReport.Conclusion.MATCHES);
    }
}
