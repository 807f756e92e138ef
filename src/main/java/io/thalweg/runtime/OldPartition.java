package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.InputRecord;
import io.thalweg.input.SchemaSource;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.SettingsSpan;
import io.thalweg.store.TaskState;
import io.thalweg.topology.LearnerSupplier;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * A partition of a learner that is stopped: its state as the changelog has it, which can learn from what is left of its
 * input as the learner would.
 */
final class OldPartition {
    private final int number;
    private final int partitions;
    private final TaskState state;
    private LearningTask task;
    private ThalwegConfig settings;

    /**
     * Restores a partition.
     *
     * @param partitions how many the learner has
     * @param changelog the records of its changelog
     */
    OldPartition(ThalwegConfig config, int number, int partitions, Iterator<ConsumerRecord<byte[], byte[]>> changelog) {
        this.number = number;
        this.partitions = partitions;
        state = TaskState.logged(LearnerSupplier.STORE, LearnerSupplier.directory(config))
                .of(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partitions);
        state.clear(true);
        while (changelog.hasNext()) {
            ConsumerRecord<byte[], byte[]> record = changelog.next();
            state.restore(record.key(), record.value());
        }
    }

    /** The number of the partition. */
    int number() {
        return number;
    }

    /** What the partition has learned. */
    TaskState state() {
        return state;
    }

    /** The next offset of each topic that it learns from. Of records that were sent on, the state has more. */
    Map<TopicPartition, Long> next() {
        Map<TopicPartition, Long> next = new HashMap<>(state.offsets().next());
        List<String> topics = settings.learnedTopics(partitions);
        if (topics.stream().anyMatch(settings::isSentOn)) {
            next.keySet().removeIf(partition -> partition.partition() != number || !topics.contains(partition.topic()));
        }
        return next;
    }

    /** A setting that the partition last learned under; empty if it has not learned. */
    String learnedUnder(String setting) {
        List<SettingsSpan> spans = state.spans();
        return spans.isEmpty() ? "" : spans.get(spans.size() - 1).settings().getOrDefault(setting, "");
    }

    /**
     * Ends the restoration, so that the partition can learn.
     *
     * @param config names the topics that it has learned from
     */
    void begin(ThalwegConfig config, SchemaSource schemas, String keyless) {
        settings = config;
        task = new LearningTask(config, schemas, keyless, state);
        task.begin();
    }

    /**
     * Learns from the rest of the input, events and labels in the order of their timestamps.
     *
     * @param labels the labels that come later; empty if they are in the events
     * @param isOfLayout whether a record was produced when the topic had as many partitions as this learner. It
     *     reads on to the first that was not
     * @param taken called after each record
     */
    void learn(
            Iterator<ConsumerRecord<byte[], byte[]>> events,
            Iterator<ConsumerRecord<byte[], byte[]>> labels,
            Predicate<ConsumerRecord<byte[], byte[]>> isOfLayout,
            OutputSink sink,
            Runnable taken) {
        ConsumerRecord<byte[], byte[]> event = next(events, isOfLayout);
        ConsumerRecord<byte[], byte[]> label = next(labels, isOfLayout);
        while (event != null || label != null) {
            boolean isLabel = event == null || label != null && label.timestamp() < event.timestamp();
            InputRecord record = read(isLabel ? label : event);
            task.apply(isLabel ? record.asLabel() : record, sink);
            taken.run();
            if (isLabel) {
                label = next(labels, isOfLayout);
            } else {
                event = next(events, isOfLayout);
            }
        }
    }

    private InputRecord read(ConsumerRecord<byte[], byte[]> record) {
        return settings.isSentOn(record.topic()) ? InputRecord.sentOn(record) : InputRecord.produced(record);
    }

    private static ConsumerRecord<byte[], byte[]> next(
            Iterator<ConsumerRecord<byte[], byte[]>> records, Predicate<ConsumerRecord<byte[], byte[]>> isOfLayout) {
        if (!records.hasNext()) {
            return null;
        }
        ConsumerRecord<byte[], byte[]> record = records.next();
        return isOfLayout.test(record) ? record : null;
    }

    /** What the learner would do before a commit: publishes what is left, and writes what has changed. */
    LearningTask task() {
        return task;
    }

    /** The partition of an output. */
    TopicPartition output(OutputTopic topic) {
        return new TopicPartition(topic.nameIn(settings), number);
    }
}
