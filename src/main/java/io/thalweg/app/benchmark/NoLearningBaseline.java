package io.thalweg.app.benchmark;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Model;
import io.thalweg.math.Rejection;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.WeightsRecords;
import io.thalweg.topology.PublishingPace;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.avro.io.BinaryData;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * A program that costs what the learner would if learning and keeping state were free. It decodes the example, and
 * writes predictions, weights and metrics of the same sizes as those of sgd to the same topics at the same times. Their
 * numbers are random, so that they are as hard to compress. To know what to write, it counts records and notes which
 * features have occurred. It does not publish weights of features with names.
 */
final class NoLearningBaseline implements Processor<byte[], byte[], byte[], byte[]> {
    /**
     * How many numbers a metrics record has besides the counts of examples, for all and for the recent examples each.
     */
    private static final int QUALITY_NUMBERS = 9;

    private static final double NOTHING = 0;

    private final RecordReader reader;
    private final Example x = new Example();
    private final int recordMax;
    private final int weightsEvery;
    private final int window;
    private final int metricsEvery;
    private final long intervalMs;
    private final SplittableRandom random = new SplittableRandom(1);
    private final ByteBuffer bytes = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

    private final Map<String, Seen> models = new HashMap<>();
    private byte[] lastKey;
    private Seen last;
    private ProcessorContext<byte[], byte[]> context;
    private final PublishingPace pace = new PublishingPace(System::nanoTime);

    /** The features of a model that have occurred. */
    private static final class Seen {
        final byte[] key;
        final BitSet features = new BitSet();
        final BitSet blocks = new BitSet();
        final BitSet changed = new BitSet();
        long steps;
        long published;

        Seen(byte[] key) {
            this.key = key;
        }
    }

    NoLearningBaseline(ThalwegConfig config, SchemaSource schemas) {
        reader = new RecordReader(schemas, config, "");
        recordMax = config.getInt(ThalwegConfig.WEIGHTS_RECORD_MAX);
        weightsEvery = config.getInt(ThalwegConfig.WEIGHTS_EVERY);
        window = config.getInt(ThalwegConfig.WEIGHTS_WINDOW);
        metricsEvery = config.getInt(ThalwegConfig.METRICS_EVERY);
        intervalMs = config.getLong(ThalwegConfig.WEIGHTS_INTERVAL_MS);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> processorContext) {
        context = processorContext;
        context.schedule(Duration.ofMillis(intervalMs), PunctuationType.WALL_CLOCK_TIME, this::publishRest);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        try {
            reader.example(record.value(), "", x);
        } catch (Rejection e) {
            throw new IllegalStateException("the benchmark's own example: " + e.getMessage(), e);
        }
        Seen seen = seen(record.key());
        long offset = context.recordMetadata().orElseThrow().offset();
        context.forward(record.withValue(prediction(seen.steps, offset)), OutputTopic.PREDICTIONS.sink());
        seen.steps++;
        mark(seen);
        if (!seen.features.isEmpty() && seen.features.length() <= recordMax && seen.steps % weightsEvery == 0) {
            publishWhole(seen, record.timestamp());
        }
        if (seen.steps % metricsEvery == 0) {
            forward(OutputTopic.METRICS, seen.key, metrics(seen), record.timestamp());
        }
    }

    private Seen seen(byte[] key) {
        if (!Arrays.equals(key, lastKey)) {
            lastKey = key;
            last = models.computeIfAbsent(new String(key, StandardCharsets.UTF_8), id -> new Seen(key));
        }
        return last;
    }

    private void mark(Seen seen) {
        if (x.form() == FeatureForm.DENSE) {
            if (seen.features.isEmpty()) {
                seen.features.set(0, x.size());
            }
            return;
        }
        if (x.form() == FeatureForm.NAMED) {
            return;
        }
        for (int k = 0; k < x.size(); k++) {
            int index = x.index(k);
            seen.features.set(index);
            seen.changed.set(index / Model.BLOCK);
        }
    }

