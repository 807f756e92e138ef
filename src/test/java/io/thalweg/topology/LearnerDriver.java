package io.thalweg.topology;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.input.UnknownSchemaException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.IntPredicate;
import java.util.function.LongSupplier;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/** The topology in a test driver, with examples written and outputs read by Avro's own classes. */
public final class LearnerDriver implements AutoCloseable {
    static final int EXAMPLE_SCHEMA_ID = 7;

    final Map<Integer, Schema> registry = new HashMap<>(Map.of(EXAMPLE_SCHEMA_ID, Example.getClassSchema()));
    boolean outage;
    IntPredicate registryAnswers = id -> true;
    final TopologyTestDriver driver;
    final TestInputTopic<byte[], byte[]> examples;
    final TestOutputTopic<byte[], byte[]> predictions;
    final TestOutputTopic<byte[], byte[]> weights;
    final TestOutputTopic<byte[], byte[]> metrics;
    final TestOutputTopic<byte[], byte[]> deadLetters;

    public LearnerDriver(Map<String, ?> settings) {
        this(settings, "default");
    }

    LearnerDriver(Map<String, ?> settings, String keyless) {
        // what is published must not depend on how fast the machine is
        this(settings, keyless, () -> 0);
    }

    LearnerDriver(Map<String, ?> settings, String keyless, LongSupplier clock) {
        SchemaSource schemas = id -> {
            if (outage || !registryAnswers.test(id)) {
                throw new SchemaSourceException("the registry does not answer", null);
            }
            if (!registry.containsKey(id)) {
                throw new UnknownSchemaException(id);
            }
            return registry.get(id);
        };
        Properties streams = new Properties();
        streams.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
        streams.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1");
        driver = new TopologyTestDriver(
                new LearnerTopology(new ThalwegConfig(settings), schemas, (topic, schema) -> 1, keyless)
                        .clock(clock)
                        .get(),
                streams,
                Instant.EPOCH);
        examples = driver.createInputTopic(
                "examples", new ByteArraySerializer(), new ByteArraySerializer(), Instant.EPOCH, Duration.ZERO);
        predictions = output("predictions");
        weights = output("weights");
        metrics = output("metrics");
        deadLetters = output("dead-letters");
    }

    private TestOutputTopic<byte[], byte[]> output(String topic) {
        return driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    void send(String model, Example example) {
        examples.pipeInput(key(model), encode(example));
    }

    /** Has the model deleted; null means the one of records without key. */
    public void delete(String model) {
        examples.pipeInput(key(model), (byte[]) null);
    }

    /** Sends and returns the one prediction that must come of it. */
    public Prediction predict(String model, Example example) {
        send(model, example);
        return decode(predictions.readValue(), Prediction.getClassSchema());
    }

    /** Sends and returns the one dead letter that must come of it. */
    DeadLetter bury(byte[] key, byte[] value) {
        examples.pipeInput(key, value);
        return decode(deadLetters.readValue(), DeadLetter.getClassSchema());
    }

    List<TestRecord<byte[], byte[]>> weightsRecords() {
        return new ArrayList<>(weights.readRecordsToList());
    }

    Weights lastWeights() {
        List<byte[]> values = weights.readValuesToList();
        return decode(values.get(values.size() - 1), Weights.getClassSchema());
    }

    Metrics lastMetrics() {
        List<byte[]> values = metrics.readValuesToList();
        return decode(values.get(values.size() - 1), Metrics.getClassSchema());
    }

    /** What a counter of the learner stands at. */
    double total(String what) {
        // counts are handed on when weights are published
        driver.advanceWallClockTime(Duration.ofSeconds(1));
        return driver.metrics().entrySet().stream()
                .filter(metric -> metric.getKey().group().equals("stream-learner-metrics")
                        && metric.getKey().name().equals(what + "-total"))
                .mapToDouble(metric -> (double) metric.getValue().metricValue())
                .sum();
    }

    /** The records of the changelog, after a flush as at a commit. */
    List<TestRecord<byte[], byte[]>> changesAfterFlush() {
        ((ChangelogAtCommit) driver.getStateStore(LearnerSupplier.STORE)).flushCache();
        return changes();
    }

    List<TestRecord<byte[], byte[]>> changes() {
        TestOutputTopic<byte[], byte[]> changelog = output("test-" + LearnerSupplier.STORE + "-changelog");
        return changelog.isEmpty() ? List.of() : changelog.readRecordsToList();
    }

    static byte[] key(String model) {
        return model == null ? null : model.getBytes(StandardCharsets.UTF_8);
    }

    static Example dense(Double label, double... values) {
        return example(label, java.util.Arrays.stream(values).boxed().toList());
    }

    static Example sparse(Double label, List<Integer> indices, List<Double> values) {
        return example(label, new SparseFeatures(indices, values));
    }

    static Example named(Double label, Map<String, Double> values) {
        return example(label, values);
    }

    static Example example(Double label, Object features) {
        return new Example(null, label, 1.0, features);
    }

    static byte[] encode(Example example) {
        return encode(EXAMPLE_SCHEMA_ID, Example.getClassSchema(), example);
    }

    static <T> byte[] encode(int schemaId, Schema schema, T datum) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).put((byte) 0).putInt(schemaId).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new SpecificDatumWriter<T>(schema).write(datum, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    static <T> T decode(byte[] value, Schema schema) {
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
        try {
            T datum = new SpecificDatumReader<T>(schema).read(null, decoder);
            if (!decoder.isEnd()) {
                throw new AssertionError("bytes left over");
            }
            return datum;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        driver.close();
    }
}
