package io.thalweg.app.benchmark;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.StringJoiner;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Requests for predictions at a fixed rate, each connection on a thread of its own, from the time on at which the
 * server answers. The latency of a request counts from the time at which it was due, so that those that wait for their
 * turn count too.
 *
 * <p>The first request for a model waits for the learner's next commit, as after each start; those that are counted
 * come later.
 */
final class TimedRequests implements HttpVisit {
    private static final int PER_SECOND = 5_000;
    private static final int CONNECTIONS = 4;
    private static final int FEATURES = 20;
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

    /** Starts the requests. @param perRequest how many examples a request has */
    TimedRequests(int port, int perRequest) {
        this.port = port;
        this.perRequest = perRequest;
        for (int i = 0; i < CONNECTIONS; i++) {
            int number = i;
            Thread thread = new Thread(() -> run(number), "requests-" + i);
            thread.start();
            threads.add(thread);
        }
    }

    @Override
    public void count() {
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
                if (isAnswered(in)) {
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
                boolean answered = isAnswered(in);
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
    private static boolean isAnswered(InputStream in) throws IOException {
        return HttpMessages.read(in).contains(" 200 ");
    }

    @Override
    public void end() {
        over = System.nanoTime();
        isOver.set(true);
        HttpVisit.join(threads);
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

    @Override
    public long failures() {
        return failures.get();
    }
}
