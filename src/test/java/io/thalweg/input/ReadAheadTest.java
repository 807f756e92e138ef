package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.ReadAhead.ExampleAhead;
import io.thalweg.input.ReadAhead.PartitionAhead;
import io.thalweg.input.RecordReader.InputKind;
import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.Rejection;
import io.thalweg.testing.Seeded;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@Seeded
class ReadAheadTest {
    private static final TopicPartition PARTITION = new TopicPartition("examples", 3);
    private static final ThalwegConfig CONFIG = new ThalwegConfig(Map.of());
    private static final Schema SCHEMA = io.thalweg.avro.Example.getClassSchema();

    /** Has the schema of Examples under id 1, and others only after it was asked for them. */
    private static final class LateSchemas implements SchemaSource {
        private volatile boolean hasBeenAsked;

        @Override
        public Schema writerSchema(int id) {
            hasBeenAsked |= id != 1;
            return SCHEMA;
        }

        @Override
        public SchemaSource withoutAsking() {
            return id -> {
                if (id != 1 && !hasBeenAsked) {
                    throw new UnknownSchemaException(id);
                }
                return SCHEMA;
            };
        }
    }

    private final LateSchemas schemas = new LateSchemas();
    private final ReadAhead ahead = new ReadAhead(CONFIG, schemas, "");
    private final RecordReader reader = new RecordReader(schemas, CONFIG, "");

    @AfterEach
    void close() {
        ahead.close();
    }

    private static byte[] value(Random random) {
        return switch (random.nextInt(20)) {
            case 0 -> null;
            case 1 -> new byte[random.nextInt(9)];
            default -> ExampleDecoderTest.encode(1, SCHEMA, ExampleDecoderTest.random(random));
        };
    }

    private static ConsumerRecord<byte[], byte[]> record(long offset, byte[] value) {
        byte[] key = ("model " + offset % 3).getBytes(StandardCharsets.UTF_8);
        return new ConsumerRecord<>(PARTITION.topic(), PARTITION.partition(), offset, key, value);
    }

    /** What is read ahead of the partition, past those records that are not. */
    private PartitionAhead partition() {
        PartitionAhead partition = ahead.of(PARTITION);
        List<ConsumerRecord<byte[], byte[]>> first = new ArrayList<>();
        for (int i = 0; i < PartitionAhead.IN_TURN; i++) {
            first.add(record(i, ExampleDecoderTest.encode(1, SCHEMA, dense(i))));
        }
        poll(first);
        Awaitility.await().until(ahead::isIdle);
        for (ConsumerRecord<byte[], byte[]> record : first) {
            assertThat(partition.take(InputRecord.produced(record))).isNull();
        }
        return partition;
    }

    private void poll(List<ConsumerRecord<byte[], byte[]>> records) {
        ahead.polled(new ConsumerRecords<>(Map.of(PARTITION, records), Map.of()));
    }

    /** What a reader makes of a record; null if it is not an example. */
    private String read(InputRecord record) {
        Example x = new Example();
        try {
            return reader.read(record, x) == InputKind.EXAMPLE ? reader.modelId() + Examples.bits(x) : null;
        } catch (Rejection e) {
            return null;
        }
    }

    @Test
    void whatIsReadAheadIsWhatIsReadInTurn(Random random) {
        PartitionAhead partition = partition();
        long offset = 0;
        int taken = 0;
        for (int poll = 0; poll < 100; poll++) {
            if (random.nextInt(5) == 0) {
                // as after a crash, and other records, as after the topic was created again
                offset = random.nextLong(offset + 1);
            }
            List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int i = random.nextInt(1000); i > 0; i--) {
                records.add(record(offset, value(random)));
                offset += 1 + random.nextInt(3);
            }
            poll(records);
            if (random.nextBoolean()) {
                Awaitility.await().until(ahead::isIdle);
            }
            // the rest is polled again, as after a rebalance
            int end = random.nextInt(4) == 0 ? random.nextInt(records.size() + 1) : records.size();
            for (ConsumerRecord<byte[], byte[]> polled : records.subList(0, end)) {
                InputRecord record = InputRecord.produced(polled);
                ExampleAhead example = partition.take(record);
                if (example != null) {
                    taken++;
                    assertThat(example.modelId() + Examples.bits(example.example()))
                            .isEqualTo(read(record));
                }
            }
            offset = end < records.size() ? records.get(end).offset() : offset;
        }
        assertThat(taken).isGreaterThan(1000);
    }

    @Test
    void allIsReadAheadIfThereIsTime() {
        PartitionAhead partition = partition();
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 5000; i < 7000; i++) {
            records.add(record(i, ExampleDecoderTest.encode(1, SCHEMA, dense(i))));
        }
        poll(records);
        for (int i = 0; i < records.size(); i++) {
            if (i % 200 == 0) {
                Awaitility.await().until(ahead::isIdle);
            }
            assertThat(partition.take(InputRecord.produced(records.get(i))))
                    .as("%d", i)
                    .isNotNull();
        }
    }

    @Test
    void aSchemaThatWasNotAskedForIsLeftToWhoeverLearns() {
        PartitionAhead partition = partition();
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            records.add(record(5000 + i, ExampleDecoderTest.encode(2, SCHEMA, dense(i))));
        }
        poll(records.subList(0, 100));
        Awaitility.await().until(ahead::isIdle);
        InputRecord first = InputRecord.produced(records.get(0));
        assertThat(partition.take(first)).isNull();
        assertThat(schemas.hasBeenAsked).isFalse();
        assertThat(read(first)).isNotNull();
        poll(records.subList(100, 200));
        Awaitility.await().until(ahead::isIdle);
        assertThat(partition.take(InputRecord.produced(records.get(199)))).isNotNull();
    }

    private static io.thalweg.avro.Example dense(double value) {
        return new io.thalweg.avro.Example(null, 1.0, 1.0, List.of(value));
    }

    @Test
    void whatNobodyAsksForIsNotKept() {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            records.add(record(5000 + i, ExampleDecoderTest.encode(1, SCHEMA, dense(i))));
        }
        poll(records);
        PartitionAhead partition = partition();
        Awaitility.await().until(ahead::isIdle);
        assertThat(partition.take(InputRecord.produced(records.get(50)))).isNull();
        // from here on it is asked for, until it is forgotten
        poll(records);
        Awaitility.await().until(ahead::isIdle);
        assertThat(partition.take(InputRecord.produced(records.get(80)))).isNotNull();
        ahead.forget(PARTITION);
        poll(records);
        Awaitility.await().until(ahead::isIdle);
        assertThat(partition().take(InputRecord.produced(records.get(80)))).isNull();
    }
}
