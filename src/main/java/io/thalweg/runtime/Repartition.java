package io.thalweg.runtime;

import io.thalweg.config.KeyFormat;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.ModelRoute;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.InputRecord;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.input.SourceCoordinates;
import io.thalweg.math.Rejection;
import io.thalweg.output.OutputRecord;
import io.thalweg.output.OutputSerializer;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.SchemaIds;
import io.thalweg.output.WeightsRecords;
import io.thalweg.store.InputOffsets;
import io.thalweg.store.KeyPartitioner;
import io.thalweg.store.Layout;
import io.thalweg.store.PastLayout;
import io.thalweg.store.StateException;
import io.thalweg.store.StateMove;
import io.thalweg.store.TaskState;
import io.thalweg.topology.LearnerSupplier;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.header.Headers;

/**
 * A move of a learner to another number of partitions. It keeps what was learned: each model goes to the partition in
 * which its records are from now on, with the events that wait for labels and with all that was published of it.
 *
 * <p>The learner must be stopped. The steps, each of which can be repeated:
 *
 * <ol>
 *   <li>Learn the rest of the input as the learner would, up to the first record that was produced for the new number
 *       of partitions. In between, give the topics more partitions.
 *   <li>Write the state of the new layout to a topic of its own, read it back, and compare each model.
 *   <li>Mark that topic as complete. Up to here, nothing was taken from the old state.
 *   <li>Delete the changelog and create it again with the new number of partitions.
 *   <li>In one transaction: copy the state to it, move the published weights and metrics, and commit the offsets.
 *   <li>Delete the topic of the second step. While it exists, no learner starts.
 * </ol>
 *
 * <p>Memory is needed for all models of the learner at once.
 */
public final class Repartition {
    /** How many records are learned from in one transaction. */
    private static final int COMMIT_EVERY = 1000;
    /** The longest that brokers allow by default, because all of the state is one transaction. */
    private static final int TRANSACTION_TIMEOUT_MS = 900_000;
    /** How many records of a partition are looked at to find out how producers choose partitions. */
    private static final int SAMPLE = 200;
    /** The key of the mark that the state is complete. The changelog has no such key. */
    private static final byte[] MARK = {0};

    private static final String REPLICAS = "replicas";
    private static final String PARTITIONS = "partitions";
    private static final String COPIES = "copies";
    private static final String SETTING = "setting.";

    private final ThalwegConfig config;
    /** The settings with the topics that records are sent on to in the new layout. */
    private ThalwegConfig after;

    private final SchemaSource schemas;
    private final SchemaIds schemaIds;
    private final int partitions;
    private final Optional<KeyPartitioner> given;
    private final Consumer<String> progress;

    private final Admin admin;
    private final String again;
    private final TopicChanges topics;
    private final String changelog;
    private final String staging;
    private final String examples;
    private final Map<OutputTopic, OutputSerializer> serializers = new EnumMap<>(OutputTopic.class);
    private ConsumerGroupMetadata group;
    private long learned;
    /** Whether there is something that a learner must not start with. */
    private boolean begun;

    /**
     * @param schemas finds the schemas that records were written with
     * @param schemaIds registers the schemas of the outputs
     * @param partitions how many partitions the learner will have
     * @param given how producers choose the partition of a key; empty to find it out
     * @param progress is told what was done, one line each
     */
    public Repartition(
            ThalwegConfig config,
            Admin admin,
            SchemaSource schemas,
            SchemaIds schemaIds,
            int partitions,
            Optional<KeyPartitioner> given,
            Consumer<String> progress) {
        again = "run `thalweg topics --repartition %d` again".formatted(partitions);
        topics = new TopicChanges(config, admin, again);
        this.config = config.withLastCopies(topics::known);
        after = this.config;
        this.admin = admin;
        this.schemas = schemas;
        this.schemaIds = schemaIds;
        this.partitions = partitions;
        this.given = given;
        this.progress = progress;
        changelog = LearnerSupplier.changelog(config);
        staging = staging(config);
        examples = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
    }

    /** The topic that exists while a learner is being moved. */
    static String staging(ThalwegConfig config) {
        return config.getString(ThalwegConfig.APPLICATION_ID) + "-repartition";
    }

    /** The sentence that a move was interrupted. */
    static String interrupted(ThalwegConfig config) {
        return "learner %s is being moved to another number of partitions, or that was interrupted (topic %s is there);"
                        .formatted(config.getString(ThalwegConfig.APPLICATION_ID), staging(config))
                + " run `thalweg topics --repartition` with the same number again";
    }

    /**
     * Moves the learner, or ends a move that was interrupted.
     *
     * @throws StopException if it is running, cannot be moved, or a right is missing; then nothing has changed. Also if
     *     the move breaks off; the message says so, and it can be repeated
     */
    public void run() {
        try {
            moveOrEnd();
        } catch (StopException e) {
            throw brokenOff(e.exitCode(), e.getMessage());
        } catch (KafkaException e) {
            String why = AccessDenied.explain(e, config, AccessRole.ADMINISTRATOR)
                    .map(denied -> lacking().orElse(denied).getMessage())
                    .orElse(e.getMessage());
            throw brokenOff(ExitCode.NOT_READY, why);
        } catch (SchemaSourceException e) {
            throw brokenOff(ExitCode.NOT_READY, e.getMessage());
        }
    }

