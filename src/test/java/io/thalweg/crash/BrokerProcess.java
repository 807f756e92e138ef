package io.thalweg.crash;

import io.thalweg.app.local.EmbeddedBroker;
import java.nio.file.Path;

/** A Kafka broker in a process of its own. */
final class BrokerProcess {
    private BrokerProcess() {}

    /** @param args directory and port */
    public static void main(String[] args) {
        JavaProcess.endWithParent();
        EmbeddedBroker.start(Path.of(args[0]), Integer.parseInt(args[1]))
                .failed()
                .toCompletableFuture()
                .join();
        Runtime.getRuntime().halt(1);
    }
}
