package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import io.thalweg.topology.LearnerSupplier;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;

/**
 * A reset of a learner. It deletes what the learner has learned, so that it starts again with the first example.
 *
 * <p>The learner would then publish everything a second time, so its outputs are deleted too, unless they are to be
 * kept. The topics of predictions, dead letters and outcomes are deleted and created again with the same partitions and
 * settings, so that they begin at offset 0, which an audit needs. In the compacted topics every key gets a tombstone,
 * which tells readers that the models are gone.
 *
 * <p>It checks first that it has all rights that it will need. An interrupted reset can be repeated. Offsets are
 * deleted first, because a learner with state but no offsets learns from nothing twice, whereas one with offsets but no
 * state would continue in the middle with weights of zero.
 */
public final class Reset {
    private static final Duration POLL = Duration.ofMillis(200);

    private final ThalwegConfig config;
    private final Admin admin;
    private final boolean keepOutputs;
    private final String application;
    private final String changelog;
    private final TopicChanges topics;
    private final List<String> emptied;
    private final List<String> retracted;

    /** A part of the reset. @param name what it deletes or empties */
    private record Step(String name, Runnable action) {}

    /**
     * @param keepOutputs whether to keep what has been published
     * @throws StopException if two settings name the same topic, so that one to keep could be deleted
     */
    public Reset(ThalwegConfig config, Admin admin, boolean keepOutputs) {
        this.config = config;
        this.admin = admin;
        this.keepOutputs = keepOutputs;
        topics = new TopicChanges(config, admin, "run the reset again");
        TopicNames.check(config);
        application = config.getString(ThalwegConfig.APPLICATION_ID);
        changelog = LearnerSupplier.changelog(config);
        emptied = outputs(OutputTopic::mustBeComplete);
        retracted = outputs(OutputTopic::isCompacted);
    }

    private List<String> outputs(Predicate<OutputTopic> which) {
        return OutputTopic.of(config).stream()
                .filter(which)
                .map(output -> output.nameIn(config))
                .toList();
    }

    /**
     * Lists what a reset would delete, one line each.
     *
     * @return empty if there is nothing to delete
     * @throws StopException if the learner is running, a right is missing that the reset will need, or the brokers do
     *     not answer
     */
    public List<String> look() {
        checkRights();
        List<String> goes = new ArrayList<>();
        // first, because listing groups does not report brokers that cannot be reached
        boolean hasState = !topics.partitions(changelog).isEmpty();
        if (LearnerGroup.findStopped(config, admin).isPresent()) {
            goes.add("consumer group %s and its offsets: the learner starts again with the oldest record of %s%s"
                    .formatted(
                            application,
                            config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                            config.hasLateLabels() ? " and of " + config.getString(ThalwegConfig.LABELS_TOPIC) : ""));
        }
        if (hasState) {
            goes.add("changelog topic %s: weights, metrics and names of all models%s"
                    .formatted(changelog, config.hasLateLabels() ? ", and the events that wait for their labels" : ""));
        }
        if (topics.isKnown(Repartition.staging(config))) {
            goes.add("topic %s: what is left of a move to other partitions".formatted(Repartition.staging(config)));
        }
        for (String topic : temporary()) {
            if (config.isSentOn(topic)) {
                goes.add("topic %s: the copies of the %s, in the partitions of their models"
                        .formatted(topic, config.isOfLabels(topic) ? "labels" : "events"));
            }
        }
        if (!keepOutputs) {
            for (String topic : emptied) {
                List<TopicPartition> partitions = topics.partitions(topic);
                long offsets = sum(partitions);
                if (partitions.isEmpty()) {
                    if (!isSetUp()) {
                        continue;
                    }
                    goes.add(("nothing of topic %s, which is missing: it is created as by `thalweg topics --create`;"
                                    + " if a reset that broke off has deleted it, its settings are gone")
                            .formatted(topic));
                } else if (offsets > 0) {
                    goes.add("the contents of topic %s: %,d offsets%s"
                            .formatted(topic, offsets, settingsOfItsOwn(topic, partitions.size())));
                }
            }
            for (String topic : retracted) {
                int keys = liveKeys(topic).size();
                if (keys > 0) {
                    goes.add("the contents of topic %s: %,d %s, by writing tombstones"
                            .formatted(topic, keys, keys == 1 ? "key" : "keys"));
                }
            }
        }
        return goes;
    }

