package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import javax.net.ssl.SSLContext;

/** A client of a server under test. */
public final class Http {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpClient client;
    private final String address;
    private final String token;

    /** @param port the port of a server on this machine */
    public Http(int port) {
        client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        address = "http://127.0.0.1:" + port;
        token = "";
    }

    /** A client of HTTPS. @param token what it proves with that it may ask; empty for nothing */
    Http(int port, SSLContext tls, String token) {
        client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .sslContext(tls)
                .build();
        address = "https://127.0.0.1:" + port;
        this.token = token;
    }

    /** An answer. */
    public record Answer(int status, String type, String body, HttpResponse<String> response) {
        public JsonNode json() {
            assertThat(type).isEqualTo("application/json");
            try {
                return JSON.readTree(body);
            } catch (IOException e) {
                throw new AssertionError(body, e);
            }
        }

        /** Returns the JSON of an answer with status 200. */
        public JsonNode ok() {
            assertThat(status).as(body).isEqualTo(200);
            return json();
        }

        /** Returns the message of an answer with another status. */
        public String refusal(int expected) {
            assertThat(status).as(body).isEqualTo(expected);
            return json().path("message").asText();
        }
    }

    public Answer get(String path) {
        return send(HttpRequest.newBuilder(URI.create(address + path)));
    }

    public Answer post(String path, String json) {
        return send(HttpRequest.newBuilder(URI.create(address + path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json)));
    }

    private Answer send(HttpRequest.Builder request) {
        if (!token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        try {
            HttpResponse<String> response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
            return new Answer(
                    response.statusCode(),
                    response.headers().firstValue("Content-Type").orElse(""),
                    response.body(),
                    response);
        } catch (IOException e) {
            throw new AssertionError(address, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }
}
