package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.Map;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.config.types.Password;

/**
 * Who the clients of these settings are to the brokers, for messages. Brokers do not tell whom they have taken a client
 * for, so this is what they make of its credentials without rules of their own.
 */
final class ClientPrincipal {
    private static final String ANONYMOUS = "User:ANONYMOUS";

    private ClientPrincipal() {}

    /** Returns the principal, such as {@code User:alice}, or in words where it comes from. */
    static String of(ThalwegConfig config) {
        Map<String, Object> clients = config.clients();
        String protocol = String.valueOf(clients.getOrDefault("security.protocol", "PLAINTEXT"));
        try {
            if (protocol.startsWith("SASL")) {
                return ofSasl(clients);
            }
            return protocol.equals("SSL") ? ofCertificate(clients) : ANONYMOUS;
        } catch (Exception e) {
            // the credentials cannot be read, and another message says so
            return "of these settings";
        }
    }

    private static String ofSasl(Map<String, Object> clients) {
        String mechanism = SaslCheck.mechanism(clients);
        if (mechanism.equals("OAUTHBEARER")) {
            Object client = clients.get(SaslConfigs.SASL_OAUTHBEARER_CLIENT_CREDENTIALS_CLIENT_ID);
            return client == null ? "of the OAuth token" : "of OAuth client " + client;
        }
        for (AppConfigurationEntry entry : SaslCheck.login(clients)) {
            for (String option : new String[] {"username", "principal"}) {
                if (entry.getOptions().get(option) instanceof String name) {
                    // of a Kerberos principal, brokers take what is before the first / or @
                    return "User:" + (option.equals("principal") ? name.split("[/@]", 2)[0] : name);
                }
            }
        }
        return "of " + mechanism;
    }

    private static String ofCertificate(Map<String, Object> clients) throws Exception {
        Object file = clients.get(SslConfigs.SSL_KEYSTORE_LOCATION_CONFIG);
        if (file == null) {
            return clients.containsKey(SslConfigs.SSL_KEYSTORE_CERTIFICATE_CHAIN_CONFIG)
                    ? "of the certificate in " + SslConfigs.SSL_KEYSTORE_CERTIFICATE_CHAIN_CONFIG
                    : ANONYMOUS;
        }
        String type = String.valueOf(clients.getOrDefault(SslConfigs.SSL_KEYSTORE_TYPE_CONFIG, "JKS"));
        if (type.equals("PEM")) {
            return "of the certificate in " + file;
        }
        KeyStore keys = KeyStore.getInstance(type);
        Object password = clients.get(SslConfigs.SSL_KEYSTORE_PASSWORD_CONFIG);
        try (InputStream in = new FileInputStream(file.toString())) {
            keys.load(in, password == null ? null : password(password).value().toCharArray());
        }
        for (String alias : Collections.list(keys.aliases())) {
            if (keys.isKeyEntry(alias) && keys.getCertificate(alias) instanceof X509Certificate certificate) {
                return "User:" + certificate.getSubjectX500Principal().getName();
            }
        }
        throw new GeneralSecurityException("no key");
    }

    private static Password password(Object value) {
        return value instanceof Password password ? password : new Password(String.valueOf(value));
    }
}
