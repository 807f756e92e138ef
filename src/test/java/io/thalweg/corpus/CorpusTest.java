package io.thalweg.corpus;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.topology.InputWatch;
import io.thalweg.topology.LearnerTopology;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A fixed mixed input gives, with every algorithm, scaling and penalty, the outputs that were recorded before the code
 * took its present shape, bit for bit. See {@link CorpusDigests}.
 */
class CorpusTest {
    private static final int RECORDS = 2000;
    /** Between two moments at which what is left over is published. */
    private static final int INTERVAL = 70;

    /** What makes the limits bite within so few records. */
    private static final Map<String, String> LIMITS = Map.ofEntries(
            Map.entry("features.space.bits", "14"),
            Map.entry("names.max", "60"),
            Map.entry("models.max", "12"),
            Map.entry("example.max.bytes", "4096"),
            Map.entry("weights.record.max", "100"),
            Map.entry("weights.every", "3"),
            Map.entry("weights.window", "50"),
            Map.entry("metrics.every", "7"),
            Map.entry("metrics.window", "80"),
            Map.entry("dead.letters.max.bytes", "65536"));

    private final CorpusDigests digests = new CorpusDigests("topology");

    static final SchemaSource SCHEMAS = id -> {
        Schema schema = CorpusInput.SCHEMAS.get(id);
        if (schema == null) {
            throw new UnknownSchemaException(id);
        }
        return schema;
    };

