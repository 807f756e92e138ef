package io.thalweg.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.google.gson.JsonParser;
import io.kubernetes.client.openapi.models.V1ConfigMap;
import io.kubernetes.client.openapi.models.V1PodDisruptionBudget;
import io.kubernetes.client.openapi.models.V1Service;
import io.kubernetes.client.openapi.models.V1StatefulSet;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.testing.Programs;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files in deploy, as far as they can be checked without running anything. */
class DeployTest {
    static final Path DEPLOY = Path.of("deploy").toAbsolutePath();

    // ---- Prometheus

    @Test
    void promtoolAcceptsTheConfigurationAndTheAlerts() throws Exception {
        Path promtool = Programs.find("promtool", "prometheus");
        Path directory = DEPLOY.resolve("prometheus");
        assertThat(Programs.run(directory, promtool, "check", "config", "prometheus.yml"))
                .contains("SUCCESS");
        assertThat(Programs.run(directory, promtool, "check", "rules", "alerts.yml"))
                .contains("SUCCESS");
    }

    @Test
    void theAlertsAreRaisedWhenTheyShould() throws Exception {
        Path promtool = Programs.find("promtool", "prometheus");
        Path directory = DEPLOY.resolve("prometheus");
        assertThat(Programs.run(directory, promtool, "test", "rules", "alerts-test.yml"))
                .contains("SUCCESS");
        YAMLMapper yaml = new YAMLMapper();
        Set<String> raised = new HashSet<>();
        for (JsonNode test :
                yaml.readTree(directory.resolve("alerts-test.yml").toFile()).findValues("alert_rule_test")) {
            test.forEach(each -> {
                if (!each.path("exp_alerts").isEmpty()) {
                    raised.add(each.path("alertname").asText());
                }
            });
        }
        assertThat(raised)
                .containsExactlyInAnyOrderElementsOf(
                        yaml.readTree(directory.resolve("alerts.yml").toFile()).findValuesAsText("alert"));
    }

    // ---- Kubernetes

    private interface PublishedSchema {
        void validate(com.google.gson.JsonElement manifest) throws IOException;
    }

    private static final Map<String, PublishedSchema> SCHEMAS = Map.of(
            "v1/ConfigMap", V1ConfigMap::validateJsonElement,
            "v1/Service", V1Service::validateJsonElement,
            "policy/v1/PodDisruptionBudget", V1PodDisruptionBudget::validateJsonElement,
            "apps/v1/StatefulSet", V1StatefulSet::validateJsonElement);

    private static List<JsonNode> manifests() throws IOException {
        try (MappingIterator<JsonNode> documents = new YAMLMapper()
                .readerFor(JsonNode.class)
                .readValues(DEPLOY.resolve("kubernetes/thalweg.yaml").toFile())) {
            return documents.readAll();
        }
    }

    private static void validate(JsonNode manifest) throws IOException {
        String kind = manifest.path("apiVersion").asText() + "/"
                + manifest.path("kind").asText();
        assertThat(SCHEMAS).containsKey(kind);
        SCHEMAS.get(kind).validate(JsonParser.parseString(manifest.toString()));
    }

