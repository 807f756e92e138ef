package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.testing.SecuredBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;

/** A learner on a secured broker, with its own name, its own topics, and users for its roles. */
final class SecuredProject {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final SecuredBroker broker;
    private final String name;
    private final Map<String, String> settings = new LinkedHashMap<>();
    private int sent;

    /** @param more names and values of settings */
    SecuredProject(SecuredBroker broker, String name, String registryUrl, String... more) {
        this.broker = broker;
        this.name = name;
        settings.put("schema.registry.url", registryUrl);
        settings.put("application.id", name);
        for (String topic : List.of("examples", "predictions", "weights", "metrics", "dead.letters")) {
            settings.put(topic + ".topic", name + "-" + topic);
        }
        settings.put("metrics.every", "10");
        settings.put("registry.retry.max.ms", "0");
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
    }

    /**
     * Lets labels come later, and events and labels be sent on to the partition of their model, in two partitions and
     * in JSON, so that no registry is asked.
     */
    void withLateLabelsThatAreSentOn() {
        inJson();
        set("topics.partitions", "2");
        set("labels.topic", topic("labels"));
        set("labels.format", "json");
        set("outcomes.topic", topic("outcomes"));
        for (String prefix : List.of("", "labels.")) {
            set(prefix + "id.field", "id");
            set(prefix + "model.from", "field:shop");
        }
        set("labels.label", "returned");
    }

    /** Uses no registry. */
    void inJson() {
        set("examples.format", "json");
        set("output.format", "json");
        set("schema.registry.url", "");
    }

    /** Sends events and their labels, as a program of the user's does. */
    void sendEventsAndLabels(Map<String, String> user, int count) throws Exception {
        Map<String, Object> clients = new HashMap<>(user);
        clients.put("max.block.ms", 30_000);
        try (Producer<String, String> producer =
                new KafkaProducer<>(clients, new StringSerializer(), new StringSerializer())) {
            int run = sent++;
            for (int i = 0; i < count; i++) {
                String id = "\"id\": \"e%d-%d\", \"shop\": \"s%d\"".formatted(run, i, i % 3);
                producer.send(new ProducerRecord<>(
                                settings.get("examples.topic"), "{%s, \"hour\": %s}".formatted(id, i % 24 / 24.0)))
                        .get();
                producer.send(new ProducerRecord<>(
                                settings.get("labels.topic"), "{%s, \"returned\": %d}".formatted(id, i % 5 / 4)))
                        .get();
            }
        }
    }

    void set(String setting, String value) {
        settings.put(setting, value);
    }

    /** The settings with those of a user. */
    Map<String, String> settings(Map<String, String> user) {
        Map<String, String> all = new LinkedHashMap<>(settings);
        all.putAll(user);
        return all;
    }

    String topic(String kind) {
        return kind.equals("changelog") ? name + "-weights-changelog" : name + "-" + kind;
    }

    CommandRun thalweg(Map<String, String> user, String... arguments) {
        List<String> words = new ArrayList<>(Arrays.asList(arguments));
        settings(user).forEach((setting, value) -> words.addAll(List.of("--set", setting + "=" + value)));
        return CommandRun.of(words);
    }

    ThalwegConfig config(Map<String, String> user) {
        return new ThalwegConfig(settings(user));
    }

    /** Creates the topics and sends examples, as the user who may do everything. */
    void prepare(Path csv) {
        thalweg(broker.superUser(), "topics", "--create").is(0);
        thalweg(broker.superUser(), "produce", csv.toString()).is(0);
    }

    /** Runs a learner until so many records are committed. */
    void learn(Map<String, String> user, long examples) {
        learn(user, () -> committed() == examples);
    }

    /** Runs a learner until something holds. */
    void learn(Map<String, String> user, Callable<Boolean> until) {
        ThalwegConfig config = config(user);
        try (Registry schemas = Registry.of(config, Duration.ZERO);
                LearnerRuntime learner = LearnerRuntime.start(config, schemas, schemas)) {
            Awaitility.await().atMost(PATIENCE).until(() -> until.call() || learner.hasEnded());
            assertThat(learner.reasonOfEnd()).isNull();
        }
    }

    long committed() throws Exception {
        return broker.admin().listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get().values().stream()
                .mapToLong(offset -> offset == null ? 0 : offset.offset())
                .sum();
    }