    /**
     * Checks that nothing will be refused halfway, as far as the brokers tell.
     *
     * @throws StopException if a right is missing
     */
    private void checkRights() {
        AccessCheck check = new AccessCheck(config, admin);
        List<AccessRight> needed = new ArrayList<>();
        needed.add(deletionOfGroup());
        needed.add(AccessRight.onTopic(AclOperation.DELETE, changelog));
        // copies that stayed would be learned from a second time, so this does not rely on being told that there
        // are none
        Set<String> deleted = new TreeSet<>(temporary());
        deleted.addAll(copies());
        for (String topic : deleted) {
            needed.add(AccessRight.onTopic(AclOperation.DELETE, topic));
        }
        TopicPlan.nextCopies(config.withLastCopies(topics::known))
                .forEach(topic -> needed.add(AccessRight.onTopic(AclOperation.DESCRIBE, topic)));
        List<AccessRight> missing = new ArrayList<>();
        if (!keepOutputs) {
            for (String topic : retracted) {
                needed.add(AccessRight.onTopic(AclOperation.READ, topic));
                needed.add(AccessRight.onTopic(AclOperation.WRITE, topic));
            }
            for (String topic : emptied) {
                needed.add(AccessRight.onTopic(AclOperation.DELETE, topic));
                needed.add(AccessRight.onTopic(AclOperation.DESCRIBE_CONFIGS, topic));
                if (!check.canCreate(topic)) {
                    missing.add(AccessRight.onTopic(AclOperation.CREATE, topic));
                }
            }
        }
        missing.addAll(check.missing(needed));
        if (!missing.isEmpty()) {
            throw AccessDenied.lacks(config, missing);
        }
    }

    /**
     * Resets the learner. If that breaks off, it can be repeated.
     *
     * @throws StopException if the learner is running, or the brokers do not answer or refuse; the message says what
     *     was done and what was not
     */
    public void run() {
        List<Step> steps = steps();
        for (int i = 0; i < steps.size(); i++) {
            try {
                steps.get(i).action.run();
            } catch (StopException e) {
                throw new StopException(e.exitCode(), e.getMessage() + state(steps, i));
            } catch (KafkaException e) {
                String why = AccessDenied.explain(e, config, AccessRole.ADMINISTRATOR)
                        .map(denied -> precisely(denied).getMessage())
                        .orElse(e.getMessage());
                throw new StopException(ExitCode.NOT_READY, why + state(steps, i));
            }
        }
    }

    /** Asks the brokers which of the rights in question is missing, if they tell. */
    private StopException precisely(StopException denied) {
        try {
            checkRights();
            return denied;
        } catch (StopException missing) {
            return missing;
        }
    }

    private List<Step> steps() {
        List<Step> steps = new ArrayList<>();
        steps.add(new Step("group " + application, this::deleteGroup));
        steps.add(new Step("topic " + changelog, () -> topics.delete(changelog)));
        for (String topic : temporary()) {
            steps.add(new Step("topic " + topic, () -> topics.delete(topic)));
        }
        if (!keepOutputs) {
            retracted.forEach(topic -> steps.add(new Step("topic " + topic, () -> retract(topic))));
            // last, because these are deleted before they are created again
            emptied.forEach(topic -> steps.add(new Step("topic " + topic, () -> empty(topic))));
        }
        return steps;
    }

    /** Whether some output topics are there, so that one that is missing is what is left of a reset that broke off. */
    private boolean isSetUp() {
        return Stream.concat(emptied.stream(), retracted.stream()).anyMatch(topics::isKnown);
    }

    /** The topics that are there but only with some settings, or for a time. The learner makes their contents again. */
    private List<String> temporary() {
        Set<String> all = new TreeSet<>(Set.of(Repartition.staging(config)));
        for (int copies = config.lastCopies(topics::known); copies > 0; copies--) {
            all.addAll(config.copiesTopics(copies));
        }
        return topics.known(all).stream().sorted().toList();
    }

    /** The topics with copies of events or labels, which the learner needs with these settings. */
    private Set<String> copies() {
        String examples = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        int partitions = topics.isKnown(examples) ? topics.partitions(examples).size() : TopicNames.SEVERAL;
        return TopicPlan.ofAll(config, partitions).stream()
                .filter(TopicPlan::isOfCopies)
                .map(TopicPlan::topic)
                .collect(Collectors.toSet());
    }

    private static String state(List<Step> steps, int failed) {
        String done = names(steps.subList(0, failed));
        return "; reset: %s; not reset: %s; run the reset again"
                .formatted(done.isEmpty() ? "nothing" : done, names(steps.subList(failed, steps.size())));
    }

