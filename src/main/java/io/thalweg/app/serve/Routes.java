package io.thalweg.app.serve;

import io.javalin.http.Handler;
import io.javalin.router.JavalinDefaultRouting;

/** The paths of the server. Each says what a client must be allowed to do, so that none is open by mistake. */
public final class Routes {
    private final JavalinDefaultRouting http;
    private final LiveEvents events;

    Routes(JavalinDefaultRouting http, LiveEvents events) {
        this.http = http;
        this.events = events;
    }

    /** Adds a path to read from. @param path as Javalin writes it, such as {@code /v1/models/{id}} */
    public void get(String path, Access access, Handler handler) {
        http.get(path, handler, access);
    }

    /** Adds a path that takes a body. @param path as Javalin writes it */
    public void post(String path, Access access, Handler handler) {
        http.post(path, handler, access);
    }

    /** Returns the events that open pages receive. */
    public LiveEvents events() {
        return events;
    }
}
