package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.Layout;
import io.thalweg.topology.LearnerSupplier;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;

/** The topics of a learner. This class checks them, and creates those that are missing. */
public final class Topics {
    private static final String CREATE = "`thalweg topics --create`";

    private final ThalwegConfig config;
    private final Admin admin;

    private record Look(FoundInputs inputs, List<TopicPlan> missing, List<TopicProblem> problems) {}

    /**
     * The state of the topics.
     *
     * @param partitions how many partitions the examples topic has; 0 if it is missing
     * @param problems what is wrong with the topics
     * @param moved the sentence that the models were learned with another number of partitions; empty if they were not
     */
    public record State(int partitions, List<TopicProblem> problems, Optional<String> moved) {
        /** The problems that keep the learner from running. */
        public List<TopicProblem> fatal() {
            return problems.stream().filter(TopicProblem::fatal).toList();
        }

        /** What to do about missing topics; empty if none is missing. */
        public Optional<String> remedy() {
            return problems.stream().anyMatch(TopicProblem::missing)
                    ? Optional.of("create what is missing with " + CREATE)
                    : Optional.empty();
        }
    }

    public Topics(ThalwegConfig config, Admin admin) {
        this.config = config;
        this.admin = admin;
    }

    /**
     * Checks the topics.
     *
     * @throws StopException if two settings name the same topic, or the brokers do not answer
     */
    public State look() {
        Look look = lookAtAll();
        FoundTopic examples = look.inputs.examples();
        int partitions = examples == null ? 0 : examples.partitions();
        Optional<String> moved = moved(partitions);
        // only then do the topics need as many partitions as the examples have
        return moved.isEmpty()
                ? new State(partitions, look.problems, Optional.empty())
                : new State(partitions, List.of(), moved);
    }

    /** Compares the partitions of the examples topic with those of the state. */
    private Optional<String> moved(int partitions) {
        TopicChanges topics = changes();
        if (!topics.partitions(Repartition.staging(config)).isEmpty()) {
            return Optional.of(Repartition.interrupted(config));
        }
        int learned = topics.partitions(LearnerSupplier.changelog(config)).size();
        return learned == 0 || partitions == 0 || learned == partitions
                ? Optional.empty()
                : Optional.of(Layout.differs(config.getString(ThalwegConfig.EXAMPLES_TOPIC), learned, partitions));
    }

    private TopicChanges changes() {
        return new TopicChanges(config, admin, "try again");
    }

    private Look lookAtAll() {
        TopicNames.check(config);
        List<TopicProblem> problems = new ArrayList<>();
        List<String> unchecked = new ArrayList<>();
        Map<TopicPlan, FoundTopic> found = new LinkedHashMap<>();
        TopicPlan ofExamples = TopicPlan.ofExamples(config);
        FoundTopic examples = find(ofExamples, unchecked).orElse(null);
        found.put(ofExamples, examples);
        FoundTopic labels = TopicPlan.ofLabels(config)
                .flatMap(plan -> {
                    Optional<FoundTopic> topic = find(plan, unchecked);
                    found.put(plan, topic.orElse(null));
                    return topic;
                })
                .orElse(null);
        ThalwegConfig present = config.withLastCopies(changes()::known);
        for (TopicPlan plan : TopicPlan.ofAll(present, partitionsOf(examples))) {
            if (!plan.isInput()) {
                found.put(plan, find(plan, unchecked).orElse(null));
            }
        }
        if (!unchecked.isEmpty()) {
            problems.add(new TopicProblem(
                    unchecked.get(0),
                    false,
                    false,
                    "the settings of these topics were not checked, because principal %s has no right to %s on them: %s"
                            .formatted(
                                    ClientPrincipal.of(config),
                                    AclOperation.DESCRIBE_CONFIGS,
                                    String.join(", ", unchecked))));
        }
        FoundInputs inputs = new FoundInputs(examples, labels);
        List<TopicPlan> missing = new ArrayList<>();
        found.forEach((plan, topic) -> {
            if (topic == null) {
                missing.add(plan);
                problems.add(plan.missing());
            } else {
                problems.addAll(TopicComparison.of(config, plan, topic, inputs));
            }
        });
        return new Look(inputs, missing, problems);
    }

    /**
     * How many partitions the examples topic has, or will have.
     *
     * @param examples the examples topic; null if it is missing
     */
    private int partitionsOf(FoundTopic examples) {
        return examples == null ? config.getInt(ThalwegConfig.TOPICS_PARTITIONS) : examples.partitions();
    }

    /**
     * How many partitions a topic has. This is to be called before a client uses the topic, because clients wait a long
     * time for a missing topic, and some brokers then create it with the wrong settings.
     *
     * @param setting the setting that names the topic
     * @param use what will be done with the topic: READ or WRITE
     * @throws StopException if there is no such topic, its use is not allowed, two settings name the same, or the
     *     brokers do not answer
     */
    public int partitions(String setting, AclOperation use) {
        TopicNames.check(config);
        TopicPlan plan = TopicPlan.ofInputsAndOutputs(config).stream()
                .filter(p -> p.setting().equals(setting))
                .findFirst()
                .orElseThrow();
        AccessRight right = AccessRight.onTopic(use, plan.topic());
        new AccessCheck(config, admin).require(List.of(right));
        return changes()
                .describe(plan.topic(), right)
                .map(found -> found.partitions().size())
                .orElseThrow(() ->
                        new StopException(ExitCode.NOT_READY, plan.missing().text() + "; create it with " + CREATE));
    }

