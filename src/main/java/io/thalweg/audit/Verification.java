package io.thalweg.audit;

import io.thalweg.audit.VerificationReport.Counts;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.InputOffsets;
import io.thalweg.store.InputOffsets.UnreadGap;
import io.thalweg.store.Layout;
import io.thalweg.store.PastLayout;
import io.thalweg.store.SettingsSpan;
import io.thalweg.store.StateException;
import io.thalweg.store.StateMove;
import io.thalweg.store.TaskState;
import io.thalweg.topology.LearnerSupplier;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Verifies a learner from its topics. Every committed record of the input must have exactly one prediction or dead
 * letter, or be a deletion. A replay of the input, from the beginning, must give every prediction and the last weights
 * and metrics, bit for bit.
 *
 * <p>The learner may run meanwhile. Only what was committed when the verification began is checked; outputs of later
 * examples are counted and left out. Memory is needed for the models of one partition at a time, for the published
 * weights of these, and for a few dozen bytes per dead letter.
 */
public final class Verification {
    /** The settings. From the beginning of a run on, with the topics that records are sent on to at present. */
    private ThalwegConfig config;

    private final SchemaSource schemas;
    private final Supplier<ClusterView> cluster;
    private final List<Path> modelFiles;

    /**
     * Creates a verification.
     *
     * @param config names the learner, its topics and the brokers, with the settings that its clients need. The
     *     settings that it learned under come from its changelog
     * @param schemas the registry that examples and outputs were written with
     */
    public Verification(ThalwegConfig config, SchemaSource schemas) {
        this(config, schemas, List.of());
    }

    /**
     * Creates a verification.
     *
     * @param modelFiles model files that the learner's models may have begun with, besides the one that the settings
     *     name in {@value ThalwegConfig#MODEL_START}
     */
    public Verification(ThalwegConfig config, SchemaSource schemas, List<Path> modelFiles) {
        this(config, schemas, () -> new KafkaClusterView(config), modelFiles);
    }

    Verification(ThalwegConfig config, SchemaSource schemas, Supplier<ClusterView> cluster) {
        this(config, schemas, cluster, List.of());
    }

    Verification(ThalwegConfig config, SchemaSource schemas, Supplier<ClusterView> cluster, List<Path> modelFiles) {
        this.modelFiles = List.copyOf(modelFiles);
        this.config = config;
        this.schemas = new ReplaySchemas(schemas);
        this.cluster = cluster;
    }

    /** Returns the topic that contains the learner's state. */
    static String changelog(ThalwegConfig config) {
        return LearnerSupplier.changelog(config);
    }

    /**
     * Runs the verification in the calling thread.
     *
     * @param progress called from time to time
     * @throws SchemaSourceException if the registry does not answer
     * @throws org.apache.kafka.common.KafkaException if the brokers do not answer, or refuse
     */
    public VerificationReport run(Consumer<Progress> progress) {
        FindingLog findings = new FindingLog();
        List<Counts> counts = new ArrayList<>();
        Optional<String> obstacle = Optional.empty();
        try (ClusterView open = cluster.get()) {
            run(open, findings, counts, progress);
        } catch (UnverifiableException e) {
            obstacle = Optional.of(e.getMessage());
        }
        return new VerificationReport(sum(counts), findings.kept(), findings.counts(), obstacle);
    }

