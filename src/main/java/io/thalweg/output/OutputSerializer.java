package io.thalweg.output;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.serialization.Serializer;
import org.jspecify.annotations.Nullable;

/**
 * Serializes the values of one output topic in the wire format of Confluent's schema registry: a zero byte, four bytes
 * with the schema id, and Avro. Thread-safe, because the tasks of a topology share the serializers of its sinks.
 */
public final class OutputSerializer implements Serializer<OutputRecord> {
    private static final byte MAGIC = 0;

    private final byte[] header;
    private final ThreadLocal<ArrayEncoder> encoders = ThreadLocal.withInitial(ArrayEncoder::new);

    /**
     * Creates a serializer.
     *
     * @param schemaId the id under which consumers find the schema of the values
     */
    public OutputSerializer(int schemaId) {
        header = ByteBuffer.allocate(5).put(MAGIC).putInt(schemaId).array();
    }

    @Override
    public byte @Nullable [] serialize(String topic, OutputRecord output) {
        SpecificRecordBase value = output.value();
        if (value == null) {
            return null;
        }
        ArrayEncoder encoder = encoders.get();
        encoder.reset();
        encoder.writeFixed(header, 0, header.length);
        try {
            value.customEncode(encoder);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        return encoder.toByteArray();
    }
}
