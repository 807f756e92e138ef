package io.thalweg.app.serve;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.http.staticfiles.Location;
import io.javalin.router.JavalinDefaultRouting;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.URLDecoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.ConnectionLimit;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.ssl.KeyStoreScanner;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The HTTP server. It checks who may send a request, limits what a request may cost, and answers every failure with one
 * readable line as JSON. {@link Endpoints} answer the requests.
 */
public final class HttpServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HttpServer.class);
    static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            // half of what a request with many examples costs was reading its numbers
            .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
            .build();

    /** The files of the page, in the class path. */
    private static final String PAGE = "/io/thalweg/app/serve/page";

    /** Where the description of all paths is. */
    private static final String OPENAPI = "/openapi.json";

    private static final int MOST_THREADS = 16;
    private static final int MOST_CONNECTIONS = 1_000;
    /** A client that sends its request more slowly, in bytes a second, is disconnected. */
    private static final long SLOWEST_REQUEST = 100;

    private static final String BEARER = "Bearer ";
    private static final Set<String> HERE = Set.of("localhost", "127.0.0.1", "[::1]");

    private final ListenAddress address;
    private final boolean secure;
    /** Null if everyone may do everything. */
    private final AccessTokens tokens;
    /** Whether requests must name this machine as their host. */
    private final boolean onlyHere;

    private final FailureLimit failures;
    private final LiveEvents events = new LiveEvents();
    private final List<BiConsumer<Context, Float>> listeners = new ArrayList<>();
    private final Set<String> paths = new TreeSet<>();
    private final Javalin server;

    private HttpServer(ThalwegConfig config, List<Endpoints> endpoints) {
        address = ListenAddress.of(config);
        String file = config.getString(ThalwegConfig.HTTP_TOKENS_FILE);
        tokens = file.isEmpty() ? null : AccessTokens.read(Path.of(file));
        boolean anonymous = config.getBoolean(ThalwegConfig.HTTP_ALLOW_ANONYMOUS);
        if (tokens == null && !anonymous && !address.isLoopback()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    ("http.listen = %s can be reached from other machines; set http.tokens.file to a file of tokens, or"
                                    + " http.allow.anonymous = true if everyone who reaches it may read the models and"
                                    + " send examples")
                            .formatted(address));
        }
        onlyHere = tokens == null && !anonymous;
        failures = new FailureLimit(config.getInt(ThalwegConfig.HTTP_FAILURES_MAX), System::nanoTime);
        SslContextFactory.Server ssl = ssl(config);
        secure = ssl != null;
        server = Javalin.create(javalin -> configure(javalin, config, ssl, endpoints));
    }

    /**
     * Starts a server.
     *
     * @param config with {@code http.listen}
     * @throws StopException with one readable line if a setting is wrong, or the port is taken
     */
    public static HttpServer start(ThalwegConfig config, List<Endpoints> endpoints) {
        HttpServer http = new HttpServer(config, endpoints);
        try {
            http.server.start();
        } catch (RuntimeException e) {
            http.close();
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            throw new StopException(
                    ExitCode.NOT_READY,
                    "the HTTP server cannot listen on %s (%s); stop what uses this port, or change http.listen"
                            .formatted(http.address, cause.getMessage()));
        }
        LOG.info("the HTTP server listens on {}", http.url());
        return http;
    }

    /** Returns whether the settings ask for a server. */
    public static boolean isWanted(ThalwegConfig config) {
        return !config.getString(ThalwegConfig.HTTP_LISTEN).isEmpty();
    }

    /** Returns the address of the page. */
    public String url() {
        String host = address.isLoopback() && !address.host().contains(":")
                ? "localhost"
                : address.isWildcard() ? thisMachine() : address.host();
        return (secure ? "https://" : "http://") + new ListenAddress(host, port());
    }

    /** Returns the address of the server for other instances, as {@code host:port}. */
    String authority() {
        return new ListenAddress(address.isWildcard() ? thisMachine() : address.host(), port()).toString();
    }

    private static String thisMachine() {
        try {
            return InetAddress.getLocalHost().getCanonicalHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    /** Returns the port that the server listens on. */
    public int port() {
        return server.port();
    }

    /** Returns the events that open pages receive. */
    public LiveEvents events() {
        return events;
    }

    /** Returns the paths that the server answers, each after its method: {@code GET /metrics}. */
    Set<String> paths() {
        return paths;
    }

    @Override
    public void close() {
        events.close();
        server.stop();
    }

    // ---- set-up

    private void configure(
            JavalinConfig javalin, ThalwegConfig config, SslContextFactory.Server ssl, List<Endpoints> endpoints) {
        long timeout = config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS);
        javalin.showJavalinBanner = false;
        javalin.startupWatcherEnabled = false;
        javalin.http.prefer405over404 = true;
        javalin.http.maxRequestSize = config.getInt(ThalwegConfig.HTTP_BODY_MAX_BYTES);
        javalin.http.asyncTimeout = timeout;
        javalin.jetty.threadPool = new QueuedThreadPool(MOST_THREADS, 2);
        javalin.jetty.modifyServer(jetty -> {
            ErrorHandler errors = new ErrorHandler();
            errors.setShowStacks(false);
            jetty.addBean(errors);
            jetty.addBean(new ConnectionLimit(MOST_CONNECTIONS, jetty));
        });
        javalin.jetty.modifyHttpConfiguration(http -> {
            // model ids may contain a slash, which is encoded in the path
            http.setUriCompliance(UriCompliance.RFC3986);
            http.setSendServerVersion(false);
            http.setMinRequestDataRate(SLOWEST_REQUEST);
        });
        javalin.jetty.addConnector((jetty, http) -> connector(jetty, http, config, ssl, timeout));
        javalin.staticFiles.add(files -> {
            files.hostedPath = "/";
            files.directory = PAGE;
            files.location = Location.CLASSPATH;
        });
        javalin.requestLogger.http((request, milliseconds) -> {
            // what is not one of the paths has no role
            if (!request.routeRoles().isEmpty()) {
                listeners.forEach(listener -> listener.accept(request, milliseconds));
            }
        });
        javalin.router.mount(http -> routes(http, endpoints));
    }

    private ServerConnector connector(
            Server jetty, HttpConfiguration http, ThalwegConfig config, SslContextFactory.Server ssl, long timeout) {
        ServerConnector connector;
        if (ssl == null) {
            connector = new ServerConnector(jetty, new HttpConnectionFactory(http));
        } else {
            HttpConfiguration https = new HttpConfiguration(http);
            // clients reach an instance by addresses that its certificate need not name
            https.addCustomizer(new SecureRequestCustomizer(false));
            connector = new ServerConnector(jetty, ssl, new HttpConnectionFactory(https));
            connector.getConnectionFactory(SslConnectionFactory.class).setEnsureSecureRequestCustomizer(false);
            jetty.addBean(renewal(config, ssl));
        }
        connector.setHost(address.host());
        connector.setPort(address.port());
        connector.setIdleTimeout(timeout);
        return connector;
    }

    /** Returns null if there is no keystore. */
    private static SslContextFactory.Server ssl(ThalwegConfig config) {
        String location = config.getString(ThalwegConfig.HTTP_SSL_KEYSTORE_LOCATION);
        if (location.isEmpty()) {
            return null;
        }
        if (!Files.isReadable(Path.of(location))) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "cannot read the keystore %s; change %s"
                            .formatted(location, ThalwegConfig.HTTP_SSL_KEYSTORE_LOCATION));
        }
        SslContextFactory.Server ssl = new SslContextFactory.Server();
        ssl.setKeyStorePath(Path.of(location).toUri().toString());
        ssl.setKeyStoreType(config.getString(ThalwegConfig.HTTP_SSL_KEYSTORE_TYPE));
        String password =
                config.getPassword(ThalwegConfig.HTTP_SSL_KEYSTORE_PASSWORD).value();
        String ofKey = config.getPassword(ThalwegConfig.HTTP_SSL_KEY_PASSWORD).value();
        ssl.setKeyStorePassword(password);
        ssl.setKeyManagerPassword(ofKey.isEmpty() ? password : ofKey);
        try {
            ssl.start();
            ssl.stop();
        } catch (Exception e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "the keystore %s cannot be used (%s); change http.ssl.keystore.location, its type, or the passwords"
                            .formatted(location, e.getMessage() == null ? "it is damaged" : e.getMessage()));
        }
        return ssl;
    }

    /** Takes up a keystore that was renewed on disk. It is looked at once a second. */
    private static KeyStoreScanner renewal(ThalwegConfig config, SslContextFactory.Server ssl) {
        return new KeyStoreScanner(ssl) {
            @Override
            public void reload() {
                try {
                    // Jetty would drop the certificate that it has before it reads the new one; the exception has its
                    // full
                    // name because Jetty's class has inherited another
                    ssl(config);
                } catch (io.thalweg.runtime.StopException e) {
                    LOG.warn("{}; the server goes on with the certificate that it has", e.getMessage());
                    return;
                }
                super.reload();
                LOG.info("new connections to the HTTP server get the certificate that was renewed");
            }
        };
    }

    private void routes(JavalinDefaultRouting http, List<Endpoints> endpoints) {
        http.before(HttpServer::protect);
        http.before(HttpServer::decode);
        http.beforeMatched(this::admit);
        Routes routes = new Routes(http, events, listeners, paths);
        endpoints.forEach(each -> each.addTo(routes));
        routes.events(LiveEvents.PATH, Access.READ, events::connect);
        routes.get(
                OPENAPI,
                Access.OPEN,
                request -> request.contentType("application/json")
                        .result(HttpServer.class.getResourceAsStream("openapi.json")));

        http.exception(HttpRefusal.class, (refusal, request) -> {
            if (refusal.retryAfter() > 0) {
                request.header("Retry-After", Integer.toString(refusal.retryAfter()));
            }
            error(request, refusal.status(), refusal.getMessage());
        });
        http.exception(
                HttpResponseException.class,
                (refusal, request) -> error(request, refusal.getStatus(), text(request, refusal)));
        http.exception(Exception.class, (failure, request) -> {
            // an IOException says that one of the two sides has ended the connection
            Level level = failure instanceof IOException ? Level.DEBUG : Level.ERROR;
            LOG.atLevel(level).log("{} {} failed", request.method(), request.path(), failure);
            error(request, 500, "the server failed; its log says why");
        });
        http.error(404, request -> {
            if (request.attribute(ANSWERED) == null) {
                error(request, 404, "there is nothing at " + request.path());
            }
        });
    }

    private static String text(Context request, HttpResponseException refusal) {
        return switch (refusal.getStatus()) {
            case 404 -> "there is nothing at " + request.path();
            case 405 -> "%s cannot be used at %s".formatted(request.method(), request.path());
            case 413 -> "the body is larger than http.body.max.bytes allows";
            default -> refusal.getMessage();
        };
    }

    // ---- access

    private static void protect(Context request) {
        request.header("X-Content-Type-Options", "nosniff")
                .header("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'")
                .header("Referrer-Policy", "no-referrer");
    }

    /** Refuses a query with a percent sign that no two hexadecimal digits follow. Javalin would fail later. */
    private static void decode(Context request) {
        String query = request.queryString();
        try {
            if (query != null) {
                URLDecoder.decode(query, StandardCharsets.UTF_8);
            }
        } catch (IllegalArgumentException e) {
            throw new HttpRefusal(400, "the query cannot be decoded; write a percent sign as %25");
        }
    }

    /** Checks that the client may send the request. */
    private void admit(Context request) {
        Access needed = needed(request);
        if (onlyHere && !isForHere(request)) {
            // a page of another site whose name leads to this machine
            throw new HttpRefusal(403, "without tokens, requests must be for localhost");
        }
        if (needed == Access.OPEN) {
            return;
        }
        request.header("Cache-Control", "no-store");
        if (request.method().name().equals("POST") && !isJson(request)) {
            // browsers let pages of other sites send anything else
            throw new HttpRefusal(415, "the Content-Type must be application/json");
        }
        if (tokens == null) {
            return;
        }
        String client = request.ip();
        int refused = failures.refusedFor(client);
        if (refused > 0) {
            throw HttpRefusal.tooMany("too many requests with a wrong token", refused);
        }
        String header = request.header("Authorization");
        if (header == null || !header.startsWith(BEARER)) {
            request.header("WWW-Authenticate", "Bearer");
            throw new HttpRefusal(401, "the request needs a token: Authorization: Bearer TOKEN");
        }
        Access access = tokens.of(header.substring(BEARER.length()).strip());
        if (access == Access.OPEN) {
            failures.failed(client);
            request.header("WWW-Authenticate", "Bearer error=\"invalid_token\"");
            throw new HttpRefusal(401, "the token is wrong");
        }
        if (access.compareTo(needed) < 0) {
            throw new HttpRefusal(403, "the token only allows to read");
        }
    }

    /** Returns what a request needs. The files of the page have no role: they contain no data. */
    private static Access needed(Context request) {
        return request.routeRoles().stream().map(Access.class::cast).findFirst().orElse(Access.OPEN);
    }

    private static boolean isJson(Context request) {
        String type = request.contentType();
        return type != null && type.split(";", 2)[0].strip().equalsIgnoreCase("application/json");
    }

    private static boolean isForHere(Context request) {
        String host = request.host();
        return host != null && HERE.contains(host.replaceFirst(":\\d+$", ""));
    }

    // ---- answers

    /** The attribute of a request whose answer says why something is missing. */
    static final String ANSWERED = "answered";

    private static void error(Context request, int status, String message) {
        request.status(status);
        request.attribute(ANSWERED, true);
        write(request, JSON.createObjectNode().put("status", status).put("message", message));
    }

    /**
     * Returns the body of a request as an object.
     *
     * @throws HttpRefusal if it is not one
     */
    static ObjectNode object(Context request) {
        JsonNode body;
        try {
            body = JSON.readTree(request.bodyAsBytes());
        } catch (IOException e) {
            throw new HttpRefusal(400, "the body is not JSON");
        }
        if (body instanceof ObjectNode object) {
            return object;
        }
        throw new HttpRefusal(400, "the body is not a JSON object");
    }

    /** Returns a number that a query gives, within limits. */
    static int number(Context request, String name, int byDefault, int least, int most) {
        String text = request.queryParam(name);
        try {
            int number = text == null ? byDefault : Integer.parseInt(text);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // refused below
        }
        throw new HttpRefusal(400, "%s must be a number from %d to %d".formatted(name, least, most));
    }

    /** Returns a word that a query gives, which must be one of some. The first is the default. */
    static String word(Context request, String name, String... words) {
        String given = request.queryParam(name);
        if (given == null) {
            return words[0];
        }
        if (!List.of(words).contains(given)) {
            throw new HttpRefusal(400, "%s must be one of %s".formatted(name, String.join(", ", words)));
        }
        return given;
    }

    /** Answers with JSON. */
    public static void write(Context request, JsonNode body) {
        try {
            request.contentType("application/json")
                    .result(JSON.writeValueAsString(body).getBytes(StandardCharsets.UTF_8));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
