package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is packed to be downloaded, on a machine that has a Java and the usual tools, but neither Maven nor a compiler.
 */
class DistributionIT {
    private static final String NAME = "thalweg-" + System.getProperty("thalweg.version");

    @TempDir
    private static Path directory;

    private static Path home;
    private static Path tools;

    private record Run(int exitCode, List<String> out, String err) {}

    @BeforeAll
    static void unpack() throws Exception {
        Process tar = new ProcessBuilder("tar", "xzf", System.getProperty("thalweg.distribution"))
                .directory(directory.toFile())
                .inheritIO()
                .start();
        assertThat(tar.waitFor()).isZero();
        home = directory.resolve(NAME);

        tools = Files.createDirectory(directory.resolve("tools"));
        Path java = Path.of(ProcessHandle.current().info().command().orElseThrow());
        Files.createSymbolicLink(tools.resolve("java"), java);
        for (String tool : List.of("sh", "cat", "dirname", "env", "head", "ln", "mv", "readlink", "rm", "sed")) {
            Files.createSymbolicLink(tools.resolve(tool), find(tool));
        }
    }

    @Test
    void oneFolderHoldsAllOfIt() throws IOException {
        try (Stream<Path> unpacked = Files.list(directory)) {
            assertThat(unpacked).containsExactlyInAnyOrder(home, tools);
        }
        assertThat(home.resolve("bin/thalweg")).isExecutable();
        for (String each : List.of("LICENSE", "NOTICE", "README.md", "schemas/example.avsc")) {
            assertThat(home.resolve(each)).hasSameBinaryContentAs(Path.of(each));
        }
        assertThat(jars())
                .contains(NAME + ".jar", NAME + "-program.jar", NAME + "-registry-client.jar")
                .anyMatch(jar -> jar.startsWith("kafka-streams-"))
                .anyMatch(jar -> jar.startsWith("avro-"))
                .noneMatch(jar -> jar.matches("(junit|assertj|archunit|awaitility|jmh|kafka-streams-test).*"));
    }

    @Test
    void everyLibraryHasItsPlaceInTheNotice() throws IOException {
        String notice = Files.readString(home.resolve("NOTICE"));
        List<String> named = Arrays.stream(notice.split("[\\s,;]+"))
                .filter(word -> word.matches("[\\w.*-]+"))
                .map(word -> word.replace(".", "\\.").replace("*", ".*"))
                .toList();
        assertThat(jars())
                .filteredOn(jar -> !jar.startsWith(NAME))
                .isNotEmpty()
                .allSatisfy(jar -> assertThat(named).anyMatch(word -> jar.matches(word + "-\\d[\\w.-]*\\.jar")));
    }

    @Test
    void theBillOfMaterialsHasEveryLibrary() throws IOException {
        assumeThat("offline-true".equals(System.getProperty("thalweg.maven")))
                .as("Maven is offline, and makes no bill of materials")
                .isFalse();
        List<String> listed = new ArrayList<>();
        for (JsonNode component :
                new ObjectMapper().readTree(home.resolve("bom.json").toFile()).get("components")) {
            listed.add(component.get("name").asText() + "-"
                    + component.get("version").asText());
            assertThat(component.get("hashes")).as("%s", component).isNotEmpty();
        }
        assertThat(jars())
                .filteredOn(jar -> !jar.startsWith(NAME))
                .allSatisfy(jar -> assertThat(listed).anyMatch(name -> jar.startsWith(name)));
        assertThat(listed).noneMatch(name -> name.startsWith("junit"));
    }

    @Test
    void theDemoRunsAndBothReplaysMatch() throws Exception {
        assertThat(run("--version").out()).containsExactly("thalweg " + System.getProperty("thalweg.version"));

        Run demo = run("demo", "--json");
        assertThat(demo.exitCode()).as(demo.err()).isZero();
        JsonNode models = new ObjectMapper()
                .readTree(demo.out().get(demo.out().size() - 1))
                .path("models");
        for (String algorithm : List.of("sgd", "auto")) {
            JsonNode learned = models.path(algorithm);
            assertThat(learned.path("predictions").asInt()).isEqualTo(100_000);
            assertThat(learned.path("replay_matches").asBoolean())
                    .as(demo.err())
                    .isTrue();
        }
    }

    private static List<String> jars() throws IOException {
        try (Stream<Path> jars = Files.list(home.resolve("lib"))) {
            return jars.map(jar -> jar.getFileName().toString())
                    .filter(name -> name.endsWith(".jar"))
                    .toList();
        }
    }

    private static Path find(String tool) throws IOException {
        for (String place : System.getenv("PATH").split(":")) {
            Path file = Path.of(place, tool);
            if (Files.isExecutable(file)) {
                return file;
            }
        }
        throw new IOException("there is no " + tool + " on PATH");
    }

    private static Run run(String... arguments) throws Exception {
        List<String> command =
                new ArrayList<>(List.of(home.resolve("bin/thalweg").toString()));
        command.addAll(List.of(arguments));
        Path out = directory.resolve("tools/out");
        Path err = directory.resolve("tools/err");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().clear();
        builder.environment().put("PATH", tools.toString());
        Process process = builder.start();
        try {
            assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        return new Run(process.exitValue(), Files.readAllLines(out), Files.readString(err));
    }
}
