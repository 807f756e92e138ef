package io.thalweg.runtime;

import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_COMPACT;
import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.CLEANUP_POLICY_DELETE;
import static org.apache.kafka.common.config.TopicConfig.MAX_MESSAGE_BYTES_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG;
import static org.apache.kafka.common.config.TopicConfig.RETENTION_MS_CONFIG;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The topics as they should be, as they are, and what to do about the difference. */
public final class Topics {
    private static final int KAFKA_DEFAULT_MAX_BYTES = 1_048_588;
    private static final String CREATE = "`thalweg topics --create`";
    private static final String EVER = String.valueOf(Long.MAX_VALUE);
    private static final Map<String, String> ANY_TIMESTAMP =
            Map.of(MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG, EVER, MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG, EVER);

    private final ThalwegConfig config;
    private final Admin admin;
    private final List<Plan> plans;
    private final Plan routed;

    /**
     * What a topic should be.
     *
     * @param setting the setting that names it
     * @param settings of the topic, as it is created
     * @param maxBytesSetting as {@link OutputTopic#maxBytesSetting}
     */
    private record Plan(String topic, String setting, Map<String, String> settings, Optional<String> maxBytesSetting) {
        boolean compacted() {
            return settings.get(CLEANUP_POLICY_CONFIG).equals(CLEANUP_POLICY_COMPACT);
        }
    }

    /** What a topic is. */
    private record Found(int partitions, Map<String, String> settings) {}

    /**
     * Something that is not as it should be.
     *
     * @param fatal whether the learner cannot run like this
     */
    public record TopicProblem(String topic, boolean missing, boolean fatal, String text) {}

    /** What a look at the topics gave. @param partitions of the examples topic; 0 if it is missing */
    public record State(int partitions, List<TopicProblem> problems) {
        /** What keeps the learner from running. */
        public List<TopicProblem> fatal() {
            return problems.stream().filter(TopicProblem::fatal).toList();
        }

        /** What helps against topics that are missing; empty if none is. */
        public Optional<String> remedy() {
            return problems.stream().anyMatch(TopicProblem::missing)
                    ? Optional.of("create what is missing with " + CREATE)
                    : Optional.empty();
        }
    }

    public Topics(ThalwegConfig config, Admin admin) {
        this.config = config;
        this.admin = admin;
        String retention = String.valueOf(config.getLong(ThalwegConfig.TOPICS_RETENTION_MS));
        // said although it is Kafka's default: a broker may have another, and the sizes of the topics hang together
        Map<String, String> examples = Map.of(
                CLEANUP_POLICY_CONFIG,
                CLEANUP_POLICY_DELETE,
                RETENTION_MS_CONFIG,
                retention,
                MAX_MESSAGE_BYTES_CONFIG,
                String.valueOf(KAFKA_DEFAULT_MAX_BYTES));
        Map<String, String> derived = new HashMap<>(examples);
        // an output has the timestamp of its example, whatever that is, and must not be refused for it
        derived.putAll(ANY_TIMESTAMP);
        String examplesTopic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        plans = new ArrayList<>(
                List.of(new Plan(examplesTopic, ThalwegConfig.EXAMPLES_TOPIC, examples, Optional.empty())));
        for (OutputTopic output : OutputTopic.values()) {
            plans.add(plan(
                    output.nameIn(config), output.setting(), derived, output.isCompacted(), output.maxBytesSetting()));
        }
        // its records are those of the examples topic with more headers
        routed = plan(
                config.routedTopic(),
                ThalwegConfig.MODEL_FROM,
                derived,
                false,
                Optional.of(ThalwegConfig.DEAD_LETTERS_MAX_BYTES));
    }

    private Plan plan(
            String topic,
            String setting,
            Map<String, String> settings,
            boolean compacted,
            Optional<String> maxBytesSetting) {
        Map<String, String> own = new HashMap<>(settings);
        if (compacted) {
            own.put(CLEANUP_POLICY_CONFIG, CLEANUP_POLICY_COMPACT);
            own.remove(RETENTION_MS_CONFIG);
        }
        maxBytesSetting.ifPresent(size -> own.put(MAX_MESSAGE_BYTES_CONFIG, String.valueOf(config.getInt(size))));
        return new Plan(topic, setting, own, maxBytesSetting);
    }