    private StopException brokenOff(ExitCode exitCode, String why) {
        return new StopException(
                exitCode,
                !begun || why.contains(again)
                        ? why
                        : why + "; the move has begun, and no learner starts until it has ended: " + again);
    }

    // ---- rights

    /**
     * Checks that nothing will be refused halfway, as far as the brokers tell.
     *
     * @throws StopException if a right is missing
     */
    private void checkRights() {
        lacking().ifPresent(missing -> {
            throw missing;
        });
    }

    /** The exception for the rights that are missing; empty if none is. */
    private Optional<StopException> lacking() {
        AccessCheck check = new AccessCheck(config, admin);
        List<AccessRight> needed = new ArrayList<>();
        MoveRights.add(config, needed::add);
        needed.removeIf(right -> right.operation() == AclOperation.ALTER
                && topics.isKnown(right.resource().name())
                && topics.partitions(right.resource().name()).size() >= partitions);
        Set<AccessRight> missing = new LinkedHashSet<>(check.missing(needed));
        for (String topic : List.of(changelog, staging)) {
            // it may be there, and is deleted first
            if (!check.canCreate(topic)) {
                missing.add(AccessRight.onTopic(AclOperation.CREATE, topic));
            }
        }
        return missing.isEmpty() ? Optional.empty() : Optional.of(AccessDenied.lacks(config, missing));
    }

    /** Checks that the topics can be read that were learned from and are not in the settings any more. */
    private void checkRightsOnFormer(ThalwegConfig old) {
        List<AccessRight> needed = new ArrayList<>();
        for (TopicPlan plan : TopicPlan.ofInputsAndOutputs(old)) {
            if (plan.isInput()) {
                needed.add(AccessRight.onTopic(AclOperation.READ, plan.topic()));
            }
        }
        List<AccessRight> missing = new AccessCheck(config, admin).missing(needed);
        if (!missing.isEmpty()) {
            throw AccessDenied.lacks(config, missing, "the move learns the rest of what the learner has read before");
        }
    }

