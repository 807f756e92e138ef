package io.thalweg.audit;

import io.thalweg.audit.VerificationReport.Counts;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.output.OutputTopic;
import io.thalweg.topology.LearnerSupplier;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
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
    private final ThalwegConfig config;
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
        this.schemas = schemas;
        this.cluster = cluster;
    }

    /** Returns the topic that contains the learner's state. */
    static String changelog(ThalwegConfig config) {
        return config.getString(ThalwegConfig.APPLICATION_ID) + "-" + LearnerSupplier.STORE + "-changelog";
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
        int partitions = countPartitions(open);
        String group = config.getString(ThalwegConfig.APPLICATION_ID);
        List<TopicPartition> examples = of(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partitions);
        boolean routed = config.isRouted(partitions);
        List<TopicPartition> sources = routed ? of(config.routedTopic(), partitions) : examples;
        boolean late = config.hasLateLabels();
        boolean labelsRouted = config.areLabelsRouted(partitions);
        List<TopicPartition> labels = late ? labels(open) : List.of();
        List<TopicPartition> labelSources = labelsRouted ? of(config.routedLabelsTopic(), partitions) : labels;
        List<TopicPartition> all = new ArrayList<>(sources);
        all.addAll(labelSources);
        List<TopicPartition> produced = new ArrayList<>(examples);
        produced.addAll(labels);
        List<TopicPartition> outputs = new ArrayList<>(of(changelog(config), partitions));
        for (OutputTopic output : OutputTopic.of(config)) {
            // a router writes the dead letters of its partition, and labels may have more
            int most = output == OutputTopic.DEAD_LETTERS ? Math.max(partitions, labels.size()) : partitions;
            outputs.addAll(of(output.nameIn(config), most));
        }

        // in this order: outputs become visible together with the offsets, so all that belong to these
        // offsets are before these ends
        Map<TopicPartition, Long> sentOn = routed || labelsRouted ? open.committed(group, produced) : Map.of();
        Map<TopicPartition, Long> committed = open.committed(group, all);
        Map<TopicPartition, Long> ends = open.ends(outputs);
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
        if (routed) {
            examples.forEach(example -> checkTrimmed(example, beginnings));
            new RouteAudit(open, config, schemas, findings, sentOn, allEnds, false).run(examples, sources);
        }
        if (labelsRouted) {
            labels.forEach(label -> checkTrimmed(label, beginnings));
            new RouteAudit(open, config, schemas, findings, sentOn, allEnds, true).run(labels, labelSources);
        }
        long total = all.stream()
                .mapToLong(source -> committed.getOrDefault(source, 0L))
                .sum();
        long[] done = {0};
        StartFiles startFiles = new StartFiles(config, modelFiles);
        for (TopicPartition source : sources) {
            TopicPartition labelSource = late ? labelSources.get(source.partition()) : null;
            PartitionAudit audit = new PartitionAudit(
                    open,
                    config,
                    schemas,
                    findings,
                    startFiles,
                    beginnings,
                    ends,
                    source,
                    committed.getOrDefault(source, 0L),
                    labelSource,
                    late ? committed.getOrDefault(labelSource, 0L) : 0);
            counts.add(audit.run(
                    partition -> open.committed(group, List.of(partition)).getOrDefault(partition, 0L), more -> {
                        done[0] += more;
                        progress.accept(new Progress(done[0], total));
                    }));
        }
    }

    /** Returns all partitions of the labels topic: where its labels are routed, it may have any number. */
    private List<TopicPartition> labels(ClusterView open) {
        String topic = config.getString(ThalwegConfig.LABELS_TOPIC);
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
                counts.size(),
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
