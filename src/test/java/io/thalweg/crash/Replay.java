package io.thalweg.crash;

import io.thalweg.avro.Example;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Examples.ModelMap;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.output.MetricsRecords;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * What must come of an input: the fold of the learning step over each partition in the order of offsets, on a plain
 * map, with no Kafka Streams, no store and no decoder of Thalweg's.
 */
final class Replay {
    /** A record that an output topic must hold. */
    record Expected(byte[] key, byte[] value) {}

    /** A dead letter, but for its words. */
    record ExpectedLetter(long offset, String reason, byte[] key, byte[] value) {}

    /** What must come of one partition. */
    static final class Partition {
        final List<Expected> predictions = new ArrayList<>();
        final List<ExpectedLetter> deadLetters = new ArrayList<>();
        /** The last of each model. */
        final Map<String, byte[]> metrics = new HashMap<>();

        final ModelMap learned = new ModelMap();
        long steps;
        long offset;
    }

    final List<Partition> partitions = new ArrayList<>();
    private final int metricsEvery;
    private final io.thalweg.math.Example x = new io.thalweg.math.Example();
    private final PredictionResult result = new PredictionResult();
    private final NavigableMap<Long, Learner> learners = new TreeMap<>();

    /** @param spans the settings from an offset on; more than one only where there is one partition */
    Replay(int partitions, Map<Long, ThalwegConfig> spans) {
        for (int i = 0; i < partitions; i++) {
            this.partitions.add(new Partition());
        }
        spans.forEach((offset, config) -> learners.put(offset, new Learner(config.learner())));
        metricsEvery = spans.get(0L).getInt(ThalwegConfig.METRICS_EVERY);
    }

    /** Whether an offset was learned with sgd. */
    boolean isSgdAt(long offset) {
        return learnerAt(offset).settings().algorithm() == Algorithm.SGD;
    }

    /** The learning rate, a constant one, at an offset. */
    double rateAt(long offset) {
        return learnerAt(offset).settings().learningRate().initial();
    }

    private Learner learnerAt(long offset) {
        return learners.floorEntry(offset).getValue();
    }

    void take(Input input) {
        Partition partition = partitions.get(input.partition());
        long offset = partition.offset++;
        if (offset > 0 && isSgdAt(offset) != isSgdAt(offset - 1)) {
            partition.learned.models.replaceAll(
                    (id, model) -> model.under(learnerAt(offset).optimizer()));
        }
        if (input.unusable() != null) {
            bury(input, partition, offset, input.unusable());
        } else if (input.value() == null) {
            partition.learned.models.remove(input.model());
            partition.metrics.remove(input.model());
        } else {
            read(input.example());
            try {
                Model model = partition.learned.process(learnerAt(offset), input.model(), x, result);
                publish(input, partition, offset, model);
            } catch (Rejection rejection) {
                bury(input, partition, offset, rejection.reason());
            }
        }
    }

    private void publish(Input input, Partition partition, long offset, Model model) {
        Example example = input.example();
        Prediction prediction = new Prediction(
                example.getId(),
                result.probability(),
                result.logit(),
                result.version(),
                example.getLabel(),
                example.getLabel() == null ? null : (Double) result.logLoss(example.getLabel()),
                input.partition(),
                offset,
                null);
        partition.predictions.add(
                new Expected(input.model().getBytes(StandardCharsets.UTF_8), AvroWireFormat.encode(prediction)));
        if (example.getLabel() != null) {
            partition.steps++;
            if (model.version() % metricsEvery == 0) {
                partition.metrics.put(model.id(), AvroWireFormat.encode(MetricsRecords.of(model, null)));
            }
        }
    }

    private static void bury(Input input, Partition partition, long offset, Rejection.Reason reason) {
        partition.deadLetters.add(new ExpectedLetter(offset, reason.name(), input.key(), input.value()));
    }

    private void read(Example example) {
        x.clear();
        if (example.getLabel() != null) {
            x.label(example.getLabel());
        }
        x.importance(example.getImportance());
        if (example.getFeatures() instanceof SparseFeatures sparse) {
            x.form(FeatureForm.SPARSE);
            sparse.getIndices().forEach(x::addIndex);
            sparse.getValues().forEach(x::addValue);
        } else if (example.getFeatures() instanceof List<?> dense) {
            x.form(FeatureForm.DENSE);
            dense.forEach(value -> x.addValue((Double) value));
        } else if (example.getFeatures() instanceof Map<?, ?> named) {
            x.form(FeatureForm.NAMED);
            named.forEach((name, value) -> {
                byte[] utf8 = name.toString().getBytes(StandardCharsets.UTF_8);
                x.addNamed(utf8, 0, utf8.length, (Double) value);
            });
        }
    }
}
