package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.audit.FindingKind;
import io.thalweg.audit.VerificationReport;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.input.SchemaSource;
import io.thalweg.store.KeyPartitioner;
import io.thalweg.testing.Seeded;
import io.thalweg.topology.LearnerSupplier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Utils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** A learner whose input gets another number of partitions: what is refused, and what a move keeps. */
@Seeded
class RepartitionIT {
    private static final int MODELS = 12;
    private static final long HOUR = 3_600_000;
    private static final Schema LABEL = SchemaBuilder.record("Claim")
            .fields()
            .requiredString("order")
            .requiredDouble("lost")
            .endRecord();

    /** A stand-in for the death of a process: nothing is closed in order. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1;
    }

    private static EmbeddedBroker broker;

    @BeforeAll
    static void startBroker(@TempDir Path directory) {
        broker = EmbeddedBroker.start(directory, 0);
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    /** A learner whose models are in the keys. */
    private static final class Trial extends LearnerTrial {
        private int sent;

        Trial(int partitions) {
            super(broker, partitions, Example.getClassSchema(), LABEL);
            settings.put("metrics.every", "3");
        }

        Trial withLateLabels() {
            withLateLabels(Duration.ofMillis(HOUR));
            return this;
        }

        Trial withTopics() {
            createTopics();
            return this;
        }

        void send(int count, Random random, boolean labeled) {
            try (ExampleSender sender = ExampleSender.open(config(), schemaIds)) {
                for (int i = 0; i < count; i++, sent++) {
                    sender.send(
                            "m" + random.nextInt(MODELS),
                            1_000_000L + sent,
                            new Example(
                                    "e" + sent,
                                    labeled ? Double.valueOf(random.nextInt(2)) : null,
                                    1.0,
                                    List.of(random.nextGaussian(), random.nextGaussian())));
                }
                sender.flush();
            }
        }

        void sendLabels(List<ConsumerRecord<byte[], byte[]>> events, Random random, long timestamp) {
            try (ExampleSender sender = ExampleSender.openForLabels(config(), schemaIds, LABEL)) {
                for (ConsumerRecord<byte[], byte[]> event : events) {
                    sender.send(
                            new String(event.key(), StandardCharsets.UTF_8),
                            timestamp,
                            new GenericRecordBuilder(LABEL)
                                    .set(
                                            "order",
                                            CommittedTopic.<Example>decode(Example.getClassSchema(), event.value())
                                                    .getId()
                                                    .toString())
                                    .set("lost", (double) random.nextInt(2))
                                    .build());
                }
                sender.flush();
            }
        }

        /** How many outcomes there are of each kind. */
        Map<String, Long> results() {
            return read("outcomes").stream()
                    .map(record -> (Outcome) CommittedTopic.decode(Outcome.getClassSchema(), record.value()))
                    .collect(Collectors.groupingBy(
                            outcome -> outcome.getOutcome().toString(), TreeMap::new, Collectors.counting()));
        }

        /** The weights of each model and the partition they are in, as a reader of the compacted topic sees them. */
        Map<String, String> weights() {
            Map<String, String> all = new TreeMap<>();
            Map<TopicPartition, Map<String, Weights>> latest = new HashMap<>();
            for (ConsumerRecord<byte[], byte[]> record : read("weights")) {
                Map<String, Weights> there = latest.computeIfAbsent(
                        new TopicPartition(record.topic(), record.partition()), p -> new TreeMap<>());
                String model = new String(record.key(), StandardCharsets.UTF_8);
                if (record.value() == null) {
                    there.remove(model);
                } else {
                    there.put(model, CommittedTopic.decode(Weights.getClassSchema(), record.value()));
                }
            }
            latest.values()
                    .forEach(there -> there.forEach((model, weights) -> all.merge(
                            model,
                            weights.getVersion() + " " + weights.getBias() + " "
                                    + weights.getWeights().stream()
                                            .map(Weight::getWeight)
                                            .toList(),
                            (a, b) -> "twice")));
            return all;
        }

        /** The partition in which each model's predictions are from an offset of time on. */
        Map<String, Set<Integer>> partitionsSince(long timestamp) {
            return read("predictions").stream()
                    .filter(record -> record.timestamp() >= timestamp)
                    .collect(Collectors.groupingBy(
                            record -> new String(record.key(), StandardCharsets.UTF_8),
                            TreeMap::new,
                            Collectors.mapping(ConsumerRecord::partition, Collectors.toCollection(TreeSet::new))));
        }

        long now() {
            return 1_000_000 + sent;
        }
    }

