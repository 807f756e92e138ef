package io.thalweg.app.serve;

/** Some paths of the server, and what answers at them. */
@FunctionalInterface
public interface Endpoints {
    /** Adds the paths. */
    void addTo(Routes routes);
}
