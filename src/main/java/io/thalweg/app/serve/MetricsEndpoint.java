package io.thalweg.app.serve;

import io.javalin.http.Context;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.kafka.KafkaStreamsMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.topology.MovedException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.common.MetricName;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The path that Prometheus scrapes: the metrics of Kafka Streams and its clients, of the JVM, of this server, and of
 * the models.
 */
final class MetricsEndpoint implements Endpoints, AutoCloseable {
    static final String PATH = "/metrics";

    private static final Logger LOG = LoggerFactory.getLogger(MetricsEndpoint.class);

    private static final Duration[] BUCKETS = {
        Duration.ofMillis(1),
        Duration.ofMillis(2),
        Duration.ofMillis(5),
        Duration.ofMillis(10),
        Duration.ofMillis(25),
        Duration.ofMillis(50),
        Duration.ofMillis(100),
        Duration.ofMillis(250),
        Duration.ofSeconds(1),
        Duration.ofSeconds(5)
    };

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final JvmGcMetrics collections = new JvmGcMetrics();
    private final ModelMetrics models;
    private final long timeoutMs;
    /** What the registry adds to each scrape. */
    private volatile MetricSnapshots own = new MetricSnapshots();
    /** Whether the metrics of the models could not be computed when they were last wanted. */
    private final AtomicBoolean hasFailed = new AtomicBoolean();

    // null before a learner is added
    private LearnerRuntime learner;
    private KafkaStreamsMetrics streams;
    /** The names of the metrics that are bound. */
    private Set<MetricName> bound = Set.of();

    MetricsEndpoint(ThalwegConfig config, ModelMetrics models) {
        this.models = models;
        timeoutMs = config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS) / 2;
        registry.config().meterFilter(new MeterFilter() {
            @Override
            public Meter.Id map(Meter.Id id) {
                // Kafka leaves out some descriptions
                return id.getDescription() != null && !id.getDescription().isBlank()
                        ? id
                        : new Meter.Id(
                                id.getName(),
                                Tags.of(id.getTags()),
                                id.getBaseUnit(),
                                "Kafka does not describe this metric.",
                                id.getType());
            }
        });
        collections.bindTo(registry);
        new ClassLoaderMetrics().bindTo(registry);
        new FileDescriptorMetrics().bindTo(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        registry.getPrometheusRegistry().register((MultiCollector) () -> own);
    }

    /** Adds the metrics of a learner, when it has started. */
    synchronized void add(LearnerRuntime started) {
        learner = started;
    }

    /**
     * Binds the metrics of Kafka Streams anew if there are others than before. Micrometer itself looks once a minute,
     * so that those of a task that has moved would stay, and those of a new one be missing.
     */
    private synchronized void bind() {
        if (learner == null) {
            return;
        }
        Set<MetricName> names = Set.copyOf(learner.streams().metrics().keySet());
        if (!names.equals(bound)) {
            if (streams != null) {
                streams.close();
            }
            streams = new KafkaStreamsMetrics(learner.streams());
            streams.bindTo(registry);
            bound = names;
        }
    }

    @Override
    public void addTo(Routes routes) {
        routes.get(PATH, Access.READ, this::scrape);
        routes.onAnswer(this::answered);
    }

    private void scrape(Context request) {
        String accepted = request.header("Accept");
        request.future(() -> models.snapshots()
                .whenComplete((snapshots, failure) -> note(failure))
                .completeOnTimeout(models.withoutModels(), timeoutMs, TimeUnit.MILLISECONDS)
                .exceptionallyCompose(failure -> CompletableFuture.completedFuture(models.withoutModels()))
                .thenAccept(snapshots -> {
                    bind();
                    own = snapshots;
                    request.contentType(
                                    accepted != null && accepted.contains("openmetrics")
                                            ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                            : "text/plain; version=0.0.4; charset=utf-8")
                            .result(registry.scrape(request.res().getContentType()));
                }));
    }

    /** Warns once until it works again, because the metrics of the models would be missing without a word. */
    private void note(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        // a partition may move at any time
        boolean hasMoved = cause instanceof MovedException;
        if (cause == null) {
            hasFailed.set(false);
        } else if (!hasMoved && !hasFailed.getAndSet(true)) {
            LOG.warn("{} lacks the metrics of the models, because they cannot be computed", PATH, cause);
        }
    }

    private void answered(Context request, float milliseconds) {
        Timer.builder("thalweg.http.requests")
                .description(ServedMetric.HTTP_REQUESTS.help())
                .tags(
                        "method",
                        request.method().name(),
                        "path",
                        request.endpointHandlerPath(),
                        "status",
                        Integer.toString(request.statusCode()))
                .serviceLevelObjectives(BUCKETS)
                .register(registry)
                .record((long) (milliseconds * 1e6), TimeUnit.NANOSECONDS);
    }

    /** Returns the registry, for tests. */
    PrometheusMeterRegistry registry() {
        return registry;
    }

    @Override
    public synchronized void close() {
        if (streams != null) {
            streams.close();
        }
        collections.close();
        registry.close();
    }
}
