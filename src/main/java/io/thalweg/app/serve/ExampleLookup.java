package io.thalweg.app.serve;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.KafkaSettings;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/** The examples topic, from which single events are read by partition and offset. Safe for use by several threads. */
final class ExampleLookup {
    private static final Duration POLL = Duration.ofMillis(100);

    private final ThalwegConfig config;
    private final Duration patience;

    ExampleLookup(ThalwegConfig config) {
        this.config = config;
        patience = Duration.ofMillis(config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS) / 4);
    }

    /**
     * Reads the value of an event.
     *
     * @throws HttpRefusal if there is no such event, or the brokers do not answer
     */
    byte[] value(int partition, long offset) {
        TopicPartition topic = new TopicPartition(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partition);
        Map<String, Object> settings = new KafkaSettings(config).reader();
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 1);
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            List<TopicPartition> only = List.of(topic);
            if (!consumer.partitionsFor(topic.topic(), patience).stream().anyMatch(p -> p.partition() == partition)
                    || offset < consumer.beginningOffsets(only, patience).get(topic)
                    || offset >= consumer.endOffsets(only, patience).get(topic)) {
                throw missing(topic, offset);
            }
            consumer.assign(only);
            consumer.seek(topic, offset);
            long since = System.nanoTime();
            while (System.nanoTime() - since < patience.toNanos()) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    if (record.offset() != offset || record.value() == null) {
                        throw missing(topic, offset);
                    }
                    return record.value();
                }
            }
            throw HttpRefusal.unavailable("the brokers do not return the event", 1);
        } catch (KafkaException e) {
            throw HttpRefusal.unavailable("the brokers do not answer", 1);
        }
    }

    private static HttpRefusal missing(TopicPartition topic, long offset) {
        return new HttpRefusal(
                404, "there is no event at offset %d of partition %d".formatted(offset, topic.partition()));
    }
}