    private void publishRest(long now) {
        if (!pace.begins()) {
            return;
        }
        for (Seen seen : models.values()) {
            if (seen.published == seen.steps || seen.features.isEmpty()) {
                continue;
            }
            if (seen.features.length() <= recordMax) {
                publishWhole(seen, now);
                continue;
            }
            seen.blocks.or(seen.changed);
            String id = new String(seen.key, StandardCharsets.UTF_8);
            for (int block = seen.changed.nextSetBit(0); block >= 0; block = seen.changed.nextSetBit(block + 1)) {
                byte[] weights = weights(seen, block * Model.BLOCK, block);
                forward(OutputTopic.WEIGHTS, WeightsRecords.key(id, block), weights, now);
            }
            seen.changed.clear();
            seen.published = seen.steps;
        }
        pace.end();
    }

    private void publishWhole(Seen seen, long timestamp) {
        forward(OutputTopic.WEIGHTS, seen.key, weights(seen, 0, -1), timestamp);
        seen.published = seen.steps;
    }

    private void forward(OutputTopic topic, byte[] key, byte[] value, long timestamp) {
        context.forward(new Record<>(key, value, timestamp), topic.sink());
    }

    // ---- the records, as Avro would write them

    private byte[] prediction(long version, long offset) {
        begin();
        branch(0); // id
        number(); // probability
        number(); // logit
        whole(version);
        branch(1);
        bytes.putDouble(1); // label
        branch(1);
        number(); // log loss
        whole(context.taskId().partition());
        whole(offset);
        branch(0); // labels offset
        return end();
    }

    /** @param block the number of the block; -1 for the whole model */
    private byte[] weights(Seen seen, int from, int block) {
        begin();
        text(seen.key);
        whole(seen.steps);
        branch(block < 0 ? 0 : 1);
        if (block >= 0) {
            whole(block);
        }
        whole(block < 0 ? 1 : seen.blocks.cardinality());
        number(); // bias
        int end = block < 0 ? seen.features.length() : from + Model.BLOCK;
        whole(seen.features.get(from, end).cardinality());
        for (int i = seen.features.nextSetBit(from); i >= 0 && i < end; i = seen.features.nextSetBit(i + 1)) {
            whole(i);
            branch(0); // name
            number();
            branch(window > 0 ? 1 : 0);
            if (window > 0) {
                number(); // what it has moved by
            }
        }
        whole(0); // end of the array
        number(); // norm
        branch(1);
        number(); // change
        bytes.putDouble(NOTHING); // learning rate
        branch(window > 0 ? 1 : 0);
        if (window > 0) {
            int half = window / 2;
            whole(seen.steps - Math.max(0, ((seen.steps - 1) / half - 1) * half));
        }
        return end();
    }

    private byte[] metrics(Seen seen) {
        begin();
        text(seen.key);
        whole(seen.steps);
        quality(seen.steps);
        quality(seen.steps);
        number(); // learning rate
        whole(0); // nothing is mixed
        branch(0); // labels
        return end();
    }

    private void quality(long examples) {
        whole(examples);
        for (int i = 0; i < QUALITY_NUMBERS; i++) {
            number();
        }
    }

    private void begin() {
        bytes.clear();
        bytes.put((byte) 0).putInt(0);
    }

    private byte[] end() {
        byte[] value = new byte[bytes.position()];
        bytes.get(0, value);
        return value;
    }

    private void branch(int branch) {
        whole(branch);
    }

    private void whole(long number) {
        int start = bytes.position();
        bytes.position(start + BinaryData.encodeLong(number, bytes.array(), start));
    }

    private void text(byte[] utf8) {
        whole(utf8.length);
        bytes.put(utf8);
    }

    /** Writes a number from 0 to 1, of which only the bits of the exponent are easily guessed. */
    private void number() {
        bytes.putDouble(random.nextDouble());
    }
}
