package io.thalweg.app.serve;

import io.thalweg.app.serve.HealthEndpoints.ObservedLearner;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.topology.CommittedReads;
import io.thalweg.topology.TaskReads;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.apache.kafka.streams.StreamsConfig;

/**
 * A learner with its HTTP server, if {@code http.listen} is set. The server starts before the learner, so that it can
 * say that the learner is starting, and stops after it.
 */
public final class Serving implements AutoCloseable {
    private static final String USUAL_ADDRESS = "127.0.0.1:8080";
    private static final int THREADS = 4;
    private static final int MOST_WAITING = 10_000;

    private final ThalwegConfig config;
    private final Registry schemas;
    private final PageFactory ofPage;
    private final AtomicReference<LearnerRuntime> learner = new AtomicReference<>();

    // null if there is no server
    private CommittedReads reads;
    private ThreadPoolExecutor executor;
    private Registry schemasOfServer;
    private SendEndpoints send;
    private StallWatch stalls;
    private MetricsEndpoint metrics;
    private Endpoints page;
    private HttpServer server;

    private Serving(ThalwegConfig config, Registry schemas, PageFactory ofPage) {
        this.config = config;
        this.schemas = schemas;
        this.ofPage = ofPage;
    }

    /** Creates what answers the page. */
    @FunctionalInterface
    public interface PageFactory {
        /**
         * Creates it.
         *
         * @param schemas knows the schemas of the topics
         * @param learner gives the learner, or null while it starts
         */
        Endpoints create(ThalwegConfig config, SchemaSource schemas, Supplier<LearnerRuntime> learner);
    }

    /**
     * Starts a learner, and a server for it if the settings ask for one.
     *
     * @param ofPage creates what answers the page
     * @throws io.thalweg.runtime.StopException with one readable line if a setting is wrong, or something that the
     *     learner needs is missing
     */
    public static Serving start(ThalwegConfig config, Registry schemas, PageFactory ofPage) {
        Serving serving = new Serving(config, schemas, ofPage);
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
        schemasOfServer = Registry.of(config, Duration.ofMillis(config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS) / 4));
        Instances instances = new Instances(config, learner);
        EventEncoder events = new EventEncoder(config, schemasOfServer);
        CachedQuestions questions = new CachedQuestions();
        send = new SendEndpoints(config, events, schemasOfServer, schemasOfServer);
        stalls = new StallWatch(config, learner);
        HealthEndpoints health = new HealthEndpoints(
                () -> ObservedLearner.of(learner.get()),
                () -> reads.active().stream().map(TaskReads::partition).toList(),
                stalls::stalls);
        metrics = new MetricsEndpoint(config, new ModelMetrics(config, version(), reads, questions, health, stalls));
        page = ofPage.create(config, schemasOfServer, learner::get);
        server = HttpServer.start(
                config,
                List.of(health, metrics, new ModelEndpoints(config, reads, instances, questions, events), send, page));
        String self = self();
        instances.self(self);
        learner.set(LearnerRuntime.start(
                config.with(StreamsConfig.APPLICATION_SERVER_CONFIG, self), schemas, schemas, reads));
        metrics.add(learner.get());
        stalls.begin();
    }

    /**
     * Returns settings with an address on this machine, if they have none: {@value #USUAL_ADDRESS}, or another port if
     * that is taken.
     */
    public static ThalwegConfig onThisMachine(ThalwegConfig config) {
        if (config.isGiven(ThalwegConfig.HTTP_LISTEN)) {
            return config;
        }
        ListenAddress usual = ListenAddress.parse(ThalwegConfig.HTTP_LISTEN, USUAL_ADDRESS);
        try (ServerSocket probe = new ServerSocket()) {
            probe.bind(new InetSocketAddress(usual.host(), usual.port()));
            return config.with(ThalwegConfig.HTTP_LISTEN, USUAL_ADDRESS);
        } catch (IOException taken) {
            return config.with(ThalwegConfig.HTTP_LISTEN, new ListenAddress(usual.host(), 0).toString());
        }
    }

    /** Returns the version of the program, which the build writes into a file. */
    private static String version() {
        try (InputStream file = Serving.class.getResourceAsStream("/io/thalweg/app/cli/version.txt")) {
            return new String(file.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
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

    /** Returns the paths that the server answers, for tests. */
    Set<String> paths() {
        return server.paths();
    }

    /** Returns how many meters there are, for tests. */
    int meters() {
        return metrics.registry().getMeters().size();
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
        if (page != null) {
            page.close();
        }
        LearnerRuntime running = learner.get();
        boolean clean = running == null || running.stop();
        if (server != null) {
            server.close();
        }
        if (stalls != null) {
            stalls.close();
        }
        if (metrics != null) {
            metrics.close();
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
