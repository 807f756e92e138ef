package io.thalweg.output;

import java.util.List;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/**
 * The records of an output that pass through Kafka Streams with the one before them, as if they were one: what Kafka
 * Streams does for each record costs more than making it. They are in a header of the first one, which the producer's
 * wrapper takes off before it sends that and then these.
 */
public final class OutputBundle implements Header {
    private static final String KEY = "thalweg.outputs";
    private static final byte[] NOTHING = {};

    private final List<SerializedOutput> rest;

    OutputBundle(List<SerializedOutput> rest) {
        this.rest = rest;
    }

    /**
     * A record that is ready to be sent to the topic and partition of the one before it.
     *
     * @param headers null for none
     */
    public record SerializedOutput(
            byte @Nullable [] key,
            byte @Nullable [] value,
            long timestamp,
            @Nullable Headers headers) {}

    /**
     * Returns the records that follow a record.
     *
     * @param headers the headers of the record
     * @return null if none follow
     */
    public static @Nullable List<SerializedOutput> of(Headers headers) {
        return headers.lastHeader(KEY) instanceof OutputBundle bundle ? bundle.rest : null;
    }

    /** Returns the headers of a record without the records that follow it. */
    public static Headers without(Headers headers) {
        RecordHeaders own = new RecordHeaders();
        for (Header header : headers) {
            if (!(header instanceof OutputBundle)) {
                own.add(header);
            }
        }
        return own;
    }

    @Override
    public String key() {
        return KEY;
    }

    @Override
    public byte[] value() {
        return NOTHING;
    }
}
