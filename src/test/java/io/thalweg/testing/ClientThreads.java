package io.thalweg.testing;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/** The threads of the clients of Kafka in this process. */
public final class ClientThreads {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Pattern NAME =
            Pattern.compile("kafka-(admin-client|producer-network|coordinator-heartbeat)-thread.*"
                    + "|.*-(StreamThread|StateUpdater)-\\d+.*");

    private final Set<Long> before;

    private ClientThreads(Set<Long> before) {
        this.before = before;
    }

    /** Notes the threads that there are now, which others have left. */
    public static ClientThreads before() {
        return new ClientThreads(found().map(Thread::getId).collect(Collectors.toSet()));
    }

    /** Checks that all clients since then were closed, after the brokers were. */
    public void assertNoneSince() {
        Awaitility.await("clients are still open")
                .atMost(PATIENCE)
                .until(
                        () -> found().filter(thread -> !before.contains(thread.getId()))
                                .map(Thread::getName)
                                .toList(),
                        List::isEmpty);
    }

    private static Stream<Thread> found() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> NAME.matcher(thread.getName()).matches());
    }
}
