package io.thalweg.runtime;

import static org.apache.kafka.common.acl.AclOperation.ALTER;
import static org.apache.kafka.common.acl.AclOperation.CREATE;
import static org.apache.kafka.common.acl.AclOperation.DELETE;
import static org.apache.kafka.common.acl.AclOperation.DESCRIBE;
import static org.apache.kafka.common.acl.AclOperation.DESCRIBE_CONFIGS;
import static org.apache.kafka.common.acl.AclOperation.READ;
import static org.apache.kafka.common.acl.AclOperation.WRITE;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.topology.LearnerSupplier;

/**
 * The rights that a move of a learner to another number of partitions needs: those of the learner, because it learns
 * the rest of the input, and those to give topics more partitions and to create the changelog again.
 */
final class MoveRights {
    private MoveRights() {}

    /** Adds the rights. A move to another topic also needs READ on the topic before. */
    static void add(ThalwegConfig config, AccessRole.RightSink to) {
        for (TopicPlan plan : TopicPlan.ofAll(config, TopicNames.SEVERAL)) {
            String topic = plan.topic();
            if (plan.isInput() || plan.isOfCopies() || plan.isCompacted()) {
                to.topic(topic, READ);
            }
            if (!plan.isInput()) {
                to.topic(topic, WRITE);
            }
            if (plan.isOfCopies()) {
                to.topic(topic, CREATE);
            }
            if (plan.role() != TopicPlan.Role.LABELS || !config.areLabelsRouted(TopicNames.SEVERAL)) {
                to.topic(topic, ALTER);
            }
        }
        TopicPlan.nextCopies(config).forEach(topic -> to.topic(topic, CREATE, DESCRIBE));
        to.topic(LearnerSupplier.changelog(config), CREATE, READ, WRITE, DELETE, DESCRIBE_CONFIGS);
        String staging = Repartition.staging(config);
        to.topic(staging, CREATE, READ, WRITE, DELETE);
        to.accept(AccessRight.onGroup(READ, config.getString(ThalwegConfig.APPLICATION_ID)));
        to.accept(AccessRight.onTransaction(staging));
    }
}
