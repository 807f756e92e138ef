package io.thalweg.app.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.input.RecordReader.InputKind;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.FeatureHash;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.Rejection;
import io.thalweg.math.StepOptions;
import io.thalweg.output.OutputTopic;
import io.thalweg.runtime.CommittedRecords;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.OutputReader;
import io.thalweg.runtime.OutputReader.Entry;
import io.thalweg.runtime.OutputReader.Start;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The events that moved a weight. With plain {@code sgd}, the step of an event on the weight of a feature is
 * −α·c·(a − y)·x, where a is the probability that was published for it. So it can be computed from the predictions and
 * the examples, for any two versions of a model. Other algorithms have state for which the whole history would have to
 * be replayed.
 */
final class WeightMoves {
    /** The most steps between two versions that are looked at. */
    private static final int MOST_STEPS = 5_000;

    private static final int SHOWN = 20;
    /** How many records of other models are read to find one of the model. */
    private static final int PROBE = 500;

    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final LearnerSettings settings;

    /** A step on the weight. */
    private record WeightMove(Prediction prediction, double value, double importance, double step) {}

    WeightMoves(ThalwegConfig config, SchemaSource schemas) {
        this.config = config;
        this.schemas = schemas;
        settings = config.learner();
    }

    /** Returns why events cannot be told; null if they can. */
    @Nullable
    String whyNot() {
        if (config.hasLateLabels()) {
            return "Which events moved a weight most can only be shown where labels come with the events.";
        }
        if (settings.algorithm() != Algorithm.SGD || !settings.options().equals(StepOptions.NONE)) {
            return "Which events moved a weight most can only be shown with algorithm=sgd, without scaling, penalties,"
                    + " clipping, or importance-invariant steps.";
        }
        return null;
    }

