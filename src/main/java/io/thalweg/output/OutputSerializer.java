package io.thalweg.output;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Writes the values of one output topic in Confluent's wire format: a zero byte, the schema id as four bytes, Avro. Thread-safe,
 * because the tasks of a topology share the serializers of its sinks.
 */
public final class OutputSerializer implements Serializer<OutputRecord> {
    private static final byte MAGIC = 0;

    private final byte[] header;
    private final ThreadLocal<ArrayEncoder> encoders = ThreadLocal.withInitial(ArrayEncoder::new);

    /** @param schemaId under which readers find the schema of the values */
    public OutputSerializer(int schemaId) {
        header = ByteBuffer.allocate(5).put(MAGIC).putInt(schemaId).array();
    }

    @Override
    public byte[] serialize(String topic, OutputRecord output) {
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
