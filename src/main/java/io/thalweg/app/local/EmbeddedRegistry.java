package io.thalweg.app.local;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.client.rest.entities.requests.RegisterSchemaRequest;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HttpResponseException;
import io.javalin.router.JavalinDefaultRouting;
import io.thalweg.app.local.Registrations.Refusal;
import io.thalweg.app.local.Registrations.RegisteredVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A schema registry inside this process that answers Confluent's clients over HTTP, from this machine only. It stores
 * Avro, Protobuf, and JSON schemas. Registrations can be kept in a file, and have the same ids the next time.
 */
public final class EmbeddedRegistry implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedRegistry.class);

    private static final String HOST = "127.0.0.1";
    private static final String CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Registrations registrations;
    private final Javalin server;

    private EmbeddedRegistry(Registrations registrations) {
        this.registrations = registrations;
        this.server = Javalin.create(config -> {
            config.showJavalinBanner = false;
            config.startupWatcherEnabled = false;
            config.jetty.defaultHost = HOST;
            config.jetty.threadPool = new QueuedThreadPool(8, 1);
            // Subjects may contain a slash, which is encoded in the path.
            config.jetty.modifyHttpConfiguration(http -> http.setUriCompliance(UriCompliance.RFC3986));
            config.router.mount(this::routes);
        });
    }

    /**
     * Starts a registry.
     *
     * @param file where registrations are kept, one JSON object on each line; null to keep them in memory only
     * @param port the port to listen on, or 0 for a free one
     * @throws IllegalStateException with one readable line if the port is taken or the file cannot be used
     */
    public static EmbeddedRegistry start(Path file, int port) {
        Registrations registrations;
        try {
            registrations = new Registrations(file);
        } catch (IOException e) {
            throw new IllegalStateException("The embedded registry did not start: " + e.getMessage(), e);
        }
        EmbeddedRegistry registry = new EmbeddedRegistry(registrations);
        try {
            registry.server.start(port);
            return registry;
        } catch (RuntimeException e) {
            registry.close();
            throw new IllegalStateException(
                    "The embedded registry cannot listen on " + HOST + ":" + port + " (" + e.getMessage()
                            + "); stop what uses this port, or choose another",
                    e);
        }
    }

    /** The address for clients, for {@code schema.registry.url}. */
    public String url() {
        return "http://" + HOST + ":" + server.port();
    }

    @Override
    public void close() {
        server.stop();
        try {
            registrations.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void routes(JavalinDefaultRouting http) {
        http.get("/", answer(request -> Map.of()));
        http.get("/schemas/types", answer(request -> List.of("AVRO", "PROTOBUF", "JSON")));
        http.get("/schemas/ids/{id}", answer(request -> schema(request)));
        http.get(
                "/schemas/guids/{guid}",
                answer(request -> Registrations.json(registrations.byGuid(request.pathParam("guid")))));
        http.get("/schemas/ids/{id}/schema", request -> raw(request, byId(request)));
        http.get(
                "/schemas/ids/{id}/subjects",
                answer(request -> registrations.versionsOf(id(request)).stream()
                        .map(RegisteredVersion::subject)
                        .distinct()
                        .toList()));
        http.get(
                "/schemas/ids/{id}/versions",
                answer(request -> registrations.versionsOf(id(request)).stream()
                        .map(version -> Map.of("subject", version.subject(), "version", version.version()))
                        .toList()));

        http.get("/subjects", answer(this::subjects));
        http.post("/subjects/{subject}", answer(this::lookUp));
        http.delete("/subjects/{subject}", answer(request -> registrations.delete(subject(request))));
        http.get("/subjects/{subject}/versions", answer(request -> registrations.versions(subject(request))));
        http.post(
                "/subjects/{subject}/versions",
                answer(request ->
                        Map.of("id", registrations.register(subject(request), schemaOf(request), normalize(request)))));
        http.get("/subjects/{subject}/versions/{version}", answer(request -> json(version(request))));
        http.get(
                "/subjects/{subject}/versions/{version}/schema",
                request -> raw(request, version(request).schema()));

        http.post(
                "/compatibility/subjects/{subject}/versions",
                answer(request -> compatibility(
                        request,
                        registrations.incompatibilities(subject(request), schemaOf(request), normalize(request)))));
        http.post(
                "/compatibility/subjects/{subject}/versions/{version}",
                answer(request -> compatibility(
                        request,
                        registrations.incompatibilities(
                                subject(request),
                                request.pathParam("version"),
                                schemaOf(request),
                                normalize(request)))));

        http.get("/config", answer(request -> Map.of("compatibilityLevel", registrations.globalLevel())));
        http.put("/config", answer(request -> setLevel(request, null)));
        http.delete("/config", answer(request -> Map.of("compatibilityLevel", registrations.removeLevel(null))));
        http.get("/config/{subject}", answer(this::level));
        http.put("/config/{subject}", answer(request -> setLevel(request, subject(request))));
        http.delete(
                "/config/{subject}",
                answer(request -> Map.of("compatibilityLevel", registrations.removeLevel(subject(request)))));
        http.get("/mode", answer(request -> Map.of("mode", "READWRITE")));
        http.get("/mode/{subject}", answer(request -> Map.of("mode", "READWRITE")));

        http.exception(Refusal.class, (refusal, request) -> {
            error(request, refusal.status, refusal.code, refusal.getMessage());
        });
        http.exception(HttpResponseException.class, (refusal, request) -> {
            error(
                    request,
                    refusal.getStatus(),
                    refusal.getStatus(),
                    "HTTP " + refusal.getStatus() + ", " + refusal.getMessage());
        });
        http.exception(Exception.class, (exception, request) -> {
            LOG.error("The embedded registry failed at {} {}", request.method(), request.path(), exception);
            error(request, 500, 50001, "Error in the registry: " + exception);
        });
    }

    private Object schema(Context request) {
        return Registrations.json(byId(request));
    }

    private ParsedSchema byId(Context request) {
        return registrations.schema(id(request));
    }

    private Object subjects(Context request) {
        String prefix = request.queryParam("subjectPrefix");
        return registrations.subjects().stream()
                .filter(subject -> prefix == null || subject.startsWith(prefix))
                .toList();
    }

    private Object lookUp(Context request) {
        return json(registrations.lookUp(subject(request), schemaOf(request), normalize(request)));
    }

    private RegisteredVersion version(Context request) {
        return registrations.version(subject(request), request.pathParam("version"));
    }

    private Object level(Context request) {
        String subject = subject(request);
        boolean inForce = Boolean.parseBoolean(request.queryParam("defaultToGlobal"));
        return Map.of("compatibilityLevel", inForce ? registrations.level(subject) : registrations.ownLevel(subject));
    }

    private Object setLevel(Context request, String subject) {
        String name;
        try {
            name = JSON.readTree(body(request)).path("compatibility").asText();
        } catch (JsonProcessingException e) {
            throw new Refusal(422, 42203, "Invalid compatibility level: the request is not JSON");
        }
        return Map.of("compatibility", registrations.setLevel(subject, name));
    }

    private static Object compatibility(Context request, List<String> faults) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("is_compatible", faults.isEmpty());
        if (Boolean.parseBoolean(request.queryParam("verbose"))) {
            answer.put("messages", faults);
        }
        return answer;
    }

    private static ObjectNode json(RegisteredVersion version) {
        ObjectNode json = JSON.createObjectNode()
                .put("subject", version.subject())
                .put("version", version.version())
                .put("id", version.id());
        return json.setAll(Registrations.json(version.schema()));
    }

    private static String subject(Context request) {
        return request.pathParam("subject");
    }

    private static int id(Context request) {
        try {
            return Integer.parseInt(request.pathParam("id"));
        } catch (NumberFormatException e) {
            throw new Refusal(404, 404, "HTTP 404 Not Found");
        }
    }

    private static boolean normalize(Context request) {
        return Boolean.parseBoolean(request.queryParam("normalize"));
    }

    private static RegisterSchemaRequest schemaOf(Context request) {
        try {
            RegisterSchemaRequest schema = RegisterSchemaRequest.fromJson(body(request));
            if (schema.getSchema() == null || schema.getSchema().isBlank()) {
                throw new Refusal(422, 42201, "Invalid schema: the request has no \"schema\"");
            }
            return schema;
        } catch (IOException e) {
            throw new Refusal(422, 42201, "Invalid schema: the request is not JSON as expected");
        }
    }

    private static Handler answer(Function<Context, Object> answer) {
        return request -> write(request, answer.apply(request));
    }

    /** Sends the schema alone. */
    private static void raw(Context request, ParsedSchema schema) {
        send(request, schema.canonicalString());
    }

    private static void error(Context request, int status, int code, String message) {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("error_code", code);
        error.put("message", message);
        request.status(status);
        write(request, error);
    }

    private static void write(Context request, Object body) {
        try {
            send(request, JSON.writeValueAsString(body));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Sends bytes, because text would be encoded as Latin-1: the content type does not name an encoding, and JSON is
     * UTF-8.
     */
    private static void send(Context request, String body) {
        request.contentType(CONTENT_TYPE).result(body.getBytes(StandardCharsets.UTF_8));
    }

    private static String body(Context request) {
        return new String(request.bodyAsBytes(), StandardCharsets.UTF_8);
    }
}
