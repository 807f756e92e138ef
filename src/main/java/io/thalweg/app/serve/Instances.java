package io.thalweg.app.serve;

import io.javalin.http.Context;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StopException;
import io.thalweg.store.KeyPartitioner;
import io.thalweg.topology.LearnerSupplier;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.kafka.streams.KeyQueryMetadata;
import org.apache.kafka.streams.LagInfo;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.StreamsMetadata;
import org.apache.kafka.streams.state.HostInfo;
import org.eclipse.jetty.util.URIUtil;

/** The instances of the learner: which has which partition, and how to ask them. Safe for use by several threads. */
final class Instances {
    /** The header of a request that an instance has passed on, so that it is not passed on again. */
    static final String PASSED_ON = "Thalweg-Passed-On";

    private static final long LAGS_USED_MS = 1_000;

    /** What Jetty takes in a request although {@link URI} does not. */
    private static final String NOT_IN_URIS = " \"<>[\\]^`{|}";

    private final AtomicReference<LearnerRuntime> learner;
    /** The address of this instance, as the others know it. */
    private volatile HostInfo self = HostInfo.unavailable();

    private final String scheme;
    private final Duration timeout;
    private final HttpClient client;

    /** How far behind the end of its changelog a standby is that has read all commits. */
    private final long leastLag;
    /** The last look at how far the standbys are, which may still be under way. */
    private CompletableFuture<StandbyLags> lags = CompletableFuture.failedFuture(new IllegalStateException());

    /** How far the standbys here are behind. @param at when the look began, in milliseconds since 1970 */
    private record StandbyLags(long at, Map<Integer, LagInfo> byPartition) {}