    static Stream<Arguments> examples() {
        return Stream.of(
                Arguments.of("sgd", Map.of("learning.rate", "0.1")),
                Arguments.of("sgd-every-step", Map.of("weights.every", "1", "weights.record.max", "2048")),
                Arguments.of("sgd-without-window", Map.of("weights.window", "0", "metrics.every", "1")),
                Arguments.of("sgd-inverse-scaling", Map.of("learning.rate.schedule", "inverse-scaling")),
                Arguments.of(
                        "sgd-inverse-time",
                        Map.of("learning.rate.schedule", "inverse-time", "learning.rate.decay", "0.01")),
                Arguments.of(
                        "sgd-exponential",
                        Map.of("learning.rate.schedule", "exponential", "learning.rate.decay", "0.001")),
                Arguments.of("sgd-invariant", Map.of("importance.invariant", "true")),
                Arguments.of(
                        "sgd-invariant-standard",
                        Map.of("importance.invariant", "true", "scaling", "standard", "learning.rate", "0.3")),
                Arguments.of("sgd-clip", Map.of("gradient.clip", "0.7")),
                Arguments.of("sgd-max-abs", Map.of("scaling", "max-abs")),
                Arguments.of("sgd-standard", Map.of("scaling", "standard")),
                Arguments.of("sgd-l1", Map.of("l1", "0.001")),
                Arguments.of("sgd-l2", Map.of("l2", "0.01", "learning.rate.schedule", "inverse-scaling")),
                Arguments.of("sgd-standard-l1-l2", Map.of("scaling", "standard", "l1", "0.001", "l2", "0.001")),
                Arguments.of(
                        "sgd-max-abs-l1-l2-clip",
                        Map.of("scaling", "max-abs", "l1", "0.001", "l2", "0.001", "gradient.clip", "1")),
                Arguments.of("adagrad", Map.of("algorithm", "adagrad", "learning.rate", "0.2")),
                Arguments.of("adagrad-max-abs", Map.of("algorithm", "adagrad", "scaling", "max-abs")),
                Arguments.of("adagrad-standard", Map.of("algorithm", "adagrad", "scaling", "standard")),
                Arguments.of(
                        "adagrad-standard-l1-l2",
                        Map.of("algorithm", "adagrad", "scaling", "standard", "l1", "0.001", "l2", "0.01")),
                Arguments.of("adagrad-l1-clip", Map.of("algorithm", "adagrad", "l1", "0.002", "gradient.clip", "2")),
                Arguments.of("ftrl", Map.of("algorithm", "ftrl", "ftrl.beta", "2")),
                Arguments.of("ftrl-l1-l2", Map.of("algorithm", "ftrl", "l1", "0.5", "l2", "0.1")),
                Arguments.of("ftrl-max-abs", Map.of("algorithm", "ftrl", "scaling", "max-abs")),
                Arguments.of(
                        "ftrl-standard-l1-clip",
                        Map.of("algorithm", "ftrl", "scaling", "standard", "l1", "0.2", "gradient.clip", "1")),
                Arguments.of("auto", Map.of("algorithm", "auto")),
                Arguments.of(
                        "auto-every-step",
                        Map.of("algorithm", "auto", "weights.every", "1", "weights.record.max", "2048")),
                Arguments.of("named-only", Map.of("features.form", "named")),
                Arguments.of("keyless", Map.of()),
                Arguments.of("no-keyless", Map.of()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void examples(String scenario, Map<String, String> settings) {
        run(
                scenario,
                settings,
                scenario.equals("no-keyless") ? "" : "default",
                false,
                CorpusInput.examples(7, RECORDS));
    }

    static Stream<Arguments> orders() {
        Map<String, String> events = Map.of("label", "status == 'fraud'", "id.field", "id");
        return Stream.of(
                Arguments.of("events", events, false),
                Arguments.of(
                        "events-mapped",
                        with(
                                events,
                                Map.ofEntries(
                                        Map.entry("algorithm", "auto"),
                                        Map.entry("importance.field", "weight"),
                                        Map.entry("features.exclude", "counts"),
                                        Map.entry("features.categorical", "items"),
                                        Map.entry("features.time", "at:hour|weekday"),
                                        Map.entry("features.buckets", "amount:log2, customer.age:25|40"),
                                        Map.entry(
                                                "features.cross",
                                                "channel*customer.vip, shop*at.hour, amount*channel"))),
                        false),
                Arguments.of(
                        "events-by-field",
                        with(events, Map.of("model.from", "field:shop", "features.cross", "channel*items")),
                        false),
                Arguments.of(
                        "events-routed", with(events, Map.of("model.from", "field:shop", "scaling", "standard")), true),
                Arguments.of(
                        "events-routed-fixed",
                        with(events, Map.of("model.from", "fixed:all", "label", "items > 9")),
                        true),
                Arguments.of("events-numeric", Map.of("label", "weight", "features.numeric", "status"), false));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void orders(String scenario, Map<String, String> settings, boolean routed) {
        run(scenario, settings, "default", routed, CorpusInput.orders(11, RECORDS / 2));
    }

    static Map<String, String> with(Map<String, String> settings, Map<String, String> more) {
        Map<String, String> all = new HashMap<>(settings);
        all.putAll(more);
        return all;
    }

    private void run(
            String scenario, Map<String, String> settings, String keyless, boolean routed, List<CorpusRecord> records) {
        ThalwegConfig config = new ThalwegConfig(with(LIMITS, settings));
        Properties streams = new Properties();
        streams.put(StreamsConfig.APPLICATION_ID_CONFIG, "corpus");
        streams.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1");
        Instant start = Instant.ofEpochMilli(1_700_000_000_000L);
        try (TopologyTestDriver driver = new TopologyTestDriver(
                new LearnerTopology(config, SCHEMAS, (topic, schema) -> 1, keyless, routed ? 2 : 0, InputWatch.NONE)
                        .clock(() -> 0)
                        .get(),
                streams,
                start)) {
            TestInputTopic<byte[], byte[]> input =
                    driver.createInputTopic("examples", new ByteArraySerializer(), new ByteArraySerializer());
            int taken = 0;
            for (CorpusRecord record : records) {
                input.pipeInput(new TestRecord<>(
                        record.key(), record.value(), record.headers(), Instant.ofEpochMilli(record.timestamp())));
                if (++taken % INTERVAL == 0) {
                    driver.advanceWallClockTime(Duration.ofSeconds(1));
                }
            }
            driver.advanceWallClockTime(Duration.ofSeconds(1));
            for (String topic : List.of("predictions", "weights", "metrics", "dead-letters")) {
                digests.check(scenario, topic, output(driver, topic));
            }
        }
    }

    private static List<CorpusRecord> output(TopologyTestDriver driver, String topic) {
        TestOutputTopic<byte[], byte[]> output =
                driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        return output.readRecordsToList().stream()
                .map(record -> new CorpusRecord(
                        record.key(),
                        CorpusDigests.asRecorded(topic, record.value()),
                        record.headers(),
                        record.timestamp()))
                .toList();
    }
}
