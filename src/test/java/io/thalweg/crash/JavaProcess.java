package io.thalweg.crash;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * A main class of the tests in a process of its own, with the tests' class path. It ends with the tests at the
 * latest: by {@link #close()}, by a shutdown hook, or, where the test process itself was killed, because its
 * standard input ends.
 */
final class JavaProcess implements AutoCloseable {
    private static final Path LOGS = Path.of("target", "crash");
    private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Process::destroyForcibly)));
    }

    private final Process process;
    private final Path log;

    private JavaProcess(Process process, Path log) {
        this.process = process;
        this.log = log;
    }

    /**
     * Starts a process.
     *
     * @param name of the log, without folder and ending
     * @param first a directory of classes to be found before all others; null for none
     */
    static JavaProcess start(String name, String heap, Path first, Class<?> main, List<String> args) {
        String classPath = System.getProperty("java.class.path");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + heap,
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:+ExitOnOutOfMemoryError",
                "-Dlogback.configurationFile=io/thalweg/crash/logback.xml",
                "-cp",
                first == null ? classPath : first + java.io.File.pathSeparator + classPath,
                main.getName()));
        command.addAll(args);
        try {
            Path log = Files.createDirectories(LOGS).resolve(name + ".log");
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            RUNNING.add(process);
            process.onExit().thenRun(() -> RUNNING.remove(process));
            return new JavaProcess(process, log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** To be called in the main method of such a process: ends it when the one that started it is gone. */
    static void endWithParent() {
        Thread watch = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // nobody writes
                }
            } catch (IOException e) {
                // gone as well
            }
            Runtime.getRuntime().halt(1);
        });
        watch.setDaemon(true);
        watch.start();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Lets it run for so long. @return whether it still does */
    boolean runsFor(long millis) {
        try {
            return !process.waitFor(millis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** SIGKILL: no hook runs, no buffer is flushed. */
    void kill() {
        process.destroyForcibly();
        process.onExit().join();
    }

    /** SIGTERM. @return whether it ended in time */
    boolean terminate() {
        // not process.destroy(): that closes its standard input first
        process.toHandle().destroy();
        return !runsFor(40_000);
    }

    /** SIGSTOP: it stands still and its connections stay open. */
    void pause() {
        signal("STOP");
    }

    /** SIGCONT. */
    void resume() {
        signal("CONT");
    }

    private void signal(String name) {
        try {
            int exit = new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid()))
                    .inheritIO()
                    .start()
                    .waitFor();
            if (exit != 0) {
                throw new IllegalStateException("kill -" + name + " failed");
            }
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The lines that it has written to its log. */
    List<String> log() {
        try {
            return Files.readAllLines(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** For the message of a test that failed: where the log is, and how it ends. */
    @Override
    public String toString() {
        List<String> lines = log();
        return log + (isAlive() ? "" : " (exit code " + process.exitValue() + ")") + ":\n"
                + String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
    }

    @Override
    public void close() {
        kill();
    }
}
