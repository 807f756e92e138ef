package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.topology.CommittedReads;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.streams.KafkaStreams.State;

/**
 * The paths of the probes of Kubernetes. Each answers with 200 or 503, and with the reasons.
 *
 * <p>A learner is <b>live</b> unless it has failed, or stands still. One that waits for partitions, restores, or cannot
 * reach the brokers is alive. It has <b>started</b> once it was running for the first time. It is <b>ready</b> when it
 * can answer: its partitions are restored, or it has none and knows which instances have them.
 */
final class HealthEndpoints implements Endpoints {
    private final AtomicReference<LearnerRuntime> learner;
    private final CommittedReads reads;
    private final StallWatch stalls;
    private volatile boolean wasRunning;

    HealthEndpoints(AtomicReference<LearnerRuntime> learner, CommittedReads reads, StallWatch stalls) {
        this.learner = learner;
        this.reads = reads;
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
        reads.active().stream().mapToInt(task -> task.partition()).sorted().forEach(partitions::add);
        ArrayNode list = answer.putArray("reasons");
        reasons.forEach(list::add);
        request.status(reasons.isEmpty() ? 200 : 503).header("Cache-Control", "no-store");
        HttpServer.write(request, answer);
    }

    /** Returns the state of Kafka Streams; null before the learner has started. */
    private State state() {
        LearnerRuntime running = learner.get();
        return running == null ? null : running.streams().state();
    }

    /** Returns why the learner is not live; empty if it is. */
    List<String> notLive() {
        LearnerRuntime running = learner.get();
        if (running == null) {
            return List.of();
        }
        List<String> reasons = new ArrayList<>();
        if (running.reasonOfEnd() != null) {
            reasons.add("the learner has ended: " + running.reasonOfEnd());
        } else if (running.streams().state().hasStartedOrFinishedShuttingDown()
                && !running.streams().state().isShuttingDown()) {
            reasons.add("the learner has ended; its log says why");
        }
        reasons.addAll(stalls.stalls());
        return reasons;
    }

    private List<String> notStarted() {
        if (!wasRunning) {
            State state = state();
            wasRunning = state == State.RUNNING;
            if (!wasRunning) {
                return List.of(state == null ? "the learner is starting" : "the learner has not been running yet");
            }
        }
        return List.of();
    }

    /** Returns why the learner cannot answer; empty if it can. */
    List<String> notReady() {
        State state = state();
        if (state == null) {
            return List.of("the learner is starting");
        }
        if (state == State.RUNNING
                || state == State.REBALANCING && !reads.active().isEmpty()) {
            return List.of();
        }
        return List.of(
                state == State.REBALANCING
                        ? "the learner waits for its partitions, or restores them"
                        : "the learner is " + state);
    }
}
