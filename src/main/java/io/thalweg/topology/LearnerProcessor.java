package io.thalweg.topology;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SourceCoordinates;
import io.thalweg.math.Example;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.output.DeadLetters;
import io.thalweg.output.MetricsRecords;
import io.thalweg.output.OutputRecord;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.Predictions;
import io.thalweg.output.WeightsRecords;
import io.thalweg.store.WeightStore;
import java.time.Duration;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes in a record, predicts, learns, and passes on what there is to publish: a prediction or a dead letter for every record that
 * is not a deletion, and weights and metrics when they are due.
 */
final class LearnerProcessor implements Processor<byte[], byte[], byte[], OutputRecord> {
    private static final Logger LOG = LoggerFactory.getLogger(LearnerProcessor.class);

    private final ThalwegConfig config;
    private final String keyless;
    private final boolean routed;
    private final String routedTopic;
    private final boolean modelIsKey;

    private final RecordReader reader;
    private final Learner learner;
    private final DeadLetters deadLetters;
    private final WeightsRecords weightsRecords;
    private final int metricsEvery;
    private final Example example = new Example();
    private final PredictionResult result = new PredictionResult();

    private ProcessorContext<byte[], OutputRecord> context;
    private WeightStore store;
    private Counters counters;
    private int partition;
    private TopicPartition source;
    private boolean repeating;

    LearnerProcessor(ThalwegConfig config, SchemaSource schemas, String keyless, boolean routed) {
        this.config = config;
        this.keyless = keyless;
        this.routed = routed;
        routedTopic = config.routedTopic();
        modelIsKey = config.mapping().isModelFromKey();
        reader = new RecordReader(schemas, config, keyless);
        learner = new Learner(config.learner(), config.getInt(ThalwegConfig.WEIGHTS_WINDOW));
        deadLetters = new DeadLetters(config.getInt(ThalwegConfig.DEAD_LETTERS_MAX_BYTES));
        weightsRecords = new WeightsRecords(
                config.getInt(ThalwegConfig.WEIGHTS_RECORD_MAX), config.getInt(ThalwegConfig.WEIGHTS_EVERY));
        metricsEvery = config.getInt(ThalwegConfig.METRICS_EVERY);
    }

    @Override
    public void init(ProcessorContext<byte[], OutputRecord> processorContext) {
        context = processorContext;
        partition = context.taskId().partition();
        store = context.getStateStore(LearnerSupplier.STORE);
        store.begin(
                config.replayedSettings(keyless), learner.optimizer(), config.getBoolean(ThalwegConfig.STATE_MIGRATE));
        counters = new Counters(context);
        context.schedule(
                Duration.ofMillis(config.getLong(ThalwegConfig.WEIGHTS_INTERVAL_MS)),
                PunctuationType.WALL_CLOCK_TIME,
                this::publishRest);
    }

    @Override
    public void close() {
        if (counters != null) {
            counters.close();
        }
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata at = context.recordMetadata().orElseThrow();
        if (source == null
                || source.partition() != at.partition()
                || !source.topic().equals(at.topic())) {
            source = new TopicPartition(at.topic(), at.partition());
        }
        SourceCoordinates coordinates = at.topic().equals(routedTopic) ? SourceCoordinates.of(record.headers()) : null;
        TopicPartition first =
                coordinates == null ? null : new TopicPartition(coordinates.topic(), coordinates.partition());
        // what has lost its offsets sends on again what it has sent on before
        if (store.has(source, at.offset()) || first != null && store.has(first, coordinates.offset())) {
            skipDuplicate(at);
            return;
        }
        repeating = false;
        byte[] key = coordinates == null ? record.key() : coordinates.key();
        Headers headers = coordinates == null ? record.headers() : coordinates.headers();
        try {
            String modelId = reader.modelId(key, record.value(), headers);
            if (record.value() == null) {
                forget(modelId, record.timestamp());
            } else {
                modelId = reader.example(record.value(), modelId, example);
                learner.process(store, modelId, example, result);
                publish(modelId, record, at);
            }
        } catch (Rejection rejection) {
            emitDeadLetter(record, at, coordinates, rejection);
        }
        store.took(source, at.offset());
        if (first != null) {
            store.took(first, coordinates.offset());
        }
    }

