package io.thalweg.input;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.jspecify.annotations.Nullable;

/**
 * Consecutive records of a partition that pass through Kafka Streams as one record. What Kafka Streams does for each
 * record (queues, clocks, sensors) costs more than a step of a small model.
 *
 * <p>To Kafka Streams, a bundle is its first record, but with the largest timestamp of all. So what it commits
 * before a bundle is processed is the offset of the first record, and after it that of the next bundle, or the position
 * of the consumer. The records themselves are in a header that is never serialized; a processor asks for them with
 * {@link #of}.
 *
 * <p>A bundle is small, because nothing else happens while it is processed: no commit, and no record of another
 * partition.
 */
public final class RecordBundle implements Header {
    /** How many records a bundle has at most. */
    static final int MOST_RECORDS = 64;
    /** How many bytes of keys and values the records of a bundle have at most, if they are more than one. */
    static final int MOST_BYTES = 1 << 16;

    private static final String KEY = "thalweg.bundle";
    private static final byte[] NOTHING = {};

    private final List<ConsumerRecord<byte[], byte[]>> records;

    private RecordBundle(List<ConsumerRecord<byte[], byte[]>> records) {
        this.records = records;
    }

    /**
     * Returns the records of a bundle.
     *
     * @param headers the headers with which a processor got a record
     * @return the records in order; null if it is not a bundle but a record by itself
     */
    public static @Nullable List<ConsumerRecord<byte[], byte[]>> of(Headers headers) {
        return headers.lastHeader(KEY) instanceof RecordBundle bundle ? bundle.records : null;
    }

    /**
     * Bundles what was polled.
     *
     * @param mostMillis how far the timestamps of the records of a bundle may be apart, in milliseconds
     */
    public static ConsumerRecords<byte[], byte[]> bundled(ConsumerRecords<byte[], byte[]> polled, long mostMillis) {
        if (polled.count() < 2) {
            return polled;
        }
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> bundled = new LinkedHashMap<>();
        for (TopicPartition partition : polled.partitions()) {
            bundled.put(partition, bundled(polled.records(partition), mostMillis));
        }
        return new ConsumerRecords<>(bundled, polled.nextOffsets());
    }

    private static List<ConsumerRecord<byte[], byte[]>> bundled(
            List<ConsumerRecord<byte[], byte[]>> records, long mostMillis) {
        List<ConsumerRecord<byte[], byte[]>> bundles = new ArrayList<>(records.size() / MOST_RECORDS + 1);
        for (int from = 0; from < records.size(); ) {
            int to = end(records, from, mostMillis);
            bundles.add(to == from + 1 ? records.get(from) : bundle(records.subList(from, to)));
            from = to;
        }
        return bundles;
    }

    /** Returns where the bundle ends that begins with a record. */
    private static int end(List<ConsumerRecord<byte[], byte[]>> records, int from, long mostMillis) {
        long first = records.get(from).timestamp();
        long bytes = size(records.get(from));
        int to = from + 1;
        while (to < records.size() && to - from < MOST_RECORDS) {
            ConsumerRecord<byte[], byte[]> next = records.get(to);
            bytes += size(next);
            if (bytes > MOST_BYTES || isFurtherApart(first, next.timestamp(), mostMillis)) {
                break;
            }
            to++;
        }
        return to;
    }

    private static boolean isFurtherApart(long first, long second, long mostMillis) {
        // without a timestamp, it depends on the records before it which one Kafka Streams gives it
        return first < 0 || second < 0 || Math.abs(second - first) > mostMillis;
    }

    private static int size(ConsumerRecord<byte[], byte[]> record) {
        return Math.max(0, record.serializedKeySize()) + Math.max(0, record.serializedValueSize());
    }

    private static ConsumerRecord<byte[], byte[]> bundle(List<ConsumerRecord<byte[], byte[]>> records) {
        ConsumerRecord<byte[], byte[]> first = records.get(0);
        int keys = 0;
        int values = 0;
        long latest = 0;
        for (ConsumerRecord<byte[], byte[]> record : records) {
            keys += Math.max(0, record.serializedKeySize());
            values += Math.max(0, record.serializedValueSize());
            latest = Math.max(latest, record.timestamp());
        }
        return new ConsumerRecord<>(
                first.topic(),
                first.partition(),
                first.offset(),
                // from this, Kafka Streams knows the time of a record that has none
                latest,
                TimestampType.CREATE_TIME,
                keys,
                values,
                first.key(),
                first.value(),
                new RecordHeaders(new Header[] {new RecordBundle(records)}),
                first.leaderEpoch(),
                Optional.empty());
    }

    @Override
    public String key() {
        return KEY;
    }

    @Override
    public byte[] value() {
        return NOTHING;
    }
}
