package io.thalweg.topology;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.InputRecord;
import io.thalweg.input.ReadAhead;
import io.thalweg.input.ReadAhead.ExampleAhead;
import io.thalweg.input.ReadAhead.PartitionAhead;
import io.thalweg.input.RecordBundle;
import io.thalweg.output.OutputRecord;
import io.thalweg.output.OutputRecord.FollowingOutput;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.KeyPartitioner;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The learner as a processor. It passes the records of a partition to the {@link LearningTask} in its store, and
 * forwards what that publishes: a prediction or a dead letter for every event, weights and metrics when they are due,
 * and an outcome for every label that comes later.
 */
final class LearnerProcessor implements Processor<byte[], byte[], byte[], OutputRecord>, OutputSink {
    private static final Logger LOG = LoggerFactory.getLogger(LearnerProcessor.class);

    /** Records that a router sends on a second time come between others. */
    private static final long SKIPS_ARE_NEWS_AFTER = 1000;

    /** How many outputs are forwarded together at most. */
    private static final int MOST_BUNDLED = 64;

    /** How often readers of committed state are looked after. */
    private static final Duration READS_INTERVAL = Duration.ofMillis(10);

    private final Duration weightsInterval;
    private final ThalwegConfig config;
    /** Whether each child only gets the records for its topic. */
    private final boolean hasSinks;

    private ProcessorContext<byte[], OutputRecord> context;
    private WeightStore store;
    private LearningTask task;
    private Counters counters;
    private InputHealth health;
    /** Null if nobody reads. */
    private TaskReads reads;

    private int partition;
    /** How many records are learned from before others that are skipped are worth a line again. */
    private long untilSkipsAreNews;

    private final int partitions;
    private final InputWatch watch;
    private final @Nullable ReadAhead ahead;
    private final PublishingPace pace;
    /** Whether a record was not where its key belongs. Then its producers choose partitions in another way. */
    private boolean hasStrayed;
    /** The partitions that the task reads, by topic. */
    private final Map<String, TaskInput> sources = new HashMap<>();

    /** The outputs of the input bundle that is processed. */
    private final Map<OutputTopic, List<FollowingOutput>> bundled = new EnumMap<>(OutputTopic.class);
    /** Whether outputs are to be forwarded together. */
    private boolean isBundling;

    /** How many steps the counter has. */
    private long countedSteps;
    /** How many models there were after the last record. */
    private int countedModels;

    /** A partition that the task reads. */
    private record TaskInput(
            TopicPartition partition,
            boolean isSentOn,
            boolean isOfLabels,
            UnreadWatch unread,
            @Nullable PartitionAhead ahead) {
        static TaskInput of(
                TopicPartition partition, ThalwegConfig config, InputWatch watch, @Nullable ReadAhead ahead) {
            String topic = partition.topic();
            boolean isOfLabels = config.isOfLabels(topic);
            return new TaskInput(
                    partition,
                    config.isSentOn(topic),
                    isOfLabels,
                    new UnreadWatch(partition, watch),
                    ahead == null || isOfLabels ? null : ahead.of(partition));
        }

        InputRecord record(
                long offset, long timestamp, byte @Nullable [] key, byte @Nullable [] value, Headers headers) {
            InputRecord record = isSentOn
                    ? InputRecord.sentOn(partition, offset, timestamp, key, value, headers)
                    : InputRecord.produced(partition, offset, timestamp, key, value, headers);
            return isOfLabels ? record.asLabel() : record;
        }

        @Nullable
        ExampleAhead take(InputRecord record) {
            return ahead == null ? null : ahead.take(record);
        }
    }

    /**
     * @param watch is asked about the input
     * @param ahead reads examples ahead; null if nothing does
     * @param pace that of publishing weights at an interval
     */
    LearnerProcessor(
            ThalwegConfig config,
            boolean hasSinks,
            int partitions,
            InputWatch watch,
            @Nullable ReadAhead ahead,
            PublishingPace pace) {
        this.ahead = ahead;
        this.pace = pace;
        this.partitions = partitions;
        this.watch = watch;
        weightsInterval = Duration.ofMillis(config.getLong(ThalwegConfig.WEIGHTS_INTERVAL_MS));
        this.config = config;
        this.hasSinks = hasSinks;
    }

