package io.thalweg.app.benchmark;

import io.thalweg.app.benchmark.Candidate.Guarantee;
import io.thalweg.app.benchmark.Candidate.Program;
import io.thalweg.app.benchmark.Candidate.Publishing;
import io.thalweg.app.benchmark.ProcessCommand.Limits;
import io.thalweg.app.benchmark.ProcessEvent.Event;
import io.thalweg.config.ThalwegConfig;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.StringJoiner;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Measures predictions over HTTP while the learner learns at full speed, how much slower it learns than with a server
 * that nobody asks, and how much slower with such a server than with none. Requests are sent at a fixed rate, with one
 * example each or many; the latency of a request counts from the time at which it was due, so that those that wait for
 * their turn count too. Client, server, learner, and broker share the machine.
 */
final class HttpLoad {
    private static final Workload WORKLOAD = Workload.DENSE;
    private static final int PER_SECOND = 5_000;
    private static final int CONNECTIONS = 4;
    private static final int FEATURES = 20;

    private final LocalCluster cluster;
    private final Throughput.ThroughputScale scale;
    private final Consumer<String> progress;
    private int started;

    /** A row. @param perRequest how many examples a request has */
    record HttpRow(String algorithm, int perRequest) {
        String name() {
            return "http %s %s, %d per request".formatted(WORKLOAD.title(), algorithm, perRequest);
        }
    }

    /** What the learner has beside it. */
    private enum Beside {
        NO_SERVER,
        IDLE_SERVER,
        REQUESTS
    }

    /** A run of the learner, with the latencies of all requests in ascending order, in nanoseconds. */
    private record Served(double examplesPerSecond, double predictionsPerSecond, long[] latencies, long failures) {}

    static List<HttpRow> rows() {
        return List.of(new HttpRow("sgd", 1), new HttpRow("sgd", 50));
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
        List<Served> asked = runs.get(Beside.REQUESTS);
        MedianRange ratio = speeds(asked, runs.get(Beside.IDLE_SERVER));
        MedianRange idle = speeds(runs.get(Beside.IDLE_SERVER), runs.get(Beside.NO_SERVER));
        MedianRange predictions =
                MedianRange.of(asked.stream().map(Served::predictionsPerSecond).toList());
        MedianRange median = MedianRange.of(
                asked.stream().map(each -> milliseconds(each, 0.5)).toList());
        MedianRange tail = MedianRange.of(
                asked.stream().map(each -> milliseconds(each, 0.99)).toList());
        long failures = asked.stream().mapToLong(Served::failures).sum();
        report.add(
                "Predictions over HTTP while the learner learns at full speed",
                List.of(
                        "row",
                        "predictions/s",
                        "p50 ms",
                        "p99 ms",
                        "failures",
                        "speed of learning / with an idle server",
                        "with an idle server / without one"),
                row.name(),
                BenchmarkReport.whole(predictions.median()),
                BenchmarkReport.decimal(median.median()),
                BenchmarkReport.decimal(tail.median()),
                Long.toString(failures),
                text(ratio),
                text(idle));
        report.figure(row.name() + " predictions/s", predictions.median());
        report.figure(row.name() + " p50 ms", median.median());
        report.figure(row.name() + " p99 ms", tail.median());
        report.figure(row.name() + " failures", failures);
        report.figure(row.name() + " learning / with an idle server", ratio.median());
        report.figure(row.name() + " idle server / no server", idle.median());
    }

    /** Returns how fast one learned relative to the other, by round. */
    private static MedianRange speeds(List<Served> runs, List<Served> others) {
        return MedianRange.of(IntStream.range(0, runs.size())
                .mapToObj(round -> runs.get(round).examplesPerSecond / others.get(round).examplesPerSecond)
                .toList());
    }

    private static String text(MedianRange ratio) {
        return "%s (%s – %s)"
                .formatted(
                        BenchmarkReport.decimal(ratio.median()),
                        BenchmarkReport.decimal(ratio.low()),
                        BenchmarkReport.decimal(ratio.high()));
    }

    private static double milliseconds(Served served, double share) {
        return MedianRange.quantile(served.latencies, share) / 1e6;
    }

