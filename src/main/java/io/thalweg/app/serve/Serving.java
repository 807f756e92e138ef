package io.thalweg.app.serve;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.LearnerRuntime;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The server of a learner, with all its endpoints. It is opened before the learner, so that it can say that the learner
 * is starting, and closed after it.
 */
public final class Serving implements AutoCloseable {
    /** Null if there is no server. */
    private final HttpServer server;

    private final AtomicReference<LearnerRuntime> learner = new AtomicReference<>();

    private Serving(HttpServer server) {
        this.server = server;
    }

    /**
     * Opens the server, if {@code http.listen} is set.
     *
     * @throws io.thalweg.runtime.StopException with one readable line if a setting is wrong, or the port is taken
     */
    public static Serving open(ThalwegConfig config) {
        return new Serving(HttpServer.isWanted(config) ? HttpServer.start(config, List.of()) : null);
    }

    /** Answers with what a learner has committed, from now on. */
    public void serve(LearnerRuntime started) {
        learner.set(started);
    }

    /** Returns the address of the page; null if there is no server. */
    public String url() {
        return server == null ? null : server.url();
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
    }
}
