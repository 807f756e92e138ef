package com.example.alerts;

import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.input.UnknownSchemaException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;

/**
 * Schemas from a registry, over plain HTTP. A service that has Confluent's client can ask that instead.
 *
 * <p>A registry that does not know an id makes the record a dead letter. One that gives no answer ends the service,
 * before anything is learned from the record.
 */
final class RegistrySchemas implements SchemaSource {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final String address;
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(PATIENCE).build();
    private final Map<Integer, Schema> known = new ConcurrentHashMap<>();

    RegistrySchemas(String address) {
        this.address = address;
    }

    @Override
    public Schema writerSchema(int id) throws UnknownSchemaException {
        Schema schema = known.get(id);
        if (schema == null) {
            schema = fetch(id);
            known.put(id, schema);
        }
        return schema;
    }

    private Schema fetch(int id) throws UnknownSchemaException {
        URI uri = URI.create(address + "/schemas/ids/" + id + "/schema");
        HttpResponse<String> answer;
        try {
            answer = http.send(HttpRequest.newBuilder(uri).timeout(PATIENCE).build(), BodyHandlers.ofString());
        } catch (IOException e) {
            throw new SchemaSourceException("no answer from " + uri + ": " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SchemaSourceException("interrupted while waiting for " + uri, e);
        }
        return switch (answer.statusCode()) {
            case 200 -> new Schema.Parser().parse(answer.body());
            case 404 -> throw new UnknownSchemaException(id);
            default -> throw new SchemaSourceException(uri + " answered " + answer.statusCode(), null);
        };
    }
}
