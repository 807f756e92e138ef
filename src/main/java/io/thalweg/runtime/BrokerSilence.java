package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A watch that logs when the brokers stop answering, and when they answer again. Kafka's clients only warn about single
 * connections, and not at all if a broker accepts connections and then stays silent.
 *
 * <p>It watches the bytes that the clients receive. A consumer in a group hears from a broker every few seconds, even
 * if there is nothing to read.
 */
final class BrokerSilence {
    /** How often {@link #look} should be called. */
    static final Duration INTERVAL = Duration.ofSeconds(1);

    private static final Logger LOG = LoggerFactory.getLogger(BrokerSilence.class);
    private static final String RECEIVED = "incoming-byte-total";
    private static final int LOOKS = 10;

    private final Supplier<Map<MetricName, ? extends Metric>> metrics;
    private final Duration patience;
    private Map<MetricName, Double> received = Map.of();
    /** Counted in looks and not in clock time, because a suspended process has not been waiting. */
    private long silent;

    /**
     * @param metrics the metrics of the clients
     * @param patience how long work in progress waits for the brokers at most
     */
    BrokerSilence(Supplier<Map<MetricName, ? extends Metric>> metrics, Duration patience) {
        this.metrics = metrics;
        this.patience = patience;
    }

    /** Checks whether anything was received since the last look. */
    void look() {
        if (hasReceived()) {
            if (silent >= LOOKS) {
                // a warning too, so that it is logged wherever the first one was
                LOG.warn("the brokers answer again, after {} s", silent * INTERVAL.toSeconds());
            }
            silent = 0;
        } else if (++silent == LOOKS) {
            LOG.warn(
                    "the brokers have not answered for {} s; work in progress waits up to {} ms ({}) for them, "
                            + "and nothing is lost",
                    LOOKS * INTERVAL.toSeconds(),
                    patience.toMillis(),
                    ThalwegConfig.BROKER_STALL_MAX_MS);
        }
    }

    private boolean hasReceived() {
        Map<MetricName, Double> now = new HashMap<>();
        boolean more = false;
        for (Map.Entry<MetricName, ? extends Metric> entry : metrics.get().entrySet()) {
            if (entry.getKey().name().equals(RECEIVED) && entry.getValue().metricValue() instanceof Double total) {
                now.put(entry.getKey(), total);
                // clients come and go with their threads, so totals are compared client by client
                more |= total > received.getOrDefault(entry.getKey(), 0.0);
            }
        }
        received = now;
        return more;
    }
}
