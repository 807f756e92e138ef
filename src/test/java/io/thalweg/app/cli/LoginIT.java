package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.testing.ClientThreads;
import io.thalweg.testing.FreePort;
import io.thalweg.testing.ProgramLog;
import io.thalweg.testing.SecuredBroker;
import io.thalweg.testing.TestKeys;
import io.thalweg.testing.TokenEndpoint;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Other ways to log in to the brokers: with OAuth tokens and with certificates. */
@Timeout(300)
class LoginIT {
    private static final ClientThreads CLIENTS = ClientThreads.before();

    private static final String ALLOWED_URLS = "org.apache.kafka.sasl.oauthbearer.allowed.urls";
    private static final String ALLOWED_FILES = "org.apache.kafka.sasl.oauthbearer.allowed.files";
    private static final String CLIENT_CREDENTIALS = "client_credentials";
    private static final String JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int EXAMPLES = 20;

    /** JSON, because learners in processes of their own would not share a registry. */
    private static final List<String> OWN =
            List.of("examples.format=json", "output.format=json", "start.timeout.ms=20000", "algorithm=auto");

    @TempDir
    private Path directory;

    private Path logConfiguration = ProgramLog.CONFIGURATION;

    /** What the processes see in their environment. */
    private final Map<String, String> environment = new HashMap<>();

    @AfterEach
    void allClientsWereClosed() {
        CLIENTS.assertNoneSince();
    }

    private static List<String> words(Map<String, String> settings, String... arguments) {
        List<String> words = new ArrayList<>(Arrays.asList(arguments));
        settings.forEach((name, value) -> words.addAll(List.of("--set", name + "=" + value)));
        for (String own : OWN) {
            words.addAll(List.of("--set", own));
        }
        return words;
    }

    private static CommandRun thalweg(Map<String, String> settings, String... arguments) {
        return CommandRun.of(words(settings, arguments));
    }

    private static Map<String, String> with(Map<String, String> settings, String name, String value) {
        Map<String, String> changed = new HashMap<>(settings);
        changed.put(name, value);
        return changed;
    }

