package io.thalweg.app.serve;

/** Some paths of the server, and what answers at them. */
@FunctionalInterface
public interface Endpoints extends AutoCloseable {
    /** Adds the paths. */
    void addTo(Routes routes);

    /** Ends what answers them. */
    @Override
    default void close() {}
}
