package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.testing.ClientThreads;
import io.thalweg.testing.RefusingPolicy;
import io.thalweg.testing.SecuredBroker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Moves to other partitions on a broker that denies by default. */
@Timeout(300)
class SecuredMoveIT {
    private static final ClientThreads CLIENTS = ClientThreads.before();

    private static final int EXAMPLES = 30;

    @TempDir
    private static Path directory;

    private static SecuredBroker broker;
    private static Path csv;

    @BeforeAll
    static void start() throws IOException {
        broker = SecuredBroker.start(directory, RefusingPolicy.setting());
        StringBuilder text = new StringBuilder("hour,label\n");
        for (int i = 0; i < EXAMPLES; i++) {
            text.append("%s,%d\n".formatted(i % 24 / 24.0, i % 5 / 4));
        }
        csv = Files.writeString(directory.resolve("clicks.csv"), text);
    }

    @AfterAll
    static void stop() {
        broker.close();
        CLIENTS.assertNoneSince();
    }

    /** A learner that has learned from one partition, with records that it has not read. */
    private static SecuredProject learned(String name) {
        SecuredProject project = new SecuredProject(broker, name, "");
        project.inJson();
        project.prepare(csv);
        project.learn(broker.superUser(), EXAMPLES);
        project.thalweg(broker.superUser(), "produce", csv.toString()).is(0);
        return project;
    }

    private static Map<String, Integer> partitions(String name) throws Exception {
        List<String> topics = broker.admin().listTopics().names().get().stream()
                .filter(topic -> topic.startsWith(name + "-"))
                .toList();
        Map<String, Integer> partitions = new HashMap<>();
        broker.admin()
                .describeTopics(topics)
                .allTopicNames()
                .get()
                .forEach((topic, found) ->
                        partitions.put(topic, found.partitions().size()));
        return partitions;
    }

    /** Takes rights away, one at a time: a move names what is missing, and changes nothing. */
    private static void lacksEach(
            SecuredProject project, String name, Map<String, String> user, List<AclBinding> rights, String to)
            throws Exception {
        Map<String, Integer> before = partitions(name);
        long committed = project.committed();
        assertThat(rights).isNotEmpty();
        for (AclBinding right : rights) {
            broker.revoke(List.of(right));
            CommandRun result = project.thalweg(user, "topics", "--repartition", to);
            assertThat(result.err()).as("without %s", right).hasSize(1);
            result.isOneLine(
                    3,
                    "principal User:" + name + "-mover has no right to",
                    right.entry().operation().name(),
                    " on ",
                    right.pattern().name());
            broker.allow(List.of(right));
        }
        Map<String, Integer> after = partitions(name);
        // brokers tell only of a topic that is there whether it may be deleted
        after.remove(project.topic("repartition"));
        assertThat(after).isEqualTo(before);
        assertThat(project.committed()).isEqualTo(committed);
    }

    @Test
    void aMoveThatLacksARightChangesNothingAndNamesIt() throws Exception {
        SecuredProject project = learned("more");
        Map<String, String> mover = broker.user("more-mover");
        List<AclBinding> rights = project.moveRights("more-mover");
        assertThat(project.printed("administrator", "more-mover")).containsAll(rights);
        broker.allow(rights);
        lacksEach(project, "more", mover, rights, "2");

        project.thalweg(mover, "topics", "--repartition", "2").is(0);
        assertThat(partitions("more"))
                .containsEntry("more-weights-changelog", 2)
                .containsEntry("more-predictions", 2)
                .doesNotContainKey("more-repartition");
        assertThat(project.committed()).isEqualTo(2 * EXAMPLES);
        project.thalweg(broker.superUser(), "verify").is(0);
        assertThat(project.thalweg(mover, "topics", "--repartition", "2").is(0).out())
                .contains("learner more has 2 partitions already");
    }

    @Test
    void aMoveThatBreaksOffSaysSoAndCanBeRepeated() throws Exception {
        SecuredProject project = learned("again");
        RefusingPolicy.whileRefused(project.topic("changelog")::equals, () -> {
            for (int i = 0; i < 2; i++) {
                project.thalweg(broker.superUser(), "topics", "--repartition", "2")
                        .isOneLine(
                                3,
                                RefusingPolicy.WHY,
                                "; the move has begun, and no learner starts until it has ended: run `thalweg topics"
                                        + " --repartition 2");
            }
        });
        assertThat(partitions("again")).containsKey("again-repartition").doesNotContainKey("again-weights-changelog");
        project.thalweg(broker.superUser(), "run").isOneLine(4, "is being moved to another number of partitions");
        project.thalweg(broker.superUser(), "topics", "--repartition", "3")
                .isOneLine(2, "a move to 2 partitions was interrupted");

        project.thalweg(broker.superUser(), "topics", "--repartition", "2").is(0);
        project.thalweg(broker.superUser(), "verify").is(0);
    }

