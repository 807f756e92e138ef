package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.testing.SecuredBroker;
import io.thalweg.testing.TestKeys;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.server.policy.CreateTopicPolicy;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The commands against a broker that denies by default. */
@Timeout(300)
class SecuredIT {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int EXAMPLES = 40;

    @TempDir
    private static Path directory;

    private static SecuredBroker broker;
    private static EmbeddedRegistry registry;
    private static Path csv;

    /** A policy of the cluster that refuses new topics while the test wants that. */
    public static final class RefusingPolicy implements CreateTopicPolicy {
        private static volatile boolean refuses;

        @Override
        public void validate(RequestMetadata metadata) {
            if (refuses) {
                throw new PolicyViolationException("no new topics today");
            }
        }

        @Override
        public void configure(Map<String, ?> configs) {
            // nothing to set
        }

        @Override
        public void close() {
            // nothing is open
        }
    }

    @BeforeAll
    static void start() throws IOException {
        broker = SecuredBroker.start(
                directory.resolve("secured"), Map.of("create.topic.policy.class.name", RefusingPolicy.class.getName()));
        registry = EmbeddedRegistry.start(null, 0);
        StringBuilder text = new StringBuilder("hour,browser,label\n");
        for (int i = 0; i < EXAMPLES; i++) {
            text.append("%s,%s,%d\n".formatted(i % 24 / 24.0, i % 3 == 0 ? "fox" : "crow", i % 5 / 4));
        }
        csv = Files.writeString(directory.resolve("clicks.csv"), text);
    }

    @AfterAll
    static void stop() {
        registry.close();
        broker.close();
    }

    private record Result(int exitCode, List<String> out, List<String> err) {
        Result is(int expected) {
            assertThat(exitCode).as("%s", this).isEqualTo(expected);
            return this;
        }

        /** Checks that there was one line about what is wrong. */
        void isOneLine(int expected, String... parts) {
            is(expected);
            assertThat(err).as("%s", this).singleElement().asString().contains(parts);
        }
    }

    /** A learner with its own name, its own topics, and users for its roles. */
    private static final class Project {
        private final String name;
        private final Map<String, String> settings = new LinkedHashMap<>();