    private void run(ClusterView open, FindingLog findings, List<Counts> counts, Consumer<Progress> progress) {
        if (!config.getString(ThalwegConfig.PROCESSING_GUARANTEE).equals("exactly_once_v2")) {
            throw new UnverifiableException(
                    "with processing.guarantee = at_least_once a crash may repeat outputs and steps, so a replay proves"
                            + " nothing; learn with exactly_once_v2");
        }
        config = config.withLastCopies(open::existing);
        int partitions = countPartitions(open);
        String group = config.getString(ThalwegConfig.APPLICATION_ID);
        List<TopicPartition> examples = of(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partitions);
        boolean routed = config.isRouted(partitions);
        List<String> learnedTopics = config.learnedTopics(partitions);
        List<TopicPartition> sources = of(learnedTopics.get(0), partitions);
        boolean late = config.hasLateLabels();
        boolean labelsRouted = config.areLabelsRouted(partitions);
        // where its labels are routed, it may have any number
        List<TopicPartition> labels = late ? all(open, config.getString(ThalwegConfig.LABELS_TOPIC)) : List.of();
        List<TopicPartition> labelSources = labelsRouted ? of(learnedTopics.get(1), partitions) : labels;
        List<TopicPartition> all = new ArrayList<>(sources);
        all.addAll(labelSources);
        List<TopicPartition> produced = new ArrayList<>(examples);
        produced.addAll(labels);
        List<TopicPartition> outputs = new ArrayList<>(of(changelog(config), partitions));
        for (OutputTopic output : OutputTopic.of(config)) {
            // a router writes the dead letters of its partition, and its topic may have, or have had, more
            outputs.addAll(
                    output == OutputTopic.DEAD_LETTERS
                            ? all(open, output.nameIn(config))
                            : of(output.nameIn(config), partitions));
        }

        // in this order: outputs become visible together with the offsets, so all that belong to these
        // offsets are before these ends
        Map<TopicPartition, Long> sentOn = routed || labelsRouted ? open.committed(group, produced) : Map.of();
        Map<TopicPartition, Long> committed = open.committed(group, all);
        Map<TopicPartition, Long> ends = open.endsOfTransactions(outputs);
        Map<TopicPartition, Long> sourceEnds = open.ends(all);
        Map<TopicPartition, Long> beginnings = new HashMap<>(open.beginnings(all));
        beginnings.putAll(open.beginnings(produced));
        beginnings.putAll(open.beginnings(outputs));
        if (sources.stream().noneMatch(committed::containsKey)) {
            throw new UnverifiableException(
                    ("consumer group %s has no committed offsets for topic %s: no learner with this application.id has"
                                    + " run, or they have expired (the broker's offsets.retention.minutes)")
                            .formatted(group, config.getString(ThalwegConfig.EXAMPLES_TOPIC)));
        }
        for (TopicPartition source : all) {
            checkUnread(open, source, committed.getOrDefault(source, 0L), beginnings, ends);
            checkTrimmed(source, beginnings);
            for (OutputTopic output : OutputTopic.of(config)) {
                if (output.mustBeComplete()) {
                    checkTrimmed(new TopicPartition(output.nameIn(config), source.partition()), beginnings);
                }
            }
            if (committed.getOrDefault(source, 0L) > sourceEnds.get(source)) {
                throw new UnverifiableException(
                        ("offset %d of %s is committed and the partition ends at %d: the topic was deleted and created"
                                        + " again; delete the learner's state with `thalweg reset`")
                                .formatted(committed.get(source), source, sourceEnds.get(source)));
            }
        }

        Map<TopicPartition, Long> allEnds = new HashMap<>(ends);
        allEnds.putAll(sourceEnds);
        List<PastLayout> past = past(open, beginnings, ends);
        if (routed) {
            examples.forEach(example -> checkSentOn(example, sentOn, beginnings));
        }
        if (labelsRouted) {
            labels.forEach(label -> checkSentOn(label, sentOn, beginnings));
        }
        auditRoutes(open, findings, past, partitions, sentOn, allEnds, false);
        if (late) {
            auditRoutes(open, findings, past, partitions, sentOn, allEnds, true);
        }
        long[] total = {0};
        past.forEach(one -> one.parts().forEach(part -> part.next().values().forEach(next -> total[0] += next)));
        long[] done = {0};
        StartFiles startFiles = new StartFiles(config, modelFiles);
        LongConsumer more = count -> {
            done[0] += count;
            progress.accept(new Progress(done[0], Math.max(total[0], done[0])));
        };
        // a learner whose models were never moved has no layout: the partition of its records says where a model is
        Layout present = past.isEmpty()
                ? Layout.UNKNOWN
                : ofFirst(open, beginnings, ends, PastLayout::presentInChangelog, Layout.UNKNOWN);
        Map<TopicPartition, Long> from = new HashMap<>();
        Map<TopicPartition, Long> outputsFrom = new HashMap<>(beginnings);
        PublishedAudits published = published(open, findings, sources, present, beginnings, ends);
        List<TaskState> states =
                replayPast(open, findings, startFiles, counts, published, past, present, from, outputsFrom, more);
        all.forEach(source -> total[0] += committed.getOrDefault(source, 0L) - from.getOrDefault(source, 0L));
        Map<String, Integer> homes = new HashMap<>();
        for (TopicPartition source : sources) {
            TopicPartition labelSource = late ? labelSources.get(source.partition()) : null;
            AuditedStretch stretch = new AuditedStretch(
                    config,
                    source,
                    from.getOrDefault(source, 0L),
                    committed.getOrDefault(source, 0L),
                    labelSource,
                    late ? from.getOrDefault(labelSource, 0L) : 0,
                    late ? committed.getOrDefault(labelSource, 0L) : 0,
                    null,
                    states.isEmpty() ? TaskState.inMemory() : states.get(source.partition()),
                    true);
            counts.add(new PartitionAudit(open, schemas, findings, startFiles, published, outputsFrom, ends, stretch)
                    .run(partition -> open.committed(group, List.of(partition)).getOrDefault(partition, 0L), more));
            published.forget(source.partition());
            stretch.state().models().forEach(entry -> checkSplit(entry.id(), source, homes, findings));
        }
    }