    @Test
    void logsInWithTokensForASecretAndForAnAssertion() throws Exception {
        try (TokenEndpoint tokens = new TokenEndpoint("learner", "of-the-client")) {
            // of the broker, which is in this process
            System.setProperty(ALLOWED_URLS, tokens.jwksUrl());
            Map<String, String> ofBroker = new HashMap<>();
            ofBroker.put("sasl.enabled.mechanisms", "PLAIN,OAUTHBEARER");
            ofBroker.put(
                    "listener.name.client.oauthbearer.sasl.jaas.config",
                    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;");
            ofBroker.put(
                    "listener.name.client.oauthbearer.sasl.server.callback.handler.class",
                    "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler");
            ofBroker.put("sasl.oauthbearer.jwks.endpoint.url", tokens.jwksUrl());
            ofBroker.put("sasl.oauthbearer.expected.audience", TokenEndpoint.AUDIENCE);
            ofBroker.put("sasl.oauthbearer.expected.issuer", TokenEndpoint.ISSUER);
            ofBroker.put("super.users", "User:broker;User:admin;User:ANONYMOUS;User:learner");
            try (SecuredBroker broker = SecuredBroker.start(directory, ofBroker)) {
                Map<String, String> base = broker.tls();
                base.put("sasl.mechanism", "OAUTHBEARER");
                base.put(
                        "sasl.jaas.config",
                        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;");
                base.put(
                        "sasl.login.callback.handler.class",
                        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler");
                base.put(
                        "sasl.oauthbearer.token.endpoint.url",
                        tokens.tokenUrl().replace("//", "//endpoint-user:endpoint-secret@"));
                Map<String, String> secret = new HashMap<>(base);
                secret.put("sasl.oauthbearer.client.credentials.client.id", "learner");
                secret.put("sasl.oauthbearer.client.credentials.client.secret", "of-the-client");
                Map<String, String> assertion = new HashMap<>(base);
                Path key = directory.resolve("client.pem");
                tokens.writeKeyOfClient(key);
                assertion.put(
                        "sasl.oauthbearer.jwt.retriever.class",
                        "org.apache.kafka.common.security.oauthbearer.JwtBearerJwtRetriever");
                assertion.put("sasl.oauthbearer.assertion.private.key.file", key.toString());
                assertion.put("sasl.oauthbearer.assertion.algorithm", "RS256");
                assertion.put("sasl.oauthbearer.assertion.claim.sub", "learner");
                assertion.put("sasl.oauthbearer.assertion.claim.iss", "learner");
                assertion.put("sasl.oauthbearer.assertion.claim.aud", tokens.tokenUrl());

                // in processes of their own, without the properties that Kafka's clients ask for
                assertThat(process(secret, "topics", "--create")).isZero();
                learns(broker, secret, EXAMPLES);
                assertThat(tokens.grants()).isNotEmpty().containsOnly(CLIENT_CREDENTIALS);
                tokens.grants().clear();
                learns(broker, assertion, 2 * EXAMPLES);
                assertThat(process(assertion, "verify")).isZero();
                assertThat(tokens.grants()).isNotEmpty().containsOnly(JWT_BEARER);

                System.setProperty(
                        ALLOWED_URLS, tokens.jwksUrl() + "," + base.get("sasl.oauthbearer.token.endpoint.url"));
                CommandRun wrong = thalweg(
                        with(secret, "sasl.oauthbearer.client.credentials.client.secret", "of-another"), "topics");
                assertThat(wrong.exitCode()).as("%s", wrong).isEqualTo(2);
                assertThat(wrong.err())
                        .singleElement()
                        .asString()
                        .contains("401")
                        .doesNotContain("of-another", "endpoint-user", "endpoint-secret");
                String nowhere = "http://127.0.0.1:" + FreePort.find() + "/token";
                System.setProperty(ALLOWED_URLS, tokens.jwksUrl() + "," + nowhere);
                Map<String, String> down = with(secret, "sasl.oauthbearer.token.endpoint.url", nowhere);
                down.put("sasl.login.retry.backoff.max.ms", "200");
                CommandRun silent = thalweg(down, "topics");
                assertThat(silent.exitCode()).as("%s", silent).isEqualTo(3);
                assertThat(silent.err()).singleElement().asString().contains("the token endpoint does not answer");
            }
        } finally {
            System.clearProperty(ALLOWED_URLS);
            System.clearProperty(ALLOWED_FILES);
        }
    }

    /** Starts a command in a process of its own. */
    private Process start(Map<String, String> settings, String... arguments) throws IOException {
        return start(words(settings, arguments));
    }

    private Process start(List<String> words) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Dlogback.configurationFile=" + logConfiguration,
                "-cp",
                System.getProperty("java.class.path"),
                Thalweg.class.getName()));
        command.addAll(words);
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("output-of-" + words.get(0)).toFile());
        builder.environment().putAll(environment);
        return builder.start();
    }

    /** Runs a command in a process of its own. Returns its exit code. */
    private int process(Map<String, String> settings, String... arguments) throws IOException, InterruptedException {
        Process process = start(settings, arguments);
        return endOf(process, arguments[0]);
    }

    private int endOf(Process process, String command) throws IOException, InterruptedException {
        try {
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        if (process.exitValue() != 0) {
            System.err.println(Files.readString(directory.resolve("output-of-" + command)));
        }
        return process.exitValue();
    }

    private void produce(Map<String, String> settings) throws IOException, InterruptedException {
        assertThat(process(settings, "produce", csv().toString())).isZero();
    }

    private Path csv() throws IOException {
        StringBuilder text = new StringBuilder("hour,label\n");
        for (int i = 0; i < EXAMPLES; i++) {
            text.append("%s,%d\n".formatted(i % 24 / 24.0, i % 5 / 4));
        }
        return Files.writeString(directory.resolve("clicks.csv"), text);
    }

    private static long committed(SecuredBroker broker) throws Exception {
        return broker
                .admin()
                .listConsumerGroupOffsets("thalweg")
                .partitionsToOffsetAndMetadata()
                .get()
                .values()
                .stream()
                .mapToLong(offset -> offset == null ? 0 : offset.offset())
                .sum();
    }

    private void awaitCommitted(SecuredBroker broker, Process learner, long examples) {
        Awaitility.await().atMost(PATIENCE).until(() -> committed(broker) == examples || !learner.isAlive());
    }

    private int stopped(Process learner) throws IOException, InterruptedException {
        // not process.destroy(), which closes its output first
        learner.toHandle().destroy();
        return endOf(learner, "run");
    }

    /** Looks for secrets in the log of a learner that logs all that it can. */
    private void assertThatTheLogHoldsNone(String... secrets) throws IOException {
        String log = Files.readString(directory.resolve("output-of-run"));
        assertThat(log).contains(" DEBUG ", "[hidden]").doesNotContain(secrets);
    }

    /** Sends examples, and runs a learner until so many are committed. */
    private void learns(SecuredBroker broker, Map<String, String> settings, long examples) throws Exception {
        produce(settings);
        environment.put("THALWEG_LOG_LEVEL", "DEBUG");
        Process learner = start(settings, "run");
        environment.clear();
        try {
            awaitCommitted(broker, learner, examples);
        } finally {
            assertThat(stopped(learner)).isZero();
        }
        assertThatTheLogHoldsNone(
                "of-the-client", TestKeys.PASSWORD, "BEGIN PRIVATE KEY", "endpoint-user", "endpoint-secret");
    }

    @Test
    void noSecretIsShownOrStored() throws Exception {
        List<String> secrets = List.of(
                "admin-secret",
                TestKeys.PASSWORD,
                "first-user",
                "first-secret",
                "second-user",
                "second-secret",
                "info-secret",
                "token-that-may-read",
                "token-that-is-wrong");
        // also what repeats what the program says
        logConfiguration = Files.writeString(directory.resolve("all-logs.xml"), """
                <configuration>
                  <include resource="io/thalweg/app/log-output.xml"/>
                  <root level="DEBUG"><appender-ref ref="stderr"/></root>
                  <include resource="io/thalweg/app/log-quiet.xml"/>
                  <logger name="io.thalweg" level="TRACE"/>
                  <logger name="org.apache.kafka" level="TRACE"/>
                  <logger name="io.confluent" level="TRACE"/>
                </configuration>
                """);
        try (SecuredBroker broker = SecuredBroker.start(directory);
                EmbeddedRegistry registry = EmbeddedRegistry.start(null, 0)) {
            String nowhere = "http://first-user:first-secret@127.0.0.1:" + FreePort.find();
            SecuredProject project = new SecuredProject(
                    broker,
                    "thalweg",
                    nowhere + "," + registry.url().replace("//", "//second-user:second-secret@"),
                    "basic.auth.credentials.source",
                    "URL",
                    "schema.registry.basic.auth.user.info",
                    "info-user:info-secret",
                    "state.dir",
                    directory.resolve("state").toString(),
                    "http.listen",
                    "127.0.0.1:" + FreePort.find(),
                    "http.tokens.file",
                    Files.writeString(directory.resolve("tokens"), "read token-that-may-read")
                            .toString());
            Map<String, String> learner = broker.superUser();
            learner.putAll(Map.of(
                    "ssl.keystore.location", broker.keys().key("server").toString(),
                    "ssl.keystore.password", TestKeys.PASSWORD,
                    "ssl.key.password", TestKeys.PASSWORD));
            CommandRun down =
                    project.thalweg(with(learner, "schema.registry.url", nowhere), "produce", csv().toString());
            down.isOneLine(3, nowhere.replaceFirst(".*@", ""));
            assertThat(down.toString()).doesNotContain(secrets.toArray(String[]::new));
            project.prepare(csv());

            List<String> words = new ArrayList<>(List.of("run"));
            project.settings(learner).forEach((name, value) -> words.addAll(List.of("--set", name + "=" + value)));
            Process run = start(words);
            StringBuilder shown = new StringBuilder();
            try {
                awaitCommitted(broker, run, EXAMPLES);
                String address = "http://" + project.settings(learner).get("http.listen");
                for (String path : List.of("/", "/v1/models", "/metrics", "/health/ready", "/health/live")) {
                    shown.append(get(address + path, "token-that-may-read", 200));
                }
                shown.append(get(address + "/v1/models", "token-that-is-wrong", 401));
            } finally {
                assertThat(stopped(run)).isZero();
            }
            assertThat(shown).contains("thalweg_").doesNotContain(secrets.toArray(String[]::new));
            assertThat(Files.readString(directory.resolve("output-of-run")))
                    .contains(" TRACE ", "[hidden]", nowhere.replaceFirst("//.*@", "//"))
                    .doesNotContain(secrets.toArray(String[]::new));
            // it keeps files only if labels come later
            assertThat(directory.resolve("state")).doesNotExist();
            assertThat(contents(broker))
                    .as("the topics, in which settings are recorded")
                    .contains("learning.rate")
                    .doesNotContain(secrets.toArray(String[]::new));
        }
    }

    private static String get(String address, String token, int status) throws Exception {
        HttpResponse<String> response = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(address))
                                .header("Authorization", "Bearer " + token)
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(address).isEqualTo(status);
        return response.headers() + response.body();
    }

    /** All bytes of all topics, as characters. */
    private static String contents(SecuredBroker broker) throws Exception {
        StringBuilder contents = new StringBuilder();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                new HashMap<>(broker.superUser()), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> all = consumer.listTopics().values().stream()
                    .flatMap(List::stream)
                    .map(partition -> new TopicPartition(partition.topic(), partition.partition()))
                    .toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            while (all.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> {
                    for (byte[] bytes : new byte[][] {record.key(), record.value()}) {
                        contents.append(bytes == null ? "" : new String(bytes, StandardCharsets.ISO_8859_1));
                    }
                });
            }
        }
        return contents.toString();
    }

    @Test
    void learnsOverMutualTlsWithSecretsFromElsewhereAndTakesUpRenewedCertificates() throws Exception {
        try (SecuredBroker broker = SecuredBroker.startForCertificates(directory, "learner", "auditor")) {
            SecuredProject project = new SecuredProject(broker, "thalweg", "");
            OWN.forEach(own -> project.set(own.split("=")[0], own.split("=")[1]));
            Map<String, String> admin = broker.certificate("server");
            project.thalweg(admin, "topics", "--create").is(0);
            broker.allow(project.printed("learner", "CN=learner"));
            broker.allow(project.printed("producer", "CN=learner"));
            broker.allow(project.printed("auditor", "CN=auditor"));

            Path secrets = Files.writeString(
                    directory.resolve("secrets.properties"), "of.the.stores=" + TestKeys.PASSWORD + "\n");
            Path mounted = Files.createDirectory(directory.resolve("mounted"));
            Files.writeString(mounted.resolve("password"), TestKeys.PASSWORD);
            environment.put("PASSWORD_OF_THE_KEY", TestKeys.PASSWORD);
            Map<String, String> learner = project.settings(broker.certificate("learner"));
            learner.put("ssl.keystore.password", "${file:" + secrets + ":of.the.stores}");
            learner.put("ssl.truststore.password", "${directory:" + mounted + ":password}");
            learner.put("ssl.key.password", "${env:PASSWORD_OF_THE_KEY}");

            produce(learner);
            environment.put("THALWEG_LOG_LEVEL", "DEBUG");
            Process run = start(learner, "run");
            environment.remove("THALWEG_LOG_LEVEL");
            try {
                awaitCommitted(broker, run, EXAMPLES);
                broker.renewCertificates("learner", "auditor");
                produce(learner);
                awaitCommitted(broker, run, 2 * EXAMPLES);
                assertThat(run.isAlive()).isTrue();
            } finally {
                assertThat(stopped(run)).isZero();
            }
            assertThatTheLogHoldsNone(TestKeys.PASSWORD);
            project.thalweg(broker.certificate("auditor"), "verify").is(0);
        }
    }

    @Test
    void logsInWithACertificate() {
        try (SecuredBroker broker = SecuredBroker.startForCertificates(directory, "learner")) {
            Map<String, String> learner = broker.certificate("learner");
            CommandRun denied = thalweg(learner, "run");
            assertThat(denied.exitCode()).isEqualTo(3);
            assertThat(denied.err())
                    .singleElement()
                    .asString()
                    .contains("principal User:CN=learner has no right to READ on topic examples");
            assertThat(thalweg(broker.certificate("server"), "topics", "--create")
                            .exitCode())
                    .isZero();

            broker.keys().make("stranger", "dns:stranger");
            CommandRun stranger = thalweg(broker.certificate("stranger"), "topics");
            assertThat(stranger.exitCode()).as("%s", stranger).isEqualTo(3);
            assertThat(stranger.err()).singleElement().asString().contains("principal User:CN=stranger", "certificate");

            Map<String, String> trusting = broker.certificate("learner");
            trusting.put(
                    "ssl.truststore.location", broker.keys().trust("stranger").toString());
            CommandRun distrusted = thalweg(trusting, "topics");
            assertThat(distrusted.exitCode()).as("%s", distrusted).isEqualTo(3);
            assertThat(distrusted.err()).singleElement().asString().contains("unable to find valid certification");
            trusting.put("ssl.truststore.password", TestKeys.PASSWORD + "x");
            assertThat(thalweg(trusting, "topics").exitCode()).isEqualTo(2);
        }
    }
}
