package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The view of a compacted topic: the last record of each key, whether or not the broker has compacted the topic
 * already.
 */
final class CompactedView {
    private CompactedView() {}

    /** Returns the last record of each key, without tombstones. */
    static Iterable<ConsumerRecord<byte[], byte[]>> of(Records records) {
        Map<ByteBuffer, ConsumerRecord<byte[], byte[]>> latest = new LinkedHashMap<>();
        while (records.hasNext()) {
            ConsumerRecord<byte[], byte[]> record = records.next();
            ByteBuffer key = ByteBuffer.wrap(record.key() == null ? new byte[0] : record.key());
            if (record.value() == null) {
                latest.remove(key);
            } else {
                latest.put(key, record);
            }
        }
        return latest.values();
    }

    /**
     * The parsed key of a weights record.
     *
     * @param model the model id
     * @param block the number of the block; empty for a whole model, −1 if it is not a number
     */
    record WeightsKey(String model, OptionalInt block) {
        static WeightsKey of(byte[] key) {
            String text = key == null ? "" : new String(key, StandardCharsets.UTF_8);
            int separator = text.indexOf('\0');
            if (separator < 0) {
                return new WeightsKey(text, OptionalInt.empty());
            }
            String number = text.substring(separator + 1);
            return new WeightsKey(
                    text.substring(0, separator),
                    OptionalInt.of(number.matches("0|[1-9][0-9]{0,8}") ? Integer.parseInt(number) : -1));
        }

        @Override
        public String toString() {
            return block.isPresent() ? model + " " + block.getAsInt() : model;
        }
    }
}