    @Override
    public void init(ProcessorContext<byte[], OutputRecord> processorContext) {
        context = processorContext;
        // what was left when the processor failed is made again
        isBundling = false;
        bundled.clear();
        partition = context.taskId().partition();
        store = context.getStateStore(LearnerSupplier.STORE);
        task = store.task();
        reads = store.reads();
        if (reads != null) {
            reads.endStandingBy();
        }
        task.begin();
        counters = new Counters(context);
        findUnread();
        if (!task.models().isEmpty()) {
            LOG.info(
                    "took over partition {} with {} {}",
                    partition,
                    task.models().size(),
                    task.models().size() == 1 ? "model" : "models");
        }
        countedSteps = task.steps();
        countedModels = task.models().size();
        health = new InputHealth(config);
        task.onStep(stepped -> health.stepped(stepped, partition));
        context.schedule(weightsInterval, PunctuationType.WALL_CLOCK_TIME, now -> orFail(() -> publishRest(now)));
        if (reads != null) {
            reads.activate(task, partition);
            context.schedule(READS_INTERVAL, PunctuationType.WALL_CLOCK_TIME, now -> reads.pass());
        }
    }

    @Override
    public void close() {
        if (ahead != null) {
            sources.values().forEach(source -> ahead.forget(source.partition));
            sources.clear();
        }
        if (reads != null) {
            reads.deactivate();
        }
        if (counters != null) {
            counters.close();
        }
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        orFail(() -> processAll(record));
    }

    /** Does something after which, if it fails, the state must not be written. */
    private void orFail(Runnable step) {
        boolean isDone = false;
        try {
            step.run();
            isDone = true;
        } finally {
            if (!isDone) {
                store.fail();
            }
        }
    }

    private void processAll(Record<byte[], byte[]> record) {
        if (reads != null) {
            reads.touch();
        }
        RecordMetadata at = context.recordMetadata().orElseThrow();
        TaskInput source = sources.computeIfAbsent(
                at.topic(), topic -> TaskInput.of(new TopicPartition(topic, partition), config, watch, ahead));
        List<ConsumerRecord<byte[], byte[]>> bundle = RecordBundle.of(record.headers());
        if (bundle == null) {
            apply(source, at.offset(), record.timestamp(), record.key(), record.value(), record.headers());
            return;
        }
        isBundling = true;
        for (ConsumerRecord<byte[], byte[]> each : bundle) {
            apply(source, each.offset(), each.timestamp(), each.key(), each.value(), each.headers());
        }
        isBundling = false;
        bundled.keySet().forEach(this::forwardBundle);
    }

    private void apply(
            TaskInput source,
            long offset,
            long timestamp,
            byte @Nullable [] key,
            byte @Nullable [] value,
            Headers headers) {
        checkPlace(key);
        source.unread.taken(offset);
        InputRecord input = source.record(offset, timestamp, key, value, headers);
        boolean isRejected = false;
        switch (task.apply(input, source.take(input), this)) {
            case PREDICTED, LEARNED -> {
                counters.predictions.count();
                health.predicted(task);
            }
            case LABELED -> counters.labels.count();
            case DELETED -> counters.deletions.count();
            case PASSED_OVER -> counters.passedOver.count();
            case REJECTED -> {
                isRejected = true;
                rejected(input);
            }
            case SKIPPED -> {
                skipped(input);
                return;
            }
        }
        int models = task.models().size();
        boolean begins = models > countedModels;
        countedModels = models;
        if (begins) {
            counters.newModels.count();
        }
        if (!isRejected) {
            health.taken(input.partition(), input.offset(), begins);
        }
        if (health.isTimeToLook()) {
            health.look(task.categories(), input.partition());
        }
        for (long steps = task.steps(); countedSteps < steps; countedSteps++) {
            counters.steps.count();
        }
        untilSkipsAreNews--;
    }

