package io.thalweg.app.cli;

import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.input.RecordReader;
import io.thalweg.math.ExactMetrics;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Learner;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.Model;
import io.thalweg.math.Models;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The learner of the topology over the lines of a file or the records of a topic, writing nothing: the same fold over the same
 * examples in the same order.
 */
final class Evaluation implements Models {
    private final Learner learner;
    private final String keyless;
    private final List<Map<String, Model>> partitions = new ArrayList<>(List.of(new LinkedHashMap<>()));
    private final ExactMetrics metrics = new ExactMetrics();
    private final Example x = new Example();
    private final PredictionResult result = new PredictionResult();
    private Map<String, Model> models = partitions.get(0);
    private long unlabelled;

    /** @param keyless the model of examples that name none; empty if there are none such */
    Evaluation(LearnerSettings settings, String keyless) {
        learner = new Learner(settings);
        this.keyless = keyless;
    }

    /**
     * Predicts a line, and learns from it if it has a label.
     *
     * @return what came of it, until the next line is taken; null if the line deletes its model
     * @throws BadLineException if the learner cannot use it; nothing has changed then
     */
    PredictionResult take(Line line) throws BadLineException {
        String modelId = line.model() == null ? keyless : line.model();
        if (line.example() == null) {
            models.remove(modelId);
            return null;
        }
        fill(line.example());
        try {
            learn(modelId);
        } catch (Rejection e) {
            throw new BadLineException(e.reason() + ": " + e.getMessage());
        }
        return result;
    }

    /**
     * Predicts a record, and learns from it if it has a label.
     *
     * @throws Rejection if the learner would make a dead letter of it; nothing has changed then
     */
    void take(ConsumerRecord<byte[], byte[]> record, RecordReader reader) throws Rejection {
        String modelId = reader.modelId(record.key(), record.value(), record.headers());
        if (record.value() == null) {
            models.remove(modelId);
            return;
        }
        learn(reader.example(record.value(), modelId, x));
    }

    /** What comes now is of another partition, which has models of its own. */
    void nextPartition() {
        models = new LinkedHashMap<>();
        partitions.add(models);
    }

    private void learn(String modelId) throws Rejection {
        learner.process(this, modelId, x, result);
        if (result.learned()) {
            metrics.add(result.logit(), result.label(), x.importance());
        } else {
            unlabelled++;
        }
    }

    /** As if it had been written and read again. */
    private void fill(io.thalweg.avro.Example example) {
        x.clear();
        x.importance(example.getImportance());
        if (example.getLabel() != null) {
            x.label(example.getLabel());
        }
        if (example.getFeatures() instanceof SparseFeatures sparse) {
            x.form(FeatureForm.SPARSE);
            sparse.getIndices().forEach(x::addIndex);
            sparse.getValues().forEach(x::addValue);
        } else if (example.getFeatures() instanceof Map<?, ?> named) {
            x.form(FeatureForm.NAMED);
            named.forEach((name, value) -> {
                byte[] utf8 = name.toString().getBytes(StandardCharsets.UTF_8);
                x.addNamed(utf8, 0, utf8.length, (Double) value);
            });
        } else {
            x.form(FeatureForm.DENSE);
            ((List<?>) example.getFeatures()).forEach(value -> x.addValue((Double) value));
        }
    }

    /** Over the labelled examples. */
    ExactMetrics metrics() {
        return metrics;
    }

    /** How many examples were only predicted. */
    long unlabelled() {
        return unlabelled;
    }

    /** The models of all partitions, in the order in which they began. */
    List<Model> models() {
        return partitions.stream().flatMap(of -> of.values().stream()).toList();
    }

    @Override
    public Model get(String id) {
        return models.get(id);
    }

    @Override
    public void add(Model model) {
        models.put(model.id(), model);
    }

    @Override
    public int size() {
        return models.size();
    }
}