    private void auditRoutes(
            ClusterView open,
            FindingLog findings,
            List<PastLayout> past,
            int partitions,
            Map<TopicPartition, Long> sentOn,
            Map<TopicPartition, Long> ends,
            boolean ofLabels) {
        RouteAudit audit = new RouteAudit(open, config, schemas, findings, past, partitions, sentOn, ends, ofLabels);
        for (TopicPartition source : audit.pastSources()) {
            checkThere(source, open.partitions(List.of(source.topic())));
            checkTrimmed(source, open.beginnings(List.of(source)));
        }
        audit.run();
    }

    private void checkSplit(String model, TopicPartition source, Map<String, Integer> homes, FindingLog findings) {
        Integer other = homes.putIfAbsent(model, source.partition());
        if (other != null) {
            findings.add(
                    FindingKind.MODEL_SPLIT,
                    source,
                    Finding.NONE,
                    new TopicPartition(OutputTopic.WEIGHTS.nameIn(config), source.partition()),
                    Finding.NONE,
                    model,
                    ("model %s lives in partitions %d and %d, and each has learned from a part of its examples: the"
                                    + " topic got more partitions, or producers choose them in different ways")
                            .formatted(RecordDiff.text(model), other, source.partition()));
        }
    }

    // ---- layouts that the learner had before

    /** Returns the layouts that the learner had before its models were moved to the present one. */
    private List<PastLayout> past(
            ClusterView open, Map<TopicPartition, Long> beginnings, Map<TopicPartition, Long> ends) {
        return ofFirst(open, beginnings, ends, PastLayout::inChangelog, List.of());
    }

    private <T> T ofFirst(
            ClusterView open,
            Map<TopicPartition, Long> beginnings,
            Map<TopicPartition, Long> ends,
            BiFunction<byte[], byte[], Optional<T>> read,
            T none) {
        return ofChangelog(open, 0, beginnings, ends, read, none);
    }

    /** Returns the last of what a partition of the changelog has of a kind. */
    private <T> T ofChangelog(
            ClusterView open,
            int partition,
            Map<TopicPartition, Long> beginnings,
            Map<TopicPartition, Long> ends,
            BiFunction<byte[], byte[], Optional<T>> read,
            T none) {
        TopicPartition first = new TopicPartition(changelog(config), partition);
        T found = none;
        try (ClusterView.Records in = open.read(first, beginnings.get(first), ends.get(first))) {
            while (in.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = in.next();
                if (record.key() != null && record.value() != null) {
                    found = read.apply(record.key(), record.value()).orElse(found);
                }
            }
        } catch (StateException e) {
            throw new UnverifiableException(e.getMessage(), e);
        }
        return found;
    }

