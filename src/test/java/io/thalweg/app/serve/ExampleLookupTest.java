package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.app.serve.ExampleLookup.RequestEvents;
import io.thalweg.config.ThalwegConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class ExampleLookupTest {
    private static final TopicPartition FROM = new TopicPartition("examples", 0);

    private final List<MockConsumer<byte[], byte[]>> opened = new ArrayList<>();
    private final ExampleLookup lookup = new ExampleLookup(new ThalwegConfig(Map.of()), () -> {
        MockConsumer<byte[], byte[]> consumer = new MockConsumer<>("earliest");
        consumer.updatePartitions(FROM.topic(), List.of(new PartitionInfo(FROM.topic(), 0, null, null, null)));
        consumer.updateBeginningOffsets(Map.of(FROM, 0L));
        consumer.updateEndOffsets(Map.of(FROM, 100L));
        opened.add(consumer);
        return consumer;
    });

    private byte read(RequestEvents events, int offset) {
        if (!opened.isEmpty()) {
            willReturn(offset);
        }
        return events.read(0, offset).value()[0];
    }

    private void willReturn(int offset) {
        MockConsumer<byte[], byte[]> last = opened.get(opened.size() - 1);
        last.schedulePollTask(
                () -> last.addRecord(new ConsumerRecord<>(FROM.topic(), 0, offset, null, new byte[] {(byte) offset})));
    }

    @Test
    void aRequestReadsWithOneConsumer() {
        try (RequestEvents events = lookup.open()) {
            assertThat(opened).as("nothing is read yet").isEmpty();
            assertMissing(events, 0, 100);
            for (int offset : List.of(5, 3, 4)) {
                assertThat(read(events, offset)).isEqualTo((byte) offset);
            }
            assertMissing(events, 1, 5);
        }
        assertThat(opened).hasSize(1).allMatch(MockConsumer::closed);
    }

    private static void assertMissing(RequestEvents events, int partition, long offset) {
        assertThatThrownBy(() -> events.read(partition, offset))
                .isInstanceOfSatisfying(
                        HttpRefusal.class,
                        refusal -> assertThat(refusal.status()).isEqualTo(404));
    }

    @Test
    void fewRequestsReadAtOnce() {
        List<RequestEvents> reading = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            reading.add(lookup.open());
            assertMissing(reading.get(i), 0, 100);
        }
        try (RequestEvents another = lookup.open()) {
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> another.read(0, 1))
                        .isInstanceOfSatisfying(HttpRefusal.class, refusal -> {
                            assertThat(refusal.status()).isEqualTo(503);
                            assertThat(refusal.retryAfter()).isPositive();
                        })
                        .hasMessageContaining("record");
            }
            assertThat(opened).hasSize(3);
            // a failure gives the turn back as well
            opened.get(0).setPollException(new KafkaException("the broker is gone"));
            assertThatThrownBy(() -> reading.get(0).read(0, 1)).isInstanceOf(HttpRefusal.class);
            reading.get(0).close();
            assertMissing(another, 0, 100);
        }
        reading.forEach(RequestEvents::close);
        assertThat(opened).hasSize(4).allMatch(MockConsumer::closed);
    }
}
