package io.thalweg.app.cli;

import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.fold.LearningTask.Applied;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.RecordReader;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.math.ExactMetrics;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.store.ModelEntry;
import io.thalweg.store.StartModels;
import io.thalweg.store.TaskState;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * An evaluation of a learner. It runs the {@link LearningTask} of a learner over the lines of a file or the records of
 * a topic, and publishes nothing.
 */
final class Evaluation {
    private final ThalwegConfig config;
    private final String keyless;
    private final StartModels start;
    /** One task for each partition that was read. */
    private final List<LearningTask> tasks = new ArrayList<>();

    private final ExactMetrics metrics = new ExactMetrics();
    private final Example x = new Example();
    private LearningTask task;
    private long unlabelled;

    /**
     * Creates an evaluation.
     *
     * @param config the settings of the learner
     * @param keyless the model of examples that do not name a model; empty if such examples are rejected
     */
    Evaluation(ThalwegConfig config, String keyless) {
        // nothing reports how far the weights have moved
        this.config = config.with(ThalwegConfig.WEIGHTS_WINDOW, 0);
        this.keyless = keyless;
        start = StartModels.of(config);
        nextPartition();
    }

    /**
     * Predicts a line, and learns from it if it has a label.
     *
     * @return the prediction, which is valid until the next call; null if the line deletes its model
     * @throws BadLineException if the learner cannot use the line; then nothing has changed
     */
    PredictionResult take(Line line) throws BadLineException {
        String modelId = modelId(line);
        if (line.example() == null) {
            task.delete(modelId);
            return null;
        }
        fill(x, line.example());
        if (line.example().getLabel() != null) {
            x.label(line.example().getLabel());
        }
        try {
            apply(modelId);
        } catch (Rejection e) {
            throw bad(e);
        }
        return task.prediction();
    }

    /**
     * Predicts a line whose label comes later.
     *
     * @param label the label by which the prediction is judged; null if there is none
     * @throws BadLineException if the learner cannot use the line; then nothing has changed
     */
    void takeEvent(Line line, byte[] id, Double label, long time, OutputSink outcomes) throws BadLineException {
        String modelId = modelId(line);
        if (line.example() == null) {
            task.delete(modelId);
            return;
        }
        fill(x, line.example());
        x.id(id);
        try {
            task.applyEvent(modelId, x, time, outcomes);
        } catch (Rejection e) {
            throw bad(e);
        }
        if (label == null) {
            unlabelled++;
        } else {
            metrics.add(task.prediction().logit(), label, x.importance());
        }
    }

    /**
     * Takes the label of a line that was predicted earlier.
     *
     * @throws BadLineException if the model cannot learn from it
     */
    void takeLabel(String modelId, byte[] id, double label, long time, OutputSink outcomes) throws BadLineException {
        x.clear();
        x.id(id);
        x.label(label);
        x.importance(Double.NaN);
        try {
            task.applyLabel(modelId, x, time, outcomes);
        } catch (Rejection e) {
            throw bad(e);
        }
    }

    /**
     * Predicts an event, and learns from it if it has a label.
     *
     * @return whether it had a label; if not, the prediction is yet to be judged
     * @throws Rejection if the learner would make the event a dead letter; then nothing has changed
     */
    boolean takeEvent(String modelId, Example event, long time, OutputSink outcomes) throws Rejection {
        if (task.applyEvent(modelId, event, time, outcomes) != Applied.LEARNED) {
            return false;
        }
        metrics.add(task.prediction().logit(), event.label(), event.importance());
        return true;
    }

    /**
     * Takes the label of an event that was predicted earlier.
     *
     * @throws Rejection if the learner would make the label a dead letter
     */
    void takeLabel(String modelId, Example label, long time, OutputSink outcomes) throws Rejection {
        task.applyLabel(modelId, label, time, outcomes);
    }

    /** Deletes a model. */
    void delete(String modelId) {
        task.delete(modelId);
    }

    /** The logit of the last prediction. */
    double logit() {
        return task.prediction().logit();
    }

    /** Judges a prediction by its label. */
    void judge(double logit, double label, double importance) {
        metrics.add(logit, label, importance);
    }

    /** Counts an example that is not judged. */
    void onlyPredicted() {
        unlabelled++;
    }

    /** Lets the time go on, for labels that do not come. */
    void advanceTo(long time, OutputSink outcomes) {
        task.advanceTo(time, outcomes);
    }

    /** The model that a line is for. */
    String modelId(Line line) {
        return line.model() == null ? keyless : line.model();
    }

    private static BadLineException bad(Rejection e) {
        return new BadLineException(e.reason() + ": " + e.getMessage());
    }

    /**
     * Predicts a record, and learns from it if it has a label.
     *
     * @throws Rejection if the learner would make the record a dead letter; then nothing has changed
     */
    void take(ConsumerRecord<byte[], byte[]> record, RecordReader reader) throws Rejection {
        if (reader.isPassedOver(record.value(), record.headers())) {
            return;
        }
        String modelId = reader.modelId(record.key(), record.value(), record.headers());
        if (record.value() == null) {
            task.delete(modelId);
            return;
        }
        apply(reader.example(record.value(), record.headers(), modelId, x));
    }

    /** Continues with another partition, which has models of its own. */
    void nextPartition() {
        task = new LearningTask(
                config,
                id -> {
                    throw new UnknownSchemaException(id);
                },
                keyless,
                TaskState.inMemory(),
                start);
        tasks.add(task);
    }

    private void apply(String modelId) throws Rejection {
        if (task.apply(modelId, x) == Applied.LEARNED) {
            metrics.add(task.prediction().logit(), x.label(), x.importance());
        } else {
            unlabelled++;
        }
    }

    /** Copies an example without its label, as if it had been encoded and decoded. */
    static void fill(Example x, io.thalweg.avro.Example example) {
        x.clear();
        x.importance(example.getImportance());
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

    /** What new models begin with. */
    StartModels start() {
        return start;
    }

    /** The metrics over the labeled examples. */
    ExactMetrics metrics() {
        return metrics;
    }

    /** How many examples were only predicted. */
    long unlabelled() {
        return unlabelled;
    }

    /** The models of all partitions, in the order in which they began. */
    List<Model> models() {
        return tasks.stream()
                .flatMap(each -> each.models().stream())
                .map(ModelEntry::model)
                .toList();
    }
}
