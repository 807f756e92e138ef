package io.thalweg.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The images that Dockerfile and docker-compose.yml are made of. */
class ImagesTest {
    private static final Pattern IMAGE = Pattern.compile("(?m)^(?: *image: *|FROM +)(?<image>\\S+)");

    /** Built here, from the Dockerfile. */
    private static final String OWN = "thalweg:local";

    private static final String DIGEST = "sha256:" + "0123456789abcdef".repeat(4);

    private static List<String> images(Path root) throws IOException {
        List<String> images = new ArrayList<>();
        for (String file : List.of("Dockerfile", "docker-compose.yml")) {
            IMAGE.matcher(Files.readString(root.resolve(file)))
                    .results()
                    .map(found -> found.group(1))
                    .filter(image -> !image.equals(OWN))
                    .forEach(images::add);
        }
        return images;
    }

    @Test
    void eachImageHasAVersionAndADigest() throws IOException {
        assertThat(images(Path.of("")))
                .isNotEmpty()
                .allMatch(image -> image.matches(".+:[^:]*\\d[^:]*@sha256:[0-9a-f]{64}"));
    }

    @Test
    void pinAddsTheDigestsAndRenewsThem(@TempDir Path root) throws Exception {
        Files.createDirectories(root.resolve("deploy/docker"));
        for (String file : List.of("Dockerfile", "docker-compose.yml", "deploy/docker/pin")) {
            Files.copy(Path.of(file), root.resolve(file));
        }
        Path compose = root.resolve("docker-compose.yml");
        Files.writeString(compose, Files.readString(compose).replaceFirst("@sha256:[0-9a-f]+", ""));
        String composeBefore = Files.readString(compose);
        List<String> before = images(root);
        assertThat(before).anyMatch(image -> !image.contains("@")).anyMatch(image -> image.contains("@"));
        // a registry cannot be reached from everywhere
        Path tools = Files.createDirectory(root.resolve("tools"));
        Path docker = Files.writeString(tools.resolve("docker"), "#!/bin/sh\necho " + DIGEST + "\n");
        assertThat(docker.toFile().setExecutable(true)).isTrue();
        ProcessBuilder pin =
                new ProcessBuilder("sh", root.resolve("deploy/docker/pin").toString());
        pin.environment().merge("PATH", "", (path, nothing) -> tools + ":" + path);
        Process process = pin.redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();

        assertThat(process.exitValue()).as(output).isZero();
        assertThat(images(root))
                .isEqualTo(before.stream().map(ImagesTest::pinned).toList());
        assertThat(Files.readString(compose)).isEqualTo(withDigests(composeBefore, before));
        assertThat(Files.readString(root.resolve("Dockerfile")))
                .isEqualTo(withDigests(Files.readString(Path.of("Dockerfile")), before));
    }

    private static String pinned(String image) {
        return image.replaceFirst("@.*", "") + "@" + DIGEST;
    }

    @Test
    void composeBuildsTheImageOnceAndDoesNotRestartTheLearnerForEver() throws IOException {
        JsonNode services = new YAMLMapper()
                .readTree(Path.of("docker-compose.yml").toFile())
                .path("services");
        JsonNode topics = services.path("topics");
        JsonNode learner = services.path("learner");
        assertThat(topics.path("image")).isEqualTo(learner.path("image"));
        assertThat(topics.has("build")).isTrue();
        assertThat(learner.has("build")).isFalse();
        assertThat(topics.path("restart").asText()).isEqualTo("no");
        assertThat(learner.path("restart").asText()).matches("on-failure:\\d");
        // the heap may take three quarters of it
        assertThat(learner.path("mem_limit").asText()).isNotEmpty();
        assertThat(Files.readString(Path.of("Dockerfile"))).contains("MaxRAMPercentage=75", "\nHEALTHCHECK ");
    }

    @Test
    void theRegistryIsHealthyIfItAnswersWithoutAnError() throws Exception {
        List<String> command = new ArrayList<>();
        new YAMLMapper()
                .readTree(Path.of("docker-compose.yml").toFile())
                .at("/services/schema-registry/healthcheck/test")
                .forEach(word -> command.add(word.asText().replace("$$", "$")));
        assertThat(command.remove(0)).isEqualTo("CMD");
        AtomicInteger status = new AtomicInteger(200);
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/subjects", exchange -> {
            byte[] body = "[]".getBytes(StandardCharsets.US_ASCII);
            exchange.sendResponseHeaders(status.get(), body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        int last = command.size() - 1;
        command.set(
                last,
                command.get(last)
                        .replace("8081", String.valueOf(server.getAddress().getPort())));
        try {
            assertThat(exitCode(command)).isZero();
            status.set(500);
            assertThat(exitCode(command)).isNotZero();
        } finally {
            server.stop(0);
        }
        assertThat(exitCode(command)).isNotZero();
    }

    private static int exitCode(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    private static String withDigests(String text, List<String> images) {
        String pinned = text;
        for (String image : images) {
            pinned = pinned.replace(image, pinned(image));
        }
        return pinned;
    }
}