    /** Looks. @throws StopException if the brokers do not answer */
    public State look() {
        Map<String, Found> found = new HashMap<>();
        List<TopicProblem> problems = new ArrayList<>();
        for (Plan plan : plans) {
            find(plan, problems).ifPresent(topic -> found.put(plan.topic, topic));
        }
        Found examples = found.get(config.getString(ThalwegConfig.EXAMPLES_TOPIC));
        if (config.isRouted(examples == null ? config.getInt(ThalwegConfig.TOPICS_PARTITIONS) : examples.partitions)) {
            plans.remove(routed);
            plans.add(routed);
            find(routed, problems).ifPresent(topic -> found.put(routed.topic, topic));
        }
        for (Plan plan : plans) {
            Found topic = found.get(plan.topic);
            if (topic == null) {
                problems.add(new TopicProblem(plan.topic, true, true, missing(plan)));
            } else {
                compare(plan, topic, examples, problems);
            }
        }
        return new State(examples == null ? 0 : examples.partitions, problems);
    }

    /**
     * How many partitions a topic has. Asked before a client is pointed at it: clients wait a long time for topics that
     * are missing, and some brokers create them, wrongly, when asked.
     *
     * @param setting the setting that names the topic
     * @throws StopException if there is no such topic, or the brokers do not answer
     */
    public int partitions(String setting) {
        Plan plan = plans.stream()
                .filter(p -> p.setting.equals(setting))
                .findFirst()
                .orElseThrow();
        return find(plan, new ArrayList<>())
                .orElseThrow(() -> new StopException(ExitCode.NOT_READY, missing(plan) + "; create it with " + CREATE))
                .partitions;
    }

