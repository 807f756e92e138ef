package io.thalweg.runtime;

import io.thalweg.clients.StrictClients;
import io.thalweg.config.ThalwegConfig;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;

/** The settings of Kafka Streams and of single clients. What was passed through wins over what is chosen here. */
public final class KafkaSettings {
    private static final int MARGIN = 64 << 10;

    private final Map<String, Object> streams;

    public KafkaSettings(ThalwegConfig config) {
        Map<String, Object> settings = new HashMap<>();
        // names without prefix, which give way to those that are passed through with one or without
        // a broker that stalls is waited for, by the task and by the sends that are under way
        long stall = config.getLong(ThalwegConfig.BROKER_STALL_MAX_MS);
        settings.put(StreamsConfig.TASK_TIMEOUT_MS_CONFIG, stall);
        settings.put(
                ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, (int) Math.max(120_000, Math.min(stall, Integer.MAX_VALUE)));
        // as long as the consumer may be silent without losing its partitions, less a minute; a
        // thread that waits in vain dies
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, Math.min(stall, 240_000L));
        settings.put(StreamsConfig.PRODUCTION_EXCEPTION_HANDLER_CLASS_CONFIG, StrictClients.NeverRetry.class);
        // a dead letter holds the record that it is for, and may be larger than it
        settings.put(
                ProducerConfig.MAX_REQUEST_SIZE_CONFIG, config.getInt(ThalwegConfig.DEAD_LETTERS_MAX_BYTES) + MARGIN);
        // weights and histograms hold many equal bytes; less to send at each commit, and less to restore
        settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
        // a prediction waits this long for others to be sent with it, and not the 100 ms of Kafka Streams; where its
        // readers wait for a commit anyway, a little longer
        boolean transactions =
                StreamsConfig.EXACTLY_ONCE_V2.equals(config.getString(ThalwegConfig.PROCESSING_GUARANTEE));
        settings.put(ProducerConfig.LINGER_MS_CONFIG, transactions ? 5 : 1);
        // each batch costs lz4 two buffers of 64 KiB, which at the default of 16 KiB is more work than compressing
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 128 << 10);
        // an instance that died is missed after this long, and its partitions go to another or to its successor
        // (no broker takes less unless it is told to); it says three times as often that it lives
        settings.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 6_000);
        settings.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 2_000);
        // an instance that joins is given its partitions once it has their weights; how long until somebody looks
        settings.put(StreamsConfig.PROBING_REBALANCE_INTERVAL_MS_CONFIG, 60_000L);
        // there is no global state; without this, Kafka Streams warns of its default at every start of every command
        settings.put("processing.exception.handler.global.enabled", true);
        settings.putAll(config.clients());
        for (String name : new String[] {
            ThalwegConfig.APPLICATION_ID,
            ThalwegConfig.BOOTSTRAP_SERVERS,
            ThalwegConfig.PROCESSING_GUARANTEE,
            ThalwegConfig.COMMIT_INTERVAL_MS,
            ThalwegConfig.THREADS
        }) {
            settings.put(name, config.values().get(name));
        }
        streams = settings;
    }

    /** For Kafka Streams. */
    public Map<String, Object> streams() {
        return streams;
    }

    /** The name of this instance among those that share the work, {@code group.instance.id}; null where it has none. */
    String instance() {
        Object ofThread = new StreamsConfig(streams)
                .getMainConsumerConfigs("", "", 0)
                .get(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG);
        // each thread has a member of its own
        return ofThread instanceof String name ? name.substring(0, name.length() - "-0".length()) : null;
    }

    /** An admin client. @throws StopException if the addresses or the security settings cannot be right */
    public static Admin admin(ThalwegConfig config) {
        try {
            Map<String, Object> settings =
                    new StreamsConfig(new KafkaSettings(config).streams).getAdminConfigs("thalweg-admin");
            // a client waits for its own questions before it closes, by default for a minute
            int timeout = config.getInt(ThalwegConfig.START_TIMEOUT_MS);
            settings.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, timeout);
            settings.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, Math.min(timeout, 30_000));
            return Admin.create(settings);
        } catch (ConfigException e) {
            throw e;
        } catch (KafkaException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw cause instanceof ConfigException wrong ? wrong : AdminCalls.unreachable(config, cause.getMessage());
        }
    }

    /** For a consumer of bytes that belongs to no group and sees what has been committed. */
    public Map<String, Object> reader() {
        Map<String, Object> settings = new StreamsConfig(streams).getRestoreConsumerConfigs("thalweg-reader");
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        return settings;
    }

    /** For a producer of bytes. */
    public Map<String, Object> writer() {
        Map<String, Object> settings = new StreamsConfig(streams).getProducerConfigs("thalweg-writer");
        settings.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        settings.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        // a partition that has just been created may refuse the first batch and take the second, and the first is then
        // never taken (KAFKA-15591)
        settings.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, 1);
        // somebody sits before this one: what the learner waits for a quarter of an hour, they
        // want to know in two minutes
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 120_000);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 60_000L);
        return settings;
    }
}
