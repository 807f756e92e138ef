package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.testing.FreePort;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.awaitility.Awaitility;

/** A broker in a process of its own, that can be killed, started again on what it left, stopped and continued. */
final class Cluster implements AutoCloseable {
    private final Path directory;
    private final int port = FreePort.find();
    private final Admin admin = Admin.create(Map.of(
            AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG,
            bootstrapServers(),
            AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG,
            5000,
            AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG,
            3000));
    private JavaProcess broker;

    Cluster(Path directory) {
        this.directory = directory;
        start();
    }

    String bootstrapServers() {
        return "127.0.0.1:" + port;
    }

    Path directory() {
        return directory;
    }

    Admin admin() {
        return admin;
    }

    /** Starts the broker, and waits until it answers. */
    void start() {
        broker = JavaProcess.start(
                "broker-" + directory.getFileName() + "-" + System.nanoTime(),
                "512m",
                null,
                BrokerProcess.class,
                List.of(directory.toString(), String.valueOf(port)));
        Awaitility.await("an answer of " + broker)
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(100))
                .ignoreExceptionsMatching(e -> !(e instanceof AssertionError))
                .until(() -> {
                    assertThat(broker).matches(JavaProcess::isAlive);
                    return admin.describeCluster().nodes().get().size() == 1;
                });
    }

    JavaProcess broker() {
        return broker;
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
        broker.close();
    }
}