    /** With events and labels that are sent on, to more partitions, and to new topics with fewer. */
    @Test
    void theRightsThatArePrintedAreEnoughForEachKindOfMove() throws Exception {
        SecuredProject project = new SecuredProject(broker, "kinds", "");
        project.withLateLabelsThatAreSentOn();
        project.thalweg(broker.superUser(), "topics", "--create").is(0);
        Map<String, Map<String, String>> users = new HashMap<>();
        for (String role : List.of("learner", "auditor")) {
            users.put(role, broker.user("kinds-" + role));
            broker.allow(project.printed(role, "kinds-" + role));
        }
        Map<String, String> mover = broker.user("kinds-mover");
        List<AclBinding> rights = project.printed("administrator", "kinds-mover");
        broker.allow(rights);
        learns(project, users.get("learner"));
        project.sendEventsAndLabels(broker.superUser(), EXAMPLES);

        List<AclBinding> ofTheseTopics = new ArrayList<>();
        for (AclBinding right : rights) {
            String topic = right.pattern().name();
            AclOperation operation = right.entry().operation();
            if (topic.equals("kinds-labels") && operation == AclOperation.READ
                    || topic.equals("kinds-outcomes")
                            && Set.of(AclOperation.WRITE, AclOperation.ALTER).contains(operation)
                    || topic.equals("kinds-by-model")
                            && !Set.of(AclOperation.DELETE, AclOperation.DESCRIBE_CONFIGS)
                                    .contains(operation)) {
                ofTheseTopics.add(right);
            }
        }
        assertThat(ofTheseTopics).hasSize(7);
        lacksEach(project, "kinds", mover, ofTheseTopics, "3");
        project.thalweg(mover, "topics", "--repartition", "3").is(0);
        learns(project, users.get("learner"));
        project.thalweg(users.get("auditor"), "verify").is(0);

        project.sendEventsAndLabels(broker.superUser(), EXAMPLES);
        List<AclBinding> former = new ArrayList<>();
        for (String input : List.of("examples", "labels")) {
            former.addAll(SecuredBroker.onTopic("kinds-mover", project.topic(input), AclOperation.READ));
            String fewer = project.topic("fewer-" + input);
            broker.admin()
                    .createTopics(List.of(new NewTopic(fewer, 2, (short) 1)))
                    .all()
                    .get();
            project.set(input + ".topic", fewer);
        }
        broker.allow(project.printed("administrator", "kinds-mover"));
        lacksEach(project, "kinds", mover, former, "2");
        assertThat(project.thalweg(mover, "topics", "--repartition", "2").out())
                .contains("created topic kinds-by-model-2 with 2 partitions");
        for (String role : List.of("learner", "auditor")) {
            broker.allow(project.printed(role, "kinds-" + role));
        }
        learns(project, users.get("learner"));
        project.thalweg(users.get("auditor"), "verify").is(0);

        // whoever may not see the last topics of copies would take others for the last ones
        List<AclBinding> before = Stream.of("by-model", "by-model-labels")
                .flatMap(topic -> SecuredBroker.onTopic(
                        "kinds-blind", project.topic(topic), AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE)
                        .stream())
                .toList();
        Map<String, String> blind = broker.user("kinds-blind");
        broker.allow(before);
        for (String role : List.of("learner", "auditor", "administrator")) {
            broker.allow(project.printed(role, "kinds-blind").stream()
                    .filter(right -> !right.pattern().name().contains("by-model"))
                    .toList());
        }
        for (String command : List.of("run", "verify", "reset --yes", "topics --repartition 3")) {
            project.thalweg(blind, command.split(" "))
                    .isOneLine(3, "principal User:kinds-blind has no right to", "on topic kinds-by-model-2");
        }
    }

    private static void learns(SecuredProject project, Map<String, String> learner) throws Exception {
        long before = outcomes(project);
        project.sendEventsAndLabels(broker.superUser(), EXAMPLES);
        project.learn(learner, () -> outcomes(project) >= before + EXAMPLES);
    }

    private static long outcomes(SecuredProject project) throws Exception {
        Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
        String topic = project.topic("outcomes");
        for (int i = 0; i < partitions("kinds").get(topic); i++) {
            ends.put(new TopicPartition(topic, i), OffsetSpec.latest());
        }
        return broker.admin().listOffsets(ends).all().get().values().stream()
                .mapToLong(end -> end.offset())
                .sum();
    }
}
