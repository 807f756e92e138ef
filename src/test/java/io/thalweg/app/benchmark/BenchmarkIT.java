package io.thalweg.app.benchmark;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The benchmark as people run it, with the fewest rows that there can be. */
@Timeout(300)
class BenchmarkIT {
    @TempDir
    private Path directory;

    @Test
    void measuresARow() throws Exception {
        String row = "hashed-40 sgd exactly-once";
        Path out = directory.resolve("out");
        Path recordings = directory.resolve("recordings");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.thalweg.app.cli.Thalweg",
                        "benchmark",
                        "--quick",
                        "--json",
                        "--rows",
                        row,
                        "--out",
                        recordings.toString())
                .redirectOutput(out.toFile())
                .redirectError(directory.resolve("err").toFile())
                .start();
        assertThat(process.waitFor(250, TimeUnit.SECONDS)).isTrue();
        String said = Files.readString(directory.resolve("err"));
        assertThat(process.exitValue()).as(said).isZero();

        JsonNode json = new ObjectMapper().readTree(Files.readString(out));
        assertThat(json.at("/machine/heap_max_mib").asInt()).isEqualTo(512);
        assertThat(json.at("/machine/programs").asText()).contains("still being compiled");
        assertThat(json.get("ratios").fieldNames())
                .toIterable()
                .containsExactlyInAnyOrder(row + " / floor", row + " / consumer");
        assertThat(json.get("cpu_time_ratios").get(row + " / consumer").asDouble())
                .isGreaterThan(0);
        assertThat(json.get("figures")
                        .get(row + " learner records/s")
                        .get("median")
                        .asDouble())
                .isGreaterThan(0);
        assertThat(json.get("figures")
                        .get(row + " learner changelog bytes per million")
                        .asDouble())
                .isGreaterThan(0);
        assertThat(said).contains(row + " / floor", "not feasible");
        String recording = "hashed-40-sgd-exactly-once";
        assertThat(Files.list(recordings))
                .extracting(file -> file.getFileName().toString())
                .containsExactlyInAnyOrder(recording + ".jfr", recording + ".html");
        assertThat(recordings.resolve(recording + ".html")).content().contains(recording);
    }
}
