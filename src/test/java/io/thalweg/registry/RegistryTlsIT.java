package io.thalweg.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.registry.StubRegistry.Answer;
import io.thalweg.testing.TestKeys;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;
import org.apache.avro.Schema;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Confluent's security settings, passed through to a registry behind TLS. */
@Timeout(60)
class RegistryTlsIT {
    private static final String PASSWORD = TestKeys.PASSWORD;
    private static final String TOKEN = "a-static-token";
    private static final String USER_INFO = "alice:wonder:land";
    private static final String BASIC = "Basic YWxpY2U6d29uZGVyOmxhbmQ=";

    @TempDir
    static Path directory;

    private static TestKeys keys;

    @BeforeAll
    static void makeKeys() {
        keys = new TestKeys(directory);
        keys.make("server", "dns:localhost");
        keys.make("elsewhere", "dns:elsewhere.example");
        keys.make("client", "dns:client.example");
    }

    @Test
    void trustsTheServerAndSendsUserAndPassword() throws Exception {
        try (StubRegistry registry = start("server", null);
                ConfluentSchemas schemas = client(
                        registry,
                        "server",
                        Map.of("basic.auth.credentials.source", "USER_INFO", "basic.auth.user.info", USER_INFO))) {
            assertThat(schemas.writerSchema(7)).isEqualTo(Schema.create(Schema.Type.DOUBLE));
            assertThatCode(schemas::check).doesNotThrowAnyException();
            assertThat(registry.authorizations).containsOnly(BASIC);
        }
    }

    @Test
    void sendsAStaticToken() throws Exception {
        try (StubRegistry registry = start("server", null);
                ConfluentSchemas schemas = client(
                        registry,
                        "server",
                        Map.of("bearer.auth.credentials.source", "STATIC_TOKEN", "bearer.auth.token", TOKEN))) {
            assertThat(schemas.writerSchema(7)).isEqualTo(Schema.create(Schema.Type.DOUBLE));
            assertThat(registry.authorizations).containsOnly("Bearer " + TOKEN);
        }
    }

    @Test
    void saysThatCredentialsAreMissingOrWrong() throws Exception {
        try (StubRegistry registry = start("server", null);
                ConfluentSchemas without = client(registry, "server", Map.of());
                ConfluentSchemas wrong = client(
                        registry,
                        "server",
                        Map.of(
                                "basic.auth.credentials.source",
                                "USER_INFO",
                                "basic.auth.user.info",
                                "alice:looking"))) {
            for (ConfluentSchemas schemas : new ConfluentSchemas[] {without, wrong}) {
                assertThatThrownBy(schemas::check)
                        .isInstanceOf(SchemaSourceException.class)
                        .hasMessageContaining("HTTP 401")
                        .hasMessageContaining("basic.auth.user.info")
                        .hasMessageNotContaining("looking");
            }
        }
    }

    @Test
    void saysThatTheServerIsNotTrusted() throws Exception {
        try (StubRegistry registry = start("server", null);
                ConfluentSchemas schemas = client(registry, "elsewhere", Map.of())) {
            assertThatThrownBy(schemas::check)
                    .isInstanceOf(SchemaSourceException.class)
                    .hasMessageContaining(registry.url().replace("http:", "https:"))
                    .hasMessageContaining("schema.registry.ssl.truststore.location")
                    .hasMessageNotContaining("\n")
                    .hasMessageNotContaining(PASSWORD);
            assertThatThrownBy(() -> schemas.writerSchema(7)).isInstanceOf(SchemaSourceException.class);
            assertThat(registry.paths).isEmpty();
        }
    }

