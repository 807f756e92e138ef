package io.thalweg.input;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/**
 * The coordinates, key and headers of a record before it was routed to the partition of its model. They are written
 * into the last headers of the routed record, so that dead letters can name the original.
 *
 * @param key the original key; null if there was none
 * @param headers the original headers
 */
public record SourceCoordinates(String topic, int partition, long offset, byte @Nullable [] key, Headers headers) {
    private static final String TOPIC = "thalweg.source.topic";
    private static final String PARTITION = "thalweg.source.partition";
    private static final String OFFSET = "thalweg.source.offset";
    private static final String KEY = "thalweg.source.key";
    private static final String[] NAMES = {TOPIC, PARTITION, OFFSET, KEY};

    /** The headers of the routed record: the original ones, and these coordinates. */
    public Headers sentOn() {
        Headers all = new RecordHeaders(headers);
        all.add(TOPIC, topic.getBytes(StandardCharsets.UTF_8));
        all.add(PARTITION, String.valueOf(partition).getBytes(StandardCharsets.UTF_8));
        all.add(OFFSET, String.valueOf(offset).getBytes(StandardCharsets.UTF_8));
        all.add(KEY, key);
        return all;
    }

    /** Reads the coordinates that {@link #sentOn} has written; null if the record was written by something else. */
    public static @Nullable SourceCoordinates of(Headers sentOn) {
        Header[] all = sentOn.toArray();
        int own = all.length - NAMES.length;
        if (own < 0) {
            return null;
        }
        for (int i = 0; i < NAMES.length; i++) {
            if (!all[own + i].key().equals(NAMES[i]) || i < 3 && all[own + i].value() == null) {
                return null;
            }
        }
        try {
            return new SourceCoordinates(
                    text(all[own]),
                    Integer.parseInt(text(all[own + 1])),
                    Long.parseLong(text(all[own + 2])),
                    all[own + 3].value(),
                    new RecordHeaders(Arrays.copyOf(all, own)));
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static String text(Header header) {
        return new String(header.value(), StandardCharsets.UTF_8);
    }
}