    private void warmUp(CandidateHandle handle, HttpRow row) {
        boolean warm = !scale.warmsUp();
        while (!warm) {
            String application = "http-" + ++started;
            int port = freePort();
            Requests requests = new Requests(port, row.perRequest);
            warm = handle.warmsUp(settings(application, row, port), records());
            requests.end();
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
        String application = "http-" + ++started;
        int port = beside == Beside.NO_SERVER ? 0 : freePort();
        Requests requests = beside == Beside.REQUESTS ? new Requests(port, row.perRequest) : null;
        handle.measure(
                settings(application, row, port),
                new Limits(records(), records() / 3, scale.beforeMs(), scale.measuredMs()),
                null);
        ProcessEvent begin = handle.await(Event.BEGIN);
        if (requests != null) {
            requests.count();
        }
        ProcessEvent end = handle.await(Event.END);
        if (requests != null) {
            requests.end();
        }
        Served served = new Served(
                (end.records() - begin.records()) / ((end.nanos() - begin.nanos()) / 1e9),
                requests == null ? 0 : requests.perSecond(),
                requests == null ? new long[0] : requests.latencies(),
                requests == null ? 0 : requests.failures.get());
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

    /**
     * Requests at a fixed rate, each connection on a thread of its own, from the time on at which the server answers.
     * The first request for a model waits for the learner's next commit, as after each start; those that are counted
     * come later.
     */
    private static final class Requests {
        /** How long to wait before the server is asked again whether it answers. */
        private static final long RETRY_NANOS = 20_000_000;

        private final AtomicBoolean isOver = new AtomicBoolean();
        private final AtomicLong failures = new AtomicLong();
        private final List<long[]> latencies = new ArrayList<>();
        private final List<Thread> threads = new ArrayList<>();
        private final int port;
        private final int perRequest;
        private volatile long countedFrom = Long.MAX_VALUE;
        private long over;

        Requests(int port, int perRequest) {
            this.port = port;
            this.perRequest = perRequest;
            for (int i = 0; i < CONNECTIONS; i++) {
                int number = i;
                Thread thread = new Thread(() -> run(number), "requests-" + i);
                thread.start();
                threads.add(thread);
            }
        }

        /** Counts requests that are due from now on. */
        void count() {
            countedFrom = System.nanoTime();
        }

        private void run(int number) {
            byte[] request = request(number, perRequest);
            while (!isOver.get()) {
                try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                    socket.setTcpNoDelay(true);
                    OutputStream out = socket.getOutputStream();
                    InputStream in = new BufferedInputStream(socket.getInputStream());
                    out.write(request);
                    if (answer(in)) {
                        send(number, request, out, in);
                        return;
                    }
                } catch (IOException e) {
                    // asked again
                }
                // a server that starts does not answer yet
                if (countedFrom != Long.MAX_VALUE) {
                    failures.incrementAndGet();
                }
                LockSupport.parkNanos(RETRY_NANOS);
            }
        }

        private void send(int number, byte[] request, OutputStream out, InputStream in) throws IOException {
            long interval = 1_000_000_000L * CONNECTIONS * perRequest / PER_SECOND;
            long[] seen = new long[1 << 20];
            int count = 0;
            long from = Long.MAX_VALUE;
            long due = System.nanoTime() + interval * number / CONNECTIONS;
            try {
                for (; !isOver.get() && count < seen.length; due += interval) {
                    for (long early = due - System.nanoTime(); early > 0; early = due - System.nanoTime()) {
                        LockSupport.parkNanos(early);
                    }
                    out.write(request);
                    boolean answered = answer(in);
                    if (from == Long.MAX_VALUE) {
                        from = countedFrom;
                    }
                    if (from != Long.MAX_VALUE && due - from >= 0) {
                        seen[count++] = System.nanoTime() - due;
                        if (!answered) {
                            failures.incrementAndGet();
                        }
                    }
                }
            } finally {
                synchronized (this) {
                    latencies.add(Arrays.copyOf(seen, count));
                }
            }
        }

        private static byte[] request(int number, int examples) {
            Random random = new Random(number);
            List<String> all = new ArrayList<>();
            for (int i = 0; i < examples; i++) {
                StringJoiner features = new StringJoiner(",", "{\"features\":[", "]}");
                for (int k = 0; k < FEATURES; k++) {
                    features.add(Double.toString(random.nextDouble() * 2 - 1));
                }
                all.add(features.toString());
            }
            String body = examples == 1 ? all.get(0) : "{\"examples\":[" + String.join(",", all) + "]}";
            return ("POST /v1/models/model-0/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            + "Content-Length: " + body.length() + "\r\n\r\n" + body)
                    .getBytes(StandardCharsets.US_ASCII);
        }

        /** Reads an answer, and returns whether it is a prediction. */
        private static boolean answer(InputStream in) throws IOException {
            String status = line(in);
            int length = 0;
            for (String header = line(in); !header.isEmpty(); header = line(in)) {
                if (header.regionMatches(true, 0, "Content-Length:", 0, 15)) {
                    length = Integer.parseInt(header.substring(15).strip());
                }
            }
            in.readNBytes(length);
            return status.contains(" 200 ");
        }

        private static String line(InputStream in) throws IOException {
            StringBuilder line = new StringBuilder();
            for (int c = in.read(); c != '\n'; c = in.read()) {
                if (c < 0) {
                    throw new IOException("the server ended the connection");
                }
                if (c != '\r') {
                    line.append((char) c);
                }
            }
            return line.toString();
        }

        /** Ends the requests. */
        void end() {
            over = System.nanoTime();
            isOver.set(true);
            for (Thread thread : threads) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        }

        /** Returns the predictions that were counted, for each second. */
        double perSecond() {
            long counted = latencies.stream().mapToLong(each -> each.length).sum();
            return counted * perRequest / ((over - countedFrom) / 1e9);
        }

        /** Returns the latencies of the requests that were counted, in ascending order, in nanoseconds. */
        long[] latencies() {
            return latencies.stream().flatMapToLong(Arrays::stream).sorted().toArray();
        }
    }
}
