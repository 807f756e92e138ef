package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import io.thalweg.testing.ProgramLog;
import io.thalweg.testing.Programs;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpServerTest {
    private static final String READ = "a-token-that-can-read";
    private static final String WRITE = "a-token-that-can-write";

    @TempDir
    private Path directory;

    private final HttpClient client = HttpClient.newHttpClient();
    private HttpServer server;

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private void start(Object... settings) {
        server = HttpServer.start(config(settings), List.of(routes -> {
            routes.get("/open", Access.OPEN, request -> request.result("open"));
            routes.get("/read", Access.READ, request -> request.result("read"));
            routes.post("/write", Access.WRITE, request -> request.result(request.bodyAsBytes()));
            routes.get("/fails", Access.OPEN, request -> {
                throw new IllegalStateException("a secret detail");
            });
            routes.get("/closed", Access.OPEN, request -> {
                throw new IOException("one of the two sides has closed the connection");
            });
            routes.get("/busy", Access.OPEN, request -> {
                throw HttpRefusal.unavailable("not now", 7);
            });
        }));
    }

    private static ThalwegConfig config(Object... settings) {
        Map<String, Object> map = new HashMap<>(Map.of(ThalwegConfig.HTTP_LISTEN, "127.0.0.1:0"));
        for (int i = 0; i < settings.length; i += 2) {
            map.put((String) settings[i], settings[i + 1]);
        }
        return new ThalwegConfig(map);
    }

    private String tokens() throws Exception {
        return Files.writeString(directory.resolve("tokens"), "# people\nread %s\n\nwrite %s\n".formatted(READ, WRITE))
                .toString();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
    }

    private HttpResponse<String> get(String path, String... headers) throws Exception {
        HttpRequest.Builder request = request(path);
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> post(String path, String body, String... headers) throws Exception {
        HttpRequest.Builder request = request(path).POST(HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    // ---- who may

    @ParameterizedTest
    @ValueSource(strings = {"0.0.0.0:0", "[::]:0"})
    void beyondThisMachineItNeedsTokensOrAnExplicitWord(String address) throws Exception {
        assertThatThrownBy(() -> start(ThalwegConfig.HTTP_LISTEN, address))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessageContaining("http.tokens.file")
                .hasMessageContaining("http.allow.anonymous");
        if (address.startsWith("0")) {
            start(ThalwegConfig.HTTP_LISTEN, address, ThalwegConfig.HTTP_TOKENS_FILE, tokens());
            assertThat(get("/read").statusCode()).isEqualTo(401);
            server.close();
            start(ThalwegConfig.HTTP_LISTEN, address, ThalwegConfig.HTTP_ALLOW_ANONYMOUS, "true");
            assertThat(get("/read").statusCode()).isEqualTo(200);
        }
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "none",
            value = {
                "/open, none, 200",
                "/read, none, 401",
                "/read, a-token-that-is-wrong, 401",
                "/read, a-token-that-can-rea, 401",
                "/read, a-token-that-can-read, 200",
                "/read, a-token-that-can-write, 200",
                "/write, none, 401",
                "/write, a-token-that-can-read, 403",
                "/write, a-token-that-can-write, 200"
            })
    void aTokenAllowsWhatItsLineSays(String path, String token, int status) throws Exception {
        start(ThalwegConfig.HTTP_TOKENS_FILE, tokens());
        String[] headers = token == null
                ? new String[] {"Content-Type", "application/json"}
                : new String[] {"Content-Type", "application/json", "Authorization", "Bearer " + token};
        HttpResponse<String> answer = path.equals("/write") ? post(path, "{}", headers) : get(path, headers);
        assertThat(answer.statusCode()).isEqualTo(status);
        if (status != 200) {
            assertThat(json(answer).path("message").asText()).isNotBlank().doesNotContain(READ, WRITE);
        }
    }

    @Test
    void wrongTokensAreLimited() throws Exception {
        start(ThalwegConfig.HTTP_TOKENS_FILE, tokens(), ThalwegConfig.HTTP_FAILURES_MAX, "3");
        for (int i = 0; i < 3; i++) {
            assertThat(get("/read", "Authorization", "Bearer guess-number-" + i).statusCode())
                    .isEqualTo(401);
        }
        HttpResponse<String> answer = get("/read", "Authorization", "Bearer " + READ);
        assertThat(answer.statusCode()).isEqualTo(429);
        assertThat(answer.headers().firstValueAsLong("Retry-After").orElse(0)).isBetween(1L, 60L);
        assertThat(get("/open").statusCode()).isEqualTo(200);
    }

    @Test
    void aLimitOnFailuresEndsAfterAMinute() {
        long[] now = {5};
        FailureLimit limit = new FailureLimit(2, () -> now[0]);
        limit.failed("a");
        assertThat(limit.refusedFor("a")).isZero();
        limit.failed("a");
        assertThat(limit.refusedFor("a")).isEqualTo(60);
        assertThat(limit.refusedFor("b")).isZero();
        now[0] += 59_000_000_000L;
        assertThat(limit.refusedFor("a")).isEqualTo(1);
        now[0] += 1_000_000_000L;
        assertThat(limit.refusedFor("a")).isZero();
        limit.failed("a");
        assertThat(limit.refusedFor("a")).isZero();
    }

    static Stream<String> wrongFiles() {
        return Stream.of("", "# nothing\n", "read short\n", "admin " + READ + "\n", READ + "\n", "read a b c\n");
    }

    @ParameterizedTest
    @MethodSource("wrongFiles")
    void aWrongFileOfTokensStopsTheStart(String text) throws Exception {
        Path file = Files.writeString(directory.resolve("tokens"), text);
        assertThatThrownBy(() -> start(ThalwegConfig.HTTP_TOKENS_FILE, file.toString()))
                .isInstanceOf(StopException.class)
                .hasMessageContaining(file.toString())
                .hasMessageNotContaining(READ);
        assertThatThrownBy(() -> start(ThalwegConfig.HTTP_TOKENS_FILE, file + "-missing"))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("cannot read");
    }

    @ParameterizedTest
    @ValueSource(strings = {"8080", "localhost", "localhost:99999", "http://localhost:8080", ":8080", "a b:1"})
    void aWrongAddressStopsTheStart(String address) {
        assertThatThrownBy(() -> start(ThalwegConfig.HTTP_LISTEN, address))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("host:port");
    }

    @Test
    void aTakenPortStopsTheStart() {
        start();
        HttpServer first = server;
        assertThatThrownBy(() -> start(ThalwegConfig.HTTP_LISTEN, "127.0.0.1:" + first.port()))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.NOT_READY))
                .hasMessageContaining("http.listen");
    }

    @Test
    void pagesOfOtherSitesCanDoNothing() throws Exception {
        start();
        // the name of another site that leads to this machine
        assertThat(raw("GET /read HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"))
                .startsWith("HTTP/1.1 403");
        assertThat(raw("GET /read HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n"))
                .startsWith("HTTP/1.1 200");
        // what a form can send
        assertThat(post("/write", "{}", "Content-Type", "text/plain").statusCode())
                .isEqualTo(415);
        assertThat(post("/write", "{}", "Content-Type", "application/json; charset=utf-8")
                        .statusCode())
                .isEqualTo(200);
    }

    // ---- failures and limits

    @Test
    void failuresAreOneReadableLine() throws Exception {
        start();
        HttpResponse<String> failed = get("/fails");
        assertThat(failed.statusCode()).isEqualTo(500);
        assertThat(failed.body()).doesNotContain("secret", "Exception", "\tat ", "javalin", "jetty");

        try (ProgramLog log = new ProgramLog()) {
            assertThat(get("/closed").statusCode()).isEqualTo(500);
            assertThat(log.lines()).isEmpty();
            get("/fails");
            assertThat(log.lines()).hasSize(1).first().asString().contains("GET /fails failed");
        }

        HttpResponse<String> busy = get("/busy");
        assertThat(busy.statusCode()).isEqualTo(503);
        assertThat(busy.headers().firstValue("Retry-After")).contains("7");
        assertThat(json(busy).path("message").asText()).isEqualTo("not now");

        assertThat(get("/nothing").statusCode()).isEqualTo(404);
        assertThat(json(get("/nothing")).path("message").asText()).contains("/nothing");
        assertThat(post("/read", "{}", "Content-Type", "application/json").statusCode())
                .isEqualTo(405);
        try (ProgramLog log = new ProgramLog()) {
            for (String query : List.of("search=100%", "search=%zz", "%=1")) {
                assertThat(raw("GET /open?" + query + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
                        .startsWith("HTTP/1.1 400")
                        .contains("%25");
            }
            assertThat(log.lines()).isEmpty();
        }
        assertThat(raw("GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
                .startsWith("HTTP/1.1 400")
                .doesNotContain("\tat ", "Exception", "Jetty");
    }

    @Test
    void aBodyIsLimited() throws Exception {
        start(ThalwegConfig.HTTP_BODY_MAX_BYTES, "1024");
        String most = " ".repeat(1024);
        assertThat(post("/write", most, "Content-Type", "application/json").statusCode())
                .isEqualTo(200);
        HttpResponse<String> answer = post("/write", most + " ", "Content-Type", "application/json");
        assertThat(answer.statusCode()).isEqualTo(413);
        assertThat(json(answer).path("message").asText()).contains("http.body.max.bytes");
    }

    @Test
    void aClientThatDoesNotFinishIsDisconnected() throws Exception {
        start(ThalwegConfig.HTTP_TIMEOUT_MS, "200");
        assertThat(raw("POST /write HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Content-Length: 10\r\n\r\n{"))
                .doesNotStartWith("HTTP/1.1 200");
    }

    /** Sends bytes, and returns what comes until the server ends the connection. */
    private String raw(String request) throws Exception {
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            OutputStream out = socket.getOutputStream();
            out.write(request.getBytes(StandardCharsets.UTF_8));
            out.flush();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    // ---- the page

    @Test
    void thePageNeedsNothingFromOtherHosts() throws Exception {
        start(ThalwegConfig.HTTP_TOKENS_FILE, tokens());
        HttpResponse<String> page = get("/");
        assertThat(page.statusCode()).isEqualTo(200);
        assertThat(page.headers().firstValue("Content-Type").orElse("")).startsWith("text/html");
        assertThat(page.headers().firstValue("Content-Security-Policy").orElse(""))
                .contains("default-src 'self'");
        assertThat(page.body()).contains("<title>Thalweg</title>").doesNotContain("//");
    }

    @Test
    void eventsReachEveryClient() throws Exception {
        // shorter than the time between two events: the connection must stay open all the same
        start(ThalwegConfig.HTTP_TIMEOUT_MS, "1000");
        try (BufferedReader first = events();
                BufferedReader second = events()) {
            await().until(server.events()::hasClients);
            for (int i = 1; i <= 3; i++) {
                server.events().publish("number", "{\"ϑ\":" + i + "}");
            }
            for (BufferedReader each : List.of(first, second)) {
                assertThat(each.lines().filter(line -> line.startsWith("data:")).limit(3))
                        .containsExactly("data: {\"ϑ\":1}", "data: {\"ϑ\":2}", "data: {\"ϑ\":3}");
            }
        }
        await().until(() -> {
            server.events().publish("number", "{}");
            return !server.events().hasClients();
        });
    }

    private BufferedReader events() throws Exception {
        InputStream body = client.send(
                        request(LiveEvents.PATH)
                                .header("Accept", "text/event-stream")
                                .build(),
                        HttpResponse.BodyHandlers.ofInputStream())
                .body();
        return new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
    }

    // ---- TLS

    @Test
    void withAKeystoreItSpeaksHttps() throws Exception {
        Certificate certificate = Certificate.create(directory, "dns:localhost");
        assertThatThrownBy(() -> start(
                        ThalwegConfig.HTTP_SSL_KEYSTORE_LOCATION,
                        certificate.keystore().toString(),
                        ThalwegConfig.HTTP_SSL_KEYSTORE_PASSWORD,
                        "another"))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("cannot be used");
        start(
                ThalwegConfig.HTTP_SSL_KEYSTORE_LOCATION,
                certificate.keystore().toString(),
                ThalwegConfig.HTTP_SSL_KEYSTORE_PASSWORD,
                Certificate.PASSWORD);

        HttpClient secure =
                HttpClient.newBuilder().sslContext(certificate.trusting()).build();

        assertThat(server.url()).startsWith("https://localhost:");
        assertThat(secure.send(
                                HttpRequest.newBuilder(URI.create(server.url() + "/read"))
                                        .build(),
                                HttpResponse.BodyHandlers.ofString())
                        .body())
                .isEqualTo("read");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRenewedKeystoreIsTakenUpAndABrokenOneIsNot(boolean linked) throws Exception {
        Certificate first = Certificate.create(Files.createDirectory(directory.resolve("first")), "dns:localhost");
        Certificate second = Certificate.create(Files.createDirectory(directory.resolve("second")), "dns:localhost");
        Path broken = Files.createDirectory(directory.resolve("broken"));
        Files.writeString(broken.resolve("keystore.p12"), "half of a");
        Path keystore = directory.resolve("keystore.p12");
        if (linked) {
            // as Kubernetes mounts a secret: what changes is a link in the middle
            Files.createSymbolicLink(keystore, Path.of("..data", "keystore.p12"));
        }
        put(keystore, first.keystore(), linked);
        start(
                ThalwegConfig.HTTP_SSL_KEYSTORE_LOCATION,
                keystore.toString(),
                ThalwegConfig.HTTP_SSL_KEYSTORE_PASSWORD,
                Certificate.PASSWORD);
        assertThat(isTrusted(first)).isTrue();

        try (ProgramLog log = new ProgramLog()) {
            put(keystore, broken.resolve("keystore.p12"), linked);
            await().until(() -> log.lines().stream()
                    .anyMatch(line -> line.contains("the server goes on with the certificate that it has")));
        }
        assertThat(isTrusted(first)).isTrue();

        put(keystore, second.keystore(), linked);
        await().until(() -> isTrusted(second));
        assertThat(isTrusted(first)).isFalse();
    }

    // ---- the HEALTHCHECK of the image

    @ParameterizedTest
    @CsvSource({"127.0.0.1, false", "0.0.0.0, false", "[::], false", "127.0.0.1, true", "0.0.0.0, true"})
    void theHealthcheckAsksTheServerHoweverItListens(String host, boolean secure) throws Exception {
        Map<String, String> settings =
                new HashMap<>(Map.of(ThalwegConfig.HTTP_LISTEN, host + ":0", ThalwegConfig.HTTP_TOKENS_FILE, tokens()));
        if (secure) {
            settings.put(
                    ThalwegConfig.HTTP_SSL_KEYSTORE_LOCATION,
                    Certificate.create(directory, "dns:learner.example")
                            .keystore()
                            .toString());
            settings.put(ThalwegConfig.HTTP_SSL_KEYSTORE_PASSWORD, Certificate.PASSWORD);
        }
        AtomicBoolean alive = new AtomicBoolean(true);
        server = HttpServer.start(
                new ThalwegConfig(settings),
                List.of(routes -> routes.get("/health/live", Access.OPEN, request -> {
                    if (!alive.get()) {
                        throw HttpRefusal.unavailable("it stands still", 1);
                    }
                    request.result("alive");
                })));
        Map<String, String> environment = new HashMap<>();
        environment.put("THALWEG_HTTP_LISTEN", host + ":" + server.port());
        if (secure) {
            environment.put("THALWEG_HTTP_SSL_KEYSTORE_LOCATION", "/etc/thalweg/server.p12");
        }

        assertThat(healthcheck(environment)).isZero();
        alive.set(false);
        assertThat(healthcheck(environment)).isNotZero();
        server.close();
        assertThat(healthcheck(environment)).isNotZero();
    }

    @Test
    void withoutAServerTheHealthcheckHasNothingToAsk() throws Exception {
        assertThat(healthcheck(Map.of())).isZero();
    }

    private static int healthcheck(Map<String, String> environment) throws Exception {
        Programs.find("curl", "curl");
        ProcessBuilder check =
                new ProcessBuilder("sh", Path.of("deploy/docker/healthcheck").toString());
        check.environment().keySet().removeIf(name -> name.startsWith("THALWEG_"));
        check.environment().putAll(environment);
        Process process = check.redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    private void put(Path keystore, Path from, boolean linked) throws Exception {
        Path link = directory.resolve("..data");
        Path renewed = directory.resolve("renewed");
        if (linked) {
            Files.createSymbolicLink(renewed, from.getParent());
        } else {
            Files.copy(from, renewed);
        }
        Files.move(renewed, linked ? link : keystore, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Whether a new client that trusts nothing but this certificate gets an answer. */
    private boolean isTrusted(Certificate certificate) throws Exception {
        HttpClient secure =
                HttpClient.newBuilder().sslContext(certificate.trusting()).build();
        try {
            return secure.send(
                                    HttpRequest.newBuilder(URI.create(server.url() + "/read"))
                                            .build(),
                                    HttpResponse.BodyHandlers.ofString())
                            .statusCode()
                    == 200;
        } catch (SSLException e) {
            return false;
        }
    }

    private static JsonNode json(HttpResponse<String> answer) throws Exception {
        assertThat(answer.headers().firstValue("Content-Type")).contains("application/json");
        return new ObjectMapper().readTree(answer.body());
    }
}