    /**
     * The partitions of a topic.
     *
     * @param only the only one that is wanted; null for all
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

    private static String missing(Plan plan) {
        return "topic %s (%s) is missing".formatted(plan.topic, plan.setting);
    }

    private void compare(Plan plan, Found topic, Found examples, List<TopicProblem> problems) {
        if (examples != null && topic.partitions < examples.partitions) {
            problems.add(new TopicProblem(
                    plan.topic,
                    false,
                    true,
                    ("topic %s has %d partitions and the examples have %d; an output goes to the partition its example"
                                            + " came from:")
                                    .formatted(plan.topic, topic.partitions, examples.partitions)
                            + " give it as many (kafka-topics --alter --partitions)"));
        }
        String policy = topic.settings.getOrDefault(CLEANUP_POLICY_CONFIG, plan.settings.get(CLEANUP_POLICY_CONFIG));
        boolean wrong =
                plan.compacted() ? !policy.equals(CLEANUP_POLICY_COMPACT) : policy.contains(CLEANUP_POLICY_COMPACT);
        if (wrong) {
            problems.add(new TopicProblem(
                    plan.topic,
                    false,
                    true,
                    plan.compacted()
                            ? ("topic %s must be compacted and nothing else, or its readers lose the latest state: set"
                                            + " cleanup.policy=compact")
                                    .formatted(plan.topic)
                            : "topic %s must not be compacted, or records vanish from it: set cleanup.policy=delete"
                                    .formatted(plan.topic)));
        }
        if (plan == routed && examples != null && topic.partitions != examples.partitions) {
            problems.add(new TopicProblem(
                    plan.topic,
                    false,
                    true,
                    ("topic %s has %d partitions and the examples have %d, and must have as many: `thalweg reset` makes"
                                    + " it anew")
                            .formatted(plan.topic, topic.partitions, examples.partitions)));
        }
        if (plan.maxBytesSetting.isPresent()) {
            compareSizes(plan, topic, examples, problems);
        } else if (!plan.setting.equals(ThalwegConfig.EXAMPLES_TOPIC) && maxBytes(topic) < KAFKA_DEFAULT_MAX_BYTES) {
            problems.add(new TopicProblem(
                    plan.topic,
                    false,
                    true,
                    ("topic %s takes records of up to %d bytes; what comes of a large example may have %d: set its"
                                    + " max.message.bytes to that")
                            .formatted(plan.topic, maxBytes(topic), KAFKA_DEFAULT_MAX_BYTES)));
        }
        if (examples != null && !plan.setting.equals(ThalwegConfig.EXAMPLES_TOPIC)) {
            compareTimestamps(plan, topic, examples, problems);
        }
        boolean forEver = "-1".equals(plan.settings.get(RETENTION_MS_CONFIG));
        String retention = topic.settings.getOrDefault(RETENTION_MS_CONFIG, "-1");
        if (forEver && !retention.equals("-1")) {
            problems.add(new TopicProblem(
                    plan.topic,
                    false,
                    false,
                    ("topic %s keeps records for %s ms by their timestamps; `verify` works while the first example is"
                                    + " still there")
                            .formatted(plan.topic, retention)));
        }
    }

    private void compareSizes(Plan plan, Found letters, Found examples, List<TopicProblem> problems) {
        int largest = config.getInt(ThalwegConfig.DEAD_LETTERS_MAX_BYTES);
        if (maxBytes(letters) < largest) {
            problems.add(new TopicProblem(
                    plan.topic,
                    false,
                    true,
                    ("topic %s takes records of up to %d bytes; dead letters may have %d: set its max.message.bytes to"
                                    + " that")
                            .formatted(plan.topic, maxBytes(letters), largest)));
        }
        long needed = examples == null ? 0 : 2L * maxBytes(examples) + (64 << 10);
        if (largest < needed) {
            problems.add(new TopicProblem(
                    plan.topic,
                    false,
                    true,
                    ("examples may have %d bytes, for which dead letters need %d; set %s and the topic's"
                                    + " max.message.bytes to that")
                            .formatted(maxBytes(examples), needed, ThalwegConfig.DEAD_LETTERS_MAX_BYTES)));
        }
    }

    /**
     * An output has the timestamp of its example. One that the examples topic takes and an output refuses would
     * stop the stream.
     */
    private static void compareTimestamps(Plan plan, Found topic, Found examples, List<TopicProblem> problems) {
        if ("LogAppendTime".equals(topic.settings.get(MESSAGE_TIMESTAMP_TYPE_CONFIG))) {
            return;
        }
        for (String limit : ANY_TIMESTAMP.keySet()) {
            if (limit(topic, limit) < limit(examples, limit)) {
                problems.add(new TopicProblem(
                        plan.topic,
                        false,
                        true,
                        ("topic %s refuses timestamps that %s takes, and outputs have those of their examples: set its"
                                        + " %s to %s")
                                .formatted(plan.topic, "the examples topic", limit, EVER)));
            }
        }
    }

    private static long limit(Found topic, String name) {
        return Long.parseLong(topic.settings.getOrDefault(name, EVER));
    }

    private static int maxBytes(Found topic) {
        return Integer.parseInt(
                topic.settings.getOrDefault(MAX_MESSAGE_BYTES_CONFIG, String.valueOf(KAFKA_DEFAULT_MAX_BYTES)));
    }

