package io.thalweg.audit;

import io.thalweg.avro.Example;
import io.thalweg.avro.Outcome;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
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
import java.util.PriorityQueue;
import java.util.Properties;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/**
 * What the learner's own topology makes of events and of labels that come later: in time, too late, too early, twice,
 * contradictory, for unknown events, unreadable, and never.
 */
final class LateLabelsLog {
    static final List<String> OUTPUTS =
            List.of("predictions", "weights", "metrics", "dead-letters", "outcomes", "late-weights-changelog");
    static final long WAIT = 500;
    static final Schema LABEL = SchemaBuilder.record("Truth")
            .fields()
            .requiredString("id")
            .name("label")
            .type()
            .nullable()
            .doubleType()
            .noDefault()
            .name("weight")
            .type()
            .nullable()
            .doubleType()
            .noDefault()
            .endRecord();

    private static final int EXAMPLE_ID = 1;
    private static final int LABEL_ID = 2;

    final Map<Integer, Schema> registry = new HashMap<>(Map.of(EXAMPLE_ID, Example.getClassSchema(), LABEL_ID, LABEL));
    final SchemaSource schemas = id -> {
        if (!registry.containsKey(id)) {
            throw new UnknownSchemaException(id);
        }
        return registry.get(id);
    };
    final ThalwegConfig config;
    final MemoryClusterView cluster = new MemoryClusterView();

    /** The input in the order in which it was applied. */
    final List<InputRecord> applied = new ArrayList<>();

    private final Random random;
    private final PriorityQueue<Due> due = new PriorityQueue<>((a, b) -> Long.compare(a.at, b.at));

    /** A label on its way. */
    private record Due(long at, String model, String id, Double label) {}

