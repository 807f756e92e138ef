package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.thalweg.runtime.LearnerRuntime;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.apache.kafka.streams.KafkaStreams.State;

/**
 * The paths of the probes of Kubernetes. Each answers with 200 or 503, and with the reasons.
 *
 * <p>A learner is <b>live</b> unless it has failed, or stands still. One that waits for partitions, restores, or cannot
 * reach the brokers is alive. It has <b>started</b> once it was running for the first time. It is <b>ready</b> when it
 * can answer: its partitions are restored, or it has none and knows which instances have them.
 */
final class HealthEndpoints implements Endpoints {
    private final Supplier<ObservedLearner> learner;
    private final Supplier<List<Integer>> active;
    private final Supplier<List<String>> stalls;

    /**
     * What is seen of a learner.
     *
     * @param wasRunning whether it has been running at any time
     * @param reasonOfEnd why it has ended by itself; null if it has not
     */
    record ObservedLearner(State state, boolean wasRunning, String reasonOfEnd) {
        /** @param learner null if it has not started */
        static ObservedLearner of(LearnerRuntime learner) {
            return learner == null
                    ? null
                    : new ObservedLearner(learner.streams().state(), learner.wasRunning(), learner.reasonOfEnd());
        }
    }

    /**
     * @param learner returns null until the learner has started
     * @param active returns the partitions that are restored here
     * @param stalls returns why the learner does not progress
     */
    HealthEndpoints(Supplier<ObservedLearner> learner, Supplier<List<Integer>> active, Supplier<List<String>> stalls) {
        this.learner = learner;
        this.active = active;
        this.stalls = stalls;
    }

    @Override
    public void addTo(Routes routes) {
        routes.get("/health/live", Access.OPEN, request -> answer(request, notLive()));
        routes.get("/health/started", Access.OPEN, request -> answer(request, notStarted()));
        routes.get("/health/ready", Access.OPEN, request -> answer(request, notReady()));
    }

    private void answer(Context request, List<String> reasons) {
        ObjectNode answer = JsonNodeFactory.instance.objectNode();
        answer.put("status", reasons.isEmpty() ? "up" : "down");
        State state = state();
        answer.put("state", state == null ? "STARTING" : state.name());
        ArrayNode partitions = answer.putArray("partitions");
        active.get().stream().sorted().forEach(partitions::add);
        ArrayNode list = answer.putArray("reasons");
        reasons.forEach(list::add);
        request.status(reasons.isEmpty() ? 200 : 503).header("Cache-Control", "no-store");
        HttpServer.write(request, answer);
    }

    /** Returns the state of Kafka Streams; null before the learner has started. */
    private State state() {
        ObservedLearner observed = learner.get();
        return observed == null ? null : observed.state;
    }

    /** Returns why the learner is not live; empty if it is. */
    List<String> notLive() {
        ObservedLearner observed = learner.get();
        if (observed == null) {
            return List.of();
        }
        List<String> reasons = new ArrayList<>();
        if (observed.reasonOfEnd != null) {
            reasons.add("the learner has ended: " + observed.reasonOfEnd);
        } else if (observed.state.hasStartedOrFinishedShuttingDown() && !observed.state.isShuttingDown()) {
            reasons.add("the learner has ended; its log says why");
        }
        reasons.addAll(stalls.get());
        return reasons;
    }

    private List<String> notStarted() {
        ObservedLearner observed = learner.get();
        if (observed == null) {
            return List.of("the learner is starting");
        }
        return observed.wasRunning ? List.of() : List.of("the learner has not been running yet");
    }

    /** Returns why the learner cannot answer; empty if it can. */
    List<String> notReady() {
        State state = state();
        if (state == null) {
            return List.of("the learner is starting");
        }
        if (state == State.RUNNING
                || state == State.REBALANCING && !active.get().isEmpty()) {
            return List.of();
        }
        return List.of(
                state == State.REBALANCING
                        ? "the learner waits for its partitions, or restores them"
                        : "the learner is " + state);
    }
}
