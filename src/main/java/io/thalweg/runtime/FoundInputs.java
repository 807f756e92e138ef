package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The topics that others write, as they exist on the brokers.
 *
 * @param examples the examples topic; null if it is missing
 * @param labels the labels topic; null if it is missing, or labels are in the events
 */
record FoundInputs(FoundTopic examples, FoundTopic labels) {
    /** The inputs that end up in a topic of the learner: in copies or in outputs. What is missing is left out. */
    List<FoundTopic> of(TopicPlan plan) {
        Stream<FoundTopic> sources = switch (plan.role()) {
            case EXAMPLES, BY_MODEL -> Stream.of(examples);
            case LABELS, LABELS_BY_MODEL -> Stream.of(labels);
            case OUTPUT -> Stream.of(examples, labels);
        };
        return sources.filter(Objects::nonNull).toList();
    }

    /** What an input consists of, for messages. */
    String contentsOf(FoundTopic input) {
        // by identity: the two can be equal
        return input == examples ? "examples" : "labels";
    }

    /**
     * How many partitions a topic needs: as many as the examples topic. The dead letters of labels that are sent on go
     * to the partition of the label, and the labels topic can have more partitions then.
     *
     * @param ofExamples how many partitions the examples topic has, or will have
     */
    int partitionsFor(TopicPlan plan, ThalwegConfig config, int ofExamples) {
        return plan.setting().equals(ThalwegConfig.DEAD_LETTERS_TOPIC)
                        && labels != null
                        && config.areLabelsRouted(ofExamples)
                ? Math.max(ofExamples, labels.partitions())
                : ofExamples;
    }
}
