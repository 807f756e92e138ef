package io.thalweg.audit;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.store.SettingsSpan;
import io.thalweg.store.TaskState;
import java.util.List;
import org.apache.kafka.common.TopicPartition;

/**
 * What an audit of a partition covers: all of its input, or what was learned of it in one layout.
 *
 * @param config names the topics as they were then
 * @param source the partition of the events
 * @param from the offset at which the replay of the events begins
 * @param to the offset at which it ends
 * @param labels the partition of the labels; null if they are in the events
 * @param labelsFrom the offset at which the replay of the labels begins
 * @param labelsTo the offset at which it ends
 * @param spans the settings that were learned under; null if the changelog has them
 * @param state what was learned before
 * @param isLast whether the models are still in this layout
 */
record AuditedStretch(
        ThalwegConfig config,
        TopicPartition source,
        long from,
        long to,
        TopicPartition labels,
        long labelsFrom,
        long labelsTo,
        List<SettingsSpan> spans,
        TaskState state,
        boolean isLast) {
    boolean isEmpty() {
        return to <= from && labelsTo <= labelsFrom;
    }
}
