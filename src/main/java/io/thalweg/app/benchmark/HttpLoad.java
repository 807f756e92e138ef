package io.thalweg.app.benchmark;

import io.thalweg.app.benchmark.Candidate.Guarantee;
import io.thalweg.app.benchmark.Candidate.Program;
import io.thalweg.app.benchmark.Candidate.Publishing;
import io.thalweg.app.benchmark.ProcessCommand.Limits;
import io.thalweg.app.benchmark.ProcessEvent.Event;
import io.thalweg.config.ThalwegConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Measures what it costs the learner, while it learns at full speed, to answer over HTTP: how much slower it learns
 * than with a server that nobody asks, and how much slower with such a server than with none. It is asked for
 * predictions at a fixed rate, with one example in a request or many; or a page is open and Prometheus scrapes it.
 *
 * <p>Client, server, learner, and broker share the machine. The same requests to a {@link BareServer} show what
 * requests alone cost.
 */
final class HttpLoad {
    private static final Workload WORKLOAD = Workload.DENSE;

    private final LocalCluster cluster;
    private final Throughput.ThroughputScale scale;
    private final Consumer<String> progress;
    private int started;

    /** A row. @param perRequest how many examples a request for predictions has; 0 for an open page instead */
    record HttpRow(String algorithm, int perRequest) {
        String name() {
            return "http %s %s, %s"
                    .formatted(
                            WORKLOAD.title(),
                            algorithm,
                            asksForPredictions() ? perRequest + " per request" : "open page and scrapes");
        }

        boolean asksForPredictions() {
            return perRequest > 0;
        }

        HttpVisit visit(int port) {
            return asksForPredictions() ? new TimedRequests(port, perRequest) : new OpenPage(port);
        }

        /** Returns about how many bytes the body of an answer has. */
        int answerBytes() {
            return perRequest == 1 ? 150 : 100 + 70 * perRequest;
        }
    }

    /** What the learner has beside it. */
    private enum Beside {
        NO_SERVER,
        IDLE_SERVER,
        VISIT,
        /** An idle server, and requests to a bare one. */
        BARE_SERVER
    }

    /**
     * A run of the learner.
     *
     * @param processors how many processors the learner's process has kept busy
     * @param visit null if there was none
     */
    private record Served(
            double examplesPerSecond,
            double processors,
            @Nullable HttpVisit visit) {
        static Served between(ProcessEvent begin, ProcessEvent end, @Nullable HttpVisit visit) {
            double nanos = end.nanos() - begin.nanos();
            return new Served(
                    (end.records() - begin.records()) / nanos * 1e9,
                    (end.cpuNanos() - begin.cpuNanos()) / nanos,
                    visit);
        }

        /** Returns how many it has kept busy beyond what its examples took in another run. */
        double processorsBeyond(Served other) {
            return processors - other.processors / other.examplesPerSecond * examplesPerSecond;
        }
    }

    static List<HttpRow> rows() {
        return List.of(new HttpRow("sgd", 1), new HttpRow("sgd", 50), new HttpRow("sgd", 0));
    }

    HttpLoad(LocalCluster cluster, Throughput.ThroughputScale scale, Consumer<String> progress) {
        this.cluster = cluster;
        this.scale = scale;
        this.progress = progress;
    }

    void run(List<HttpRow> rows, BenchmarkReport report) {
        if (rows.isEmpty()) {
            return;
        }
        progress.accept("%s: writing examples …".formatted(WORKLOAD.title()));
        WORKLOAD.fill(
                new ThalwegConfig(cluster.settings("http-filler", WORKLOAD.topic(), WORKLOAD.settings())),
                cluster.schemas(),
                records());
        cluster.deleteTopics("http-filler");
        rows.forEach(row -> run(row, report));
        cluster.deleteTopics("examples");
    }

    private int records() {
        return (int) (WORKLOAD.records() * scale.recordsShare());
    }

    private void run(HttpRow row, BenchmarkReport report) {
        Map<Beside, List<Served>> runs = new EnumMap<>(Beside.class);
        List<Beside> order = new ArrayList<>(List.of(Beside.values()));
        if (!row.asksForPredictions()) {
            order.remove(Beside.BARE_SERVER);
        }
        try (CandidateHandle handle = CandidateHandle.start(
                Program.LEARNER, "", cluster.directory().resolve(row.name().replaceAll("\\W+", "-") + ".log"))) {
            progress.accept(row.name() + ": warming up …");
            warmUp(handle, row);
            // the first is for the compiler, which takes up the server's code late
            for (int round = scale.warmsUp() ? 0 : 1; round <= scale.rounds(); round++) {
                progress.accept("%s: round %d of %d …".formatted(row.name(), round, scale.rounds()));
                for (Beside beside : order) {
                    Served served = measure(handle, row, beside);
                    if (round > 0) {
                        runs.computeIfAbsent(beside, each -> new ArrayList<>()).add(served);
                    }
                }
                // so that each is at each place
                Collections.rotate(order, 1);
            }
        }
        List<Served> used = runs.get(Beside.VISIT);
        List<Served> idle = runs.get(Beside.IDLE_SERVER);
        long failures = used.stream().mapToLong(each -> each.visit.failures()).sum();
        List<TimedRequests> requests = used.stream()
                .map(Served::visit)
                .filter(TimedRequests.class::isInstance)
                .map(TimedRequests.class::cast)
                .toList();
        String[] cells = {
            row.name(),
            median(report, row, "predictions/s", requests, TimedRequests::perSecond, BenchmarkReport::whole),
            median(report, row, "p50 ms", requests, each -> milliseconds(each, 0.5), BenchmarkReport::decimal),
            median(report, row, "p99 ms", requests, each -> milliseconds(each, 0.99), BenchmarkReport::decimal),
            Long.toString(failures),
            beyond(report, row, used, idle),
            ratio(report, row, "learning / with an idle server", used, idle),
            ratio(
                    report,
                    row,
                    "learning beside a bare server / with an idle server",
                    runs.get(Beside.BARE_SERVER),
                    idle),
            ratio(report, row, "with an idle server / without one", idle, runs.get(Beside.NO_SERVER))
        };
        report.figure(row.name() + " failures", failures);
        report.add(
                "Learning at full speed while the HTTP server is used",
                List.of(
                        "row",
                        "predictions/s",
                        "p50 ms",
                        "p99 ms",
                        "failures",
                        "processors for it",
                        "learning / with an idle server",
                        "the same, requests to a bare server",
                        "with an idle server / without one"),
                cells);
    }

