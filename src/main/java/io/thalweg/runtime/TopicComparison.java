package io.thalweg.runtime;

import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_COMPACT;

import io.thalweg.config.ThalwegConfig;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.kafka.common.acl.AclOperation;

/** A comparison of a topic with its plan. */
final class TopicComparison {
    private final ThalwegConfig config;
    private final TopicPlan plan;
    private final FoundTopic topic;
    private final FoundInputs inputs;
    private final List<TopicProblem> problems = new ArrayList<>();

    private TopicComparison(ThalwegConfig config, TopicPlan plan, FoundTopic topic, FoundInputs inputs) {
        this.config = config;
        this.plan = plan;
        this.topic = topic;
        this.inputs = inputs;
    }

    /** Finds the problems of a topic. */
    static List<TopicProblem> of(ThalwegConfig config, TopicPlan plan, FoundTopic topic, FoundInputs inputs) {
        TopicComparison comparison = new TopicComparison(config, plan, topic, inputs);
        comparison.run();
        return comparison.problems;
    }

    private void run() {
        comparePartitions();
        compareCleanup();
        compareSizes();
        if (!plan.isInput()) {
            compareTimestamps();
        }
        if (plan.isForEver() && !topic.retention().equals("-1")) {
            problems.add(new TopicProblem(
                    plan.topic(),
                    false,
                    false,
                    ("topic %s keeps records for %s ms by timestamp; `verify` only works while the first %s is still"
                                    + " there")
                            .formatted(
                                    plan.topic(),
                                    topic.retention(),
                                    inputs.labels() == null ? "example" : "event and the first label")));
        }
    }

    private void fatal(String text, Object... arguments) {
        problems.add(new TopicProblem(plan.topic(), false, true, text.formatted(arguments)));
    }

    private void comparePartitions() {
        FoundTopic examples = inputs.examples();
        if (examples == null) {
            return;
        }
        int there = topic.partitions();
        int wanted = examples.partitions();
        if (plan.role() == TopicPlan.Role.LABELS) {
            if (there != wanted && !config.areLabelsRouted(wanted)) {
                fatal(
                        "topic %s has %d partitions and the examples have %d; a label must be in the partition of its"
                                + " event, so the numbers must be the same: create it with %3$d, or set %s to"
                                + " field:NAME if labels name their model in a field",
                        plan.topic(), there, wanted, ThalwegConfig.LABELS_MODEL_FROM);
            }
            return;
        }
        if (plan.isOfCopies()) {
            if (there > wanted) {
                ThalwegConfig moved = config.withCopies(config.copiesIn(plan.topic()) + 1);
                fatal(
                        "topic %s has %d partitions and the examples have %d; the numbers must be the same. If the"
                                + " learner was moved to fewer partitions, copies now go to topic %s, and principal %s"
                                + " must be allowed to %s it; if not, `thalweg reset` deletes the topic, and `thalweg"
                                + " topics --create` creates it again",
                        plan.topic(),
                        there,
                        wanted,
                        plan.role() == TopicPlan.Role.BY_MODEL ? moved.routedTopic() : moved.routedLabelsTopic(),
                        ClientPrincipal.of(config),
                        AclOperation.DESCRIBE);
            } else if (there < wanted) {
                fatal(
                        "topic %s has %d partitions and the examples have %d; the numbers must be the same:"
                                + " `thalweg reset` deletes it, and `thalweg topics --create` creates it again",
                        plan.topic(), there, wanted);
            }
            return;
        }
        if (there < wanted) {
            fatal(
                    "topic %s has %d partitions and the examples have %d; an output goes to the partition of its"
                            + " example: add partitions (kafka-topics --alter --partitions)",
                    plan.topic(), there, wanted);
        } else if (there < inputs.partitionsFor(plan, config, wanted)) {
            fatal(
                    "topic %s has %d partitions and the labels have %d; a dead letter goes to the partition of its"
                            + " label: add partitions (kafka-topics --alter --partitions)",
                    plan.topic(), there, inputs.labels().partitions());
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
        } else if (!plan.isInput()) {
            compareSize(TopicPlan.KAFKA_DEFAULT_MAX_BYTES, "outputs for large examples");
        }
    }

    private void compareSizes(String setting) {
        int largest = config.getInt(setting);
        compareSize(largest, "dead letters");
        inputs.of(plan).stream()
                .filter(input -> input.maxBytes().isPresent())
                .max(Comparator.comparing(input -> input.maxBytes().get()))
                .ifPresent(input -> {
                    int largestInput = input.maxBytes().get();
                    long needed = 2L * largestInput + (64 << 10);
                    if (largest < needed) {
                        fatal(
                                "%s may have %d bytes, for which dead letters need %d;"
                                        + " set %s and the topic's max.message.bytes to that",
                                inputs.contentsOf(input), largestInput, needed, setting);
                    }
                });
    }

    private void compareSize(int largest, String what) {
        topic.maxBytes()
                .filter(bytes -> bytes < largest)
                .ifPresent(bytes -> fatal(
                        "topic %s accepts records of up to %d bytes; %s may have %d: set its max.message.bytes to that",
                        plan.topic(), bytes, what, largest));
    }

    /** A timestamp that an input topic accepts and an output topic refuses would stop the learner. */
    private void compareTimestamps() {
        if (topic.isStampedByBroker()) {
            return;
        }
        for (String limit : TopicPlan.TIMESTAMP_LIMITS) {
            inputs.of(plan).stream()
                    // of an input that could not be looked at, nothing is said
                    .filter(input -> input.isKnown() && topic.timestampLimit(limit) < input.timestampLimit(limit))
                    .findFirst()
                    .ifPresent(input -> fatal(
                            "topic %s refuses timestamps that the %s topic accepts, and outputs have the timestamps"
                                    + " of their %2$s: set its %s to %s",
                            plan.topic(), inputs.contentsOf(input), limit, TopicPlan.ANY_TIMESTAMP));
        }
    }
}
