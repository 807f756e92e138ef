package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.ValueLook;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Some records of a topic, the first and the last of each partition, to find out what the topic holds. */
final class TopicSample {
    private static final Logger LOG = LoggerFactory.getLogger(TopicSample.class);

    /** How many records with a value to look at, from the beginning and from the end of each partition. */
    private static final int RECORDS = 10;

    /**
     * How far to look for them in a partition: how many records from the beginning, and how many offsets from the end.
     * Compaction leaves gaps at the beginning, and tombstones, markers and records of aborted transactions can be
     * anywhere.
     */
    private static final int FARTHEST = 10_000;

    private static final Duration POLL = Duration.ofMillis(100);

    private final String topic;
    private final List<ConsumerRecord<byte[], byte[]>> records;

    /** @param records in the order of their timestamps, all with a value */
    TopicSample(String topic, List<ConsumerRecord<byte[], byte[]>> records) {
        this.topic = topic;
        this.records = records;
    }

    /** A stretch of a partition, with the first or the last records in it that have a value. */
    private static final class Stretch {
        private final TopicPartition partition;
        private final long from;
        private final long until;
        private final boolean isStart;
        private final Deque<ConsumerRecord<byte[], byte[]>> kept = new ArrayDeque<>();
        private int read;
        /** Where reading ended. */
        private long position;

        Stretch(TopicPartition partition, long from, long until, boolean isStart) {
            this.partition = partition;
            this.from = from;
            this.until = until;
            this.isStart = isStart;
        }

        void take(ConsumerRecord<byte[], byte[]> record) {
            if (record.offset() >= until) {
                return;
            }
            read++;
            if (record.value() == null || isStart && kept.size() == RECORDS) {
                return;
            }
            kept.add(record);
            if (kept.size() > RECORDS) {
                kept.remove();
            }
        }

        boolean isRead() {
            return position >= until || isStart && (kept.size() == RECORDS || read >= FARTHEST);
        }

        /** The first offset behind what was looked at. */
        long next() {
            return kept.size() == RECORDS ? kept.getLast().offset() + 1 : Math.min(position, until);
        }
    }

    /** Reads the records that have a value, in the order of their timestamps. */
    static TopicSample of(ThalwegConfig config, String topic) {
        long deadline =
                System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(config.getInt(ThalwegConfig.START_TIMEOUT_MS));
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            List<TopicPartition> all = consumer.partitionsFor(topic).stream()
                    .map(found -> new TopicPartition(topic, found.partition()))
                    .toList();
            consumer.assign(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            List<Stretch> starts = new ArrayList<>();
            consumer.beginningOffsets(all)
                    .forEach(
                            (partition, begin) -> starts.add(new Stretch(partition, begin, ends.get(partition), true)));
            read(consumer, starts, deadline);
            starts.forEach(start -> records.addAll(start.kept));

            Map<TopicPartition, Long> nexts = new HashMap<>();
            starts.forEach(start -> nexts.put(start.partition, start.next()));
            Map<TopicPartition, Long> untils = new HashMap<>(ends);
            for (long back = RECORDS; back <= FARTHEST && !untils.isEmpty(); back *= 10) {
                List<Stretch> stretches = new ArrayList<>();
                for (Map.Entry<TopicPartition, Long> until : untils.entrySet()) {
                    TopicPartition partition = until.getKey();
                    long from = Math.max(nexts.get(partition), ends.get(partition) - back);
                    if (from < until.getValue()) {
                        stretches.add(new Stretch(partition, from, until.getValue(), false));
                    }
                }
                read(consumer, stretches, deadline);
                untils.clear();
                for (Stretch stretch : stretches) {
                    records.addAll(stretch.kept);
                    if (stretch.kept.isEmpty()) {
                        untils.put(stretch.partition, stretch.from);
                    }
                }
            }
        }
        records.sort(Comparator.comparingLong(ConsumerRecord::timestamp));
        return new TopicSample(topic, records);
    }

