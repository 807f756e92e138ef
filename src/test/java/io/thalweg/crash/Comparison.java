package io.thalweg.crash;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.crash.Replay.Expected;
import io.thalweg.crash.Replay.ExpectedLetter;
import io.thalweg.math.Model;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.IsolationLevel;

/**
 * The outputs of a learner, as a reader of what is committed sees them, beside those that a replay says must be there.
 */
final class Comparison {
    private static final int ENOUGH = 10;

    private final Trial trial;
    private final Replay replay;
    private final List<String> differences = new ArrayList<>();

    Comparison(Trial trial, Replay replay) {
        this.trial = trial;
        this.replay = replay;
    }

    private void differs(String what) {
        if (differences.size() < ENOUGH) {
            differences.add(what);
        }
    }

    private List<List<ConsumerRecord<byte[], byte[]>>> read(String setting) {
        List<List<ConsumerRecord<byte[], byte[]>>> partitions = new ArrayList<>();
        replay.partitions.forEach(partition -> partitions.add(new ArrayList<>()));
        trial.read(setting, IsolationLevel.READ_COMMITTED)
                .forEach(record -> partitions.get(record.partition()).add(record));
        return partitions;
    }

    /** Of each partition the predictions, one for each example, in order; every field, and the key. */
    List<String> ofPredictions() {
        List<List<ConsumerRecord<byte[], byte[]>>> found = read(ThalwegConfig.PREDICTIONS_TOPIC);
        for (int p = 0; p < found.size(); p++) {
            List<Expected> expected = replay.partitions.get(p).predictions;
            compareCounts("predictions", p, expected.size(), found.get(p).size());
            for (int i = 0; i < Math.min(expected.size(), found.get(p).size()); i++) {
                ConsumerRecord<byte[], byte[]> record = found.get(p).get(i);
                if (!Arrays.equals(expected.get(i).value(), record.value())
                        || !Arrays.equals(expected.get(i).key(), record.key())) {
                    differs("prediction %d of partition %d is %s and not %s"
                            .formatted(
                                    i,
                                    p,
                                    prediction(record.value()),
                                    prediction(expected.get(i).value())));
                }
            }
            compareByHand(found.get(p));
        }
        return differences;
    }

