package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;

/** What others depend on. {@link ExamplesIT} builds and runs a project that does. */
class LibraryIT {
    @Test
    void isTheLibraryAndNothingElse() throws IOException {
        List<String> files;
        try (JarFile jar = new JarFile(System.getProperty("thalweg.jar"))) {
            files = jar.stream()
                    .filter(entry -> !entry.isDirectory())
                    .map(ZipEntry::getName)
                    .toList();
        }
        assertThat(files)
                .contains(
                        "io/thalweg/topology/LearnerSupplier.class",
                        "io/thalweg/clients/StrictClients.class",
                        "io/thalweg/avro/Prediction.class")
                .allMatch(file -> file.startsWith("io/thalweg/") && file.endsWith(".class")
                        // what the parser of Protobuf schemas knows without a registry
                        || file.matches("io/thalweg/registry/[a-z]+-type[.]proto")
                        || file.startsWith("META-INF/maven/io.thalweg/thalweg/")
                        || List.of("META-INF/MANIFEST.MF", "META-INF/LICENSE").contains(file))
                .noneMatch(file -> file.startsWith("io/thalweg/app/"));
    }
}