    private static Map<String, Set<Integer>> homes(Set<String> models, int partitions) {
        Map<String, Set<Integer>> homes = new TreeMap<>();
        models.forEach(model -> homes.put(
                model, Set.of(Utils.toPositive(Utils.murmur2(model.getBytes(StandardCharsets.UTF_8))) % partitions)));
        return homes;
    }

    /** The same examples, in the same order, learned by a learner that never moves. */
    private static Map<String, String> neverMoved(Seeds seeds) throws Exception {
        Trial fixed = new Trial(1).withTopics();
        int records = 0;
        for (int count : seeds.counts) {
            fixed.send(count, new Random(seeds.first + records), true);
            records += count;
        }
        fixed.learn(records);
        return fixed.weights();
    }

    private record Seeds(long first, int... counts) {}

    @Test
    void aTopicThatHasGrownIsRefusedInOneLineAndTheMoveKeepsWhatWasLearned(Random random) throws Exception {
        Seeds seeds = new Seeds(random.nextInt(), 200, 60, 150, 100);
        Trial trial = new Trial(1).withTopics();
        trial.send(200, new Random(seeds.first), true);
        trial.learn(200);
        // left to learn: some in the old layout, some in the new one
        trial.send(60, new Random(seeds.first + 200), true);
        trial.grow(trial.name + "-examples", 3);
        trial.send(150, new Random(seeds.first + 260), true);

        StopException refused = catchThrowableOfType(StopException.class, () -> trial.start());
        assertThat(refused.exitCode()).isEqualTo(ExitCode.BAD_STATE);
        assertThat(refused)
                .hasMessageContaining("has 3 partitions, and the models were learned with 1")
                .hasMessageContaining("`thalweg topics --repartition 3`");
        assertThat(refused.getMessage().lines()).hasSize(1);
        assertThat(trial.verify().obstacle().orElseThrow()).contains("the models were learned with 1");

        trial.move(3, line -> {});
        trial.assertVerified();
        long moved = trial.now();
        trial.send(100, new Random(seeds.first + 410), true);
        trial.learn(510);

        trial.assertVerified();
        assertThat(trial.read("dead-letters")).isEmpty();
        Map<String, Set<Integer>> homes = trial.partitionsSince(moved);
        assertThat(homes).isEqualTo(homes(homes.keySet(), 3));
        assertThat(trial.weights()).isEqualTo(neverMoved(seeds));
    }

    @Test
    void aLearnerWithoutTransactionsIsMovedToo(Random random) throws Exception {
        Seeds seeds = new Seeds(random.nextInt(), 100, 50, 50);
        Trial trial = new Trial(1).withTopics();
        trial.settings.put("processing.guarantee", "at_least_once");
        trial.send(100, new Random(seeds.first), true);
        trial.learn(100);
        trial.send(50, new Random(seeds.first + 100), true);
        trial.move(3, line -> {});
        trial.send(50, new Random(seeds.first + 150), true);
        trial.learn(200);
        assertThat(trial.weights()).isEqualTo(neverMoved(seeds));
    }

    @Test
    void itIsKilledAtEveryPointAndGoesOn(Random random) throws Exception {
        Seeds seeds = new Seeds(random.nextInt(), 150, 50, 50);
        Trial trial = new Trial(2).withTopics();
        trial.send(150, new Random(seeds.first), true);
        trial.learn(150);
        trial.send(50, new Random(seeds.first + 150), true);

        // in the middle of a transaction
        int[] read = {0};
        SchemaSource deadly = id -> {
            if (read[0]++ == 0) {
                throw new Killed();
            }
            return trial.schemas.writerSchema(id);
        };
        assertThatThrownBy(() -> trial.move(5, deadly, line -> {})).isInstanceOf(Killed.class);
        for (String point : List.of(
                "restored",
                "committed",
                "the topics have",
                "learned the rest",
                "wrote",
                "read them back",
                "the state of",
                "the state is complete",
                "deleted topic",
                "created topic",
                "moved the state")) {
            List<String> lines = new ArrayList<>();
            assertThatThrownBy(() -> trial.move(5, line -> {
                        lines.add(line);
                        if (line.startsWith(point)) {
                            throw new Killed();
                        }
                    }))
                    .as("killed at \"%s\", after %s", point, lines)
                    .isInstanceOf(Killed.class);
            assertThatThrownBy(() -> trial.start())
                    .as("a learner after a death at \"%s\"", point)
                    .isInstanceOf(StopException.class)
                    .hasMessageContaining("topics --repartition");
        }
        assertThatThrownBy(() -> trial.move(6, line -> {})).hasMessageContaining("a move to 5 partitions");
        trial.move(5, line -> {});
        trial.assertVerified();
        List<String> again = new ArrayList<>();
        trial.move(5, again::add);
        assertThat(again.get(again.size() - 1)).contains("has 5 partitions already");

        trial.send(50, new Random(seeds.first + 200), true);
        trial.learn(250);
        trial.assertVerified();
        assertThat(trial.read("dead-letters")).isEmpty();
        assertThat(trial.weights()).isEqualTo(neverMoved(seeds));
    }

