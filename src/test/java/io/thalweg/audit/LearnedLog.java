package io.thalweg.audit;

import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.topology.LearnerTopology;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeSet;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/** What the learner's own topology makes of a mixed input: all that it may meet, in random order. */
final class LearnedLog {
    static final int EXAMPLE_ID = 1;
    static final int UNKNOWN_ID = 99;
    static final List<String> OUTPUTS =
            List.of("predictions", "weights", "metrics", "dead-letters", "test-weights-changelog");

    final Map<Integer, Schema> registry = new HashMap<>(Map.of(EXAMPLE_ID, Example.getClassSchema()));
    final SchemaSource schemas = id -> {
        if (!registry.containsKey(id)) {
            throw new UnknownSchemaException(id);
        }
        return registry.get(id);
    };
    final ThalwegConfig config;
    final MemoryClusterView cluster = new MemoryClusterView();
    /** How far each output topic went after each input record. */
    final List<Map<String, Long>> ends = new ArrayList<>();

    private final Random random;

    /** A log of some records, of settings that make everything happen early. */
    LearnedLog(long seed, int records, Map<String, ?> changed) {
        random = new Random(seed);
        Map<String, Object> settings = new HashMap<>(Map.of(
                "application.id", "test",
                "learning.rate", "0.3",
                "weights.record.max", "16",
                "names.max", "8",
                "features.space.bits", "10",
                "metrics.every", "5",
                "metrics.window", "10",
                "example.max.bytes", "1024",
                "models.max", "6"));
        settings.putAll(changed);
        if (settings.getOrDefault("algorithm", "sgd").equals("auto")) {
            settings.remove("learning.rate");
        }
        config = new ThalwegConfig(settings);
        Properties streams = new Properties();
        streams.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
        streams.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1");
        LearnerTopology topology = new LearnerTopology(
                config,
                schemas,
                (topic, schema) -> {
                    int id = 10 + OUTPUTS.indexOf(topic);
                    registry.put(id, schema);
                    return id;
                },
                "default");
        cluster.create("examples");
        OUTPUTS.forEach(cluster::create);
        try (TopologyTestDriver driver = new TopologyTestDriver(topology.get(), streams, Instant.EPOCH)) {
            TestInputTopic<byte[], byte[]> input =
                    driver.createInputTopic("examples", new ByteArraySerializer(), new ByteArraySerializer());
            Map<String, TestOutputTopic<byte[], byte[]>> outputs = new LinkedHashMap<>();
            for (String topic : OUTPUTS) {
                outputs.put(
                        topic,
                        driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
            }
            for (int i = 0; i < records; i++) {
                TestRecord<byte[], byte[]> record = record(i, i - records * 2 / 3);
                cluster.append(
                        "examples",
                        record.timestamp() == null ? 0 : record.timestamp(),
                        record.key(),
                        record.value(),
                        record.headers());
                input.pipeInput(record);
                if (random.nextInt(20) == 0) {
                    driver.advanceWallClockTime(Duration.ofSeconds(1));
                }
                collect(outputs);
            }
        }
        cluster.committed.add((long) records);
    }

    private void collect(Map<String, TestOutputTopic<byte[], byte[]>> outputs) {
        Map<String, Long> now = new HashMap<>();
        outputs.forEach((topic, output) -> {
            output.readRecordsToList()
                    .forEach(r -> cluster.append(topic, r.timestamp(), r.key(), r.value(), r.headers()));
            now.put(topic, cluster.end(topic));
        });
        ends.add(now);
    }

    /** @param last from 0 on in the last part, when some models are deleted for good and the others are not any more */
    private TestRecord<byte[], byte[]> record(int i, int last) {
        String[] models = {"dense", "sparse", "named", "large", "großes Modell", "gone", "seventh", "default"};
        if (last >= 0 && last < 4) {
            return new TestRecord<>(models[4 + last].getBytes(StandardCharsets.UTF_8), null);
        }
        String model = models[random.nextInt(last >= 0 ? 4 : 7)];
        byte[] key = model.getBytes(StandardCharsets.UTF_8);
        byte[] value = encode(EXAMPLE_ID, Example.getClassSchema(), example(model));
        switch (random.nextInt(30)) {
            case 0 -> value = last >= 0 ? value : null;
            case 1 -> value = new byte[] {0, 0, 0, 0, EXAMPLE_ID, 2, 4};
            case 2 -> value = ByteBuffer.wrap(value).putInt(1, UNKNOWN_ID).array();
            case 3 -> value = "not Avro".getBytes(StandardCharsets.UTF_8);
            case 4 -> key = new byte[] {(byte) 0xff};
            case 5 -> value = of(2.0, List.of(1.0));
            case 6 -> value = of(1.0, List.of(Double.NaN));
            case 7 -> value = of(1.0, new SparseFeatures(List.of(3, 3), List.of(1.0, 1.0)));
            case 8 -> value = of(1.0, List.of());
            case 9 -> value = new byte[1100];
            case 10 -> key = null;
            case 11 -> value = of(null, Map.of("unmet", 1.0));
            case 12 -> {
                key = "gone".getBytes(StandardCharsets.UTF_8);
                value = null;
            }
            case 13 -> {
                if (random.nextInt(3) == 0 && last < 0) {
                    key = "large".getBytes(StandardCharsets.UTF_8);
                    value = null;
                }
            }
            default -> {
                // as it is
            }
        }
        RecordHeaders headers = new RecordHeaders();
        if (random.nextInt(5) == 0) {
            headers.add("trace", new byte[] {1, 2, 3});
        }
        return new TestRecord<>(key, value, headers, 1_000L + i);
    }

    private static byte[] of(Double label, Object features) {
        return encode(EXAMPLE_ID, Example.getClassSchema(), new Example(null, label, 1.0, features));
    }

    private Example example(String model) {
        Object features = switch (model) {
            case "sparse" -> sparse(2, 12);
            // at first small enough for one record, sometimes
            case "large" -> sparse(5, random.nextInt(3) == 0 ? 15 : 900);
            case "named" -> {
                Map<CharSequence, Double> named = new LinkedHashMap<>();
                for (int k = 0; k < 3; k++) {
                    named.put("feature " + random.nextInt(20), random.nextGaussian());
                }
                yield named;
            }
            default -> List.of(random.nextGaussian(), random.nextGaussian(), random.nextGaussian());
        };
        Double label = random.nextInt(5) == 0 ? null : Double.valueOf(random.nextInt(3) / 2.0);
        String id = random.nextBoolean() ? "id " + random.nextInt(1000) : null;
        // a step of importance 0 makes two versions with the same weights; where the clock publishes, both are right
        boolean inBlocks = model.equals("large") || model.equals("named");
        return new Example(id, label, (inBlocks ? 1 : 0) + random.nextInt(3) * 0.5, features);
    }

    private SparseFeatures sparse(int count, int space) {
        TreeSet<Integer> indices = new TreeSet<>();
        while (indices.size() < count) {
            indices.add(random.nextInt(space));
        }
        return new SparseFeatures(
                new ArrayList<>(indices),
                indices.stream().map(i -> random.nextGaussian()).toList());
    }

    static <T> byte[] encode(int schemaId, Schema schema, T datum) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, schemaId).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new SpecificDatumWriter<T>(schema).write(datum, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    static <T> T decode(byte[] value, Schema schema) {
        try {
            return new SpecificDatumReader<T>(schema)
                    .read(null, DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
