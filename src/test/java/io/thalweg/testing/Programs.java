package io.thalweg.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Programs that tests need and that a machine may not have. */
public final class Programs {
    private Programs() {}

    /**
     * Returns a program.
     *
     * @param name the name of the program
     * @param from the Debian package that has it. Without it the test is skipped, except with
     *     {@code -Dthalweg.programs=required}, which .ci/run sets
     */
    public static Path find(String name, String from) {
        Path found = Stream.of(System.getenv("PATH").split(":"))
                .map(place -> Path.of(place, name))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
        String missing = "there is no %s on PATH; install the Debian package %s to run this test".formatted(name, from);
        if ("required".equals(System.getProperty("thalweg.programs"))) {
            assertThat(found).as(missing).isNotNull();
        }
        assumeTrue(found != null, missing);
        return found;
    }

    /** Runs a program that must succeed, and returns what it prints. */
    public static String run(Path directory, Path program, String... arguments)
            throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Stream.concat(Stream.of(program.toString()), Stream.of(arguments))
                        .toList())
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor())
                .as("%s %s: %s", program, List.of(arguments), printed)
                .isZero();
        return printed;
    }
}
