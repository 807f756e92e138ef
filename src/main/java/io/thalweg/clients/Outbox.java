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
 * Records on their way from a stream thread to its producer, which takes them in on a thread of its own, in the order
 * in which they came. Until a record is in a batch, compressed, a producer has done a fifth of all the work that there
 * is about a small example; a stream thread can learn meanwhile.
 *
 * <p>They go over in bundles, because to wake a thread costs more than to send a record. Whoever goes on to wait for
 * something calls {@link #handOn} before, and whoever must know that the producer has all of them calls {@link #drain}.
 *
 * <p>When the producer throws something, no record is sent after that one, until all is dropped: the stream thread gets
 * it when it comes with the next record or drains.
 *
 * <p>All methods are for the stream thread.
 */
final class Outbox {
    /** Records in a bundle at most. */
    private static final int RECORDS = 128;
    /** With so many bytes a bundle is handed on, and so at most one record longer than this. */
    private static final int BYTES = 1 << 18;
    /** Bundles on their way at most; the stream thread waits before it hands on another. */
    private static final int BUNDLES = 16;

    private final RecordSink producer;
    private final ExecutorService sender;
    private final Semaphore room = new Semaphore(BUNDLES);
    private volatile boolean dropping;
    /** What the producer threw; a RuntimeException or an Error. */
    private volatile Throwable failure;

    private List<PendingRecord> bundle = new ArrayList<>(RECORDS);
    private int bytes;

    /** Takes records in. */
    @FunctionalInterface
    interface RecordSink {
        void send(ProducerRecord<byte[], byte[]> record, Callback callback);
    }

    /** A record, and whom to tell what has become of it. */
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

    /** @param name of its thread */
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
     * @param callback told what has become of it; null if nobody wants to know
     * @throws RuntimeException or Error: what the producer threw at one before it
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

    /** Hands on all that is here. */
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
            // also an error: a commit after it would be one without the records that have not been sent
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
     * Returns when the producer has taken in all records.
     *
     * @throws RuntimeException or Error: what it threw at one of them
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

    /** Throws away what the producer has not taken in. */
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
     * Ends its thread, also where the producer waits for the brokers. What it has not taken in is not sent any more.
     */
    void close() {
        dropping = true;
        dropBundle();
        sender.shutdownNow().forEach(Runnable::run);
    }
}
