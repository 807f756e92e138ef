package io.thalweg.topology;

import java.util.List;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.common.metrics.Sensor.RecordingLevel;
import org.apache.kafka.streams.processor.api.ProcessorContext;

/**
 * What a task counts, as Kafka metrics: totals and rates in group {@code stream-learner-metrics}, with the task as tag, where every
 * reporter and JMX find them beside those of Kafka Streams.
 */
final class Counters implements AutoCloseable {
    final Sensor predictions;
    final Sensor steps;
    final Sensor deadLetters;
    final Sensor deletions;
    /** Records that had been taken into account already. */
    final Sensor repeats;

    private final ProcessorContext<?, ?> context;

    Counters(ProcessorContext<?, ?> context) {
        this.context = context;
        predictions = counter("predictions");
        steps = counter("steps");
        deadLetters = counter("dead-letters");
        deletions = counter("deletions");
        repeats = counter("repeats");
    }

    @Override
    public void close() {
        for (Sensor sensor : List.of(predictions, steps, deadLetters, deletions, repeats)) {
            context.metrics().removeSensor(sensor);
        }
    }

    private Sensor counter(String what) {
        return context.metrics().addRateTotalSensor("learner", context.taskId().toString(), what, RecordingLevel.INFO);
    }
}
