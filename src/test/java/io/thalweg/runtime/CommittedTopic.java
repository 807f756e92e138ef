package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** What is committed on a topic of a real broker, and its values in Confluent's wire format. */
public final class CommittedTopic {
    private static final int HEADER = 5;

    private CommittedTopic() {}

    /** Returns all committed records of a topic, those of each partition in their order. */
    public static List<ConsumerRecord<byte[], byte[]>> read(ThalwegConfig config, String topic) {
        List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                    .map(found -> new TopicPartition(found.topic(), found.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                consumer.poll(Duration.ofMillis(50)).forEach(all::add);
            }
        }
        return all;
    }

    static <T> T decode(Schema schema, byte[] value) {
        try {
            return new SpecificDatumReader<T>(schema)
                    .read(null, DecoderFactory.get().binaryDecoder(value, HEADER, value.length - HEADER, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
