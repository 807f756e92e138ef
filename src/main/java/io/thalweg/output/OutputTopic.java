package io.thalweg.output;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * The output topics and their properties. Whatever writes, creates, checks, resets, audits or shows output topics takes
 * them from here, so a new topic is declared in this place alone.
 *
 * <p>{@code verify} audits all of them, and {@code watch} shows all of them.
 */
public enum OutputTopic {
    /** A prediction for every example. */
    PREDICTIONS(
            "predictions",
            ThalwegConfig.PREDICTIONS_TOPIC,
            Prediction.class,
            Key.MODEL,
            Contents.EVERY_RECORD,
            Limit.KAFKAS_DEFAULT),
    /** The weights of every model, whole or in blocks. */
    WEIGHTS(
            "weights",
            ThalwegConfig.WEIGHTS_TOPIC,
            Weights.class,
            Key.MODEL_OR_BLOCK,
            Contents.LATEST_OF_EACH_KEY,
            Limit.KAFKAS_DEFAULT),
    /** The metrics of every model. */
    METRICS(
            "metrics",
            ThalwegConfig.METRICS_TOPIC,
            Metrics.class,
            Key.MODEL,
            Contents.LATEST_OF_EACH_KEY,
            Limit.KAFKAS_DEFAULT),
    /** Records that could not be used. */
    DEAD_LETTERS(
            "dead-letters",
            ThalwegConfig.DEAD_LETTERS_TOPIC,
            DeadLetter.class,
            Key.OF_THE_INPUT,
            Contents.EVERY_RECORD,
            Limit.DEAD_LETTERS_MAX_BYTES),
    /** What came of labels that come later than their events. */
    OUTCOMES(
            "outcomes",
            ThalwegConfig.OUTCOMES_TOPIC,
            Outcome.class,
            Key.MODEL,
            Contents.EVERY_RECORD,
            Limit.KAFKAS_DEFAULT);

    /** What the key of a record is. */
    public enum Key {
        /** The model id. */
        MODEL,
        /** The model id; for a block, followed by its number: {@link WeightsRecords#key(String, int)}. */
        MODEL_OR_BLOCK,
        /** The key of the input record, whatever it is. */
        OF_THE_INPUT
    }

    /** Which records a topic keeps. */
    private enum Contents {
        EVERY_RECORD,
        LATEST_OF_EACH_KEY
    }

    /** What limits the size of a record. */
    private enum Limit {
        KAFKAS_DEFAULT,
        DEAD_LETTERS_MAX_BYTES
    }

    private final String sink;
    private final String setting;
    private final Class<? extends SpecificRecordBase> type;
    private final Key key;
    private final Contents contents;
    private final Limit limit;

    OutputTopic(
            String sink,
            String setting,
            Class<? extends SpecificRecordBase> type,
            Key key,
            Contents contents,
            Limit limit) {
        this.sink = sink;
        this.setting = setting;
        this.type = type;
        this.key = key;
        this.contents = contents;
        this.limit = limit;
    }

    /**
     * Returns the name of its sink in the topology. Commands use it too, because it does not depend on the settings.
     */
    public String sink() {
        return sink;
    }

    /** Returns the topics that a learner with these settings writes to. */
    public static List<OutputTopic> of(ThalwegConfig config) {
        return Stream.of(values())
                .filter(topic -> topic != OUTCOMES || config.hasLateLabels())
                .toList();
    }

    /** Returns the setting that contains the name of the topic. */
    public String setting() {
        return setting;
    }

    /** Returns the name of the topic. */
    public String nameIn(ThalwegConfig config) {
        return config.getString(setting);
    }

    /** Returns the class of the values. */
    public Class<? extends SpecificRecordBase> type() {
        return type;
    }

    /** Returns the schema of the values. */
    public Schema schema() {
        return SpecificData.get().getSchema(type);
    }

    /** Returns what the keys are. */
    public Key key() {
        return key;
    }

    /**
     * Returns whether the topic is compacted: the latest record of a key is valid, and a tombstone deletes it. A reset
     * deletes its keys, and consumers start from the oldest record.
     */
    public boolean isCompacted() {
        return contents == Contents.LATEST_OF_EACH_KEY;
    }

    /**
     * Returns whether {@code verify} needs every record since the first. A reset deletes the topic and creates it
     * again.
     */
    public boolean mustBeComplete() {
        return contents == Contents.EVERY_RECORD;
    }

    /**
     * Returns the setting that limits the size of a record, key and headers included; empty if Kafka's default applies.
     */
    public Optional<String> maxBytesSetting() {
        return limit == Limit.DEAD_LETTERS_MAX_BYTES
                ? Optional.of(ThalwegConfig.DEAD_LETTERS_MAX_BYTES)
                : Optional.empty();
    }

    /**
     * Returns the partition of an output, for any topic: the one with the number of the example's partition. So an
     * audit of a partition of the input needs one partition of each output.
     */
    public static Optional<Set<Integer>> partition(String topic, byte[] key, OutputRecord output, int partitions) {
        return Optional.of(Set.of(output.partition()));
    }
}
