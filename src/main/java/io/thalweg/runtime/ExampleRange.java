package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
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

/**
 * A range of what has been committed to the examples topic, as it was when this was opened. Joins no group,
 * commits nothing.
 */
public final class ExampleRange implements AutoCloseable {
    private final Consumer<byte[], byte[]> consumer;
    private final int partitions;
    private final List<Span> spans;

    /**
     * The range in a partition.
     *
     * @param from the first offset
     * @param to the offset to stop at, at least {@code from}
     */
    public record Span(TopicPartition partition, long from, long to) {
        /** Offsets, of which some may hold no record. */
        public long size() {
            return to - from;
        }
    }

    /**
     * A place in each partition.
     *
     * @param offset null if it is a time
     * @param time the first record with this timestamp or a later one; null if it is an offset
     */
    public record Place(Long offset, Instant time) {
        /**
         * Reads an offset, or a timestamp in ISO 8601. One without zone is of this computer's.
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
            int t = text.indexOf('T');
            if (t < 0) {
                return LocalDate.parse(text)
                        .atStartOfDay(ZoneId.systemDefault())
                        .toInstant();
            }
            boolean zoned = text.chars().skip(t).anyMatch(c -> c == 'Z' || c == '+' || c == '-');
            return zoned
                    ? OffsetDateTime.parse(text).toInstant()
                    : LocalDateTime.parse(text).atZone(ZoneId.systemDefault()).toInstant();
        }
    }

    private ExampleRange(Consumer<byte[], byte[]> consumer, int partitions, List<Span> spans) {
        this.consumer = consumer;
        this.partitions = partitions;
        this.spans = spans;
    }

    /**
     * Finds the range.
     *
     * @param partition the only partition; null for all
     * @param from null for the oldest record there is
     * @param to where to stop, before the record there; null for the end as it is now
     * @throws StopException if brokers, topic or partition are not there
     */
    public static ExampleRange open(ThalwegConfig config, Integer partition, Place from, Place to) {
        int partitions;
        List<Span> spans = new ArrayList<>();
        try (Admin admin = KafkaSettings.admin(config)) {
            partitions = new Topics(config, admin).partitions(ThalwegConfig.EXAMPLES_TOPIC);
            List<TopicPartition> read =
                    Topics.pick(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partitions, partition);
            OffsetLookup offsets = new OffsetLookup(config, admin, read);
            Map<TopicPartition, Long> beginnings = offsets.at(OffsetSpec.earliest());
            Map<TopicPartition, Long> ends = offsets.at(OffsetSpec.latest());
            Map<TopicPartition, Long> froms = from == null ? beginnings : offsets.at(from);
            Map<TopicPartition, Long> tos = to == null ? ends : offsets.at(to);
            for (TopicPartition p : read) {
                long begin = beginnings.get(p);
                long end = ends.get(p);
                // no record of a time or later has the offset -1
                long first = froms.get(p) < 0 ? end : Math.min(Math.max(froms.get(p), begin), end);
                long stop = tos.get(p) < 0 ? end : Math.min(tos.get(p), end);
                spans.add(new Span(p, first, Math.max(first, stop)));
            }
        }
        Map<String, Object> settings = new KafkaSettings(config).reader();
        // what was deleted meanwhile must not be passed over in silence
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        return new ExampleRange(new KafkaConsumer<>(settings), partitions, spans);
    }

    private record OffsetLookup(ThalwegConfig config, Admin admin, List<TopicPartition> partitions) {
        Map<TopicPartition, Long> at(Place place) {
            return place.offset == null
                    ? at(OffsetSpec.forTimestamp(place.time.toEpochMilli()))
                    : partitions.stream().collect(Collectors.toMap(Function.identity(), p -> place.offset));
        }

        /** Of an end, that of what is committed: behind it may be transactions that nobody ends for a long time. */
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

    /** How many partitions the topic has, those outside the range included. */
    public int partitions() {
        return partitions;
    }

    /** One for each partition that is in the range, by its number. */
    public List<Span> spans() {
        return spans;
    }

    /** The records of a span. One span is read at a time. */
    public CommittedRecords read(Span span) {
        return new CommittedRecords(consumer, span.partition, span.from, span.to);
    }

    @Override
    public void close() {
        consumer.close();
    }
}
