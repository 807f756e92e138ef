package io.thalweg.runtime;

import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_COMPACT;
import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_DELETE;
import static org.apache.kafka.common.config.TopicConfig.MAX_MESSAGE_BYTES_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.RETENTION_MS_CONFIG;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a topic should be.
 *
 * @param setting the setting that names it, or that it is there for
 * @param settings of the topic, as it is created
 * @param maxBytesSetting as {@link OutputTopic#maxBytesSetting}
 */
record TopicPlan(
        String topic, Role role, String setting, Map<String, String> settings, Optional<String> maxBytesSetting) {
    static final int KAFKA_DEFAULT_MAX_BYTES = 1_048_588;
    static final String ANY_TIMESTAMP = String.valueOf(Long.MAX_VALUE);
    static final List<String> TIMESTAMP_LIMITS =
            List.of(MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG, MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG);

    /** What a topic is to the learner. */
    enum Role {
        EXAMPLES,
        /** The examples, sent on to the partitions of their models. */
        BY_MODEL,
        OUTPUT
    }

    /** The topic of examples. */
    static TopicPlan ofExamples(ThalwegConfig config) {
        return new TopicPlan(
                config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                Role.EXAMPLES,
                ThalwegConfig.EXAMPLES_TOPIC,
                Map.of(
                        CLEANUP_POLICY_CONFIG,
                        CLEANUP_POLICY_DELETE,
                        RETENTION_MS_CONFIG,
                        String.valueOf(config.getLong(ThalwegConfig.TOPICS_RETENTION_MS)),
                        // said although it is Kafka's default: a broker may have another, and the sizes
                        // of the topics hang together
                        MAX_MESSAGE_BYTES_CONFIG,
                        String.valueOf(KAFKA_DEFAULT_MAX_BYTES)),
                Optional.empty());
    }

    /** The topics of examples and outputs. */
    static List<TopicPlan> ofExamplesAndOutputs(ThalwegConfig config) {
        List<TopicPlan> plans = new ArrayList<>();
        plans.add(ofExamples(config));
        for (OutputTopic output : OutputTopic.values()) {
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

    /** All topics that a learner needs. @param partitions of the examples topic */
    static List<TopicPlan> ofAll(ThalwegConfig config, int partitions) {
        List<TopicPlan> plans = ofExamplesAndOutputs(config);
        if (config.isRouted(partitions)) {
            plans.add(ofLearners(
                    config,
                    config.routedTopic(),
                    Role.BY_MODEL,
                    ThalwegConfig.MODEL_FROM,
                    false,
                    // its records are those of the examples topic with more headers
                    OutputTopic.DEAD_LETTERS.maxBytesSetting()));
        }
        return plans;
    }

    /** A topic that the learner writes. */
    private static TopicPlan ofLearners(
            ThalwegConfig config,
            String topic,
            Role role,
            String setting,
            boolean compacted,
            Optional<String> maxBytesSetting) {
        Map<String, String> settings = new HashMap<>(ofExamples(config).settings);
        // an output has the timestamp of its example, whatever that is, and must not be refused for it
        TIMESTAMP_LIMITS.forEach(limit -> settings.put(limit, ANY_TIMESTAMP));
        if (compacted) {
            settings.put(CLEANUP_POLICY_CONFIG, CLEANUP_POLICY_COMPACT);
            settings.remove(RETENTION_MS_CONFIG);
        }
        maxBytesSetting.ifPresent(size -> settings.put(MAX_MESSAGE_BYTES_CONFIG, String.valueOf(config.getInt(size))));
        return new TopicPlan(topic, role, setting, settings, maxBytesSetting);
    }

    boolean isCompacted() {
        return settings.get(CLEANUP_POLICY_CONFIG).equals(CLEANUP_POLICY_COMPACT);
    }

    /** Whether nothing in it may vanish by age. */
    boolean isForEver() {
        return "-1".equals(settings.get(RETENTION_MS_CONFIG));
    }

    /** What is wrong if there is no such topic. */
    TopicProblem missing() {
        return new TopicProblem(topic, true, true, "topic %s (%s) is missing".formatted(topic, setting));
    }
}
