package io.thalweg.testing;

import java.util.Map;
import java.util.function.Predicate;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.server.policy.CreateTopicPolicy;

/** A policy of a cluster that refuses some new topics while a test wants that. */
public final class RefusingPolicy implements CreateTopicPolicy {
    /** What it says of a topic that it refuses. */
    public static final String WHY = "no new topics today";

    private static volatile Predicate<String> refused = topic -> false;

    /** The setting of the broker. */
    public static Map<String, String> setting() {
        return Map.of("create.topic.policy.class.name", RefusingPolicy.class.getName());
    }

    /** Does something while topics are refused. @param which the names of the topics */
    public static void whileRefused(Predicate<String> which, Runnable something) {
        refused = which;
        try {
            something.run();
        } finally {
            refused = topic -> false;
        }
    }

    @Override
    public void validate(RequestMetadata metadata) {
        if (refused.test(metadata.topic())) {
            throw new PolicyViolationException(WHY);
        }
    }

    @Override
    public void configure(Map<String, ?> configs) {
        // nothing to set
    }

    @Override
    public void close() {
        // nothing is open
    }
}
