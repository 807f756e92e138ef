package io.thalweg.registry;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;

/** The settings of Confluent's client: those of the user, checked and completed. */
final class RegistrySettings {
    private static final String PREFIX = "schema.registry.";
    private static final String URL = "schema.registry.url";
    private static final String BASIC_SOURCE = "basic.auth.credentials.source";
    private static final String BEARER_SOURCE = "bearer.auth.credentials.source";

    private RegistrySettings() {}

    /**
     * Completes settings for Confluent's client.
     *
     * @throws ConfigException if one of them cannot work here
     */
    static Map<String, Object> complete(Map<String, ?> settings) {
        Map<String, Object> complete = new LinkedHashMap<>();
        settings.forEach((name, value) -> {
            // The client casts passwords to String.
            complete.put(name, value instanceof Password password ? password.value() : value);
        });
        if (complete.get(URL) == null || complete.get(URL).toString().isBlank()) {
            throw new ConfigException(
                    URL + " is not set; it is the address of the schema registry, such as http://localhost:8081");
        }
        // With a name that the client does not know, it silently sends no credentials.
        requireOneOf(complete, BASIC_SOURCE, Set.of("URL", "USER_INFO", "SASL_INHERIT"));
        // On its way to CUSTOM the client loads its OAuth classes, which cannot be loaded with this version of Kafka.
        requireOneOf(complete, BEARER_SOURCE, Set.of("STATIC_TOKEN"));

        // Values that the client casts instead of parsing them.
        for (String name :
                List.of("missing.id.cache.ttl.sec", "missing.version.cache.ttl.sec", "missing.schema.cache.ttl.sec")) {
            complete.computeIfPresent(name, (key, value) -> parse(key, value));
        }
        complete.computeIfPresent("missing.cache.size", (key, value) -> Math.toIntExact(parse(key, value)));

        // Retries happen in ConfluentSchemas, where they can be interrupted and have one limit.
        defaultTo(complete, "max.retries", 0);
        defaultTo(complete, "http.connect.timeout.ms", 10_000);
        defaultTo(complete, "http.read.timeout.ms", 10_000);
        // The default according to Confluent's documentation; the client verifies no host name unless it is set.
        complete.putIfAbsent("schema.registry.ssl.endpoint.identification.algorithm", "https");
        return complete;
    }

    /** The address or addresses, without user and password, for messages. */
    static String address(Map<String, ?> settings) {
        return RegistryFault.withoutUserInfo(String.valueOf(settings.get(URL)));
    }

    private static void requireOneOf(Map<String, Object> settings, String name, Set<String> known) {
        for (String spelling : List.of(name, PREFIX + name)) {
            Object source = settings.get(spelling);
            if (source == null || source.toString().isEmpty() || known.contains(source.toString())) {
                continue;
            }
            boolean oauth = source.equals("CUSTOM") || source.toString().contains("OAUTHBEARER");
            throw new ConfigException(spelling + "=" + source + " is not supported"
                    + (oauth ? ": the registry client's OAuth classes do not run with this version of Kafka" : "")
                    + "; use " + BEARER_SOURCE + "=STATIC_TOKEN with bearer.auth.token, or " + BASIC_SOURCE
                    + "=USER_INFO with basic.auth.user.info");
        }
    }

    /** Sets a default. The client accepts two spellings of a name, and if both are set it uses an arbitrary one. */
    private static void defaultTo(Map<String, Object> settings, String name, Object value) {
        if (!settings.containsKey(PREFIX + name)) {
            settings.putIfAbsent(name, value);
        }
    }

    private static long parse(String name, Object value) {
        try {
            return Long.parseLong(value.toString().strip());
        } catch (NumberFormatException e) {
            throw new ConfigException(name + " must be a whole number, but is " + value);
        }
    }
}
