package io.thalweg.runtime;

import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_COMPACT;
import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_DELETE;
import static org.apache.kafka.common.config.TopicConfig.MAX_MESSAGE_BYTES_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MIN_COMPACTION_LAG_MS_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.RETENTION_MS_CONFIG;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A topic as it should be.
 *
 * @param setting the setting that names the topic, or that makes it necessary
 * @param settings the settings that the topic is created with
 * @param maxBytesSetting as {@link OutputTopic#maxBytesSetting}
 */
record TopicPlan(
        String topic, Role role, String setting, Map<String, String> settings, Optional<String> maxBytesSetting) {
    static final int KAFKA_DEFAULT_MAX_BYTES = 1_048_588;
    static final String ANY_TIMESTAMP = String.valueOf(Long.MAX_VALUE);
    static final List<String> TIMESTAMP_LIMITS =
            List.of(MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG, MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG);

    /** The roles of topics. */
    enum Role {
        EXAMPLES,
        /** Labels that come later than their events. */
        LABELS,
        /** Copies of the events, in the partitions of their models. */
        BY_MODEL,
        /** Copies of the labels, in the partitions of their models. */
        LABELS_BY_MODEL,
        OUTPUT
    }

    /** The plan of the examples topic. */
    static TopicPlan ofExamples(ThalwegConfig config) {
        return ofInput(config, Role.EXAMPLES, ThalwegConfig.EXAMPLES_TOPIC);
    }

    /** The plan of the labels topic; empty if labels are in the events. */
    static Optional<TopicPlan> ofLabels(ThalwegConfig config) {
        return config.hasLateLabels()
                ? Optional.of(ofInput(config, Role.LABELS, ThalwegConfig.LABELS_TOPIC))
                : Optional.empty();
    }

    /** The plan of a topic that others write. */
    private static TopicPlan ofInput(ThalwegConfig config, Role role, String setting) {
        return new TopicPlan(
                config.getString(setting),
                role,
                setting,
                Map.of(
                        CLEANUP_POLICY_CONFIG,
                        CLEANUP_POLICY_DELETE,
                        RETENTION_MS_CONFIG,
                        String.valueOf(config.getLong(ThalwegConfig.TOPICS_RETENTION_MS)),
                        // set although it is Kafka's default, because a broker may have another default, and
                        // the sizes of the topics depend on each other
                        MAX_MESSAGE_BYTES_CONFIG,
                        String.valueOf(KAFKA_DEFAULT_MAX_BYTES)),
                Optional.empty());
    }

    /** The plans of the topics that settings name: examples, labels if they have a topic of their own, and outputs. */
    static List<TopicPlan> ofInputsAndOutputs(ThalwegConfig config) {
        List<TopicPlan> plans = new ArrayList<>();
        plans.add(ofExamples(config));
        ofLabels(config).ifPresent(plans::add);
        for (OutputTopic output : OutputTopic.of(config)) {
            plans.add(ofLearners(
                    config,
                    output.nameIn(config),
                    Role.OUTPUT,
                    output.setting(),
                    output.isCompacted(),
                    output.maxBytesSetting()));
        }
        return plans;
    }

    /**
     * The plans of all topics that a learner needs.
     *
     * @param partitions how many partitions the examples topic has
     */
    static List<TopicPlan> ofAll(ThalwegConfig config, int partitions) {
        List<TopicPlan> plans = ofInputsAndOutputs(config);
        if (config.isRouted(partitions)) {
            plans.add(ofCopies(config, config.routedTopic(), Role.BY_MODEL, ThalwegConfig.MODEL_FROM));
        }
        if (config.areLabelsRouted(partitions)) {
            plans.add(ofCopies(
                    config, config.routedLabelsTopic(), Role.LABELS_BY_MODEL, ThalwegConfig.LABELS_MODEL_FROM));
        }
        return plans;
    }

    /**
     * The topics that the next move may begin for copies. Whoever may not see them does not know whether the last ones
     * that it sees are the last ones that there are.
     */
    static List<String> nextCopies(ThalwegConfig config) {
        return ofAll(config.withCopies(config.copies() + 1), TopicNames.SEVERAL).stream()
                .filter(TopicPlan::isOfCopies)
                .map(TopicPlan::topic)
                .toList();
    }

    private static TopicPlan ofCopies(ThalwegConfig config, String topic, Role role, String setting) {
        // its records are those of an input topic, with more headers
        return ofLearners(config, topic, role, setting, false, OutputTopic.DEAD_LETTERS.maxBytesSetting());
    }

    /** The plan of a topic that the learner writes. */
    private static TopicPlan ofLearners(
            ThalwegConfig config,
            String topic,
            Role role,
            String setting,
            boolean compacted,
            Optional<String> maxBytesSetting) {
        Map<String, String> settings = new HashMap<>(ofExamples(config).settings);
        // an output has the timestamp of an event or a label, and must not be refused because of it
        TIMESTAMP_LIMITS.forEach(limit -> settings.put(limit, ANY_TIMESTAMP));
        if (compacted) {
            settings.put(CLEANUP_POLICY_CONFIG, CLEANUP_POLICY_COMPACT);
            settings.put(MIN_COMPACTION_LAG_MS_CONFIG, String.valueOf(config.getLong(ThalwegConfig.TOPICS_HISTORY_MS)));
            settings.remove(RETENTION_MS_CONFIG);
        }
        maxBytesSetting.ifPresent(size -> settings.put(MAX_MESSAGE_BYTES_CONFIG, String.valueOf(config.getInt(size))));
        return new TopicPlan(topic, role, setting, settings, maxBytesSetting);
    }

    /** Whether others write the topic, and not the learner. */
    boolean isInput() {
        return role == Role.EXAMPLES || role == Role.LABELS;
    }

    /** Whether the topic contains copies of an input topic, in the partitions of their models. */
    boolean isOfCopies() {
        return role == Role.BY_MODEL || role == Role.LABELS_BY_MODEL;
    }

    boolean isCompacted() {
        return settings.get(CLEANUP_POLICY_CONFIG).equals(CLEANUP_POLICY_COMPACT);
    }

    /** Whether the topic must keep its records forever. */
    boolean isForEver() {
        return "-1".equals(settings.get(RETENTION_MS_CONFIG));
    }

    /** The problem if the topic does not exist. */
    TopicProblem missing() {
        return new TopicProblem(topic, true, true, "topic %s (%s) is missing".formatted(topic, setting));
    }
}
