package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The build, made a second time in another directory. */
@Timeout(600)
class ReproducibleIT {
    @Test
    void theSameSourcesGiveTheSameBytes(@TempDir Path directory) throws Exception {
        Path first = Path.of(System.getProperty("thalweg.distribution")).getParent();
        Path second = directory.resolve("target");
        Path log = directory.resolve("log");
        // offline, whether the first was or not: that must make no difference, not even to the bill of materials
        List<String> command =
                List.of("mvn", "-B", "-q", "-o", "-Dmaven.test.skip=true", "-Doutput.directory=" + second, "package");
        Process maven = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        assertThat(maven.waitFor(500, TimeUnit.SECONDS)).isTrue();
        assertThat(maven.exitValue()).as(Files.readString(log)).isZero();

        List<Path> made;
        try (Stream<Path> files = Files.list(second)) {
            made = files.filter(file -> file.toString().matches(".*\\.(jar|tar\\.gz)|.*/bom\\.json"))
                    .toList();
        }
        assertThat(made)
                .as("library, program and registry client; distribution and bill of materials")
                .hasSize(5)
                .allSatisfy(file -> assertThat(file)
                        .hasSameBinaryContentAs(first.resolve(file.getFileName().toString())));
    }
}
