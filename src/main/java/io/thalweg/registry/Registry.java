package io.thalweg.registry;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.output.SchemaIds;
import java.time.Duration;

/** The schemas of the topics, and their ids. */
public interface Registry extends SchemaSource, SchemaIds, AutoCloseable {
    /**
     * Finds out at start whether the registry can be used.
     *
     * @throws SchemaSourceException with one readable line if it cannot
     */
    void check();

    @Override
    void close();

    /**
     * Returns the registry of the settings. If they need none and name none, nothing of a registry is loaded.
     *
     * @param retry how long to retry requests that the registry does not answer
     * @throws org.apache.kafka.common.config.ConfigException with one readable line if a setting of the registry is
     *     missing, wrong or not supported
     */
    static Registry of(ThalwegConfig config, Duration retry) {
        return config.hasRegistry() ? new ConfluentSchemas(config.registry(), retry) : new NoRegistry();
    }
}
