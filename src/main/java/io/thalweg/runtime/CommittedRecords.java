package io.thalweg.runtime;

import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.InvalidOffsetException;
import org.apache.kafka.common.TopicPartition;

/** An iterator over the committed records in a range of a partition, which are fetched as they are needed. */
public final class CommittedRecords implements Iterator<ConsumerRecord<byte[], byte[]>> {
    /**
     * How long to wait for a partition that returns nothing before its end. A transaction that was left open ends
     * within its own timeout.
     */
    public static final Duration PATIENCE = Duration.ofMinutes(2);

    private static final Duration POLL = Duration.ofMillis(200);

    private final Consumer<byte[], byte[]> consumer;
    private final TopicPartition partition;
    private final long to;
    private Iterator<ConsumerRecord<byte[], byte[]>> batch =
            List.<ConsumerRecord<byte[], byte[]>>of().iterator();
    private ConsumerRecord<byte[], byte[]> next;
    private long position;

    /**
     * @param consumer a consumer without a group, with isolation.level = read_committed and auto.offset.reset = none,
     *     which nothing else may use in the meantime
     * @param from the first offset, which must exist
     * @param to the offset to stop at; there need not be a record at it
     */
    public CommittedRecords(Consumer<byte[], byte[]> consumer, TopicPartition partition, long from, long to) {
        this.consumer = consumer;
        this.partition = partition;
        this.to = to;
        position = from;
        consumer.assign(List.of(partition));
        consumer.seek(partition, from);
    }

    /** @throws StopException if records were deleted in the meantime, or none arrive */
    @Override
    public boolean hasNext() {
        if (next == null) {
            if (!batch.hasNext() && position < to) {
                fetch();
            }
            if (batch.hasNext()) {
                next = batch.next();
            }
        }
        return next != null && next.offset() < to;
    }

    /** Waits for records, or until the position reaches the end, where there may be no record. */
    private void fetch() {
        long since = System.nanoTime();
        while (!batch.hasNext() && position < to) {
            long before = position;
            try {
                batch = consumer.poll(POLL).records(partition).iterator();
                position = consumer.position(partition);
            } catch (InvalidOffsetException e) {
                throw new StopException(
                        ExitCode.NOT_READY,
                        ("retention deleted records of %s at offset %d while they were being read; keep records "
                                        + "forever (retention.ms = -1)")
                                .formatted(partition, position));
            }
            if (position > before) {
                since = System.nanoTime();
            } else if (System.nanoTime() - since > PATIENCE.toNanos()) {
                throw new StopException(
                        ExitCode.NOT_READY,
                        ("%s returns no records from offset %d on, although it ends at %d: a transaction may have "
                                        + "been left open (it ends after its transaction.timeout.ms), or the broker "
                                        + "does not answer; try again later")
                                .formatted(partition, position, to));
            }
        }
    }

    @Override
    public ConsumerRecord<byte[], byte[]> next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        ConsumerRecord<byte[], byte[]> record = next;
        next = null;
        return record;
    }
}
