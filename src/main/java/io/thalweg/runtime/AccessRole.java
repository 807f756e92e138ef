package io.thalweg.runtime;

import static org.apache.kafka.common.acl.AclOperation.ALTER;
import static org.apache.kafka.common.acl.AclOperation.CREATE;
import static org.apache.kafka.common.acl.AclOperation.DELETE;
import static org.apache.kafka.common.acl.AclOperation.DESCRIBE;
import static org.apache.kafka.common.acl.AclOperation.DESCRIBE_CONFIGS;
import static org.apache.kafka.common.acl.AclOperation.READ;
import static org.apache.kafka.common.acl.AclOperation.WRITE;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import io.thalweg.topology.LearnerSupplier;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.streams.StreamsConfig;

/** The roles of principals in a cluster, each with the least rights that its commands need. */
public enum AccessRole {
    /** Runs the learner: {@code run}. */
    LEARNER("run") {
        @Override
        void add(ThalwegConfig config, int partitions, RightSink to) {
            for (TopicPlan plan : TopicPlan.ofAll(config, partitions)) {
                if (plan.isInput()) {
                    to.topic(plan.topic(), READ);
                } else if (plan.isOfCopies()) {
                    to.topic(plan.topic(), READ, WRITE);
                } else {
                    to.topic(plan.topic(), WRITE);
                }
            }
            seesAllCopies(config, partitions, to);
            // the first start creates it
            to.topic(LearnerSupplier.changelog(config), CREATE, READ, WRITE);
            // whether it is there says that a move to other partitions is not complete
            to.topic(Repartition.staging(config), DESCRIBE);
            String application = config.getString(ThalwegConfig.APPLICATION_ID);
            to.accept(AccessRight.onGroup(READ, application));
            if (StreamsConfig.EXACTLY_ONCE_V2.equals(config.getString(ThalwegConfig.PROCESSING_GUARANTEE))) {
                to.accept(AccessRight.onTransactions(application));
            }
        }
    },

    /** Sends examples, and labels that come later: {@code produce}. */
    PRODUCER("produce") {
        @Override
        void add(ThalwegConfig config, int partitions, RightSink to) {
            TopicPlan.ofInputsAndOutputs(config).stream()
                    .filter(TopicPlan::isInput)
                    .forEach(plan -> to.topic(plan.topic(), WRITE));
        }
    },

    /** Reads what the learner publishes: {@code watch}. */
    READER("watch") {
        @Override
        void add(ThalwegConfig config, int partitions, RightSink to) {
            OutputTopic.of(config).forEach(output -> to.topic(output.nameIn(config), READ));
        }
    },

    /** Proves what was learned: {@code verify}. */
    AUDITOR("verify") {
        @Override
        void add(ThalwegConfig config, int partitions, RightSink to) {
            TopicPlan.ofAll(config, partitions).forEach(plan -> to.topic(plan.topic(), READ));
            seesAllCopies(config, partitions, to);
            to.topic(LearnerSupplier.changelog(config), READ);
            to.accept(AccessRight.onGroup(DESCRIBE, config.getString(ThalwegConfig.APPLICATION_ID)));
        }
    },

    /**
     * Creates topics, resets the learner, and moves it to other partitions: {@code topics --create}, {@code reset} and
     * {@code topics --repartition}.
     */
    ADMINISTRATOR("topics --create, reset, topics --repartition") {
        @Override
        void add(ThalwegConfig config, int partitions, RightSink to) {
            for (TopicPlan plan : TopicPlan.ofAll(config, partitions)) {
                to.topic(plan.topic(), CREATE, DESCRIBE, DESCRIBE_CONFIGS);
                if (plan.isOfCopies()) {
                    to.topic(plan.topic(), DELETE);
                }
            }
            for (OutputTopic output : OutputTopic.of(config)) {
                if (output.mustBeComplete()) {
                    to.topic(output.nameIn(config), DELETE);
                } else {
                    to.topic(output.nameIn(config), READ, WRITE);
                }
            }
            to.topic(LearnerSupplier.changelog(config), DELETE);
            to.topic(Repartition.staging(config), DELETE);
            to.accept(AccessRight.onGroup(DELETE, config.getString(ThalwegConfig.APPLICATION_ID)));
            MoveRights.add(config, to);
        }
    };

