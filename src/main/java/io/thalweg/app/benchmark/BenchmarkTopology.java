package io.thalweg.app.benchmark;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;

/**
 * A topology with the topics of the learner and another processor. The children of the processor have the names that
 * {@link OutputTopic#sink()} gives.
 */
final class BenchmarkTopology {
    private static final String SOURCE = "examples";
    private static final String PROCESSOR = "processor";

    private BenchmarkTopology() {}

    /** @param serializer creates the serializer for a topic */
    @SuppressWarnings("removal") // Kafka 4.3 has no partitioner but the one that 4.4 deprecates
    static <T> Topology around(
            ProcessorSupplier<byte[], byte[], byte[], T> processor,
            ThalwegConfig config,
            BiFunction<OutputTopic, String, Serializer<T>> serializer) {
        Topology topology = new Topology();
        topology.addSource(
                AutoOffsetReset.earliest(),
                SOURCE,
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                config.hasLateLabels()
                        ? new String[] {
                            config.getString(ThalwegConfig.EXAMPLES_TOPIC), config.getString(ThalwegConfig.LABELS_TOPIC)
                        }
                        : new String[] {config.getString(ThalwegConfig.EXAMPLES_TOPIC)});
        topology.addProcessor(PROCESSOR, processor, SOURCE);
        for (OutputTopic output : OutputTopic.of(config)) {
            String topic = output.nameIn(config);
            topology.addSink(
                    output.sink(),
                    topic,
                    new ByteArraySerializer(),
                    serializer.apply(output, topic),
                    (to, key, value, partitions) -> Optional.of(Set.of(0)),
                    PROCESSOR);
        }
        return topology;
    }
}
