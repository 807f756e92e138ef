package io.thalweg.crash;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;

/** Values in Confluent's wire format, by Avro's own classes. */
final class AvroWireFormat {
    private static final int HEADER = 5;

    private AvroWireFormat() {}

    static byte[] encode(SpecificRecord datum) {
        Schema schema = datum.getSchema();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(HEADER)
                .put((byte) 0)
                .putInt(LearnerProcess.id(schema))
                .array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new SpecificDatumWriter<SpecificRecord>(schema).write(datum, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    static <T> T decode(byte[] value, Schema schema) {
        if (ByteBuffer.wrap(value, 1, 4).getInt() != LearnerProcess.id(schema)) {
            throw new AssertionError("another schema");
        }
        try {
            return new SpecificDatumReader<T>(schema)
                    .read(null, DecoderFactory.get().binaryDecoder(value, HEADER, value.length - HEADER, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
