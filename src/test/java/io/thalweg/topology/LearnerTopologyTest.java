package io.thalweg.topology;

import static io.thalweg.topology.LearnerDriver.dense;
import static io.thalweg.topology.LearnerDriver.encode;
import static io.thalweg.topology.LearnerDriver.example;
import static io.thalweg.topology.LearnerDriver.key;
import static io.thalweg.topology.LearnerDriver.named;
import static io.thalweg.topology.LearnerDriver.sparse;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.input.RecordBundle;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.output.OutputBundle;
import io.thalweg.output.OutputBundle.SerializedOutput;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class LearnerTopologyTest {
    private static final int ONE_MEGABYTE = 1_048_576;

    // ---- the golden description

    /**
     * Fails whenever the topology changes, because names of nodes and stores are names of topics and metrics. To renew
     * it: {@code mvn test -Dtest=LearnerTopologyTest -Dtopology.renew=true}
     */
    @Test
    void theTopologyIsAsDescribed() throws IOException {
        Topology topology =
                new LearnerTopology(new ThalwegConfig(Map.of()), id -> null, (topic, schema) -> 1, "").get();
        String description = topology.describe().toString();
        Path golden = Path.of("src/test/resources/io/thalweg/topology/topology.txt");
        if (Boolean.getBoolean("topology.renew")) {
            Files.createDirectories(golden.getParent());
            Files.writeString(golden, description);
        }
        assertThat(description).isEqualTo(Files.readString(golden));
    }

    // ---- predicting and learning

    @Test
    void predictsFirstAndLearnsSecond() {
        try (LearnerDriver learner = new LearnerDriver(Map.of("learning.rate", "0.5"))) {
            Prediction first = learner.predict("m", dense(1.0, 2.0, -1.0));
            assertThat(first.getProbability()).isEqualTo(0.5);
            assertThat(first.getVersion()).isZero();
            assertThat(first.getLogLoss()).isCloseTo(Math.log(2), within(1e-15));
            assertThat(first.getPartition()).isZero();
            assertThat(first.getOffset()).isZero();

            // the step: α·(a − y) = 0.5·(0.5 − 1) = −0.25, so w = (0.5, −0.25) and b = 0.25
            Weights weights = learner.lastWeights();
            assertThat(weights.getModel()).hasToString("m");
            assertThat(weights.getVersion()).isEqualTo(1);
            assertThat(weights.getBias()).isEqualTo(0.25);
            assertThat(weights.getBlock()).isNull();
            assertThat(weights.getBlocks()).isEqualTo(1);
            assertThat(weights.getWeights()).extracting(Weight::getWeight).containsExactly(0.5, -0.25);
            assertThat(weights.getL2Norm()).isCloseTo(Math.sqrt(0.3125), within(1e-15));
            assertThat(weights.getChange()).isCloseTo(Math.sqrt(0.375), within(1e-15));
            assertThat(weights.getLearningRate()).isEqualTo(0.5);

            Prediction second = learner.predict("m", dense(null, 1.0, 1.0));
            assertThat(second.getLogit()).isEqualTo(0.5);
            assertThat(second.getVersion()).isEqualTo(1);
            assertThat(second.getOffset()).isEqualTo(1);
            assertThat(second.getLabel()).isNull();
            assertThat(second.getLogLoss()).isNull();
            assertThat(learner.weights.isEmpty()).isTrue();
        }
    }

    @Test
    void withoutALabelNothingIsPublishedButThePrediction() {
        try (LearnerDriver learner = new LearnerDriver(Map.of("metrics.every", "1", "models.max", "1"))) {
            for (String model : List.of("a", "b", "a")) {
                assertThat(learner.predict(model, named(null, Map.of("x", 1.0))).getProbability())
                        .isEqualTo(0.5);
            }
            learner.driver.advanceWallClockTime(Duration.ofMinutes(1));
            assertThat(learner.weights.isEmpty()).isTrue();
            assertThat(learner.metrics.isEmpty()).isTrue();
            assertThat(learner.deadLetters.isEmpty()).isTrue();
            // neither a nor b takes the one place that there is
            learner.predict("c", named(1.0, Map.of("x", 1.0)));
        }
    }

    @Test
    void aPredictionCarriesIdKeyTimestampAndHeadersOfItsExample() {
        try (LearnerDriver learner = new LearnerDriver(Map.of())) {
            RecordHeaders headers = new RecordHeaders();
            headers.add("trace", new byte[] {1, 2});
            Example x = new Example("é7", 1.0, 2.0, List.of(1.0));
            learner.examples.pipeInput(new TestRecord<>(key("m"), encode(x), headers, Instant.ofEpochMilli(1234)));
            TestRecord<byte[], byte[]> record = learner.predictions.readRecord();
            assertThat(record.key()).isEqualTo(key("m"));
            assertThat(record.timestamp()).isEqualTo(1234);
            assertThat(record.headers().lastHeader("trace").value()).containsExactly(1, 2);
            Prediction prediction = LearnerDriver.decode(record.value(), Prediction.getClassSchema());
            assertThat(prediction.getId()).hasToString("é7");
            assertThat(prediction.getLabel()).isEqualTo(1);
            // headers of an example are no business of the weights
            TestRecord<byte[], byte[]> weights = learner.weights.readRecord();
            assertThat(weights.headers()).isEmpty();
            assertThat(weights.timestamp()).isEqualTo(1234);
        }
    }

    @Test
    void withoutAKeyItIsTheModelOfTheSetting() {
        try (LearnerDriver learner = new LearnerDriver(Map.of(), "the one")) {
            learner.send(null, dense(1.0, 1.0));
            TestRecord<byte[], byte[]> prediction = learner.predictions.readRecord();
            assertThat(prediction.key())
                    .as("the key of a prediction is the model id")
                    .isEqualTo(key("the one"));
            assertThat(learner.lastWeights().getModel()).hasToString("the one");
            assertThat(learner.predict("the one", dense(null, 1.0)).getVersion())
                    .isEqualTo(1);
            learner.examples.pipeInput(null, (byte[]) null);
            assertThat(learner.weights.readRecord().key()).isEqualTo(key("the one"));
            assertThat(learner.predict(null, dense(null, 1.0)).getVersion()).isZero();
        }
    }

    // ---- deletion

    @Test
    void aNullValueForgetsTheModel() {
        try (LearnerDriver learner =
                new LearnerDriver(Map.of("metrics.every", "1", "weights.record.max", "2", "learning.rate", "1"))) {
            learner.predict("m", sparse(1.0, List.of(0, 1), List.of(1.0, 1.0)));
            learner.predict("m", sparse(1.0, List.of(500, 300), List.of(1.0, 1.0)));
            learner.predict("other", dense(1.0, 1.0));
            learner.driver.advanceWallClockTime(Duration.ofSeconds(2));
            Map<String, byte[]> topic = new HashMap<>();
            learner.weights.readRecordsToList().forEach(r -> topic.put(text(r.key()), r.value()));
            learner.metrics.readRecordsToList();

            learner.examples.pipeInput(key("m"), (byte[]) null);
            assertThat(learner.predictions.isEmpty()).isTrue();
            assertThat(learner.deadLetters.isEmpty()).isTrue();
            TestRecord<byte[], byte[]> metrics = learner.metrics.readRecord();
            assertThat(metrics.key()).isEqualTo(key("m"));
            assertThat(metrics.value()).isNull();
            learner.weights.readRecordsToList().forEach(r -> {
                assertThat(r.value()).isNull();
                topic.put(text(r.key()), null);
            });
            topic.values().removeIf(value -> value == null);
            assertThat(topic).containsOnlyKeys("other");

            // it begins anew, in another form even
            Prediction anew = learner.predict("m", dense(1.0, 3.0));
            assertThat(anew.getVersion()).isZero();
            assertThat(anew.getProbability()).isEqualTo(0.5);
            assertThat(learner.lastWeights().getVersion()).isEqualTo(1);
            assertThat(learner.lastMetrics().getOverall().getExamples()).isEqualTo(1);
            assertThat(learner.total("deletions")).isEqualTo(1);
        }
    }

    @Test
    void forgettingWhatIsNotKnownPublishesNothing() {
        try (LearnerDriver learner = new LearnerDriver(Map.of())) {
            learner.examples.pipeInput(key("m"), (byte[]) null);
            assertThat(learner.predictions.isEmpty()).isTrue();
            assertThat(learner.weights.isEmpty()).isTrue();
            assertThat(learner.metrics.isEmpty()).isTrue();
            assertThat(learner.deadLetters.isEmpty()).isTrue();
        }
    }

    // ---- what is published when

    @Test
    void weightsCanBeThinnedAndTheRestFollowsAtTheInterval() {
        try (LearnerDriver learner = new LearnerDriver(Map.of("weights.every", "3", "weights.interval.ms", "1000"))) {
            for (int i = 0; i < 7; i++) {
                learner.predict("m", dense(1.0, 1.0));
            }
            assertThat(versions(learner)).containsExactly(3L, 6L);
            learner.driver.advanceWallClockTime(Duration.ofMillis(999));
            assertThat(learner.weights.isEmpty()).isTrue();
            learner.driver.advanceWallClockTime(Duration.ofMillis(1));
            assertThat(versions(learner)).containsExactly(7L);
            learner.driver.advanceWallClockTime(Duration.ofSeconds(5));
            assertThat(learner.weights.isEmpty()).as("nothing has changed").isTrue();
        }
    }

    /** At each look at the clock a tenth of a second has passed, so publishing takes as long. */
    @Test
    void whatTakesLongToPublishIsPublishedInATenthOfTheTime() {
        AtomicLong clock = new AtomicLong();
        Map<String, String> settings = Map.of("weights.every", "1000000", "weights.interval.ms", "1000");
        try (LearnerDriver learner =
                new LearnerDriver(settings, "default", () -> clock.getAndAdd(TimeUnit.MILLISECONDS.toNanos(100)))) {
            List<Long> published = new ArrayList<>();
            for (long i = 1; i <= 100; i++) {
                learner.predict("m", dense(1.0, 1.0));
                learner.driver.advanceWallClockTime(Duration.ofSeconds(1));
                for (long version : versions(learner)) {
                    assertThat(version).isEqualTo(i);
                    published.add(version);
                }
            }
            // two of ten looks are at a publication, before and after it, and eight are at rest
            assertThat(published).hasSize(12).startsWith(1L, 10L, 19L);
        }
    }

    private static List<Long> versions(LearnerDriver learner) {
        return learner.weights.readValuesToList().stream()
                .map(value -> LearnerDriver.<Weights>decode(value, Weights.getClassSchema())
                        .getVersion())
                .toList();
    }

    @Test
    void theChangeSinceTheLastRecordIsItsNorm() {
        try (LearnerDriver learner = new LearnerDriver(Map.of("weights.every", "4"))) {
            double[] before = new double[4];
            for (int i = 0; i < 20; i++) {
                learner.predict("m", dense(i % 3 == 0 ? 1.0 : 0.0, 1.0, i * 0.1, -2.0));
                if (i % 4 == 3) {
                    Weights now = learner.lastWeights();
                    double squares = Math.pow(now.getBias() - before[3], 2);
                    for (int k = 0; k < 3; k++) {
                        squares += Math.pow(now.getWeights().get(k).getWeight() - before[k], 2);
                        before[k] = now.getWeights().get(k).getWeight();
                    }
                    before[3] = now.getBias();
                    assertThat(now.getChange()).isCloseTo(Math.sqrt(squares), within(1e-14));
                }
            }
        }
    }

    @Test
    void metricsFollowEverySoManySteps() {
        try (LearnerDriver learner = new LearnerDriver(Map.of("metrics.every", "5", "metrics.window", "4"))) {
            double loss = 0;
            for (int i = 1; i <= 12; i++) {
                loss += learner.predict("m", dense(i % 2 * 1.0, 1.0)).getLogLoss();
                learner.predict("m", dense(null, 1.0));
                if (i % 5 == 0) {
                    Metrics metrics = learner.lastMetrics();
                    assertThat(metrics.getModel()).hasToString("m");
                    assertThat(metrics.getVersion()).isEqualTo(i);
                    assertThat(metrics.getOverall().getExamples()).isEqualTo(i);
                    assertThat(metrics.getOverall().getLogLoss()).isCloseTo(loss / i, within(1e-15));
                    assertThat(metrics.getRecent().getExamples()).isBetween(2L, 4L);
                    assertThat(metrics.getLearningRate()).isEqualTo(0.05);
                } else {
                    assertThat(learner.metrics.isEmpty()).isTrue();
                }
            }
        }
    }

    // ---- large models

    /** The weights of a model as a reader of the compacted topic has them, checked for being complete. */
    private static Map<Integer, Double> readFromTopic(Map<String, byte[]> topic, String model) {
        Map<Integer, Double> weights = new TreeMap<>();
        List<Weights> records = topic.entrySet().stream()
                .filter(entry -> entry.getKey().equals(model) || entry.getKey().startsWith(model + "\0"))
                .map(entry -> LearnerDriver.<Weights>decode(entry.getValue(), Weights.getClassSchema()))
                .toList();
        Weights latest = Collections.max(records, java.util.Comparator.comparing(Weights::getVersion));
        assertThat(records).hasSize(latest.getBlocks());
        for (Weights record : records) {
            record.getWeights().forEach(w -> weights.put(w.getFeature(), w.getWeight()));
        }
        weights.put(-1, latest.getBias());
        weights.values().removeIf(w -> w == 0);
        return weights;
    }

    private static String text(byte[] key) {
        return new String(key, StandardCharsets.UTF_8);
    }

    @Test
    void aModelThatOutgrowsOneRecordBecomesBlocks(Random random) {
        try (LearnerDriver learner = new LearnerDriver(Map.of("learning.rate", "0.3"))) {
            Map<String, byte[]> topic = new HashMap<>();
            Map<Integer, Double> w = new TreeMap<>();
            boolean large = false;
            for (int t = 0; t < 400; t++) {
                // grows beyond 256 half way
                int space = t < 200 ? 256 : 5000;
                List<Integer> indices = random.ints(0, space)
                        .distinct()
                        .limit(1 + random.nextInt(5))
                        .boxed()
                        .toList();
                List<Double> values =
                        indices.stream().map(i -> random.nextGaussian()).toList();
                double y = random.nextInt(2);
                double a = learner.predict("m", sparse(y, indices, values)).getProbability();
                double move = 0.3 * (a - y);
                for (int k = 0; k < indices.size(); k++) {
                    double by = move * values.get(k);
                    w.compute(indices.get(k), (i, old) -> (old == null ? 0 : old) - by);
                }
                w.merge(-1, -move, Double::sum);
                large |= indices.stream().anyMatch(i -> i >= 256);
                if (random.nextInt(10) == 0) {
                    learner.driver.advanceWallClockTime(Duration.ofSeconds(1));
                }
                for (TestRecord<byte[], byte[]> record : learner.weightsRecords()) {
                    assertThat(text(record.key()).contains("\0"))
                            .as("blocks once it is large, and a tombstone for the one record")
                            .isEqualTo(large && record.value() != null);
                    if (record.value() == null) {
                        topic.remove(text(record.key()));
                    } else {
                        topic.put(text(record.key()), record.value());
                    }
                }
            }
            assertThat(large).isTrue();
            learner.driver.advanceWallClockTime(Duration.ofSeconds(1));
            learner.weightsRecords().forEach(r -> topic.put(text(r.key()), r.value()));
            assertThat(topic).doesNotContainKey("m");
            w.values().removeIf(weight -> weight == 0);
            assertThat(readFromTopic(topic, "m")).isEqualTo(w);

            topic.forEach((key, value) -> {
                Weights block = LearnerDriver.decode(value, Weights.getClassSchema());
                assertThat(key).isEqualTo("m\0" + block.getBlock());
                assertThat(block.getWeights())
                        .allSatisfy(
                                weight -> assertThat(weight.getFeature() / 128).isEqualTo(block.getBlock()));
                double squares = block.getWeights().stream()
                        .mapToDouble(weight -> weight.getWeight() * weight.getWeight())
                        .sum();
                assertThat(block.getL2Norm()).isCloseTo(Math.sqrt(squares), within(1e-12));
            });
        }
    }

    @Test
    void onlyTheBlocksThatHaveChangedAreWrittenAgain() {
        try (LearnerDriver learner = new LearnerDriver(Map.of())) {
            learner.predict("m", sparse(1.0, List.of(5, 1000, 5000), List.of(1.0, 1.0, 1.0)));
            assertThat(learner.weights.isEmpty()).isTrue();
            learner.driver.advanceWallClockTime(Duration.ofSeconds(1));
            assertThat(learner.weightsRecords())
                    .extracting(r -> text(r.key()))
                    .containsExactly("m\0000", "m\0007", "m\00039");
            learner.predict("m", sparse(1.0, List.of(1001), List.of(1.0)));
            learner.predict("m", sparse(1.0, List.of(1002), List.of(1.0)));
            learner.driver.advanceWallClockTime(Duration.ofSeconds(1));
            Weights block = learner.lastWeights();
            assertThat(block.getBlock()).isEqualTo(7);
            assertThat(block.getVersion()).isEqualTo(3);
            assertThat(block.getBlocks()).isEqualTo(3);
            assertThat(block.getWeights()).extracting(Weight::getFeature).containsExactly(1000, 1001, 1002);
            assertThat(block.getChange()).isNotNull();
        }
    }

    @Test
    void noRecordOfWeightsIsLargerThanAMegabyte() {
        for (int recordMax : new int[] {256, 2048}) {
            try (LearnerDriver learner =
                    new LearnerDriver(Map.of("weights.record.max", recordMax, "names.max", "4096"))) {
                String model = "m".repeat(1024);
                for (int step = 0; step < 4; step++) {
                    int from = step * recordMax / 4;
                    learner.predict(model, named(1.0, longNames(from, from + recordMax / 4)));
                }
                List<TestRecord<byte[], byte[]>> whole = learner.weightsRecords();
                TestRecord<byte[], byte[]> last = whole.get(whole.size() - 1);
                Weights weights = LearnerDriver.decode(last.value(), Weights.getClassSchema());
                assertThat(weights.getWeights()).hasSize(recordMax);
                assertThat(weights.getWeights())
                        .allSatisfy(w -> assertThat(w.getName().length()).isEqualTo(256));
                assertThat(last.key().length + last.value().length).isLessThan(ONE_MEGABYTE);

                learner.predict(model, named(1.0, longNames(recordMax, recordMax + 1)));
                learner.driver.advanceWallClockTime(Duration.ofSeconds(1));
                List<TestRecord<byte[], byte[]>> blocks = learner.weightsRecords();
                assertThat(blocks).hasSize(1 + recordMax / 128 + 1);
                assertThat(blocks.get(0).key()).isEqualTo(key(model));
                assertThat(blocks.get(0).value()).isNull();
                assertThat(blocks.subList(1, blocks.size()))
                        .allSatisfy(r ->
                                assertThat(r.key().length + r.value().length).isLessThan(ONE_MEGABYTE / 16));
            }
        }
    }

    private static Map<String, Double> longNames(int from, int to) {
        Map<String, Double> names = new LinkedHashMap<>();
        for (int i = from; i < to; i++) {
            names.put("n".repeat(250) + "%06d".formatted(i), 0.01);
        }
        return names;
    }

    // ---- bad input

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    private static Example important(double importance) {
        return new Example(null, 1.0, importance, List.of(1.0, 1.0));
    }

    /** Key "m", and the two headers that are sent along: lengths, names and values. */
    private static final int BESIDES = 1 + (1 + 5 + 1 + 1) + (1 + 14 + 1 + 20);

    /** What is sent to model "m", which is dense with two features, and to others. */
    static Stream<Arguments> bad() {
        double nan = Double.NaN;
        double inf = Double.POSITIVE_INFINITY;
        byte[] good = encode(dense(1.0, 1.0, 1.0));
        byte[] unknown = good.clone();
        unknown[4] = 99;
        return Stream.of(
                bad("not Avro at all", "UNREADABLE", "m", "hello".getBytes(StandardCharsets.UTF_8)),
                bad("an empty value", "UNREADABLE", "m", new byte[0]),
                bad("cut short", "UNREADABLE", "m", Arrays.copyOf(good, good.length - 1)),
                bad("a byte too many", "UNREADABLE", "m", Arrays.copyOf(good, good.length + 1)),
                bad(
                        "a length of 2^62",
                        "UNREADABLE",
                        "m",
                        bytes(0, 0, 0, 0, 7, 2, -1, -1, -1, -1, -1, -1, -1, -1, 127)),
                bad("unknown schema id", "UNKNOWN_SCHEMA", "m", unknown),
                bad("no features", "NO_FEATURES", "m", example(1.0, null)),
                bad("empty array", "EMPTY", "m", dense(1.0)),
                bad("empty sparse", "EMPTY", "new", sparse(1.0, List.of(), List.of())),
                bad("empty map", "EMPTY", "new", named(null, Map.of())),
                bad("NaN", "NOT_FINITE", "m", dense(1.0, 1.0, nan)),
                bad("infinite", "NOT_FINITE", "new", sparse(null, List.of(3), List.of(inf))),
                bad("minus infinite", "NOT_FINITE", "new", named(0.0, Map.of("a", -inf))),
                bad("label NaN", "NOT_FINITE", "m", dense(nan, 1.0, 1.0)),
                bad("label infinite", "NOT_FINITE", "m", dense(inf, 1.0, 1.0)),
                bad("label below 0", "LABEL_OUT_OF_RANGE", "m", dense(-0.1, 1.0, 1.0)),
                bad("label above 1", "LABEL_OUT_OF_RANGE", "m", dense(2.0, 1.0, 1.0)),
                bad("importance negative", "NEGATIVE_IMPORTANCE", "m", important(-1)),
                bad("importance NaN", "NOT_FINITE", "m", important(nan)),
                bad("importance infinite", "NOT_FINITE", "m", important(inf)),
                bad("duplicate indices", "DUPLICATE_FEATURE", "new", sparse(1.0, List.of(3, 3), List.of(1.0, 1.0))),
                bad("negative index", "INDEX_OUT_OF_RANGE", "new", sparse(1.0, List.of(-1), List.of(1.0))),
                bad("index beyond", "INDEX_OUT_OF_RANGE", "new", sparse(1.0, List.of(1 << 20), List.of(1.0))),
                bad("lengths differ", "LENGTHS_DIFFER", "new", sparse(1.0, List.of(1, 2), List.of(1.0))),
                bad("another form", "FORM_DIFFERS", "m", sparse(1.0, List.of(1), List.of(1.0))),
                bad("another form, no label", "FORM_DIFFERS", "m", named(null, Map.of("a", 1.0))),
                bad("another length", "LENGTH_DIFFERS", "m", dense(1.0, 1.0, 1.0, 1.0)),
                bad("too many models", "TOO_MANY_MODELS", "new", dense(1.0, 1.0, 1.0)),
                bad("a logit that overflows", "OVERFLOW", "m", dense(null, 1.7e308, 1.7e308)),
                bad("a weight that overflows", "OVERFLOW", "m", new Example(null, 0.0, 1e300, List.of(0.0, 1e300))),
                Arguments.of("no key", "NO_KEY", null, good),
                Arguments.of("no key, no value", "NO_KEY", null, null),
                Arguments.of("key not UTF-8", "BAD_KEY", bytes(0xc3), good),
                Arguments.of("key empty", "BAD_KEY", new byte[0], good),
                Arguments.of("key with NUL", "BAD_KEY", bytes('m', 0, '0'), good),
                Arguments.of("key with NUL, no value", "BAD_KEY", bytes('m', 0, '0'), null),
                Arguments.of(
                        "key too long",
                        "BAD_KEY",
                        new String(new char[1025]).replace('\0', 'k').getBytes(StandardCharsets.UTF_8),
                        good),
                bad("garbage at the topic's limit", "TOO_LARGE", "m", garbage(1_048_588 - 100)),
                bad("too large and right", "TOO_LARGE", "m", dense(1.0, new double[130_000])),
                bad("garbage at the learner's limit", "UNREADABLE", "m", garbage(1_000_000 - BESIDES)),
                bad("garbage beyond it", "TOO_LARGE", "m", garbage(1_000_000 - BESIDES + 1)));
    }

    private static Arguments bad(String what, String reason, String model, Example x) {
        return bad(what, reason, model, encode(x));
    }

    private static Arguments bad(String what, String reason, String model, byte[] value) {
        return Arguments.of(what, reason, key(model), value);
    }

    private static byte[] garbage(int size) {
        byte[] garbage = new byte[size];
        Arrays.fill(garbage, (byte) 'x');
        return garbage;
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("bad")
    void badInputIsADeadLetterAndNothingElse(String what, String reason, byte[] key, byte[] value) {
        Map<String, String> settings = Map.of("learning.rate", "16", "models.max", "1", "metrics.every", "1");
        try (LearnerDriver learner = new LearnerDriver(settings, "");
                LearnerDriver untroubled = new LearnerDriver(settings, "")) {
            for (LearnerDriver each : List.of(learner, untroubled)) {
                each.predict("m", dense(1.0, 0.5, 0.5));
                each.weightsRecords();
                each.metrics.readRecordsToList();
            }
            RecordHeaders headers = new RecordHeaders();
            headers.add("trace", new byte[] {7});
            headers.add("thalweg.reason", "of an earlier letter".getBytes(StandardCharsets.UTF_8));
            learner.examples.pipeInput(new TestRecord<>(key, value, headers, Instant.ofEpochMilli(55)));
            untroubled.predict("m", dense(null, 1.0, 1.0));

            assertThat(learner.predictions.isEmpty()).isTrue();
            assertThat(learner.weights.isEmpty()).isTrue();
            assertThat(learner.metrics.isEmpty()).isTrue();
            List<TestRecord<byte[], byte[]>> letters = learner.deadLetters.readRecordsToList();
            assertThat(letters).hasSize(1);
            TestRecord<byte[], byte[]> record = letters.get(0);
            DeadLetter letter = LearnerDriver.decode(record.value(), DeadLetter.getClassSchema());
            assertThat(letter.getReason()).hasToString(reason);
            assertThat(letter.getDetail().toString()).isNotBlank().doesNotContain("\n");
            assertThat(letter.getTopic()).hasToString("examples");
            assertThat(letter.getPartition()).isZero();
            assertThat(letter.getOffset()).isEqualTo(1);
            assertThat(letter.getTimestamp()).isEqualTo(55);
            assertThat(record.timestamp()).isEqualTo(55);
            assertThat(record.key()).isEqualTo(key);
            assertThat(letter.getKey()).isEqualTo(key == null ? null : ByteBuffer.wrap(key));
            assertThat(letter.getValue()).isEqualTo(value == null ? null : ByteBuffer.wrap(value));
            assertThat(header(record, "trace")).isEqualTo("\u0007");
            assertThat(header(record, "thalweg.reason")).isEqualTo(reason);
            assertThat(header(record, "thalweg.detail"))
                    .isEqualTo(letter.getDetail().toString());
            assertThat(header(record, "thalweg.topic")).isEqualTo("examples");
            assertThat(header(record, "thalweg.partition")).isEqualTo("0");
            assertThat(header(record, "thalweg.offset")).isEqualTo("1");
            assertThat(learner.total("dead-letters")).isEqualTo(1);

            // and it goes on as if nothing had been there
            for (LearnerDriver each : List.of(learner, untroubled)) {
                each.weightsRecords();
            }
            for (int i = 0; i < 3; i++) {
                Example next = dense(i % 2 * 1.0, 1.0 + i, -1.0);
                assertThat(learner.predict("m", next)).isEqualTo(untroubled.predict("m", next));
                assertThat(learner.lastWeights()).isEqualTo(untroubled.lastWeights());
                assertThat(learner.lastMetrics()).isEqualTo(untroubled.lastMetrics());
            }
            assertThat(learner.total("dead-letters")).isEqualTo(1);
            assertThat(learner.total("predictions")).isEqualTo(4);
            assertThat(learner.total("steps")).isEqualTo(4);
        }
    }

    private static String header(TestRecord<byte[], byte[]> record, String name) {
        return text(record.headers().lastHeader(name).value());
    }

    /** With bad records, a deletion, several models, and headers. */
    @Test
    void recordsInBundlesGiveTheSameOutputs(Random random) {
        TopicPartition partition = new TopicPartition("examples", 0);
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            byte[] value = random.nextInt(50) == 0
                    ? random.nextBoolean() ? null : garbage(20)
                    : encode(
                            dense(random.nextInt(3) == 0 ? null : random.nextInt(2) * 1.0, random.nextGaussian(), 1.0));
            RecordHeaders headers = new RecordHeaders();
            headers.add("number", String.valueOf(i).getBytes(StandardCharsets.UTF_8));
            records.add(consumed(i, key("m" + random.nextInt(3)), value, headers));
        }
        ConsumerRecords<byte[], byte[]> bundled =
                RecordBundle.bundled(new ConsumerRecords<>(Map.of(partition, records), Map.of()), Long.MAX_VALUE);
        assertThat(bundled.count()).isLessThan(20);
        assertThat(outputs(bundled.records(partition)))
                .isEqualTo(outputs(records))
                .hasSizeGreaterThan(600);
    }

    private static ConsumerRecord<byte[], byte[]> consumed(long offset, byte[] key, byte[] value, Headers headers) {
        return new ConsumerRecord<>(
                "examples",
                0,
                offset,
                1000 + offset,
                TimestampType.CREATE_TIME,
                1,
                value == null ? -1 : value.length,
                key,
                value,
                headers,
                Optional.empty());
    }

    private static List<String> outputs(List<ConsumerRecord<byte[], byte[]>> records) {
        try (LearnerDriver learner = new LearnerDriver(Map.of("weights.every", "3", "metrics.every", "5"))) {
            for (ConsumerRecord<byte[], byte[]> record : records) {
                learner.examples.pipeInput(
                        new TestRecord<>(record.key(), record.value(), record.headers(), record.timestamp()));
            }
            return Stream.of(learner.predictions, learner.weights, learner.metrics, learner.deadLetters)
                    .flatMap(output -> output.readRecordsToList().stream())
                    .flatMap(LearnerTopologyTest::withThoseThatFollow)
                    .toList();
        }
    }

    /** The text of a record, and of those that are sent with it. */
    private static Stream<String> withThoseThatFollow(TestRecord<byte[], byte[]> record) {
        List<SerializedOutput> rest = OutputBundle.of(record.headers());
        return Stream.concat(
                Stream.of(
                        text(record.key(), record.value(), OutputBundle.without(record.headers()), record.timestamp())),
                rest == null
                        ? Stream.of()
                        : rest.stream()
                                .map(each -> text(
                                        each.key(),
                                        each.value(),
                                        each.headers() == null ? new RecordHeaders() : each.headers(),
                                        each.timestamp())));
    }

    private static String text(byte[] key, byte[] value, Headers headers, long timestamp) {
        return "%s %s %s %d"
                .formatted(text(key), Arrays.toString(value), Arrays.toString(headers.toArray()), timestamp);
    }

    /** With at-least-once, Kafka Streams flushes a task that it closes because of a failure. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void stepsWhoseOutputsAreLostAreNotWritten(boolean fails) {
        try (LearnerDriver learner = new LearnerDriver(Map.of())) {
            List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                // the registry is asked for the schema of the second one
                byte[] value = encode(i == 0 ? 7 : 8, Example.getClassSchema(), dense(1.0, 1.0));
                records.add(consumed(i, key("m"), value, new RecordHeaders()));
            }
            learner.registry.put(8, Example.getClassSchema());
            ConsumerRecord<byte[], byte[]> bundle = RecordBundle.bundled(
                            new ConsumerRecords<>(Map.of(new TopicPartition("examples", 0), records), Map.of()),
                            Long.MAX_VALUE)
                    .iterator()
                    .next();
            learner.registryAnswers = id -> !fails || id != 8;
            TestRecord<byte[], byte[]> input = new TestRecord<>(bundle.key(), bundle.value(), bundle.headers(), 0L);
            if (fails) {
                assertThatThrownBy(() -> learner.examples.pipeInput(input))
                        .hasRootCauseInstanceOf(SchemaSourceException.class);
            } else {
                learner.examples.pipeInput(input);
            }
            if (fails) {
                assertThatThrownBy(learner::changesAfterFlush).hasMessageContaining("its changes are not written");
                assertThat(learner.changes()).isEmpty();
            } else {
                assertThat(learner.changesAfterFlush()).isNotEmpty();
            }
        }
    }

    @Test
    void everyReasonIsTested() {
        assertThat(bad().map(arguments -> (String) arguments.get()[1]).distinct())
                .containsExactlyInAnyOrder(Arrays.stream(io.thalweg.math.Rejection.Reason.values())
                        .map(Enum::name)
                        // of records of any schema: MappedTopologyTest; of labels that come later: LabelJoinTest;
                        // after a move to other partitions: RepartitionIT
                        .filter(reason -> !List.of(
                                        "WRONG_PARTITION",
                                        "NO_VALUE",
                                        "NO_LABEL_FIELD",
                                        "BAD_VALUE",
                                        "NO_ID",
                                        "DUPLICATE_ID",
                                        "CONFLICTING_LABEL")
                                .contains(reason))
                        .toArray(String[]::new));
    }

    @Test
    void aLetterThatWouldBeTooLargeSaysWhereTheRecordIs() {
        try (LearnerDriver learner = new LearnerDriver(Map.of())) {
            byte[] value = garbage(3_000_000);
            learner.examples.pipeInput(new TestRecord<>(key("m"), value, new RecordHeaders().add("h", new byte[10])));
            TestRecord<byte[], byte[]> record = learner.deadLetters.readRecord();
            DeadLetter letter = LearnerDriver.decode(record.value(), DeadLetter.getClassSchema());
            assertThat(letter.getReason()).hasToString("TOO_LARGE");
            assertThat(letter.getDetail().toString()).contains("too large to be repeated");
            assertThat(letter.getValue()).isNull();
            assertThat(letter.getKey()).isNull();
            assertThat(record.headers().lastHeader("h")).isNull();
            assertThat(header(record, "thalweg.offset")).isEqualTo("0");
            assertThat(record.value()).hasSizeLessThan(10_000);
        }
    }

    @Test
    void aLetterIsNeverLargerThanTheLimit() {
        int limit = 65_536;
        try (LearnerDriver learner = new LearnerDriver(Map.of("dead.letters.max.bytes", limit))) {
            for (int size = 40_000; size < 70_000; size += 500) {
                RecordHeaders headers = new RecordHeaders();
                for (int i = 0; i < 1000; i++) {
                    headers.add("é", null);
                }
                learner.examples.pipeInput(new TestRecord<>(garbage(1024), garbage(size), headers));
                TestRecord<byte[], byte[]> record = learner.deadLetters.readRecord();
                long all = io.thalweg.input.RecordReader.size(record.key(), record.value(), record.headers());
                assertThat(all).isLessThanOrEqualTo(limit);
            }
        }
    }

    /** That is no fault of the record: the thread stops and nothing is lost. */
    @Test
    void aRegistryThatDoesNotAnswerIsNotBadInput() {
        try (LearnerDriver learner = new LearnerDriver(Map.of())) {
            learner.outage = true;
            assertThatThrownBy(() -> learner.send("m", dense(1.0, 1.0)))
                    .hasRootCauseInstanceOf(SchemaSourceException.class);
            assertThat(learner.deadLetters.isEmpty()).isTrue();
            assertThat(learner.predictions.isEmpty()).isTrue();
        }
    }

    // ---- timestamps, repeats

    @Test
    void aRecordWithoutATimestampTakesThatOfThoseBefore() {
        assertThat(LearnerTopology.timestamp(stamped(77), 99)).isEqualTo(77);
        assertThat(LearnerTopology.timestamp(stamped(0), 99)).isZero();
        assertThat(LearnerTopology.timestamp(stamped(-1), 99)).isEqualTo(99);
        assertThat(LearnerTopology.timestamp(stamped(-1), -1)).isZero();
    }

    private static ConsumerRecord<Object, Object> stamped(long timestamp) {
        return new ConsumerRecord<>(
                "examples",
                0,
                0,
                timestamp,
                TimestampType.CREATE_TIME,
                0,
                0,
                null,
                null,
                new RecordHeaders(),
                java.util.Optional.empty());
    }

    @Test
    void aRecordThatWasLearnedFromIsNotLearnedFromAgain() {
        try (LearnerDriver learner = new LearnerDriver(Map.of())) {
            LearningTask task = ((WeightStore) learner.driver.getStateStore(LearnerSupplier.STORE)).task();
            // as after a restore with offsets that were reset: 0 to 2 have been taken into account
            task.offsets().advanceTo(new TopicPartition("examples", 0), 2);
            for (int i = 0; i < 2; i++) {
                learner.send("m", dense(1.0, 1.0));
                learner.examples.pipeInput(key("m"), garbage(3));
                learner.examples.pipeInput(key("m"), (byte[]) null);
            }
            learner.send("m", dense(1.0, 1.0));
            // of offsets 3 to 6 every one counts: an example, garbage, a deletion, an example
            assertThat(learner.predictions.readValuesToList()).hasSize(2);
            assertThat(learner.deadLetters.readValuesToList()).hasSize(1);
            assertThat(learner.total("deletions")).isEqualTo(1);
            assertThat(learner.total("repeats")).isEqualTo(3);
            assertThat(task.model("m").version()).isEqualTo(1);
        }
    }

    @Test
    void everyRecordMovesTheNextOffsetWhateverItIs() {
        try (LearnerDriver learner = new LearnerDriver(Map.of())) {
            LearningTask task = ((WeightStore) learner.driver.getStateStore(LearnerSupplier.STORE)).task();
            TopicPartition source = new TopicPartition("examples", 0);
            byte[][] values = {encode(dense(1.0, 1.0)), encode(dense(null, 1.0)), garbage(3), null, null};
            for (int offset = 0; offset < values.length; offset++) {
                assertThat(task.offsets().isApplied(source, offset)).isFalse();
                learner.examples.pipeInput(key("m"), values[offset]);
                assertThat(task.offsets().isApplied(source, offset)).isTrue();
            }
        }
    }

    // ---- names, models

    @Test
    void namesGoWithTheWeightsInEveryForm() {
        try (LearnerDriver learner = new LearnerDriver(Map.of("names.max", "2", "features.space.bits", "4"))) {
            Map<String, Double> features = new LinkedHashMap<>();
            for (String name : List.of("b", "ä", "c")) {
                features.put(name, 1.0);
            }
            learner.predict("m", named(1.0, features));
            List<Weight> weights = learner.lastWeights().getWeights();
            assertThat(weights.get(0).getName()).hasToString("b");
            assertThat(weights.get(1).getName()).hasToString("ä");
            assertThat(weights.subList(2, weights.size()))
                    .allSatisfy(w -> assertThat(w.getName()).isNull());
            assertThat(weights.stream().filter(w -> w.getWeight() != 0)).hasSize(3);
            assertThat(weights).extracting(Weight::getFeature).isSorted();
        }
    }

    @Test
    void manyModelsHaveNothingToDoWithEachOther() {
        try (LearnerDriver together = new LearnerDriver(Map.of())) {
            List<Prediction> mixed = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                mixed.add(together.predict("m" + i % 3, dense((double) (i % 2), i * 0.1, 1.0)));
            }
            for (int model = 0; model < 3; model++) {
                try (LearnerDriver alone = new LearnerDriver(Map.of())) {
                    for (int i = model; i < 60; i += 3) {
                        Prediction prediction = alone.predict("m" + model, dense((double) (i % 2), i * 0.1, 1.0));
                        assertThat(prediction.getLogit()).isEqualTo(mixed.get(i).getLogit());
                        assertThat(prediction.getVersion())
                                .isEqualTo(mixed.get(i).getVersion());
                    }
                }
            }
        }
    }
}