        Project(String name, String... more) {
            this.name = name;
            settings.put("schema.registry.url", registry.url());
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

        String topic(String kind) {
            return kind.equals("changelog") ? name + "-weights-changelog" : name + "-" + kind;
        }

        Result thalweg(Map<String, String> user, String... arguments) {
            StringWriter out = new StringWriter();
            StringWriter err = new StringWriter();
            Map<String, String> all = new LinkedHashMap<>(settings);
            all.putAll(user);
            List<String> words = new ArrayList<>(Arrays.asList(arguments));
            all.forEach((setting, value) -> words.addAll(List.of("--set", setting + "=" + value)));
            int exitCode = Thalweg.commandLine()
                    .setOut(new PrintWriter(out))
                    .setErr(new PrintWriter(err))
                    .execute(words.toArray(String[]::new));
            return new Result(
                    exitCode,
                    out.toString().lines().toList(),
                    err.toString().lines().toList());
        }

        ThalwegConfig config(Map<String, String> user) {
            Map<String, String> all = new LinkedHashMap<>(settings);
            all.putAll(user);
            return new ThalwegConfig(all);
        }

        /** Creates the topics and sends examples, as the user who may do everything. */
        void prepare() {
            thalweg(broker.superUser(), "topics", "--create").is(0);
            thalweg(broker.superUser(), "produce", csv.toString()).is(0);
        }

        /** Runs a learner until all examples are committed. */
        void learn(Map<String, String> user) {
            ThalwegConfig config = config(user);
            try (ConfluentSchemas schemas = new ConfluentSchemas(config.registry(), Duration.ZERO);
                    LearnerRuntime learner = LearnerRuntime.start(config, schemas, schemas)) {
                Awaitility.await().atMost(PATIENCE).until(() -> committed() == EXAMPLES || learner.hasEnded());
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
    }

    /** The ACLs that `topics --acls` prints for a role, given to another user. */
    private static List<AclBinding> printed(Project project, String role, String user) {
        List<String> lines =
                project.thalweg(broker.plain(), "topics", "--acls").is(0).out();
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

    private static Set<String> topics() throws Exception {
        return broker.admin().listTopics().names().get();
    }

    private static String topicSetting(String topic, String setting) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return broker.admin()
                .describeConfigs(List.of(resource))
                .all()
                .get()
                .get(resource)
                .get(setting)
                .value();
    }

    private static void setTopic(String topic, String setting, String value) throws Exception {
        broker.admin()
                .incrementalAlterConfigs(Map.of(
                        new ConfigResource(ConfigResource.Type.TOPIC, topic), (Collection<AlterConfigOp>)
                                List.of(new AlterConfigOp(new ConfigEntry(setting, value), AlterConfigOp.OpType.SET))))
                .all()
                .get();
    }

    @Test
    void aResetThatLacksARightChangesNothingAndNamesIt() throws Exception {
        Project project = new Project("reset-rights");
        project.prepare();
        project.learn(broker.superUser());
        Map<String, String> admin = broker.user("reset-admin");
        List<AclBinding> rights = project.resetRights("reset-admin");
        broker.allow(rights);
        for (AclBinding right : rights) {
            broker.revoke(List.of(right));
            project.thalweg(admin, "reset", "--yes")
                    .isOneLine(
                            3,
                            "principal User:reset-admin has no right to",
                            right.entry().operation().name(),
                            right.pattern().name(),
                            "`thalweg topics --acls");
            assertThat(project.committed()).isEqualTo(EXAMPLES);
            assertThat(topics()).contains(project.topic("changelog"), project.topic("predictions"));
            broker.allow(List.of(right));
        }

        project.thalweg(admin, "reset", "--yes").is(0);
        assertThat(project.committed()).isZero();
        assertThat(topics()).contains(project.topic("predictions")).doesNotContain(project.topic("changelog"));
        project.learn(broker.superUser());
        project.thalweg(broker.superUser(), "verify").is(0);
    }

    @Test
    void aLearnerThatLacksARightSaysSoInOneLineAtItsStart() {
        Project project = new Project("start-rights");
        project.prepare();
        Map<String, String> learner = broker.user("start-learner");
        List<AclBinding> rights = printed(project, "learner", "start-learner");
        broker.allow(rights);
        for (AclBinding right : rights) {
            broker.revoke(List.of(right));
            project.thalweg(learner, "run")
                    .isOneLine(
                            3,
                            "principal User:start-learner has no right to",
                            right.entry().operation().name(),
                            right.pattern().name());
            broker.allow(List.of(right));
        }

        project.learn(learner);
    }

    @ParameterizedTest
    @ValueSource(strings = {"examples", "predictions", "changelog", "group", "transactional id", "password"})
    void aLearnerThatLosesARightEndsAtOnceInOneLine(String lost) throws Exception {
        String name = "lost-" + lost.replace(" ", "-");
        Project project = new Project(name, "session.timeout.ms", "300000");
        project.prepare();
        Map<String, String> learner = broker.user(name);
        List<AclBinding> rights = printed(project, "learner", name);
        broker.allow(rights);
        try (ProgramLog log = new ProgramLog()) {
            CompletableFuture<Result> run = CompletableFuture.supplyAsync(() -> project.thalweg(learner, "run"));
            Awaitility.await().atMost(PATIENCE).until(() -> project.committed() == EXAMPLES || run.isDone());
            assertThat(run).isNotDone();
            AclBinding gone = null;
            if (lost.equals("password")) {
                broker.password(name, "another");
            } else {
                gone = rights.stream()
                        .filter(right -> right.entry().operation()
                                        == AclOperation.WRITE
                                        == Set.of("predictions", "transactional id", "changelog")
                                                .contains(lost)
                                && (right.pattern().resourceType().name().equalsIgnoreCase(lost.replace(' ', '_'))
                                        || right.pattern().name().equals(project.topic(lost))))
                        .findFirst()
                        .orElseThrow();
                broker.revoke(List.of(gone));
            }
            log.clear();
            project.thalweg(broker.superUser(), "produce", csv.toString()).is(0);

            Result result = run.get(60, TimeUnit.SECONDS);
            result.isOneLine(3, "principal User:" + name);
            if (gone != null) {
                assertThat(result.err().get(0))
                        .contains(
                                gone.entry().operation() + " on", gone.pattern().name(), "`thalweg topics --acls");
            }
            if (!lost.equals("group") && !lost.equals("password")) {
                // long before its session would time out
                Awaitility.await("it has left its group")
                        .atMost(PATIENCE)
                        .until(() -> members(name).isEmpty());
            }
            assertThat(log.lines()).isEmpty();
        }
    }

    private static Collection<MemberDescription> members(String group) throws Exception {
        return broker.admin()
                .describeConsumerGroups(List.of(group))
                .all()
                .get()
                .get(group)
                .members();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ssl.truststore.password | wrong | password was incorrect",
                "ssl.truststore.location | /nowhere/trust.p12 | /nowhere/trust.p12",
                "ssl.truststore.type | JKZ | JKZ",
                "sasl.jaas.config | MODULE required username='a' password='b' | JAAS",
                "sasl.jaas.config | MODUL required username='a' password='b'; | ScramLoginModul",
                "sasl.jaas.config | MODULE required usrname='a'; | no username",
                "sasl.mechanism | SCRAM-SHA-256 | SCRAM-SHA-256",
                "sasl.mechanism | PLAIN | sasl.mechanism",
                "sasl.mechanism | SCRAM-SHA-513 | SCRAM-SHA-513",
                "sasl.mechanism | GSSAPI | GSSAPI",
                "security.protocol | SASL_TLS | SASL_TLS",
                "bootstrap.servers | nowhere.invalid | bootstrap.servers",
                "admin.ssl.truststore.password | wrong | password was incorrect",
                "producer.ssl.truststore.password | wrong | password was incorrect",
                "consumer.sasl.jaas.config | nonsense | JAAS",
            })
    void whatIsWrongInTheSecuritySettingsIsASetting(String setting, String value, String cause) {
        Project project = new Project("settings");
        if (setting.startsWith("producer.")) {
            // found when the learner makes its producer, after its checks
            project.prepare();
        }
        for (String command : List.of("run", "topics")) {
            if (command.equals("topics") && (setting.startsWith("producer.") || setting.startsWith("consumer."))) {
                continue;
            }
            Map<String, String> user =
                    setting.startsWith("producer.") ? broker.superUser() : broker.scram("nobody", "nobody-secret");
            user.put(
                    setting,
                    value.replace('\'', '"')
                            .replace("MODUL", "org.apache.kafka.common.security.scram.ScramLoginModul")
                            .replace("ScramLoginModulE", "ScramLoginModule"));
            Result result = project.thalweg(user, command);
            result.isOneLine(2, cause);
            assertThat(result.err().get(0))
                    .doesNotContain("nobody-secret", TestKeys.PASSWORD, "password=")
                    .doesNotContain("Exception");
        }
    }

    @Test
    void topicsThatCouldNotBeCreatedAreNamedBesideThoseThatWere() {
        Project project = new Project("four-of-five");
        Map<String, String> admin = broker.user("four-admin");
        List<AclBinding> rights = printed(project, "administrator", "four-admin");
        broker.allow(rights);
        List<AclBinding> creation = SecuredBroker.onTopic("four-admin", project.topic("metrics"), AclOperation.CREATE);
        broker.revoke(creation);

        Result result = project.thalweg(admin, "topics", "--create");
        result.isOneLine(3, "principal User:four-admin has no right to CREATE on topic four-of-five-metrics;");
        assertThat(result.out())
                .containsExactlyInAnyOrder(
                        "created four-of-five-examples",
                        "created four-of-five-predictions",
                        "created four-of-five-weights",
                        "created four-of-five-dead.letters");
        broker.allow(creation);
        assertThat(project.thalweg(admin, "topics", "--create").is(0).out())
                .contains("created four-of-five-metrics")
                .last()
                .asString()
                .startsWith("✓");
    }

    @Test
    void eachRoleCanDoItsPartWithTheRightsThatArePrintedAndNothingLess() {
        Project project = new Project("roles");
        Map<String, Map<String, String>> users = new LinkedHashMap<>();
        Map<String, List<AclBinding>> rights = new LinkedHashMap<>();
        for (String role : List.of("administrator", "producer", "learner", "auditor", "reader")) {
            String user = "roles-" + role;
            users.put(role, broker.user(user));
            rights.put(role, printed(project, role, user));
            broker.allow(rights.get(role));
        }
        project.thalweg(users.get("administrator"), "topics", "--create").is(0);
        project.thalweg(users.get("producer"), "produce", csv.toString()).is(0);
        project.learn(users.get("learner"));
        Map<String, List<List<String>>> commands = new LinkedHashMap<>();
        commands.put("producer", List.of(List.of("produce", csv.toString())));
        commands.put("auditor", List.of(List.of("verify")));
        commands.put(
                "reader",
                Stream.of("predictions", "weights", "metrics", "dead-letters")
                        .map(topic -> List.of("watch", topic, "--from-beginning", "--limit", "1"))
                        .toList());
        // the right to read dead letters shows by what is said without it, because there are none to read
        List<String> deadLetters = commands.get("reader").get(3);
        commands.forEach((role, lines) -> {
            if (role.equals("auditor")) {
                project.thalweg(users.get(role), "verify").is(0);
            }
            for (AclBinding right : rights.get(role)) {
                broker.revoke(List.of(right));
                assertThat(lines)
                        .as("%s without %s", role, right)
                        .filteredOn(line ->
                                line != deadLetters || right.pattern().name().equals(project.topic("dead.letters")))
                        .anySatisfy(line -> project.thalweg(users.get(role), line.toArray(String[]::new))
                                .isOneLine(
                                        3,
                                        "principal User:roles-" + role + " has no right to",
                                        right.entry().operation() + " on",
                                        right.pattern().name()));
                broker.allow(List.of(right));
            }
        });
        project.thalweg(users.get("administrator"), "reset", "--yes").is(0);
        project.thalweg(users.get("producer"), "produce", csv.toString()).is(0);
    }

    @Test
    void whoeverCannotLogInIsNamed() {
        Project project = new Project("log-in");
        project.thalweg(broker.scram("nobody", "nobody-secret"), "topics")
                .isOneLine(3, "principal User:nobody", "log in", "check the security settings and the credentials");
    }

    @Test
    void aResetThatBreaksOffSaysWhatIsLeftAndCanBeRepeated() throws Exception {
        Project project = new Project("reset-again");
        project.prepare();
        project.learn(broker.superUser());
        setTopic(project.topic("predictions"), "segment.bytes", "7340032");

        RefusingPolicy.refuses = true;
        try {
            project.thalweg(broker.superUser(), "reset", "--yes")
                    .isOneLine(
                            3,
                            "no new topics today",
                            "kafka-topics --bootstrap-server",
                            "--create --topic reset-again-predictions --partitions 1 --replication-factor 1",
                            "--config segment.bytes=7340032",
                            "; reset: group reset-again, topic reset-again-weights-changelog,",
                            "; not reset: topic reset-again-predictions,",
                            "run the reset again");
            assertThat(topics()).doesNotContain(project.topic("predictions"));
            project.thalweg(broker.superUser(), "reset", "--yes")
                    .isOneLine(3, "no new topics today", "not reset: topic reset-again-predictions");
        } finally {
            RefusingPolicy.refuses = false;
        }

        Result again = project.thalweg(broker.superUser(), "reset", "--yes").is(0);
        assertThat(again.out())
                .anyMatch(line -> line.contains("topic reset-again-predictions, which is missing: it is created"))
                .last()
                .isEqualTo("learner reset-again has been reset");
        assertThat(topics()).contains(project.topic("predictions"));
        project.thalweg(broker.superUser(), "topics").is(0);
        assertThat(project.thalweg(broker.superUser(), "reset", "--yes").is(0).out())
                .containsExactly("there is nothing to delete for learner reset-again");
    }
}