    Instances(ThalwegConfig config, AtomicReference<LearnerRuntime> learner) {
        this.learner = learner;
        boolean secure =
                !config.getString(ThalwegConfig.HTTP_SSL_KEYSTORE_LOCATION).isEmpty();
        scheme = secure ? "https" : "http";
        // the position is that after the last record, and a transaction ends with a marker
        leastLag = StreamsConfig.EXACTLY_ONCE_V2.equals(config.getString(ThalwegConfig.PROCESSING_GUARANTEE)) ? 1 : 0;
        // shorter than the time that the client of the first instance has
        timeout = Duration.ofMillis(Math.max(50, config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS) / 3));
        HttpClient.Builder builder =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(timeout);
        if (secure) {
            builder.sslContext(ssl(config));
        }
        client = builder.build();
    }

    private static SSLContext ssl(ThalwegConfig config) {
        String location = config.getString(ThalwegConfig.HTTP_SSL_TRUSTSTORE_LOCATION);
        try {
            if (location.isEmpty()) {
                return SSLContext.getDefault();
            }
            KeyStore certificates = KeyStore.getInstance(config.getString(ThalwegConfig.HTTP_SSL_TRUSTSTORE_TYPE));
            try (InputStream in = Files.newInputStream(Path.of(location))) {
                certificates.load(
                        in,
                        config.getPassword(ThalwegConfig.HTTP_SSL_TRUSTSTORE_PASSWORD)
                                .value()
                                .toCharArray());
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(certificates);
            SSLContext ssl = SSLContext.getInstance("TLS");
            ssl.init(null, trust.getTrustManagers(), null);
            return ssl;
        } catch (IOException | GeneralSecurityException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    ("the truststore %s cannot be used (%s); change http.ssl.truststore.location, its type, or the"
                                    + " password")
                            .formatted(location, e.getMessage()));
        }
    }

    /** Sets the address of this instance, as {@code application.server} tells it to the others. */
    void self(String address) {
        self = HostInfo.buildFromEndpoint(address);
    }

    /**
     * Returns the partition of a model: the one that Kafka's own producers choose for its id.
     *
     * @throws HttpRefusal if the learner has not started
     */
    int partitionOf(String model) {
        return KeyPartitioner.MURMUR2.partition(
                model.getBytes(StandardCharsets.UTF_8), started().partitions());
    }

    private LearnerRuntime started() {
        LearnerRuntime started = learner.get();
        if (started == null) {
            throw HttpRefusal.unavailable("the learner is starting", 1);
        }
        return started;
    }

    /** Returns the other instance in which a partition is active; null if there is none. */
    HostInfo ownerOf(int partition) {
        return others(Stream.of(metadata(partition).activeHost())).findFirst().orElse(null);
    }

    /** Returns another instance in which a partition is standing by; null if there is none. */
    HostInfo standbyOf(int partition) {
        return others(metadata(partition).standbyHosts().stream()).findFirst().orElse(null);
    }

    /**
     * Asks Kafka Streams where a partition is. A model can be in another than that of its key's hash, if its producers
     * choose partitions in another way, so the partition itself is the key.
     */
    // Kafka 4.3 has no partitioner but the one that 4.4 deprecates
    @SuppressWarnings("removal")
    private KeyQueryMetadata metadata(int partition) {
        try {
            return started()
                    .streams()
                    .queryMetadataForKey(
                            LearnerSupplier.STORE,
                            partition,
                            (topic, key, value, partitions) -> Optional.of(Set.of(key)));
        } catch (IllegalStateException e) {
            // the learner is not running yet, or no longer
            return KeyQueryMetadata.NOT_AVAILABLE;
        }
    }

    /**
     * Asks the brokers whether a standby here has read everything.
     *
     * @return when it had, in milliseconds since 1970; 0 if it had not, or if that is not known
     */
    CompletableFuture<Long> sawEnd(int partition) {
        return lags().handle((looked, failure) -> {
            LagInfo lag = failure == null ? looked.byPartition.get(partition) : null;
            return lag != null && lag.offsetLag() <= leastLag ? looked.at : 0L;
        });
    }

    /** Looks how far the standbys are, unless somebody has done so within the last second. */
    private synchronized CompletableFuture<StandbyLags> lags() {
        boolean isRecent = !lags.isDone()
                || !lags.isCompletedExceptionally() && System.currentTimeMillis() - lags.join().at < LAGS_USED_MS;
        if (!isRecent) {
            lags = CompletableFuture.supplyAsync(
                    () -> {
                        long at = System.currentTimeMillis();
                        Map<String, Map<Integer, LagInfo>> all =
                                started().streams().allLocalStorePartitionLags();
                        return new StandbyLags(at, all.getOrDefault(LearnerSupplier.STORE, Map.of()));
                    },
                    // brokers that do not answer keep it waiting
                    look -> {
                        Thread thread = new Thread(look, "http-standby");
                        thread.setDaemon(true);
                        thread.start();
                    });
        }
        return lags;
    }

    private Stream<HostInfo> others(Stream<HostInfo> hosts) {
        return hosts.filter(host -> !host.equals(self) && !host.equals(HostInfo.unavailable()));
    }

    /** Returns all other instances that can be asked. */
    List<HostInfo> others() {
        return others(all().stream().map(StreamsMetadata::hostInfo)).distinct().toList();
    }

    private Collection<StreamsMetadata> all() {
        try {
            return started().streams().metadataForAllStreamsClients();
        } catch (IllegalStateException e) {
            // the learner is not running yet, or no longer
            return List.of();
        }
    }

    /**
     * Returns the address of what a request asks for, in another instance.
     *
     * @param path as the client has sent it
     * @param query the same; null if there is none
     */
    static URI uri(String scheme, HostInfo instance, String path, String query) {
        String asked = query == null ? path : path + "?" + query;
        // a HostInfo has no brackets around an IPv6 address; and clients may send what a URI must not contain
        return URI.create(scheme + "://" + new ListenAddress(instance.host(), instance.port())
                + URIUtil.encodeSpecific(asked, NOT_IN_URIS));
    }

    /** Passes a request on to another instance. */
    CompletableFuture<HttpResponse<byte[]>> passOn(HostInfo instance, Context request, String why) {
        URI uri = uri(scheme, instance, request.req().getRequestURI(), request.queryString());
        HttpRequest.Builder builder =
                HttpRequest.newBuilder(uri).timeout(timeout).header(PASSED_ON, why);
        for (String header : List.of("Authorization", "Content-Type")) {
            String value = request.header(header);
            if (value != null) {
                builder.header(header, value);
            }
        }
        builder.method(
                request.method().name(),
                request.method().name().equals("POST")
                        ? HttpRequest.BodyPublishers.ofByteArray(request.bodyAsBytes())
                        : HttpRequest.BodyPublishers.noBody());
        return client.sendAsync(builder.build(), HttpResponse.BodyHandlers.ofByteArray());
    }
}
