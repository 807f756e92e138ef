package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code thalweg run} as a process that is asked to stop before it has started. */
@Timeout(120)
class RunIT {
    @Test
    void aStopInTheFirstSecondsIsCleanToo() throws Exception {
        try (ServerSocket registry = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Process process = new ProcessBuilder(List.of(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            Thalweg.class.getName(),
                            "run",
                            "--set",
                            "schema.registry.url=http://127.0.0.1:" + registry.getLocalPort()))
                    .redirectErrorStream(true)
                    .start();
            try (Socket asked = registry.accept()) {
                assertThat(asked.isConnected()).isTrue();
                // not process.destroy(), which closes its output first
                process.toHandle().destroy();
                assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
                assertThat(process.exitValue()).isZero();
                assertThat(new String(process.getInputStream().readAllBytes())).doesNotContain("Exception");
            } finally {
                process.destroyForcibly();
            }
        }
    }
}
