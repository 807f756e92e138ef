package io.thalweg.output;

import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Reads the values of one output topic, by whichever version of the schema they were written with. Not thread-safe.
 *
 * @param <T> the class of the values
 */
public final class EmissionReader<T extends SpecificRecordBase> {
    private static final int HEADER = 5;

    private final SchemaSource schemas;
    private final Schema schema;
    private final Map<Integer, SpecificDatumReader<T>> readers = new HashMap<>();

    /** @param schema of the class of the values */
    public EmissionReader(SchemaSource schemas, Schema schema) {
        this.schemas = schemas;
        this.schema = schema;
    }

    /**
     * Reads a value.
     *
     * @throws IOException if it is not one of this topic; the message says why
     */
    public T read(byte[] value) throws IOException {
        if (value.length < HEADER || value[0] != 0) {
            throw new IOException("the value does not begin with a zero byte and a schema id");
        }
        int id = ByteBuffer.wrap(value, 1, 4).getInt();
        try {
            SpecificDatumReader<T> reader = readers.get(id);
            if (reader == null) {
                reader = new SpecificDatumReader<>(schemas.writerSchema(id), schema);
                readers.put(id, reader);
            }
            return reader.read(null, DecoderFactory.get().binaryDecoder(value, HEADER, value.length - HEADER, null));
        } catch (UnknownSchemaException | AvroRuntimeException e) {
            throw new IOException("the value is not a " + schema.getName() + ": " + e.getMessage(), e);
        }
    }
}
