package io.thalweg.fold;

import io.thalweg.avro.DeadLetter;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SourceCoordinates;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.output.DeadLetters;
import io.thalweg.output.OutputTopic;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * The way of events or labels to their model, if the model is in a field and not in the key: a copy of each goes to the
 * partition of its model. The copy has the same bytes, the model id as its key, and the coordinates of the original in
 * headers. A record that names no model, or is too large for an example, becomes a dead letter here.
 */
public final class ModelRoute {
    private final RecordReader reader;
    private final DeadLetters deadLetters;
    private final Example nothing = new Example();

    /** Where copies go. */
    @FunctionalInterface
    public interface Copies {
        /**
         * Takes a copy.
         *
         * @param model the key of the copy
         * @param headers the headers of the copy
         */
        void send(byte[] model, InputRecord record, Headers headers);
    }

    private ModelRoute(ThalwegConfig config, RecordReader reader) {
        this.reader = reader;
        deadLetters = new DeadLetters(config);
    }

    /** Returns the way of events. */
    public static ModelRoute ofEvents(ThalwegConfig config, SchemaSource schemas) {
        return new ModelRoute(config, RecordReader.ofModels(schemas, config));
    }

    /** Returns the way of labels. */
    public static ModelRoute ofLabels(ThalwegConfig config, SchemaSource schemas) {
        return new ModelRoute(config, RecordReader.ofModelsOfLabels(schemas, config));
    }

    /**
     * Sends a record on. One of a type that is passed over is not.
     *
     * @param record a record of the topic that it was produced to
     * @param letters takes its dead letter, and none if it is sent on
     * @return whether it was sent on
     * @throws Rejection if it becomes a dead letter, after the letter was published
     */
    public boolean sendOn(InputRecord record, Copies copies, OutputSink letters) throws Rejection {
        @Nullable String model;
        try {
            model = reader.model(record.key(), record.value(), record.headers(), nothing);
        } catch (Rejection rejection) {
            DeadLetter letter = deadLetters.of(record, rejection);
            letters.publish(
                    OutputTopic.DEAD_LETTERS,
                    deadLetters.key(record),
                    letter,
                    record.timestamp(),
                    deadLetters.headers(letter, record));
            throw rejection;
        }
        if (model == null) {
            return false;
        }
        SourceCoordinates coordinates = new SourceCoordinates(
                record.partition().topic(),
                record.partition().partition(),
                record.offset(),
                record.key(),
                record.headers());
        copies.send(model.getBytes(StandardCharsets.UTF_8), record, coordinates.sentOn());
        return true;
    }
}
