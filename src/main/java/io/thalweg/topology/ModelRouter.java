package io.thalweg.topology;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.ModelRoute;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordBundle;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Rejection;
import io.thalweg.output.OutputRecord;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.InputOffsets.UnreadGap;
import io.thalweg.store.KeyPartitioner;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/** Sends events or labels on to the partition of their model, as {@link ModelRoute} says. */
final class ModelRouter implements Processor<byte[], byte[], byte[], Object>, OutputSink, ModelRoute.Copies {
    static final String ROUTED = "by-model";
    static final String UNROUTABLE = "unroutable";
    static final String ROUTED_LABELS = "labels-by-model";
    static final String UNROUTABLE_LABELS = "unroutable-labels";

    private final ModelRoute route;
    private final String topic;
    private final InputWatch watch;
    private final Duration weightsInterval;
    private final String sink;
    private final String deadLetterSink;
    private final InputHealth health;
    private ProcessorContext<byte[], Object> context;

    private Counters counters;
    private UnreadWatch unread;
    private TopicPartition read;

    private ModelRouter(
            ThalwegConfig config,
            ModelRoute route,
            String topic,
            InputWatch watch,
            String sink,
            String deadLetterSink) {
        this.topic = topic;
        this.watch = watch;
        weightsInterval = Duration.ofMillis(config.getLong(ThalwegConfig.WEIGHTS_INTERVAL_MS));
        this.route = route;
        this.sink = sink;
        this.deadLetterSink = deadLetterSink;
        health = new InputHealth(config);
    }

    /** Returns a router of events. */
    static ModelRouter ofEvents(ThalwegConfig config, SchemaSource schemas, InputWatch watch) {
        return new ModelRouter(
                config,
                ModelRoute.ofEvents(config, schemas),
                config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                watch,
                ROUTED,
                UNROUTABLE);
    }

    /** Returns a router of labels. */
    static ModelRouter ofLabels(ThalwegConfig config, SchemaSource schemas, InputWatch watch) {
        return new ModelRouter(
                config,
                ModelRoute.ofLabels(config, schemas),
                config.getString(ThalwegConfig.LABELS_TOPIC),
                watch,
                ROUTED_LABELS,
                UNROUTABLE_LABELS);
    }

    @Override
    public void init(ProcessorContext<byte[], Object> processorContext) {
        context = processorContext;
        counters = new Counters(context);
        read = new TopicPartition(topic, context.taskId().partition());
        unread = new UnreadWatch(read, watch);
        UnreadGap gap = new UnreadGap(watch.committed(read), watch.beginning(read));
        if (gap.from() > 0 && gap.from() < gap.to()) {
            counters.unread.count(gap.to() - gap.from());
            UnreadWatch.warn(read, gap, UnreadWatch.STOPPED.formatted(topic));
        }
        context.schedule(weightsInterval, PunctuationType.WALL_CLOCK_TIME, now -> {
            unread.look().ifPresent(found -> counters.unread.count(found.to() - found.from()));
            counters.flush();
        });
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
        List<ConsumerRecord<byte[], byte[]>> bundle = RecordBundle.of(record.headers());
        if (bundle == null) {
            route(InputRecord.produced(
                    read, at.offset(), record.timestamp(), record.key(), record.value(), record.headers()));
        } else {
            bundle.forEach(each -> route(InputRecord.produced(each)));
        }
    }

    private void route(InputRecord input) {
        unread.taken(input.offset());
        try {
            if (route.sendOn(input, this, this)) {
                health.taken(read, input.offset(), false);
            }
        } catch (Rejection rejection) {
            counters.deadLetters.count();
            health.rejected(read, input.offset(), rejection);
        }
    }

    @Override
    public void send(byte[] model, InputRecord record, Headers headers) {
        context.forward(new Record<>(model, record.value(), record.timestamp(), headers), sink);
    }

    @Override
    public boolean wants(OutputTopic output) {
        return true;
    }

    @Override
    public void publish(OutputTopic output, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
        int partition = context.taskId().partition();
        context.forward(
                new Record<>(key, new OutputRecord(output, partition, value), timestamp, headers), deadLetterSink);
    }

    /** Returns the partition of a model: the one that a producer would choose. */
    static Optional<Set<Integer>> partition(String topic, byte[] key, byte[] value, int partitions) {
        return Optional.of(Set.of(KeyPartitioner.MURMUR2.partition(key, partitions)));
    }
}