    LateLabelsLog(Random random, int records, Map<String, ?> changed) {
        this.random = random;
        Map<String, Object> settings = new HashMap<>(Map.of(
                "application.id", "late",
                "labels.topic", "labels",
                "labels.wait.ms", String.valueOf(WAIT),
                "labels.early.ms", "100",
                "labels.importance.field", "weight",
                "metrics.every", "3",
                "weights.record.max", "16"));
        settings.putAll(changed);
        config = new ThalwegConfig(settings);
        Properties streams = new Properties();
        streams.put(StreamsConfig.APPLICATION_ID_CONFIG, "late");
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
        cluster.create("labels");
        OUTPUTS.forEach(cluster::create);
        try (TopologyTestDriver driver = new TopologyTestDriver(topology.get(), streams, Instant.EPOCH)) {
            Map<String, TestInputTopic<byte[], byte[]>> inputs = new HashMap<>();
            for (String topic : List.of("examples", "labels")) {
                inputs.put(topic, driver.createInputTopic(topic, new ByteArraySerializer(), new ByteArraySerializer()));
            }
            Map<String, TestOutputTopic<byte[], byte[]>> outputs = new LinkedHashMap<>();
            for (String topic : OUTPUTS) {
                outputs.put(
                        topic,
                        driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
            }
            for (int i = 0; i < records; i++) {
                next(i).forEach((topic, record) -> {
                    cluster.append(topic, record.timestamp(), record.key(), record.value(), record.headers());
                    inputs.get(topic).pipeInput(record);
                    List<ConsumerRecord<byte[], byte[]>> log = cluster.log(topic);
                    InputRecord input = InputRecord.produced(log.get(log.size() - 1));
                    applied.add(topic.equals("labels") ? input.asLabel() : input);
                });
                if (random.nextInt(20) == 0) {
                    driver.advanceWallClockTime(Duration.ofSeconds(1));
                }
                outputs.forEach((topic, output) -> output.readRecordsToList()
                        .forEach(r -> cluster.append(topic, r.timestamp(), r.key(), r.value(), r.headers())));
            }
        }
        cluster.committed.add(cluster.end("examples"));
        cluster.committedLabels = cluster.end("labels");
    }

    private Map<String, TestRecord<byte[], byte[]>> next(int i) {
        long now = 10_000 + 5L * i;
        Map<String, TestRecord<byte[], byte[]>> records = new LinkedHashMap<>();
        while (!due.isEmpty() && due.peek().at <= now && records.isEmpty()) {
            Due label = due.poll();
            records.put("labels", record(label.model, label(label.id, label.label), coarse(label.at)));
        }
        if (records.isEmpty()) {
            records.put("examples", event(i, now));
        }
        return records;
    }

    private TestRecord<byte[], byte[]> event(int i, long now) {
        String model = "m" + random.nextInt(3);
        String id = "e" + i;
        int kind = random.nextInt(40);
        Double inEvent = kind == 0 ? (Double) (double) random.nextInt(2) : null;
        if (kind == 1) {
            // rejected
            return record(model, new byte[] {1, 2, 3}, now + 20);
        }
        if (kind == 2 && i > 100) {
            return record("m2", null, now);
        }
        if (kind == 3) {
            id = null;
        } else if (kind == 4 && i > 0) {
            id = "e" + (i - 1);
        }
        double label = random.nextInt(4) == 0 ? 1 : 0;
        long delay = switch (random.nextInt(10)) {
            case 0 -> WAIT + 50 + random.nextInt(400);
            case 1 -> -40;
            case 2 -> -900;
            default -> random.nextInt((int) WAIT - 50);
        };
        if (random.nextInt(5) > 0) {
            due.add(new Due(now + delay, model, "e" + i, label));
            if (random.nextInt(10) == 0) {
                due.add(new Due(now + delay + 30, model, "e" + i, random.nextBoolean() ? label : 1 - label));
            }
        }
        switch (random.nextInt(30)) {
            case 0 -> due.add(new Due(now + 7, model, "nobody " + i, 1.0));
            case 1 -> due.add(new Due(now + 7, model, "e" + i, null));
            case 2 -> due.add(new Due(now + 7, model, "e" + i, 1.5));
            default -> {
                // nothing else
            }
        }
        Object features = switch (model) {
            case "m0" -> List.of(random.nextGaussian(), random.nextGaussian());
            case "m1" -> Map.of("f" + random.nextInt(6), random.nextGaussian(), "g", 1.0);
            default ->
                new io.thalweg.avro.SparseFeatures(
                        List.of(random.nextInt(9), 10 + random.nextInt(40)), List.of(1.0, random.nextGaussian()));
        };
        byte[] value = LearnedLog.encode(
                EXAMPLE_ID, Example.getClassSchema(), new Example(id, inEvent, 1 + random.nextInt(2) * 0.5, features));
        // out of order, and some so old that their time is over when they come
        long behind = random.nextInt(25) == 0 ? WAIT + 100 + random.nextInt(900) : random.nextInt(3);
        return record(model, value, coarse(now - behind));
    }

    /** So that many records have the same timestamp. */
    private static long coarse(long timestamp) {
        return timestamp / 20 * 20;
    }

    private byte[] label(String id, Double label) {
        return encode(
                LABEL_ID,
                new GenericRecordBuilder(LABEL)
                        .set("id", id)
                        .set("label", label)
                        .set("weight", random.nextInt(4) == 0 ? 2.0 : null)
                        .build());
    }

    /** Returns a label record with the opposite label. */
    static byte[] opposite(byte[] value) {
        try {
            GenericData.Record label = new GenericDatumReader<GenericData.Record>(LABEL)
                    .read(null, DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null));
            label.put("label", 1 - (Double) label.get("label"));
            return encode(LABEL_ID, label);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static TestRecord<byte[], byte[]> record(String model, byte[] value, long timestamp) {
        return new TestRecord<>(model.getBytes(StandardCharsets.UTF_8), value, new RecordHeaders(), timestamp);
    }

    private static byte[] encode(int schemaId, GenericData.Record datum) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, schemaId).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new GenericDatumWriter<GenericData.Record>(datum.getSchema()).write(datum, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    List<Outcome> outcomes() {
        List<Outcome> outcomes = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : cluster.log("outcomes")) {
            outcomes.add(LearnedLog.decode(record.value(), Outcome.getClassSchema()));
        }
        return outcomes;
    }
}
