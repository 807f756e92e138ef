package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.util.HashMap;
import java.util.Map;

/** The check that no two settings name the same topic. */
final class TopicNames {
    /** More than one partition, so that everything that may be sent on is. */
    static final int SEVERAL = 2;

    private TopicNames() {}

    /** @throws StopException if two topics of a learner have the same name */
    static void check(ThalwegConfig config) {
        Map<String, String> settings = new HashMap<>();
        for (TopicPlan plan : TopicPlan.ofAll(config, SEVERAL)) {
            String setting = plan.isOfCopies() ? ThalwegConfig.APPLICATION_ID : plan.setting();
            String other = settings.putIfAbsent(plan.topic(), setting);
            if (other != null) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        plan.isOfCopies()
                                ? "%s names topic %s, which the learner needs for itself; choose another name"
                                        .formatted(other, plan.topic())
                                : "%s and %s both name topic %s; each needs a topic of its own"
                                        .formatted(other, setting, plan.topic()));
            }
        }
    }
}