    @Test
    void aNewTopicWithFewerPartitionsTakesTheModelsOver(Random random) throws Exception {
        Seeds seeds = new Seeds(random.nextInt(), 150, 50, 100, 100);
        Trial trial = new Trial(3).withTopics();
        trial.send(150, new Random(seeds.first), true);
        trial.learn(150);
        trial.send(50, new Random(seeds.first + 150), true);
        assertThatThrownBy(() -> trial.move(2, line -> {}))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("Kafka cannot take any away")
                .hasMessageContaining("set examples.topic to it");

        trial.create(trial.name + "-fewer", 2);
        trial.settings.put("examples.topic", trial.name + "-fewer");
        trial.send(100, new Random(seeds.first + 200), true);
        trial.move(2, line -> {});
        trial.learn(300);
        trial.assertVerified();

        // and a second move, back to the topic before: what was learned of it is not learned again
        trial.settings.put("examples.topic", trial.name + "-examples");
        trial.move(4, line -> {});
        trial.send(100, new Random(seeds.first + 300), true);
        trial.learn(400);
        trial.assertVerified();
        assertThat(trial.weights()).isEqualTo(neverMoved(seeds));
    }

    @Test
    void eventsThatWaitForTheirLabelsMoveToo(Random random) throws Exception {
        Trial trial = new Trial(2).withLateLabels().withTopics();
        trial.send(200, random, false);
        trial.learn(200);
        List<ConsumerRecord<byte[], byte[]>> events = trial.read("examples");
        trial.sendLabels(events.subList(0, 60), random, trial.now());
        trial.move(3, line -> {});
        trial.assertVerified();

        trial.sendLabels(events.subList(60, 120), random, trial.now());
        trial.send(50, random, false);
        // moves the time on, so that the events without a label are given up
        trial.sendLabels(events.subList(190, 191), random, trial.now() + HOUR + 1000);
        trial.learn(
                () -> trial.read("predictions").size() == 250 && trial.results().getOrDefault("LEARNED", 0L) == 120);
        trial.assertVerified();
    }

    @Test
    void aLearnerThatRunsSaysAtOnceThatTheTopicHasGrown(Random random) throws Exception {
        Trial trial = new Trial(2).withTopics();
        trial.send(100, random, true);
        try (LearnerRuntime learner = trial.start()) {
            await().atMost(LearnerTrial.PATIENCE)
                    .until(() -> trial.read("predictions").size() == 100);
            trial.grow(trial.name + "-examples", 5);
            trial.send(100, random, true);

            StopException end = catchThrowableOfType(StopException.class, learner::await);
            assertThat(end.exitCode()).isEqualTo(ExitCode.BAD_STATE);
            assertThat(end).hasMessageContaining("has 5 partitions, and the models were learned with 2");
        }
        // no record in its new partition has begun a second model there
        assertGoesOnWithFive(trial);
    }

    /** Moves a learner that has just ended, and learns what was sent. */
    private static void assertGoesOnWithFive(Trial trial) {
        // the brokers may still take it for a member of its group
        await().atMost(LearnerTrial.PATIENCE).ignoreExceptions().until(() -> {
            trial.move(5, line -> {});
            return true;
        });
        trial.learn(200);
        trial.assertVerified();
        assertThat(trial.read("dead-letters")).isEmpty();
    }

