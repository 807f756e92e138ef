package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Builds and runs {@code src/test/consumer}, a project that depends on our jar as it would be released. */
class LibraryIT {

    private static final Path BUILD = Path.of("target/consumer").toAbsolutePath();

    @Test
    void worksWithoutCommandLineBrokerAndRegistry() throws Exception {
        copyTree(Path.of("src/test/consumer"), BUILD);
        release();
        Path classPathFile = BUILD.resolve("target/classpath.txt");

        run(
                List.of(
                        Path.of(System.getProperty("maven.home"), "bin/mvn").toString(),
                        "--batch-mode",
                        "--quiet",
                        "--global-settings",
                        settings().toString(),
                        "-Dmaven.repo.local=" + repository(),
                        "-Dthalweg.version=" + System.getProperty("thalweg.version"),
                        "-Dkafka.version=" + System.getProperty("kafka.version"),
                        "-Dmdep.outputFile=" + classPathFile,
                        "compile",
                        "dependency:build-classpath"),
                10);

        String classPath = Files.readString(classPathFile);
        assertThat(Arrays.stream(classPath.split(File.pathSeparator))
                        .map(jar -> Path.of(jar).getFileName().toString()))
                .contains("thalweg-" + System.getProperty("thalweg.version") + ".jar")
                .noneMatch(jar -> jar.matches(
                        "(picocli|javalin|logback|commons-csv|kafka_|kafka-server|kafka-metadata|pinot).*"));

        String output = run(
                List.of(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-cp",
                        BUILD.resolve("target/classes") + File.pathSeparator + classPath,
                        "com.example.Consumer"),
                1);
        // three steps at α = 0.5 on x = 2, y = 1: z is 0, then w·x + b = 0.5·2 + 0.25
        assertThat(output).contains("KeyValue(model, 0.5), KeyValue(model, 0.777299861174691");
    }

    /** Where the consumer's Maven looks first: in what this build has downloaded, and only then elsewhere. */
    private static Path settings() throws IOException {
        String here =
                """
                <id>already-here</id><url>%s</url><releases><checksumPolicy>ignore</checksumPolicy></releases>\
                """.formatted(Path.of(System.getProperty("maven.repository")).toUri());
        return Files.writeString(BUILD.resolve("settings.xml"), """
                <settings>
                  <profiles>
                    <profile>
                      <id>already-here</id>
                      <repositories><repository>%1$s</repository></repositories>
                      <pluginRepositories><pluginRepository>%1$s</pluginRepository></pluginRepositories>
                    </profile>
                  </profiles>
                  <activeProfiles><activeProfile>already-here</activeProfile></activeProfiles>
                </settings>
                """.formatted(here));
    }

    /** A local repository of the consumer's own, so that the jar under test never gets into the user's. */
    private static Path repository() {
        return BUILD.resolve("repository");
    }

    private static void release() throws IOException {
        String version = System.getProperty("thalweg.version");
        Path release = Files.createDirectories(repository().resolve("io/thalweg/thalweg/" + version));
        String name = "thalweg-" + version;
        Files.copy(
                Path.of(System.getProperty("thalweg.jar")),
                release.resolve(name + ".jar"),
                StandardCopyOption.REPLACE_EXISTING);
        Files.copy(Path.of("pom.xml"), release.resolve(name + ".pom"), StandardCopyOption.REPLACE_EXISTING);
    }

    private static void copyTree(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Path copy = to.resolve(from.relativize(file));
                if (Files.isDirectory(file)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
    }

    private static String run(List<String> command, long minutes) throws Exception {
        Path log = BUILD.resolve("output.txt");
        Process process = new ProcessBuilder(command)
                .directory(BUILD.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            assertThat(process.waitFor(minutes, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        String output = Files.readString(log);
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }
}
