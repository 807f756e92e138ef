package io.thalweg.clients;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;

/**
 * A queue between a stream thread and its producer. A thread of its own passes the records to the producer, in order.
 * Serialization, compression and batching then run while the stream thread already learns from the next examples.
 *
 * <p>Records go over in bundles, because waking a thread costs more than sending a record. Call {@link #handOn} before
 * waiting for something else, and {@link #drain} to make sure that the producer has all records.
 *
 * <p>If the producer throws, no further record is sent until {@link #drop} is called. The stream thread gets the
 * exception with its next record, or when it drains.
 *
 * <p>All methods are for the stream thread.
 */
final class Outbox {
    /** The largest number of records in a bundle. */
    private static final int RECORDS = 128;
    /** The size in bytes at which a bundle is passed on. It can be larger by one record. */
    private static final int BYTES = 1 << 18;
    /** The largest number of bundles on their way. Beyond it, the stream thread waits. */
    private static final int BUNDLES = 16;

    private final RecordSink producer;
    private final ExecutorService sender;
    private final Semaphore room = new Semaphore(BUNDLES);
    private volatile boolean dropping;
    /** What the producer threw: a RuntimeException or an Error. */
    private volatile Throwable failure;

    private List<PendingRecord> bundle = new ArrayList<>(RECORDS);
    private int bytes;

    /** The producer, as the queue sees it. */
    @FunctionalInterface
    interface RecordSink {
        void send(ProducerRecord<byte[], byte[]> record, Callback callback);
    }

    /** A record with its callback; also the future that the stream thread gets. */
    private static final class PendingRecord extends CompletableFuture<RecordMetadata> implements Callback {
        private final ProducerRecord<byte[], byte[]> record;
        private final Callback callback;

        PendingRecord(ProducerRecord<byte[], byte[]> record, Callback callback) {
            this.record = record;
            this.callback = callback;
        }

        @Override
        public void onCompletion(RecordMetadata metadata, Exception exception) {
            if (callback != null) {
                callback.onCompletion(metadata, exception);
            }
            if (exception == null) {
                complete(metadata);
            } else {
                completeExceptionally(exception);
            }
        }
    }

    /**
     * Creates an outbox.
     *
     * @param name the name of its thread
     */
    Outbox(String name, RecordSink producer) {
        this.producer = producer;
        sender = Executors.newSingleThreadExecutor(task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Adds a record.
     *
     * @param callback called when the record was sent or has failed; null for none
     * @throws RuntimeException or Error: what the producer threw for an earlier record
     */
    Future<RecordMetadata> add(ProducerRecord<byte[], byte[]> record, Callback callback) {
        checkFailure();
        PendingRecord letter = new PendingRecord(record, callback);
        bundle.add(letter);
        bytes += length(record.key()) + length(record.value());
        if (bundle.size() == RECORDS || bytes >= BYTES) {
            handOn();
        }
        return letter;
    }

    private static int length(byte[] content) {
        return content == null ? 0 : content.length;
    }

    /** Passes on all records that were added. */
    void handOn() {
        if (bundle.isEmpty()) {
            return;
        }
        List<PendingRecord> handed = bundle;
        bundle = new ArrayList<>(RECORDS);
        bytes = 0;
        room.acquireUninterruptibly();
        boolean underWay = false;
        try {
            sender.execute(() -> send(handed));
            underWay = true;
        } finally {
            if (!underWay) {
                room.release();
            }
        }
    }

    private void send(List<PendingRecord> letters) {
        try {
            for (PendingRecord letter : letters) {
                send(letter);
            }
        } catch (Throwable e) {
            // an Error too: a commit after it would leave out the records that were not sent
            failure = e;
        } finally {
            room.release();
        }
    }

    private void send(PendingRecord letter) {
        if (dropping || failure != null) {
            letter.cancel(false);
            return;
        }
        try {
            producer.send(letter.record, letter);
        } catch (RuntimeException e) {
            failure = e;
            if (!letter.isDone()) {
                letter.onCompletion(null, e);
            }
        }
    }

    private void checkFailure() {
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
    }

    /**
     * Waits until the producer has taken all records.
     *
     * @throws RuntimeException or Error: what it threw for one of them
     */
    void drain() {
        handOn();
        awaitEmpty();
        checkFailure();
    }

    private void awaitEmpty() {
        room.acquireUninterruptibly(BUNDLES);
        room.release(BUNDLES);
    }

    /** Discards the records that the producer has not taken. */
    void drop() {
        dropping = true;
        dropBundle();
        awaitEmpty();
        dropping = false;
        failure = null;
    }

    private void dropBundle() {
        bundle.forEach(letter -> letter.cancel(false));
        bundle.clear();
        bytes = 0;
    }

    /**
     * Ends the thread, even if the producer is waiting for brokers. Records that the producer has not taken are not
     * sent.
     */
    void close() {
        dropping = true;
        dropBundle();
        sender.shutdownNow().forEach(Runnable::run);
    }
}
