package com.example.join;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Avro records in the wire format of Confluent's registry: a zero byte, the id of the schema as four bytes, and the
 * record. In place of Confluent's {@code GenericAvroSerde}, which is not on Maven Central.
 */
final class AvroSerde implements Serde<GenericRecord> {
    private static final int HEADER = 5;
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String registry;
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(PATIENCE).build();
    private final Map<Integer, Schema> schemas = new ConcurrentHashMap<>();
    private final Map<String, Map<Schema, Integer>> ids = new ConcurrentHashMap<>();

    AvroSerde(String registry) {
        this.registry = registry;
    }

    @Override
    public Deserializer<GenericRecord> deserializer() {
        return (topic, bytes) -> bytes == null ? null : read(bytes);
    }

    @Override
    public Serializer<GenericRecord> serializer() {
        return (topic, record) -> record == null ? null : write(topic + "-value", record);
    }

    private GenericRecord read(byte[] bytes) {
        if (bytes.length < HEADER || bytes[0] != 0) {
            throw new SerializationException("this is no Avro with the id of a schema");
        }
        int id = ByteBuffer.wrap(bytes).getInt(1);
        Schema schema = schemas.computeIfAbsent(id, this::fetch);
        try {
            return new GenericDatumReader<GenericRecord>(schema)
                    .read(null, DecoderFactory.get().binaryDecoder(bytes, HEADER, bytes.length - HEADER, null));
        } catch (IOException e) {
            throw new SerializationException("this is not what schema " + id + " says", e);
        }
    }

    private byte[] write(String subject, GenericRecord record) {
        Schema schema = record.getSchema();
        int id = ids.computeIfAbsent(subject, s -> new ConcurrentHashMap<>())
                .computeIfAbsent(schema, s -> register(subject, s));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(HEADER).putInt(1, id).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        return out.toByteArray();
    }

    private Schema fetch(int id) {
        return new Schema.Parser().parse(ask(request("/schemas/ids/" + id + "/schema")));
    }

    /** Gives the id that the schema has already, if it was registered before. */
    private int register(String subject, Schema schema) {
        try {
            String body = JSON.writeValueAsString(Map.of("schema", schema.toString()));
            String answer = ask(request("/subjects/" + subject + "/versions")
                    .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                    .POST(BodyPublishers.ofString(body)));
            return JSON.readTree(answer).get("id").intValue();
        } catch (IOException e) {
            throw new SerializationException("the registry's answer is not JSON", e);
        }
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(registry + path)).timeout(PATIENCE);
    }

    private String ask(HttpRequest.Builder request) {
        HttpRequest asked = request.build();
        try {
            HttpResponse<String> answer = http.send(asked, BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new SerializationException(
                        asked.uri() + " answered " + answer.statusCode() + ": " + answer.body());
            }
            return answer.body();
        } catch (IOException e) {
            throw new SerializationException("no answer from " + asked.uri(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SerializationException("interrupted while waiting for " + asked.uri(), e);
        }
    }
}