    private static JsonNode manifest(String kind) throws IOException {
        return manifests().stream()
                .filter(each -> each.path("kind").asText().equals(kind))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void theManifestsFitTheSchemasThatKubernetesPublishes() throws IOException {
        assertThat(manifests()).hasSize(5);
        for (JsonNode manifest : manifests()) {
            validate(manifest);
        }
        // the check itself
        ObjectNode wrong = manifest("StatefulSet").deepCopy();
        ((ObjectNode) wrong.at("/spec/template/spec/containers/0/livenessProbe/httpGet")).put("pth", "/");
        assertThatThrownBy(() -> validate(wrong)).isInstanceOf(IllegalArgumentException.class);
        ObjectNode incomplete = manifest("StatefulSet").deepCopy();
        ((ObjectNode) incomplete.path("spec")).remove("selector");
        assertThatThrownBy(() -> validate(incomplete)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theManifestsFitEachOtherAndTheLearner() throws IOException {
        JsonNode set = manifest("StatefulSet");
        JsonNode labels = set.at("/spec/template/metadata/labels");
        JsonNode container = set.at("/spec/template/spec/containers/0");
        for (JsonNode manifest : manifests()) {
            JsonNode selector = switch (manifest.path("kind").asText()) {
                case "Service" -> manifest.at("/spec/selector");
                case "StatefulSet", "PodDisruptionBudget" -> manifest.at("/spec/selector/matchLabels");
                default -> labels;
            };
            assertThat(selector).isEqualTo(labels);
        }
        assertThat(manifests().stream().map(each -> each.at("/metadata/name").asText()))
                .contains(set.at("/spec/serviceName").asText());

        // the settings
        Properties properties = new Properties();
        properties.load(new StringReader(
                manifest("ConfigMap").at("/data/thalweg.properties").asText()));
        Map<String, Object> settings = new HashMap<>();
        properties.forEach((name, value) -> settings.put((String) name, value));
        Map<String, String> environment = new HashMap<>();
        for (JsonNode variable : container.path("env")) {
            String name = variable.path("name").asText();
            environment.put(name, variable.path("value").asText());
            if (name.startsWith("THALWEG_") && !name.equals("THALWEG_OPTS")) {
                String setting = name.substring("THALWEG_".length())
                        .toLowerCase(Locale.ROOT)
                        .replace('_', '.');
                assertThat(ThalwegConfig.isSetting(setting)).as(setting).isTrue();
                settings.put(setting, environment.get(name));
            }
        }
        ThalwegConfig config = new ThalwegConfig(settings);
        int port = container.at("/ports/0/containerPort").asInt();
        assertThat(config.getString(ThalwegConfig.HTTP_LISTEN)).endsWith(":" + port);
        assertThat(environment.get("THALWEG_GROUP_INSTANCE_ID")).isEqualTo("$(POD_NAME)");
        assertThat(environment.get("THALWEG_APPLICATION_SERVER"))
                .isEqualTo("$(POD_NAME).%s:%d"
                        .formatted(set.at("/spec/serviceName").asText(), port));

        // what is mounted is there, and files are where the settings look for them
        List<String> volumes = set.at("/spec/template/spec/volumes").findValuesAsText("name");
        assertThat(volumes).containsAll(container.path("volumeMounts").findValuesAsText("name"));
        List<String> mounts = container.path("volumeMounts").findValuesAsText("mountPath");
        assertThat(mounts)
                .anyMatch(mount ->
                        config.getString(ThalwegConfig.HTTP_TOKENS_FILE).startsWith(mount + "/"));
        assertThat(mounts).contains((String) config.clients().get("state.dir"));

        // the probes
        JsonNode paths = new ObjectMapper()
                .readTree(Path.of("src/main/resources/io/thalweg/app/serve/openapi.json")
                        .toFile())
                .path("paths");
        for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
            JsonNode get = container.path(probe).path("httpGet");
            assertThat(paths.has(get.path("path").asText())).as(probe).isTrue();
            assertThat(get.path("port").asText())
                    .isEqualTo(container.at("/ports/0/name").asText());
        }
        // the probes must not give up before the learner does
        assertThat(container.at("/livenessProbe/timeoutSeconds").asLong() * 1000)
                .isLessThan(config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS));
    }

    // ---- Prometheus in Kubernetes

    /** Returns what Prometheus learns of a pod of the manifest. */
    private static ObjectNode discovered(String name, String label) throws IOException {
        JsonNode template = manifest("StatefulSet").at("/spec/template");
        JsonNode port = template.at("/spec/containers/0/ports/0");
        ObjectNode pod = new ObjectMapper().createObjectNode();
        pod.putArray("targets").add("10.0.0.1:" + port.path("containerPort").asText());
        ObjectNode labels = pod.putObject("labels");
        labels.put("__meta_kubernetes_namespace", "default");
        labels.put("__meta_kubernetes_pod_name", name);
        labels.put(
                "__meta_kubernetes_pod_container_port_name", port.path("name").asText());
        template.at("/metadata/labels")
                .properties()
                .forEach(each -> labels.put(
                        "__meta_kubernetes_pod_label_" + each.getKey().replaceAll("\\W", "_"),
                        label == null ? each.getValue().asText() : label));
        return pod;
    }

    /** Debian's programs cannot ask Kubernetes, so the pods come from a file. */
    @Test
    void prometheusScrapesThePodsOfTheManifest(@TempDir Path directory) throws Exception {
        Path promtool = Programs.find("promtool", "prometheus");
        YAMLMapper yaml = new YAMLMapper();
        JsonNode configuration =
                yaml.readTree(DEPLOY.resolve("prometheus/kubernetes.yml").toFile());
        assertThat(configuration.path("scrape_configs")).hasSize(1);
        ObjectNode job = (ObjectNode) configuration.path("scrape_configs").get(0);
        assertThat(job.remove("kubernetes_sd_configs"))
                .isEqualTo(yaml.readTree("[{role: pod, namespaces: {names: [default]}}]"));
        job.putArray("file_sd_configs").addObject().putArray("files").add("pods.json");
        Path token = Files.writeString(directory.resolve("token"), "secret");
        assertThat(job.at("/authorization/credentials_file").asText()).isEqualTo("/etc/thalweg/token");
        ((ObjectNode) job.path("authorization")).put("credentials_file", token.toString());
        ObjectNode sidecar = discovered("thalweg-0", null);
        ((ObjectNode) sidecar.path("labels")).put("__meta_kubernetes_pod_container_port_name", "another");
        Files.writeString(
                directory.resolve("pods.json"),
                List.of(discovered("thalweg-0", null), sidecar, discovered("stranger", "stranger"))
                        .toString());
        Files.copy(DEPLOY.resolve("prometheus/alerts.yml"), directory.resolve("alerts.yml"));
        yaml.writeValue(directory.resolve("kubernetes.yml").toFile(), configuration);

        assertThat(Programs.run(directory, promtool, "check", "config", "kubernetes.yml"))
                .contains("SUCCESS: kubernetes.yml");
        String printed = Programs.run(
                directory, promtool, "check", "service-discovery", "--timeout=2s", "kubernetes.yml", "thalweg");
        // before or behind the list it may say that it stops
        JsonNode targets =
                new ObjectMapper().readTree(printed.substring(printed.indexOf("[\n"), printed.lastIndexOf("\n]") + 2));
        List<JsonNode> scraped = new ArrayList<>();
        for (JsonNode target : targets) {
            if (!target.path("labels").isEmpty()) {
                scraped.add(target.path("labels"));
            }
        }
        assertThat(scraped).singleElement().satisfies(labels -> {
            assertThat(labels.path("job").asText()).isEqualTo("thalweg");
            assertThat(labels.path("instance").asText()).isEqualTo("default/thalweg-0");
            assertThat(labels.path("__address__").asText()).isEqualTo("10.0.0.1:8080");
            assertThat(labels.path("__metrics_path__").asText()).isEqualTo("/metrics");
        });
    }

    // ---- Grafana

    @Test
    void theDashboardIsWhereComposeMountsIt() throws IOException {
        JsonNode compose =
                new YAMLMapper().readTree(Path.of("docker-compose.yml").toFile());
        for (String service : List.of("prometheus", "grafana")) {
            JsonNode volumes = compose.at("/services/" + service + "/volumes");
            assertThat(volumes).isNotEmpty();
            for (JsonNode volume : volumes) {
                Path mounted = Path.of(volume.asText().split(":")[0]);
                assertThat(Files.exists(mounted)).as(volume.asText()).isTrue();
            }
            assertThat(compose.at("/services/" + service + "/profiles").get(0).asText())
                    .isEqualTo("monitoring");
        }
        JsonNode provider = new YAMLMapper()
                .readTree(DEPLOY.resolve("grafana/provisioning/dashboards/thalweg.yml")
                        .toFile());
        assertThat(compose.at("/services/grafana/volumes").toString())
                .contains(provider.at("/providers/0/options/path").asText());
    }
}
