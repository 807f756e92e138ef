package io.thalweg.output;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import java.util.Optional;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * The output topics. Whatever writes, creates, checks, resets, audits or shows them takes from here which there are and what holds
 * for each, so that another is declared in this place alone.
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
            Limit.DEAD_LETTERS_MAX_BYTES);

    /** What the key of a record is. */
    public enum Key {
        /** The model id. */
        MODEL,
        /** The model id; of a block, with its number after it: {@link WeightsRecords#key(String, int)}. */
        MODEL_OR_BLOCK,
        /** The key that the record of the input has, whatever that is. */
        OF_THE_INPUT
    }

    /** What a topic keeps. */
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

    /** The name of its sink in the topology, by which commands know it whatever the settings call it. */
    public String sink() {
        return sink;
    }

    /** The setting that names it. */
    public String setting() {
        return setting;
    }

    /** Its name. */
    public String nameIn(ThalwegConfig config) {
        return config.getString(setting);
    }

    /** The class of the values. */
    public Class<? extends SpecificRecordBase> type() {
        return type;
    }

    /** The schema of the values. */
    public Schema schema() {
        return SpecificData.get().getSchema(type);
    }

    /** What the keys are. */
    public Key key() {
        return key;
    }

    /**
     * Whether it is compacted: its latest records say what is, and a tombstone takes one back. A reset retracts its keys, and those
     * who follow it begin with the oldest record.
     */
    public boolean isCompacted() {
        return contents == Contents.LATEST_OF_EACH_KEY;
    }

    /** Whether it must hold every record since the first for {@code verify}. A reset makes it anew, empty. */
    public boolean mustBeComplete() {
        return contents == Contents.EVERY_RECORD;
    }

    /** The setting for how large a record may be, key and headers included; empty where Kafka's default is enough. */
    public Optional<String> maxBytesSetting() {
        return limit == Limit.DEAD_LETTERS_MAX_BYTES
                ? Optional.of(ThalwegConfig.DEAD_LETTERS_MAX_BYTES)
                : Optional.empty();
    }

    /**
     * The partition of an output, whichever topic it is for: the one with the number of the partition that its example came from.
     * So an audit of a partition of the input needs one partition of each output.
     */
    public static Optional<Set<Integer>> partition(String topic, byte[] key, OutputRecord output, int partitions) {
        return Optional.of(Set.of(output.partition()));
    }
}
