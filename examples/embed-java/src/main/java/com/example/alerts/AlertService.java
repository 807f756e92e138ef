package com.example.alerts;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Prediction;
import io.thalweg.clients.StrictClients;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputRecord;
import io.thalweg.output.OutputTopic;
import io.thalweg.topology.LearnerSupplier;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Produced;

/**
 * A Kafka Streams service with the learner in its topology. It learns from orders whether they will be returned, and
 * raises an alert for each open order whose probability is at least a threshold.
 */
public final class AlertService {
    private static final String ALERTS = "order-alerts";

    private AlertService() {}

    /** @param arguments a file of settings, and the threshold */
    public static void main(String[] arguments) throws Exception {
        ThalwegConfig config = new ThalwegConfig(read(Path.of(arguments[0])));
        double threshold = Double.parseDouble(arguments[1]);
        Properties kafka = kafkaSettings(config);
        createTopics(kafka, ALERTS, config.getString(ThalwegConfig.DEAD_LETTERS_TOPIC));

        // With Kafka Streams' own clients, a broker that stalls during a commit can make it pass over records.
        KafkaStreams streams = new KafkaStreams(topology(config, threshold), kafka, new StrictClients());
        CountDownLatch failed = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            if (now == State.RUNNING) {
                System.out.println("The service is running.");
            } else if (now == State.ERROR) {
                failed.countDown();
            }
        });
        // Another instance, or the next start of this one, goes on at once, and not after session.timeout.ms.
        CloseOptions leaving = CloseOptions.timeout(Duration.ofSeconds(30))
                .withGroupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(leaving)));
        streams.start();

        // A thread that dies ends the service. Started again, it goes on after what was last committed.
        failed.await();
        System.exit(1);
    }

    private static Topology topology(ThalwegConfig config, double threshold) {
        RegistrySchemas schemas = new RegistrySchemas(config.getString(ThalwegConfig.REGISTRY_URL));
        StreamsBuilder builder = new StreamsBuilder();
        KStream<byte[], OutputRecord> learned = builder.stream(
                        config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                        Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(new LearnerSupplier(config, schemas, ""), Named.as("learner"));

        learned.filter((model, output) -> output.topic() == OutputTopic.PREDICTIONS)
                .mapValues(output -> (Prediction) output.value())
                // one with a label is of an order whose outcome is known by now
                .filter((model, prediction) ->
                        prediction.getLabel() == null && prediction.getProbability() >= threshold)
                .map((model, prediction) -> KeyValue.pair(id(prediction), alert(prediction)))
                .peek((id, alert) -> System.out.println("alert " + id + " " + alert))
                .to(ALERTS, Produced.with(Serdes.String(), Serdes.String()));

        // What cannot be used goes on as it came. Its headers say why: thalweg.reason, thalweg.detail and where it was.
        learned.filter((key, output) -> output.topic() == OutputTopic.DEAD_LETTERS)
                .mapValues(output -> ((DeadLetter) output.value()).getValue())
                .to(
                        config.getString(ThalwegConfig.DEAD_LETTERS_TOPIC),
                        Produced.with(Serdes.ByteArray(), Serdes.ByteBuffer()));
        return builder.build();
    }

    private static String id(Prediction prediction) {
        return prediction.getId() == null ? null : prediction.getId().toString();
    }

    private static String alert(Prediction prediction) {
        return "{\"probability\": " + prediction.getProbability() + ", \"modelVersion\": " + prediction.getVersion()
                + "}";
    }

    private static Properties kafkaSettings(ThalwegConfig config) {
        Properties kafka = new Properties();
        kafka.putAll(config.clients());
        kafka.put(StreamsConfig.APPLICATION_ID_CONFIG, config.getString(ThalwegConfig.APPLICATION_ID));
        kafka.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, config.getString(ThalwegConfig.BOOTSTRAP_SERVERS));
        kafka.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, config.getString(ThalwegConfig.PROCESSING_GUARANTEE));
        kafka.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, config.getLong(ThalwegConfig.COMMIT_INTERVAL_MS));
        kafka.put(StreamsConfig.PRODUCTION_EXCEPTION_HANDLER_CLASS_CONFIG, StrictClients.NeverRetry.class);
        return kafka;
    }

    private static Map<String, String> read(Path file) throws IOException {
        Properties settings = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            settings.load(reader);
        }
        return settings.stringPropertyNames().stream().collect(Collectors.toMap(name -> name, settings::getProperty));
    }

    /** Makes the topics that are not there yet, with the broker's defaults. */
    private static void createTopics(Properties kafka, String... names) throws Exception {
        try (Admin admin = Admin.create(kafka)) {
            for (String name : names) {
                KafkaFuture<Void> created = admin.createTopics(
                                List.of(new NewTopic(name, Optional.empty(), Optional.empty())))
                        .all();
                try {
                    created.get();
                } catch (ExecutionException e) {
                    if (!(e.getCause() instanceof TopicExistsException)) {
                        throw e;
                    }
                }
            }
        }
    }
}
