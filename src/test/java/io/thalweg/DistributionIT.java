package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
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
    void theBillOfMaterialsHasEveryLibraryAndNothingElse() throws IOException {
        List<String> listed = new ArrayList<>();
        JsonNode components = bill();
        components.forEach(component -> listed.add(nameOf(component) + ".jar"));
        assertThat(listed)
                .doesNotHaveDuplicates()
                .containsAll(
                        jars().stream().filter(jar -> !jar.startsWith(NAME)).toList());
        // what is in jars of this project
        listed.removeAll(jars());
        assertThat(listed)
                .hasSize(2)
                .anyMatch(name -> name.startsWith("uplot-"))
                .anyMatch(name -> name.startsWith("pinot-confluent-avro-"));
        assertThat(components).allSatisfy(component -> {
            assertThat(component.get("licenses")).as("%s", component).isNotEmpty();
            assertThat(component.get("purl").asText()).startsWith("pkg:");
        });
        assertThat(components)
                .filteredOn(component -> !component.get("name").asText().equals("uplot"))
                .allSatisfy(component ->
                        assertThat(component.get("hashes")).as("%s", component).isNotEmpty());
    }

    @Test
    void theBillOfMaterialsHasWhatIsUnpackedIntoOurJars() throws IOException {
        JsonNode components = bill();
        JsonNode carrier = component(components, "pinot-confluent-avro");
        Map<String, String> packages = Map.of(
                "io/confluent/kafka/schemaregistry/", "kafka-schema-registry-client",
                "io/confluent/kafka/serializers/", "kafka-avro-serializer",
                "org/apache/pinot/shaded/com/google/common/", "guava",
                "org/apache/pinot/shaded/com/fasterxml/jackson/core/", "jackson-core",
                "org/apache/pinot/shaded/com/fasterxml/jackson/annotation/", "jackson-annotations",
                "org/apache/pinot/shaded/com/fasterxml/jackson/databind/", "jackson-databind",
                "org/apache/pinot/shaded/com/fasterxml/jackson/dataformat/", "jackson-dataformat-csv",
                "org/apache/pinot/shaded/com/fasterxml/jackson/datatype/", "jackson-datatype-jdk8");
        try (JarFile jar =
                new JarFile(home.resolve("lib/" + NAME + "-registry-client.jar").toFile())) {
            assertThat(jar.stream().map(JarEntry::getName).filter(name -> name.endsWith(".class")))
                    .isNotEmpty()
                    .allSatisfy(name -> assertThat(packages.keySet()).anyMatch(name::startsWith));
            for (String library : packages.values()) {
                JsonNode listed = component(carrier.get("components"), library);
                Properties said = new Properties();
                try (InputStream in = jar.getInputStream(jar.getEntry("META-INF/maven/%s/%s/pom.properties"
                        .formatted(listed.get("group").asText(), library)))) {
                    said.load(in);
                }
                assertThat(said).containsEntry("version", listed.get("version").asText());
            }
        }
        try (JarFile jar =
                new JarFile(home.resolve("lib/" + NAME + "-program.jar").toFile())) {
            String charts =
                    new String(jar.getInputStream(jar.getEntry("io/thalweg/app/serve/page/uplot/uPlot.iife.min.js"))
                            .readAllBytes());
            assertThat(charts)
                    .contains(
                            "(v" + component(components, "uplot").get("version").asText() + ")");
        }
    }

    private static JsonNode bill() throws IOException {
        return new ObjectMapper().readTree(home.resolve("bom.json").toFile()).get("components");
    }

    private static String nameOf(JsonNode component) {
        return component.get("name").asText() + "-" + component.get("version").asText();
    }

    private static JsonNode component(JsonNode components, String name) {
        return StreamSupport.stream(components.spliterator(), false)
                .filter(component -> component.get("name").asText().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError(name + " is not listed"));
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
