package io.thalweg.input;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.thalweg.config.KeyFormat;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.Mapping;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.function.IntSupplier;

/**
 * Writes model ids as the keys of records, in the format that {@link KeyDecoder} reads. Safe for use by several
 * threads.
 */
public final class KeyEncoder {
    private final KeyFormat format;

    /** @param mapping of the records; if it does not take the model from the key, keys are plain text */
    public KeyEncoder(ThalwegConfig config, Mapping mapping) {
        this(mapping.isModelFromKey() ? config.keyFormat() : KeyFormat.STRING);
    }

    KeyEncoder(KeyFormat format) {
        this.format = format;
    }

    /**
     * Whether keys can be written to a topic. Of Avro, only the producers of the topic know the schema. The same model
     * can have several keys in JSON, such as {@code 7} and {@code {"id": 7}}, and the bytes decide on the partition.
     *
     * @param partitions how many the topic has; only asked if that matters
     */
    public boolean canEncode(IntSupplier partitions) {
        return format != KeyFormat.AVRO && (format != KeyFormat.JSON || partitions.getAsInt() == 1);
    }

    /**
     * Encodes a model id.
     *
     * @throws IllegalArgumentException with one line if keys of the format cannot be this id
     */
    public byte[] encode(String model) {
        return switch (format) {
            case STRING -> utf8(model);
            case LONG -> ofLong(model);
            case JSON -> utf8("\"" + new String(JsonStringEncoder.getInstance().quoteAsString(model)) + "\"");
            case AVRO ->
                throw new IllegalArgumentException(
                        "keys in Avro (%s) cannot be written".formatted(ThalwegConfig.KEY_FORMAT));
        };
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private byte[] ofLong(String model) {
        try {
            long number = Long.parseLong(model);
            // with a plus or zeros in front, the learner would know it by another name
            if (Long.toString(number).equals(model)) {
                return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new IllegalArgumentException("model %s is not a whole number, as keys are (%s = %s)"
                .formatted(ExampleDecoder.brief(model), ThalwegConfig.KEY_FORMAT, format));
    }
}
