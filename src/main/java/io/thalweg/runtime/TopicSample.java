package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.ValueLook;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Some records of a topic, the first and the last of each partition, to find out what the topic holds. */
final class TopicSample {
    private static final Logger LOG = LoggerFactory.getLogger(TopicSample.class);

    /** How many offsets to look at from the beginning and from the end; the last may be transaction markers. */
    private static final int OFFSETS = 10;

    private final String topic;
    private final List<ConsumerRecord<byte[], byte[]>> records;

    /** @param records in the order of their timestamps, all with a value */
    TopicSample(String topic, List<ConsumerRecord<byte[], byte[]>> records) {
        this.topic = topic;
        this.records = records;
    }

    /** Reads the records that have a value, in the order of their timestamps. */
    static TopicSample of(ThalwegConfig config, String topic) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            List<TopicPartition> all = consumer.partitionsFor(topic).stream()
                    .map(found -> new TopicPartition(topic, found.partition()))
                    .toList();
            consumer.assign(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            Map<TopicPartition, Long> begins = consumer.beginningOffsets(all);
            long deadline =
                    System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(config.getInt(ThalwegConfig.START_TIMEOUT_MS));
            for (boolean isStart : new boolean[] {true, false}) {
                Map<TopicPartition, Long> until = new HashMap<>();
                for (TopicPartition partition : all) {
                    long begin = begins.get(partition);
                    long end = ends.get(partition);
                    long middle = Math.min(end, begin + OFFSETS);
                    consumer.seek(partition, isStart ? begin : Math.max(middle, end - OFFSETS));
                    until.put(partition, isStart ? middle : end);
                }
                while (all.stream().anyMatch(partition -> consumer.position(partition) < until.get(partition))
                        && System.nanoTime() < deadline) {
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                        if (record.value() != null
                                && record.offset() < until.get(new TopicPartition(topic, record.partition()))) {
                            records.add(record);
                        }
                    }
                }
            }
        }
        records.sort(Comparator.comparingLong(ConsumerRecord::timestamp));
        return new TopicSample(topic, records);
    }

    List<ConsumerRecord<byte[], byte[]>> records() {
        return records;
    }

    /** The values that look as if they had a format. */
    List<byte[]> values(ValueFormat format) {
        return records.stream()
                .filter(record -> ValueLook.of(record.value(), record.headers()).format() == format)
                .map(ConsumerRecord::value)
                .toList();
    }

    /**
     * Compares what the records look like with the format that the settings say, and logs what the topic holds.
     *
     * @param setting the setting of the format
     * @param schemas tells which format the values in a registry's frame have
     * @throws StopException if none of them has the format, and all have another one, in one line
     */
    void check(String setting, ValueFormat format, SchemaSource schemas) {
        Map<ValueLook, Integer> looks = new EnumMap<>(ValueLook.class);
        records.forEach(
                record -> looks.merge(ValueLook.of(record.value(), record.headers(), schemas), 1, Integer::sum));
        if (looks.isEmpty()) {
            return;
        }
        List<String> words = looks.entrySet().stream()
                .map(look -> look.getKey().words() + (looks.size() == 1 ? "" : " (" + look.getValue() + ")"))
                .toList();
        String holds = "topic %s holds %s, in the %d records looked at"
                .formatted(topic, String.join(", ", words), records.size());
        boolean fits = looks.keySet().stream().anyMatch(look -> look.canBe(format));
        ValueFormat other = looks.keySet().iterator().next().format();
        if (!fits && other != null && looks.keySet().stream().allMatch(look -> look.format() == other)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s, but %s is %s; set %s=%s".formatted(holds, setting, format, setting, other));
        }
        if (fits && looks.size() == 1) {
            LOG.info("{}", holds);
        } else {
            LOG.warn("{}; {} is {}, so what is not becomes dead letters", holds, setting, format);
        }
    }
}
