package io.thalweg.clients;

import java.security.KeyStore;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLEngine;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.security.auth.SslEngineFactory;
import org.apache.kafka.common.security.ssl.DefaultSslEngineFactory;
import org.apache.kafka.common.utils.Utils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A factory of TLS engines that takes up key stores and trust stores which were renewed on disk, under the same names
 * and with the same passwords. Kafka's own, which does the work, reads them only when a client is made.
 *
 * <p>The files are looked at whenever a client opens a connection. Connections that are open stay as they are. If new
 * files cannot be read, those that were read before stay in use, and the next connection tries again.
 */
public final class ReloadingSslEngineFactory implements SslEngineFactory {
    private static final Logger LOG = LoggerFactory.getLogger(ReloadingSslEngineFactory.class);

    private Map<String, Object> settings = Map.of();
    private SslEngineFactory current = new DefaultSslEngineFactory();
    /** Whether it was said that new files cannot be read. */
    private boolean failed;

    @Override
    public synchronized void configure(Map<String, ?> configs) {
        @SuppressWarnings("unchecked") // nothing is put into it
        Map<String, Object> given = (Map<String, Object>) configs;
        settings = given;
        current.configure(given);
    }

    @Override
    public synchronized SSLEngine createClientSslEngine(String peerHost, int peerPort, String endpointIdentification) {
        reload();
        return current.createClientSslEngine(peerHost, peerPort, endpointIdentification);
    }

    @Override
    public synchronized SSLEngine createServerSslEngine(String peerHost, int peerPort) {
        reload();
        return current.createServerSslEngine(peerHost, peerPort);
    }

    private void reload() {
        if (!current.shouldBeRebuilt(settings)) {
            return;
        }
        SslEngineFactory renewed = new DefaultSslEngineFactory();
        try {
            renewed.configure(settings);
        } catch (KafkaException e) {
            Utils.closeQuietly(renewed, "an SSL engine factory");
            if (!failed) {
                failed = true;
                LOG.warn("{}; what was read before stays in use", e.getMessage());
            }
            return;
        }
        Utils.closeQuietly(current, "an SSL engine factory");
        current = renewed;
        failed = false;
        LOG.info("new connections to the brokers use the certificates that were renewed");
    }

    @Override
    public synchronized boolean shouldBeRebuilt(Map<String, Object> nextConfigs) {
        return current.shouldBeRebuilt(nextConfigs);
    }

    @Override
    public synchronized Set<String> reconfigurableConfigs() {
        return current.reconfigurableConfigs();
    }

    @Override
    public synchronized KeyStore keystore() {
        return current.keystore();
    }

    @Override
    public synchronized KeyStore truststore() {
        return current.truststore();
    }

    @Override
    public synchronized void close() {
        Utils.closeQuietly(current, "an SSL engine factory");
    }
}