    private PublishedAudits published(
            ClusterView open,
            FindingLog findings,
            List<TopicPartition> sources,
            Layout layout,
            Map<TopicPartition, Long> beginnings,
            Map<TopicPartition, Long> ends) {
        return new PublishedAudits(
                layout,
                partition -> {
                    TopicPartition output = new TopicPartition(OutputTopic.WEIGHTS.nameIn(config), partition);
                    try (ClusterView.Records in = open.read(output, beginnings.get(output), ends.get(output))) {
                        return new WeightsAudit(
                                sources.get(partition),
                                output,
                                in,
                                new OutputDecoder<Weights>(Weights.getClassSchema(), schemas),
                                findings);
                    }
                },
                partition -> {
                    TopicPartition output = new TopicPartition(OutputTopic.METRICS.nameIn(config), partition);
                    try (ClusterView.Records in = open.read(output, beginnings.get(output), ends.get(output))) {
                        return new MetricsAudit(
                                sources.get(partition),
                                output,
                                beginnings.get(output) > 0,
                                in,
                                new OutputDecoder<Metrics>(Metrics.getClassSchema(), schemas),
                                findings);
                    }
                });
    }

    /**
     * Replays what was learned in past layouts, and moves the models after each.
     *
     * @param from is set to the offsets at which the present layout begins, of input topics
     * @param outputsFrom is set to those of output topics
     * @return what was learned, by partition of the present layout; empty if there is no other
     */
    private List<TaskState> replayPast(
            ClusterView open,
            FindingLog findings,
            StartFiles startFiles,
            List<Counts> counts,
            PublishedAudits published,
            List<PastLayout> past,
            Layout present,
            Map<TopicPartition, Long> from,
            Map<TopicPartition, Long> outputsFrom,
            LongConsumer progress) {
        List<TaskState> states = List.of();
        for (int i = 0; i < past.size(); i++) {
            PastLayout layout = past.get(i);
            List<TaskState> learned = new ArrayList<>();
            Map<TopicPartition, Long> outputsTo = new HashMap<>();
            for (int at = 0; at < layout.parts().size(); at++) {
                PastLayout.PastPart part = layout.parts().get(at);
                int partition = at;
                part.outputs().forEach((topic, end) -> outputsTo.put(new TopicPartition(topic, partition), end));
                TaskState state = states.isEmpty() ? TaskState.inMemory() : states.get(at);
                learned.add(state);
                AuditedStretch stretch = stretch(layout, at, from, state);
                checkTrimmed(open, stretch);
                counts.add(new PartitionAudit(
                                open, schemas, findings, startFiles, published, outputsFrom, outputsTo, stretch)
                        .run(source -> 0, progress));
            }
            layout.parts().forEach(part -> from.putAll(part.next()));
            outputsFrom.putAll(outputsTo);
            Layout next = i + 1 < past.size() ? past.get(i + 1).layout() : present;
            states = moved(learned, next);
            if (config.areSentOn(next.partitions())) {
                Map<TopicPartition, Long> notSentOnAgain = new HashMap<>(from);
                notSentOnAgain
                        .keySet()
                        .removeIf(partition -> config.isSentOn(partition.topic())
                                || config.learnedTopics(next.partitions()).contains(partition.topic()));
                states.forEach(state -> StateMove.goOnFrom(state, notSentOnAgain));
            }
        }
        return states;
    }

