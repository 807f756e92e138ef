package io.thalweg.output;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.output.OutputBundle.SerializedOutput;
import io.thalweg.output.OutputRecord.FollowingOutput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.header.Headers;
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

    /** Serializes a value, and those that follow it into a header of type {@link OutputBundle}. */
    @Override
    public byte @Nullable [] serialize(String topic, Headers headers, OutputRecord output) {
        List<FollowingOutput> rest = output.rest();
        if (!rest.isEmpty()) {
            List<SerializedOutput> serialized = new ArrayList<>(rest.size());
            for (FollowingOutput each : rest) {
                serialized.add(
                        new SerializedOutput(each.key(), serialize(each.value()), each.timestamp(), each.headers()));
            }
            headers.add(new OutputBundle(serialized));
        }
        return serialize(output.value());
    }

    /** Serializes a value that nothing follows. */
    @Override
    public byte @Nullable [] serialize(String topic, OutputRecord output) {
        return serialize(output.value());
    }

    private byte @Nullable [] serialize(@Nullable SpecificRecordBase value) {
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
