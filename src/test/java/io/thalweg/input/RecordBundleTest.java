package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.testing.Seeded;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

@Seeded
class RecordBundleTest {
    private static final TopicPartition PARTITION = new TopicPartition("examples", 0);

    private static ConsumerRecord<byte[], byte[]> record(TopicPartition partition, long offset, long time, int size) {
        return new ConsumerRecord<>(
                partition.topic(),
                partition.partition(),
                offset,
                time,
                time < 0 ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME,
                -1,
                size,
                null,
                size < 0 ? null : new byte[size],
                new RecordHeaders(),
                Optional.of(7));
    }

    private static List<ConsumerRecord<byte[], byte[]>> bundled(
            List<ConsumerRecord<byte[], byte[]>> records, long mostMillis) {
        return RecordBundle.bundled(new ConsumerRecords<>(Map.of(PARTITION, records), Map.of()), mostMillis)
                .records(PARTITION);
    }

    private static List<ConsumerRecord<byte[], byte[]>> unbundled(ConsumerRecord<byte[], byte[]> record) {
        List<ConsumerRecord<byte[], byte[]>> records = RecordBundle.of(record.headers());
        return records == null ? List.of(record) : records;
    }

    @RepeatedTest(20)
    void allRecordsAreThereInOrderWithinTheLimits(Random random) {
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> polled = new LinkedHashMap<>();
        Map<TopicPartition, OffsetAndMetadata> next = new LinkedHashMap<>();
        for (int p = 0; p < 3; p++) {
            TopicPartition partition = new TopicPartition("examples", p);
            List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
            long offset = random.nextInt(1000);
            long time = random.nextInt(1000);
            for (int i = random.nextInt(400); i >= 0; i--) {
                time += random.nextInt(100) == 0 ? random.nextInt(2000) - 1000 : random.nextInt(3);
                boolean large = random.nextInt(50) == 0;
                records.add(record(
                        partition,
                        offset += 1 + random.nextInt(2),
                        random.nextInt(50) == 0 ? -1 : Math.max(0, time),
                        random.nextInt(50) == 0 ? -1 : random.nextInt(large ? 100_000 : 1000)));
            }
            polled.put(partition, records);
            next.put(partition, new OffsetAndMetadata(offset + 1));
        }
        long mostMillis = random.nextBoolean() ? Long.MAX_VALUE : random.nextInt(20);

        ConsumerRecords<byte[], byte[]> bundled = RecordBundle.bundled(new ConsumerRecords<>(polled, next), mostMillis);

        assertThat(bundled.nextOffsets()).isEqualTo(next);
        assertThat(bundled.partitions()).containsExactlyInAnyOrderElementsOf(polled.keySet());
        polled.forEach((partition, records) -> {
            List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
            for (ConsumerRecord<byte[], byte[]> bundle : bundled.records(partition)) {
                List<ConsumerRecord<byte[], byte[]>> inIt = unbundled(bundle);
                ConsumerRecord<byte[], byte[]> first = inIt.get(0);
                assertThat(bundle.offset())
                        .as("no commit must be ahead of what is processed")
                        .isEqualTo(first.offset());
                assertThat(bundle.timestamp())
                        .as("the time of a record without a timestamp is the largest before it")
                        .isEqualTo(inIt.stream()
                                .mapToLong(ConsumerRecord::timestamp)
                                .max()
                                .getAsLong());
                assertThat(bundle.key()).isSameAs(first.key());
                assertThat(bundle.value()).isSameAs(first.value());
                assertThat(bundle.leaderEpoch()).isEqualTo(first.leaderEpoch());
                if (inIt.size() > 1) {
                    assertThat(inIt).hasSizeLessThanOrEqualTo(RecordBundle.MOST_RECORDS);
                    assertThat(inIt.stream().mapToLong(r -> Math.max(0, r.serializedValueSize())))
                            .satisfies(sizes -> assertThat(sizes.stream()
                                            .mapToLong(Long::longValue)
                                            .sum())
                                    .isLessThanOrEqualTo(RecordBundle.MOST_BYTES));
                    assertThat(inIt).allSatisfy(r -> {
                        assertThat(r.timestamp()).isNotNegative();
                        assertThat(Math.abs(r.timestamp() - first.timestamp())).isLessThanOrEqualTo(mostMillis);
                    });
                }
                all.addAll(inIt);
            }
            assertThat(all).containsExactlyElementsOf(records);
        });
    }

    @Test
    void thereAreAsFewAsFit() {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 130; i++) {
            records.add(record(PARTITION, i, 1000, 10));
        }
        assertThat(bundled(records, 0))
                .hasSize(3)
                .extracting(ConsumerRecord::offset)
                .containsExactly(0L, 64L, 128L);
    }

    @Test
    void aRecordByItselfStaysAsItIs() {
        ConsumerRecord<byte[], byte[]> only = record(PARTITION, 5, 1000, 10);
        assertThat(bundled(List.of(only), 0)).singleElement().isSameAs(only);
        ConsumerRecord<byte[], byte[]> later = record(PARTITION, 6, 1001, 10);
        assertThat(bundled(List.of(only, later), 0)).containsExactly(only, later);
    }

    @Test
    void aHeaderThatSomebodySentIsNotABundle() {
        ConsumerRecord<byte[], byte[]> record = record(PARTITION, 5, 1000, 10);
        String key = bundled(List.of(record, record), 0)
                .get(0)
                .headers()
                .toArray()[0]
                .key();
        RecordHeaders headers = new RecordHeaders();
        headers.add(key, "x".getBytes(StandardCharsets.UTF_8));
        assertThat(RecordBundle.of(headers)).isNull();
    }
}
