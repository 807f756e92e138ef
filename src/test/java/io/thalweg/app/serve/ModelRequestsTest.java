package io.thalweg.app.serve;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import org.apache.kafka.streams.state.HostInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an instance asks others, and what it makes of their answers. */
class ModelRequestsTest {
    @ParameterizedTest
    @CsvSource({
        "200, '{}', true, false",
        "422, '{\"message\":\"the value of a feature is not a number\"}', true, false",
        "400, '{\"message\":\"limit must be a number\"}', true, false",
        "404, '{\"message\":\"there is no event at offset 7 of partition 0\"}', true, false",
        "404, '{\"message\":\"there is no model m\"}', false, true",
        "404, '<html>', false, true",
        "401, '{\"message\":\"the token is wrong\"}', false, false",
        "500, '{\"message\":\"the server failed\"}', false, false",
        "503, '{\"message\":\"the learner is starting\"}', false, false"
    })
    void anotherInstanceHasTheModelOrNot(int status, String body, boolean isFromModel, boolean isUnknown) {
        assertThat(ModelRequests.isFromModel(status, body.getBytes(UTF_8), "m")).isEqualTo(isFromModel);
        assertThat(ModelRequests.isUnknown(status, body.getBytes(UTF_8), "m")).isEqualTo(isUnknown);
    }

    @ParameterizedTest
    @ValueSource(strings = {"|", "{x}", "^", "\"", "<>", "`", "\\", " ", "[1]", "a=%7C&b=%25", "ä"})
    void whateverAClientSendsCanBePassedOn(String query) {
        URI uri = Instances.uri("http", new HostInfo("other", 8080), "/v1/models/" + query, "search=" + query);
        assertThat(uri.getHost()).isEqualTo("other");
        String decoded = query.replace("%7C", "|").replace("%25", "%");
        assertThat(uri.getPath()).isEqualTo("/v1/models/" + decoded);
        assertThat(uri.getQuery()).isEqualTo("search=" + decoded);
    }

    @Test
    void anInstanceMayHaveAnIpv6Address() {
        HostInfo instance = HostInfo.buildFromEndpoint("[::1]:8443");
        URI uri = Instances.uri("https", instance, "/v1/models", null);
        assertThat(uri).hasToString("https://[::1]:8443/v1/models");
        assertThat(uri.getHost()).isEqualTo("[::1]");
    }
}
