package io.thalweg.app.benchmark;

import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.ExampleDecoder;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Example;
import io.thalweg.math.Logistic;
import io.thalweg.math.Rejection;
import io.thalweg.output.OutputRecord;
import io.thalweg.output.OutputTopic;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The same learning, written the way one would first write it with Kafka Streams: the weights of a model are one value
 * in a RocksDB store with a changelog, which is read and written for each record. It supports dense features only, and
 * publishes what the learner does, except metrics.
 */
final class StoredWeights implements Processor<byte[], byte[], byte[], OutputRecord> {
    private static final String STORE = "weights";

    private final ExampleDecoder decoder;
    private final Example x = new Example();
    private final double learningRate;
    private final int weightsEvery;
    private final long intervalMs;
    private final Set<String> unpublished = new LinkedHashSet<>();

    private ProcessorContext<byte[], OutputRecord> context;
    private KeyValueStore<String, double[]> store;

    private StoredWeights(ThalwegConfig config, SchemaSource schemas) {
        decoder = new ExampleDecoder(schemas);
        learningRate = config.getDouble(ThalwegConfig.LEARNING_RATE);
        weightsEvery = config.getInt(ThalwegConfig.WEIGHTS_EVERY);
        intervalMs = config.getLong(ThalwegConfig.WEIGHTS_INTERVAL_MS);
    }

    /** Creates the processor with its store. */
    static ProcessorSupplier<byte[], byte[], byte[], OutputRecord> supplier(
            ThalwegConfig config, SchemaSource schemas) {
        return new ProcessorSupplier<>() {
            @Override
            public Processor<byte[], byte[], byte[], OutputRecord> get() {
                return new StoredWeights(config, schemas);
            }

            @Override
            public Set<StoreBuilder<?>> stores() {
                return Set.of(
                        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.String(), numbers()));
            }
        };
    }

    @Override
    public void init(ProcessorContext<byte[], OutputRecord> processorContext) {
        context = processorContext;
        store = context.getStateStore(STORE);
        context.schedule(Duration.ofMillis(intervalMs), PunctuationType.WALL_CLOCK_TIME, this::publishRest);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        try {
            decoder.decode(record.value(), x);
        } catch (Rejection e) {
            throw new IllegalStateException("the benchmark's own example: " + e.getMessage(), e);
        }
        String model = new String(record.key(), StandardCharsets.UTF_8);
        double[] kept = store.get(model);
        if (kept == null) {
            kept = new double[x.size() + 2];
        }
        // weights, bias, number of steps
        int bias = x.size();
        int steps = x.size() + 1;

        double logit = kept[bias];
        for (int i = 0; i < x.size(); i++) {
            logit += kept[i] * x.value(i);
        }
        double probability = Logistic.probability(logit);
        forward(
                OutputTopic.PREDICTIONS,
                record.key(),
                new Prediction(
                        null,
                        probability,
                        logit,
                        (long) kept[steps],
                        x.label(),
                        Logistic.logLoss(logit, x.label()),
                        context.taskId().partition(),
                        context.recordMetadata().orElseThrow().offset(),
                        null),
                record.timestamp());

        double move = learningRate * (probability - x.label());
        for (int i = 0; i < x.size(); i++) {
            kept[i] -= move * x.value(i);
        }
        kept[bias] -= move;
        kept[steps]++;
        store.put(model, kept);
        if (kept[steps] % weightsEvery == 0) {
            forward(OutputTopic.WEIGHTS, record.key(), weights(model, kept), record.timestamp());
            unpublished.remove(model);
        } else {
            unpublished.add(model);
        }
    }

    private void publishRest(long now) {
        for (String model : unpublished) {
            forward(OutputTopic.WEIGHTS, model.getBytes(StandardCharsets.UTF_8), weights(model, store.get(model)), now);
        }
        unpublished.clear();
    }

    private Weights weights(String model, double[] kept) {
        int size = kept.length - 2;
        List<Weight> weights = new ArrayList<>(size);
        double squares = 0;
        for (int i = 0; i < size; i++) {
            weights.add(new Weight(i, null, kept[i], 0.0));
            squares += kept[i] * kept[i];
        }
        long version = (long) kept[size + 1];
        return new Weights(
                model, version, null, 1, kept[size], weights, Math.sqrt(squares), 0.0, learningRate, version);
    }

    private void forward(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp) {
        context.forward(
                new Record<>(key, new OutputRecord(topic, context.taskId().partition(), value), timestamp),
                topic.sink());
    }

    private static Serde<double[]> numbers() {
        Serializer<double[]> serializer = (topic, numbers) -> {
            if (numbers == null) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.allocate(numbers.length * Double.BYTES);
            bytes.asDoubleBuffer().put(numbers);
            return bytes.array();
        };
        Deserializer<double[]> deserializer = (topic, bytes) -> {
            if (bytes == null) {
                return null;
            }
            double[] numbers = new double[bytes.length / Double.BYTES];
            ByteBuffer.wrap(bytes).asDoubleBuffer().get(numbers);
            return numbers;
        };
        return Serdes.serdeFrom(serializer, deserializer);
    }
}
