package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.oas.OpenApi30;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** The OpenAPI file of a server, compared with what the server answers. */
final class OpenApi {
    private static final JsonSchemaFactory FACTORY = JsonSchemaFactory.getInstance(
            SpecVersion.VersionFlag.V4,
            builder -> builder.metaSchema(OpenApi30.getInstance())
                    .defaultMetaSchemaIri(OpenApi30.getInstance().getIri()));

    private final JsonNode file;

    OpenApi(JsonNode file) {
        this.file = file;
    }

    /** Returns the paths, each after its method. */
    Set<String> paths() {
        Set<String> paths = new TreeSet<>();
        file.path("paths")
                .properties()
                .forEach(path -> path.getValue()
                        .fieldNames()
                        .forEachRemaining(method -> paths.add(method.toUpperCase(Locale.ROOT) + " " + path.getKey())));
        return paths;
    }

    /** Checks that an answer is one that the file describes. */
    void check(String method, String path, Http.Answer answer) {
        JsonNode responses = file.path("paths").path(path).path(method).path("responses");
        JsonNode response = responses.path(Integer.toString(answer.status()));
        assertThat(response.isObject())
                .as("%s %s answers %d: %s", method, path, answer.status(), answer.body())
                .isTrue();
        String type = answer.type().split(";")[0];
        JsonNode schema = response.path("content").path(type).path("schema");
        assertThat(schema.isObject())
                .as("%s %s answers with %s", method, path, type)
                .isTrue();
        if (type.equals("application/json")) {
            assertThat(validator(schema).validate(answer.json()))
                    .as("%s %s: %s", method, path, answer.body())
                    .isEmpty();
        }
    }

    /** Checks a body of a request. */
    void checkBody(String path, String body) {
        JsonNode schema = file.path("paths").path(path).at("/post/requestBody/content/application~1json/schema");
        try {
            assertThat(validator(schema).validate(new ObjectMapper().readTree(body)))
                    .as("%s: %s", path, body)
                    .isEmpty();
        } catch (java.io.IOException e) {
            throw new AssertionError(body, e);
        }
    }

    private JsonSchema validator(JsonNode schema) {
        ObjectNode complete = schema.deepCopy();
        complete.set("components", file.path("components"));
        return FACTORY.getSchema(
                complete,
                SchemaValidatorsConfig.builder().nullableKeywordEnabled(true).build());
    }
}
