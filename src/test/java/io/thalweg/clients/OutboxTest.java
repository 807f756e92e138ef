package io.thalweg.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.thalweg.testing.Seeded;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Seeded
@Timeout(60)
class OutboxTest {
    /** More than may be on their way at once. */
    private static final int MANY = 10_000;

    private final List<Integer> taken = Collections.synchronizedList(new ArrayList<>());
    private final CountDownLatch answer = new CountDownLatch(1);
    private Outbox outbox;

    @AfterEach
    void close() {
        outbox.close();
    }

    private void take(ProducerRecord<byte[], byte[]> record, Callback callback) {
        taken.add(record.partition());
        callback.onCompletion(null, null);
    }

    /** A producer whose buffer is full. */
    private void waitForTheBroker(ProducerRecord<byte[], byte[]> record, Callback callback) {
        try {
            answer.await();
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
        take(record, callback);
    }

    private Future<?> add(int number, int length) {
        return outbox.add(new ProducerRecord<>("topic", number, null, new byte[length]), null);
    }

    private Future<?> add(int number) {
        return add(number, 1);
    }

    private static List<Integer> to(int end) {
        return IntStream.range(0, end).boxed().toList();
    }

    @Test
    void theProducerHasAllRecordsInTheirOrderOnceItIsDrained(Random random) {
        outbox = new Outbox("outbox", this::take);
        List<Future<?>> sent = new ArrayList<>();

        for (int i = 0; i < MANY; i++) {
            sent.add(add(i, random.nextInt(10) == 0 ? random.nextInt(300_000) : random.nextInt(100)));
            switch (random.nextInt(200)) {
                case 0 -> {
                    outbox.drain();
                    assertThat(taken).hasSize(i + 1);
                }
                case 1 -> outbox.handOn();
                default -> {}
            }
        }
        outbox.drain();

        assertThat(taken).isEqualTo(to(MANY));
        assertThat(sent).allMatch(Future::isDone);
    }

    @Test
    void whatIsHandedOnNeedsNoMoreRecordsToArrive() {
        outbox = new Outbox("outbox", this::take);

        add(0);
        assertThat(taken).isEmpty();
        outbox.handOn();

        await().until(() -> taken.equals(to(1)));
    }

    @Test
    void theStreamThreadWaitsForAProducerThatTakesNothing() throws Exception {
        outbox = new Outbox("outbox", this::waitForTheBroker);
        List<Integer> added = Collections.synchronizedList(new ArrayList<>());
        CompletableFuture<Void> end = new CompletableFuture<>();
        Thread stream = new Thread(() -> {
            for (int i = 0; i < MANY; i++) {
                add(i);
                added.add(i);
            }
            outbox.drain();
            end.complete(null);
        });
        stream.setDaemon(true);
        stream.start();

        await().until(() -> stream.getState() == Thread.State.WAITING);
        assertThat(added).hasSizeLessThan(MANY / 2);

        answer.countDown();
        end.get();
        assertThat(taken).isEqualTo(to(MANY));
    }

    @Test
    void afterAFailureNothingIsSentUntilAllIsDropped() {
        KafkaException fenced = new KafkaException("fenced");
        outbox = new Outbox("outbox", (record, callback) -> {
            if (record.partition() == 2) {
                throw fenced;
            }
            take(record, callback);
        });

        List<Future<?>> sent =
                IntStream.range(0, 4).<Future<?>>mapToObj(this::add).toList();
        assertThatThrownBy(() -> outbox.drain()).isSameAs(fenced);
        assertThatThrownBy(() -> add(4)).isSameAs(fenced);
        assertThat(taken).isEqualTo(to(2));
        assertThatThrownBy(() -> sent.get(2).get()).hasCause(fenced);
        assertThat(sent.get(3).isCancelled()).isTrue();

        outbox.drop();
        add(5);
        outbox.drain();
        assertThat(taken).containsExactly(0, 1, 5);
    }

    @Test
    void anErrorIsAFailureToo() {
        NoSuchMethodError error = new NoSuchMethodError("compress");
        outbox = new Outbox("outbox", (record, callback) -> {
            if (record.partition() == 1) {
                throw error;
            }
            take(record, callback);
        });

        IntStream.range(0, MANY / 10).forEach(i -> {
            try {
                add(i);
            } catch (NoSuchMethodError e) {
                assertThat(e).isSameAs(error);
            }
        });

        assertThatThrownBy(() -> outbox.drain()).isSameAs(error);
        assertThat(taken).containsExactly(0);
    }

    @Test
    void whatTheProducerHasAgainstARecordGoesToItsCallback() {
        KafkaException tooLarge = new KafkaException("too large");
        List<Exception> told = new ArrayList<>();
        outbox = new Outbox("outbox", (record, callback) -> callback.onCompletion(null, tooLarge));

        Future<?> sent =
                outbox.add(new ProducerRecord<>("topic", null, null), (metadata, exception) -> told.add(exception));
        outbox.drain();

        assertThat(told).containsExactly(tooLarge);
        assertThatThrownBy(sent::get).hasCause(tooLarge);
    }

    @Test
    void whatIsDroppedIsNotSent() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        outbox = new Outbox("outbox", (record, callback) -> {
            asked.countDown();
            waitForTheBroker(record, callback);
        });
        Future<?> underWay = add(0);
        outbox.handOn();
        // a record that has not reached the producer is dropped too
        asked.await();
        Future<?> behindIt = add(1);
        outbox.handOn();
        Future<?> here = add(2);

        Thread stream = new Thread(outbox::drop);
        stream.start();
        await().until(() -> stream.getState() == Thread.State.WAITING);
        answer.countDown();
        stream.join();

        assertThat(taken).containsExactly(0);
        assertThat(underWay.isCancelled()).isFalse();
        assertThat(behindIt.isCancelled()).isTrue();
        assertThat(here.isCancelled()).isTrue();
    }

    @Test
    void closingDoesNotWaitForTheBroker() {
        outbox = new Outbox("outbox of closing", this::waitForTheBroker);
        Future<?> underWay = add(0);
        // as many bundles as may be on their way, and one that is here
        List<Future<?>> behindIt = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            outbox.handOn();
            behindIt.add(add(1));
        }

        outbox.close();

        assertThat(behindIt).allMatch(Future::isCancelled);
        await().until(underWay::isDone);
        await().until(() -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().equals("outbox of closing")));
        assertThat(taken).isEmpty();
    }
}