    /** What a user needs to reset the learner. */
    List<AclBinding> resetRights(String user) {
        List<AclBinding> acls = new ArrayList<>();
        for (String kind : List.of("predictions", "dead.letters")) {
            acls.addAll(SecuredBroker.onTopic(
                    user, topic(kind), AclOperation.DELETE, AclOperation.CREATE, AclOperation.DESCRIBE_CONFIGS));
        }
        for (String kind : List.of("weights", "metrics")) {
            acls.addAll(SecuredBroker.onTopic(user, topic(kind), AclOperation.READ, AclOperation.WRITE));
        }
        acls.addAll(SecuredBroker.onTopic(user, topic("changelog"), AclOperation.DELETE));
        acls.add(SecuredBroker.acl(
                user, AclOperation.DELETE, new ResourcePattern(ResourceType.GROUP, name, PatternType.LITERAL)));
        return acls;
    }

    /** What a user needs to move the learner to more partitions. */
    List<AclBinding> moveRights(String user) {
        List<AclBinding> acls = new ArrayList<>();
        acls.addAll(SecuredBroker.onTopic(user, topic("examples"), AclOperation.READ, AclOperation.ALTER));
        for (String kind : List.of("predictions", "dead.letters")) {
            acls.addAll(SecuredBroker.onTopic(user, topic(kind), AclOperation.WRITE, AclOperation.ALTER));
        }
        for (String kind : List.of("weights", "metrics")) {
            acls.addAll(SecuredBroker.onTopic(
                    user, topic(kind), AclOperation.READ, AclOperation.WRITE, AclOperation.ALTER));
        }
        for (String kind : List.of("changelog", "repartition")) {
            acls.addAll(SecuredBroker.onTopic(
                    user,
                    topic(kind),
                    AclOperation.CREATE,
                    AclOperation.READ,
                    AclOperation.WRITE,
                    AclOperation.DELETE));
        }
        acls.addAll(SecuredBroker.onTopic(user, topic("changelog"), AclOperation.DESCRIBE_CONFIGS));
        acls.add(SecuredBroker.acl(
                user, AclOperation.READ, new ResourcePattern(ResourceType.GROUP, name, PatternType.LITERAL)));
        acls.add(SecuredBroker.acl(
                user,
                AclOperation.WRITE,
                new ResourcePattern(ResourceType.TRANSACTIONAL_ID, topic("repartition"), PatternType.LITERAL)));
        return acls;
    }

    /** The ACLs that `topics --acls` prints for a role, given to another user. */
    List<AclBinding> printed(String role, String user) {
        List<String> lines = thalweg(broker.plain(), "topics", "--acls").is(0).out();
        List<AclBinding> acls = new ArrayList<>();
        String section = "";
        for (String line : lines) {
            if (line.startsWith("# ")) {
                section = line.substring(2, line.indexOf(':'));
            } else if (section.equals(role)) {
                acls.addAll(acls(line, user));
            }
        }
        assertThat(acls).as(role).isNotEmpty();
        return acls;
    }

    /** What a kafka-acls command grants. */
    private static List<AclBinding> acls(String command, String user) {
        List<AclOperation> operations = new ArrayList<>();
        ResourceType type = ResourceType.UNKNOWN;
        String name = "";
        PatternType pattern = PatternType.LITERAL;
        List<String> words = List.of(command.split(" "));
        assertThat(words.get(0)).isEqualTo("kafka-acls");
        for (int i = 1; i < words.size(); i++) {
            switch (words.get(i)) {
                case "--operation" ->
                    operations.add(AclOperation.fromString(
                            words.get(++i).replaceAll("([a-z])([A-Z])", "$1_$2").toUpperCase(Locale.ROOT)));
                case "--topic", "--group", "--transactional-id" -> {
                    type = ResourceType.fromString(
                            words.get(i).substring(2).replace('-', '_').toUpperCase(Locale.ROOT));
                    name = words.get(++i);
                }
                case "--resource-pattern-type" ->
                    pattern = PatternType.valueOf(words.get(++i).toUpperCase(Locale.ROOT));
                default -> assertThat(words.get(i)).doesNotContain("Unknown");
            }
        }
        ResourcePattern resource = new ResourcePattern(type, name, pattern);
        return operations.stream()
                .map(operation -> SecuredBroker.acl(user, operation, resource))
                .toList();
    }
}
