package io.thalweg.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
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

    private static List<String> unpinned(Path root) throws IOException {
        return Files.readAllLines(root.resolve("deploy/docker/unpinned")).stream()
                .filter(line -> !line.startsWith("#"))
                .toList();
    }

    @Test
    void anImageHasADigestOrIsOnTheListOfThoseThatHaveNone() throws IOException {
        Path root = Path.of("");
        List<String> images = images(root);
        assertThat(images).isNotEmpty().allMatch(image -> image.matches(".+:[^:]*\\d[^:]*(@sha256:[0-9a-f]{64})?"));
        assertThat(images.stream().filter(image -> !image.contains("@")))
                .containsExactlyInAnyOrderElementsOf(unpinned(root));
    }

    @Test
    void pinAddsTheDigests(@TempDir Path root) throws Exception {
        Files.createDirectories(root.resolve("deploy/docker"));
        for (String file : List.of("Dockerfile", "docker-compose.yml", "deploy/docker/pin", "deploy/docker/unpinned")) {
            Files.copy(Path.of(file), root.resolve(file));
        }
        List<String> before = images(root);
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
        assertThat(unpinned(root)).isEmpty();
        assertThat(Files.readString(root.resolve("docker-compose.yml")))
                .isEqualTo(withDigests(Files.readString(Path.of("docker-compose.yml")), before));
        assertThat(Files.readString(root.resolve("Dockerfile")))
                .isEqualTo(withDigests(Files.readString(Path.of("Dockerfile")), before));
    }

    private static String pinned(String image) {
        return image.replaceFirst("@.*", "") + "@" + DIGEST;
    }

    private static String withDigests(String text, List<String> images) {
        String pinned = text;
        for (String image : images) {
            pinned = pinned.replace(image, pinned(image));
        }
        return pinned;
    }
}
