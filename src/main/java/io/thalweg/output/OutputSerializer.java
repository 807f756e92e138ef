package io.thalweg.output;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.serialization.Serializer;
import org.jspecify.annotations.Nullable;

/**
 * Serializes the values of one output topic, as JSON or in the wire format of Confluent's schema registry: a zero byte,
 * four bytes with the schema id, and Avro. Thread-safe, because the tasks of a topology share the serializers of its
 * sinks.
 */
public final class OutputSerializer implements Serializer<OutputRecord> {
    private static final byte MAGIC = 0;

    /** What precedes Avro; null for JSON. */
    private final byte @Nullable [] header;

    private final ThreadLocal<ArrayEncoder> encoders = ThreadLocal.withInitial(ArrayEncoder::new);

    /**
     * Creates a serializer.
     *
     * @param schemaId the id under which consumers find the schema of the values
     */
    public OutputSerializer(int schemaId) {
        header = ByteBuffer.allocate(5).put(MAGIC).putInt(schemaId).array();
    }

    private OutputSerializer() {
        header = null;
    }

    /** Returns a serializer of the format that the settings say. @param schemaIds asked only if that is Avro */
    public static OutputSerializer of(ThalwegConfig config, OutputTopic topic, SchemaIds schemaIds) {
        return config.outputFormat() == ValueFormat.JSON
                ? new OutputSerializer()
                : new OutputSerializer(schemaIds.idFor(topic.nameIn(config), topic.schema()));
    }

    @Override
    public byte @Nullable [] serialize(String topic, OutputRecord output) {
        SpecificRecordBase value = output.value();
        if (value == null) {
            return null;
        }
        if (header == null) {
            return OutputJson.write(value);
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
