package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.testing.ProgramLog;
import io.thalweg.testing.Programs;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code thalweg local} as a process: what it prints works, what it keeps is there again, and it stops when asked. */
@Timeout(300)
class LocalIT {
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    @TempDir
    private Path directory;

    private final List<Process> processes = new ArrayList<>();
    private int number;

    @AfterEach
    void endProcesses() throws InterruptedException {
        for (Process process : processes) {
            process.destroyForcibly().waitFor();
        }
    }

    /** A process, with what it prints. */
    private record Local(Process process, Path out, Path err) {
        String printed() throws IOException {
            return Files.readString(out);
        }

        String find(String pattern) throws IOException {
            Matcher matcher = Pattern.compile(pattern).matcher(printed());
            assertThat(matcher.find()).as("%s in %s", pattern, printed()).isTrue();
            return matcher.group(1);
        }

        int stop() throws InterruptedException {
            process.destroy();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("it stops").isTrue();
            return process.exitValue();
        }

        /** The options in the commands that it prints. */
        String[] options() throws IOException {
            return find("bin/thalweg verify(.*)").strip().split(" ");
        }
    }

    private Local local(String... arguments) throws IOException {
        number++;
        Path out = directory.resolve(number + ".out");
        Path err = directory.resolve(number + ".err");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-Dlogback.configurationFile=" + ProgramLog.CONFIGURATION,
                "-cp",
                System.getProperty("java.class.path"),
                Thalweg.class.getName(),
                "local",
                "--data",
                directory.resolve("data").toString()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        processes.add(process);
        return new Local(process, out, err);
    }

