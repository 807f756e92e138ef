package io.thalweg.runtime;

import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_COMPACT;

import io.thalweg.config.ThalwegConfig;
import java.util.ArrayList;
import java.util.List;

/** A comparison of a topic with its plan. */
final class TopicComparison {
    private final ThalwegConfig config;
    private final TopicPlan plan;
    private final FoundTopic topic;
    private final FoundTopic examples;
    private final List<TopicProblem> problems = new ArrayList<>();

    private TopicComparison(ThalwegConfig config, TopicPlan plan, FoundTopic topic, FoundTopic examples) {
        this.config = config;
        this.plan = plan;
        this.topic = topic;
        this.examples = examples;
    }

    /**
     * Finds the problems of a topic.
     *
     * @param examples the examples topic; null if it is missing
     */
    static List<TopicProblem> of(ThalwegConfig config, TopicPlan plan, FoundTopic topic, FoundTopic examples) {
        TopicComparison comparison = new TopicComparison(config, plan, topic, examples);
        comparison.run();
        return comparison.problems;
    }

    private void run() {
        comparePartitions();
        compareCleanup();
        compareSizes();
        if (plan.role() != TopicPlan.Role.EXAMPLES && examples != null) {
            compareTimestamps();
        }
        if (plan.isForEver() && !topic.retention().equals("-1")) {
            problems.add(new TopicProblem(
                    plan.topic(),
                    false,
                    false,
                    ("topic %s keeps records for %s ms by timestamp; `verify` only works while the first example is"
                                    + " still there")
                            .formatted(plan.topic(), topic.retention())));
        }
    }

    private void fatal(String text, Object... arguments) {
        problems.add(new TopicProblem(plan.topic(), false, true, text.formatted(arguments)));
    }

    private void comparePartitions() {
        if (examples == null) {
            return;
        }
        if (topic.partitions() < examples.partitions()) {
            fatal(
                    "topic %s has %d partitions and the examples have %d; an output goes to the partition of its"
                            + " example: add partitions (kafka-topics --alter --partitions)",
                    plan.topic(), topic.partitions(), examples.partitions());
        }
        if (plan.role() == TopicPlan.Role.BY_MODEL && topic.partitions() != examples.partitions()) {
            fatal(
                    "topic %s has %d partitions and the examples have %d; the numbers must be the same:"
                            + " `thalweg reset` deletes it, and `thalweg topics --create` creates it again",
                    plan.topic(), topic.partitions(), examples.partitions());
        }
    }

    private void compareCleanup() {
        String policy = topic.cleanupPolicy().orElse(null);
        if (policy == null) {
            return;
        }
        if (plan.isCompacted() && !policy.equals(CLEANUP_POLICY_COMPACT)) {
            fatal(
                    "topic %s must be compacted and nothing else, or its readers lose the latest state:"
                            + " set cleanup.policy=compact",
                    plan.topic());
        }
        if (!plan.isCompacted() && policy.contains(CLEANUP_POLICY_COMPACT)) {
            fatal("topic %s must not be compacted, or records are lost: set cleanup.policy=delete", plan.topic());
        }
    }

    private void compareSizes() {
        if (plan.maxBytesSetting().isPresent()) {
            compareSizes(plan.maxBytesSetting().get());
        } else if (plan.role() != TopicPlan.Role.EXAMPLES) {
            compareSize(TopicPlan.KAFKA_DEFAULT_MAX_BYTES, "outputs for large examples");
        }
    }

    private void compareSizes(String setting) {
        int largest = config.getInt(setting);
        compareSize(largest, "dead letters");
        if (examples == null || examples.maxBytes().isEmpty()) {
            return;
        }
        int largestExample = examples.maxBytes().get();
        long needed = 2L * largestExample + (64 << 10);
        if (largest < needed) {
            fatal(
                    "examples may have %d bytes, for which dead letters need %d;"
                            + " set %s and the topic's max.message.bytes to that",
                    largestExample, needed, setting);
        }
    }

    private void compareSize(int largest, String what) {
        topic.maxBytes()
                .filter(bytes -> bytes < largest)
                .ifPresent(bytes -> fatal(
                        "topic %s accepts records of up to %d bytes; %s may have %d: set its max.message.bytes to that",
                        plan.topic(), bytes, what, largest));
    }

    /** A timestamp that the examples topic accepts and an output topic refuses would stop the learner. */
    private void compareTimestamps() {
        if (topic.isStampedByBroker()) {
            return;
        }
        for (String limit : TopicPlan.TIMESTAMP_LIMITS) {
            if (topic.timestampLimit(limit) < examples.timestampLimit(limit)) {
                fatal(
                        "topic %s refuses timestamps that the examples topic accepts, and outputs have the timestamps"
                                + " of their examples: set its %s to %s",
                        plan.topic(), limit, TopicPlan.ANY_TIMESTAMP);
            }
        }
    }
}
