package io.thalweg.topology;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.common.metrics.Sensor.RecordingLevel;
import org.apache.kafka.common.metrics.stats.CumulativeSum;
import org.apache.kafka.common.metrics.stats.Rate;
import org.apache.kafka.common.metrics.stats.WindowedSum;
import org.apache.kafka.streams.processor.api.ProcessorContext;

/**
 * What a task counts, as Kafka metrics: totals and rates in group {@value #GROUP}, with thread and task as tags, where every reporter
 * and JMX find them beside those of Kafka Streams.
 *
 * <p>A sensor takes a lock and the time for each value, which for every record would cost as much as the step. So counts are handed on
 * in sums, when {@link #flush} is called and after every {@value #MOST}.
 */
final class Counters implements AutoCloseable {
    private static final String GROUP = "stream-learner-metrics";
    private static final int MOST = 128;

    final Counter predictions;
    final Counter steps;
    final Counter deadLetters;
    final Counter deletions;
    /** Records that had been taken into account already. */
    final Counter repeats;

    private final ProcessorContext<?, ?> context;

    Counters(ProcessorContext<?, ?> context) {
        this.context = context;
        predictions = counter("predictions");
        steps = counter("steps");
        deadLetters = counter("dead-letters");
        deletions = counter("deletions");
        repeats = counter("repeats");
    }

    /** Counts one thing. */
    static final class Counter {
        private final Sensor sensor;
        private int count;

        private Counter(Sensor sensor) {
            this.sensor = sensor;
        }

        void count() {
            if (++count == MOST) {
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

    /** Hands on what has been counted since the last time. */
    void flush() {
        all().forEach(Counter::flush);
    }

    @Override
    public void close() {
        flush();
        all().forEach(counter -> context.metrics().removeSensor(counter.sensor));
    }

    private List<Counter> all() {
        return List.of(predictions, steps, deadLetters, deletions, repeats);
    }

    private Counter counter(String what) {
        String task = context.taskId().toString();
        Sensor sensor = context.metrics().addSensor("learner-" + task + "-" + what, RecordingLevel.INFO);
        Map<String, String> tags = Map.of("thread-id", Thread.currentThread().getName(), "learner-id", task);
        sensor.add(
                new MetricName(what + "-rate", GROUP, "How many " + what + " a second.", tags),
                new Rate(TimeUnit.SECONDS, new WindowedSum()));
        sensor.add(new MetricName(what + "-total", GROUP, "How many " + what + ".", tags), new CumulativeSum());
        return new Counter(sensor);
    }
}
