package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.store.StateException;
import io.thalweg.topology.CommittedReads;
import io.thalweg.topology.MovedException;
import io.thalweg.topology.TaskReads;
import io.thalweg.topology.TaskReads.StandbyModel;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.streams.state.HostInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requests about one model. They are answered here if the model's partition is active here, passed on to the instance
 * where it is, or else answered with 503. Safe for use by several threads.
 */
final class ModelRequests {
    private static final Logger LOG = LoggerFactory.getLogger(ModelRequests.class);

    private static final int MOST_LOCATIONS = 100_000;
    /** A learner's thread that has not come by for so long is held up, and may have lost its partitions. */
    private static final long SILENT_MS = 10_000;

    private static final String TO_OWNER = "to-owner";
    private static final String TO_ALL = "to-all";
    private static final String TO_STANDBY = "to-standby";

    private final CommittedReads reads;
    private final Instances instances;
    private final long timeoutMs;
    private final long staleMaxMs;

    /** The partitions of models that are not where Kafka's own producers would have put them. */
    private final Map<String, Integer> locations = Collections.synchronizedMap(new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Integer> eldest) {
            return size() > MOST_LOCATIONS;
        }
    });

    /** How a request is answered. */
    interface FromTask {
        /** Answers from the task that has the model; null in the future if it does not have it. */
        CompletableFuture<JsonNode> apply(TaskReads task);

        /** Answers from a model as a standby has it. */
        ObjectNode ofStandby(StandbyModel model, int partition);
    }

    ModelRequests(ThalwegConfig config, CommittedReads reads, Instances instances) {
        this.reads = reads;
        this.instances = instances;
        timeoutMs = config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS) / 2;
        staleMaxMs = config.getLong(ThalwegConfig.HTTP_STALE_MAX_MS);
    }

    /** Answers a request about the model that its path names. */
    void answer(Context request, FromTask here) {
        String id = request.pathParam("id");
        String passedOn = request.header(Instances.PASSED_ON);
        int partition = locations.getOrDefault(id, instances.partitionOf(id));
        CompletableFuture<Void> answered = find(request, id, partition, passedOn, here);
        if (answered.isDone() && !answered.isCompletedExceptionally()) {
            // most predictions: to hand the request to another thread would cost more than the answer
            return;
        }
        request.future(
                () -> answered.orTimeout(timeoutMs, TimeUnit.MILLISECONDS).exceptionally(failure -> {
                    throw refusal(failure);
                }));
    }

    private CompletableFuture<Void> find(Context request, String id, int partition, String passedOn, FromTask here) {
        TaskReads task = reads.active(partition);
        CompletableFuture<Boolean> answered = task == null || task.silentMs() > SILENT_MS
                ? CompletableFuture.failedFuture(new MovedException())
                : write(request, here.apply(task));
        return answered.handle((wasHere, failure) -> {
                    if (failure == null) {
                        return wasHere ? done() : search(request, id, passedOn, here);
                    }
                    if (!isMoving(failure)) {
                        return CompletableFuture.<Void>failedFuture(failure);
                    }
                    if (TO_ALL.equals(passedOn)) {
                        return search(request, id, passedOn, here);
                    }
                    return passedOn == null
                            ? passOn(request, id, partition, here)
                            : fromStandby(request, id, partition, passedOn, here);
                })
                .thenCompose(next -> next);
    }

    /** Answers with the JSON in a future, if there is one. */
    private static CompletableFuture<Boolean> write(Context request, CompletableFuture<JsonNode> answer) {
        return answer.thenApply(json -> {
            if (json == null) {
                return false;
            }
            HttpServer.write(request, json);
            return true;
        });
    }

    private CompletableFuture<Void> passOn(Context request, String id, int partition, FromTask here) {
        HostInfo owner = instances.ownerOf(partition);
        if (owner == null) {
            return fromStandby(request, id, partition, null, here);
        }
        return instances
                .passOn(owner, request, TO_OWNER)
                .handle((answer, unreachable) -> {
                    if (unreachable != null || answer.statusCode() == 503) {
                        return fromStandby(request, id, partition, null, here);
                    }
                    if (isUnknown(answer.statusCode(), answer.body(), id)) {
                        return search(request, id, null, here);
                    }
                    write(request, answer);
                    return done();
                })
                .thenCompose(next -> next);
    }

    /**
     * Answers from a standby, here or in another instance, if the settings allow an answer that may be behind the last
     * commit.
     */
    private CompletableFuture<Void> fromStandby(
            Context request, String id, int partition, String passedOn, FromTask here) {
        if (staleMaxMs == 0 || TO_OWNER.equals(passedOn)) {
            return moving();
        }
        return fromStandbyHere(id, partition, here).thenCompose(answer -> {
            if (answer != null) {
                HttpServer.write(request, answer);
                return done();
            }
            HostInfo other = passedOn == null ? instances.standbyOf(partition) : null;
            return other == null ? moving() : fromStandbyOf(other, request);
        });
    }

    private CompletableFuture<Void> fromStandbyOf(HostInfo other, Context request) {
        return instances
                .passOn(other, request, TO_STANDBY)
                .handle((there, unreachable) -> {
                    if (unreachable != null || there.statusCode() == 503) {
                        return moving();
                    }
                    write(request, there);
                    return done();
                })
                .thenCompose(next -> next);
    }

    /** Returns null in the future if there is no standby here that can answer. */
    private CompletableFuture<ObjectNode> fromStandbyHere(String id, int partition, FromTask here) {
        TaskReads standby = reads.standby(partition);
        StandbyModel model = standby == null ? null : of(standby, id);
        if (model == null) {
            return CompletableFuture.completedFuture(null);
        }
        ObjectNode answer = answer(model, model.timestamp(), partition, here);
        // nothing may have been committed for long, and then it is not behind
        return answer != null
                ? CompletableFuture.completedFuture(answer)
                : instances.sawEnd(partition).thenApply(sawEnd -> {
                    StandbyModel latest = of(standby, id);
                    return latest == null
                            ? null
                            : answer(latest, Math.max(latest.timestamp(), sawEnd), partition, here);
                });
    }

    /** Returns null if the standby cannot say, or does not have the model. */
    private static StandbyModel of(TaskReads standby, String id) {
        try {
            StandbyModel model = standby.standbyModel(id);
            return model == null || model.committed() == null ? null : model;
        } catch (StateException | IllegalArgumentException e) {
            LOG.warn("the standby of partition {} cannot answer", standby.partition(), e);
            return null;
        }
    }

    /**
     * Answers from a standby.
     *
     * @param upTo the time up to which it has read all commits, in milliseconds since 1970
     * @return null if that is too long ago
     */
    private ObjectNode answer(StandbyModel model, long upTo, int partition, FromTask here) {
        long behindMs = Math.max(0, System.currentTimeMillis() - upTo);
        return behindMs > staleMaxMs ? null : here.ofStandby(model, partition).put("behindMs", behindMs);
    }

    private static void write(Context request, HttpResponse<byte[]> answer) {
        request.status(answer.statusCode());
        request.attribute(HttpServer.ANSWERED, true);
        answer.headers().firstValue("Retry-After").ifPresent(after -> request.header("Retry-After", after));
        request.contentType("application/json").result(answer.body());
    }

    /**
     * Looks for a model that is not in the partition where it should be, because its producer chooses partitions in
     * another way.
     */
    private CompletableFuture<Void> search(Context request, String id, String passedOn, FromTask here) {
        if (TO_OWNER.equals(passedOn)) {
            return unknown(id);
        }
        List<CompletableFuture<Integer>> found = new ArrayList<>();
        for (TaskReads task : reads.active()) {
            found.add(task.ask(state -> state.entry(id) == null ? -1 : task.partition())
                    .exceptionally(failure -> {
                        if (cause(failure) instanceof MovedException) {
                            return -1;
                        }
                        throw refusal(failure);
                    }));
        }
        return CompletableFuture.allOf(found.toArray(CompletableFuture[]::new)).thenCompose(all -> {
            int partition =
                    found.stream().mapToInt(CompletableFuture::join).max().orElse(-1);
            TaskReads task = partition < 0 ? null : reads.active(partition);
            if (task != null) {
                locations.put(id, partition);
                return write(request, here.apply(task)).thenCompose(written -> written ? done() : unknown(id));
            }
            return passedOn == null ? searchOthers(request, id) : unknown(id);
        });
    }

    private CompletableFuture<Void> searchOthers(Context request, String id) {
        List<CompletableFuture<HttpResponse<byte[]>>> answers = instances.others().stream()
                .map(instance -> instances.passOn(instance, request, TO_ALL).exceptionally(unreachable -> null))
                .toList();
        return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
                .thenCompose(all -> {
                    boolean incomplete = false;
                    for (CompletableFuture<HttpResponse<byte[]>> each : answers) {
                        HttpResponse<byte[]> answer = each.join();
                        if (answer != null && isFromModel(answer.statusCode(), answer.body(), id)) {
                            write(request, answer);
                            return done();
                        }
                        incomplete |= answer == null || !isUnknown(answer.statusCode(), answer.body(), id);
                    }
                    return incomplete ? moving() : unknown(id);
                });
    }

    private static CompletableFuture<Void> done() {
        return CompletableFuture.completedFuture(null);
    }

    private static CompletableFuture<Void> moving() {
        return CompletableFuture.failedFuture(
                HttpRefusal.unavailable("the partition of the model is moving to another instance", 1));
    }

    private static CompletableFuture<Void> unknown(String id) {
        return CompletableFuture.failedFuture(new HttpRefusal(404, noModel(id)));
    }

    private static String noModel(String id) {
        return "there is no model " + id;
    }

    /** Returns whether an answer says that there is no such model, and not that something else is missing. */
    static boolean isUnknown(int status, byte[] body, String id) {
        try {
            return status == 404
                    && HttpServer.JSON.readTree(body).path("message").asText().equals(noModel(id));
        } catch (IOException e) {
            // it is from something between the two instances
            return true;
        }
    }

    /**
     * Returns whether an answer is from the instance that has the model: it may also say what is wrong with the
     * request. Only one instance has it, and the others do not know whether anything is wrong.
     */
    static boolean isFromModel(int status, byte[] body, String id) {
        return switch (status) {
            // one that does not let this instance in
            case 401, 403, 429 -> false;
            case 404 -> !isUnknown(status, body, id);
            default -> status < 500;
        };
    }

    private static Throwable cause(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    private static boolean isMoving(Throwable failure) {
        return cause(failure) instanceof MovedException;
    }

    /** Returns the exception that the server turns into an answer. */
    static RuntimeException refusal(Throwable failure) {
        Throwable cause = cause(failure);
        if (cause instanceof TimeoutException) {
            return HttpRefusal.unavailable("the learner did not answer in time", 1);
        }
        if (cause instanceof MovedException) {
            return HttpRefusal.unavailable("the partition of the model is moving to another instance", 1);
        }
        return cause instanceof RuntimeException exception ? exception : new CompletionException(cause);
    }
}
