package io.thalweg.app.benchmark;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The requests of a browser that has the page open, and of a Prometheus that scrapes the learner. What a browser does
 * to draw the page is not part of it: browsers run elsewhere.
 */
final class OpenPage implements HttpVisit {
    // the page asks as often
    private static final long MODEL_EVERY_SECONDS = 2;
    private static final long LIST_EVERY_SECONDS = 5;
    private static final long SCRAPE_EVERY_SECONDS = 5;

    private static final long RETRY_MS = 20;
    /** How long an answer may take: a server that is stopped leaves connections open that it has just accepted. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final HttpClient client = HttpClient.newHttpClient();
    private final String server;
    private final CountDownLatch over = new CountDownLatch(1);
    private final AtomicLong failures = new AtomicLong();
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean isCounted;

    OpenPage(int port) {
        server = "http://localhost:" + port;
        for (Runnable each : List.<Runnable>of(this::follow, this::ask)) {
            Thread thread = new Thread(each, "open-page");
            thread.start();
            threads.add(thread);
        }
    }

    @Override
    public void count() {
        isCounted = true;
    }

    /** Receives the server's events. */
    private void follow() {
        while (over.getCount() > 0) {
            try (InputStream events = client.send(
                            request("/v1/events")
                                    .header("Accept", "text/event-stream")
                                    .build(),
                            BodyHandlers.ofInputStream())
                    .body()) {
                byte[] some = new byte[1 << 16];
                while (over.getCount() > 0 && events.read(some) >= 0) {
                    // only drawn by a browser
                }
            } catch (IOException e) {
                pause(RETRY_MS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void ask() {
        for (long second = 0; !pause(1_000); second++) {
            if (second % MODEL_EVERY_SECONDS == 0) {
                get("/v1/page/models/model-0?search=");
            }
            if (second % LIST_EVERY_SECONDS == 0) {
                get("/v1/page/models?search=");
                get("/v1/models?sort=worst&limit=200&search=");
            }
            if (second % SCRAPE_EVERY_SECONDS == 0) {
                get("/metrics");
            }
        }
    }

    /** Waits, and returns whether it is over. */
    private boolean pause(long milliseconds) {
        try {
            return over.await(milliseconds, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            return true;
        }
    }

    private void get(String path) {
        try {
            HttpResponse<byte[]> answer = client.send(request(path).build(), BodyHandlers.ofByteArray());
            if (answer.statusCode() == 200) {
                return;
            }
        } catch (IOException e) {
            // counted below
        } catch (InterruptedException e) {
            return;
        }
        // a server that starts does not answer yet
        if (isCounted) {
            failures.incrementAndGet();
        }
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(server + path)).timeout(PATIENCE);
    }

    @Override
    public void end() {
        over.countDown();
        HttpVisit.join(threads);
    }

    @Override
    public long failures() {
        return failures.get();
    }
}
