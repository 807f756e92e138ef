package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.Registry;
import io.thalweg.testing.FreePort;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What clients that send records are told while the brokers are away. */
@Timeout(60)
class SendEndpointsTest {
    private static final String RECORD = "{\"model\":\"m\",\"event\":{\"label\":1,\"features\":{\"a\":1}}}";

    private Registry schemas;
    private SendEndpoints endpoints;
    private HttpServer server;

    /** @param timeout how long an answer may take, in milliseconds */
    private Http start(int timeout) throws IOException {
        ThalwegConfig config = new ThalwegConfig(Map.of(
                "bootstrap.servers", "127.0.0.1:" + FreePort.find(),
                "examples.format", "json",
                "output.format", "json",
                "http.listen", "127.0.0.1:0",
                "http.timeout.ms", timeout));
        schemas = Registry.of(config, Duration.ofSeconds(1));
        endpoints = new SendEndpoints(config, new EventEncoder(config, schemas), schemas, schemas);
        server = HttpServer.start(config, List.of(endpoints));
        return new Http(server.port());
    }

    @AfterEach
    void stop() {
        server.close();
        endpoints.close();
        schemas.close();
    }

    @Test
    void manyRecordsAreRefusedTogether() throws IOException {
        Http http = start(2_000);
        String records = String.join(",", Collections.nCopies(1_000, RECORD));
        assertThat(http.post("/v1/examples", "{\"records\":[" + records + "]}").refusal(503))
                .isEqualTo("the brokers have acknowledged 0 of 1000 records, and 999 were not sent;"
                        + " whether they have the others is not known");
    }

    @Test
    void whatNeedsToKnowThePartitionsIsRefused() throws IOException {
        Http http = start(2_000);
        String withoutModel = RECORD.replace("\"model\":\"m\",", "");
        Http.Answer answer = http.post("/v1/examples", withoutModel);
        assertThat(answer.refusal(503)).isEqualTo("the brokers do not answer; nothing was sent");
        assertThat(answer.response().headers().firstValue("Retry-After")).contains("1");
    }

    @Test
    void clientsThatTryAgainLeaveThreadsForOthers() throws Exception {
        Http http = start(4_000);
        http.post("/v1/examples", RECORD).refusal(503);
        ExecutorService clients = Executors.newFixedThreadPool(20);
        try {
            List<Future<String>> refusals = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                refusals.add(
                        clients.submit(() -> http.post("/v1/examples", RECORD).refusal(503)));
            }
            List<String> messages = new ArrayList<>();
            for (Future<String> refusal : refusals) {
                messages.add(refusal.get());
            }
            assertThat(messages)
                    .contains("the brokers do not answer, and other requests wait for them already")
                    .anyMatch(message -> message.startsWith("the brokers have acknowledged 0 of 1 records"));
        } finally {
            clients.shutdown();
        }
    }
}
