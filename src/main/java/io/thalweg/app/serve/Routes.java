package io.thalweg.app.serve;

import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.sse.SseClient;
import io.javalin.router.JavalinDefaultRouting;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** The paths of the server. Each says what a client must be allowed to do, so that none is open by mistake. */
public final class Routes {
    private final JavalinDefaultRouting http;
    private final LiveEvents events;
    private final List<BiConsumer<Context, Float>> listeners;

    private final Set<String> paths;

    Routes(
            JavalinDefaultRouting http,
            LiveEvents events,
            List<BiConsumer<Context, Float>> listeners,
            Set<String> paths) {
        this.paths = paths;
        this.listeners = listeners;
        this.http = http;
        this.events = events;
    }

    /** Adds a path to read from. @param path as Javalin writes it, such as {@code /v1/models/{id}} */
    public void get(String path, Access access, Handler handler) {
        paths.add("GET " + path);
        http.get(path, handler, access);
    }

    /** Adds a path that takes a body. @param path as Javalin writes it */
    public void post(String path, Access access, Handler handler) {
        paths.add("POST " + path);
        http.post(path, handler, access);
    }

    /** Adds a path of server-sent events. */
    void events(String path, Access access, Consumer<SseClient> handler) {
        paths.add("GET " + path);
        http.sse(path, handler, access);
    }

    /**
     * Calls a listener after each answer of one of the paths.
     *
     * @param listener gets the request, and how long it took, in milliseconds
     */
    public void onAnswer(BiConsumer<Context, Float> listener) {
        listeners.add(listener);
    }

    /** Returns the events that open pages receive. */
    public LiveEvents events() {
        return events;
    }
}
