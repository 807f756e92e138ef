package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.IsoTime;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;

/**
 * A range of the committed records of the examples topic, or of the topic of labels, fixed when it is opened. It joins
 * no group and commits nothing.
 */
public final class ExampleRange implements AutoCloseable {
    private final Map<String, Object> settings;
    private final List<Consumer<byte[], byte[]>> consumers = new ArrayList<>();
    private final int partitions;
    private final List<Span> spans;

    /**
     * The part of a range that is in one partition.
     *
     * @param from the first offset
     * @param to the offset to stop at, at least {@code from}
     */
    public record Span(TopicPartition partition, long from, long to) {
        /** The number of offsets; some of them may hold no record. */
        public long size() {
            return to - from;
        }
    }

    /**
     * A position in each partition: an offset or a time.
     *
     * @param offset null if it is a time
     * @param time the first record with this timestamp or a later one; null if it is an offset
     */
    public record Place(Long offset, Instant time) {
        /**
         * Parses an offset, or a timestamp in ISO 8601. A timestamp without a time zone is in the zone of this
         * computer.
         *
         * @throws IllegalArgumentException if it is neither
         */
        public static Place of(String text) {
            try {
                if (!text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
                    return new Place(Long.valueOf(text), null);
                }
                return new Place(null, instant(text));
            } catch (NumberFormatException | DateTimeException e) {
                throw new IllegalArgumentException(
                        "'" + text
                                + "' is neither an offset nor a timestamp such as 2026-05-01, 2026-05-01T12:00 or"
                                + " 2026-05-01T12:00:00Z",
                        e);
            }
        }

        private static Instant instant(String text) {
            int t = Math.max(text.indexOf('T'), text.indexOf(' '));
            if (t < 0) {
                return LocalDate.parse(text)
                        .atStartOfDay(ZoneId.systemDefault())
                        .toInstant();
            }
            boolean zoned = text.chars().skip(t).anyMatch(c -> c == 'Z' || c == '+' || c == '-');
            return zoned
                    ? Instant.ofEpochMilli(
                            IsoTime.timestamp(text).orElseThrow(() -> new DateTimeException("not in ISO 8601")))
                    : LocalDateTime.parse(text.replace(' ', 'T'))
                            .atZone(ZoneId.systemDefault())
                            .toInstant();
        }
    }

    private ExampleRange(Map<String, Object> settings, int partitions, List<Span> spans) {
        this.settings = settings;
        this.partitions = partitions;
        this.spans = spans;
    }

    /**
     * Opens a range of the examples topic.
     *
     * @param partition the only partition; null for all
     * @param from where to begin; null for the oldest record
     * @param to where to stop, before the record there; null for the current end
     * @throws StopException if the brokers, the topic or the partition cannot be found
     */
    public static ExampleRange open(ThalwegConfig config, Integer partition, Place from, Place to) {
        return open(ThalwegConfig.EXAMPLES_TOPIC, config, partition, from, to);
    }

    /**
     * Opens the range of the topic of labels up to its current end.
     *
     * @param partition the only partition; null for all
     * @param from where to begin; null for the oldest record
     * @throws StopException if the brokers, the topic or the partition cannot be found
     */
    public static ExampleRange openLabels(ThalwegConfig config, Integer partition, Place from) {
        return open(ThalwegConfig.LABELS_TOPIC, config, partition, from, null);
    }

    private static ExampleRange open(String topic, ThalwegConfig config, Integer partition, Place from, Place to) {
        int partitions;
        List<Span> spans = new ArrayList<>();
        try (Admin admin = KafkaSettings.admin(config)) {
            partitions = new Topics(config, admin).partitions(topic, AclOperation.READ);
            List<TopicPartition> read = Topics.pick(config.getString(topic), partitions, partition);
            OffsetLookup offsets = new OffsetLookup(config, admin, read);
            Map<TopicPartition, Long> beginnings = offsets.at(OffsetSpec.earliest());
            Map<TopicPartition, Long> ends = offsets.at(OffsetSpec.latest());
            Map<TopicPartition, Long> froms = from == null ? beginnings : offsets.at(from);
            Map<TopicPartition, Long> tos = to == null ? ends : offsets.at(to);
            for (TopicPartition p : read) {
                long begin = beginnings.get(p);
                long end = ends.get(p);
                // where there is no record of that time or later, the offset is -1
                long first = froms.get(p) < 0 ? end : Math.min(Math.max(froms.get(p), begin), end);
                long stop = tos.get(p) < 0 ? end : Math.min(tos.get(p), end);
                spans.add(new Span(p, first, Math.max(first, stop)));
            }
        }
        Map<String, Object> settings = new KafkaSettings(config).reader();
        // records that are deleted in the meantime must be an error and not be skipped
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        return new ExampleRange(settings, partitions, spans);
    }

    private record OffsetLookup(ThalwegConfig config, Admin admin, List<TopicPartition> partitions) {
        Map<TopicPartition, Long> at(Place place) {
            return place.offset == null
                    ? at(OffsetSpec.forTimestamp(place.time.toEpochMilli()))
                    : partitions.stream().collect(Collectors.toMap(Function.identity(), p -> place.offset));
        }

        /**
         * Looks up offsets. The end of a partition is where its committed records end; open transactions may follow.
         */
        Map<TopicPartition, Long> at(OffsetSpec which) {
            Map<TopicPartition, OffsetSpec> question =
                    partitions.stream().collect(Collectors.toMap(Function.identity(), p -> which));
            Map<TopicPartition, ListOffsetsResultInfo> found = AdminCalls.await(
                    admin.listOffsets(question, new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
                            .all(),
                    config);
            return found.entrySet().stream()
                    .collect(Collectors.toMap(
                            Map.Entry::getKey, e -> e.getValue().offset()));
        }
    }

    /** How many partitions the topic has, including those outside the range. */
    public int partitions() {
        return partitions;
    }

    /** One span for each partition in the range, in the order of their numbers. */
    public List<Span> spans() {
        return spans;
    }

    /** The records of a span. Only one span can be read this way at a time. */
    public CommittedRecords read(Span span) {
        if (consumers.isEmpty()) {
            consumers.add(new KafkaConsumer<>(settings));
        }
        return read(span, consumers.get(0));
    }

    /** The records of a span, which are read while others are. */
    public CommittedRecords readBesideOthers(Span span) {
        Consumer<byte[], byte[]> own = new KafkaConsumer<>(settings);
        consumers.add(own);
        return read(span, own);
    }

    private static CommittedRecords read(Span span, Consumer<byte[], byte[]> consumer) {
        return new CommittedRecords(consumer, span.partition, span.from, span.to);
    }

    /** Ends all reading; spans can be read again. */
    public void closeReaders() {
        consumers.forEach(Consumer::close);
        consumers.clear();
    }

    @Override
    public void close() {
        closeReaders();
    }
}
