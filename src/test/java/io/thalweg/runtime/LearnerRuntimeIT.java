package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.read.ListAppender;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.SchemaIds;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** A learner against a real broker: what it refuses at start, how it ends, and what that leaves behind. */
class LearnerRuntimeIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int EXAMPLES = 200;
    private static final String SECRET = "feature-that-no-log-may-show";
    private static final SchemaIds SCHEMA_IDS = (topic, schema) -> 2;

    private static EmbeddedBroker broker;
    private static int learners;

    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private Map<String, Object> settings;

    @BeforeAll
    static void startBroker(@TempDir Path directory) {
        broker = EmbeddedBroker.start(directory, 0);
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    @BeforeEach
    void aLearnerOfItsOwn() {
        String name = "learner-" + learners++;
        settings = new HashMap<>(Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "application.id",
                name,
                "producer.transaction.timeout.ms",
                "5000"));
        for (String topic : List.of("examples", "predictions", "weights", "metrics")) {
            settings.put(topic + ".topic", name + "-" + topic);
        }
        settings.put("dead.letters.topic", name + "-dead-letters");
        log.start();
        root().addAppender(log);
    }

    @AfterEach
    void noPayloadInTheLog() {
        root().detachAppender(log);
        assertThat(log.list)
                .filteredOn(event -> event.getLevel().isGreaterOrEqual(Level.INFO))
                .extracting(
                        event -> event.getFormattedMessage() + ThrowableProxyUtil.asString(event.getThrowableProxy()))
                .noneMatch(text -> text.contains(SECRET));
    }

    private static Logger root() {
        return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    }

    @Test
    void aRegistryThatDoesNotAnswerEndsItAndNothingIsLost() throws Exception {
        createTopics();
        send(EXAMPLES);
        SchemaSource down = id -> {
            throw new SchemaSourceException("the registry at http://registry:8081 answers 503", null);
        };
        try (LearnerRuntime learner = LearnerRuntime.start(config(), down, SCHEMA_IDS)) {
            StopException end = catchThrowableOfType(StopException.class, learner::await);
            assertThat(end.exitCode()).isEqualTo(ExitCode.DIED);
            assertThat(end).hasMessageContaining("answers 503").hasMessageContaining("nothing is lost");
        }
        try (LearnerRuntime learner = LearnerRuntime.start(config(), up(), SCHEMA_IDS)) {
            assertThat(predictionsOf(learner, EXAMPLES)).containsExactlyElementsOf(offsets(EXAMPLES));
        }
        assertThat(deadLetters()).isZero();
    }

    @Test
    void aThreadThatDiesIsReplacedAndEachExampleIsPredictedOnce() throws Exception {
        createTopics();
        send(EXAMPLES);
        AtomicInteger asked = new AtomicInteger();
        SchemaSource fragile = id -> {
            if (LearnerTrial.isStreamThread() && asked.incrementAndGet() <= 2) {
                throw new IllegalStateException("a bug");
            }
            return Example.getClassSchema();
        };
        try (LearnerRuntime learner = LearnerRuntime.start(config(), fragile, SCHEMA_IDS)) {
            assertThat(predictionsOf(learner, EXAMPLES)).containsExactlyElementsOf(offsets(EXAMPLES));
        }
        assertThat(asked.get()).isGreaterThan(2);
    }

    @Test
    void anInstanceWhoseSettingsDoNotFitDoesNotJoinTheOthers() throws Exception {
        createTopics();
        send(EXAMPLES);
        try (LearnerRuntime learner = LearnerRuntime.start(config(), up(), SCHEMA_IDS)) {
            assertThat(predictionsOf(learner, EXAMPLES)).containsExactlyElementsOf(offsets(EXAMPLES));
            for (Map.Entry<String, String> other : Map.of(
                            "features.space.bits", "18", "features.form", "dense", "algorithm", "auto")
                    .entrySet()) {
                ThalwegConfig misfit = config().with(other.getKey(), other.getValue());
                StopException end =
                        catchThrowableOfType(StopException.class, () -> LearnerRuntime.start(misfit, up(), SCHEMA_IDS));
                assertThat(end.exitCode()).isEqualTo(ExitCode.BAD_STATE);
                assertThat(end)
                        .hasMessageContaining(other.getKey())
                        .hasMessageContaining("set it back")
                        .hasMessageContaining("thalweg reset");
                assertThat(learner.isRunning())
                        .as("no partition has changed hands")
                        .isTrue();
            }
            try (LearnerRuntime fitting = LearnerRuntime.start(config(), up(), SCHEMA_IDS)) {
                assertThat(fitting.hasEnded()).isFalse();
            }
        }
    }

    @Test
    void aThreadThatKeepsDyingEndsTheProcess() throws Exception {
        createTopics();
        send(1);
        settings.put(ThalwegConfig.THREAD_REPLACEMENTS_MAX, "2");
        SchemaSource broken = id -> {
            if (LearnerTrial.isStreamThread()) {
                throw new IllegalStateException("a bug");
            }
            return Example.getClassSchema();
        };
        try (LearnerRuntime learner = LearnerRuntime.start(config(), broken, SCHEMA_IDS)) {
            StopException end = catchThrowableOfType(StopException.class, learner::await);
            assertThat(end.exitCode()).isEqualTo(ExitCode.DIED);
            assertThat(end).hasMessageStartingWith("3 threads died").hasMessageContaining("a bug");
        }
    }

    @Test
    void stateThatMeansSomethingElseIsRefused() throws Exception {
        createTopics();
        send(EXAMPLES);
        try (LearnerRuntime learner = LearnerRuntime.start(config(), up(), SCHEMA_IDS)) {
            predictionsOf(learner, EXAMPLES);
        }
        for (Map.Entry<String, String> other : Map.of(
                        "features.space.bits", "18", "names.max", "10", "features.form", "dense")
                .entrySet()) {
            try (LearnerRuntime learner =
                    LearnerRuntime.start(config().with(other.getKey(), other.getValue()), up(), SCHEMA_IDS)) {
                StopException end = catchThrowableOfType(StopException.class, learner::await);
                assertThat(end.exitCode()).isEqualTo(ExitCode.BAD_STATE);
                assertThat(end).hasMessageContaining(other.getKey()).hasMessageContaining("thalweg reset");
            }
        }
        try (LearnerRuntime learner = LearnerRuntime.start(config().with("learning.rate", "0.2"), up(), SCHEMA_IDS)) {
            send(EXAMPLES);
            assertThat(predictionsOf(learner, 2 * EXAMPLES)).containsExactlyElementsOf(offsets(2 * EXAMPLES));
        }
    }

    @Test
    void aSecondLearnerOnTheSameOutputsIsWarnedOf() throws Exception {
        createTopics();
        send(EXAMPLES);
        try (LearnerRuntime learner = LearnerRuntime.start(config(), up(), SCHEMA_IDS)) {
            predictionsOf(learner, EXAMPLES);
        }
        LearnerRuntime.start(config(), up(), SCHEMA_IDS).close();
        assertThat(log.list).extracting(ILoggingEvent::getFormattedMessage).noneMatch(this::isWarningOfAnother);
        LearnerRuntime.start(config().with("application.id", "another"), up(), SCHEMA_IDS)
                .close();
        assertThat(log.list).extracting(ILoggingEvent::getFormattedMessage).anyMatch(this::isWarningOfAnother);
    }

    private boolean isWarningOfAnother(String message) {
        return message.contains("from another learner?");
    }

    /** The input takes any timestamp; a producer that stamps microseconds must not stop the stream. */
    @Test
    void aTimestampInTheFarFutureIsNoReasonToStop() throws Exception {
        createTopics();
        String examples = settings.get("examples.topic").toString();
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, examples);
        AlterConfigOp lax = new AlterConfigOp(
                new ConfigEntry("message.timestamp.after.max.ms", String.valueOf(Long.MAX_VALUE)),
                AlterConfigOp.OpType.SET);
        try (Admin admin = KafkaSettings.admin(config())) {
            admin.incrementalAlterConfigs(Map.of(topic, List.of(lax))).all().get();
            assertThat(new Topics(config(), admin).look().fatal()).isEmpty();
        }
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config()).writer())) {
            long microseconds = 1_790_000_000_000_000L;
            producer.send(new ProducerRecord<>(examples, null, microseconds, null, example(0)))
                    .get();
            producer.send(new ProducerRecord<>(examples, null, microseconds, null, new byte[] {1}))
                    .get();
            producer.send(new ProducerRecord<>(examples, example(1))).get();
        }
        try (LearnerRuntime learner = LearnerRuntime.start(config(), up(), SCHEMA_IDS)) {
            assertThat(predictionsOf(learner, 2)).containsExactly(0L, 2L);
        }
    }

    @Test
    void missingTopicsAreNamedWithTheirRemedy() {
        assertThatThrownBy(() -> LearnerRuntime.start(config(), up(), SCHEMA_IDS))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.NOT_READY))
                .hasMessageContaining(settings.get("examples.topic").toString())
                .hasMessageContaining(settings.get("dead.letters.topic").toString())
                .hasMessageContaining("thalweg topics --create");
    }

    @Test
    void outputsNeedAsManyPartitionsAsTheExamples() throws Exception {
        createTopics();
        String examples = settings.get("examples.topic").toString();
        try (Admin admin = KafkaSettings.admin(config())) {
            admin.createPartitions(Map.of(examples, NewPartitions.increaseTo(2)))
                    .all()
                    .get();
            // the broker hears of it a moment after the controller has done it
            await().atMost(PATIENCE)
                    .until(() -> admin.describeTopics(List.of(examples))
                                    .allTopicNames()
                                    .get()
                                    .get(examples)
                                    .partitions()
                                    .size()
                            == 2);
        }
        assertThatThrownBy(() -> LearnerRuntime.start(config(), up(), SCHEMA_IDS))
                .hasMessageContaining(settings.get("predictions.topic") + " has 1 partitions and the examples have 2");
    }

    @Test
    void aKeylessModelNeedsOnePartition() {
        settings.put("topics.partitions", "2");
        createTopics();
        assertThatThrownBy(() -> LearnerRuntime.start(config().with("model.default", "all"), up(), SCHEMA_IDS))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessageContaining("model.default")
                .hasMessageContaining("2 partitions");
    }

    @Test
    void brokersThatDoNotAnswerAreNamed() {
        settings.put("bootstrap.servers", "127.0.0.1:1");
        settings.put("start.timeout.ms", "1000");
        assertThatThrownBy(() -> LearnerRuntime.start(config(), up(), SCHEMA_IDS))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.NOT_READY))
                .hasMessageContaining("127.0.0.1:1")
                .hasMessageContaining("bootstrap.servers");
    }

    @Test
    void theLogSaysThatBrokersAreAwayAndThatTheyAreBack(@TempDir Path directory) throws Exception {
        EmbeddedBroker restarted = EmbeddedBroker.start(directory, 0);
        try {
            settings.put("bootstrap.servers", restarted.bootstrapServers());
            // so long may other checks wait for the brokers, and they must not hold this one up
            settings.put("start.timeout.ms", "300000");
            createTopics();
            send(EXAMPLES);
            try (LearnerRuntime learner = LearnerRuntime.start(config(), up(), SCHEMA_IDS)) {
                predictionsOf(learner, EXAMPLES);
                restarted.close();
                await().atMost(PATIENCE).until(() -> hasSaid("the brokers have not answered for 10 s"));
                assertThat(hasSaid("the brokers answer again")).isFalse();
                restarted = EmbeddedBroker.start(directory, 0);
                await().atMost(PATIENCE).until(() -> hasSaid("the brokers answer again"));
                send(EXAMPLES);
                assertThat(predictionsOf(learner, 2 * EXAMPLES)).containsExactlyElementsOf(offsets(2 * EXAMPLES));
            }
        } finally {
            restarted.close();
        }
    }

    private boolean hasSaid(String words) {
        // the appender's own lock, for it is written to meanwhile
        synchronized (log) {
            return log.list.stream()
                    .anyMatch(event -> event.getFormattedMessage().contains(words));
        }
    }

    private ThalwegConfig config() {
        return new ThalwegConfig(settings);
    }

    private static SchemaSource up() {
        return id -> id == 2 ? Prediction.getClassSchema() : Example.getClassSchema();
    }

    private void createTopics() {
        try (Admin admin = KafkaSettings.admin(config())) {
            assertThat(new Topics(config(), admin).create()).hasSize(5);
            assertThat(new Topics(config(), admin).look().fatal()).isEmpty();
        }
    }

    private static byte[] example(int i) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, 1).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        Example example = new Example("e" + i, i % 2 * 1.0, 1.0, Map.of(SECRET, i / 100.0));
        new SpecificDatumWriter<>(Example.class).write(example, encoder);
        return out.toByteArray();
    }

    private void send(int count) throws IOException {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config()).writer())) {
            for (int i = 0; i < count; i++) {
                producer.send(
                        new ProducerRecord<>(settings.get("examples.topic").toString(), example(i)));
            }
        }
    }

    /**
     * The offsets of the examples that have been predicted, in the order of the predictions topic, once there
     * are as many.
     */
    private List<Long> predictionsOf(LearnerRuntime learner, int count) {
        List<Long> offsets = new ArrayList<>();
        try (OutputReader<Prediction> reader = open(OutputTopic.PREDICTIONS, Prediction.class)) {
            await().atMost(PATIENCE).dontCatchUncaughtExceptions().until(() -> {
                assertThat(learner.hasEnded()).isFalse();
                reader.poll(Duration.ofMillis(100))
                        .forEach(entry -> offsets.add(entry.value().getOffset()));
                return offsets.size() >= count;
            });
        }
        return offsets;
    }

    private int deadLetters() {
        try (OutputReader<DeadLetter> reader = open(OutputTopic.DEAD_LETTERS, DeadLetter.class)) {
            return reader.poll(Duration.ofSeconds(1)).size();
        }
    }

    private <T extends SpecificRecord> OutputReader<T> open(OutputTopic topic, Class<T> type) {
        return OutputReader.open(config(), up(), topic, type, null, OutputReader.Start.BEGINNING);
    }

    private static List<Long> offsets(int count) {
        return LongStream.range(0, count).boxed().toList();
    }
}
