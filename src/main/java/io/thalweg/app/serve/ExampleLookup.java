package io.thalweg.app.serve;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.KafkaSettings;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The examples topic, from which single events are read by partition and offset. Only a few requests may read at once,
 * because a thread waits for each. Safe for use by several threads.
 */
final class ExampleLookup {
    private static final Duration POLL = Duration.ofMillis(100);
    /** One less than there are threads for answers that others wait for. */
    private static final int MOST_AT_ONCE = 3;

    private final String topic;
    private final Duration patience;
    private final Supplier<Consumer<byte[], byte[]>> consumers;
    private final Semaphore turns = new Semaphore(MOST_AT_ONCE);

    ExampleLookup(ThalwegConfig config) {
        this(config, () -> {
            Map<String, Object> settings = new KafkaSettings(config).reader();
            settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 1);
            return new KafkaConsumer<>(settings);
        });
    }

    /** @param consumers creates a consumer for a request */
    ExampleLookup(ThalwegConfig config, Supplier<Consumer<byte[], byte[]>> consumers) {
        this.consumers = consumers;
        topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        patience = Duration.ofMillis(config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS) / 4);
    }

    /** Returns what a request reads with. */
    RequestEvents open() {
        return new RequestEvents();
    }

    /** The events that one request reads, with one consumer, which is created for the first. For one thread. */
    final class RequestEvents implements AutoCloseable {
        /** Null before the first event. */
        private @Nullable Consumer<byte[], byte[]> consumer;

        private long deadline;

        /**
         * Reads an event. Its value is not null.
         *
         * @throws HttpRefusal if there is no such event, if the brokers do not answer, or if too many other requests
         *     are reading
         */
        ConsumerRecord<byte[], byte[]> read(int partition, long offset) {
            try {
                return read(opened(), new TopicPartition(topic, partition), offset);
            } catch (KafkaException e) {
                throw HttpRefusal.unavailable("the brokers do not answer", 1);
            }
        }

        private Consumer<byte[], byte[]> opened() {
            if (consumer == null) {
                if (!turns.tryAcquire()) {
                    throw HttpRefusal.unavailable("too many other requests are reading a \"record\"", 1);
                }
                deadline = System.nanoTime() + patience.toNanos();
                try {
                    consumer = consumers.get();
                } finally {
                    if (consumer == null) {
                        turns.release();
                    }
                }
            }
            return consumer;
        }

        private ConsumerRecord<byte[], byte[]> read(Consumer<byte[], byte[]> open, TopicPartition from, long offset) {
            List<TopicPartition> only = List.of(from);
            if (open.partitionsFor(topic, timeLeft()).stream().noneMatch(p -> p.partition() == from.partition())
                    || offset < open.beginningOffsets(only, timeLeft()).get(from)
                    || offset >= open.endOffsets(only, timeLeft()).get(from)) {
                throw missing(from, offset);
            }
            open.assign(only);
            open.seek(from, offset);
            while (!timeLeft().isZero()) {
                for (ConsumerRecord<byte[], byte[]> record : open.poll(POLL)) {
                    if (record.offset() != offset || record.value() == null) {
                        throw missing(from, offset);
                    }
                    return record;
                }
            }
            throw HttpRefusal.unavailable("the brokers do not return the event", 1);
        }

        private Duration timeLeft() {
            return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
        }

        @Override
        public void close() {
            if (consumer != null) {
                try {
                    // brokers that do not answer must not keep the thread
                    consumer.close(CloseOptions.timeout(POLL));
                } finally {
                    consumer = null;
                    turns.release();
                }
            }
        }
    }

    private static HttpRefusal missing(TopicPartition topic, long offset) {
        return new HttpRefusal(
                404, "there is no event at offset %d of partition %d".formatted(offset, topic.partition()));
    }
}