    /** The operations that include DESCRIBE, so that it is not granted beside them. */
    private static final Set<AclOperation> THAT_DESCRIBE = Set.of(READ, WRITE, DELETE, ALTER);

    private final String commands;

    AccessRole(String commands) {
        this.commands = commands;
    }

    /** Takes rights. */
    @FunctionalInterface
    interface RightSink {
        void accept(AccessRight right);

        default void topic(String topic, AclOperation... operations) {
            for (AclOperation operation : operations) {
                accept(AccessRight.onTopic(operation, topic));
            }
        }
    }

    private static void seesAllCopies(ThalwegConfig config, int partitions, RightSink to) {
        if (config.areSentOn(partitions)) {
            TopicPlan.nextCopies(config).forEach(topic -> to.topic(topic, DESCRIBE));
        }
    }

    /** Adds all rights. */
    abstract void add(ThalwegConfig config, int partitions, RightSink to);

    /**
     * Returns the least rights that a principal in this role needs.
     *
     * @param partitions how many partitions the examples topic has; with more than one, events may be copied
     */
    List<AccessRight> rights(ThalwegConfig config, int partitions) {
        Set<AccessRight> all = new LinkedHashSet<>();
        add(config, partitions, all::add);
        return withoutImplied(all);
    }

    private static List<AccessRight> withoutImplied(Set<AccessRight> all) {
        return all.stream()
                .filter(right -> right.operation() != DESCRIBE
                        || THAT_DESCRIBE.stream()
                                .noneMatch(more -> all.contains(new AccessRight(more, right.resource()))))
                .toList();
    }

    /** Returns the rights of this role, for the topics that a learner can need. */
    public List<AccessRight> rights(ThalwegConfig config) {
        return rights(config, TopicNames.SEVERAL);
    }

    /** Returns the name of the role, in small letters. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Returns the commands that need the rights. */
    public String commands() {
        return commands;
    }

    /**
     * Returns the commands that grant the rights to a principal that has the name of the role, one for each resource.
     */
    public List<String> grants(ThalwegConfig config) {
        Set<AccessRight> granted = rights(config).stream()
                .map(right -> new AccessRight(right.operation(), granted(right.resource(), config)))
                .collect(Collectors.toCollection(LinkedHashSet::new));
        Map<ResourcePattern, List<AccessRight>> byResource = withoutImplied(granted).stream()
                .collect(Collectors.groupingBy(AccessRight::resource, LinkedHashMap::new, Collectors.toList()));
        List<String> grants = new ArrayList<>();
        byResource.forEach((resource, rights) -> grants.add(
                "kafka-acls --bootstrap-server %s --command-config admin.properties --add --allow-principal User:%s"
                                .formatted(config.getString(ThalwegConfig.BOOTSTRAP_SERVERS), text())
                        + rights.stream()
                                .map(right -> " --operation " + right.operationOfTool())
                                .collect(Collectors.joining())
                        + " "
                        + option(resource)));
        return grants;
    }

    /** A move may begin new topics for copies, whose names begin as those of the first ones do. */
    private static ResourcePattern granted(ResourcePattern resource, ThalwegConfig config) {
        if (resource.resourceType() != ResourceType.TOPIC || !config.isSentOn(resource.name())) {
            return resource;
        }
        ThalwegConfig first = config.withCopies(1);
        String name = config.isRouted(TopicNames.SEVERAL) ? first.routedTopic() : first.routedLabelsTopic();
        return new ResourcePattern(ResourceType.TOPIC, name, PatternType.PREFIXED);
    }

    private static String option(ResourcePattern resource) {
        String name = (resource.resourceType() == ResourceType.TRANSACTIONAL_ID
                        ? "--transactional-id "
                        : "--" + resource.resourceType().name().toLowerCase(Locale.ROOT) + " ")
                + resource.name();
        return resource.patternType() == PatternType.PREFIXED ? name + " --resource-pattern-type prefixed" : name;
    }
}