    /** Finds out whether retention has deleted records while nothing read them. */
    private void findUnread() {
        List<String> topics = config.learnedTopics(partitions);
        for (TopicPartition read : task.offsets().next().keySet()) {
            // of records that were sent on, the state also has the offsets that they had before
            if (read.partition() != partition || !topics.contains(read.topic())) {
                continue;
            }
            task.beginsAt(read, watch.beginning(read)).ifPresent(gap -> {
                counters.unread.count(gap.to() - gap.from());
                UnreadWatch.warn(read, gap, UnreadWatch.STOPPED.formatted(read.topic()));
            });
        }
    }

    private void checkPlace(byte[] key) {
        if (partitions > 1
                && !hasStrayed
                && key != null
                && KeyPartitioner.MURMUR2.partition(key, partitions) != partition) {
            watch.strayed();
            hasStrayed = true;
        }
    }

    private void rejected(InputRecord input) {
        counters.deadLetters.count();
        health.rejected(input.sourcePartition(), input.sourceOffset(), task.rejection());
        LOG.debug(
                "{}@{}: {}: {}",
                input.sourcePartition(),
                input.sourceOffset(),
                task.rejection().reason(),
                task.rejection().getMessage());
    }

    private void skipped(InputRecord input) {
        counters.repeats.count();
        if (untilSkipsAreNews <= 0) {
            LOG.warn(
                    "{}@{} and the records after it have been learned from already and are skipped. If the topic was"
                            + " deleted and created again, delete the learner's state with `thalweg reset`.",
                    input.partition(),
                    input.offset());
        }
        untilSkipsAreNews = SKIPS_ARE_NEWS_AFTER;
    }

    /**
     * Publishes, at an interval, what has not been published after a step. A timeout must not leave this method as
     * such: Kafka Streams would commit the predictions in flight without the steps they belong to.
     */
    private void publishRest(long now) {
        for (TaskInput source : sources.values()) {
            source.unread.look().ifPresent(gap -> {
                task.offsets().addGap(source.partition, gap);
                counters.unread.count(gap.to() - gap.from());
            });
        }
        counters.flush();
        counters.deadLettersShare(health.deadLettersShare());
        if (!pace.begins()) {
            return;
        }
        try {
            task.publishRest(now, this);
            pace.end();
        } catch (TimeoutException e) {
            throw new StreamsException("the brokers did not answer: " + e.getMessage(), e);
        }
    }

    @Override
    public boolean wants(OutputTopic topic) {
        return true;
    }

    @Override
    public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
        if (isBundling) {
            List<FollowingOutput> bundle = bundled.computeIfAbsent(topic, t -> new ArrayList<>());
            bundle.add(new FollowingOutput(key, value, timestamp, headers));
            if (bundle.size() == MOST_BUNDLED) {
                forwardBundle(topic);
            }
            return;
        }
        forward(new OutputRecord(topic, partition, value), key, timestamp, headers);
    }

    /** Forwards the outputs of a bundle to a topic as one. */
    private void forwardBundle(OutputTopic topic) {
        List<FollowingOutput> bundle = bundled.get(topic);
        if (bundle.isEmpty()) {
            return;
        }
        FollowingOutput first = bundle.get(0);
        List<FollowingOutput> rest = List.copyOf(bundle.subList(1, bundle.size()));
        bundle.clear();
        forward(
                new OutputRecord(topic, partition, first.value(), rest),
                first.key(),
                first.timestamp(),
                first.headers());
    }

    private void forward(OutputRecord output, byte @Nullable [] key, long timestamp, @Nullable Headers headers) {
        OutputTopic topic = output.topic();
        // without headers, the record creates its own; with headers, it copies them
        Record<byte[], OutputRecord> record =
                headers == null ? new Record<>(key, output, timestamp) : new Record<>(key, output, timestamp, headers);
        if (hasSinks) {
            context.forward(record, topic.sink());
        } else {
            context.forward(record);
        }
    }
}
