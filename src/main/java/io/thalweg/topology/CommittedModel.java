package io.thalweg.topology;

import io.thalweg.math.Model;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/**
 * A model as a commit has left it. It never changes.
 *
 * @param model a copy of the model, for predictions by any number of threads
 * @param offsets for each partition of the input, the offset up to which it has been learned: that of the next record.
 *     A replay of all records before them gives the same model
 */
public record CommittedModel(Model model, Map<TopicPartition, Long> offsets) {}
