package io.thalweg.testing;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;

/** The threads of the clients of Kafka in this process. */
public final class ClientThreads {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Pattern NAME =
            Pattern.compile("kafka-(admin-client|producer-network|coordinator-heartbeat)-thread.*"
                    + "|.*-(StreamThread|StateUpdater)-\\d+.*");

    private ClientThreads() {}

    /** Checks that all clients were closed, after the brokers were. */
    public static void assertNone() {
        Awaitility.await("clients are still open").atMost(PATIENCE).until(ClientThreads::names, List::isEmpty);
    }

    private static List<String> names() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(NAME.asMatchPredicate())
                .toList();
    }
}