    @Test
    void refusesATrustedServerUnderAnotherNameUnlessToldNotToLook() throws Exception {
        Map<String, Object> credentials =
                Map.of("basic.auth.credentials.source", "USER_INFO", "basic.auth.user.info", USER_INFO);
        try (StubRegistry registry = start("elsewhere", null)) {
            try (ConfluentSchemas schemas = client(registry, "elsewhere", credentials)) {
                assertThatThrownBy(schemas::check)
                        .isInstanceOf(SchemaSourceException.class)
                        .hasMessageContaining("host name");
                assertThat(registry.authorizations).isEmpty();
            }
            Map<String, Object> lax = new HashMap<>(credentials);
            lax.put("schema.registry.ssl.endpoint.identification.algorithm", "none");
            try (ConfluentSchemas schemas = client(registry, "elsewhere", lax)) {
                assertThatCode(schemas::check).doesNotThrowAnyException();
            }
        }
    }

    @Test
    void showsItsOwnCertificate() throws Exception {
        Map<String, Object> credentials =
                Map.of("basic.auth.credentials.source", "USER_INFO", "basic.auth.user.info", USER_INFO);
        Map<String, Object> mutual = new HashMap<>(credentials);
        mutual.put("schema.registry.ssl.keystore.location", keys.key("client").toString());
        mutual.put("schema.registry.ssl.keystore.password", PASSWORD);
        mutual.put("schema.registry.ssl.keystore.type", "PKCS12");
        mutual.put("schema.registry.ssl.key.password", PASSWORD);
        try (StubRegistry registry = start("server", "client")) {
            try (ConfluentSchemas schemas = client(registry, "server", mutual)) {
                assertThat(schemas.writerSchema(7)).isEqualTo(Schema.create(Schema.Type.DOUBLE));
            }
            int before = registry.paths.size();
            try (ConfluentSchemas schemas = client(registry, "server", credentials)) {
                assertThatThrownBy(schemas::check).isInstanceOf(SchemaSourceException.class);
                assertThat(registry.paths).hasSize(before);
            }
        }
    }

    @Test
    void refusesOauthWhichWouldSendNothing() throws Exception {
        try (StubRegistry registry = start("server", null)) {
            assertThatThrownBy(
                            () -> client(registry, "server", Map.of("bearer.auth.credentials.source", "OAUTHBEARER")))
                    .isInstanceOf(ConfigException.class)
                    .hasMessageContaining("OAUTHBEARER is not supported")
                    .hasMessageContaining("STATIC_TOKEN");
            assertThat(registry.paths).isEmpty();
        }
    }

    /** @param trusted whose certificate clients must show, or null */
    private static StubRegistry start(String key, String trusted) throws Exception {
        KeyManagerFactory keyManagers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keyManagers.init(TestKeys.load(keys.key(key)), PASSWORD.toCharArray());
        TrustManagerFactory trustManagers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trustManagers.init(TestKeys.load(keys.trust(trusted == null ? key : trusted)));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keyManagers.getKeyManagers(), trustManagers.getTrustManagers(), null);
        HttpsServer server = HttpsServer.create(StubRegistry.anyPort(), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters ssl = context.getDefaultSSLParameters();
                ssl.setNeedClientAuth(trusted != null);
                parameters.setSSLParameters(ssl);
            }
        });
        return new StubRegistry(server, (request, exchange) -> {
            String authorization = exchange.getRequestHeaders().getFirst("Authorization");
            return BASIC.equals(authorization) || ("Bearer " + TOKEN).equals(authorization)
                    ? new Answer(200, "{\"schema\":\"\\\"double\\\"\"}")
                    : new Answer(401, "{\"error_code\":40101,\"message\":\"Unauthorized\"}");
        });
    }

    private static ConfluentSchemas client(StubRegistry registry, String trusted, Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("schema.registry.url", "https://localhost:" + registry.port());
        settings.put(
                "schema.registry.ssl.truststore.location", keys.trust(trusted).toString());
        settings.put("schema.registry.ssl.truststore.password", PASSWORD);
        settings.put("schema.registry.ssl.truststore.type", "PKCS12");
        return new ConfluentSchemas(settings, Duration.ofMillis(250));
    }
}
