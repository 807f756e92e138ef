package io.thalweg.topology;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.output.Emission;
import io.thalweg.output.Emission.Kind;
import io.thalweg.output.EmissionSerializer;
import io.thalweg.output.SchemaIds;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;

/**
 * The way of the data: examples in, through the learner, and out as predictions, weights, metrics and dead letters.
 *
 * <p>The source gives bytes. What cannot be read is the learner's business: it must come to a dead letter and an offset in one
 * transaction, which Kafka Streams' own handlers for such records do not promise.
 */
public final class LearnerTopology implements Supplier<Topology> {
    private static final String SOURCE = "examples";
    private static final String LEARNER = "learner";

    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final SchemaIds schemaIds;
    private final String keyless;

    /** @param keyless the model of records without key; empty if those are dead letters */
    public LearnerTopology(ThalwegConfig config, SchemaSource schemas, SchemaIds schemaIds, String keyless) {
        this.config = config;
        this.schemas = schemas;
        this.schemaIds = schemaIds;
        this.keyless = keyless;
    }

    @Override
    public Topology get() {
        Topology topology = new Topology();
        topology.addSource(
                AutoOffsetReset.earliest(),
                SOURCE,
                LearnerTopology::timestamp,
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                config.getString(ThalwegConfig.EXAMPLES_TOPIC));
        topology.addProcessor(LEARNER, new LearnerSupplier(config, schemas, keyless, true), SOURCE);
        sink(topology, Kind.PREDICTION, ThalwegConfig.PREDICTIONS_TOPIC, Prediction.getClassSchema());
        sink(topology, Kind.WEIGHTS, ThalwegConfig.WEIGHTS_TOPIC, Weights.getClassSchema());
        sink(topology, Kind.METRICS, ThalwegConfig.METRICS_TOPIC, Metrics.getClassSchema());
        sink(topology, Kind.DEAD_LETTER, ThalwegConfig.DEAD_LETTERS_TOPIC, DeadLetter.getClassSchema());
        return topology;
    }

    private void sink(Topology topology, Kind kind, String setting, Schema schema) {
        String topic = config.getString(setting);
        topology.addSink(
                kind.sink(),
                topic,
                new ByteArraySerializer(),
                new EmissionSerializer(schemaIds.idFor(topic, schema)),
                LearnerTopology::partition,
                LEARNER);
    }

    /** An emission goes to the partition with the number that its example came from. */
    private static Optional<Set<Integer>> partition(String topic, byte[] key, Emission emission, int partitions) {
        return Optional.of(Set.of(emission.partition()));
    }

    /** The record's own timestamp; without one, that of the records before it. Kafka Streams' own would stop there. */
    static long timestamp(ConsumerRecord<Object, Object> record, long partitionTime) {
        return record.timestamp() >= 0 ? record.timestamp() : Math.max(0, partitionTime);
    }
}