    /** Reads stretches of different partitions. */
    private static void read(Consumer<byte[], byte[]> consumer, List<Stretch> stretches, long deadline) {
        Map<TopicPartition, Stretch> open = new HashMap<>();
        consumer.pause(consumer.assignment());
        for (Stretch stretch : stretches) {
            open.put(stretch.partition, stretch);
            consumer.seek(stretch.partition, stretch.from);
            consumer.resume(List.of(stretch.partition));
        }
        while (true) {
            for (Stretch stretch : List.copyOf(open.values())) {
                stretch.position = consumer.position(stretch.partition);
                if (stretch.isRead()) {
                    open.remove(stretch.partition);
                    consumer.pause(List.of(stretch.partition));
                }
            }
            if (open.isEmpty() || System.nanoTime() - deadline >= 0) {
                return;
            }
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                open.get(new TopicPartition(record.topic(), record.partition())).take(record);
            }
        }
    }

    List<ConsumerRecord<byte[], byte[]>> records() {
        return records;
    }

    /** The values that look as if they had a format. */
    List<byte[]> values(ValueFormat format) {
        return records.stream()
                .filter(record -> ValueLook.of(record.value(), record.headers()).canBe(format))
                .map(ConsumerRecord::value)
                .toList();
    }

    /**
     * Compares what the records look like with the format that the settings say, and logs what the topic holds.
     *
     * @param setting the setting of the format
     * @param schemas tells which format the values in a registry's frame have
     * @param committed gives the offsets that the learner has committed; it is asked only if the format does not fit
     * @throws StopException if none of them has the format, all have another one, and not all have been read, in one
     *     line
     */
    void check(
            String setting, ValueFormat format, SchemaSource schemas, Supplier<Map<TopicPartition, Long>> committed) {
        Map<ValueLook, Integer> looks = new EnumMap<>(ValueLook.class);
        records.forEach(
                record -> looks.merge(ValueLook.of(record.value(), record.headers(), schemas), 1, Integer::sum));
        if (looks.isEmpty()) {
            LOG.info(
                    "no record with a value was found in topic {}, so it could not be checked whether {}={} is right",
                    topic,
                    setting,
                    format);
            return;
        }
        List<String> words = looks.entrySet().stream()
                .map(look -> look.getKey().words() + (looks.size() == 1 ? "" : " (" + look.getValue() + ")"))
                .toList();
        String holds = "topic %s holds %s, in the %d records looked at"
                .formatted(topic, String.join(", ", words), records.size());
        boolean fits = looks.keySet().stream().anyMatch(look -> look.canBe(format));
        List<ValueFormat> others = Arrays.stream(ValueFormat.values())
                .filter(other -> looks.keySet().stream().allMatch(look -> look.canBe(other)))
                .toList();
        if (!fits && !others.isEmpty()) {
            if (areRead(committed.get())) {
                LOG.warn(
                        "{}, and {} is {}; they have all been read, so this is right only if the next records are {}",
                        holds,
                        setting,
                        format,
                        format);
                return;
            }
            String fitting = others.stream().map(ValueFormat::toString).collect(Collectors.joining(" or "));
            // which of them it is, the registry of the producers would tell
            String registry = others.size() == 1
                    ? ""
                    : ", and " + ThalwegConfig.REGISTRY_URL + " to the registry of the producers";
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s, but %s is %s; set %s=%s%s".formatted(holds, setting, format, setting, fitting, registry));
        }
        if (fits && looks.size() == 1) {
            LOG.info("{}", holds);
        } else {
            LOG.warn("{}; {} is {}, so what is not becomes dead letters", holds, setting, format);
        }
    }

    private boolean areRead(Map<TopicPartition, Long> committed) {
        return records.stream()
                .allMatch(record -> record.offset()
                        < committed.getOrDefault(new TopicPartition(record.topic(), record.partition()), 0L));
    }
}