    @Test
    void bothInstancesSayThatTheTopicHasGrown(Random random) throws Exception {
        Trial trial = new Trial(2).withTopics();
        trial.send(100, random, true);
        // each has its own directory and its own place in the group
        trial.settings.put("probing.rebalance.interval.ms", "60000");
        try (LearnerRuntime first = trial.start();
                LearnerRuntime second = trial.start()) {
            await().atMost(LearnerTrial.PATIENCE)
                    .until(() -> Stream.of(first, second)
                            .allMatch(one -> one.isRunning()
                                    && one.streams().metadataForLocalThreads().stream()
                                                    .mapToInt(thread ->
                                                            thread.activeTasks().size())
                                                    .sum()
                                            == 1));
            trial.grow(trial.name + "-examples", 5);
            trial.send(100, random, true);
            for (LearnerRuntime one : List.of(first, second)) {
                StopException end = catchThrowableOfType(StopException.class, one::await);
                assertThat(end.exitCode()).isEqualTo(ExitCode.BAD_STATE);
                assertThat(end).hasMessageContaining("has 5 partitions, and the models were learned with 2");
            }
        }
        assertGoesOnWithFive(trial);
    }

    @Test
    void aRecordOfAProducerThatIsBehindBecomesADeadLetter(Random random) throws Exception {
        Trial trial = new Trial(1).withTopics();
        trial.send(100, random, true);
        trial.learn(100);
        trial.move(4, line -> {});
        String elsewhere = homes(Set.of("m0", "m1", "m2", "m3", "m4", "m5"), 4).entrySet().stream()
                .filter(home -> !home.getValue().contains(0))
                .findFirst()
                .orElseThrow()
                .getKey();
        try (Producer<byte[], byte[]> behind = trial.producer()) {
            ConsumerRecord<byte[], byte[]> any = trial.read("examples").get(0);
            behind.send(new ProducerRecord<>(
                    trial.name + "-examples", 0, elsewhere.getBytes(StandardCharsets.UTF_8), any.value()));
        }
        trial.learn(101);
        DeadLetter letter = CommittedTopic.decode(
                DeadLetter.getClassSchema(), trial.read("dead-letters").get(0).value());
        assertThat(letter.getReason()).hasToString("WRONG_PARTITION");
        trial.assertVerified();
    }

    @Test
    void theWayInWhichProducersChoosePartitionsIsFoundOut(Random random) throws Exception {
        Trial trial = new Trial(2).withTopics();
        try (Producer<byte[], byte[]> librdkafka = trial.producer()) {
            Trial donor = new Trial(1).withTopics();
            donor.send(60, random, true);
            for (ConsumerRecord<byte[], byte[]> record : donor.read("examples")) {
                librdkafka.send(new ProducerRecord<>(
                        trial.name + "-examples",
                        KeyPartitioner.CRC32.partition(record.key(), 2),
                        record.key(),
                        record.value()));
            }
        }
        trial.learn(60);
        trial.move(3, line -> {});
        Set<String> wrong = new TreeSet<>();
        for (ConsumerRecord<byte[], byte[]> record : trial.read("weights")) {
            if (record.value() != null
                    && KeyPartitioner.CRC32.partition(record.key(), 2) != record.partition()
                    && KeyPartitioner.CRC32.partition(record.key(), 3) != record.partition()) {
                wrong.add(new String(record.key(), StandardCharsets.UTF_8));
            }
        }
        assertThat(wrong).isEmpty();
        trial.assertVerified();
    }

    @Test
    void verifyNamesAModelThatLivesInTwoPartitions(Random random) throws Exception {
        Trial trial = new Trial(2).withTopics();
        trial.send(50, random, true);
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            ConsumerRecord<byte[], byte[]> any = trial.read("examples").get(0);
            for (int partition = 0; partition < 2; partition++) {
                producer.send(new ProducerRecord<>(
                        trial.name + "-examples", partition, "split".getBytes(StandardCharsets.UTF_8), any.value()));
            }
        }
        trial.learn(52);