    /**
     * Finds the events that moved a weight most.
     *
     * @param partition the partition of the model
     * @param feature the name of the feature, or # and its number
     * @param from the version before the first step
     * @param to the version after the last step
     */
    ObjectNode of(String model, int partition, String feature, long from, long to) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("feature", feature);
        json.put("from", from);
        json.put("to", to);
        String reason = whyNot();
        if (reason == null && to - from > MOST_STEPS) {
            reason = "There are %,d steps between these two points, more than the %,d that are looked at."
                    .formatted(to - from, MOST_STEPS);
        }
        if (reason != null) {
            return json.put("reason", reason);
        }
        List<Prediction> predictions = predictions(model, partition, from, to);
        if (predictions.isEmpty()) {
            return json.put("reason", "The predictions of these steps are no longer in the topic.");
        }
        List<WeightMove> moves = moves(predictions, feature);
        json.put("steps", predictions.size());
        json.put("sum", moves.stream().mapToDouble(WeightMove::step).sum());
        moves.sort(Comparator.comparingDouble((WeightMove moved) -> Math.abs(moved.step))
                .reversed());
        ArrayNode events = json.putArray("events");
        for (WeightMove moved : moves.subList(0, Math.min(SHOWN, moves.size()))) {
            ObjectNode event = events.addObject();
            event.put(
                    "id",
                    moved.prediction.getId() == null
                            ? null
                            : moved.prediction.getId().toString());
            event.put("partition", moved.prediction.getPartition());
            event.put("offset", moved.prediction.getOffset());
            event.put("version", moved.prediction.getVersion());
            event.put("probability", moved.prediction.getProbability());
            event.put("label", moved.prediction.getLabel());
            event.put("value", moved.value);
            event.put("step", moved.step);
        }
        return json;
    }

    // ---- the predictions

    private List<Prediction> predictions(String model, int partition, long from, long to) {
        TopicPartition topic = new TopicPartition(OutputTopic.PREDICTIONS.nameIn(config), partition);
        byte[] key = model.getBytes(StandardCharsets.UTF_8);
        List<Prediction> found = new ArrayList<>();
        try (OutputReader<Prediction> reader = OutputReader.open(
                config, schemas, OutputTopic.PREDICTIONS, Prediction.class, partition, Start.BEGINNING)) {
            long[] range = reader.range(topic);
            long next = first(reader, topic, key, from, range[0], range[1]);
            while (next < range[1] && found.size() < to - from) {
                List<Entry<Prediction>> entries = reader.read(topic, next, PROBE);
                if (entries.isEmpty()) {
                    break;
                }
                for (Entry<Prediction> entry : entries) {
                    next = entry.source().offset() + 1;
                    if (!isOf(entry, key)) {
                        continue;
                    }
                    long version = entry.value().getVersion();
                    if (version >= to) {
                        return found;
                    }
                    if (version >= from && entry.value().getLabel() != null) {
                        found.add(entry.value());
                    }
                }
            }
        }
        return found;
    }

    private static boolean isOf(Entry<Prediction> entry, byte[] key) {
        return entry.value() != null && Arrays.equals(entry.source().key(), key);
    }

    /** Returns an offset at or before the first prediction of a version, by bisection: versions rise with offsets. */
    private static long first(
            OutputReader<Prediction> reader, TopicPartition topic, byte[] key, long version, long begin, long end) {
        long low = begin;
        long high = end;
        while (high - low > PROBE) {
            long middle = (low + high) >>> 1;
            Entry<Prediction> probe = reader.read(topic, middle, PROBE).stream()
                    .filter(entry -> isOf(entry, key))
                    .findFirst()
                    .orElse(null);
            if (probe != null && probe.value().getVersion() < version) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }

    // ---- the examples

    private List<WeightMove> moves(List<Prediction> predictions, String feature) {
        Map<Integer, TreeMap<Long, Prediction>> byPartition = new TreeMap<>();
        predictions.forEach(prediction -> byPartition
                .computeIfAbsent(prediction.getPartition(), p -> new TreeMap<>())
                .put(prediction.getOffset(), prediction));
        List<WeightMove> moves = new ArrayList<>();
        Map<String, Object> reading = new KafkaSettings(config).reader();
        reading.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        RecordReader reader = new RecordReader(schemas, config, "-");
        Example x = new Example();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(reading)) {
            byPartition.forEach((partition, offsets) -> {
                CommittedRecords records = new CommittedRecords(
                        consumer,
                        new TopicPartition(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partition),
                        offsets.firstKey(),
                        offsets.lastKey() + 1);
                while (records.hasNext()) {
                    ConsumerRecord<byte[], byte[]> record = records.next();
                    Prediction prediction = offsets.get(record.offset());
                    if (prediction != null && read(reader, record, x)) {
                        double value = value(x, feature);
                        if (value != 0) {
                            double step = -settings.learningRate().at(prediction.getVersion())
                                    * x.importance()
                                    * (prediction.getProbability() - prediction.getLabel())
                                    * value;
                            moves.add(new WeightMove(prediction, value, x.importance(), step));
                        }
                    }
                }
            });
        }
        return moves;
    }

    private static boolean read(RecordReader reader, ConsumerRecord<byte[], byte[]> record, Example x) {
        try {
            return reader.read(InputRecord.produced(record), x) == InputKind.EXAMPLE;
        } catch (Rejection e) {
            // it has a prediction, so it could be read when it was learned from
            return false;
        }
    }

    /** Returns the value of a feature in an example; 0 if it is not there. */
    private double value(Example x, String feature) {
        double sum = 0;
        for (int k = 0; k < x.size(); k++) {
            String name;
            if (x.form() == FeatureForm.NAMED) {
                int hash = FeatureHash.of(x.names(), x.nameStart(k), x.nameLength(k));
                String hashed = "#" + FeatureHash.index(hash, settings.namesMax(), settings.space());
                name = feature.equals(hashed) ? hashed : x.name(k);
            } else {
                name = "#" + (x.form() == FeatureForm.DENSE ? k : x.index(k));
            }
            sum += feature.equals(name) ? x.values()[k] : 0;
        }
        return sum;
    }
}
