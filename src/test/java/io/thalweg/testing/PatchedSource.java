package io.thalweg.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** A main class with a change, for a process that must misbehave. */
public final class PatchedSource {
    private PatchedSource() {}

    /**
     * Compiles a class with other code in place of some of its own.
     *
     * @param directory a new directory in it receives the class
     * @param file the source below the directory of sources
     * @param code what is replaced; it must be there once
     * @return the directory to put before others on the class path
     */
    public static Path compile(Path directory, Path file, String code, String replacement) throws IOException {
        String source = Files.readString(Path.of("src", "main", "java").resolve(file));
        assertThat(source).containsOnlyOnce(code);
        Path patched = directory.resolve("source").resolve(file);
        Files.createDirectories(patched.getParent());
        Files.writeString(patched, source.replace(code, replacement));

        Path classes = Files.createDirectories(directory.resolve("classes"));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            List<String> options =
                    List.of("-d", classes.toString(), "-cp", System.getProperty("java.class.path"), "-proc:none");
            assertThat(compiler.getTask(null, files, null, options, null, files.getJavaFileObjects(patched))
                            .call())
                    .isTrue();
        }
        return classes;
    }
}
