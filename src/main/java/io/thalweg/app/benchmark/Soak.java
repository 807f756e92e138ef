package io.thalweg.app.benchmark;

import io.thalweg.app.benchmark.Candidate.Guarantee;
import io.thalweg.app.benchmark.Candidate.Program;
import io.thalweg.app.benchmark.Candidate.Publishing;
import io.thalweg.app.benchmark.ProcessEvent.Event;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Measures whether a long-running learner leaks memory: the heap in use after a full collection, each time that it has
 * learned from another million examples. They are the same million each time, so that there is nothing new to remember.
 */
final class Soak {
    private static final int PART = 1_000_000;
    private static final int PARTS = 10;
    /** The part after which buffers, windows and compiled code have reached their size. */
    private static final int WARM_PARTS = 2;

    private final LocalCluster cluster;
    private final Consumer<String> progress;

    /** A row: what is learned, and how. */
    record SoakRow(Workload workload, String algorithm) {
        String name() {
            return "soak " + workload.name().toLowerCase(Locale.ROOT);
        }
    }

    static List<SoakRow> rows() {
        return List.of(new SoakRow(Workload.DENSE, "auto"), new SoakRow(Workload.HASHED, "sgd"));
    }

    Soak(LocalCluster cluster, Consumer<String> progress) {
        this.cluster = cluster;
        this.progress = progress;
    }

    void run(List<SoakRow> rows, BenchmarkReport report) {
        rows.forEach(row -> run(row, report));
    }

    private void run(SoakRow row, BenchmarkReport report) {
        String application = row.name().replace(' ', '-');
        String examples = application + "-examples";
        Map<String, String> settings = cluster.settings(application, examples);
        settings.putAll(Candidate.learner(row.workload(), row.algorithm(), Publishing.THINNED, Guarantee.EXACTLY_ONCE)
                .settings());
        ThalwegConfig config = new ThalwegConfig(settings);
        List<String> passing = List.of(examples, OutputTopic.PREDICTIONS.nameIn(config));
        cluster.keepLittleOf(passing);
        double[] heap = new double[PARTS + 1];
        try (CandidateHandle handle = CandidateHandle.running(
                Program.LEARNER, settings, cluster.directory().resolve(application + ".log"))) {
            handle.await(Event.RUNNING);
            for (int part = 1; part <= PARTS; part++) {
                row.workload().fill(config, cluster.schemas(), PART);
                cluster.awaitCommitted(application, examples, (long) part * PART, handle);
                heap[part] = handle.heapUsed();
                progress.accept(
                        "%s: %,d examples, %s of heap".formatted(row.name(), part * PART, mebibytes(heap[part])));
                cluster.forget(passing);
            }
            handle.stop();
        }
        report(row, heap, report);
        cluster.deleteTopics(application);
    }

    private static void report(SoakRow row, double[] heap, BenchmarkReport report) {
        List<String> columns = new ArrayList<>(List.of("row"));
        List<String> cells = new ArrayList<>(List.of(row.name()));
        for (int part = 1; part <= PARTS; part++) {
            report.figure(row.name() + " heap bytes after " + part + " million", heap[part]);
            columns.add(part + " M");
            cells.add(mebibytes(heap[part]));
        }
        double growth = heap[PARTS] / heap[WARM_PARTS];
        report.figure(row.name() + " heap after " + PARTS + " million over after " + WARM_PARTS, growth);
        columns.add(PARTS + " M / " + WARM_PARTS + " M");
        cells.add(BenchmarkReport.decimal(growth));
        report.add("Heap in use after a full collection, by examples learned", columns, cells.toArray(String[]::new));
    }

    private static String mebibytes(double bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", bytes / (1 << 20));
    }
}
