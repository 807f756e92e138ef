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
 * Says when the brokers no longer answer, and when they do again. Kafka's clients only warn of single connections, and
 * of nothing where a broker takes connections and is silent.
 *
 * <p>What it goes by are the bytes that the clients have received: a consumer that is in a group hears from a broker
 * every few seconds, also where there is nothing to read.
 */
final class BrokerSilence {
    /** How often {@link #look} is to be called. */
    static final Duration INTERVAL = Duration.ofSeconds(1);

    private static final Logger LOG = LoggerFactory.getLogger(BrokerSilence.class);
    private static final String RECEIVED = "incoming-byte-total";
    private static final int LOOKS = 10;

    private final Supplier<Map<MetricName, ? extends Metric>> metrics;
    private final Duration patience;
    private Map<MetricName, Double> received = Map.of();
    /** Looks, not time by the clock: a process that was itself suspended has not been waiting. */
    private long silent;

    /**
     * @param metrics of the clients
     * @param patience how long what is under way waits for the brokers, at most
     */
    BrokerSilence(Supplier<Map<MetricName, ? extends Metric>> metrics, Duration patience) {
        this.metrics = metrics;
        this.patience = patience;
    }

    /** Looks whether something was received since the last look. */
    void look() {
        if (hasReceived()) {
            if (silent >= LOOKS) {
                // as loud as the warning that it takes back
                LOG.warn("the brokers answer again, after {} s", silent * INTERVAL.toSeconds());
            }
            silent = 0;
        } else if (++silent == LOOKS) {
            LOG.warn(
                    "the brokers have not answered for {} s; what is under way waits for them up to {} ms ({}), and"
                            + " nothing is lost",
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
                // clients come and go with their threads, so totals are compared one by one
                more |= total > received.getOrDefault(entry.getKey(), 0.0);
            }
        }
        received = now;
        return more;
    }
}