    private Optional<Found> find(Plan plan, List<TopicProblem> problems) {
        TopicDescription description;
        try {
            description = get(
                    admin.describeTopics(List.of(plan.topic)).topicNameValues().get(plan.topic));
        } catch (UnknownTopicOrPartitionException e) {
            return Optional.empty();
        }
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, plan.topic);
        Map<String, String> settings = new HashMap<>();
        try {
            Config found = get(admin.describeConfigs(List.of(resource)).values().get(resource));
            found.entries().forEach(entry -> settings.put(entry.name(), entry.value()));
        } catch (org.apache.kafka.common.errors.AuthorizationException e) {
            problems.add(new TopicProblem(
                    plan.topic,
                    false,
                    false,
                    "the settings of topic %s may not be looked at, so they were not checked".formatted(plan.topic)));
        }
        return Optional.of(new Found(description.partitions().size(), settings));
    }

    /**
     * Creates those that are missing, with as many partitions as the examples topic has or else as the settings say.
     *
     * @return the names of those that were created
     */
    public List<String> create() {
        State state = look();
        int partitions = state.partitions() > 0 ? state.partitions() : config.getInt(ThalwegConfig.TOPICS_PARTITIONS);
        short replicas = config.getShort(ThalwegConfig.TOPICS_REPLICATION_FACTOR);
        Map<String, NewTopic> missing = new LinkedHashMap<>();
        for (TopicProblem problem : state.problems()) {
            if (problem.missing()) {
                Plan plan = plans.stream()
                        .filter(p -> p.topic.equals(problem.topic()))
                        .findFirst()
                        .orElseThrow();
                missing.put(
                        plan.topic,
                        new NewTopic(
                                        plan.topic,
                                        Optional.of(partitions),
                                        replicas < 0 ? Optional.empty() : Optional.of(replicas))
                                .configs(plan.settings));
            }
        }
        List<String> created = new ArrayList<>();
        admin.createTopics(missing.values()).values().forEach((topic, result) -> {
            try {
                get(result);
                created.add(topic);
            } catch (TopicExistsException e) {
                // somebody else was faster
            }
        });
        awaitAll(created);
        return created;
    }

    /**
     * Waits until the brokers that are asked know the topics: they hear of them a moment after the controller
     * has made them.
     */
    private void awaitAll(List<String> created) {
        long deadline =
                System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(config.getInt(ThalwegConfig.START_TIMEOUT_MS));
        while (look().problems().stream().anyMatch(f -> f.missing() && created.contains(f.topic()))
                && System.nanoTime() < deadline) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
        }
    }

    /** Whether the predictions topic holds records although this learner has committed nothing. */
    static boolean hasStrangers(ThalwegConfig config, Admin admin) {
        String group = config.getString(ThalwegConfig.APPLICATION_ID);
        String topic = OutputTopic.PREDICTIONS.nameIn(config);
        try {
            if (!await(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata(), config)
                    .isEmpty()) {
                return false;
            }
            TopicDescription description =
                    await(admin.describeTopics(List.of(topic)).topicNameValues().get(topic), config);
            Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
            description
                    .partitions()
                    .forEach(p -> ends.put(new TopicPartition(topic, p.partition()), OffsetSpec.latest()));
            return await(admin.listOffsets(ends).all(), config).values().stream()
                    .anyMatch(end -> end.offset() > 0);
        } catch (org.apache.kafka.common.errors.ApiException e) {
            // not allowed to look, or no such group; it is only a warning that is missed
            return false;
        }
    }

    /** Waits for an answer. */
    private <T> T get(KafkaFuture<T> answer) {
        return await(answer, config);
    }

    /**
     * Waits for an answer of the brokers, as long as they may take at start.
     *
     * @throws StopException if there is none
     * @throws KafkaException if there is one, and it is no
     */
    static <T> T await(KafkaFuture<T> answer, ThalwegConfig config) {
        int timeout = config.getInt(ThalwegConfig.START_TIMEOUT_MS);
        try {
            return answer.get(timeout, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw unreachable(config, "no answer within " + timeout + " ms");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw unreachable(config, "interrupted");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof org.apache.kafka.common.errors.TimeoutException) {
                throw unreachable(config, e.getCause().getMessage());
            }
            if (e.getCause() instanceof KafkaException refused) {
                throw refused;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    static StopException unreachable(ThalwegConfig config, String why) {
        return new StopException(
                ExitCode.NOT_READY,
                "cannot reach the brokers at " + config.getString(ThalwegConfig.BOOTSTRAP_SERVERS) + " (" + why
                        + "); check that they run, and bootstrap.servers and the security settings");
    }
}