    /** Dense models a third way: the textbook's loop over an array. */
    private void compareByHand(List<ConsumerRecord<byte[], byte[]>> records) {
        if (records.isEmpty()) {
            return;
        }
        int partition = records.get(0).partition();
        Map<Long, Prediction> predictions = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            Prediction prediction = prediction(record.value());
            predictions.put(prediction.getOffset(), prediction);
        }
        Map<String, Textbook> textbooks = new HashMap<>();
        var input = trial.inputAgain();
        long offset = 0;
        for (long i = 0; i < trial.sent(); i++) {
            Input next = input.get();
            if (next.partition() != partition) {
                continue;
            }
            Prediction prediction = predictions.get(offset++);
            if (prediction == null
                    || !replay.isSgdAt(prediction.getOffset())
                    || !next.model().startsWith(RandomInputs.DENSE_PREFIX)) {
                continue;
            }
            Textbook textbook = textbooks.computeIfAbsent(next.model(), model -> new Textbook());
            double probability = textbook.predictAndLearn(next.example(), replay.rateAt(prediction.getOffset()));
            if (Double.doubleToRawLongBits(probability) != Double.doubleToRawLongBits(prediction.getProbability())) {
                differs("probability at offset %d of partition %d is %s and by hand %s"
                        .formatted(prediction.getOffset(), partition, prediction.getProbability(), probability));
            }
        }
    }

    private static Prediction prediction(byte[] value) {
        return AvroWireFormat.decode(value, Prediction.getClassSchema());
    }

    private void compareCounts(String what, int partition, int expected, int found) {
        if (expected != found) {
            differs("partition %d has %d %s and not %d".formatted(partition, found, what, expected));
        }
    }

    /** One for each record that cannot be used, in order, with its reason, its coordinates and its bytes. */
    List<String> ofDeadLetters() {
        List<List<ConsumerRecord<byte[], byte[]>>> found = read(ThalwegConfig.DEAD_LETTERS_TOPIC);
        for (int p = 0; p < found.size(); p++) {
            List<ExpectedLetter> expected = replay.partitions.get(p).deadLetters;
            compareCounts("dead letters", p, expected.size(), found.get(p).size());
            for (int i = 0; i < Math.min(expected.size(), found.get(p).size()); i++) {
                ConsumerRecord<byte[], byte[]> record = found.get(p).get(i);
                DeadLetter letter = AvroWireFormat.decode(record.value(), DeadLetter.getClassSchema());
                ExpectedLetter wanted = expected.get(i);
                if (letter.getPartition() != p
                        || letter.getOffset() != wanted.offset()
                        || !letter.getReason().toString().equals(wanted.reason())
                        || !Arrays.equals(record.key(), wanted.key())
                        || !same(letter.getKey(), wanted.key())
                        || !same(letter.getValue(), wanted.value())) {
                    differs("dead letter %d of partition %d is %s at %d and not %s at %d"
                            .formatted(i, p, letter.getReason(), letter.getOffset(), wanted.reason(), wanted.offset()));
                }
            }
        }
        return differences;
    }

    private static boolean same(ByteBuffer found, byte[] expected) {
        return found == null ? expected == null : expected != null && found.equals(ByteBuffer.wrap(expected));
    }

    /** The last of each model. */
    List<String> ofMetrics() {
        List<List<ConsumerRecord<byte[], byte[]>>> found = read(ThalwegConfig.METRICS_TOPIC);
        for (int p = 0; p < found.size(); p++) {
            Map<String, byte[]> expected = new HashMap<>(replay.partitions.get(p).metrics);
            latest(found.get(p)).forEach((model, value) -> {
                byte[] wanted = expected.remove(model);
                if (!Arrays.equals(wanted, value)) {
                    differs("metrics of %s are %s and not %s".formatted(model, metrics(value), metrics(wanted)));
                }
            });
            expected.keySet().forEach(model -> differs("metrics of %s are missing".formatted(model)));
        }
        return differences;
    }

    private static Metrics metrics(byte[] value) {
        return value == null ? null : AvroWireFormat.decode(value, Metrics.getClassSchema());
    }

    /** The latest value under each key, as compaction leaves them; none for tombstones. */
    private static Map<String, byte[]> latest(List<ConsumerRecord<byte[], byte[]>> records) {
        Map<String, byte[]> latest = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            String key = new String(record.key(), StandardCharsets.UTF_8);
            if (record.value() == null) {
                latest.remove(key);
            } else {
                latest.put(key, record.value());
            }
        }
        return latest;
    }

    /** The models that the latest records add up to. */
    List<String> ofWeights() {
        List<List<ConsumerRecord<byte[], byte[]>>> found = read(ThalwegConfig.WEIGHTS_TOPIC);
        for (int p = 0; p < found.size(); p++) {
            Map<String, List<Weights>> byModel = new TreeMap<>();
            latest(found.get(p)).forEach((key, value) -> {
                Weights record = AvroWireFormat.decode(value, Weights.getClassSchema());
                String model = record.getModel().toString();
                String wanted = record.getBlock() == null ? model : model + '\0' + record.getBlock();
                if (!key.equals(wanted)) {
                    differs("key %s holds %s".formatted(key, wanted));
                }
                byModel.computeIfAbsent(model, m -> new ArrayList<>()).add(record);
            });
            for (Model model : replay.partitions.get(p).learned.models.values()) {
                List<Weights> records = byModel.remove(model.id());
                if (records == null) {
                    differs("weights of %s are missing".formatted(model.id()));
                } else {
                    compareModel(model, records);
                }
            }
            byModel.keySet().forEach(model -> differs("there are weights of %s, which is no more".formatted(model)));
        }
        return differences;
    }

    private void compareModel(Model model, List<Weights> records) {
        Weights newest = records.get(0);
        Map<Integer, Weight> weights = new TreeMap<>();
        for (Weights record : records) {
            newest = record.getVersion() > newest.getVersion() ? record : newest;
            record.getWeights().forEach(weight -> weights.put(weight.getFeature(), weight));
        }
        // weights of a mixture move without steps, so that a block is right at its own version only
        Set<Integer> older = new HashSet<>();
        for (Weights record : records) {
            if (!model.optimizer().mixture(model).isEmpty() && record.getVersion() < newest.getVersion()) {
                older.add(record.getBlock());
            }
        }
        if (newest.getVersion() != model.version() || newest.getBlocks() != records.size()) {
            differs("weights of %s are %d records of version %d and not %d of version %d"
                    .formatted(model.id(), records.size(), newest.getVersion(), newest.getBlocks(), model.version()));
        }
        if (bits(newest.getBias()) != bits(model.bias())
                || bits(newest.getLearningRate()) != bits(model.learningRate())) {
            differs("bias of %s is %s and not %s".formatted(model.id(), newest.getBias(), model.bias()));
        }
        for (int i = 0; i < model.extent(); i++) {
            Weight weight = weights.remove(i);
            if (older.contains(i / Model.BLOCK)) {
                continue;
            }
            double found = weight == null ? 0 : weight.getWeight();
            // a weight that is not published is zero, of either sign
            if (bits(found) != bits(model.weight(i)) && !(weight == null && model.weight(i) == 0)) {
                differs("weight %d of %s is %s and not %s".formatted(i, model.id(), found, model.weight(i)));
            }
            if (weight != null && i < model.names().size()) {
                String name = new String(model.names().get(i), StandardCharsets.UTF_8);
                if (!name.equals(String.valueOf(weight.getName()))) {
                    differs("weight %d of %s is named %s and not %s".formatted(i, model.id(), weight.getName(), name));
                }
            }
        }
        weights.keySet().forEach(i -> differs("there is a weight %d of %s".formatted(i, model.id())));
    }

    private static long bits(double x) {
        return Double.doubleToRawLongBits(x);
    }
}
