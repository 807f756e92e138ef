package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** What a compacted topic holds: the last record under each key, whether the broker has compacted it already or not. */
final class CompactedView {
    private CompactedView() {}

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

    /** The key of a weights record, taken apart. @param block empty for a whole model */
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
