package io.thalweg.config;

import java.lang.reflect.Field;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.commons.text.similarity.LevenshteinDistance;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.streams.StreamsConfig;

/**
 * The settings of Kafka and of the registry, which are passed through unchanged. Any other setting must be one of
 * Thalweg, or it is a mistake.
 */
final class PassedThrough {
    /** The prefixes of settings for one kind of client or topic, each with the names that can follow it. */
    private static final Map<String, Set<String>> NAMES_BY_PREFIX = new LinkedHashMap<>();

    private static final String REGISTRY_PREFIX = "schema.registry.";

    /** The registry client's settings that end with a name of the user's, such as that of a rule or a header. */
    private static final List<String> REGISTRY_OPEN_PREFIXES =
            List.of("rule.executors.", "rule.actions.", "request.header.");

    /** Settings of Confluent's Avro serializers and registry client. Each can also have the prefix of the registry. */
    private static final Set<String> REGISTRY_NAMES = Set.of(
            "avro.reflection.allow.null",
            "avro.remove.java.properties",
            "avro.use.logical.type.converters",
            "basic.auth.credentials.source",
            "basic.auth.user.info",
            "bearer.auth.cache.expiry.buffer.seconds",
            "bearer.auth.client.id",
            "bearer.auth.client.secret",
            "bearer.auth.credentials.source",
            "bearer.auth.custom.provider.class",
            "bearer.auth.identity.pool.id",
            "bearer.auth.issuer.endpoint.url",
            "bearer.auth.logical.cluster",
            "bearer.auth.scope",
            "bearer.auth.scope.claim.name",
            "bearer.auth.sub.claim.name",
            "bearer.auth.token",
            "context.name.strategy",
            "max.retries",
            "propagate.schema.tags",
            "proxy.host",
            "proxy.port",
            "retries.max.wait.ms",
            "retries.wait.ms",
            "rule.actions",
            "rule.executors",
            "rule.service.loader.enable",
            "auto.register.schemas",
            "use.schema.id",
            "id.compatibility.strict",
            "latest.compatibility.strict",
            "use.latest.version",
            "use.latest.with.metadata",
            "latest.cache.size",
            "latest.cache.ttl.sec",
            "max.schemas.per.subject",
            "normalize.schemas",
            "missing.cache.size",
            "missing.id.cache.ttl.sec",
            "missing.version.cache.ttl.sec",
            "missing.schema.cache.ttl.sec",
            "subject.name.strategy",
            "key.subject.name.strategy",
            "value.subject.name.strategy",
            "schema.reflection",
            "schema.format",
            "http.connect.timeout.ms",
            "http.read.timeout.ms",
            "user.info",
            "url.randomize");

    private static final Set<String> CLIENT_NAMES = new HashSet<>();
    private static final Set<String> PREFIXED_REGISTRY_NAMES = new HashSet<>();

    static {
        Set<String> topicNames = new HashSet<>();
        for (Field field : TopicConfig.class.getFields()) {
            if (field.getName().endsWith("_CONFIG")) {
                try {
                    topicNames.add((String) field.get(null));
                } catch (IllegalAccessException e) {
                    throw new ExceptionInInitializerError(e);
                }
            }
        }
        ConfigDef tls = new ConfigDef();
        SslConfigs.addClientSslSupport(tls);
        PREFIXED_REGISTRY_NAMES.add(ThalwegConfig.REGISTRY_URL);
        Stream.concat(REGISTRY_NAMES.stream(), tls.names().stream())
                .forEach(name -> PREFIXED_REGISTRY_NAMES.add(REGISTRY_PREFIX + name));
        CLIENT_NAMES.addAll(StreamsConfig.configDef().names());
        CLIENT_NAMES.addAll(ConsumerConfig.configNames());
        CLIENT_NAMES.addAll(ProducerConfig.configNames());
        CLIENT_NAMES.addAll(AdminClientConfig.configNames());
        NAMES_BY_PREFIX.put(StreamsConfig.CONSUMER_PREFIX, ConsumerConfig.configNames());
        NAMES_BY_PREFIX.put(StreamsConfig.MAIN_CONSUMER_PREFIX, ConsumerConfig.configNames());
        NAMES_BY_PREFIX.put(StreamsConfig.RESTORE_CONSUMER_PREFIX, ConsumerConfig.configNames());
        NAMES_BY_PREFIX.put(StreamsConfig.PRODUCER_PREFIX, ProducerConfig.configNames());
        NAMES_BY_PREFIX.put(StreamsConfig.ADMIN_CLIENT_PREFIX, AdminClientConfig.configNames());
        NAMES_BY_PREFIX.put(StreamsConfig.TOPIC_PREFIX, topicNames);
    }

    private static final String FAILS =
            "a record that cannot be used becomes a dead letter, and no other failure may be skipped";