        VerificationReport report = trial.verify();
        assertThat(report.findingCounts()).containsOnlyKeys(FindingKind.MODEL_SPLIT);
        assertThat(report.findings().get(0).sentence()).contains("model split lives in partitions 0 and 1");
        assertThatThrownBy(() -> trial.move(3, line -> {}))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("model split is in partition 0")
                .hasMessageContaining("partition 1");
        // nothing has changed
        trial.learn(52);
    }

    @Test
    void stateWhoseTopicsWereAllExtendedByHandIsRefused(Random random) throws Exception {
        Trial trial = new Trial(1).withTopics();
        trial.send(50, random, true);
        trial.learn(50);
        for (String topic : List.of("examples", "predictions", "weights", "metrics", "dead-letters")) {
            trial.grow(trial.name + "-" + topic, 2);
        }
        trial.grow(LearnerSupplier.changelog(trial.config()), 2);
        try (LearnerRuntime learner = trial.start()) {
            StopException end = catchThrowableOfType(StopException.class, learner::await);
            assertThat(end.exitCode()).isEqualTo(ExitCode.BAD_STATE);
            assertThat(end).hasMessageContaining("has 2 partitions, and the models were learned with 1");
        }
    }

    @Test
    void recordsThatRetentionDeletedUnreadAreNamed(Random random) throws Exception {
        Trial trial = new Trial(1).withTopics();
        trial.send(60, random, true);
        trial.learn(60);
        trial.send(40, random, true);
        TopicPartition examples = new TopicPartition(trial.name + "-examples", 0);
        try (Admin admin = KafkaSettings.admin(trial.config())) {
            admin.deleteRecords(Map.of(examples, RecordsToDelete.beforeOffset(80)))
                    .all()
                    .get();
        }
        assertThat(trial.verify().obstacle().orElseThrow()).contains("before they were learned from: offsets 60 to 79");

        List<String> said = warningsOf(() -> {
            trial.learn(80);
            trial.learn(80);
        });
        assertThat(said)
                .singleElement()
                .asString()
                .contains(examples + " that were not learned from, offsets 60 to 79");
        assertThat(trial.verify().obstacle().orElseThrow()).contains("offsets 60 to 79");
    }

    /** Returns what the log says of records that retention has deleted. */
    private static List<String> warningsOf(Runnable what) {
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        log.start();
        root.addAppender(log);
        try {
            what.run();
        } finally {
            root.detachAppender(log);
        }
        return log.list.stream()
                .filter(event -> event.getLevel() == Level.WARN)
                .map(ILoggingEvent::getFormattedMessage)
                .filter(text -> text.contains("retention has deleted"))
                .toList();
    }

    @Test
    void retentionThatOvertakesALearnerThatRunsIsNamed(Random random) throws Exception {
        Trial trial = new Trial(1).withTopics();
        // so little is fetched at once that retention can overtake it
        trial.settings.putAll(Map.of("max.partition.fetch.bytes", 200, "weights.interval.ms", 100));
        for (int i = 0; i < 60; i++) {
            trial.send(1, random, true);
        }
        TopicPartition examples = new TopicPartition(trial.name + "-examples", 0);
        CountDownLatch deleted = new CountDownLatch(1);
        CountDownLatch reading = new CountDownLatch(1);
        SchemaSource slow = id -> {
            if (LearnerTrial.isStreamThread()) {
                reading.countDown();
                await().atMost(LearnerTrial.PATIENCE).until(() -> deleted.getCount() == 0);
            }
            return trial.schemas.writerSchema(id);
        };
        List<String> said = warningsOf(() -> {
            try (LearnerRuntime learner = LearnerRuntime.start(trial.config(), slow, trial.schemaIds);
                    Admin admin = KafkaSettings.admin(trial.config())) {
                reading.await();
                admin.deleteRecords(Map.of(examples, RecordsToDelete.beforeOffset(50)))
                        .all()
                        .get();
                deleted.countDown();
                await().atMost(LearnerTrial.PATIENCE).until(() -> unread(learner) > 0);
                assertThat(learner.hasEnded()).isFalse();
                await().atMost(LearnerTrial.PATIENCE)
                        .until(() -> unread(learner) + trial.read("predictions").size() == 60);
            } catch (InterruptedException | ExecutionException e) {
                throw new AssertionError(e);
            }
        });
        int read = trial.read("predictions").size();
        assertThat(said)
                .singleElement()
                .asString()
                .contains(
                        examples + " that were not learned from, offsets " + (read - 10) + " to 49",
                        "is further behind than that");
        assertThat(trial.verify().obstacle().orElseThrow()).contains("offsets " + (read - 10) + " to 49");
        // it is not said again
        trial.send(1, random, true);
        assertThat(warningsOf(() -> trial.learn(read + 1))).isEmpty();
        assertThat(trial.verify().obstacle().orElseThrow()).contains("offsets " + (read - 10) + " to 49");
    }

    static double unread(LearnerRuntime learner) {
        return learner.streams().metrics().entrySet().stream()
                .filter(metric -> metric.getKey().name().equals("unread-total"))
                .mapToDouble(metric -> (double) metric.getValue().metricValue())
                .sum();
    }

    @Test
    void aLearnerThatRunsIsNotMoved(Random random) {
        Trial trial = new Trial(1).withTopics();
        trial.send(10, random, true);
        try (LearnerRuntime learner = trial.start()) {
            await().atMost(LearnerTrial.PATIENCE).until(learner::isRunning);
            assertThatThrownBy(() -> trial.move(2, line -> {})).hasMessageContaining("is running; stop all");
        }
    }
}
