package io.thalweg.app.benchmark;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.topology.LearnerTopology;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The floor is a fair one: it writes as many records of the same sizes to the same topics as the learner does. */
class NoLearningBaselineTest {
    private static final Map<String, Schema> WRITTEN = Map.of(
            "predictions", Prediction.getClassSchema(),
            "weights", Weights.getClassSchema(),
            "metrics", Metrics.getClassSchema());

    @ParameterizedTest
    @CsvSource({
        "DENSE, 1",
        "DENSE, 7",
        "MODELS, 1",
        "MODELS, 1000",
        "HASHED, 1",
        "MAPPED, 1000",
        "MAPPED_JSON, 1000",
        "MAPPED_PROTOBUF, 1000"
    })
    void writesTheSizesOfTheLearner(Workload workload, int weightsEvery) throws Exception {
        Map<String, Object> settings = new HashMap<>(workload.settings());
        settings.put(ThalwegConfig.WEIGHTS_EVERY, weightsEvery);
        settings.put(ThalwegConfig.METRICS_EVERY, 10);
        settings.put(ThalwegConfig.WEIGHTS_WINDOW, 100);
        ThalwegConfig config = new ThalwegConfig(settings);
        SchemaSource schemas = WorkloadTest.schemas(workload);
        Topology learner = new LearnerTopology(config, schemas, (topic, schema) -> 1, "").get();
        Topology floor = BenchmarkTopology.<byte[]>around(
                () -> new NoLearningBaseline(config, schemas), config, (kind, topic) -> new ByteArraySerializer());

        Map<String, List<ProducerRecord<byte[], byte[]>>> learned = outputs(learner, workload);
        Map<String, List<ProducerRecord<byte[], byte[]>>> written = outputs(floor, workload);

        for (String topic : WRITTEN.keySet()) {
            assertThat(sizes(written.get(topic))).as(topic).isEqualTo(sizes(learned.get(topic)));
            for (ProducerRecord<byte[], byte[]> record : written.get(topic)) {
                read(record.value(), WRITTEN.get(topic));
            }
        }
    }

    private static Map<String, List<ProducerRecord<byte[], byte[]>>> outputs(Topology topology, Workload workload) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "floor-test");
        Map<String, List<ProducerRecord<byte[], byte[]>>> outputs = new TreeMap<>();
        try (TopologyTestDriver driver = new TopologyTestDriver(topology, properties, Instant.EPOCH)) {
            var input = driver.createInputTopic("examples", new ByteArraySerializer(), new ByteArraySerializer());
            Workload.RecordValues values = workload.values(1);
            for (int second = 0; second < 3; second++) {
                for (int i = 0; i < 200; i++) {
                    input.pipeInput(new TestRecord<>(workload.key(i % 20), values.next(), Instant.EPOCH));
                }
                driver.advanceWallClockTime(Duration.ofSeconds(1));
            }
            for (String topic : WRITTEN.keySet()) {
                var output = driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                outputs.put(
                        topic,
                        output.readRecordsToList().stream()
                                .map(record -> new ProducerRecord<>(topic, record.key(), record.value()))
                                .toList());
            }
        }
        return outputs;
    }

    /** Keys with the sizes of their values; the learner publishes models and blocks in another order than the floor. */
    private static List<String> sizes(List<ProducerRecord<byte[], byte[]>> records) {
        return records.stream()
                .map(record -> new String(record.key()) + " " + record.value().length)
                .sorted()
                .toList();
    }

    private static void read(byte[] value, Schema schema) throws Exception {
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
        new SpecificDatumReader<Object>(schema).read(null, decoder);
        assertThat(decoder.isEnd()).isTrue();
    }
}
