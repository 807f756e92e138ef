package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code bin/thalweg} in a small tree of its own, with a java and a Maven that only write down that they were called.
 */
class LauncherIT {

    private static final String BUILDING =
            "Building Thalweg (first run downloads its libraries; about a minute or two) ...\n";
    private static final String ARCHIVING = "Preparing faster starts with this Java (once; up to a minute) ...\n";

    @TempDir
    private Path directory;

    private Path home;
    private Path tools;
    private Path jar;

    @BeforeEach
    void makeTree() throws IOException {
        home = Files.createDirectories(directory.resolve("home of Thalweg"));
        tools = Files.createDirectories(directory.resolve("tools"));
        for (String each : List.of("bin", "schemas", "src/main/java", "src/main/resources")) {
            Files.createDirectories(home.resolve(each));
        }
        Files.copy(Path.of("bin/thalweg"), home.resolve("bin/thalweg"));
        Files.writeString(home.resolve("pom.xml"), "<project/>");
        jar = Files.writeString(directory.resolve("some.jar"), "");

        for (String each : List.of(
                "sh",
                "cat",
                "dirname",
                "env",
                "readlink",
                "find",
                "head",
                "sed",
                "tr",
                "mkdir",
                "touch",
                "ln",
                "rm",
                "mv",
                "sleep")) {
            link(each);
        }
        java("17.0.15");
        script("javac", "");
        script("mvn", """
                echo call >>"$calls"
                echo "noise that nobody asked for"
                mkdir "$home/one-build-at-a-time" || exit 1
                sleep 1
                rmdir "$home/one-build-at-a-time"
                mkdir -p "$home/target/classes/io/thalweg/app/cli"
                touch "$home/target/classes/io/thalweg/app/cli/Thalweg.class"
                printf %s "$jar" >"$home/target/classpath.txt"
                """);
        link("rmdir");
    }

    @Test
    void buildsOnFirstUseAndLeavesInputAndOutputToTheProgram() throws Exception {
        Run run = launch("two words", "*");

        assertThat(run.exit()).isZero();
        assertThat(run.out())
                .isEqualTo("-XX:+ExitOnOutOfMemoryError|-XX:MaxNewSize=128m|-Dx=*|-cp|" + jar + ":"
                        + home.resolve("target/classes") + "|io.thalweg.app.cli.Thalweg|two words|*|\npid " + run.pid()
                        + "\ninput\n");
        assertThat(run.err()).isEqualTo(BUILDING + ARCHIVING);
    }

    @Test
    void worksThroughSymbolicLinks() throws Exception {
        Path near = Files.createSymbolicLink(home.resolve("near"), Path.of("bin/thalweg"));
        Path far = Files.createSymbolicLink(directory.resolve("far"), near);
        assertThat(await(start(far.toString())).exit()).isZero();
    }

