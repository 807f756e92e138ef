package io.thalweg.runtime;

import io.thalweg.clients.ReloadingSslEngineFactory;
import io.thalweg.clients.StrictClients;
import io.thalweg.config.ThalwegConfig;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.security.auth.login.LoginException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;

/**
 * The settings of Kafka Streams and of single Kafka clients. Settings that are passed through override those chosen
 * here.
 */
public final class KafkaSettings {
    private static final int MARGIN = 64 << 10;

    /** What clients say if they cannot be made. */
    private static final Pattern UNMADE = Pattern.compile("^Failed to (construct|create new) [kK]afka");

    private static final Pattern UNREACHABLE =
            Pattern.compile("\\b(ConnectException|SocketTimeoutException|UnknownHostException)\\b");

    private static final Pattern EXCEPTION_NAME = Pattern.compile("\\b(?:[a-z]+\\.)+[A-Z]\\w*(?:Exception|Error): ");

    private final Map<String, Object> streams;

    public KafkaSettings(ThalwegConfig config) {
        Map<String, Object> settings = new HashMap<>();
        // names without a prefix; a setting that is passed through, with a prefix or without, overrides them
        long stall = config.getLong(ThalwegConfig.BROKER_STALL_MAX_MS);
        settings.put(StreamsConfig.TASK_TIMEOUT_MS_CONFIG, stall);
        settings.put(
                ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, (int) Math.max(120_000, Math.min(stall, Integer.MAX_VALUE)));
        // as long as a consumer may be silent without losing its partitions, less a minute; then a waiting thread
        // gives up and dies
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, Math.min(stall, 240_000L));
        settings.put(StreamsConfig.PRODUCTION_EXCEPTION_HANDLER_CLASS_CONFIG, StrictClients.NeverRetry.class);
        // a dead letter contains the record that it is for, and may be larger than it
        settings.put(
                ProducerConfig.MAX_REQUEST_SIZE_CONFIG, config.getInt(ThalwegConfig.DEAD_LETTERS_MAX_BYTES) + MARGIN);
        // weights and histograms contain many equal bytes, so there is less to send at each commit and less to
        // restore
        settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, config.getString(ThalwegConfig.TOPICS_COMPRESSION));
        // how long a prediction waits for others to be sent with it: not the 100 ms of Kafka Streams, and a little
        // longer if its readers wait for a commit anyway
        boolean transactions =
                StreamsConfig.EXACTLY_ONCE_V2.equals(config.getString(ThalwegConfig.PROCESSING_GUARANTEE));
        settings.put(ProducerConfig.LINGER_MS_CONFIG, transactions ? 5 : 1);
        // lz4 takes two buffers of 64 KiB for each batch; at the default batch size of 16 KiB that is
        // more work than compressing
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 128 << 10);
        // how soon a dead instance is noticed and its partitions go to another instance or to its successor (brokers
        // accept no less unless told to); heartbeats are three times as frequent
        settings.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 6_000);
        settings.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 2_000);
        // an instance that joins gets its partitions once it has restored their weights; this is
        // how often that is checked
        settings.put(StreamsConfig.PROBING_REBALANCE_INTERVAL_MS_CONFIG, 60_000L);
        // there is no global state, but without this setting Kafka Streams warns about its default at
        // every start of every command
        settings.put("processing.exception.handler.global.enabled", true);
        // certificates are renewed more often than a learner is restarted
        settings.put(SslConfigs.SSL_ENGINE_FACTORY_CLASS_CONFIG, ReloadingSslEngineFactory.class);
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

    /**
     * Checks what can be checked of the security settings of all clients of a learner, before any of them is made.
     *
     * @throws ConfigException if they do not fit together
     */
    void checkClients() {
        StreamsConfig config = parsed();
        SaslCheck.check(config.getMainConsumerConfigs("", "", 0));
        SaslCheck.check(config.getRestoreConsumerConfigs(""));
        SaslCheck.check(config.getProducerConfigs(""));
    }

    /** Kafka Streams has its own exception for settings that do not fit each other. */
    private StreamsConfig parsed() {
        try {
            return new StreamsConfig(streams);
        } catch (IllegalArgumentException e) {
            throw new ConfigException(e.getMessage());
        }
    }

    /** The settings for Kafka Streams. */
    public Map<String, Object> streams() {
        return streams;
    }

    /** The name of this instance in its group, {@code group.instance.id}; null if it has none. */
    String instance() {
        Object ofThread = parsed().getMainConsumerConfigs("", "", 0).get(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG);
        // each thread is a member of its own
        return ofThread instanceof String name ? name.substring(0, name.length() - "-0".length()) : null;
    }

    /**
     * Creates an admin client.
     *
     * @throws ConfigException if no client can be made with the settings
     */
    public static Admin admin(ThalwegConfig config) {
        try {
            Map<String, Object> settings = new KafkaSettings(config).parsed().getAdminConfigs("thalweg-admin");
            SaslCheck.check(settings);
            // a client waits for its own requests before it closes, by default for a minute
            int timeout = config.getInt(ThalwegConfig.START_TIMEOUT_MS);
            settings.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, timeout);
            settings.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, Math.min(timeout, 30_000));
            return Admin.create(settings);
        } catch (KafkaException e) {
            throw wrong(e).orElse(e);
        }
    }

    /**
     * Explains why no client of Kafka could be made. It is because of the settings, as nothing has been asked of the
     * brokers yet; or because of the server that OAuth tokens come from.
     *
     * @return a {@link ConfigException}, or a {@link StopException} if that server does not answer; empty if the
     *     exception is about something else
     */
    public static Optional<RuntimeException> wrong(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ConfigException wrong) {
                return Optional.of(wrong);
            }
            if (cause instanceof KafkaException
                    && UNMADE.matcher(String.valueOf(cause.getMessage())).find()) {
                return Optional.of(
                        isUnreachable(cause)
                                ? new StopException(
                                        ExitCode.NOT_READY,
                                        "the token endpoint does not answer: " + why(cause)
                                                + "; check that it runs, and check "
                                                + SaslConfigs.SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL)
                                : new ConfigException(
                                        "no Kafka client can be made with these settings: " + why(cause)));
            }
        }
        return Optional.empty();
    }

    /** The JDK gives a login that failed the stack of its cause as the message. */
    private static String firstLine(Throwable failure) {
        return String.valueOf(failure.getMessage()).lines().findFirst().orElse("");
    }

    private static boolean isUnreachable(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ConnectException
                    || cause instanceof SocketTimeoutException
                    || cause instanceof UnknownHostException
                    || cause instanceof LoginException
                            && UNREACHABLE
                                    .matcher(String.valueOf(cause.getMessage()))
                                    .find()) {
                return true;
            }
        }
        return false;
    }

    /** The messages of all causes, from the outside to the inside. */
    private static String why(Throwable failure) {
        List<String> why = new ArrayList<>();
        for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
            if (cause instanceof ConfigException) {
                // it is made for people
                return cause.getMessage();
            }
            // without the names of the exceptions that others were made of
            String message = EXCEPTION_NAME.matcher(firstLine(cause)).replaceAll("");
            if (why.stream().noneMatch(before -> before.contains(message))) {
                why.add(message);
            }
        }
        return String.join(": ", why);
    }

    /** The settings for a consumer of bytes that belongs to no group and reads what is committed. */
    public Map<String, Object> reader() {
        Map<String, Object> settings = parsed().getRestoreConsumerConfigs("thalweg-reader");
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        return settings;
    }

    /** The compression of the outputs. */
    public String compression() {
        return String.valueOf(writer().get(ProducerConfig.COMPRESSION_TYPE_CONFIG));
    }

    /** The settings for a producer of bytes. */
    public Map<String, Object> writer() {
        Map<String, Object> settings = parsed().getProducerConfigs("thalweg-writer");
        settings.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        settings.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        // with more than one request in flight, a partition that was just created may refuse the first batch and
        // accept the second, and then it never accepts the first (KAFKA-15591)
        settings.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, 1);
        // a person is waiting, so this gives up after two minutes, where the learner waits for a quarter of an hour
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 120_000);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 60_000L);
        return settings;
    }
}
