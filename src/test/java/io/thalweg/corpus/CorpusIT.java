package io.thalweg.corpus;

import static io.thalweg.corpus.CorpusTest.with;
import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.Topics;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The corpus through a real broker, with learners that are stopped and started again in the middle, from their
 * changelogs. What is published at an interval is not: no two runs would agree when.
 */
class CorpusIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final List<String> OUTPUTS = List.of("predictions", "weights", "metrics", "dead-letters");
    private static final Map<String, String> LIMITS = Map.ofEntries(
            Map.entry("features.space.bits", "14"),
            Map.entry("names.max", "60"),
            Map.entry("models.max", "12"),
            Map.entry("weights.record.max", "2048"),
            Map.entry("weights.every", "3"),
            Map.entry("weights.window", "50"),
            Map.entry("metrics.every", "7"),
            Map.entry("metrics.window", "80"),
            Map.entry("weights.interval.ms", "3600000"));

    private static EmbeddedBroker broker;

    private final CorpusDigests digests = new CorpusDigests("broker");

    private final SchemaSource schemas = new SchemaSource() {
        @Override
        public Schema writerSchema(int id) throws UnknownSchemaException {
            return CorpusTest.SCHEMAS.writerSchema(id);
        }

        @Override
        public Optional<Schema> latestSchema(String topic) {
            return Optional.of(CorpusInput.SCHEMAS.get(CorpusInput.ORDER_ID));
        }
    };

    @BeforeAll
    static void startBroker(@TempDir Path directory) {
        broker = EmbeddedBroker.start(directory, 0);
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    @Test
    void sgdWithAnotherRateAfterTheSecondRestart() {
        run(
                "sgd",
                1,
                CorpusInput.examples(21, 1800),
                List.of(Map.of(), Map.of(), Map.of("learning.rate", "0.2", "metrics.every", "5")));
    }

    @Test
    void auto() {
        Map<String, String> auto = Map.of("algorithm", "auto");
        run("auto", 1, CorpusInput.examples(22, 1800), List.of(auto, auto, auto));
    }

    @Test
    void adagradWithPenaltiesOnStandardScales() {
        Map<String, String> adagrad =
                Map.of("algorithm", "adagrad", "scaling", "standard", "l1", "0.001", "l2", "0.001");
        run("adagrad-standard-l1-l2", 1, CorpusInput.examples(23, 1200), List.of(adagrad, adagrad));
    }

    @Test
    void autoGoesOnFromWhatSgdHasLearned() {
        run(
                "sgd-then-auto",
                1,
                CorpusInput.examples(24, 1800),
                List.of(
                        Map.of("scaling", "max-abs"),
                        Map.of("algorithm", "auto", "state.migrate", "true"),
                        Map.of("algorithm", "auto")));
    }

    @Test
    void eventsThatAreSentOnToThePartitionOfTheirModel() {
        Map<String, String> events = Map.of(
                "label",
                "status == 'fraud'",
                "id.field",
                "id",
                "model.from",
                "field:shop",
                "algorithm",
                "ftrl",
                "scaling",
                "standard",
                "l1",
                "0.1",
                "features.cross",
                "channel*items");
        run("events-routed", 3, CorpusInput.orders(25, 1200), List.of(events, events, events));
    }

    /** @param phases the settings that each part of the records is learned under, by a learner of its own */
    private void run(String scenario, int partitions, List<CorpusRecord> records, List<Map<String, String>> phases) {
        Map<String, String> own = new HashMap<>(LIMITS);
        own.put("bootstrap.servers", broker.bootstrapServers());
        own.put("application.id", "corpus-" + scenario);
        own.put("examples.topic", scenario + "-examples");
        own.put("topics.partitions", String.valueOf(partitions));
        OUTPUTS.forEach(topic -> own.put(topic.replace('-', '.') + ".topic", scenario + "-" + topic));

        ThalwegConfig first = new ThalwegConfig(with(own, phases.get(0)));
        try (Admin admin = KafkaSettings.admin(first)) {
            new Topics(first, admin).create();
            keepFromCompaction(first, admin);
        }
        int sent = 0;
        int expected = 0;
        for (int i = 0; i < phases.size(); i++) {
            ThalwegConfig config = new ThalwegConfig(with(own, phases.get(i)));
            boolean isLast = i == phases.size() - 1;
            int end = isLast ? records.size() : sent + records.size() / phases.size();
            // what comes of the last of them is waited for
            while (!isLast && records.get(end - 1).value() == null) {
                end++;
            }
            List<CorpusRecord> part = records.subList(sent, end);
            send(config, part);
            sent = end;
            expected += part.size() - (partitions == 1 ? CorpusInput.deletions(part) : 0);
            try (LearnerRuntime learner = LearnerRuntime.start(config, schemas, (topic, schema) -> 1)) {
                await(config, learner, expected);
            }
        }
        Map<String, List<CorpusRecord>> outputs = read(first, OUTPUTS);
        outputs.forEach((topic, output) -> digests.check(
                scenario,
                topic,
                partitions == 1
                        ? output
                        : output.stream().map(CorpusIT::withoutOffsetByModel).toList()));
    }

    /** What a reader would not miss, a digest would. */
    private static void keepFromCompaction(ThalwegConfig config, Admin admin) {
        AlterConfigOp never = new AlterConfigOp(
                new ConfigEntry(TopicConfig.MIN_COMPACTION_LAG_MS_CONFIG, String.valueOf(Long.MAX_VALUE)),
                AlterConfigOp.OpType.SET);
        Map<ConfigResource, Collection<AlterConfigOp>> changes = new HashMap<>();
        for (String setting : List.of(ThalwegConfig.WEIGHTS_TOPIC, ThalwegConfig.METRICS_TOPIC)) {
            changes.put(
                    new ConfigResource(ConfigResource.Type.TOPIC, config.getString(setting)),
                    List.of(
                            never,
                            new AlterConfigOp(
                                    new ConfigEntry(
                                            TopicConfig.MAX_COMPACTION_LAG_MS_CONFIG, String.valueOf(Long.MAX_VALUE)),
                                    AlterConfigOp.OpType.SET)));
        }
        admin.incrementalAlterConfigs(changes)
                .all()
                .toCompletionStage()
                .toCompletableFuture()
                .join();
    }

    /** All to one partition, so that there is one order. */
    private static void send(ThalwegConfig config, List<CorpusRecord> records) {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config).writer())) {
            records.forEach(record -> producer.send(new ProducerRecord<>(
                    config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                    0,
                    record.timestamp(),
                    record.key(),
                    record.value(),
                    record.headers())));
        }
    }

    private static void await(ThalwegConfig config, LearnerRuntime learner, int expected) {
        Awaitility.await().atMost(PATIENCE).pollInterval(Duration.ofMillis(200)).until(() -> {
            assertThat(learner.hasEnded()).isFalse();
            int found = read(config, List.of("predictions", "dead-letters")).values().stream()
                    .mapToInt(List::size)
                    .sum();
            assertThat(found).isLessThanOrEqualTo(expected);
            return found == expected;
        });
    }

    /** Where a record lies in the topic by model depends on how many transactions the router took. */
    private static CorpusRecord withoutOffsetByModel(CorpusRecord record) {
        Headers headers = new RecordHeaders(record.headers());
        boolean isPrediction = headers.lastHeader("thalweg.source.offset") != null;
        headers.remove("thalweg.routed.offset");
        return new CorpusRecord(
                record.key(),
                isPrediction ? withoutOffset(record.value()) : record.value(),
                headers,
                record.timestamp());
    }

    /** A prediction without its last field. */
    private static byte[] withoutOffset(byte[] value) {
        int end = value.length - 1;
        // every byte of a number but its last has the highest bit
        while (value[end - 1] < 0) {
            end--;
        }
        return Arrays.copyOf(value, end);
    }

    /** The router's letters are apart from the learner's: how the two lie between each other is chance. */
    private static String name(String topic, ConsumerRecord<byte[], byte[]> record) {
        boolean sentOn = record.headers().lastHeader("thalweg.routed.offset") != null;
        return topic + "-" + record.partition() + (sentOn ? " by model" : "");
    }

    /** What is committed on topics, by topic and partition. */
    private static Map<String, List<CorpusRecord>> read(ThalwegConfig config, List<String> topics) {
        Map<String, List<CorpusRecord>> found = new TreeMap<>();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            for (String topic : topics) {
                List<TopicPartition> partitions =
                        consumer.partitionsFor(config.getString(topic.replace('-', '.') + ".topic")).stream()
                                .map(info -> new TopicPartition(info.topic(), info.partition()))
                                .collect(Collectors.toList());
                consumer.assign(partitions);
                consumer.seekToBeginning(partitions);
                Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
                while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                        found.computeIfAbsent(name(topic, record), name -> new ArrayList<>())
                                .add(new CorpusRecord(
                                        record.key(),
                                        CorpusDigests.asRecorded(topic, record.value()),
                                        record.headers(),
                                        record.timestamp()));
                    }
                }
            }
        }
        return found;
    }
}