    /**
     * The partitions of a topic.
     *
     * @param only the only partition to return; null for all
     * @throws StopException if there is no such partition
     */
    static List<TopicPartition> pick(String topic, int partitions, Integer only) {
        if (only != null && (only < 0 || only >= partitions)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "topic %s has no partition %d; it has %d, numbered from 0".formatted(topic, only, partitions));
        }
        return IntStream.range(0, partitions)
                .filter(p -> only == null || p == only)
                .mapToObj(p -> new TopicPartition(topic, p))
                .toList();
    }

    /**
     * Checks the rights of a role, as far as the brokers tell.
     *
     * @throws StopException if some are missing, with one line that names them, or the brokers do not answer
     */
    public void require(AccessRole role) {
        AccessCheck rights = new AccessCheck(config, admin);
        // as if nothing were sent on, because it is not known yet how many partitions there are
        rights.require(role.rights(config, 1));
        ThalwegConfig present = config.withLastCopies(changes()::known);
        int partitions = changes()
                .partitions(config.getString(ThalwegConfig.EXAMPLES_TOPIC))
                .size();
        rights.require(role.rights(present, partitions));
    }

    private Optional<FoundTopic> find(TopicPlan plan, List<String> unchecked) {
        return changes()
                .describe(plan.topic(), AccessRight.onTopic(AclOperation.DESCRIBE, plan.topic()))
                .map(found -> new FoundTopic(found.partitions().size(), settings(plan, unchecked)));
    }

    private Map<String, String> settings(TopicPlan plan, List<String> unchecked) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, plan.topic());
        Map<String, String> settings = new HashMap<>();
        try {
            Config found = get(admin.describeConfigs(List.of(resource)).values().get(resource));
            found.entries().forEach(entry -> settings.put(entry.name(), entry.value()));
        } catch (AuthorizationException e) {
            unchecked.add(plan.topic());
        }
        return settings;
    }

    /**
     * Creates the missing topics, with as many partitions as the examples topic has or, if that is missing too, as the
     * settings say.
     *
     * @return the names of the created topics
     * @throws StopException if one cannot be created
     */
    public List<String> create() {
        return create(plan -> true, topic -> {});
    }

    /**
     * Creates missing topics, as {@link #create()} does. If one cannot be created, it creates the others.
     *
     * @param which the topics to create if they are missing
     * @param done is told the name of each topic that was created
     * @throws StopException if some could not be created, with one line that says which and why
     */
    List<String> create(Predicate<TopicPlan> which, Consumer<String> done) {
        Look look = lookAtAll();
        int partitions = partitionsOf(look.inputs.examples());
        short replicas = config.getShort(ThalwegConfig.TOPICS_REPLICATION_FACTOR);
        List<NewTopic> missing = look.missing.stream()
                .filter(which)
                .map(plan -> new NewTopic(
                                plan.topic(),
                                Optional.of(look.inputs.partitionsFor(plan, config, partitions)),
                                replicas < 0 ? Optional.empty() : Optional.of(replicas))
                        .configs(plan.settings()))
                .toList();
        List<String> created = new ArrayList<>();
        List<AccessRight> denied = new ArrayList<>();
        List<String> refused = new ArrayList<>();
        admin.createTopics(missing).values().forEach((topic, result) -> {
            try {
                get(result);
                created.add(topic);
                done.accept(topic);
            } catch (TopicExistsException e) {
                // another process has just created it
            } catch (AuthorizationException e) {
                denied.add(AccessRight.onTopic(AclOperation.CREATE, topic));
            } catch (ApiException e) {
                refused.add("topic %s (%s)".formatted(topic, e.getMessage()));
            }
        });
        awaitAll(created);
        if (!denied.isEmpty()) {
            throw AccessDenied.lacks(config, denied);
        }
        if (!refused.isEmpty()) {
            throw new StopException(ExitCode.NOT_READY, "the brokers did not create " + String.join(", ", refused));
        }
        return created;
    }

    /** Creates all missing topics. @param done is told the name of each topic that was created */
    public void create(Consumer<String> done) {
        create(plan -> true, done);
    }

    /** Waits until the brokers know the topics, which is a moment after the controller has created them. */
    private void awaitAll(List<String> created) {
        long deadline =
                System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(config.getInt(ThalwegConfig.START_TIMEOUT_MS));
        while (look().problems().stream().anyMatch(f -> f.missing() && created.contains(f.topic()))
                && System.nanoTime() < deadline) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
        }
    }

    /** Whether the predictions topic holds records although this learner has committed nothing. */
    boolean hasStrangers() {
        String group = config.getString(ThalwegConfig.APPLICATION_ID);
        String topic = OutputTopic.PREDICTIONS.nameIn(config);
        try {
            if (!get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata())
                    .isEmpty()) {
                return false;
            }
            TopicDescription description =
                    get(admin.describeTopics(List.of(topic)).topicNameValues().get(topic));
            Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
            description
                    .partitions()
                    .forEach(p -> ends.put(new TopicPartition(topic, p.partition()), OffsetSpec.latest()));
            return get(admin.listOffsets(ends).all()).values().stream().anyMatch(end -> end.offset() > 0);
        } catch (ApiException e) {
            // no permission, or no such group; only a warning is lost
            return false;
        }
    }

    private <T> T get(KafkaFuture<T> answer) {
        return AdminCalls.await(answer, config);
    }
}
