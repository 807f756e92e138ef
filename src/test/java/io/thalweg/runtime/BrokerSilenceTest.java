package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class BrokerSilenceTest {
    private final Logger logger = (Logger) LoggerFactory.getLogger(BrokerSilence.class);
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final Map<MetricName, Metric> metrics = new HashMap<>();
    private final BrokerSilence silence = new BrokerSilence(() -> metrics, Duration.ofMillis(900_000));

    @BeforeEach
    void listen() {
        log.start();
        logger.addAppender(log);
    }

    @AfterEach
    void stopListening() {
        logger.detachAppender(log);
    }

    private record Value(MetricName metricName, Object metricValue) implements Metric {}

    private void put(String name, String client, Object value) {
        MetricName metric = new MetricName(name, "consumer-metrics", "", Map.of("client-id", client));
        metrics.put(metric, new Value(metric, value));
    }

    private void received(String client, double bytes) {
        put("incoming-byte-total", client, bytes);
    }

    private List<String> said(int looks) {
        log.list.clear();
        for (int i = 0; i < looks; i++) {
            silence.look();
        }
        return log.list.stream()
                .map(event -> event.getLevel() + " " + event.getFormattedMessage())
                .toList();
    }

    @Test
    void tenSecondsWithoutAByteAreSaidOnceAndSoIsTheirEnd() {
        put("client-id", "consumer", "text");
        put("outgoing-byte-total", "consumer", 1.0);
        received("consumer", 100);
        received("producer", 50);
        assertThat(said(10))
                .as("the first look was the last that heard something")
                .isEmpty();
        received("producer", 51);
        assertThat(said(10)).isEmpty();
        put("outgoing-byte-total", "consumer", 2.0);

        assertThat(said(1))
                .singleElement()
                .asString()
                .startsWith("WARN the brokers have not answered for 10 s")
                .contains("900000 ms (broker.stall.max.ms)");
        assertThat(said(50)).isEmpty();

        received("consumer", 101);
        assertThat(said(3)).containsExactly("WARN the brokers answer again, after 60 s");
        assertThat(said(8)).hasSize(1);
    }

    @Test
    void aClientThatGoesAndOneThatComesInItsPlaceAreNoAnswer() {
        received("thread-1", 100);
        said(1);
        assertThat(said(10)).hasSize(1);
        metrics.clear();
        assertThat(said(1)).isEmpty();
        received("thread-2", 0);
        assertThat(said(1)).isEmpty();
        received("thread-2", 7);

        assertThat(said(1)).containsExactly("WARN the brokers answer again, after 12 s");
    }
}
