package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.MemberAssignment;
import org.apache.kafka.clients.admin.MemberDescription;
import org.junit.jupiter.api.Test;

/** Whose transactions are aborted, and whose are not. */
class DeadTransactionsTest {
    private static final String ALIVE = "0f9a4b1c-1111-4222-8333-444455556666";
    private static final String DEAD = "1a2b3c4d-1111-4222-8333-444455556666";

    private final DeadTransactions transactions =
            new DeadTransactions(new ThalwegConfig(Map.of("application.id", "app.a")), Runnable::run);

    @Test
    void ofAProcessThatIsNoMember() {
        assertThat(ofTheDead(
                        List.of("app.a-" + ALIVE + "-1", "app.a-" + DEAD + "-1", "app.a-" + DEAD + "-2"),
                        member("app.a-" + ALIVE + "-StreamThread-1-consumer")))
                .containsExactly("app.a-" + DEAD + "-1", "app.a-" + DEAD + "-2");
    }

    /** All threads of a process live as long as one is a member; the others are about to join again. */
    @Test
    void notOfAnotherThreadOfAMember() {
        assertThat(ofTheDead(List.of("app.a-" + ALIVE + "-1"), member("app.a-" + ALIVE + "-StreamThread-2-consumer")))
                .isEmpty();
    }

    @Test
    void notOfAnotherApplication() {
        assertThat(ofTheDead(
                        List.of(
                                "app.a-2-" + DEAD + "-1",
                                "app.a-" + ALIVE + "-" + DEAD + "-1",
                                "app-a-" + DEAD + "-1",
                                "x-app.a-" + DEAD + "-1",
                                "app.a-" + DEAD + "-1-x",
                                "app.a-instance:" + DEAD + "-1",
                                "app.a"),
                        member("app.a-" + ALIVE + "-StreamThread-1-consumer")))
                .isEmpty();
    }

    @Test
    void ofNobodyWhereAMemberDoesNotTellItsProcess() {
        assertThat(ofTheDead(
                        List.of("app.a-" + DEAD + "-1"),
                        member("app.a-" + ALIVE + "-StreamThread-1-consumer"),
                        member("chosen-StreamThread-1-consumer")))
                .isEmpty();
        assertThat(ofTheDead(List.of("app.a-" + DEAD + "-1"))).isEmpty();
    }

    /**
     * A member with a name keeps the client id of the first process that had the name; its transactions have
     * the name too.
     */
    @Test
    void ofTheDeadBesideMembersWithNames() {
        assertThat(ofTheDead(
                        List.of("app.a-" + DEAD + "-1", "app.a-instance:one-1"),
                        member("app.a-" + DEAD + "-StreamThread-1-consumer", "one-1")))
                .containsExactly("app.a-" + DEAD + "-1");
        assertThat(ofTheDead(List.of("app.a-" + DEAD + "-1"), member("chosen-StreamThread-1-consumer", "one-1")))
                .containsExactly("app.a-" + DEAD + "-1");
    }

    private Set<String> ofTheDead(List<String> open, MemberDescription... members) {
        return transactions.ofTheDead(open, List.of(members));
    }

    private static MemberDescription member(String clientId) {
        return member(clientId, null);
    }

    private static MemberDescription member(String clientId, String instance) {
        return new MemberDescription(
                clientId + "-of-the-broker",
                Optional.ofNullable(instance),
                Optional.empty(),
                clientId,
                "/127.0.0.1",
                new MemberAssignment(Set.of()),
                Optional.empty(),
                Optional.empty(),
                Optional.empty());
    }
}
