package com.example;

import io.thalweg.avro.Example;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.output.OutputTopic;
import io.thalweg.topology.LearnerSupplier;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.DoubleDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Produced;

/** Puts the learner into a topology of its own, which keeps only the probabilities. */
public final class Consumer {
    private static final int SCHEMA_ID = 1;

    private Consumer() {}

    public static void main(String[] arguments) throws IOException {
        SchemaSource schemas = id -> Example.getClassSchema();
        ThalwegConfig config = new ThalwegConfig(Map.of(ThalwegConfig.LEARNING_RATE, "0.5"));
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream("examples", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(new LearnerSupplier(config, schemas, "default"), Named.as("learner"))
                .filter((key, output) -> output.topic() == OutputTopic.PREDICTIONS)
                .map((key, output) -> KeyValue.pair(
                        new String(key), ((Prediction) output.value()).getProbability()))
                .to("probabilities", Produced.with(Serdes.String(), Serdes.Double()));

        try (TopologyTestDriver driver = new TopologyTestDriver(builder.build())) {
            TestInputTopic<String, byte[]> examples =
                    driver.createInputTopic("examples", new StringSerializer(), new ByteArraySerializer());
            for (int i = 0; i < 3; i++) {
                examples.pipeInput("model", encode(new Example(null, 1.0, 1.0, List.of(2.0))));
            }
            System.out.println(driver.createOutputTopic("probabilities", new StringDeserializer(), new DoubleDeserializer())
                    .readKeyValuesToList());
        }
    }

    private static byte[] encode(Example example) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).put((byte) 0).putInt(SCHEMA_ID).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new SpecificDatumWriter<>(Example.class).write(example, encoder);
        return out.toByteArray();
    }
}