    private AuditedStretch stretch(PastLayout layout, int partition, Map<TopicPartition, Long> from, TaskState state) {
        PastLayout.PastPart part = layout.parts().get(partition);
        List<SettingsSpan> spans = part.spans();
        PastTopics names = new PastTopics(config, part);
        String labels = names.labels();
        ThalwegConfig then = names.config();
        List<String> topics = then.learnedTopics(layout.parts().size());
        TopicPartition source = new TopicPartition(topics.get(0), partition);
        TopicPartition labelSource = labels.isEmpty() ? null : new TopicPartition(topics.get(1), partition);
        long begin = from.getOrDefault(source, 0L);
        long labelsBegin = labelSource == null ? 0 : from.getOrDefault(labelSource, 0L);
        return new AuditedStretch(
                then,
                source,
                begin,
                part.next().getOrDefault(source, begin),
                labelSource,
                labelsBegin,
                labelSource == null ? 0 : part.next().getOrDefault(labelSource, labelsBegin),
                spans,
                state,
                false);
    }

    private void checkTrimmed(ClusterView open, AuditedStretch stretch) {
        List<TopicPartition> inputs = new ArrayList<>(List.of(stretch.source()));
        if (stretch.labels() != null) {
            inputs.add(stretch.labels());
        }
        List<String> names = inputs.stream().map(TopicPartition::topic).toList();
        Map<String, Integer> there = open.partitions(names);
        for (TopicPartition input : inputs) {
            checkThere(input, there);
        }
        List<TopicPartition> all = new ArrayList<>(inputs);
        for (OutputTopic output : OutputTopic.of(config)) {
            if (output.mustBeComplete()) {
                all.add(new TopicPartition(
                        output.nameIn(config), stretch.source().partition()));
            }
        }
        Map<TopicPartition, Long> beginnings = open.beginnings(all);
        all.forEach(partition -> checkTrimmed(partition, beginnings));
    }

    private static void checkThere(TopicPartition input, Map<String, Integer> partitions) {
        if (partitions.getOrDefault(input.topic(), 0) <= input.partition()) {
            throw new UnverifiableException(
                    "%s is not there, and a part of what the learner knows is from it".formatted(input));
        }
    }

    private static List<TaskState> moved(List<TaskState> learned, Layout next) {
        List<TaskState> states = new ArrayList<>();
        for (int at = 0; at < next.partitions(); at++) {
            states.add(TaskState.inMemory());
        }
        StateMove.run(learned, states, next);
        states.forEach(state -> state.beginIn(next, List.of(), Map.of()));
        return states;
    }

    private static List<TopicPartition> all(ClusterView open, String topic) {
        return of(topic, open.partitions(List.of(topic)).get(topic));
    }

    private int countPartitions(ClusterView open) {
        String examples = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        List<String> names = new ArrayList<>(List.of(examples, changelog(config)));
        for (OutputTopic output : OutputTopic.of(config)) {
            names.add(output.nameIn(config));
        }
        if (config.isRouted(open.partitions(List.of(examples)).getOrDefault(examples, 0))) {
            names.add(config.routedTopic());
        }
        if (config.hasLateLabels()) {
            names.add(config.getString(ThalwegConfig.LABELS_TOPIC));
        }
        if (config.areLabelsRouted(open.partitions(List.of(examples)).getOrDefault(examples, 0))) {
            names.add(config.routedLabelsTopic());
        }
        Map<String, Integer> partitions = open.partitions(names);
        for (String name : names) {
            if (!partitions.containsKey(name)) {
                throw new UnverifiableException(
                        name.equals(changelog(config))
                                ? ("topic %s is not there, which has the learner's state: no learner with this"
                                                + " application.id has run, or it was reset")
                                        .formatted(name)
                                : "topic %s is not there; name it in the settings, or create it with `thalweg topics`"
                                        .formatted(name));
            }
            if (name.equals(changelog(config)) && !partitions.get(name).equals(partitions.get(examples))) {
                throw new UnverifiableException(
                        Layout.differs(examples, partitions.get(name), partitions.get(examples)));
            }
            boolean isFree = config.hasLateLabels()
                    && name.equals(config.getString(ThalwegConfig.LABELS_TOPIC))
                    && config.areLabelsRouted(partitions.get(examples));
            if (!isFree && partitions.get(name) < partitions.get(examples)) {
                throw new UnverifiableException(
                        "topic %s has %d partitions and %s has %d; it must have at least as many"
                                .formatted(name, partitions.get(name), examples, partitions.get(examples)));
            }
        }
        checkLetters(partitions);
        return partitions.get(examples);
    }