    /** Reports the median of all rounds, and returns it as text. */
    private static String median(
            BenchmarkReport report,
            HttpRow row,
            String figure,
            List<TimedRequests> requests,
            ToDoubleFunction<TimedRequests> measured,
            DoubleFunction<String> format) {
        if (requests.isEmpty()) {
            return "";
        }
        MedianRange range =
                MedianRange.of(requests.stream().mapToDouble(measured).boxed().toList());
        report.figure(row.name() + " " + figure, range);
        return format.apply(range.median());
    }

    /** Reports how fast one learned relative to the other, by round, and returns it as text. */
    private static String ratio(
            BenchmarkReport report, HttpRow row, String figure, @Nullable List<Served> runs, List<Served> others) {
        if (runs == null) {
            return "";
        }
        MedianRange ratio = MedianRange.of(IntStream.range(0, runs.size())
                .mapToObj(round -> runs.get(round).examplesPerSecond / others.get(round).examplesPerSecond)
                .toList());
        report.figure(row.name() + " " + figure, ratio);
        return text(ratio);
    }

    /** Reports how many processors the learner's process has used for the visit, by round, and returns it as text. */
    private static String beyond(BenchmarkReport report, HttpRow row, List<Served> runs, List<Served> idle) {
        MedianRange processors = MedianRange.of(IntStream.range(0, runs.size())
                .mapToObj(round -> runs.get(round).processorsBeyond(idle.get(round)))
                .toList());
        report.figure(row.name() + " processors", processors);
        return text(processors);
    }

    private static String text(MedianRange range) {
        return "%s (%s – %s)"
                .formatted(
                        BenchmarkReport.decimal(range.median()),
                        BenchmarkReport.decimal(range.low()),
                        BenchmarkReport.decimal(range.high()));
    }

    private static double milliseconds(TimedRequests requests, double share) {
        return MedianRange.quantile(requests.latencies(), share) / 1e6;
    }

    private void warmUp(CandidateHandle handle, HttpRow row) {
        boolean warm = !scale.warmsUp();
        while (!warm) {
            String application = "http-" + ++started;
            int port = freePort();
            HttpVisit visit = row.visit(port);
            warm = handle.warmsUp(settings(application, row, port), records());
            visit.end();
            cluster.deleteTopics(application);
        }
    }

    /** Returns the settings of a learner. @param port where its server listens; 0 for none */
    private Map<String, String> settings(String application, HttpRow row, int port) {
        Map<String, String> settings = cluster.settings(application, WORKLOAD.topic(), WORKLOAD.settings());
        settings.putAll(Candidate.learner(WORKLOAD, row.algorithm, Publishing.THINNED, Guarantee.EXACTLY_ONCE)
                .settings());
        if (port > 0) {
            settings.put(ThalwegConfig.HTTP_LISTEN, "127.0.0.1:" + port);
        }
        return settings;
    }

    private Served measure(CandidateHandle handle, HttpRow row, Beside beside) {
        int port = beside == Beside.NO_SERVER ? 0 : freePort();
        if (beside != Beside.BARE_SERVER) {
            return measure(handle, row, port, beside == Beside.VISIT ? row.visit(port) : null);
        }
        try (BareServer bare = new BareServer(row.answerBytes())) {
            return measure(handle, row, port, row.visit(bare.port()));
        }
    }

    private Served measure(CandidateHandle handle, HttpRow row, int port, @Nullable HttpVisit visit) {
        String application = "http-" + ++started;
        handle.measure(
                settings(application, row, port),
                new Limits(records(), records() / 3, scale.beforeMs(), scale.measuredMs()),
                null);
        ProcessEvent begin = handle.await(Event.BEGIN);
        if (visit != null) {
            visit.count();
        }
        ProcessEvent end = handle.await(Event.END);
        if (visit != null) {
            visit.end();
        }
        Served served = Served.between(begin, end, visit);
        handle.await(Event.ENDED);
        cluster.deleteTopics(application);
        return served;
    }

    private static int freePort() {
        try (ServerSocket free = new ServerSocket(0)) {
            return free.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
