package io.thalweg.app.benchmark;

import io.thalweg.app.benchmark.Candidate.Program;
import io.thalweg.app.benchmark.ProcessCommand.Limits;
import io.thalweg.app.benchmark.ProcessCommand.What;
import io.thalweg.app.benchmark.ProcessEvent.Event;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * A handle on a {@link CandidateProcess} in the process that started it. The candidate ends with this process at the
 * latest.
 */
final class CandidateHandle implements AutoCloseable {
    private static final Set<Process> ALIVE = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> ALIVE.forEach(Process::destroyForcibly)));
    }

    private final Process process;
    private final Path log;
    private final BufferedReader lines;

    private CandidateHandle(Process process, Path log) {
        this.process = process;
        this.log = log;
        lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /**
     * Starts a process, with the options of this JVM.
     *
     * @param processors the list of processors that it is held to, as taskset takes it; empty for all
     * @param log the file for its standard error
     */
    static CandidateHandle start(Program program, String processors, Path log) {
        List<String> command = new ArrayList<>();
        if (!processors.isEmpty()) {
            command.addAll(List.of("taskset", "--cpu-list", processors));
        }
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> option.startsWith("-X") || option.startsWith("-Dlogback"))
                .toList());
        command.add("-Xlog:jfr*=error:stderr");
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), CandidateProcess.class.getName()));
        command.add(program.name());
        try {
            Process process =
                    new ProcessBuilder(command).redirectError(log.toFile()).start();
            ALIVE.add(process);
            process.onExit().thenRun(() -> ALIVE.remove(process));
            return new CandidateHandle(process, log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts a program that runs until {@link #stop}. */
    static CandidateHandle running(Program program, Map<String, String> settings, Path log) {
        CandidateHandle handle = start(program, "", log);
        handle.say(new ProcessCommand(What.RUN, settings, Limits.NONE, null));
        return handle;
    }

    /**
     * Makes it read records until it is warm, and waits until it has stopped.
     *
     * @param records how many records there are
     * @return whether it is warm, or has used a minute and a half of processor time; false if the records ended before
     */
    boolean warmsUp(Map<String, String> settings, long records) {
        say(new ProcessCommand(What.WARM_UP, settings, new Limits(records, 0, 0, 0), null));
        boolean warm = await(Set.of(Event.WARM, Event.ENDED)).event() == Event.WARM;
        if (warm) {
            await(Event.ENDED);
        }
        return warm;
    }

    /**
     * Makes it measure. It reports {@link Event#BEGIN}, {@link Event#END} and, when it has stopped, {@link
     * Event#ENDED}.
     *
     * @param recording where to write a Java Flight Recorder recording; null for none
     */
    void measure(Map<String, String> settings, Limits limits, Path recording) {
        say(new ProcessCommand(What.MEASURE, settings, limits, recording == null ? null : recording.toString()));
    }

    /**
     * Waits for an event.
     *
     * @throws StopException if the process ends instead
     */
    ProcessEvent await(Event event) {
        return await(Set.of(event));
    }

    private ProcessEvent await(Set<Event> events) {
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                // other lines come from the JVM itself
                if (line.startsWith("{")) {
                    ProcessEvent processEvent = JsonLine.parse(line, ProcessEvent.class);
                    if (events.contains(processEvent.event())) {
                        return processEvent;
                    }
                }
            }
            throw endedEarly();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private StopException endedEarly() {
        List<String> said;
        try {
            said = Files.readAllLines(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new StopException(
                ExitCode.DIED,
                "a measured process ended too early: "
                        + (said.isEmpty() ? "it printed nothing" : said.get(said.size() - 1)));
    }

    /**
     * Lets it run for a while.
     *
     * @throws StopException if the process ends instead
     */
    void runsFor(Duration time) {
        try {
            if (process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS)) {
                throw endedEarly();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Asks whether it is active. If it is a standby, this waits until it has a copy of the whole state. */
    boolean isActive() {
        say(ProcessCommand.of(What.ROLE));
        return await(Set.of(Event.ACTIVE, Event.STANDS_BY)).event() == Event.ACTIVE;
    }

    /** The heap in use after a full collection, in bytes. */
    long heapUsed() {
        say(ProcessCommand.of(What.COLLECT));
        return await(Event.COLLECTED).heapUsed();
    }

    /** Makes it stop cleanly, and waits until it has stopped. */
    void stop() {
        say(ProcessCommand.of(What.STOP));
        process.onExit().join();
    }

    private void say(ProcessCommand command) {
        try {
            process.getOutputStream().write((JsonLine.of(command) + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw endedEarly();
        }
    }

    /** Kills it with SIGKILL: no hook runs, and no buffer is flushed. */
    void kill() {
        process.destroyForcibly();
        process.onExit().join();
    }

    @Override
    public void close() {
        kill();
    }
}