    private void moveOrEnd() {
        TopicNames.check(config);
        checkSettings();
        // first, because a learner that runs is not found without the right to see its group
        checkRights();
        LearnerGroup.findStopped(config, admin);
        Optional<Properties> mark = mark();
        if (mark.isPresent()) {
            int interrupted = Integer.parseInt(mark.get().getProperty(PARTITIONS));
            if (interrupted != partitions) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        "a move to %d partitions was interrupted; end it first with `thalweg topics --repartition %1$d`"
                                .formatted(interrupted));
            }
            begun = true;
            progress.accept("the state is complete in topic " + staging + "; going on from there");
            finish(mark.get());
            return;
        }
        int before = topics.partitions(changelog).size();
        checkInput(ThalwegConfig.EXAMPLES_TOPIC);
        if (config.hasLateLabels()) {
            checkInput(ThalwegConfig.LABELS_TOPIC);
        }
        if (before == partitions) {
            // left over from an attempt for another number, which has not changed anything
            topics.delete(staging);
            extend();
            progress.accept("learner %s has %d partitions already"
                    .formatted(config.getString(ThalwegConfig.APPLICATION_ID), partitions));
        } else if (before == 0) {
            extend();
            progress.accept("the topics have %d partitions; nothing was learned yet".formatted(partitions));
        } else {
            try (Producer<byte[], byte[]> producer = producer()) {
                move(before, producer);
            } catch (StateException e) {
                throw new StopException(ExitCode.BAD_STATE, e.getMessage());
            }
            finish(mark().orElseThrow());
        }
    }

    private void checkInput(String setting) {
        String topic = config.getString(setting);
        int found = topics.partitions(topic).size();
        if (found == 0) {
            throw new StopException(
                    ExitCode.NOT_READY, "topic %s (%s) is missing; create it first".formatted(topic, setting));
        }
        boolean isFree = setting.equals(ThalwegConfig.LABELS_TOPIC) && config.areLabelsRouted(partitions);
        if (found > partitions && !isFree) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    ("topic %s has %d partitions, and Kafka cannot take any away; create a topic with %d, set %s to it,"
                                    + " and let producers write there")
                            .formatted(topic, found, partitions, setting));
        }
    }

    /** The topics that the learner learns from in the new layout. */
    private List<String> inputs() {
        return after.learnedTopics(partitions);
    }

    private void checkSettings() {
        if (config.areSentOn(partitions)
                && given.filter(one -> one != KeyPartitioner.MURMUR2).isPresent()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "the learner itself sends records on to the partition of their model, as %s says; leave"
                                    .formatted(KeyPartitioner.MURMUR2)
                            + " --partitioner out");
        }
        if (config.keyFormat() != KeyFormat.STRING && config.mapping().isModelFromKey()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    ("%s is %s, and models can be moved only if keys are %s: producers choose the partition from the"
                                    + " bytes of the key, which the learner does not keep")
                            .formatted(ThalwegConfig.KEY_FORMAT, config.keyFormat(), KeyFormat.STRING));
        }
        // a setting that is not allowed with so many partitions is found before anything is done
        LearnerRuntime.keyless(config, partitions);
    }

    // ---- records that are sent on

    /** The offsets up to which the learner has sent records on; empty if it has not in that layout. */
    private Map<TopicPartition, Long> sentOn(ThalwegConfig old, int before) {
        Set<String> topicsSentOn = topicsSentOn(old, before);
        Map<TopicPartition, Long> offsets = new HashMap<>();
        if (!topicsSentOn.isEmpty()) {
            committed().forEach((partition, offset) -> {
                if (topicsSentOn.contains(partition.topic())) {
                    offsets.put(partition, offset);
                }
            });
        }
        return offsets;
    }

    /** The topics whose records the learner sends on. */
    private static Set<String> topicsSentOn(ThalwegConfig old, int before) {
        Set<String> topicsSentOn = new TreeSet<>();
        if (old.isRouted(before)) {
            topicsSentOn.add(old.getString(ThalwegConfig.EXAMPLES_TOPIC));
        }
        if (old.areLabelsRouted(before)) {
            topicsSentOn.add(old.getString(ThalwegConfig.LABELS_TOPIC));
        }
        return topicsSentOn;
    }

    /** Refuses a move if it cannot be known what was sent on: brokers forget the offsets of a group without members. */
    private void checkSentOn(ThalwegConfig old, int before, List<OldPartition> olds) {
        Set<String> unknown = topicsSentOn(old, before);
        unknown.retainAll(olds.stream()
                .flatMap(one -> one.state().offsets().next().keySet().stream())
                .map(TopicPartition::topic)
                .toList());
        committed().keySet().forEach(partition -> unknown.remove(partition.topic()));
        if (!unknown.isEmpty()) {
            throw new StopException(
                    ExitCode.BAD_STATE,
                    ("the brokers have forgotten up to where group %s has read topic %s"
                                    + " (offsets.retention.minutes); run the learner with its former settings until"
                                    + " it has read the topic, stop it, and move it then")
                            .formatted(
                                    config.getString(ThalwegConfig.APPLICATION_ID),
                                    unknown.iterator().next()));
        }
    }

    /** The offsets that the learner has committed. */
    private Map<TopicPartition, Long> committed() {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        // stable: a transaction that is about to commit offsets may already show the copies that belong to them
        AdminCalls.await(
                        admin.listConsumerGroupOffsets(
                                        config.getString(ThalwegConfig.APPLICATION_ID),
                                        new ListConsumerGroupOffsetsOptions().requireStable(true))
                                .partitionsToOffsetAndMetadata(),
                        config)
                .forEach((partition, committed) -> {
                    if (committed != null) {
                        offsets.put(partition, committed.offset());
                    }
                });
        return offsets;
    }

    /**
     * The settings with the topics that records are sent on to in the new layout. They are new ones if those of now
     * have too many partitions, or copies of other topics.
     */
    private ThalwegConfig afterwards(ThalwegConfig old, int before) {
        if (!config.areSentOn(partitions)) {
            return config;
        }
        boolean isNew = hasOtherCopies(config.routedTopic(), examples)
                || willHaveOther(old.isRouted(before), ThalwegConfig.EXAMPLES_TOPIC, old)
                || config.hasLateLabels()
                        && (hasOtherCopies(config.routedLabelsTopic(), config.getString(ThalwegConfig.LABELS_TOPIC))
                                || willHaveOther(old.areLabelsRouted(before), ThalwegConfig.LABELS_TOPIC, old));
        return isNew ? config.withCopies(config.copies() + 1) : config;
    }

    /** Whether the rest of another topic may be sent on during the move. */
    private boolean willHaveOther(boolean isSentOn, String topic, ThalwegConfig old) {
        return isSentOn && !old.getString(topic).equals(config.getString(topic));
    }

    private boolean hasOtherCopies(String topic, String of) {
        return topics.partitions(topic).size() > partitions
                || copied(topic).filter(copied -> !copied.equals(of)).isPresent();
    }

    /** The topic that a topic has copies of; empty if it has no records. */
    private Optional<String> copied(String topic) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            List<TopicPartition> all = topics.partitions(topic);
            Map<TopicPartition, Long> beginnings = topics.offsets(all, OffsetSpec.earliest());
            Map<TopicPartition, Long> ends = topics.offsets(all, OffsetSpec.latest());
            for (TopicPartition partition : all) {
                Iterator<ConsumerRecord<byte[], byte[]>> copies =
                        new CommittedRecords(consumer, partition, beginnings.get(partition), ends.get(partition));
                while (copies.hasNext()) {
                    SourceCoordinates source =
                            SourceCoordinates.of(copies.next().headers());
                    if (source != null) {
                        return Optional.of(source.topic());
                    }
                }
            }
        }
        return Optional.empty();
    }

    /** Sends on what the learner has not of topics that it reads no more. */
    private void sendOnRest(ThalwegConfig old, int before, Producer<byte[], byte[]> producer) {
        String events = old.getString(ThalwegConfig.EXAMPLES_TOPIC);
        if (old.isRouted(before) && !events.equals(examples)) {
            sendOnRest(events, old.routedTopic(), before, ModelRoute.ofEvents(old, schemas), producer);
        }
        String labels = old.getString(ThalwegConfig.LABELS_TOPIC);
        if (old.areLabelsRouted(before) && !labels.equals(config.getString(ThalwegConfig.LABELS_TOPIC))) {
            sendOnRest(labels, old.routedLabelsTopic(), before, ModelRoute.ofLabels(old, schemas), producer);
        }
    }

    private void sendOnRest(
            String topic, String copies, int before, ModelRoute route, Producer<byte[], byte[]> producer) {
        List<TopicPartition> all = topics.partitions(topic);
        Map<TopicPartition, Long> committed = committed();
        Map<TopicPartition, Long> beginnings = topics.offsets(all, OffsetSpec.earliest());
        Map<TopicPartition, Long> ends = topics.offsets(all, OffsetSpec.latest());
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            for (TopicPartition partition : all) {
                SentOnRest rest = new SentOnRest(partition, producer);
                long[] latest = {0};
                Iterator<ConsumerRecord<byte[], byte[]>> records = new CommittedRecords(
                        consumer,
                        partition,
                        Math.max(beginnings.get(partition), committed.getOrDefault(partition, 0L)),
                        ends.get(partition));
                while (records.hasNext()) {
                    ConsumerRecord<byte[], byte[]> record = records.next();
                    rest.begin();
                    // without a timestamp it has that of those before it, as in the learner
                    latest[0] = Math.max(latest[0], record.timestamp());
                    try {
                        route.sendOn(
                                InputRecord.produced(record),
                                (model, sent, headers) -> producer.send(new ProducerRecord<>(
                                        copies,
                                        KeyPartitioner.MURMUR2.partition(model, before),
                                        sent.timestamp() >= 0 ? sent.timestamp() : latest[0],
                                        model,
                                        sent.value(),
                                        headers)),
                                rest);
                    } catch (Rejection rejection) {
                        // its dead letter was published
                    }
                    rest.taken(record.offset());
                }
                rest.commit();
            }
        }
    }

    // ---- the old layout

    private void move(int before, Producer<byte[], byte[]> producer) {
        List<OldPartition> olds = restore(before);
        // one change at a time: a replay of the old layout ends under the settings that it was learned under
        ThalwegConfig old = oldConfig(olds).with(ThalwegConfig.STATE_MIGRATE, false);
        boolean inPlace = old.getString(ThalwegConfig.EXAMPLES_TOPIC).equals(examples);
        int found = topics.partitions(examples).size();
        if (inPlace && found < before) {
            throw new StopException(
                    ExitCode.BAD_STATE,
                    ("topic %s has %d partitions, and the models were learned from %d of it; it was deleted and created"
                                    + " again, so delete the learner's state with `thalweg reset`")
                            .formatted(examples, found, before));
        }
        checkRightsOnFormer(old);
        checkSentOn(old, before, olds);
        after = afterwards(old, before);
        String keyless = LearnerRuntime.keyless(old, before);
        olds.forEach(one -> one.begin(old, schemas, keyless));
        StateMove.checkNotSplit(olds.stream().map(OldPartition::state).toList());
        KeyPartitioner partitioner = partitioner(olds, inPlace ? before : 0, found);

        // from now on, no learner starts; one that started in the meantime is found here
        topics.delete(staging);
        NewTopic likeChangelog = topics.like(changelog, changelog, partitions);
        topics.create(
                new NewTopic(staging, partitions, likeChangelog.replicationFactor())
                        .configs(Map.of(TopicConfig.RETENTION_MS_CONFIG, "-1")),
                "topic %s cannot be created".formatted(staging));
        begun = true;
        // again, because brokers tell no rights on a topic that is not there
        Optional<StopException> lacking = lacking();
        if (lacking.isPresent()) {
            abandon();
            throw lacking.get();
        }
        try {
            LearnerGroup.findStopped(config, admin);
            progress.accept("restored %s from %s"
                    .formatted(
                            count(
                                    olds.stream()
                                            .mapToInt(one -> one.state().size())
                                            .sum(),
                                    "model"),
                            count(before, "partition")));
            if (partitions > 1 && olds.stream().anyMatch(one -> one.state().get(keyless) != null)) {
                progress.accept("records without a key have been those of model %s; with %d partitions they become dead"
                                .formatted(keyless, partitions)
                        + " letters (NO_KEY)");
            }
            if (inputs().stream().noneMatch(topic -> topics.partitions(topic).size() > before)) {
                sendOnRest(old, before, producer);
                learnRest(olds, old, record -> true, producer);
            }
            extend();
            sendOnRest(old, before, producer);
            // a topic that is read no more has no records of the new layout
            learnRest(
                    olds,
                    old,
                    record -> record.key() == null
                            || !inputs().contains(record.topic())
                            || partitioner.partition(record.key(), before) == record.partition(),
                    producer);
            progress.accept("learned the rest of the input: " + count(learned, "record"));
            stage(old, olds, partitioner, producer);
            writeMark(likeChangelog, producer);
            progress.accept(
                    "the state of %s is complete in topic %s".formatted(count(partitions, "partition"), staging));
        } catch (StateException e) {
            abandon();
            throw e;
        } finally {
            olds.forEach(one -> one.state().clear(true));
        }
    }

    /** Lets learners start again. */
    private void abandon() {
        topics.delete(staging);
        begun = false;
    }

    private List<OldPartition> restore(int before) {
        List<OldPartition> olds = new ArrayList<>();
        Map<TopicPartition, Long> beginnings =
                topics.offsets(TopicChanges.of(changelog, before), OffsetSpec.earliest());
        Map<TopicPartition, Long> ends = topics.offsets(TopicChanges.of(changelog, before), OffsetSpec.latest());
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            for (TopicPartition partition : TopicChanges.of(changelog, before)) {
                olds.add(new OldPartition(
                        config,
                        partition.partition(),
                        before,
                        new CommittedRecords(consumer, partition, beginnings.get(partition), ends.get(partition))));
            }
        }
        return olds;
    }

    /** The settings with the topics that were learned from, which may be others than now. */
    private ThalwegConfig oldConfig(List<OldPartition> olds) {
        String labels = olds.stream()
                .map(one -> one.learnedUnder(ThalwegConfig.LABELS_TOPIC))
                .filter(topic -> !topic.isEmpty())
                .findFirst()
                .orElse("");
        String events = config.isRouted(olds.size()) ? sentOnFrom(olds, labels) : learnedFrom(olds, labels);
        ThalwegConfig old = config.with(ThalwegConfig.EXAMPLES_TOPIC, events);
        return labels.isEmpty() ? old : old.with(ThalwegConfig.LABELS_TOPIC, labels);
    }

    private String learnedFrom(List<OldPartition> olds, String labels) {
        Set<String> inputs = new TreeSet<>();
        olds.forEach(one -> one.state().offsets().next().keySet().forEach(partition -> inputs.add(partition.topic())));
        inputs.removeIf(topic -> topic.equals(labels) || config.isSentOn(topic));
        return inputs.isEmpty() || inputs.contains(examples)
                ? examples
                : inputs.iterator().next();
    }

    /** The topic that events were sent on from. The state does not know it. */
    private String sentOnFrom(List<OldPartition> olds, String labels) {
        return copied(config.routedTopic()).orElseGet(() -> {
            // no event could be sent on, but what was read of the topic is committed
            Set<String> read = new TreeSet<>();
            committed().keySet().forEach(partition -> read.add(partition.topic()));
            read.removeIf(topic -> topic.equals(labels) || config.isSentOn(topic));
            olds.get(0)
                    .state()
                    .pastLayouts()
                    .forEach(layout -> layout.parts()
                            .forEach(
                                    part -> part.next().keySet().forEach(partition -> read.remove(partition.topic()))));
            return read.isEmpty() || read.contains(examples)
                    ? examples
                    : read.iterator().next();
        });
    }

    /**
     * Finds out how producers choose partitions: as the models are where they are, and as the records of the new
     * partitions are.
     *
     * @param from the first new partition
     * @param to the number of partitions that the topic has now
     */
    private KeyPartitioner partitioner(List<OldPartition> olds, int from, int to) {
        if (given.isPresent()) {
            return given.get();
        }
        if (config.isRouted(partitions)) {
            return KeyPartitioner.MURMUR2;
        }
        List<KeyPartitioner> fitting = new ArrayList<>(
                StateMove.partitionersOf(olds.stream().map(OldPartition::state).toList()));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            List<TopicPartition> added = TopicChanges.of(examples, to).subList(from, to);
            Map<TopicPartition, Long> beginnings = topics.offsets(added, OffsetSpec.earliest());
            Map<TopicPartition, Long> ends = topics.offsets(added, OffsetSpec.latest());
            for (TopicPartition partition : added) {
                long begin = beginnings.get(partition);
                Iterator<ConsumerRecord<byte[], byte[]>> sample =
                        new CommittedRecords(consumer, partition, begin, Math.min(ends.get(partition), begin + SAMPLE));
                while (sample.hasNext()) {
                    byte[] key = sample.next().key();
                    fitting.removeIf(one -> key != null && one.partition(key, to) != partition.partition());
                }
            }
        }
        if (fitting.isEmpty()) {
            throw new StopException(
                    ExitCode.BAD_STATE,
                    "the models are not where a partitioner of Kafka's clients puts their keys (%s), so it is not known"
                                    .formatted(Arrays.toString(KeyPartitioner.values()))
                            + " where they belong; name it with --partitioner if only a few are elsewhere");
        }
        return fitting.get(0);
    }

    /** Gives the topics that have fewer partitions as many as the learner will have. */
    private void extend() {
        topics.extend(examples, partitions);
        if (config.hasLateLabels() && !config.areLabelsRouted(partitions)) {
            topics.extend(config.getString(ThalwegConfig.LABELS_TOPIC), partitions);
        }
        for (String topic : inputs()) {
            if (after != config && config.isSentOn(topic)) {
                // while it is not there, the learner goes on with the old one
                continue;
            }
            if (topics.partitions(topic).isEmpty()) {
                new Topics(config, admin).create();
            }
            topics.extend(topic, partitions);
        }
        for (OutputTopic output : OutputTopic.of(config)) {
            if (!topics.partitions(output.nameIn(config)).isEmpty()) {
                topics.extend(output.nameIn(config), partitions);
            }
        }
        progress.accept("the topics have %d partitions".formatted(partitions));
    }

    private void learnRest(
            List<OldPartition> olds,
            ThalwegConfig old,
            Predicate<ConsumerRecord<byte[], byte[]>> isOfLayout,
            Producer<byte[], byte[]> producer) {
        try (KafkaConsumer<byte[], byte[]> ofEvents = consumer();
                KafkaConsumer<byte[], byte[]> ofLabels = consumer()) {
            List<String> learnedFrom = old.learnedTopics(olds.size());
            for (OldPartition one : olds) {
                LearnedRest rest = new LearnedRest(one, producer);
                one.learn(
                        rest(ofEvents, one, learnedFrom.get(0)),
                        learnedFrom.size() > 1 ? rest(ofLabels, one, learnedFrom.get(1)) : Collections.emptyIterator(),
                        isOfLayout,
                        rest,
                        rest::learned);
                rest.commit();
            }
        }
    }

    /** What a partition has not read of a topic. */
    private Iterator<ConsumerRecord<byte[], byte[]>> rest(
            KafkaConsumer<byte[], byte[]> consumer, OldPartition one, String topic) {
        TopicPartition partition = new TopicPartition(topic, one.number());
        if (topics.partitions(topic).size() <= one.number()) {
            return Collections.emptyIterator();
        }
        long begin = topics.offsets(List.of(partition), OffsetSpec.earliest()).get(partition);
        long end = topics.offsets(List.of(partition), OffsetSpec.latest()).get(partition);
        return new CommittedRecords(
                consumer, partition, Math.max(begin, one.state().offsets().next(topic)), end);
    }

    /** The transactions in which the rest of a partition is taken. */
    private abstract class Rest implements OutputSink {
        private final int number;
        private final Producer<byte[], byte[]> producer;
        private int uncommitted;

        /** @param number the partition of the outputs */
        Rest(int number, Producer<byte[], byte[]> producer) {
            this.number = number;
            this.producer = producer;
        }

        /** Writes what must be in the same transaction as the outputs. Returns the offsets that are taken. */
        abstract Map<TopicPartition, Long> end(long now);

        /** Says what was committed. */
        abstract String committed();

        @Override
        public boolean wants(OutputTopic topic) {
            return true;
        }

        @Override
        public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
            begin();
            String name = topic.nameIn(config);
            OutputSerializer serializer =
                    serializers.computeIfAbsent(topic, output -> OutputSerializer.of(config, output, schemaIds));
            producer.send(new ProducerRecord<>(
                    name,
                    number,
                    timestamp,
                    key,
                    serializer.serialize(name, new OutputRecord(topic, number, value)),
                    headers));
        }

        void begin() {
            if (uncommitted == 0) {
                producer.beginTransaction();
                uncommitted = 1;
            }
        }

        void taken() {
            begin();
            if (++uncommitted > COMMIT_EVERY) {
                commit();
            }
        }

        void commit() {
            if (uncommitted == 0) {
                return;
            }
            commitOffsets(end(System.currentTimeMillis()), producer);
            producer.commitTransaction();
            uncommitted = 0;
            progress.accept(committed());
        }
    }

    /** The transactions in which a partition learns the rest of its input. */
    private final class LearnedRest extends Rest {
        private final OldPartition one;
        private final Producer<byte[], byte[]> producer;

        LearnedRest(OldPartition one, Producer<byte[], byte[]> producer) {
            super(one.number(), producer);
            this.one = one;
            this.producer = producer;
        }

        void learned() {
            learned++;
            taken();
        }

        @Override
        Map<TopicPartition, Long> end(long now) {
            one.task().publishRest(now, this);
            one.task()
                    .commit((key, value) ->
                            producer.send(new ProducerRecord<>(changelog, one.number(), now, key, value)));
            return one.next();
        }

        @Override
        String committed() {
            return "committed %s of partition %d".formatted(count(learned, "record"), one.number());
        }
    }

    /** The transactions in which the rest of a partition is sent on to the partitions of its models. */
    private final class SentOnRest extends Rest {
        private final TopicPartition partition;
        private long next;
        private long count;

        SentOnRest(TopicPartition partition, Producer<byte[], byte[]> producer) {
            super(partition.partition(), producer);
            this.partition = partition;
        }

        void taken(long offset) {
            next = offset + 1;
            count++;
            taken();
        }

        @Override
        Map<TopicPartition, Long> end(long now) {
            return Map.of(partition, next);
        }

        @Override
        String committed() {
            return "sent on %s of %s".formatted(count(count, "record"), partition);
        }
    }

    private void commitOffsets(Map<TopicPartition, Long> next, Producer<byte[], byte[]> producer) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        next.forEach((partition, offset) -> offsets.put(partition, new OffsetAndMetadata(offset)));
        producer.sendOffsetsToTransaction(offsets, group());
    }

    // ---- the new layout

    private void stage(
            ThalwegConfig old, List<OldPartition> olds, KeyPartitioner partitioner, Producer<byte[], byte[]> producer) {
        List<TaskState> from = olds.stream().map(OldPartition::state).toList();
        Map<String, String> digests = new HashMap<>();
        from.forEach(state -> digests.putAll(state.digests()));
        List<PastLayout> past = new ArrayList<>(from.get(0).pastLayouts());
        Map<TopicPartition, Long> sentOn = sentOn(old, olds.size());
        past.add(new PastLayout(
                from.get(0).layout(),
                olds.stream().map(one -> part(old, olds.size(), one, sentOn)).toList()));
        Map<TopicPartition, Long> taken = new HashMap<>();
        past.forEach(one -> one.parts().forEach(part -> taken.putAll(part.next())));
        Map<TopicPartition, Long> notSentOnAgain = new HashMap<>(taken);
        Set<String> produced = Set.of(examples, config.getString(ThalwegConfig.LABELS_TOPIC));
        notSentOnAgain
                .keySet()
                .removeIf(partition -> inputs().contains(partition.topic()) || !produced.contains(partition.topic()));
        Layout layout = new Layout(partitions, partitioner);
        List<TaskState> to = new ArrayList<>();
        for (int at = 0; at < partitions; at++) {
            TaskState state = TaskState.logged(LearnerSupplier.STORE, LearnerSupplier.directory(config))
                    .of(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partitions);
            state.clear(true);
            int number = at;
            Map<TopicPartition, Long> next = new HashMap<>(taken);
            next.keySet()
                    .removeIf(partition -> partition.partition() != number || !inputs().contains(partition.topic()));
            StateMove.goOnFrom(state, next);
            if (config.areSentOn(partitions)) {
                StateMove.goOnFrom(state, notSentOnAgain);
            }
            to.add(state);
        }
        StateMove.run(from, to, layout);
        Map<String, String> settings = config.replayedSettings(LearnerRuntime.keyless(config, partitions));
        producer.beginTransaction();
        long now = System.currentTimeMillis();
        for (int at = 0; at < partitions; at++) {
            int partition = at;
            to.get(at).beginIn(layout, at == 0 ? past : List.of(), settings);
            to.get(at)
                    .writeChanges(
                            (key, value) -> producer.send(new ProducerRecord<>(staging, partition, now, key, value)));
        }
        producer.commitTransaction();
        progress.accept("wrote the models of each partition: "
                + String.join(
                        ", ",
                        to.stream().map(state -> String.valueOf(state.size())).toList()));
        compare(digests, to);
        to.forEach(state -> state.clear(true));
    }

    /** @param sentOn up to where the learner has sent records on */
    private PastLayout.PastPart part(
            ThalwegConfig old, int before, OldPartition one, Map<TopicPartition, Long> sentOn) {
        Map<String, Long> ends = new HashMap<>();
        for (OutputTopic output : OutputTopic.of(config)) {
            TopicPartition partition = one.output(output);
            ends.put(
                    partition.topic(),
                    topics.offsets(List.of(partition), OffsetSpec.latest()).get(partition));
        }
        Map<TopicPartition, Long> next = new HashMap<>(sentOn);
        next.putAll(one.next());
        for (String topic : old.learnedTopics(before)) {
            // an audit must know which topic it was, even if there was nothing in it
            next.putIfAbsent(new TopicPartition(topic, one.number()), 0L);
        }
        return new PastLayout.PastPart(next, one.state().spans(), ends);
    }

    /** Reads the state back and compares each model with the one it was before. */
    private void compare(Map<String, String> digests, List<TaskState> written) {
        Map<String, String> read = new HashMap<>();
        Map<TopicPartition, Long> ends = topics.offsets(TopicChanges.of(staging, partitions), OffsetSpec.latest());
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            for (TopicPartition partition : TopicChanges.of(staging, partitions)) {
                OldPartition back = new OldPartition(
                        config,
                        partition.partition(),
                        partitions,
                        new CommittedRecords(consumer, partition, 0, ends.get(partition)));
                back.begin(after, schemas, LearnerRuntime.keyless(config, partitions));
                read.putAll(back.state().digests());
                long waiting = back.state().lateLabels().waiting().size();
                if (waiting
                        != written.get(partition.partition())
                                .lateLabels()
                                .waiting()
                                .size()) {
                    read.put("events that wait in partition " + partition.partition(), String.valueOf(waiting));
                }
                back.state().clear(true);
            }
        }
        if (!read.equals(digests)) {
            Set<String> different = new TreeSet<>(read.keySet());
            different.addAll(digests.keySet());
            different.removeIf(model -> read.getOrDefault(model, "").equals(digests.get(model)));
            throw new StateException("topic %s does not give back what was written for %s; nothing was changed"
                    .formatted(staging, different.iterator().next()));
        }
        progress.accept("read them back: %s, as before".formatted(count(digests.size(), "model")));
    }

    // ---- the mark

    private void writeMark(NewTopic likeChangelog, Producer<byte[], byte[]> producer) {
        Properties mark = new Properties();
        mark.setProperty(PARTITIONS, String.valueOf(partitions));
        mark.setProperty(COPIES, String.valueOf(after.copies()));
        mark.setProperty(REPLICAS, String.valueOf(likeChangelog.replicationFactor()));
        likeChangelog.configs().forEach((name, value) -> mark.setProperty(SETTING + name, value));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            mark.store(bytes, null);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        producer.beginTransaction();
        producer.send(new ProducerRecord<>(staging, 0, MARK, bytes.toByteArray()));
        producer.commitTransaction();
    }

    /** The mark that the state of the new layout is complete; empty if it is not. */
    private Optional<Properties> mark() {
        if (topics.partitions(staging).isEmpty()) {
            return Optional.empty();
        }
        // it ends the transaction that a killed process may have left open
        producer().close();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            Iterator<ConsumerRecord<byte[], byte[]>> records = staged(consumer, 0);
            while (records.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = records.next();
                if (Arrays.equals(record.key(), MARK)) {
                    Properties mark = new Properties();
                    mark.load(new ByteArrayInputStream(record.value()));
                    return Optional.of(mark);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("reading from memory", e);
        }
        return Optional.empty();
    }

    private CommittedRecords staged(KafkaConsumer<byte[], byte[]> consumer, int number) {
        TopicPartition partition = new TopicPartition(staging, number);
        return new CommittedRecords(
                consumer,
                partition,
                0,
                topics.offsets(List.of(partition), OffsetSpec.latest()).get(partition));
    }

    // ---- the end

    private void finish(Properties mark) {
        after = config.withCopies(Integer.parseInt(mark.getProperty(COPIES, String.valueOf(config.copies()))));
        new Topics(after, admin)
                .create(
                        TopicPlan::isOfCopies,
                        topic -> progress.accept(
                                "created topic %s with %s".formatted(topic, count(partitions, "partition"))));
        if (topics.partitions(changelog).size() != partitions) {
            Map<String, String> settings = new HashMap<>();
            mark.stringPropertyNames().stream()
                    .filter(name -> name.startsWith(SETTING))
                    .forEach(name -> settings.put(name.substring(SETTING.length()), mark.getProperty(name)));
            topics.delete(changelog);
            progress.accept("deleted topic " + changelog);
            topics.create(
                    new NewTopic(changelog, partitions, Short.parseShort(mark.getProperty(REPLICAS))).configs(settings),
                    "topic %s was deleted but not created again".formatted(changelog));
            progress.accept("created topic %s with %s".formatted(changelog, count(partitions, "partition")));
        }
        if (isEmpty()) {
            try (Producer<byte[], byte[]> producer = producer()) {
                copy(producer);
            }
            progress.accept("moved the state, and what was published of each model");
        }
        topics.delete(staging);
        progress.accept(
                "learner %s has %d partitions".formatted(config.getString(ThalwegConfig.APPLICATION_ID), partitions));
    }

    private boolean isEmpty() {
        TopicPartition first = new TopicPartition(changelog, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            long begin = topics.offsets(List.of(first), OffsetSpec.earliest()).get(first);
            long end = topics.offsets(List.of(first), OffsetSpec.latest()).get(first);
            return !new CommittedRecords(consumer, first, begin, end).hasNext();
        }
    }

    private void copy(Producer<byte[], byte[]> producer) {
        Map<TopicPartition, Long> next = new HashMap<>();
        Layout layout = Layout.UNKNOWN;
        // a verification needs the group to have offsets
        inputs().forEach(topic -> TopicChanges.of(topic, partitions).forEach(partition -> next.put(partition, 0L)));
        producer.beginTransaction();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            for (int at = 0; at < partitions; at++) {
                Iterator<ConsumerRecord<byte[], byte[]>> records = staged(consumer, at);
                while (records.hasNext()) {
                    ConsumerRecord<byte[], byte[]> record = records.next();
                    if (!Arrays.equals(record.key(), MARK)) {
                        producer.send(new ProducerRecord<>(changelog, at, record.key(), record.value()));
                        layout = PastLayout.presentInChangelog(record.key(), record.value())
                                .orElse(layout);
                        InputOffsets.inChangelog(record.key(), record.value()).ifPresent(next::putAll);
                    }
                }
            }
        }
        for (OutputTopic output : OutputTopic.of(config)) {
            if (output.isCompacted()) {
                movePublished(output.nameIn(config), layout, producer);
            }
        }
        commitOffsets(next, producer);
        producer.commitTransaction();
    }

    /** Moves the latest record of each key to the partition of its model. */
    private void movePublished(String topic, Layout layout, Producer<byte[], byte[]> producer) {
        List<TopicPartition> all = topics.partitions(topic);
        Map<TopicPartition, Long> beginnings = topics.offsets(all, OffsetSpec.earliest());
        Map<TopicPartition, Long> ends = topics.offsets(all, OffsetSpec.latest());
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            for (TopicPartition partition : all) {
                Map<ByteBuffer, ConsumerRecord<byte[], byte[]>> latest = new LinkedHashMap<>();
                new CommittedRecords(consumer, partition, beginnings.get(partition), ends.get(partition))
                        .forEachRemaining(record -> {
                            if (record.key() != null) {
                                latest.put(ByteBuffer.wrap(record.key()), record);
                            }
                        });
                for (ConsumerRecord<byte[], byte[]> record : latest.values()) {
                    int home = layout.home(WeightsRecords.model(record.key()), partition.partition());
                    if (record.value() != null && home != partition.partition()) {
                        producer.send(new ProducerRecord<>(
                                topic, home, record.timestamp(), record.key(), record.value(), record.headers()));
                        producer.send(new ProducerRecord<>(topic, partition.partition(), record.key(), null));
                    }
                }
            }
        }
    }

    // ---- clients

    private KafkaConsumer<byte[], byte[]> consumer() {
        Map<String, Object> settings = new HashMap<>(new KafkaSettings(config).reader());
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        return new KafkaConsumer<>(settings);
    }

    /** The group of the learner, as one who is not a member sees it. */
    private ConsumerGroupMetadata group() {
        if (group == null) {
            Map<String, Object> settings = new HashMap<>(new KafkaSettings(config).reader());
            settings.put(ConsumerConfig.GROUP_ID_CONFIG, config.getString(ThalwegConfig.APPLICATION_ID));
            settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
            // it subscribes to nothing, so it does not join
            try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
                group = consumer.groupMetadata();
            }
        }
        return group;
    }

    /** A producer with the same name as that of an interrupted move, which can do nothing any more then. */
    private Producer<byte[], byte[]> producer() {
        Map<String, Object> settings = new HashMap<>(new KafkaSettings(config).writer());
        settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, staging);
        settings.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, TRANSACTION_TIMEOUT_MS);
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        Producer<byte[], byte[]> producer = new KafkaProducer<>(settings);
        producer.initTransactions();
        return producer;
    }

    private static String count(long n, String noun) {
        return "%,d %s%s".formatted(n, noun, n == 1 ? "" : "s");
    }
}
