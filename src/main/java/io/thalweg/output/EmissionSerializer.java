package io.thalweg.output;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Writes the values of one output topic in Confluent's wire format: a zero byte, the schema id as four bytes, Avro. Thread-safe,
 * because the tasks of a topology share the serializers of its sinks.
 */
public final class EmissionSerializer implements Serializer<Emission> {
    private static final byte MAGIC = 0;

    private final byte[] header;
    private final ThreadLocal<Buffer> buffers = ThreadLocal.withInitial(Buffer::new);

    private static final class Buffer {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        BinaryEncoder encoder;
    }

    /** @param schemaId under which readers find the schema of the values */
    public EmissionSerializer(int schemaId) {
        header = ByteBuffer.allocate(5).put(MAGIC).putInt(schemaId).array();
    }

    @Override
    public byte[] serialize(String topic, Emission emission) {
        SpecificRecordBase value = emission.value();
        if (value == null) {
            return null;
        }
        Buffer buffer = buffers.get();
        buffer.bytes.reset();
        try {
            buffer.bytes.write(header);
            buffer.encoder = EncoderFactory.get().binaryEncoder(buffer.bytes, buffer.encoder);
            value.customEncode(buffer.encoder);
            buffer.encoder.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        return buffer.bytes.toByteArray();
    }
}
