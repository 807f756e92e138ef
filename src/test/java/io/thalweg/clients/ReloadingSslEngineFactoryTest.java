package io.thalweg.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.testing.ProgramLog;
import io.thalweg.testing.TestKeys;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.KeyStore;
import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.SslConfigs;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReloadingSslEngineFactoryTest {
    @TempDir
    private Path directory;

    private final ReloadingSslEngineFactory factory = new ReloadingSslEngineFactory();
    private Path store;
    private Map<String, Object> settings;
    private int writes;

    @BeforeEach
    void makeKeys() {
        TestKeys keys = new TestKeys(directory);
        keys.make("first", "dns:first");
        keys.make("second", "dns:second");
        store = directory.resolve("store.p12");
        ConfigDef tls = new ConfigDef();
        SslConfigs.addClientSslSupport(tls);
        settings = tls.parse(Map.of(
                SslConfigs.SSL_KEYSTORE_TYPE_CONFIG,
                "PKCS12",
                SslConfigs.SSL_KEYSTORE_LOCATION_CONFIG,
                store.toString(),
                SslConfigs.SSL_KEYSTORE_PASSWORD_CONFIG,
                TestKeys.PASSWORD,
                SslConfigs.SSL_KEY_PASSWORD_CONFIG,
                TestKeys.PASSWORD));
    }

    @AfterEach
    void close() {
        factory.close();
    }

    private void write(byte[] content) throws Exception {
        Files.write(store, content);
        // so that it differs, however fast this is
        Files.setLastModifiedTime(store, FileTime.fromMillis(1_000_000L * ++writes));
    }

    private void connect() {
        assertThat(factory.createClientSslEngine("broker", 9093, "https").getUseClientMode())
                .isTrue();
    }

    private KeyStore key(String name) throws Exception {
        return TestKeys.load(directory.resolve(name + ".p12"));
    }

    private byte[] bytes(String name) throws Exception {
        return Files.readAllBytes(directory.resolve(name + ".p12"));
    }

    @Test
    void theNextConnectionUsesAKeyThatWasRenewed() throws Exception {
        write(bytes("first"));
        factory.configure(settings);
        connect();
        KeyStore before = factory.keystore();
        assertThat(before.getCertificate("first")).isEqualTo(key("first").getCertificate("first"));

        connect();
        assertThat(factory.keystore()).as("not read again").isSameAs(before);
        write(bytes("second"));
        connect();
        assertThat(factory.keystore().getCertificate("second"))
                .isEqualTo(key("second").getCertificate("second"));
        assertThat(factory.keystore().containsAlias("first")).isFalse();
    }

    @Test
    void aStoreThatCannotBeReadIsPassedOverWithOneWarning() throws Exception {
        write(bytes("first"));
        factory.configure(settings);
        try (ProgramLog log = new ProgramLog()) {
            write(Arrays.copyOf(bytes("second"), 500));
            connect();
            connect();
            assertThat(factory.keystore().containsAlias("first")).isTrue();
            assertThat(log.lines())
                    .singleElement()
                    .asString()
                    .contains("Failed to load SSL keystore", "; what was read before stays in use");
            assertThat(log.lines().get(0)).doesNotContain(TestKeys.PASSWORD);

            Files.delete(store);
            connect();
            assertThat(factory.keystore().containsAlias("first")).isTrue();
        }
        write(bytes("second"));
        connect();
        assertThat(factory.keystore().containsAlias("second")).isTrue();
    }

    @Test
    void theFirstStoreMustBeReadable() throws Exception {
        write(new byte[] {1, 2, 3});
        assertThatThrownBy(() -> factory.configure(settings)).isInstanceOf(KafkaException.class);
    }
}
