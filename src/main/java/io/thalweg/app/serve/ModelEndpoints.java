package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.thalweg.app.serve.ModelRequests.FromTask;
import io.thalweg.app.view.JsonView;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Model;
import io.thalweg.store.ModelEntry;
import io.thalweg.topology.CommittedModel;
import io.thalweg.topology.CommittedReads;
import io.thalweg.topology.TaskReads;
import io.thalweg.topology.TaskReads.StandbyModel;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.state.HostInfo;

/** The paths of models: their list, each with its weights and metrics, and predictions. */
final class ModelEndpoints implements Endpoints {
    private static final int MOST_LISTED = 10_000;
    private static final int MOST_WEIGHTS = 10_000;
    /** The most examples in a request. */
    private static final int MOST_EXAMPLES = 10_000;
    /** The most of them that are read from the topic. */
    private static final int MOST_RECORDS = 10;

    private final ThalwegConfig config;
    private final CommittedReads reads;
    private final Instances instances;
    private final ModelRequests requests;
    private final CachedQuestions questions;
    private final long timeoutMs;
    private final ThreadLocal<Predictor> predictors;
    private final ExampleLookup lookup;

    ModelEndpoints(
            ThalwegConfig config,
            CommittedReads reads,
            Instances instances,
            CachedQuestions questions,
            EventEncoder events) {
        this.config = config;
        this.reads = reads;
        this.instances = instances;
        this.questions = questions;
        requests = new ModelRequests(config, reads, instances);
        timeoutMs = config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS) / 2;
        lookup = new ExampleLookup(config);
        predictors = ThreadLocal.withInitial(() -> new Predictor(config, events));
    }

    @Override
    public void addTo(Routes routes) {
        routes.get("/v1/models", Access.READ, this::list);
        routes.get("/v1/models/{id}", Access.READ, this::model);
        routes.get("/v1/models/{id}/weights", Access.READ, this::weights);
        routes.get("/v1/models/{id}/metrics", Access.READ, this::metrics);
        routes.post("/v1/models/{id}/predict", Access.READ, this::predict);
    }

    // ---- the list

    private void list(Context request) {
        String search = request.queryParamAsClass("search", String.class)
                .getOrDefault("")
                .toLowerCase(Locale.ROOT);
        String sort = HttpServer.word(request, "sort", "id", "examples", "worst");
        int offset = HttpServer.number(request, "offset", 0, 0, Integer.MAX_VALUE - MOST_LISTED);
        int limit = HttpServer.number(request, "limit", 100, 1, MOST_LISTED);
        boolean passedOn = request.header(Instances.PASSED_ON) != null;

        CompletableFuture<List<ModelSummary>> here = summaries();
        List<CompletableFuture<JsonNode>> elsewhere = passedOn
                ? List.of()
                : instances.others().stream()
                        .map(other -> listOf(other, request))
                        .toList();
        List<CompletableFuture<?>> all = new ArrayList<>(elsewhere);
        all.add(here);
        request.future(() -> CompletableFuture.allOf(all.toArray(CompletableFuture[]::new))
                .thenAccept(done -> {
                    List<ModelSummary> own = here.join().stream()
                            .filter(model -> model.id().toLowerCase(Locale.ROOT).contains(search))
                            .toList();
                    List<JsonNode> models = new ArrayList<>();
                    long total = own.size();
                    own.forEach(model -> models.add(model.json()));
                    boolean isComplete = true;
                    for (CompletableFuture<JsonNode> each : elsewhere) {
                        JsonNode list = each.join();
                        isComplete &= list != null;
                        if (list != null) {
                            total += list.path("total").asLong();
                            list.path("models").forEach(models::add);
                        }
                    }
                    models.sort(order(sort));
                    ObjectNode answer = JsonNodeFactory.instance.objectNode();
                    answer.put("total", total);
                    answer.put("complete", isComplete);
                    ArrayNode page = answer.putArray("models");
                    models.stream()
                            .skip(passedOn ? 0 : offset)
                            .limit(passedOn ? (long) offset + limit : limit)
                            .forEach(page::add);
                    HttpServer.write(request, answer);
                })
                .exceptionally(failure -> {
                    throw ModelRequests.refusal(failure);
                }));
    }

    private static Comparator<JsonNode> order(String sort) {
        Comparator<JsonNode> byId =
                Comparator.comparing(model -> model.path("id").asText());
        return switch (sort) {
            case "examples" ->
                Comparator.<JsonNode>comparingLong(
                                model -> model.path("examples").asLong())
                        .reversed()
                        .thenComparing(byId);
            case "worst" ->
                Comparator.comparingDouble(ModelEndpoints::lossOverBaseRate)
                        .reversed()
                        .thenComparing(byId);
            default -> byId;
        };
    }

    /** Returns how much worse than the base rate a model has recently been, in nats. */
    private static double lossOverBaseRate(JsonNode model) {
        JsonNode loss = model.path("recentLogLoss");
        return loss.isNumber()
                ? loss.doubleValue() - model.path("recentBaseRateLogLoss").asDouble()
                : Double.NEGATIVE_INFINITY;
    }

    /** Returns all models of the tasks that are active here. */
    private CompletableFuture<List<ModelSummary>> summaries() {
        List<CompletableFuture<List<ModelSummary>>> parts = new ArrayList<>();
        for (TaskReads task : reads.active()) {
            parts.add(questions
                    .ask(task, "summaries", state -> ModelSummary.of(state, task.partition()))
                    .copy()
                    .orTimeout(timeoutMs, TimeUnit.MILLISECONDS));
        }
        return CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new))
                .thenApply(done ->
                        parts.stream().flatMap(part -> part.join().stream()).toList());
    }

    /** Returns the list of another instance; null in the future if it does not answer. */
    private CompletableFuture<JsonNode> listOf(HostInfo other, Context request) {
        return instances.passOn(other, request, "list").handle((answer, unreachable) -> json(answer));
    }

    private static JsonNode json(HttpResponse<byte[]> answer) {
        try {
            return answer == null || answer.statusCode() != 200 ? null : HttpServer.JSON.readTree(answer.body());
        } catch (IOException e) {
            return null;
        }
    }

    // ---- one model

    private void model(Context request) {
        String id = request.pathParam("id");
        requests.answer(request, new FromTask() {
            @Override
            public CompletableFuture<JsonNode> apply(TaskReads task) {
                return questions.ask(task, "model " + id, state -> {
                    ModelEntry entry = state.entry(id);
                    return entry == null
                            ? null
                            : summary(
                                    entry.model(),
                                    task.partition(),
                                    state.offsets().next());
                });
            }

            @Override
            public ObjectNode ofStandby(StandbyModel standby, int partition) {
                CommittedModel committed = standby.committed();
                return summary(committed.model(), partition, committed.offsets());
            }
        });
    }

    private ObjectNode summary(Model model, int partition, Map<TopicPartition, Long> offsets) {
        ObjectNode json = about(model, partition, offsets);
        json.put("form", model.head().form().name().toLowerCase(Locale.ROOT));
        json.put("bias", model.bias());
        json.put("learningRate", model.learningRate());
        json.put("blocks", model.blockCount());
        json.put("names", model.names().size());
        json.put("examples", model.validation().overall().examples());
        return json;
    }

    /** Returns what says which model an answer is from. */
    private ObjectNode about(Model model, int partition, Map<TopicPartition, Long> offsets) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("model", model.id());
        json.put("version", model.version());
        json.put("partition", partition);
        TopicPartition events = lastRead(offsets, partition, false);
        json.put("topic", events.topic());
        json.put("offset", offsets.getOrDefault(events, 0L));
        if (config.hasLateLabels()) {
            json.put("labelsOffset", offsets.getOrDefault(lastRead(offsets, partition, true), 0L));
        }
        return json;
    }

    /** Returns the partition that events, or labels, are read from: of copies, if there are any. */
    private TopicPartition lastRead(Map<TopicPartition, Long> offsets, int partition, boolean ofLabels) {
        return offsets.keySet().stream()
                .filter(read -> read.partition() == partition
                        && config.isSentOn(read.topic())
                        && config.isOfLabels(read.topic()) == ofLabels)
                .max(Comparator.comparingInt(read -> config.copiesIn(read.topic())))
                .orElseGet(() -> new TopicPartition(
                        config.getString(ofLabels ? ThalwegConfig.LABELS_TOPIC : ThalwegConfig.EXAMPLES_TOPIC),
                        partition));
    }

    private void weights(Context request) {
        String id = request.pathParam("id");
        String sort = HttpServer.word(request, "sort", WeightsPage.SORTS);
        int limit = HttpServer.number(request, "limit", 20, 1, MOST_WEIGHTS);
        String search = request.queryParamAsClass("search", String.class).getOrDefault("");
        requests.answer(request, new FromTask() {
            @Override
            public CompletableFuture<JsonNode> apply(TaskReads task) {
                // of a copy, because to look through all names takes long
                return task.modelWithWindow(id)
                        .thenApply(committed -> committed == null
                                ? null
                                : WeightsPage.of(committed.model(), sort, search, limit)
                                        .json(id));
            }

            @Override
            public ObjectNode ofStandby(StandbyModel standby, int partition) {
                return WeightsPage.of(standby.committed().model(), sort, search, limit)
                        .json(id);
            }
        });
    }

    private void metrics(Context request) {
        String id = request.pathParam("id");
        requests.answer(request, new FromTask() {
            @Override
            public CompletableFuture<JsonNode> apply(TaskReads task) {
                return questions
                        .ask(task, "metrics " + id, state -> {
                            ModelEntry entry = state.entry(id);
                            return entry == null ? null : state.metrics(entry.model());
                        })
                        .thenApply(metrics -> metrics == null ? null : JsonView.json(metrics));
            }

            @Override
            public ObjectNode ofStandby(StandbyModel standby, int partition) {
                return (ObjectNode) JsonView.json(standby.metrics());
            }
        });
    }

    // ---- predictions

    private void predict(Context request) {
        ObjectNode body = HttpServer.object(request);
        boolean explained = body.path("contributions").asBoolean();
        JsonNode many = body.get("examples");
        if (many != null && !many.isArray()) {
            throw new HttpRefusal(422, "\"examples\" is not a list");
        }
        if (many != null && many.size() > MOST_EXAMPLES) {
            throw new HttpRefusal(422, "there are more than %d examples".formatted(MOST_EXAMPLES));
        }
        if (many != null && records(many) > MOST_RECORDS) {
            throw new HttpRefusal(
                    422, "more than %d examples are a \"record\"; send their events".formatted(MOST_RECORDS));
        }
        String id = request.pathParam("id");
        requests.answer(request, new FromTask() {
            @Override
            public CompletableFuture<JsonNode> apply(TaskReads task) {
                return task.model(id)
                        .thenApply(committed ->
                                committed == null ? null : predict(task.partition(), committed, body, many, explained));
            }

            @Override
            public ObjectNode ofStandby(StandbyModel standby, int partition) {
                return predict(partition, standby.committed(), body, many, explained);
            }
        });
    }

    private ObjectNode predict(
            int partition, CommittedModel committed, ObjectNode body, JsonNode many, boolean explained) {
        Model model = committed.model();
        Predictor predictor = predictors.get();
        ObjectNode answer = about(model, partition, committed.offsets());
        try (ExampleLookup.RequestEvents inTopic = lookup.open()) {
            if (many == null) {
                answer.setAll(predictor.predict(model, body, explained, inTopic));
                return answer;
            }
            ArrayNode predictions = answer.putArray("predictions");
            for (JsonNode each : many) {
                try {
                    predictions.add(predictor.predict(model, each, explained, inTopic));
                } catch (HttpRefusal e) {
                    throw e.at("example " + predictions.size());
                }
            }
            return answer;
        }
    }

    private static int records(JsonNode examples) {
        int records = 0;
        for (JsonNode each : examples) {
            records += each.has(Predictor.RECORD) ? 1 : 0;
        }
        return records;
    }
}