    /** Settings that cannot be set, with the reason. */
    private static final Map<String, String> DECIDED = Map.ofEntries(
            Map.entry(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, "the learner reads and writes bytes and Avro"),
            Map.entry(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, "the learner reads and writes bytes and Avro"),
            Map.entry(
                    StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG,
                    "the learner has its own, which accepts records without a timestamp"),
            Map.entry(StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, FAILS),
            Map.entry("default.deserialization.exception.handler", FAILS),
            Map.entry(StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG, FAILS),
            Map.entry(StreamsConfig.PRODUCTION_EXCEPTION_HANDLER_CLASS_CONFIG, FAILS),
            Map.entry("default.production.exception.handler", FAILS),
            Map.entry(StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, FAILS),
            Map.entry(TopicConfig.CLEANUP_POLICY_CONFIG, "the learner's changelog must be compacted, and is"),
            Map.entry(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "it follows from processing.guarantee"),
            Map.entry(ConsumerConfig.GROUP_ID_CONFIG, "it is the application.id"),
            Map.entry(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "Kafka Streams commits"),
            Map.entry(ProducerConfig.TRANSACTIONAL_ID_CONFIG, "Kafka Streams chooses it"));

    private PassedThrough() {}

    /**
     * Checks that nothing breaks the guarantee, which needs acknowledgments of all replicas and records that are
     * written once and in order. Kafka itself sees to that with transactions.
     *
     * @throws ConfigException if something does
     */
    static void checkGuarantee(Map<String, ?> settings) {
        settings.forEach((name, value) -> {
            String bare = withoutPrefix(name);
            String text = String.valueOf(value).strip();
            if (bare.equals(ProducerConfig.ACKS_CONFIG) && !text.equals("all") && !text.equals("-1")) {
                throw new ConfigException(
                        name,
                        value,
                        "a broker that fails would lose what the learner has published or"
                                + " learned; drop it, or set all");
            }
            if (bare.equals(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG) && !text.equalsIgnoreCase("true")) {
                throw new ConfigException(name, value, "records could be written twice or in another order; drop it");
            }
        });
    }

    /**
     * Checks that all settings are known and can be set.
     *
     * @throws ConfigException if one is not; the message suggests a known setting with a similar name
     */
    static void check(Collection<String> names) {
        for (String name : new TreeSet<>(names)) {
            String decided = DECIDED.get(withoutPrefix(name));
            if (decided != null) {
                throw new ConfigException("setting " + name + " cannot be set: " + decided);
            }
            if (!isKnown(name)) {
                throw new ConfigException("there is no setting " + name + nearest(name)
                        + " (to pass it to the Kafka clients anyway, use the name " + ThalwegConfig.PASS_PREFIX + name
                        + ")");
            }
        }
    }

    static boolean isKnown(String name) {
        return ThalwegConfig.DEFINITION.names().contains(name)
                || isClient(name)
                || isRegistry(name)
                || ConfigProviders.isOfProviders(name);
    }

    private static String withoutPrefix(String name) {
        return Stream.concat(NAMES_BY_PREFIX.keySet().stream(), Stream.of(ThalwegConfig.PASS_PREFIX))
                .filter(name::startsWith)
                .map(prefix -> name.substring(prefix.length()))
                .findFirst()
                .orElse(name);
    }

    private static String nearest(String name) {
        String bare = withoutPrefix(name);
        String prefix = name.substring(0, name.length() - bare.length());
        Set<String> known = new TreeSet<>(NAMES_BY_PREFIX.getOrDefault(prefix, CLIENT_NAMES));
        if (prefix.isEmpty()) {
            known.addAll(REGISTRY_NAMES);
            known.addAll(PREFIXED_REGISTRY_NAMES);
            known.addAll(ThalwegConfig.DEFINITION.names());
        }
        return known.stream()
                .min((a, b) -> Integer.compare(distance(bare, a), distance(bare, b)))
                .filter(other -> distance(bare, other) <= 3)
                .map(other -> "; did you mean " + prefix + other + "?")
                .orElse("");
    }

    private static int distance(String a, String b) {
        return LevenshteinDistance.getDefaultInstance().apply(a, b);
    }

    private static boolean isClient(String name) {
        return CLIENT_NAMES.contains(name)
                || name.startsWith(ThalwegConfig.PASS_PREFIX)
                || NAMES_BY_PREFIX.entrySet().stream()
                        .anyMatch(prefix -> name.startsWith(prefix.getKey())
                                && prefix.getValue()
                                        .contains(name.substring(prefix.getKey().length())));
    }

    private static boolean isRegistry(String name) {
        return REGISTRY_NAMES.contains(name)
                || PREFIXED_REGISTRY_NAMES.contains(name)
                || REGISTRY_OPEN_PREFIXES.stream()
                        .anyMatch(open -> name.startsWith(open) || name.startsWith(REGISTRY_PREFIX + open));
    }

    static Map<String, Object> clients(Map<String, ?> settings) {
        Map<String, Object> clients = new LinkedHashMap<>();
        settings.forEach((name, value) -> {
            if (name.startsWith(ThalwegConfig.PASS_PREFIX) && !CLIENT_NAMES.contains(name)) {
                clients.put(name.substring(ThalwegConfig.PASS_PREFIX.length()), value);
            } else if (isClient(name) && !ConfigProviders.isOfProviders(name)) {
                // values that are kept elsewhere are here already
                clients.put(name, value);
            }
        });
        return clients;
    }

    static Map<String, Object> registry(Map<String, ?> settings) {
        Map<String, Object> registry = new LinkedHashMap<>();
        settings.forEach((name, value) -> {
            if (isRegistry(name)) {
                registry.put(name, value);
            }
        });
        return registry;
    }
}
