package io.thalweg.app.benchmark;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.StreamsConfig;

/**
 * A broker and a registry in this process, with topics of one partition, in a temporary directory that is deleted at
 * the end.
 */
final class LocalCluster implements AutoCloseable {
    private static final int SMALL_SEGMENT = 64 << 20;
    private static final Duration LOOK = Duration.ofMillis(50);

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

    /** A directory for the logs of measured processes and other files that are not needed afterwards. */
    Path directory() {
        return directory;
    }

    /** The settings of a program with output topics of its own. Topics that do not exist are created. */
    Map<String, String> settings(String application, String examples) {
        return settings(application, examples, Map.of());
    }

    /** The same, with the settings of a workload. */
    Map<String, String> settings(String application, String examples, Map<String, String> workload) {
        Map<String, String> settings = addresses();
        settings.putAll(workload);
        settings.put(ThalwegConfig.APPLICATION_ID, application);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, directory.resolve("state").toString());
        settings.put(ThalwegConfig.EXAMPLES_TOPIC, examples);
        for (OutputTopic output : OutputTopic.of(new ThalwegConfig(settings))) {
            settings.put(output.setting(), application + "-" + output.sink());
        }
        new Topics(new ThalwegConfig(settings), admin).create();
        return settings;
    }

    /** Makes topics use small files, so that records can be deleted soon after {@link #forget}. */
    void keepLittleOf(List<String> topics) {
        Map<ConfigResource, Collection<AlterConfigOp>> changes = new HashMap<>();
        for (String topic : topics) {
            changes.put(
                    new ConfigResource(ConfigResource.Type.TOPIC, topic),
                    List.of(new AlterConfigOp(
                            new ConfigEntry(TopicConfig.SEGMENT_BYTES_CONFIG, String.valueOf(SMALL_SEGMENT)),
                            AlterConfigOp.OpType.SET)));
        }
        get(admin.incrementalAlterConfigs(changes).all());
    }

    /** Deletes all records of these topics; the broker removes the files within minutes. */
    void forget(List<String> topics) {
        Map<TopicPartition, RecordsToDelete> all = new HashMap<>();
        for (String topic : topics) {
            // -1 means the end
            all.put(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(-1));
        }
        get(admin.deleteRecords(all).all());
    }

    /**
     * Waits until a program has committed its input up to an offset.
     *
     * @throws io.thalweg.runtime.StopException if the program ends instead
     */
    void awaitCommitted(String application, String topic, long offset, CandidateHandle handle) {
        TopicPartition partition = new TopicPartition(topic, 0);
        while (committed(application, partition) < offset) {
            handle.runsFor(LOOK);
        }
    }

    private long committed(String application, TopicPartition partition) {
        OffsetAndMetadata committed = get(admin.listConsumerGroupOffsets(application)
                        .partitionsToOffsetAndMetadata())
                .get(partition);
        return committed == null ? 0 : committed.offset();
    }

    /** How many transactions of a program are open. */
    long openTransactions(String application) {
        return get(admin.listTransactions(new ListTransactionsOptions().filterStates(List.of(TransactionState.ONGOING)))
                        .all())
                .stream()
                .filter(open -> open.transactionalId().startsWith(application + "-"))
                .count();
    }

    /** Deletes the topics that a program has written, and its examples topic unless that is shared. */
    void deleteTopics(String application) {
        List<String> own = get(admin.listTopics().names()).stream()
                .filter(topic -> topic.startsWith(application + "-"))
                .toList();
        get(admin.deleteTopics(own).all());
    }

    private static <T> T get(KafkaFuture<T> answer) {
        try {
            return answer.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("the broker of the benchmark refused a request", e.getCause());
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
            // it is a temporary directory, which the system will delete at some point
        }
    }
}