    private static String names(List<Step> steps) {
        return steps.stream().map(Step::name).collect(Collectors.joining(", "));
    }

    private void deleteGroup() {
        LearnerGroup.findStopped(config, admin);
        try {
            AdminCalls.await(admin.deleteConsumerGroups(List.of(application)).all(), config, deletionOfGroup());
        } catch (GroupIdNotFoundException e) {
            // it never ran, or this is the second attempt
        } catch (GroupNotEmptyException e) {
            throw LearnerGroup.running(config);
        }
    }

    private AccessRight deletionOfGroup() {
        return AccessRight.onGroup(AclOperation.DELETE, application);
    }

    private void empty(String topic) {
        List<TopicPartition> partitions = topics.partitions(topic);
        if (partitions.isEmpty()) {
            if (!isSetUp()) {
                return;
            }
            new Topics(config, admin).create(plan -> plan.topic().equals(topic), created -> {});
            return;
        }
        if (sum(partitions) == 0) {
            return;
        }
        NewTopic anew = topics.like(topic, topic, partitions.size());
        topics.delete(topic);
        String lost = "topic %s was deleted and not created again; to give it the settings that it had, create it with"
                        .formatted(topic)
                + " `" + command(anew) + "`";
        try {
            topics.create(anew, lost);
        } catch (StopException e) {
            throw e.getMessage().startsWith(lost) ? e : new StopException(e.exitCode(), e.getMessage() + "; " + lost);
        } catch (KafkaException e) {
            throw new StopException(ExitCode.NOT_READY, e.getMessage() + "; " + lost);
        }
    }

    /**
     * Says what settings a topic has that a plan would not give it. They are lost with the topic if the reset is killed
     * before it has created the topic again, so they are said before it is deleted.
     */
    private String settingsOfItsOwn(String topic, int partitions) {
        NewTopic anew = topics.like(topic, topic, partitions);
        boolean asPlanned = TopicPlan.ofInputsAndOutputs(config).stream()
                .anyMatch(plan -> plan.topic().equals(topic) && plan.settings().equals(anew.configs()));
        return asPlanned ? "" : "; it keeps its settings, as by `" + command(anew) + "`";
    }

    /** The command that creates a topic. */
    private String command(NewTopic topic) {
        StringBuilder command = new StringBuilder(
                "kafka-topics --bootstrap-server %s --create --topic %s --partitions %d --replication-factor %d"
                        .formatted(
                                config.getString(ThalwegConfig.BOOTSTRAP_SERVERS),
                                topic.name(),
                                topic.numPartitions(),
                                topic.replicationFactor()));
        new TreeMap<>(topic.configs())
                .forEach((name, value) ->
                        command.append(" --config ").append(name).append('=').append(value));
        return command.toString();
    }

    private void retract(String topic) {
        Set<LiveKey> keys = liveKeys(topic);
        if (keys.isEmpty()) {
            return;
        }
        List<Exception> failures = new ArrayList<>();
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(config).writer())) {
            keys.forEach(live -> producer.send(
                    new ProducerRecord<>(topic, live.partition, live.key.array(), null), (metadata, failure) -> {
                        if (failure != null) {
                            failures.add(failure);
                        }
                    }));
        }
        if (!failures.isEmpty()) {
            throw new StopException(
                    ExitCode.NOT_READY,
                    "topic %s did not accept %d of %d tombstones (%s); run the reset again"
                            .formatted(
                                    topic,
                                    failures.size(),
                                    keys.size(),
                                    failures.get(0).getMessage()));
        }
    }

    /** A key whose latest record has a value. A model that was moved has tombstones in the partition that it was in. */
    private record LiveKey(ByteBuffer key, int partition) {}

    private Set<LiveKey> liveKeys(String topic) {
        Set<LiveKey> keys = new LinkedHashSet<>();
        List<TopicPartition> partitions = topics.partitions(topic);
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    if (record.key() == null) {
                        continue;
                    }
                    LiveKey live = new LiveKey(ByteBuffer.wrap(record.key()), record.partition());
                    if (record.value() == null) {
                        keys.remove(live);
                    } else {
                        keys.add(live);
                    }
                }
            }
        }
        return keys;
    }

    private long sum(List<TopicPartition> partitions) {
        return topics.offsets(partitions, OffsetSpec.latest()).values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }
}