    private void checkLetters(Map<String, Integer> partitions) {
        String letters = OutputTopic.DEAD_LETTERS.nameIn(config);
        String labels = config.getString(ThalwegConfig.LABELS_TOPIC);
        if (partitions.getOrDefault(labels, 0) > partitions.get(letters)) {
            throw new UnverifiableException("topic %s has %d partitions and %s has %d; it must have at least as many"
                    .formatted(letters, partitions.get(letters), labels, partitions.get(labels)));
        }
    }

    private static List<TopicPartition> of(String topic, int partitions) {
        List<TopicPartition> all = new ArrayList<>();
        for (int i = 0; i < partitions; i++) {
            all.add(new TopicPartition(topic, i));
        }
        return all;
    }

    /** Says which records were deleted before the learner had read them. */
    private void checkUnread(
            ClusterView open,
            TopicPartition source,
            long committed,
            Map<TopicPartition, Long> beginnings,
            Map<TopicPartition, Long> ends) {
        long begin = beginnings.get(source);
        if (begin == 0) {
            return;
        }
        List<UnreadGap> gaps = new ArrayList<>(ofChangelog(
                open,
                source.partition(),
                beginnings,
                ends,
                (key, value) -> InputOffsets.gapsInChangelog(key, value)
                        .filter(found -> InputOffsets.partition(key).equals(source)),
                List.of()));
        if (committed > 0 && committed < begin) {
            gaps.add(new UnreadGap(committed, begin));
        }
        if (!gaps.isEmpty()) {
            throw unread(source, begin, gaps);
        }
    }

    /** Says which records were deleted before the learner had sent them on to their models. */
    private static void checkSentOn(
            TopicPartition partition, Map<TopicPartition, Long> sentOn, Map<TopicPartition, Long> beginnings) {
        long begin = beginnings.get(partition);
        long next = sentOn.getOrDefault(partition, 0L);
        if (next > 0 && next < begin) {
            throw unread(partition, begin, List.of(new UnreadGap(next, begin)));
        }
        checkTrimmed(partition, beginnings);
    }

    private static UnverifiableException unread(TopicPartition partition, long begin, List<UnreadGap> gaps) {
        return new UnverifiableException(
                "%s begins at offset %d, and retention deleted records before they were learned from: offsets %s"
                        .formatted(
                                partition,
                                begin,
                                gaps.stream()
                                        .map(gap -> "%d to %d".formatted(gap.from(), gap.to() - 1))
                                        .collect(Collectors.joining(", "))));
    }

    private static void checkTrimmed(TopicPartition partition, Map<TopicPartition, Long> beginnings) {
        if (beginnings.get(partition) > 0) {
            throw new UnverifiableException(
                    ("%s begins at offset %d: retention has deleted the records before it, and a replay needs every"
                                    + " record; keep topics forever (retention.ms = -1), or reset the learner and its"
                                    + " topics")
                            .formatted(partition, beginnings.get(partition)));
        }
    }

    private static Counts sum(List<Counts> counts) {
        return new Counts(
                counts.stream().mapToInt(Counts::partitions).sum(),
                counts.stream().mapToLong(Counts::records).sum(),
                counts.stream().mapToLong(Counts::examples).sum(),
                counts.stream().mapToLong(Counts::predictions).sum(),
                counts.stream().mapToLong(Counts::labels).sum(),
                counts.stream().mapToLong(Counts::outcomes).sum(),
                counts.stream().mapToLong(Counts::deadLetters).sum(),
                counts.stream().mapToLong(Counts::unknownSchemas).sum(),
                counts.stream().mapToLong(Counts::deletions).sum(),
                counts.stream().mapToLong(Counts::models).sum(),
                counts.stream().mapToLong(Counts::steps).sum(),
                counts.stream().mapToLong(Counts::weightsBehind).sum(),
                counts.stream().mapToLong(Counts::later).sum());
    }
}