    private Local started(String... arguments) throws IOException {
        Local local = local(arguments);
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() ->
                        local.printed().contains("kcat") || !local.process().isAlive());
        assertThat(local.process().isAlive())
                .as("%s", Files.readString(local.err()))
                .isTrue();
        return local;
    }

    /** Nothing that is healthy is logged as if it were not. */
    private static void assertCalm(Local local) throws IOException {
        assertThat(Files.readAllLines(local.err())).noneMatch(line -> line.matches(".* (WARN|ERROR) .*|.*Exception.*"));
    }

    private static List<String> thalweg(String[] options, String... arguments) {
        return CommandRun.of(Stream.concat(Arrays.stream(arguments), Arrays.stream(options))
                        .toArray())
                .is(0)
                .out();
    }

    @Test
    void whatItKeepsIsThereAgainAndItStopsCleanlyWhenAsked() throws Exception {
        Path file = Files.writeString(directory.resolve("x.csv"), "sunny,label\n1,1\n1,1\n");

        Local first = started("--port", "0", "--registry-port", "0", "--set", "learning.rate=0.5");
        assertThat(first.options()).contains("learning.rate=0.5");
        assertThat(Files.readString(first.err()))
                .contains("Starting a broker and a schema registry", "Starting the learner ...");
        thalweg(first.options(), "produce", file.toString());
        thalweg(first.options(), "watch", "predictions", "--from-beginning", "--limit", "2");
        String registry = first.find("registry +(http://localhost:\\d+)\n");
        HttpResponse<String> schema = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(first.find("curl -s (\\S+)")))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(schema.statusCode()).isEqualTo(200);
        assertThat(schema.body()).contains("io.thalweg.avro");

        HttpResponse<String> page = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(first.find("page +(http://localhost:\\d+)\n") + "/v1/models"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(page.statusCode()).isEqualTo(200);
        assertThat(page.body()).contains("\"total\":1");

        Local second = local("--port", "0", "--registry-port", "0");
        assertThat(second.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(second.process().exitValue()).isEqualTo(3);
        assertThat(Files.readAllLines(second.err()))
                .filteredOn(line -> line.startsWith("thalweg: "))
                .singleElement()
                .asString()
                .contains("another broker uses this directory");
        assertThat(second.printed()).isEmpty();

        assertThat(first.stop()).as("%s", Files.readString(first.err())).isZero();
        assertCalm(first);

        Local again = started(
                "--port",
                first.find("broker +localhost:(\\d+)"),
                "--registry-port",
                registry.substring(registry.lastIndexOf(':') + 1),
                "--set",
                "learning.rate=0.5");
        assertThat(again.options()).isEqualTo(first.options());
        thalweg(again.options(), "produce", file.toString());
        List<String> versions =
                thalweg(again.options(), "watch", "predictions", "--from-beginning", "--limit", "4", "--json");
        assertThat(versions)
                .extracting(line -> line.replaceAll(".*\"version\":(\\d+).*", "$1"))
                .containsExactly("0", "1", "2", "3");
        assertThat(thalweg(again.options(), "verify")).last().asString().startsWith("MATCHES");
        assertThat(again.stop()).isZero();
        assertCalm(again);

        Local refused = local("--port", "0", "--registry-port", "0", "--set", "features.space.bits=18");
        assertThat(refused.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(refused.process().exitValue()).isEqualTo(4);
        assertThat(Files.readString(refused.err()))
                .contains("features.space.bits", "thalweg reset", "`thalweg local --no-learner` runs it");
    }

    @Test
    void inJsonThereIsNoRegistryAndWhatItPrintsFits() throws Exception {
        Programs.find("kcat", "kcat");
        Local local = started(
                "--port",
                "0",
                "--set",
                "examples.format=json",
                "--set",
                "output.format=json",
                "--set",
                "label=returned");
        assertThat(local.printed()).doesNotContain("registry", "curl", "produce", "-f ");
        assertThat(directory.resolve("data").resolve("schemas.jsonl")).doesNotExist();
        Path place = Files.createDirectories(directory.resolve("place"));
        Files.writeString(place.resolve("EVENTS.jsonl"), "{\"a\":1,\"returned\":1}\n{\"a\":2,\"returned\":0}\n");

        Programs.run(place, Programs.find("sh", "dash"), "-c", local.find("(kcat -P .*)"));

        String[] options = local.options();
        thalweg(options, "watch", "predictions", "--from-beginning", "--limit", "2");
        assertThat(Programs.run(place, Programs.find("sh", "dash"), "-c", local.find("(kcat -C .*)"))
                        .lines())
                .hasSize(2)
                .allMatch(line -> line.startsWith("{\"") && line.contains("\"probability\""));
        assertThat(local.stop()).isZero();
    }

    @Test
    void withoutALearnerThereIsNobodyToStopAReset() throws Exception {
        Local local = started("--port", "0", "--registry-port", "0", "--no-learner");

        assertThat(local.printed()).contains("bin/thalweg reset", "bin/thalweg run");
        String[] options = local.find("bin/thalweg reset(.*)").strip().split(" ");
        assertThat(thalweg(options, "reset", "--yes"))
                .containsExactly("there is nothing to delete for learner thalweg");
        assertThat(local.stop()).isZero();
        assertCalm(local);
    }

    @Test
    void aResetAndANewBeginningAreNoCauseForAlarm() throws Exception {
        StringBuilder rows = new StringBuilder("x,label\n");
        for (int i = 0; i < 2000; i++) {
            rows.append(i % 7 - 3).append(',').append(i % 2).append('\n');
        }
        Path file = Files.writeString(directory.resolve("x.csv"), rows);
        Local first = started("--port", "0", "--registry-port", "0", "--set", "algorithm=auto");
        thalweg(first.options(), "produce", file.toString());
        thalweg(first.options(), "watch", "predictions", "--from-beginning", "--limit", "2000");
        assertThat(first.stop()).isZero();

        Local without = started("--port", "0", "--registry-port", "0", "--no-learner");
        String[] options = without.find("bin/thalweg reset(.*)").strip().split(" ");
        thalweg(options, "reset", "--yes");
        assertThat(without.stop()).isZero();

        Local second = started("--port", "0", "--registry-port", "0", "--set", "algorithm=auto");
        thalweg(second.options(), "watch", "predictions", "--from-beginning", "--limit", "2000");
        assertThat(thalweg(second.options(), "verify")).last().asString().startsWith("MATCHES");
        assertThat(second.stop()).isZero();
        for (Local each : List.of(first, without, second)) {
            assertCalm(each);
        }
    }
}
