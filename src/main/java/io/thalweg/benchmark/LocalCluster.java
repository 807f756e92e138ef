package io.thalweg.benchmark;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.local.EmbeddedBroker;
import io.thalweg.local.EmbeddedRegistry;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.StreamsConfig;

/** A broker and a registry in this process, with topics of one partition, in a directory that is deleted at the end. */
final class LocalCluster implements AutoCloseable {
    private final Path directory;
    private final EmbeddedBroker broker;
    private final EmbeddedRegistry registry;
    private final ConfluentSchemas schemas;
    private final Admin admin;
    private final Thread cleanUp = new Thread(this::delete, "benchmark-clean-up");

    LocalCluster() throws IOException {
        directory = Files.createTempDirectory("thalweg-benchmark-");
        Runtime.getRuntime().addShutdownHook(cleanUp);
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        registry = EmbeddedRegistry.start(null, 0);
        ThalwegConfig config = new ThalwegConfig(addresses());
        schemas = new ConfluentSchemas(config.registry(), Duration.ofSeconds(10));
        admin = KafkaSettings.admin(config);
    }

    private Map<String, String> addresses() {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put(ThalwegConfig.BOOTSTRAP_SERVERS, broker.bootstrapServers());
        settings.put(ThalwegConfig.REGISTRY_URL, registry.url());
        return settings;
    }

    ConfluentSchemas schemas() {
        return schemas;
    }

    /** For the logs of children and what else is of no use afterwards. */
    Path directory() {
        return directory;
    }

    /** The settings of a program that has output topics of its own. Creates the topics that are not there. */
    Map<String, String> settings(String application, String examples) {
        Map<String, String> settings = addresses();
        settings.put(ThalwegConfig.APPLICATION_ID, application);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, directory.resolve("state").toString());
        settings.put(ThalwegConfig.EXAMPLES_TOPIC, examples);
        settings.put(ThalwegConfig.PREDICTIONS_TOPIC, application + "-predictions");
        settings.put(ThalwegConfig.WEIGHTS_TOPIC, application + "-weights");
        settings.put(ThalwegConfig.METRICS_TOPIC, application + "-metrics");
        settings.put(ThalwegConfig.DEAD_LETTERS_TOPIC, application + "-dead-letters");
        new Topics(new ThalwegConfig(settings), admin).create();
        return settings;
    }

    /** Deletes what a program has written, and the topic of examples too if it had that to itself. */
    void deleteTopics(String application) {
        try {
            List<String> own = admin.listTopics().names().get().stream()
                    .filter(topic -> topic.startsWith(application + "-"))
                    .toList();
            admin.deleteTopics(own).all().get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("topics of the benchmark were not deleted", e.getCause());
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        admin.close();
        schemas.close();
        registry.close();
        broker.close();
        delete();
        Runtime.getRuntime().removeShutdownHook(cleanUp);
    }

    private void delete() {
        try {
            Utils.delete(directory.toFile());
        } catch (IOException e) {
            // a temporary directory; the system clears it some day
        }
    }
}