    @Test
    void buildsAgainOnlyIfSomethingChanged() throws Exception {
        launch();
        assertThat(launch().err()).isEmpty();
        assertThat(calls()).isOne();

        Path source = Files.writeString(home.resolve("src/main/java/New.java"), "");
        assertThat(launch().err()).isEqualTo(BUILDING);
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plus(Duration.ofMinutes(1))));
        assertThat(launch().err()).isEqualTo(BUILDING);
        Files.delete(source);
        assertThat(launch().err()).isEqualTo(BUILDING);
        assertThat(launch().err()).isEmpty();

        Files.delete(jar);
        assertThat(launch().err()).isEqualTo(BUILDING);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void threeAtOnceBuildOnce(boolean flock) throws Exception {
        if (flock) {
            link("flock");
        }
        List<Process> launchers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            launchers.add(start(home.resolve("bin/thalweg").toString()));
        }
        for (Process launcher : launchers) {
            assertThat(await(launcher).exit()).isZero();
        }
        assertThat(calls()).isOne();
    }

    @Test
    void aLockWhoseHolderIsGoneDoesNotHold() throws Exception {
        Process gone = new ProcessBuilder("true").start();
        gone.waitFor();
        Files.createDirectories(home.resolve("target"));
        Files.createSymbolicLink(home.resolve("target/launcher.lock"), Path.of("pid-" + gone.pid()));
        assertThat(launch().exit()).isZero();
        assertThat(home.resolve("target/launcher.lock")).doesNotExist();
    }

    @Test
    void aFailedBuildSaysWhyAndWhere() throws Exception {
        script("mvn", "echo '[ERROR] Flights.java is not Java'; exit 1");
        Run run = launch();
        assertThat(run.exit()).isEqualTo(127);
        assertThat(run.out()).isEmpty();
        assertThat(run.err())
                .isEqualTo(BUILDING
                        + "[ERROR] Flights.java is not Java\n"
                        + "thalweg: the build failed. The output of Maven is above and in "
                        + home.resolve("target/launcher-build.log") + ".\n");
    }

    @ParameterizedTest
    @CsvSource({"java,no java on PATH", "javac,without a compiler", "mvn,no mvn on PATH"})
    void saysWhatIsMissing(String tool, String message) throws Exception {
        Files.delete(tools.resolve(tool));
        Run run = launch();
        assertThat(run.exit()).isEqualTo(127);
        assertThat(run.err()).contains(message).hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource({"1.8.0_402,8", "11.0.22,11", "16,16"})
    void refusesAnOldJava(String version, String major) throws Exception {
        java(version);
        Run run = launch();
        assertThat(run.exit()).isEqualTo(127);
        assertThat(run.err())
                .contains("java is Java " + major + ". Install a JDK 17 or later")
                .hasLineCount(1);
    }

    @Test
    void aWrongJavaHomeIsNamed() throws Exception {
        Process launcher = start(builder -> builder.environment().put("JAVA_HOME", "/no/such/jdk"));
        assertThat(await(launcher).err()).contains("JAVA_HOME is /no/such/jdk").hasLineCount(1);
    }

    @Test
    void aDistributionNeedsNeitherMavenNorACompiler() throws Exception {
        Files.delete(tools.resolve("mvn"));
        Files.delete(tools.resolve("javac"));
        String jars = distribution();
        Run run = launch();
        assertThat(run.exit()).isZero();
        assertThat(run.out()).contains("|-cp|" + jars + "|io.thalweg.app.cli.Thalweg|");
        assertThat(run.err()).isEqualTo(ARCHIVING);
        assertThat(launch().err()).isEmpty();

        Files.delete(tools.resolve("java"));
        assertThat(launch().err()).contains("Install Java 17 or later").hasLineCount(1);
    }

    @Test
    void aDistributionWithoutItsJarsSaysSo() throws Exception {
        distribution();
        Files.delete(home.resolve("lib/a.jar"));
        Files.delete(home.resolve("lib/b.jar"));
        Run run = launch();
        assertThat(run.exit()).isEqualTo(127);
        assertThat(run.err()).contains("no jars in " + home.resolve("lib")).hasLineCount(1);
    }

    @Test
    void archivesTheClassesOfTheLibrariesWhenTheseChange() throws Exception {
        javaThatArchives("17.0.15");
        String option = "|-XX:SharedArchiveFile=" + home.resolve("target/thalweg.jsa") + "|-Dx=*|";
        assertThat(launch().out()).contains(option);
        assertThat(archived()).isOne();

        Path source = Files.writeString(home.resolve("src/main/java/New.java"), "");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plus(Duration.ofMinutes(1))));
        assertThat(launch().out()).contains(option);
        assertThat(archived()).isOne();
        assertThat(home.resolve("target")).isDirectoryNotContaining("glob:**thalweg.jsa.{list,new,data}");
    }

    @Test
    void anArchiveOfAnotherJavaIsMadeAnewAndNeverUsed() throws Exception {
        String jars = distribution();
        String option = "|-XX:SharedArchiveFile=" + home.resolve("lib/thalweg.jsa") + "|-Dx=*|-cp|" + jars;
        javaThatArchives("17.0.15");
        assertThat(launch().out()).contains(option);
        javaThatArchives("21.0.1");
        assertThat(launch().out()).contains(option);
        assertThat(archived()).isEqualTo(2);

        // one that can't: it is not asked again, and nothing is said a second time
        java("25");
        Run first = launch();
        assertThat(first.out()).doesNotContain("SharedArchiveFile");
        assertThat(first.err()).isEqualTo(ARCHIVING);
        Run second = launch();
        assertThat(second.out()).doesNotContain("SharedArchiveFile");
        assertThat(second.err()).isEmpty();
    }

    @Test
    void aDirectoryOfSomebodyElseIsLeftAsItIs() throws Exception {
        distribution();
        javaThatArchives("17.0.15");
        Files.setPosixFilePermissions(home.resolve("lib"), PosixFilePermissions.fromString("r-xr-xr-x"));
        List<String> command = new ArrayList<>();
        if (Files.isWritable(home.resolve("lib"))) {
            // what holds others back does not hold root
            Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
            link("setpriv");
            command.addAll(
                    List.of(tools.resolve("setpriv").toString(), "--reuid=65534", "--regid=65534", "--clear-groups"));
        }
        command.add(home.resolve("bin/thalweg").toString());
        Run run = await(start(command.toArray(String[]::new)));
        assertThat(run.exit()).isZero();
        assertThat(run.out()).doesNotContain("SharedArchiveFile");
        assertThat(run.err()).isEmpty();
    }

    @Test
    void settingsOfTheClusterAreNotThoseOfTheArchive() throws Exception {
        distribution();
        java("17.0.15");
        String script = Files.readString(tools.resolve("java"));
        Files.writeString(
                tools.resolve("java"),
                script.replaceFirst("\n", "\necho \"\\$1 \\${THALWEG_LABEL:-none}\" >>\"\\$0.saw\"\n"));
        await(start(builder -> builder.environment().put("THALWEG_LABEL", "delay > 15")));
        assertThat(Files.readAllLines(tools.resolve("java.saw")))
                .satisfiesExactly(
                        version -> assertThat(version).startsWith("-version"),
                        rehearsal -> assertThat(rehearsal)
                                .startsWith("-XX:DumpLoadedClassList")
                                .endsWith(" none"),
                        dump -> assertThat(dump).isEqualTo("-Xshare:dump none"),
                        program -> assertThat(program).endsWith(" delay > 15"));
    }

    /** Makes the tree what is unpacked, and returns its class path. */
    private String distribution() throws IOException {
        Files.delete(home.resolve("pom.xml"));
        Path lib = Files.createDirectories(home.resolve("lib"));
        return Files.writeString(lib.resolve("a.jar"), "") + ":" + Files.writeString(lib.resolve("b.jar"), "");
    }

    private record Run(int exit, String out, String err, long pid) {}

    private Run launch(String... arguments) throws Exception {
        List<String> command =
                new ArrayList<>(List.of(home.resolve("bin/thalweg").toString()));
        command.addAll(List.of(arguments));
        return await(start(command.toArray(String[]::new)));
    }

    private Process start(String... command) throws IOException {
        return start(builder -> builder.command(command));
    }

    private interface Change {
        void to(ProcessBuilder builder);
    }

    private Process start(Change change) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(home.resolve("bin/thalweg").toString()).directory(directory.toFile());
        builder.environment().clear();
        builder.environment().put("PATH", tools.toString());
        builder.environment().put("THALWEG_OPTS", "-Dx=*");
        change.to(builder);
        Process launcher = builder.start();
        try (var input = launcher.outputWriter()) {
            input.write("input\n");
        } catch (IOException e) {
            // a launcher that stops early does not read
        }
        return launcher;
    }

    private static Run await(Process launcher) throws Exception {
        try {
            assertThat(launcher.waitFor(60, TimeUnit.SECONDS)).isTrue();
            return new Run(
                    launcher.exitValue(),
                    new String(launcher.getInputStream().readAllBytes()),
                    new String(launcher.getErrorStream().readAllBytes()),
                    launcher.pid());
        } finally {
            launcher.destroyForcibly();
        }
    }

    private int calls() throws IOException {
        return Files.readAllLines(directory.resolve("calls")).size();
    }

    private void java(String version) throws IOException {
        script("java", """
                if [ "$1" = -version ]; then
                  echo 'Picked up JAVA_TOOL_OPTIONS: -Dfile.encoding=UTF-8' >&2
                  echo 'openjdk version "%s" 2025-04-15' >&2
                  exit
                fi
                printf '%%s|' "$@"; echo
                echo "pid $$"
                cat
                """.formatted(version));
    }

    /** One that also makes archives. */
    private void javaThatArchives(String version) throws IOException {
        java(version);
        String before = Files.readString(tools.resolve("java"));
        String archives = """
                for option in "$@"; do
                  case $option in
                    -Xshare:dump) echo archived >>"$calls.archives" ;;
                    -XX:SharedArchiveFile=*.new) echo archive >"${option#*=}" ;;
                  esac
                done
                """;
        Files.writeString(
                tools.resolve("java"), before.replace("if [ \"$1\" = -version", archives + "if [ \"$1\" = -version"));
    }

    private int archived() throws IOException {
        return Files.readAllLines(directory.resolve("calls.archives")).size();
    }

    private void script(String name, String body) throws IOException {
        Path file = tools.resolve(name);
        Files.deleteIfExists(file);
        Files.writeString(
                file,
                "#!/bin/sh\nhome='" + home + "' jar='" + jar + "' calls='" + directory.resolve("calls") + "'\n" + body);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** Makes one of the machine's own tools available, so that no other can be found. */
    private void link(String tool) throws IOException {
        for (String place : System.getenv("PATH").split(":")) {
            Path file = Path.of(place, tool);
            if (Files.isExecutable(file)) {
                Files.createSymbolicLink(tools.resolve(tool), file);
                return;
            }
        }
        throw new IOException("there is no " + tool + " on PATH");
    }
}
