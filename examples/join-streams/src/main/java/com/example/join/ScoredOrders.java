package com.example.join;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.apache.avro.Schema;
import org.apache.avro.Schema.Field;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.Serde;
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
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;

/** Joins each order to what was predicted of it, and writes the order with the probability as one more field. */
public final class ScoredOrders {
    private static final String ORDERS = "orders";
    private static final String PREDICTIONS = "predictions";
    private static final String SCORED_ORDERS = "scored-orders";

    private static final String PROBABILITY = "probability";

    /** How long predictions may be behind their orders, because the learner was down, for example. */
    private static final Duration LONGEST_DELAY = Duration.ofDays(1);

    /** By the schema of the order. */
    private static final Map<Schema, Schema> SCORED = new ConcurrentHashMap<>();

    private ScoredOrders() {}

    public static void main(String[] arguments) throws Exception {
        Properties settings = settings();
        createTopic(settings);
        KafkaStreams streams = new KafkaStreams(
                topology(new AvroSerde(variable("SCHEMA_REGISTRY_URL", "http://localhost:8081"))), settings);
        CountDownLatch failed = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            if (now == State.RUNNING) {
                System.out.println("The join is running.");
            } else if (now == State.ERROR) {
                failed.countDown();
            }
        });
        CloseOptions leaving = CloseOptions.timeout(Duration.ofSeconds(30))
                .withGroupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(leaving)));
        streams.start();
        failed.await();
        System.exit(1);
    }

    private static Topology topology(Serde<GenericRecord> avro) {
        StreamsBuilder builder = new StreamsBuilder();

        // The key is the order's id. An order comes again once its outcome is known, and needs no prediction then.
        KStream<String, GenericRecord> orders = builder.stream(ORDERS, Consumed.with(Serdes.String(), avro))
                .filter((id, order) -> order != null && order.get("returned") == null);

        // The key is the model; the id of the order is in the value. Those with a label are of orders that came again.
        KStream<String, Double> probabilities = builder.stream(PREDICTIONS, Consumed.with(Serdes.String(), avro))
                .filter((model, prediction) -> prediction.get("id") != null && prediction.get("label") == null)
                .map((model, prediction) ->
                        KeyValue.pair(prediction.get("id").toString(), (Double) prediction.get(PROBABILITY)));

        // A prediction has the timestamp of its order, so the two are no time apart. The grace period is for orders
        // that were read much further than the predictions. A table of predictions would not do, because an order finds
        // in it only what was there before the order.
        orders.join(
                        probabilities,
                        ScoredOrders::scored,
                        JoinWindows.ofTimeDifferenceAndGrace(Duration.ZERO, LONGEST_DELAY),
                        StreamJoined.with(Serdes.String(), avro, Serdes.Double())
                                .withName("by-order")
                                .withStoreName("by-order"))
                .peek((id, scored) -> System.out.println("order " + id + ": probability " + scored.get(PROBABILITY)))
                .to(SCORED_ORDERS, Produced.with(Serdes.String(), avro));
        return builder.build();
    }

    private static GenericRecord scored(GenericRecord order, Double probability) {
        GenericRecord scored =
                new GenericData.Record(SCORED.computeIfAbsent(order.getSchema(), ScoredOrders::withProbability));
        for (Field field : order.getSchema().getFields()) {
            scored.put(field.name(), order.get(field.pos()));
        }
        scored.put(PROBABILITY, probability);
        return scored;
    }

    private static Schema withProbability(Schema order) {
        List<Field> fields = new ArrayList<>();
        order.getFields().forEach(field -> fields.add(new Field(field, field.schema())));
        fields.add(new Field(
                PROBABILITY, Schema.create(Schema.Type.DOUBLE), "Of being returned, as predicted when it was placed."));
        return Schema.createRecord("ScoredOrder", null, order.getNamespace(), false, fields);
    }

    private static Properties settings() {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "scored-orders");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, variable("BOOTSTRAP_SERVERS", "localhost:9092"));
        // Reads only predictions that are committed. With at_least_once, set consumer.isolation.level=read_committed,
        // or it also reads those that a crash of the learner has undone.
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        // How long orders wait for predictions that may be on their way to the join, where
        // there is much to catch up on.
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, 1000L);
        return settings;
    }

    private static String variable(String name, String byDefault) {
        return System.getenv().getOrDefault(name, byDefault);
    }

    /** Makes the topic if it is not there yet, with the broker's defaults. */
    private static void createTopic(Properties settings) throws Exception {
        try (Admin admin = Admin.create(settings)) {
            admin.createTopics(List.of(new NewTopic(SCORED_ORDERS, Optional.empty(), Optional.empty())))
                    .all()
                    .get();
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof TopicExistsException)) {
                throw e;
            }
        }
    }
}
