package io.thalweg.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.app.page.PageEndpoints;
import io.thalweg.app.serve.Http;
import io.thalweg.app.serve.ServedMetric;
import io.thalweg.app.serve.Serving;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.ExampleSender;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Topics;
import io.thalweg.testing.FreePort;
import io.thalweg.testing.Programs;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real Prometheus scrapes a real learner; the alerts and the dashboard ask for metrics that exist. */
@Timeout(300)
class PrometheusIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    /** Metrics that a learner has only if something has happened, or labels come later. */
    private static final Set<String> OCCASIONAL = Set.of(
            "thalweg_model_labels_waiting",
            "thalweg_model_labels_in_time_total",
            "thalweg_model_labels_given_up_total",
            "thalweg_model_label_rate_ratio",
            "jvm_gc_pause_seconds_sum");

    @TempDir
    private static Path directory;

    private static EmbeddedBroker broker;
    private static EmbeddedRegistry registry;
    private static ConfluentSchemas schemas;
    private static Serving serving;
    private static Http learner;

    @BeforeAll
    static void start() {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        registry = EmbeddedRegistry.start(null, 0);
        ThalwegConfig config = new ThalwegConfig(Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "schema.registry.url",
                registry.url(),
                "http.listen",
                "127.0.0.1:0",
                "http.stall.max.ms",
                "1000"));
        try (Admin admin = KafkaSettings.admin(config)) {
            new Topics(config, admin).create();
        }
        schemas = new ConfluentSchemas(config.registry(), Duration.ofSeconds(10));
        serving = Serving.start(config, schemas, PageEndpoints::new);
        learner = new Http(serving.port());
        try (ExampleSender sender = ExampleSender.open(config, schemas)) {
            for (int i = 0; i < 500; i++) {
                sender.send("m", new Example(null, i % 2.0, 1.0, List.of(i % 2 - 0.5)));
            }
            sender.flush();
        }
        await().atMost(PATIENCE)
                .until(() -> learner.get("/metrics").body().contains("thalweg_model_examples_total{model=\"m\"} 500"));
        await().atMost(PATIENCE).until(() -> learner.get("/metrics").body().contains("thalweg_lag_records{"));
    }

    @AfterAll
    static void stop() {
        serving.close();
        schemas.close();
        registry.close();
        broker.close();
    }

    // ---- names

    private static List<String> alerts() throws IOException {
        return new YAMLMapper()
                .readTree(DeployTest.DEPLOY.resolve("prometheus/alerts.yml").toFile())
                .findValuesAsText("expr");
    }

    private static List<String> queries() throws IOException {
        JsonNode dashboard = new ObjectMapper()
                .readTree(DeployTest.DEPLOY.resolve("grafana/thalweg.json").toFile());
        List<String> queries = new ArrayList<>(dashboard.path("panels").findValuesAsText("expr"));
        assertThat(queries).hasSizeGreaterThan(15);
        return queries;
    }

    private static Set<String> names(Stream<String> expressions) {
        Set<String> names = new HashSet<>();
        expressions.forEach(expression -> Pattern.compile("\\b(thalweg|kafka|jvm|process|system)_\\w+")
                .matcher(expression)
                .results()
                .forEach(name -> names.add(name.group())));
        return names;
    }

    @Test
    void alertsAndDashboardAskForMetricsThatExist() throws IOException {
        Set<String> there = new HashSet<>();
        learner.get("/metrics")
                .body()
                .lines()
                .filter(line -> !line.startsWith("#"))
                .forEach(line -> there.add(line.replaceFirst("[{ ].*", "")));
        Set<String> asked = names(Stream.concat(alerts().stream(), queries().stream()));
        assertThat(asked).hasSizeGreaterThan(15);
        asked.removeAll(OCCASIONAL);
        assertThat(there).containsAll(asked);
        Set<String> defined = new HashSet<>();
        for (ServedMetric metric : ServedMetric.values()) {
            defined.add(metric.queried());
        }
        assertThat(defined)
                .containsAll(OCCASIONAL.stream()
                        .filter(name -> name.startsWith("thalweg"))
                        .toList());
        // and the other way round: what is there is defined
        assertThat(defined)
                .containsAll(there.stream()
                        .filter(name -> name.startsWith("thalweg_"))
                        .filter(name -> !name.matches("thalweg_http_requests_seconds_(sum|count|max)"))
                        .toList());
    }

    // ---- a real Prometheus

    @Test
    void prometheusScrapesALearner() throws Exception {
        Path program = Programs.find("prometheus", "prometheus");
        int port = FreePort.find();
        Path settings = Files.createDirectory(directory.resolve("prometheus"));
        Files.copy(DeployTest.DEPLOY.resolve("prometheus/alerts.yml"), settings.resolve("alerts.yml"));
        Files.writeString(
                settings.resolve("prometheus.yml"),
                Files.readString(DeployTest.DEPLOY.resolve("prometheus/prometheus.yml"))
                        .replace("learner:8080", "127.0.0.1:" + serving.port())
                        .replace("15s", "1s"));
        Process prometheus = new ProcessBuilder(
                        program.toString(),
                        "--config.file=prometheus.yml",
                        "--storage.tsdb.path=data",
                        "--web.listen-address=127.0.0.1:" + port)
                .directory(settings.toFile())
                .redirectErrorStream(true)
                .redirectOutput(settings.resolve("log").toFile())
                .start();
        try {
            Http http = new Http(port);
            await().atMost(PATIENCE)
                    .ignoreExceptionsMatching(AssertionError.class::isInstance)
                    .until(() -> result(http, "thalweg_model_examples_total{model=\"m\"}")
                                    .size()
                            == 1);
            JsonNode examples = result(http, "thalweg_model_examples_total{model=\"m\"}");
            assertThat(examples.get(0).path("value").get(1).asText()).isEqualTo("500");
            assertThat(examples.get(0).path("metric").path("job").asText()).isEqualTo("thalweg");
            for (String query : queries()) {
                String asked =
                        query.replace("$job", "thalweg").replace("$model", ".*").replace("$__rate_interval", "1m");
                boolean mayBeEmpty = names(Stream.of(query)).stream().anyMatch(OCCASIONAL::contains);
                // a rate needs two samples
                await(query).atMost(PATIENCE).until(() -> !result(http, asked).isEmpty() || mayBeEmpty);
            }
            await().atMost(PATIENCE).untilAsserted(() -> {
                JsonNode rules = http.get("/api/v1/rules").ok().at("/data/groups/0/rules");
                assertThat(rules).hasSize(alerts().size());
                for (JsonNode rule : rules) {
                    assertThat(rule.path("health").asText()).as(rule.toString()).isEqualTo("ok");
                    assertThat(rule.path("state").asText()).as(rule.toString()).isEqualTo("inactive");
                }
            });
        } finally {
            prometheus.destroy();
            prometheus.waitFor();
        }
    }

    private static JsonNode result(Http prometheus, String query) {
        JsonNode answer = prometheus
                .get("/api/v1/query?query=" + URLEncoder.encode(query, StandardCharsets.UTF_8))
                .ok();
        assertThat(answer.path("status").asText()).as("%s: %s", query, answer).isEqualTo("success");
        return answer.at("/data/result");
    }
}
