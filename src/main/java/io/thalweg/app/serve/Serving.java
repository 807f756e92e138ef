package io.thalweg.app.serve;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.topology.CommittedReads;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.streams.StreamsConfig;

/**
 * A learner with its HTTP server, if {@code http.listen} is set. The server starts before the learner, so that it can
 * say that the learner is starting, and stops after it.
 */
public final class Serving implements AutoCloseable {
    private static final int THREADS = 4;
    private static final int MOST_WAITING = 10_000;

    private final ThalwegConfig config;
    private final ConfluentSchemas schemas;
    private final AtomicReference<LearnerRuntime> learner = new AtomicReference<>();

    // null if there is no server
    private CommittedReads reads;
    private ThreadPoolExecutor executor;
    private ConfluentSchemas schemasOfServer;
    private SendEndpoints send;
    private HttpServer server;

    private Serving(ThalwegConfig config, ConfluentSchemas schemas) {
        this.config = config;
        this.schemas = schemas;
    }

    /**
     * Starts a learner, and a server for it if the settings ask for one.
     *
     * @throws io.thalweg.runtime.StopException with one readable line if a setting is wrong, or something that the
     *     learner needs is missing
     */
    public static Serving start(ThalwegConfig config, ConfluentSchemas schemas) {
        Serving serving = new Serving(config, schemas);
        try {
            serving.start();
            return serving;
        } catch (RuntimeException e) {
            serving.close();
            throw e;
        }
    }

    private void start() {
        if (!HttpServer.isWanted(config)) {
            learner.set(LearnerRuntime.start(config, schemas, schemas));
            return;
        }
        executor = new ThreadPoolExecutor(
                THREADS,
                THREADS,
                1,
                TimeUnit.MINUTES,
                new ArrayBlockingQueue<>(MOST_WAITING),
                task -> {
                    Thread thread = new Thread(task, "http-answers");
                    thread.setDaemon(true);
                    return thread;
                },
                // the learner's thread must not fail because nobody can take an answer
                new ThreadPoolExecutor.DiscardPolicy());
        reads = new CommittedReads(executor);
        // somebody waits for the answer, so it gives up sooner than the learner does
        schemasOfServer = new ConfluentSchemas(
                config.registry(), Duration.ofMillis(config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS) / 4));
        Instances instances = new Instances(config, learner);
        EventEncoder events = new EventEncoder(config, schemasOfServer);
        CachedQuestions questions = new CachedQuestions();
        send = new SendEndpoints(config, events, schemasOfServer, schemasOfServer);
        server = HttpServer.start(
                config, List.of(new ModelEndpoints(config, reads, instances, questions, events), send));
        String self = self();
        instances.self(self);
        learner.set(LearnerRuntime.start(
                config.with(StreamsConfig.APPLICATION_SERVER_CONFIG, self), schemas, schemas, reads));
    }

    /** Returns the address that other instances are told. */
    private String self() {
        Object given = config.clients().get(StreamsConfig.APPLICATION_SERVER_CONFIG);
        return given == null ? server.authority() : given.toString();
    }

    /** Returns the learner. */
    public LearnerRuntime learner() {
        return learner.get();
    }

    /** Returns the address of the page; null if there is no server. */
    public String url() {
        return server == null ? null : server.url();
    }

    /** Returns the port of the server; 0 if there is none. */
    public int port() {
        return server == null ? 0 : server.port();
    }

    /**
     * Stops the learner, and then the server.
     *
     * @return whether everything was committed in time
     */
    public boolean stop() {
        LearnerRuntime running = learner.get();
        boolean clean = running == null || running.stop();
        if (server != null) {
            server.close();
        }
        if (send != null) {
            send.close();
        }
        if (schemasOfServer != null) {
            schemasOfServer.close();
        }
        if (executor != null) {
            executor.shutdownNow();
        }
        return clean;
    }

    @Override
    public void close() {
        stop();
    }
}
