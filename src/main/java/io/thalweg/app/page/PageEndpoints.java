package io.thalweg.app.page;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.thalweg.app.serve.Access;
import io.thalweg.app.serve.Endpoints;
import io.thalweg.app.serve.HttpRefusal;
import io.thalweg.app.serve.HttpServer;
import io.thalweg.app.serve.Routes;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.output.OutputTopic;
import io.thalweg.runtime.LearnerRuntime;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The paths that the page reads. They are made for the page, and may change with it. */
public final class PageEndpoints implements Endpoints {
    private static final int MOST_MODELS = 200;
    private static final int MOST_DRAWN = 24;
    private static final int USUALLY_DRAWN = 8;

    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final Supplier<@Nullable LearnerRuntime> learner;
    private final WeightMoves moves;
    private @Nullable PageFeed feed;

    /**
     * @param schemas knows the schemas of the topics; used by threads of the server
     * @param learner gives the learner, or null while it starts
     */
    public PageEndpoints(ThalwegConfig config, SchemaSource schemas, Supplier<@Nullable LearnerRuntime> learner) {
        this.config = config;
        this.schemas = schemas;
        this.learner = learner;
        moves = new WeightMoves(config, schemas);
    }

    @Override
    public void addTo(Routes routes) {
        PageFeed started = new PageFeed(config, schemas, learner, routes.events());
        feed = started;
        routes.get("/v1/page", Access.READ, request -> HttpServer.write(request, about(started)));
        routes.get("/v1/page/models", Access.READ, request -> {
            String search = query(request, "search");
            HttpServer.write(request, started.metrics.list(search, MOST_MODELS));
        });
        routes.get("/v1/page/models/{id}", Access.READ, request -> HttpServer.write(request, model(started, request)));
        routes.get(
                "/v1/page/models/{id}/moves",
                Access.READ,
                request -> HttpServer.write(request, moves(started, request)));
        routes.get(
                "/v1/page/dead-letters", Access.READ, request -> HttpServer.write(request, started.deadLetters.json()));
    }

    private static String query(Context request, String name) {
        String value = request.queryParam(name);
        return value == null ? "" : value;
    }

    private ObjectNode about(PageFeed started) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("application", config.getString(ThalwegConfig.APPLICATION_ID));
        json.put("algorithm", config.getString(ThalwegConfig.ALGORITHM));
        json.put("examples", config.getString(ThalwegConfig.EXAMPLES_TOPIC));
        json.put("labels", config.getString(ThalwegConfig.LABELS_TOPIC));
        ObjectNode outputs = json.putObject("outputs");
        for (OutputTopic topic : OutputTopic.of(config)) {
            outputs.put(topic.name(), topic.nameIn(config));
        }
        json.put("cannotTellMoves", moves.whyNot());
        json.set("tick", started.tick());
        return json;
    }

    private static ObjectNode model(PageFeed started, Context request) {
        String id = request.pathParam("id");
        // also if nothing is known of it: of many models, those of which no record was read yet
        started.lookAt(id);
        ObjectNode metrics = started.metrics.json(id);
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("model", id);
        json.set("metrics", metrics);
        if (metrics == null) {
            // a link to a model may be opened before its first metrics are read
            return json;
        }
        json.set(
                "weights",
                started.weights.json(
                        id,
                        request.queryParams("pick").stream().limit(MOST_DRAWN).toList(),
                        query(request, "search"),
                        request.queryParams("pick").isEmpty() ? USUALLY_DRAWN : MOST_DRAWN));
        json.set("predictions", started.predictions.json(id));
        JsonNode reliability = started.predictions.reliability(id);
        json.set("reliability", reliability == null ? JsonNodeFactory.instance.arrayNode() : reliability);
        return json;
    }

    private ObjectNode moves(PageFeed started, Context request) {
        String id = request.pathParam("id");
        Integer partition = started.partition(id);
        if (partition == null) {
            throw new HttpRefusal(404, "no metrics of model %s were read yet; try again in a moment".formatted(id));
        }
        long from = version(request, "from");
        long to = version(request, "to");
        if (to <= from) {
            throw new HttpRefusal(422, "\"to\" is not above \"from\"");
        }
        return moves.of(id, partition, query(request, "feature"), from, to);
    }

    private static long version(Context request, String name) {
        List<String> given = request.queryParams(name);
        try {
            return Long.parseLong(given.isEmpty() ? "" : given.get(0));
        } catch (NumberFormatException e) {
            throw new HttpRefusal(422, "\"%s\" is not the version of a model".formatted(name));
        }
    }

    @Override
    public void close() {
        if (feed != null) {
            feed.close();
        }
    }
}
