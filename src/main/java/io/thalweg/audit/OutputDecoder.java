package io.thalweg.audit;

import io.thalweg.input.BoundedDecoder;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.output.OutputJson;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Reads the values of an output topic. It does not trust them: it uses the writer's schema, and no length makes it
 * allocate more than there are bytes.
 */
final class OutputDecoder<T extends SpecificRecordBase> {
    private static final int HEADER = 5;

    private final Schema schema;
    private final SchemaSource schemas;
    private final Map<Integer, SpecificDatumReader<T>> readers = new HashMap<>();
    private final BoundedDecoder decoder = new BoundedDecoder();

    OutputDecoder(Schema schema, SchemaSource schemas) {
        this.schema = schema;
        this.schemas = schemas;
    }

    /** Says why a value cannot be read, as the end of a sentence. */
    static final class Unreadable extends Exception {
        private static final long serialVersionUID = 1;

        Unreadable(String message) {
            super(message, null, false, false);
        }
    }

    /** Reads a value. */
    T read(byte[] value) throws Unreadable {
        if (value == null) {
            throw new Unreadable("there is none");
        }
        if (OutputJson.isJson(value)) {
            return readJson(value);
        }
        if (value.length < HEADER || value[0] != 0) {
            throw new Unreadable("it is not JSON and does not begin with a zero byte and a schema id");
        }
        SpecificDatumReader<T> reader = reader(ByteBuffer.wrap(value, 1, 4).getInt());
        decoder.reset(value, HEADER);
        T record;
        try {
            record = reader.read(null, decoder);
        } catch (IOException | RuntimeException e) {
            // Avro throws exceptions of any kind for damaged bytes
            throw new Unreadable(
                    String.valueOf(e.getMessage()).lines().findFirst().orElse("it is damaged"));
        }
        if (decoder.remaining() > 0) {
            throw new Unreadable(decoder.remaining() + " bytes are left over");
        }
        return record;
    }

    @SuppressWarnings("unchecked") // the schema is that of the class
    private T readJson(byte[] value) throws Unreadable {
        try {
            return (T) OutputJson.read(value, schema);
        } catch (IOException | RuntimeException e) {
            throw new Unreadable(
                    String.valueOf(e.getMessage()).lines().findFirst().orElse("it is damaged"));
        }
    }

    private SpecificDatumReader<T> reader(int id) throws Unreadable {
        SpecificDatumReader<T> reader = readers.get(id);
        if (reader == null) {
            try {
                reader = new SpecificDatumReader<>(schemas.writerSchema(id), schema);
            } catch (UnknownSchemaException e) {
                throw new Unreadable(e.getMessage());
            }
            readers.put(id, reader);
        }
        return reader;
    }
}
