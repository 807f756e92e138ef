package io.thalweg.app.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.thalweg.app.serve.HttpRefusal;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.Registry;
import io.thalweg.testing.FreePort;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a click on a jump costs while the brokers are away. */
@Timeout(60)
class WeightMovesTest {

    @Test
    void someWaitForBrokersThatAreAwayAndOthersAreRefused() throws Exception {
        ThalwegConfig config = new ThalwegConfig(Map.of(
                "bootstrap.servers", "127.0.0.1:" + FreePort.find(),
                "examples.format", "json",
                "output.format", "json",
                "http.timeout.ms", "4000"));
        ExecutorService clicks = Executors.newFixedThreadPool(6);
        try (Registry schemas = Registry.of(config, Duration.ofSeconds(1))) {
            WeightMoves moves = new WeightMoves(config, schemas);
            List<Future<HttpRefusal>> refusals = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                refusals.add(clicks.submit(
                        () -> catchThrowableOfType(HttpRefusal.class, () -> moves.of("m", 0, "a", 0, 10))));
            }
            List<String> messages = new ArrayList<>();
            for (Future<HttpRefusal> refusal : refusals) {
                assertThat(refusal.get().status()).isEqualTo(503);
                assertThat(refusal.get().retryAfter()).isPositive();
                messages.add(refusal.get().getMessage());
            }
            assertThat(messages)
                    .anyMatch(message -> message.startsWith("cannot reach the brokers"))
                    .contains("other events are being looked up; try again in a moment");
        } finally {
            clicks.shutdown();
        }
    }
}