    private void publish(String modelId, Record<byte[], byte[]> record, RecordMetadata at) {
        forward(
                OutputTopic.PREDICTIONS,
                // the key that the record has, where that is the model id
                record.key() == null || !modelIsKey ? WeightsRecords.key(modelId) : record.key(),
                Predictions.of(example, result, at.partition(), at.offset()),
                record.timestamp(),
                record.headers());
        counters.predictions.count();
        if (!result.learned()) {
            return;
        }
        counters.steps.count();
        Model model = result.model();
        store.stepped(result, example);
        if (weightsRecords.afterStep(model, (key, weights) -> forwardWeights(key, weights, record.timestamp()))) {
            store.published(model);
        } else {
            store.unpublished(model);
        }
        if (model.version() % metricsEvery == 0) {
            forward(OutputTopic.METRICS, WeightsRecords.key(model.id()), MetricsRecords.of(model), record.timestamp());
        }
    }

    private void forget(String modelId, long timestamp) {
        store.remove(modelId).ifPresent(model -> {
            WeightsRecords.retract(model, (key, weights) -> forwardWeights(key, weights, timestamp));
            forward(OutputTopic.METRICS, WeightsRecords.key(modelId), null, timestamp);
        });
        counters.deletions.count();
    }

    private void emitDeadLetter(
            Record<byte[], byte[]> record, RecordMetadata at, SourceCoordinates coordinates, Rejection rejection) {
        byte[] key = coordinates == null ? record.key() : coordinates.key();
        Headers headers = coordinates == null ? record.headers() : coordinates.headers();
        DeadLetter letter = deadLetters.of(
                rejection,
                coordinates == null ? at.topic() : coordinates.topic(),
                coordinates == null ? at.partition() : coordinates.partition(),
                coordinates == null ? at.offset() : coordinates.offset(),
                record.timestamp(),
                key,
                record.value(),
                headers);
        Headers all = deadLetters.headers(letter, key, record.value(), headers);
        if (coordinates != null) {
            DeadLetters.addRoutedOffset(all, at.offset());
        }
        forward(
                OutputTopic.DEAD_LETTERS,
                deadLetters.key(key, record.value(), headers),
                letter,
                record.timestamp(),
                all);
        counters.deadLetters.count();
        LOG.debug(
                "{}-{}@{}: {}: {}",
                letter.getTopic(),
                letter.getPartition(),
                letter.getOffset(),
                letter.getReason(),
                letter.getDetail());
    }

    /**
     * Publishes, at an interval, what no step has published. A timeout must not get out of here as one: Kafka Streams would commit
     * the predictions in flight without the steps that they belong to.
     */
    private void publishRest(long now) {
        counters.flush();
        try {
            publishUnpublished(now);
        } catch (TimeoutException e) {
            throw new StreamsException("the brokers did not answer: " + e.getMessage(), e);
        }
    }

    private void publishUnpublished(long now) {
        store.takeUnpublished(
                model -> weightsRecords.publish(model, (key, weights) -> forwardWeights(key, weights, now)));
    }

    private void forwardWeights(byte[] key, Weights weights, long timestamp) {
        forward(OutputTopic.WEIGHTS, key, weights, timestamp);
    }

    private void forward(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp) {
        // a record without headers makes its own; given some, it makes a copy
        forward(topic, new Record<>(key, new OutputRecord(topic, partition, value), timestamp));
    }

    private void forward(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
        forward(topic, new Record<>(key, new OutputRecord(topic, partition, value), timestamp, headers));
    }

    private void forward(OutputTopic topic, Record<byte[], OutputRecord> record) {
        if (routed) {
            context.forward(record, topic.sink());
        } else {
            context.forward(record);
        }
    }

    private void skipDuplicate(RecordMetadata at) {
        counters.repeats.count();
        if (!repeating) {
            repeating = true;
            LOG.warn(
                    "{}-{}@{} and what follows it has been learned from already and is passed over. If the topic was deleted and"
                            + " made anew, forget the old one with `thalweg reset`.",
                    at.topic(),
                    at.partition(),
                    at.offset());
        }
    }
}
