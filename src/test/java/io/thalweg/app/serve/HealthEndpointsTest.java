package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.app.serve.HealthEndpoints.ObservedLearner;
import io.thalweg.config.ThalwegConfig;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.StreamSupport;
import org.apache.kafka.streams.KafkaStreams.State;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The answers of the probes in each state of a learner, over HTTP. */
class HealthEndpointsTest {
    private final AtomicReference<ObservedLearner> learner = new AtomicReference<>();
    private final AtomicReference<List<Integer>> active = new AtomicReference<>(List.of());
    private final AtomicReference<List<String>> stalls = new AtomicReference<>(List.of());
    private HttpServer server;
    private Http http;

    @BeforeEach
    void start() {
        server = HttpServer.start(
                new ThalwegConfig(Map.of(ThalwegConfig.HTTP_LISTEN, "127.0.0.1:0")),
                List.of(new HealthEndpoints(learner::get, active::get, stalls::get)));
        http = new Http(server.port());
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private void is(State state, Integer... partitions) {
        ObservedLearner before = learner.get();
        boolean wasRunning = state == State.RUNNING || before != null && before.wasRunning();
        learner.set(new ObservedLearner(state, wasRunning, null));
        active.set(List.of(partitions));
    }

    /** Asserts the answer of a probe. @param reason what a reason contains; null if the probe succeeds */
    private JsonNode assertProbe(String probe, String reason) {
        Http.Answer answer = http.get("/health/" + probe);
        assertThat(answer.status()).as(answer.body()).isEqualTo(reason == null ? 200 : 503);
        assertThat(answer.response().headers().firstValue("Cache-Control")).contains("no-store");
        JsonNode json = answer.json();
        assertThat(json.path("status").asText()).isEqualTo(reason == null ? "up" : "down");
        List<String> reasons = StreamSupport.stream(json.path("reasons").spliterator(), false)
                .map(JsonNode::asText)
                .toList();
        if (reason == null) {
            assertThat(reasons).isEmpty();
        } else {
            assertThat(reasons).singleElement().asString().contains(reason);
        }
        return json;
    }

    private void assertHealth(String notLive, String notStarted, String notReady) {
        assertProbe("live", notLive);
        assertProbe("started", notStarted);
        assertProbe("ready", notReady);
    }

    @Test
    void aLearnerThatStartsIsAliveAndNotReady() {
        assertHealth(null, "the learner is starting", "the learner is starting");
        assertThat(assertProbe("live", null).path("state").asText()).isEqualTo("STARTING");
        is(State.CREATED);
        assertHealth(null, "has not been running yet", "the learner is CREATED");
    }

    @Test
    void oneThatRestoresOrWaitsForPartitionsIsAlive() {
        is(State.REBALANCING);
        assertHealth(null, "has not been running yet", "the learner waits for its partitions, or restores them");

        is(State.RUNNING, 2, 0);
        assertHealth(null, null, null);
        assertThat(assertProbe("ready", null).path("partitions").toString()).isEqualTo("[0,2]");

        // a rebalance later on: it keeps what it has, and answers from it
        is(State.REBALANCING, 2);
        assertHealth(null, null, null);
        // or has lost all, and restores others
        is(State.REBALANCING);
        assertHealth(null, null, "the learner waits for its partitions, or restores them");
        assertThat(assertProbe("ready", "restores").path("state").asText()).isEqualTo("REBALANCING");
        // an instance with nothing to do knows which instances to ask
        is(State.RUNNING);
        assertHealth(null, null, null);
    }

    @Test
    void oneThatStandsStillIsNotLive() {
        is(State.RUNNING, 0);
        assertHealth(null, null, null);
        stalls.set(List.of("the committed offset of clicks-0 has been 7 for 301 s, but the partition ends at 9"));
        assertHealth("the committed offset of clicks-0 has been 7 for 301 s", null, null);
        stalls.set(List.of());
        assertHealth(null, null, null);
    }

    @Test
    void oneThatHasFailedIsNotLive() {
        is(State.RUNNING, 0);
        assertHealth(null, null, null);
        learner.set(new ObservedLearner(State.PENDING_ERROR, true, "3 threads died"));
        active.set(List.of());
        assertHealth("the learner has ended: 3 threads died", null, "the learner is PENDING_ERROR");
        is(State.ERROR);
        assertHealth("the learner has ended; its log says why", null, "the learner is ERROR");
        is(State.NOT_RUNNING);
        assertHealth("the learner has ended; its log says why", null, "the learner is NOT_RUNNING");
    }

    @Test
    void oneThatIsBeingStoppedIsAliveAndNotReady() {
        is(State.RUNNING, 0);
        assertHealth(null, null, null);
        is(State.PENDING_SHUTDOWN);
        assertHealth(null, null, "the learner is PENDING_SHUTDOWN");
    }
}
