package io.thalweg.app.benchmark;

import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Result;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.output.OutputRecord;
import io.thalweg.output.OutputTopic;
import java.util.Objects;
import java.util.Set;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.jspecify.annotations.Nullable;

/**
 * The join of events and labels as one would first write it with Kafka Streams: an event is put into a RocksDB store
 * with a changelog, and is read and deleted when its label comes. It publishes a prediction and an outcome for each,
 * but learns nothing, gives nothing up, forgets the label at once, and does not hold a label that overtakes its event.
 */
final class StoredEvents implements Processor<byte[], byte[], byte[], OutputRecord> {
    private static final String STORE = "events";

    private final boolean remembers;
    private final String labelsTopic;
    private final RecordReader reader;
    private final Example x = new Example();
    private final Example event = new Example();
    private ProcessorContext<byte[], OutputRecord> context;
    /** Null if nothing is remembered. */
    private @Nullable KeyValueStore<Bytes, byte[]> store;

    private long outcomes;

    private StoredEvents(ThalwegConfig config, SchemaSource schemas, boolean remembers) {
        this.remembers = remembers;
        labelsTopic = config.getString(ThalwegConfig.LABELS_TOPIC);
        reader = new RecordReader(schemas, config, "");
    }

    /**
     * Creates the processor with its store.
     *
     * @param remembers whether there is a store; without one, this is what it costs to read and write the records
     */
    static ProcessorSupplier<byte[], byte[], byte[], OutputRecord> supplier(
            ThalwegConfig config, SchemaSource schemas, boolean remembers) {
        return new ProcessorSupplier<>() {
            @Override
            public Processor<byte[], byte[], byte[], OutputRecord> get() {
                return new StoredEvents(config, schemas, remembers);
            }

            @Override
            public Set<StoreBuilder<?>> stores() {
                return remembers
                        ? Set.of(Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(STORE), Serdes.Bytes(), Serdes.ByteArray()))
                        : Set.of();
            }
        };
    }

    @Override
    public void init(ProcessorContext<byte[], OutputRecord> processorContext) {
        context = processorContext;
        store = remembers ? context.getStateStore(STORE) : null;
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata at = context.recordMetadata().orElseThrow();
        read(record.value(), x);
        Bytes id = Bytes.wrap(Objects.requireNonNull(x.id()));
        if (at.topic().equals(labelsTopic)) {
            byte[] stored = store == null ? null : store.get(id);
            if (stored != null) {
                read(stored, event);
                store.delete(id);
            }
            forward(OutputTopic.OUTCOMES, record, outcome(id, at.offset(), record.timestamp()));
        } else {
            if (store != null) {
                store.put(id, record.value());
            }
            forward(OutputTopic.PREDICTIONS, record, prediction(id, at.offset()));
        }
    }

    private void read(byte[] value, Example into) {
        try {
            reader.example(value, "", into);
        } catch (Rejection e) {
            throw new IllegalStateException("the benchmark's own example: " + e.getMessage(), e);
        }
    }

    private Prediction prediction(Bytes id, long offset) {
        return new Prediction(new Utf8(id.get()), 0.5, 0.0, offset, null, null, 0, offset, offset);
    }

    private Outcome outcome(Bytes id, long offset, long timestamp) {
        return new Outcome(
                new Utf8(id.get()),
                Result.LEARNED,
                x.label(),
                0.5,
                0.5,
                offset,
                offset,
                (long) event.size(),
                offset,
                offset,
                0,
                timestamp,
                offset,
                offset,
                true,
                outcomes++);
    }

    private void forward(OutputTopic topic, Record<byte[], byte[]> record, SpecificRecordBase value) {
        context.forward(
                new Record<>(record.key(), new OutputRecord(topic, 0, value), record.timestamp()), topic.sink());
    }
}
