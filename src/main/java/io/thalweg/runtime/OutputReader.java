package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.output.OutputJson;
import io.thalweg.output.OutputTopic;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
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
import org.apache.kafka.common.acl.AclOperation;
import org.jspecify.annotations.Nullable;

/**
 * A reader that follows an output topic. It gives the committed records as objects of a generated class, whichever
 * version of the schema they were written with. For use by one thread.
 *
 * @param <T> the generated class
 */
public final class OutputReader<T extends SpecificRecord> implements AutoCloseable {
    private static final byte MAGIC = 0;
    private static final int HEADER = 5;

    /** How many stretches of a partition a sample has. */
    private static final int STRETCHES = 60;

    private static final Duration POLL = Duration.ofMillis(100);
    /** How long a stretch may return nothing, as where compaction has removed the records before its end. */
    private static final Duration STRETCH_PATIENCE = Duration.ofSeconds(2);

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
            partitions = new Topics(config, admin).partitions(topic.setting(), AclOperation.READ);
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

    /**
     * Reads a sample of what the topic holds: all records if there are not many more than asked for, and otherwise
     * stretches of records that are evenly far apart, and the latest ones. Afterwards the position is at the end.
     *
     * @param most how many records are read: at most twice as many
     * @param to receives the records, those of a partition in their order
     */
    public void sample(int most, java.util.function.Consumer<Entry<T>> to) {
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
        sample(most, ends.keySet(), ends, key -> true, to);
        ends.forEach(consumer::seek);
    }

    /**
     * Reads a sample of what the topic holds under some keys before the position, as {@link #sample} does. Other
     * records are not decoded, so that many more can be read. Afterwards the position is where it was, so that no
     * record comes twice.
     *
     * @param most how many records are read, with those that are not wanted: at most twice as many
     * @param partition the only partition to read; null for all
     * @param wanted tells whether records with this key, which is not null, are wanted
     * @param to receives the records, those of a partition in their order
     */
    public void sample(
            int most, @Nullable Integer partition, Predicate<byte[]> wanted, java.util.function.Consumer<Entry<T>> to) {
        Map<TopicPartition, Long> before = new HashMap<>();
        consumer.assignment().forEach(p -> before.put(p, consumer.position(p)));
        List<TopicPartition> sampled = before.keySet().stream()
                .filter(p -> partition == null || p.partition() == partition)
                .toList();
        sample(most, sampled, before, key -> key != null && wanted.test(key), to);
        before.forEach(consumer::seek);
    }

    private void sample(
            int most,
            Collection<TopicPartition> sampled,
            Map<TopicPartition, Long> ends,
            Predicate<byte @Nullable []> wanted,
            java.util.function.Consumer<Entry<T>> to) {
        Set<TopicPartition> all = consumer.assignment();
        Map<TopicPartition, Long> begins = consumer.beginningOffsets(sampled);
        java.util.function.Consumer<ConsumerRecord<byte[], byte[]>> each = record -> {
            if (wanted.test(record.key())) {
                to.accept(entry(record));
            }
        };
        consumer.pause(all);
        for (TopicPartition p : sampled) {
            consumer.resume(List.of(p));
            long end = ends.get(p);
            long begin = Math.min(begins.get(p), end);
            long ofPartition = Math.max(STRETCHES, most / sampled.size());
            if (end - begin <= 2 * ofPartition) {
                stretch(p, begin, end, each);
            } else {
                long length = ofPartition / STRETCHES;
                for (int i = 0; i < STRETCHES; i++) {
                    // the last stretch ends at the end
                    long from = begin + (end - length - begin) / (STRETCHES - 1) * i;
                    long start = i == STRETCHES - 1 ? end - length : from;
                    stretch(p, start, start + length, each);
                }
            }
            consumer.pause(List.of(p));
        }
        consumer.resume(all);
    }

    private void stretch(
            TopicPartition p, long from, long until, java.util.function.Consumer<ConsumerRecord<byte[], byte[]>> to) {
        consumer.seek(p, from);
        long since = System.nanoTime();
        while (consumer.position(p) < until && System.nanoTime() - since < STRETCH_PATIENCE.toNanos()) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                if (record.offset() < until) {
                    to.accept(record);
                }
                since = System.nanoTime();
            }
        }
    }

    /**
     * Reads the records under some keys in a range of offsets, in their order. Other records are not decoded.
     *
     * @param partition the only partition that this reader follows
     * @param until the offset to stop at; there need not be a record at it
     * @param deadline when to stop at the latest, in terms of {@link System#nanoTime}
     * @param wanted tells whether records with this key, which is not null, are wanted
     * @param to receives the records, and returns whether to read on
     * @return the offset up to which records were read: {@code until} unless it was stopped before
     */
    public long scan(
            TopicPartition partition,
            long from,
            long until,
            long deadline,
            Predicate<byte[]> wanted,
            Predicate<Entry<T>> to) {
        consumer.seek(partition, from);
        long next = from;
        while (next < until && System.nanoTime() - deadline < 0) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                if (record.offset() >= until) {
                    return until;
                }
                next = record.offset() + 1;
                if (record.key() != null && wanted.test(record.key()) && !to.test(entry(record))) {
                    return next;
                }
            }
            // behind the last record there may be markers of transactions
            next = Math.max(next, consumer.position(partition));
        }
        return Math.min(next, until);
    }

    /** Returns how many partitions it reads. */
    public int partitions() {
        return consumer.assignment().size();
    }

    /** Returns the offsets of the first record of a partition and behind the last committed one. */
    public long[] range(TopicPartition partition) {
        return new long[] {
            consumer.beginningOffsets(List.of(partition)).get(partition),
            consumer.endOffsets(List.of(partition)).get(partition)
        };
    }

    /**
     * Passes over records if there are too many to read.
     *
     * @param most how many of a partition are left
     * @return whether any were passed over
     */
    public boolean skipTo(int most) {
        boolean skipped = false;
        for (Map.Entry<TopicPartition, Long> end :
                consumer.endOffsets(consumer.assignment()).entrySet()) {
            if (end.getValue() - consumer.position(end.getKey()) > most) {
                consumer.seek(end.getKey(), end.getValue() - most);
                skipped = true;
            }
        }
        return skipped;
    }

    private Entry<T> entry(ConsumerRecord<byte[], byte[]> record) {
        byte[] value = record.value();
        if (value == null) {
            return new Entry<>(record, null, null);
        }
        if (OutputJson.isJson(value)) {
            return json(record, value);
        }
        if (value.length < HEADER || value[0] != MAGIC) {
            return new Entry<>(
                    record, null, "the value is not JSON and does not begin with a zero byte and a schema id");
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

    private Entry<T> json(ConsumerRecord<byte[], byte[]> record, byte[] value) {
        try {
            return new Entry<>(record, type.cast(OutputJson.read(value, schema)), null);
        } catch (IOException | RuntimeException e) {
            String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("it is damaged");
            return new Entry<>(record, null, "the value cannot be read as %s: %s".formatted(schema.getName(), why));
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
