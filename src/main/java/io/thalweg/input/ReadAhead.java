package io.thalweg.input;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader.InputKind;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Reads examples before it is their turn, on threads of its own. Decoding, mapping and hashing need no weights, so the
 * thread that owns the models has less to do.
 *
 * <p>It is told what was polled ({@link #polled}). The thread that learns then asks for each record, in order
 * ({@link PartitionAhead#take}), and reads a record itself if that has not been done yet. Nobody waits for anybody.
 * Whether a record was read ahead makes no difference to the result: what cannot be read is left to the thread that
 * learns, as are labels and deletions, and schemas that it has not asked the registry for.
 *
 * <p>Safe for use by several threads.
 */
public final class ReadAhead implements AutoCloseable {
    /** Smaller polls are not worth waking a thread for. */
    private static final int LEAST_POLL = 64;

    private final ThalwegConfig config;
    private final Map<TopicPartition, PartitionAhead> partitions = new ConcurrentHashMap<>();
    private final List<ReadingThread> threads = new ArrayList<>();
    private volatile boolean closed;

    /**
     * Starts threads that read ahead, as many as there are stream threads.
     *
     * @param keyless the model of records without a key; empty if these are rejected
     */
    public ReadAhead(ThalwegConfig config, SchemaSource schemas, String keyless) {
        this.config = config;
        for (int i = 0; i < config.getInt(ThalwegConfig.THREADS); i++) {
            ReadingThread thread = new ReadingThread(
                    "read-ahead | %s | %d".formatted(config.getString(ThalwegConfig.APPLICATION_ID), i + 1),
                    new RecordReader(schemas.withoutAsking(), config, keyless));
            threads.add(thread);
            thread.start();
        }
    }

    /** Takes note of records. Those of partitions that nobody has asked for are passed over. */
    public void polled(ConsumerRecords<byte[], byte[]> records) {
        for (TopicPartition partition : records.partitions()) {
            List<ConsumerRecord<byte[], byte[]>> polled = records.records(partition);
            PartitionAhead ahead = polled.size() < LEAST_POLL ? null : partitions.get(partition);
            if (ahead != null) {
                ahead.add(polled);
            }
        }
    }

    /** Ends reading ahead of a partition, until it is asked for again. */
    public void forget(TopicPartition partition) {
        PartitionAhead ahead = partitions.remove(partition);
        if (ahead != null) {
            ahead.thread.partitions.remove(ahead);
        }
    }

    /** Returns what is read ahead of a partition, from the next poll on. */
    public PartitionAhead of(TopicPartition partition) {
        return partitions.computeIfAbsent(partition, this::create);
    }

    private PartitionAhead create(TopicPartition partition) {
        ReadingThread thread = threads.get(Math.floorMod(partition.hashCode(), threads.size()));
        PartitionAhead ahead = new PartitionAhead(config.isSentOn(partition.topic()), thread);
        thread.partitions.add(ahead);
        return ahead;
    }

    /** Returns whether all that was polled has been read, or does not fit yet. */
    boolean isIdle() {
        return threads.stream().allMatch(thread -> thread.idle);
    }

    @Override
    public void close() {
        closed = true;
        threads.forEach(LockSupport::unpark);
    }

    /** An example that was read ahead. */
    public static final class ExampleAhead {
        private final Example example = new Example();
        private String modelId = "";
        // the record that it was read from
        private long offset;
        private byte @Nullable [] value;

        /** Returns the example. */
        public Example example() {
            return example;
        }

        /** Returns the id of its model. */
        public String modelId() {
            return modelId;
        }

        private boolean isOf(InputRecord record) {
            // not only the offset, which the topic may have had before it was deleted and created again
            return offset == record.offset() && value == record.value();
        }
    }

    /**
     * What is read ahead of a partition: a ring of examples that one thread fills and another empties.
     *
     * <p>After a rebalance or a crash, a partition may be polled again from an earlier offset. Then what is in the ring
     * is not what is asked for, and it is dropped.
     */
    public static final class PartitionAhead {
        /** How many examples are read ahead at most. A power of two. */
        private static final int DEPTH = 512;
        /** How many examples are given back to the thread that reads at a time. */
        private static final int GIVEN_BACK = DEPTH / 2;
        /** The first records are read in turn: whoever learns has a look at them, and asks the registry for schemas. */
        static final int IN_TURN = 2000;
        /** How far the thread that reads jumps ahead if it is behind, in offsets. */
        private static final int JUMP = 16;

        private final boolean isSentOn;
        private final ReadingThread thread;
        private final Queue<List<ConsumerRecord<byte[], byte[]>>> polled = new ConcurrentLinkedQueue<>();
        private final ExampleAhead[] ring = new ExampleAhead[DEPTH];

        /** How many examples have been read. Written by the thread that reads. */
        private volatile long read;
        /** The first example that must not be read yet, because its place is in use. Written by the one that learns. */
        private volatile long end = DEPTH;
        /** The offset of the last record that was not read ahead. Written by the thread that learns. */
        private volatile long missed = -1 - JUMP;

        /** What the thread that reads comes to next. */
        private Iterator<ConsumerRecord<byte[], byte[]>> next = Collections.emptyIterator();

        // of the thread that learns
        /** How many examples it has taken or dropped. */
        private long taken;
        /** How many examples had been read when it last looked. */
        private long seen;
        /** The offset that it has asked for last. */
        private long asked = -1;
        /** How many records it has yet to read in turn. */
        private int inTurn = IN_TURN;

        private PartitionAhead(boolean isSentOn, ReadingThread thread) {
            this.isSentOn = isSentOn;
            this.thread = thread;
        }

        private void add(List<ConsumerRecord<byte[], byte[]>> records) {
            if (inTurn == 0) {
                polled.add(records);
                thread.wake();
            }
        }

        /**
         * Returns the example in a record. Called by the thread that learns, for each record in order.
         *
         * @return valid until the next call; null if it has not been read ahead
         */
        public @Nullable ExampleAhead take(InputRecord record) {
            if (record.offset() <= asked) {
                drop();
            }
            asked = record.offset();
            while (hasMore()) {
                ExampleAhead first = ring[place(taken)];
                if (first.offset > record.offset()) {
                    break;
                }
                moveTo(taken + 1);
                if (first.isOf(record)) {
                    return first;
                }
            }
            missed = record.offset();
            if (inTurn > 0) {
                inTurn--;
            }
            return null;
        }

        private boolean hasMore() {
            if (taken == seen) {
                seen = read;
            }
            return taken < seen;
        }

        private void drop() {
            seen = read;
            moveTo(seen);
        }

        private void moveTo(long example) {
            taken = example;
            // the last one that was taken may still be in use
            long unused = taken - 1 + DEPTH;
            if (unused - end >= GIVEN_BACK) {
                end = unused;
                thread.wake();
            }
        }

        /**
         * Reads until nothing is left to read, or the ring is full. Called by the thread that reads.
         *
         * @return whether it has read anything
         */
        private boolean read(RecordReader reader) {
            boolean hasRead = false;
            while (read < end) {
                ConsumerRecord<byte[], byte[]> record = next();
                if (record == null) {
                    break;
                }
                hasRead = true;
                int place = place(read);
                if (ring[place] == null) {
                    ring[place] = new ExampleAhead();
                }
                if (fill(ring[place], record, reader)) {
                    read++;
                }
            }
            return hasRead;
        }

        /** The next record that is worth reading: the thread that learns may be past it by the time it is read. */
        private @Nullable ConsumerRecord<byte[], byte[]> next() {
            while (true) {
                while (!next.hasNext()) {
                    List<ConsumerRecord<byte[], byte[]>> more = polled.poll();
                    if (more == null) {
                        return null;
                    }
                    next = more.iterator();
                }
                ConsumerRecord<byte[], byte[]> record = next.next();
                if (record.offset() > missed + JUMP) {
                    return record;
                }
            }
        }

        private boolean fill(ExampleAhead ahead, ConsumerRecord<byte[], byte[]> record, RecordReader reader) {
            if (record.value() == null) {
                return false;
            }
            try {
                InputRecord input = isSentOn ? InputRecord.sentOn(record) : InputRecord.produced(record);
                if (reader.read(input, ahead.example) != InputKind.EXAMPLE) {
                    return false;
                }
                ahead.modelId = reader.modelId();
                ahead.offset = record.offset();
                ahead.value = record.value();
                return true;
            } catch (Rejection | RuntimeException e) {
                // the thread that learns will read it, and come to the same
                return false;
            }
        }

        private static int place(long example) {
            return (int) (example & DEPTH - 1);
        }
    }

    private final class ReadingThread extends Thread {
        private final RecordReader reader;
        private final Queue<PartitionAhead> partitions = new ConcurrentLinkedQueue<>();
        private volatile boolean idle;

        ReadingThread(String name, RecordReader reader) {
            super(name);
            this.reader = reader;
            setDaemon(true);
        }

        void wake() {
            if (idle) {
                idle = false;
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            while (!closed) {
                if (readSome()) {
                    continue;
                }
                idle = true;
                // again, because something may have come before it could be woken
                if (!readSome() && !closed) {
                    LockSupport.park(ReadAhead.this);
                }
                idle = false;
            }
        }

        private boolean readSome() {
            boolean hasRead = false;
            for (PartitionAhead partition : partitions) {
                hasRead |= partition.read(reader);
            }
            return hasRead;
        }
    }
}
