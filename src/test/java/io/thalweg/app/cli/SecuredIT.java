package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.testing.ClientThreads;
import io.thalweg.testing.ProgramLog;
import io.thalweg.testing.RefusingPolicy;
import io.thalweg.testing.SecuredBroker;
import io.thalweg.testing.TestKeys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicAuthorizationException;
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
    private static final ClientThreads CLIENTS = ClientThreads.before();

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int EXAMPLES = 40;

    @TempDir
    private static Path directory;

    private static SecuredBroker broker;
    private static EmbeddedRegistry registry;
    private static Path csv;

    @BeforeAll
    static void start() throws IOException {
        broker = SecuredBroker.start(directory.resolve("secured"), RefusingPolicy.setting());
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
        CLIENTS.assertNoneSince();
    }

    private static SecuredProject project(String name, String... more) {
        return new SecuredProject(broker, name, registry.url(), more);
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
        SecuredProject project = project("reset-rights");
        project.prepare(csv);
        project.learn(broker.superUser(), EXAMPLES);
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

        setTopic(project.topic("predictions"), "segment.bytes", "7340032");
        project.thalweg(admin, "reset", "--yes").is(0);
        assertThat(topicSetting(project.topic("predictions"), "segment.bytes")).isEqualTo("7340032");
        assertThat(project.committed()).isZero();
        assertThat(topics()).contains(project.topic("predictions")).doesNotContain(project.topic("changelog"));
        project.learn(broker.superUser(), EXAMPLES);
        project.thalweg(broker.superUser(), "verify").is(0);
    }

    @Test
    void aLearnerThatLacksARightSaysSoInOneLineAtItsStart() {
        SecuredProject project = project("start-rights");
        project.prepare(csv);
        Map<String, String> learner = broker.user("start-learner");
        List<AclBinding> rights = project.printed("learner", "start-learner");
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

        project.learn(learner, EXAMPLES);
    }

    @ParameterizedTest
    @ValueSource(strings = {"examples", "predictions", "changelog", "group", "transactional id", "password"})
    void aLearnerThatLosesARightEndsAtOnceInOneLine(String lost) throws Exception {
        String name = "lost-" + lost.replace(" ", "-");
        SecuredProject project = project(name, "session.timeout.ms", "300000");
        project.prepare(csv);
        Map<String, String> learner = broker.user(name);
        List<AclBinding> rights = project.printed("learner", name);
        broker.allow(rights);
        try (ProgramLog log = new ProgramLog()) {
            CompletableFuture<CommandRun> run = CompletableFuture.supplyAsync(() -> project.thalweg(learner, "run"));
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

            CommandRun result = run.get(60, TimeUnit.SECONDS);
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
        SecuredProject project = project("settings");
        if (setting.startsWith("producer.")) {
            // found when the learner makes its producer, after its checks
            project.prepare(csv);
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
            CommandRun result = project.thalweg(user, command);
            result.isOneLine(2, cause);
            assertThat(result.err().get(0))
                    .doesNotContain("nobody-secret", TestKeys.PASSWORD, "password=")
                    .doesNotContain("Exception");
        }
    }

    /** Whoever may see topics, but not their settings, is told just that, and nothing of what the settings would be. */
    @Test
    void settingsThatCannotBeLookedAtAreNotComplainedAbout() throws Exception {
        SecuredProject project = project("unseen");
        project.prepare(csv);
        Map<String, String> onlooker = broker.user("onlooker");
        for (String kind :
                List.of("examples", "predictions", "weights", "metrics", "dead.letters", "repartition", "changelog")) {
            broker.allow(SecuredBroker.onTopic("onlooker", project.topic(kind), AclOperation.DESCRIBE));
        }

        CommandRun result = project.thalweg(onlooker, "topics");
        assertThat(Stream.concat(result.out().stream(), result.err().stream()))
                // that of the learner's own setting is for everybody
                .filteredOn(line -> !line.startsWith("✓") && !line.contains("topics.compression"))
                .singleElement()
                .asString()
                .contains("settings of these topics were not checked")
                .contains("principal User:onlooker has no right to DESCRIBE_CONFIGS")
                .contains("unseen-examples", "unseen-predictions", "unseen-weights", "unseen-metrics")
                .contains("unseen-dead.letters");

        // seen, the same topics are well, or not
        setTopic(project.topic("weights"), "cleanup.policy", "delete");
        assertThat(project.thalweg(broker.superUser(), "topics").toString()).contains("cleanup.policy");
        assertThat(project.thalweg(onlooker, "topics").toString()).doesNotContain("cleanup.policy");
    }

    @Test
    void topicsThatCouldNotBeCreatedAreNamedBesideThoseThatWere() {
        SecuredProject project = project("four-of-five");
        Map<String, String> admin = broker.user("four-admin");
        List<AclBinding> rights = project.printed("administrator", "four-admin");
        broker.allow(rights);
        List<AclBinding> creation = SecuredBroker.onTopic("four-admin", project.topic("metrics"), AclOperation.CREATE);
        broker.revoke(creation);

        CommandRun result = project.thalweg(admin, "topics", "--create");
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
        SecuredProject project = project("roles");
        Map<String, Map<String, String>> users = new LinkedHashMap<>();
        Map<String, List<AclBinding>> rights = new LinkedHashMap<>();
        for (String role : List.of("administrator", "producer", "learner", "auditor", "reader")) {
            String user = "roles-" + role;
            users.put(role, broker.user(user));
            rights.put(role, project.printed(role, user));
            broker.allow(rights.get(role));
        }
        project.thalweg(users.get("administrator"), "topics", "--create").is(0);
        project.thalweg(users.get("producer"), "produce", csv.toString()).is(0);
        project.learn(users.get("learner"), EXAMPLES);
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
        assertThat(project.thalweg(users.get("administrator"), "reset", "--yes")
                        .is(0)
                        .out())
                .anyMatch(line -> line.contains("the contents of topic roles-predictions"))
                .noneMatch(line -> line.contains("it keeps its settings"));
        project.thalweg(users.get("producer"), "produce", csv.toString()).is(0);
    }

    /** The topics if labels come later, and events and labels are sent on to the partition of their model. */
    @Test
    void theRightsForLateLabelsThatAreSentOnAreEnoughAndNoneIsTooMany() throws Exception {
        String name = "late";
        SecuredProject project = project(name);
        project.withLateLabelsThatAreSentOn();
        Map<String, Map<String, String>> users = new LinkedHashMap<>();
        Map<String, List<AclBinding>> rights = new LinkedHashMap<>();
        for (String role : List.of("administrator", "producer", "learner", "auditor", "reader")) {
            String user = name + "-" + role;
            users.put(role, broker.user(user));
            rights.put(role, project.printed(role, user));
            broker.allow(rights.get(role));
        }
        assertThat(rights.get("learner"))
                .extracting(right -> right.pattern().name())
                .contains("late-labels", "late-outcomes", "late-by-model");
        project.thalweg(users.get("administrator"), "topics", "--create").is(0);

        // the learner
        withoutEach(project, users, rights, "learner", right -> true, List.of("run"));
        project.sendEventsAndLabels(users.get("producer"), EXAMPLES);
        Callable<Boolean> answered = () -> end(project.topic("outcomes")) >= EXAMPLES;
        project.learn(users.get("learner"), answered);
        for (String topic : List.of("labels", "outcomes", "by-model")) {
            CompletableFuture<CommandRun> run =
                    CompletableFuture.supplyAsync(() -> project.thalweg(users.get("learner"), "run"));
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() -> members(name).stream()
                                    .anyMatch(member -> !member.assignment()
                                            .topicPartitions()
                                            .isEmpty())
                            || run.isDone());
            List<AclBinding> lost = rights.get("learner").stream()
                    .filter(right -> right.pattern().name().equals(project.topic(topic)))
                    .filter(right -> topic.equals("labels") || right.entry().operation() == AclOperation.WRITE)
                    .toList();
            assertThat(lost).hasSize(1);
            try (ProgramLog log = new ProgramLog()) {
                broker.revoke(lost);
                project.sendEventsAndLabels(users.get("producer"), EXAMPLES);
                run.get(60, TimeUnit.SECONDS)
                        .isOneLine(
                                3,
                                "principal User:late-learner has no right to "
                                        + lost.get(0).entry().operation() + " on topic " + project.topic(topic));
                assertThat(log.lines()).isEmpty();
            }
            broker.allow(lost);
        }
        long before = end(project.topic("outcomes"));
        project.learn(users.get("learner"), () -> end(project.topic("outcomes")) > before);

        // the others
        project.thalweg(users.get("auditor"), "verify").is(0);
        withoutEach(project, users, rights, "auditor", right -> true, List.of("verify"));
        withoutEach(
                project,
                users,
                rights,
                "reader",
                right -> right.pattern().name().equals(project.topic("outcomes")),
                List.of("watch", "outcomes", "--from-beginning", "--limit", "1"));
        for (AclBinding right : rights.get("producer")) {
            broker.revoke(List.of(right));
            assertThatThrownBy(() -> project.sendEventsAndLabels(users.get("producer"), EXAMPLES))
                    .hasRootCauseInstanceOf(TopicAuthorizationException.class)
                    .hasStackTraceContaining(right.pattern().name());
            broker.allow(List.of(right));
        }
        withoutEach(
                project,
                users,
                rights,
                "administrator",
                // the others are those of a move to other partitions, and those to create what is missing
                right -> right.entry().operation() == AclOperation.DELETE
                                && !right.pattern().name().endsWith("-repartition")
                        || Set.of(AclOperation.READ, AclOperation.WRITE)
                                        .contains(right.entry().operation())
                                && Set.of(project.topic("weights"), project.topic("metrics"))
                                        .contains(right.pattern().name()),
                List.of("reset", "--yes"));
        project.thalweg(users.get("administrator"), "reset", "--yes").is(0);
        assertThat(topics()).doesNotContain(project.topic("by-model"), project.topic("by-model-labels"));
        project.thalweg(users.get("administrator"), "topics", "--create").is(0);
    }

    /** Takes rights away, one at a time, and looks for the line of a command that names what is missing. */
    private static void withoutEach(
            SecuredProject project,
            Map<String, Map<String, String>> users,
            Map<String, List<AclBinding>> rights,
            String role,
            Predicate<AclBinding> which,
            List<String> command) {
        List<AclBinding> taken = rights.get(role).stream().filter(which).toList();
        assertThat(taken).isNotEmpty();
        for (AclBinding right : taken) {
            broker.revoke(List.of(right));
            project.thalweg(users.get(role), command.toArray(String[]::new))
                    .isOneLine(
                            3,
                            "-%s has no right to".formatted(role),
                            right.entry().operation() + " on",
                            right.pattern().name());
            broker.allow(List.of(right));
        }
    }

    private static long end(String topic) throws Exception {
        Map<TopicPartition, OffsetSpec> partitions = new HashMap<>();
        broker.admin()
                .describeTopics(List.of(topic))
                .allTopicNames()
                .get()
                .get(topic)
                .partitions()
                .forEach(partition ->
                        partitions.put(new TopicPartition(topic, partition.partition()), OffsetSpec.latest()));
        return broker.admin().listOffsets(partitions).all().get().values().stream()
                .mapToLong(ListOffsetsResultInfo::offset)
                .sum();
    }

    @ParameterizedTest
    @CsvSource({
        "evaluate --topic, READ, examples",
        "train --topic --output, READ, examples",
        "verify, READ, examples",
        "watch outcomes, READ, outcomes",
        "evaluate --topic, READ, labels",
    })
    void aCommandThatLacksARightNamesIt(String command, String operation, String topic) throws Exception {
        String name = "lacks-" + command.split(" ")[0] + "-" + topic;
        SecuredProject project = project(name);
        project.withLateLabelsThatAreSentOn();
        project.thalweg(broker.superUser(), "topics", "--create").is(0);
        Map<String, String> user = broker.user(name);
        if (topic.equals("labels")) {
            project.sendEventsAndLabels(broker.superUser(), 1);
            broker.allow(SecuredBroker.onTopic(name, project.topic("examples"), AclOperation.READ));
        }
        String last = command.contains("train") ? " " + directory.resolve(name + ".model") : "";
        project.thalweg(user, (command + last).split(" "))
                .isOneLine(
                        3,
                        "principal User:%s has no right to %s on topic %s-%s".formatted(name, operation, name, topic));
    }

    /** A learner asks for offsets now and then, and may lose its rights at any time; it says so itself, in one line. */
    @Test
    void offsetsThatMayNotBeAskedForAreNotWarnedOf() throws Exception {
        String topic = "offsets-are-secret";
        broker.admin()
                .createTopics(List.of(new NewTopic(topic, 1, (short) 1)))
                .all()
                .get();
        try (ProgramLog log = new ProgramLog();
                Admin admin = Admin.create(new HashMap<>(broker.user("nosy")))) {
            assertThatThrownBy(() -> admin.listOffsets(Map.of(new TopicPartition(topic, 0), OffsetSpec.latest()))
                            .all()
                            .get())
                    .hasRootCauseInstanceOf(TopicAuthorizationException.class);
            assertThat(log.lines()).isEmpty();
        }
    }

    @Test
    void whoeverCannotLogInIsNamed() {
        SecuredProject project = project("log-in");
        project.thalweg(broker.scram("nobody", "nobody-secret"), "topics")
                .isOneLine(3, "principal User:nobody", "log in", "check the security settings and the credentials");
    }

    @Test
    void aResetThatBreaksOffSaysWhatIsLeftAndCanBeRepeated() throws Exception {
        SecuredProject project = project("reset-again");
        project.prepare(csv);
        project.learn(broker.superUser(), EXAMPLES);
        setTopic(project.topic("predictions"), "segment.bytes", "7340032");

        RefusingPolicy.whileRefused(topic -> true, () -> {
            CommandRun broken = project.thalweg(broker.superUser(), "reset", "--yes");
            assertThat(broken.out())
                    .as("what the topic had is said before it is deleted")
                    .anyMatch(line -> line.contains("the contents of topic reset-again-predictions")
                            && line.contains("it keeps its settings, as by `kafka-topics")
                            && line.contains("--config segment.bytes=7340032"))
                    .filteredOn(line -> line.contains("it keeps its settings"))
                    .hasSize(1);
            broken.isOneLine(
                    3,
                    RefusingPolicy.WHY,
                    "kafka-topics --bootstrap-server",
                    "--create --topic reset-again-predictions --partitions 1 --replication-factor 1",
                    "--config segment.bytes=7340032",
                    "; reset: group reset-again, topic reset-again-weights-changelog,",
                    "; not reset: topic reset-again-predictions,",
                    "run the reset again");
            project.thalweg(broker.superUser(), "reset", "--yes")
                    .isOneLine(3, RefusingPolicy.WHY, "not reset: topic reset-again-predictions");
        });
        assertThat(topics()).doesNotContain(project.topic("predictions"));

        CommandRun again = project.thalweg(broker.superUser(), "reset", "--yes").is(0);
        assertThat(again.out())
                .anyMatch(line -> line.contains("topic reset-again-predictions, which is missing: it is created")
                        && line.contains("its settings are gone"))
                .last()
                .isEqualTo("learner reset-again has been reset");
        assertThat(topics()).contains(project.topic("predictions"));
        project.thalweg(broker.superUser(), "topics").is(0);
        assertThat(project.thalweg(broker.superUser(), "reset", "--yes").is(0).out())
                .containsExactly("there is nothing to delete for learner reset-again");
    }
}
