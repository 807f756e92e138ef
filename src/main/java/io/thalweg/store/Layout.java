package io.thalweg.store;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The partitions that a learner has its models in.
 *
 * @param partitions how many there are
 * @param partitioner says in which of them each model is; null if the partition of its records says it, as it does
 *     until models are moved for the first time
 */
public record Layout(int partitions, @Nullable KeyPartitioner partitioner) {
    /** The layout of state that does not know its own. */
    public static final Layout UNKNOWN = new Layout(0, null);

    /** Returns the sentence that a topic has another number of partitions than the models were learned with. */
    public static String differs(String topic, int learned, int now) {
        return "topic %s has %d %s, and the models were learned with %d; "
                        .formatted(topic, now, now == 1 ? "partition" : "partitions", learned)
                + "stop all instances and keep what was learned with `thalweg topics --repartition %d`, or"
                        .formatted(now)
                + " delete it with `thalweg reset`";
    }

    /** Returns the partition that a model belongs to; {@code at} if it belongs to the one in which its records are. */
    public int home(String model, int at) {
        return partitioner == null ? at : partitioner.partition(model.getBytes(StandardCharsets.UTF_8), partitions);
    }
}
