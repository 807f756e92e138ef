package io.thalweg.topology;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.common.metrics.Sensor.RecordingLevel;
import org.apache.kafka.common.metrics.stats.CumulativeSum;
import org.apache.kafka.common.metrics.stats.Rate;
import org.apache.kafka.common.metrics.stats.Value;
import org.apache.kafka.common.metrics.stats.WindowedSum;
import org.apache.kafka.streams.processor.api.ProcessorContext;

/**
 * Counters of a task, as Kafka metrics: totals and rates in the group {@value #GROUP}, with thread and task as tags.
 * Reporters and JMX find them next to those of Kafka Streams.
 *
 * <p>A sensor takes a lock and reads the clock for each value, which is expensive compared with a step. So counts are
 * reported as sums, on {@link #flush} and after every {@value #MOST}.
 */
final class Counters implements AutoCloseable {
    private static final String GROUP = "stream-learner-metrics";
    private static final int MOST = 128;

    final Counter predictions;
    final Counter steps;
    /** Labels that came later than their events. */
    final Counter labels;

    final Counter deadLetters;
    /** Models that have begun. */
    final Counter newModels;

    final Counter deletions;
    /** Events of types that are not learned from. */
    final Counter passedOver;
    /** Offsets of the input that were deleted before they were read. */
    final Counter unread;
    /** Records that had been applied before. */
    final Counter repeats;

    private final ProcessorContext<?, ?> context;
    private final Sensor deadLettersShare;

    Counters(ProcessorContext<?, ?> context) {
        this.context = context;
        predictions = counter("predictions");
        steps = counter("steps");
        labels = counter("labels");
        deadLetters = counter("dead-letters");
        newModels = counter("new-models");
        deletions = counter("deletions");
        passedOver = counter("passed-over");
        unread = counter("unread");
        repeats = counter("repeats");
        deadLettersShare = context.metrics().addSensor(name("dead-letters-share"), RecordingLevel.INFO);
        deadLettersShare.add(
                new MetricName(
                        "dead-letters-share", GROUP, "The share of dead letters in the last thousand records.", tags()),
                new Value());
    }

    /** One counter. */
    static final class Counter {
        private final Sensor sensor;
        private long count;

        private Counter(Sensor sensor) {
            this.sensor = sensor;
        }

        void count() {
            count(1);
        }

        void count(long more) {
            count += more;
            if (count >= MOST) {
                flush();
            }
        }

        private void flush() {
            if (count > 0) {
                sensor.record(count);
                count = 0;
            }
        }
    }

    /** Reports what has been counted since the last time. */
    void flush() {
        all().forEach(Counter::flush);
    }

    /** Reports the share of dead letters in the last thousand records, from 0 to 1. */
    void deadLettersShare(double share) {
        deadLettersShare.record(share);
    }

    @Override
    public void close() {
        flush();
        context.metrics().removeSensor(deadLettersShare);
        all().forEach(counter -> context.metrics().removeSensor(counter.sensor));
    }

    private List<Counter> all() {
        return List.of(predictions, steps, labels, deadLetters, newModels, deletions, passedOver, unread, repeats);
    }

    private String name(String what) {
        return "learner-" + context.taskId() + "-" + what;
    }

    private Map<String, String> tags() {
        return Map.of(
                "thread-id",
                Thread.currentThread().getName(),
                "learner-id",
                context.taskId().toString());
    }

    private Counter counter(String what) {
        Sensor sensor = context.metrics().addSensor(name(what), RecordingLevel.INFO);
        Map<String, String> tags = tags();
        sensor.add(
                new MetricName(what + "-rate", GROUP, "How many " + what + " a second.", tags),
                new Rate(TimeUnit.SECONDS, new WindowedSum()));
        sensor.add(new MetricName(what + "-total", GROUP, "How many " + what + ".", tags), new CumulativeSum());
        return new Counter(sensor);
    }
}
