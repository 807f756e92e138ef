package io.thalweg.topology;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.ReadAhead;
import io.thalweg.input.SchemaSource;
import io.thalweg.output.OutputSerializer;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.SchemaIds;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;

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
    private static final String LABELS_SOURCE = "labels";
    private static final String LABELS_ROUTER = "labels-router";
    private static final String ROUTED_LABELS_SOURCE = "routed-labels";

    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final SchemaIds schemaIds;
    private final String keyless;
    private final boolean routed;
    private final boolean labelsRouted;
    /** Null if nobody reads. */
    private final CommittedReads readers;
    /** Null if nothing is read ahead. */
    private final ReadAhead ahead;

    private final int partitions;
    private final InputWatch watch;
    private LongSupplier nanoTime = System::nanoTime;

    /**
     * Creates a topology for events that are already in the partition of their model.
     *
     * @param keyless the model of records without a key; empty if these become dead letters
     */
    public LearnerTopology(ThalwegConfig config, SchemaSource schemas, SchemaIds schemaIds, String keyless) {
        this(config, schemas, schemaIds, keyless, 0, InputWatch.NONE);
    }

    /**
     * Creates a topology that nobody reads the committed state of.
     *
     * @param keyless the model of records without a key; empty if these become dead letters
     * @param partitions how many partitions the examples topic has; 0 if that is not known, and then nothing is sent on
     * @param watch knows more of the input
     */
    public LearnerTopology(
            ThalwegConfig config,
            SchemaSource schemas,
            SchemaIds schemaIds,
            String keyless,
            int partitions,
            InputWatch watch) {
        this(config, schemas, schemaIds, keyless, partitions, watch, null, null);
    }

    /**
     * Creates a topology.
     *
     * @param keyless the model of records without a key; empty if these become dead letters
     * @param partitions how many partitions the examples topic has; 0 if that is not known, and then nothing is sent on
     * @param watch knows more of the input
     * @param readers what other threads want to read of committed state; null if nobody does
     * @param ahead reads examples ahead, and must be told what is polled; null if nothing does
     */
    public LearnerTopology(
            ThalwegConfig config,
            SchemaSource schemas,
            SchemaIds schemaIds,
            String keyless,
            int partitions,
            InputWatch watch,
            CommittedReads readers,
            ReadAhead ahead) {
        this.ahead = ahead;
        this.readers = readers;
        this.watch = watch;
        this.partitions = partitions;
        routed = config.isRouted(partitions);
        labelsRouted = config.areLabelsRouted(partitions);
        this.config = config;
        this.schemas = schemas;
        this.schemaIds = schemaIds;
        this.keyless = keyless;
    }

    /**
     * Chooses the clock by which publishing weights takes a part of the time at most. With one that stands still, what
     * is published does not depend on how fast the machine is.
     *
     * @return this
     */
    public LearnerTopology clock(LongSupplier clock) {
        nanoTime = clock;
        return this;
    }

    @Override
    public Topology get() {
        Topology topology = new Topology();
        List<String> sources = new ArrayList<>();
        sources.add(source(
                topology,
                config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                SOURCE,
                routed
                        ? new Route(
                                () -> ModelRouter.ofEvents(config, schemas, watch),
                                ROUTER,
                                ModelRouter.ROUTED,
                                ModelRouter.UNROUTABLE,
                                ROUTED_SOURCE,
                                config.routedTopic())
                        : null));
        if (config.hasLateLabels()) {
            sources.add(source(
                    topology,
                    config.getString(ThalwegConfig.LABELS_TOPIC),
                    LABELS_SOURCE,
                    labelsRouted
                            ? new Route(
                                    () -> ModelRouter.ofLabels(config, schemas, watch),
                                    LABELS_ROUTER,
                                    ModelRouter.ROUTED_LABELS,
                                    ModelRouter.UNROUTABLE_LABELS,
                                    ROUTED_LABELS_SOURCE,
                                    config.routedLabelsTopic())
                            : null));
        }
        topology.addProcessor(
                LEARNER,
                new LearnerSupplier(config, schemas, keyless, true, partitions, watch, readers, ahead, nanoTime),
                sources.toArray(String[]::new));
        for (OutputTopic output : OutputTopic.of(config)) {
            sink(topology, output.sink(), output, LEARNER);
        }
        return topology;
    }

    /** The names of the nodes that send records on to the partition of their model, and of the topic between them. */
    private record Route(
            ProcessorSupplier<byte[], byte[], byte[], Object> router,
            String name,
            String sink,
            String deadLetterSink,
            String source,
            String topic) {}

    /**
     * Adds a source.
     *
     * @param route where its records are sent on; null if they are in the partition of their model
     * @return the name of the source that the learner reads
     */
    // Kafka 4.3 has no partitioner but the one that 4.4 deprecates
    @SuppressWarnings("removal")
    private String source(Topology topology, String topic, String name, Route route) {
        source(topology, name, topic);
        if (route == null) {
            return name;
        }
        topology.addProcessor(route.name, route.router, name);
        topology.addSink(
                route.sink,
                route.topic,
                new ByteArraySerializer(),
                new ByteArraySerializer(),
                ModelRouter::partition,
                route.name);
        // a separate sink: with a common one, router and learner would be one task
        sink(topology, route.deadLetterSink, OutputTopic.DEAD_LETTERS, route.name);
        source(topology, route.source, route.topic);
        return route.source;
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
        topology.addSink(
                name,
                output.nameIn(config),
                new ByteArraySerializer(),
                OutputSerializer.of(config, output, schemaIds),
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
