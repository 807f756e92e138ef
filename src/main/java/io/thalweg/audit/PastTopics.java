package io.thalweg.audit;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.store.PastLayout.PastPart;
import io.thalweg.store.SettingsSpan;
import java.util.List;
import org.apache.kafka.common.TopicPartition;

/**
 * The topics that a partition of a past layout was learned from.
 *
 * @param config the settings with these topics
 * @param labels the topic of the labels; empty if they were in the events
 */
record PastTopics(ThalwegConfig config, String labels) {
    /** @param present the settings with the topics of the present layout */
    PastTopics(ThalwegConfig present, PastPart part) {
        this(with(present, part, labels(part)), labels(part));
    }

    private static String labels(PastPart part) {
        List<SettingsSpan> spans = part.spans();
        return spans.isEmpty()
                ? ""
                : spans.get(spans.size() - 1).settings().getOrDefault(ThalwegConfig.LABELS_TOPIC, "");
    }

    private static ThalwegConfig with(ThalwegConfig present, PastPart part, String labels) {
        String events = part.next().keySet().stream()
                .map(TopicPartition::topic)
                .filter(topic -> !topic.equals(labels) && !present.isSentOn(topic))
                .findFirst()
                .orElse(present.getString(ThalwegConfig.EXAMPLES_TOPIC));
        int copies = part.next().keySet().stream()
                .mapToInt(partition -> present.copiesIn(partition.topic()))
                .max()
                .orElse(0);
        // the first ones, if nothing says it: it was learned before there were others
        ThalwegConfig then = present.with(ThalwegConfig.EXAMPLES_TOPIC, events).withCopies(Math.max(1, copies));
        return labels.isEmpty() ? then : then.with(ThalwegConfig.LABELS_TOPIC, labels);
    }

    /** The topic of the events. */
    String events() {
        return config.getString(ThalwegConfig.EXAMPLES_TOPIC);
    }
}
