package io.thalweg.app.benchmark;

import io.thalweg.app.benchmark.Throughput.ThroughputScale;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import one.convert.Arguments;
import one.convert.JfrToFlame;

/** A benchmark of the learner and of programs to compare it with, in one run on one machine. */
public final class Benchmark {
    private static final String RECORDING = ".jfr";

    private final Options options;
    private final Consumer<String> progress;

    /**
     * The options of a benchmark.
     *
     * @param quick the short form: fewer rows, fewer records, one round, and no warm-up
     * @param rows rows whose name contains one of these; empty for all rows, or in the short form for those that belong
     *     to it
     * @param rounds how many times to measure each candidate; 0 for the default
     * @param out a directory for Java Flight Recorder recordings and flame graphs; null for none
     * @param processors the list of processors that measured programs are held to, as taskset takes it; empty for all
     */
    public record Options(boolean quick, List<String> rows, int rounds, Path out, String processors) {}

    /** @param progress receives messages about what is being done */
    public Benchmark(Options options, Consumer<String> progress) {
        this.options = options;
        this.progress = progress;
    }

    /**
     * Runs the benchmark, which takes minutes.
     *
     * @throws StopException if a row is unknown, or a measured process ends too early
     */
    public BenchmarkReport run() throws IOException {
        checkChoice();
        List<Throughput.ThroughputRow> speed = Throughput.rows().stream()
                .filter(row -> chosen(row.name(), row.quick()))
                .toList();
        List<Latency.LatencyRow> latency = Latency.rows().stream()
                .filter(row -> chosen(row.name(), row.quick()))
                .toList();
        List<Restore.RestoreRow> restore = Restore.rows().stream()
                .filter(row -> chosen(row.name(), row.quick()))
                .toList();
        List<HttpLoad.HttpRow> http = HttpLoad.rows().stream()
                .filter(row -> chosen(row.name(), false))
                .toList();
        List<Soak.SoakRow> soak =
                Soak.rows().stream().filter(row -> chosen(row.name(), false)).toList();
        if (options.out() != null) {
            Files.createDirectories(options.out());
        }
        ThroughputScale scale = options.quick() ? ThroughputScale.QUICK : ThroughputScale.FULL;
        if (options.rounds() > 0) {
            scale = scale.withRounds(options.rounds());
        }
        scale = scale.heldTo(options.processors());
        BenchmarkReport report = new BenchmarkReport(scale.warmsUp());
        try (LocalCluster cluster = new LocalCluster()) {
            new Throughput(cluster, scale, options.out(), progress).run(speed, report);
            if (options.out() != null) {
                drawFlames(options.out());
            }
            new Latency(cluster, options.quick(), progress).run(latency, report);
            new Restore(cluster, progress).run(restore, report);
            new HttpLoad(cluster, scale, progress).run(http, report);
            new Soak(cluster, progress).run(soak, report);
        }
        return report;
    }

    /** Writes a flame graph of processor time beside each recording. */
    private static void drawFlames(Path folder) throws IOException {
        List<Path> recordings;
        try (Stream<Path> files = Files.list(folder)) {
            recordings =
                    files.filter(file -> file.toString().endsWith(RECORDING)).toList();
        }
        for (Path recording : recordings) {
            String name = recording.getFileName().toString();
            String title = name.substring(0, name.length() - RECORDING.length());
            JfrToFlame.convert(
                    recording.toString(),
                    recording.resolveSibling(title + ".html").toString(),
                    new Arguments("--title", title));
        }
    }

    private boolean chosen(String row, boolean quick) {
        return options.rows().isEmpty()
                ? quick || !options.quick()
                : options.rows().stream().anyMatch(row::contains);
    }

    /** The names of all rows. */
    public static List<String> rowNames() {
        return Stream.of(
                        Throughput.rows().stream().map(Throughput.ThroughputRow::name),
                        Latency.rows().stream().map(Latency.LatencyRow::name),
                        Restore.rows().stream().map(Restore.RestoreRow::name),
                        HttpLoad.rows().stream().map(HttpLoad.HttpRow::name),
                        Soak.rows().stream().map(Soak.SoakRow::name))
                .flatMap(names -> names)
                .toList();
    }

    private void checkChoice() {
        for (String text : options.rows()) {
            if (rowNames().stream().noneMatch(row -> row.contains(text))) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        "no row has '%s' in its name; the rows are: %s".formatted(text, String.join(", ", rowNames())));
            }
        }
    }
}
