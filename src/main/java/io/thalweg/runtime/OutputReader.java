package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.output.OutputTopic;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/**
 * A reader that follows an output topic. It gives the committed records as objects of a generated class, whichever
 * version of the schema they were written with. For use by one thread.
 *
 * @param <T> the generated class
 */
public final class OutputReader<T extends SpecificRecord> implements AutoCloseable {
    private static final byte MAGIC = 0;
    private static final int HEADER = 5;

    private final SchemaSource schemas;
    private final Schema schema;
    private final Class<T> type;
    private final Consumer<byte[], byte[]> consumer;
    private final Map<Integer, DatumReader<T>> readers = new HashMap<>();
    private BinaryDecoder decoder;

    /**
     * A record of the topic.
     *
     * @param source the record as it is on the topic
     * @param value the decoded value; null for a tombstone, or if there is a problem
     * @param problem why the value cannot be read; null if it can
     */
    public record Entry<T>(ConsumerRecord<byte[], byte[]> source, T value, String problem) {}

    /** Where to begin reading. */
    public enum Start {
        /** At the oldest record. */
        BEGINNING,
        /** At the current end: only records that are committed from now on. */
        END
    }

    private OutputReader(SchemaSource schemas, Class<T> type, Consumer<byte[], byte[]> consumer) {
        this.schemas = schemas;
        this.type = type;
        schema = SpecificData.get().getSchema(type);
        this.consumer = consumer;
    }

    /**
     * Opens a reader.
     *
     * @param type the class of the topic's values
     * @param partition the only partition to follow; null for all
     * @throws StopException if the brokers, the topic or the partition cannot be found
     */
    public static <T extends SpecificRecord> OutputReader<T> open(
            ThalwegConfig config,
            SchemaSource schemas,
            OutputTopic topic,
            Class<T> type,
            Integer partition,
            Start start) {
        if (type != topic.type()) {
            throw new IllegalArgumentException(topic + " holds " + topic.type() + ", not " + type);
        }
        int partitions;
        try (Admin admin = KafkaSettings.admin(config)) {
            partitions = new Topics(config, admin).partitions(topic.setting());
        }
        List<TopicPartition> followed = Topics.pick(topic.nameIn(config), partitions, partition);
        Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader());
        try {
            consumer.assign(followed);
            if (start == Start.BEGINNING) {
                consumer.seekToBeginning(followed);
            } else {
                consumer.seekToEnd(followed);
            }
            // seeking takes effect when the position is first used, and by then the end may have moved
            followed.forEach(consumer::position);
        } catch (RuntimeException e) {
            consumer.close();
            throw e;
        }
        return new OutputReader<>(schemas, type, consumer);
    }

    /**
     * The records that have arrived since the last call.
     *
     * @param patience how long to wait for some
     * @throws org.apache.kafka.common.errors.WakeupException after {@link #wakeup}
     */
    public List<Entry<T>> poll(Duration patience) {
        List<Entry<T>> entries = new ArrayList<>();
        consumer.poll(patience).forEach(record -> entries.add(entry(record)));
        return entries;
    }

    private Entry<T> entry(ConsumerRecord<byte[], byte[]> record) {
        byte[] value = record.value();
        if (value == null) {
            return new Entry<>(record, null, null);
        }
        if (value.length < HEADER || value[0] != MAGIC) {
            return new Entry<>(record, null, "the value does not begin with a zero byte and a schema id");
        }
        int id = ByteBuffer.wrap(value, 1, 4).getInt();
        try {
            DatumReader<T> reader = readers.get(id);
            if (reader == null) {
                reader = new SpecificDatumReader<>(schemas.writerSchema(id), schema, SpecificData.getForClass(type));
                readers.put(id, reader);
            }
            decoder = DecoderFactory.get().binaryDecoder(value, HEADER, value.length - HEADER, decoder);
            return new Entry<>(record, reader.read(null, decoder), null);
        } catch (UnknownSchemaException e) {
            return new Entry<>(record, null, e.getMessage());
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException | ClassCastException e) {
            return new Entry<>(
                    record,
                    null,
                    "the value cannot be read as %s with schema id %d: %s"
                            .formatted(schema.getName(), id, e.getMessage()));
        }
    }

    /** Ends a {@link #poll} that is in progress. May be called by another thread. */
    public void wakeup() {
        consumer.wakeup();
    }

    @Override
    public void close() {
        consumer.close();
    }
}
