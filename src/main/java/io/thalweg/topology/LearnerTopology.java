package io.thalweg.topology;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.output.OutputSerializer;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.SchemaIds;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;

/**
 * The topology of the learner: examples in, through the learner, and out as predictions, weights, metrics and dead
 * letters.
 *
 * <p>The source gives bytes, and the learner deserializes them. A record that cannot be read must become a dead letter
 * and a committed offset in one transaction, which Kafka Streams' own handlers for such records do not guarantee.
 */
public final class LearnerTopology implements Supplier<Topology> {
    private static final String SOURCE = "examples";
    private static final String LEARNER = "learner";
    private static final String ROUTER = "router";
    private static final String ROUTED_SOURCE = "routed";

    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final SchemaIds schemaIds;
    private final String keyless;
    private final boolean routed;

    /**
     * Creates a topology for events that are already in the partition of their model.
     *
     * @param keyless the model of records without a key; empty if these become dead letters
     */
    public LearnerTopology(ThalwegConfig config, SchemaSource schemas, SchemaIds schemaIds, String keyless) {
        this(config, schemas, schemaIds, keyless, false);
    }

    /**
     * Creates a topology.
     *
     * @param keyless the model of records without a key; empty if these become dead letters
     * @param routed whether events are first routed to the partition of their model; see {@link ThalwegConfig#isRouted}
     */
    public LearnerTopology(
            ThalwegConfig config, SchemaSource schemas, SchemaIds schemaIds, String keyless, boolean routed) {
        this.routed = routed;
        this.config = config;
        this.schemas = schemas;
        this.schemaIds = schemaIds;
        this.keyless = keyless;
    }

    @Override
    // Kafka 4.3 has no partitioner but the one that 4.4 deprecates
    @SuppressWarnings("removal")
    public Topology get() {
        Topology topology = new Topology();
        source(topology, SOURCE, config.getString(ThalwegConfig.EXAMPLES_TOPIC));
        if (routed) {
            topology.addProcessor(ROUTER, () -> new ModelRouter(config, schemas), SOURCE);
            topology.addSink(
                    ModelRouter.ROUTED,
                    config.routedTopic(),
                    new ByteArraySerializer(),
                    new ByteArraySerializer(),
                    ModelRouter::partition,
                    ROUTER);
            // a separate sink: with a common one, router and learner would be one task
            sink(topology, ModelRouter.UNROUTABLE, OutputTopic.DEAD_LETTERS, ROUTER);
            source(topology, ROUTED_SOURCE, config.routedTopic());
        }
        topology.addProcessor(
                LEARNER, new LearnerSupplier(config, schemas, keyless, true), routed ? ROUTED_SOURCE : SOURCE);
        for (OutputTopic output : OutputTopic.values()) {
            sink(topology, output.sink(), output, LEARNER);
        }
        return topology;
    }

    private static void source(Topology topology, String name, String topic) {
        topology.addSource(
                AutoOffsetReset.earliest(),
                name,
                LearnerTopology::timestamp,
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                topic);
    }

    @SuppressWarnings("removal") // as above
    private void sink(Topology topology, String name, OutputTopic output, String parent) {
        String topic = output.nameIn(config);
        topology.addSink(
                name,
                topic,
                new ByteArraySerializer(),
                new OutputSerializer(schemaIds.idFor(topic, output.schema())),
                OutputTopic::partition,
                parent);
    }

    /**
     * Returns the timestamp of a record; if it has none, that of the records before it. The default extractor of Kafka
     * Streams would stop at such a record.
     */
    static long timestamp(ConsumerRecord<Object, Object> record, long partitionTime) {
        return record.timestamp() >= 0 ? record.timestamp() : Math.max(0, partitionTime);
    }
}
