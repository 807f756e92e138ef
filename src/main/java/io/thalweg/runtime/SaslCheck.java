package io.thalweg.runtime;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.security.JaasContext;

/**
 * A check that the SASL settings of a client fit together. Where they do not, Kafka's clients connect again and again
 * without saying why.
 */
final class SaslCheck {
    private static final Set<String> WITH_PASSWORD = Set.of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512");

    /** The login modules that are for some mechanisms and no others. */
    private static final Map<String, Set<String>> MECHANISMS = Map.of(
            "org.apache.kafka.common.security.plain.PlainLoginModule", Set.of("PLAIN"),
            "org.apache.kafka.common.security.scram.ScramLoginModule", Set.of("SCRAM-SHA-256", "SCRAM-SHA-512"),
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule", Set.of("OAUTHBEARER"),
            "com.sun.security.auth.module.Krb5LoginModule", Set.of("GSSAPI"));

    private SaslCheck() {}

    /**
     * Checks the settings of a client.
     *
     * @throws ConfigException if they do not fit together
     */
    static void check(Map<String, ?> settings) {
        if (!String.valueOf(settings.get("security.protocol")).startsWith("SASL")) {
            return;
        }
        String mechanism = mechanism(settings);
        for (AppConfigurationEntry entry : login(settings)) {
            Set<String> fitting = MECHANISMS.get(entry.getLoginModuleName());
            if (fitting != null && !fitting.contains(mechanism)) {
                throw new ConfigException("%s = %s does not fit %s, which is for %s; change one of them"
                        .formatted(
                                SaslConfigs.SASL_MECHANISM,
                                mechanism,
                                entry.getLoginModuleName(),
                                String.join(" and ", fitting.stream().sorted().toList())));
            }
            if (fitting == null
                    || !WITH_PASSWORD.contains(mechanism)
                    || settings.get(SaslConfigs.SASL_CLIENT_CALLBACK_HANDLER_CLASS) != null) {
                continue;
            }
            for (String option : List.of("username", "password")) {
                if (entry.getOptions().get(option) == null) {
                    throw new ConfigException("there is no %s in %s".formatted(option, SaslConfigs.SASL_JAAS_CONFIG));
                }
            }
        }
    }

    /** Returns the mechanism of a client. */
    static String mechanism(Map<String, ?> settings) {
        Object mechanism = settings.get(SaslConfigs.SASL_MECHANISM);
        return mechanism == null ? SaslConfigs.DEFAULT_SASL_MECHANISM : mechanism.toString();
    }

    /**
     * Returns the login modules of a client, from its settings or the file that the JVM was given.
     *
     * @throws ConfigException if there are none, or they cannot be read
     */
    static List<AppConfigurationEntry> login(Map<String, ?> settings) {
        Map<String, Object> readable = new HashMap<>(settings);
        readable.put(SaslConfigs.SASL_MECHANISM, mechanism(settings));
        Object jaas = settings.get(SaslConfigs.SASL_JAAS_CONFIG);
        readable.put(
                SaslConfigs.SASL_JAAS_CONFIG,
                jaas == null || jaas instanceof Password ? jaas : new Password(jaas.toString()));
        try {
            return JaasContext.loadClientContext(readable).configurationEntries();
        } catch (IllegalArgumentException | SecurityException e) {
            throw new ConfigException("the JAAS configuration, %s, cannot be used: %s"
                    .formatted(SaslConfigs.SASL_JAAS_CONFIG, e.getMessage()));
        }
    }
}
