package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.thalweg.app.files.LabelRecords;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.input.InputRecord;
import io.thalweg.input.KeyEncoder;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Rejection;
import io.thalweg.output.OutputJson;
import io.thalweg.output.SchemaIds;
import io.thalweg.runtime.KafkaSettings;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.apache.avro.Schema;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The paths to which examples and labels are sent. They answer once the brokers have acknowledged the records. */
final class SendEndpoints implements Endpoints, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SendEndpoints.class);

    private static final int MOST_RECORDS = 10_000;
    private static final String KEYLESS = "any";
    /** How many requests may wait for brokers that did not answer the request before. */
    private static final int MOST_ATTEMPTS = 2;

    private final ThalwegConfig config;
    private final EventEncoder events;
    private final SchemaSource registry;
    private final SchemaIds schemaIds;
    private final long timeoutMs;
    private final JsonRecords records = new JsonRecords(Set.of());
    private final ThreadLocal<RecordReader> readers;
    private final Semaphore attempts = new Semaphore(MOST_ATTEMPTS);
    /** Whether the brokers answered the request before, as far as is known. */
    private volatile boolean isAnswered = true;
    /** Null before it is first needed. */
    private volatile LabelSchema latestOfLabels;

    /** Created when it is first needed. */
    private Producer<byte[], byte[]> producer;

    private boolean closed;

    /** A schema, and when the registry was asked for it. */
    private record LabelSchema(Schema schema, long since) {}

    SendEndpoints(ThalwegConfig config, EventEncoder events, SchemaSource registry, SchemaIds schemaIds) {
        this.config = config;
        this.events = events;
        this.registry = registry;
        this.schemaIds = schemaIds;
        timeoutMs = config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS) / 2;
        // records without a key are refused before, if they need one
        readers = ThreadLocal.withInitial(() -> new RecordReader(registry, config, KEYLESS));
    }

    @Override
    public void addTo(Routes routes) {
        routes.post("/v1/examples", Access.WRITE, request -> {
            String topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
            refuseProtobuf(topic, config.examplesFormat());
            boolean isJson = config.examplesFormat() == ValueFormat.JSON;
            send(
                    request,
                    topic,
                    config.mapping(),
                    !isJson
                            ? inAvro(topic, events.schema())
                            : config.isMapped() ? SendEndpoints::asItIs : this::exampleInJson);
        });
        routes.post("/v1/labels", Access.WRITE, request -> {
            if (!config.hasLateLabels()) {
                throw new HttpRefusal(
                        409, "labels are in the events: this learner has no topic of labels (labels.topic)");
            }
            String topic = config.getString(ThalwegConfig.LABELS_TOPIC);
            refuseProtobuf(topic, config.labelsFormat());
            send(
                    request,
                    topic,
                    config.labelsMapping(),
                    config.labelsFormat() == ValueFormat.JSON ? SendEndpoints::asItIs : inAvro(topic, labelSchema()));
        });
    }

    private static void refuseProtobuf(String topic, ValueFormat format) {
        if (format == ValueFormat.PROTOBUF) {
            throw new HttpRefusal(
                    409,
                    "topic %s holds Protobuf, which is not written here; send records with a Protobuf serializer"
                            .formatted(topic));
        }
    }

    /** Returns the schema that was last registered for labels, or the one that the settings of labels call for. */
    private Schema labelSchema() {
        LabelSchema known = latestOfLabels;
        if (known != null && System.nanoTime() - known.since < EventEncoder.LATEST_FOR) {
            return known.schema;
        }
        try {
            Schema schema = registry.latestSchema(config.getString(ThalwegConfig.LABELS_TOPIC))
                    .orElseGet(() -> new LabelRecords(config, Map.of()).schema());
            latestOfLabels = new LabelSchema(schema, System.nanoTime());
            return schema;
        } catch (SchemaSourceException e) {
            throw HttpRefusal.unavailable("the schema registry does not answer", 5);
        }
    }

    /** Returns what makes values in Avro. */
    private Function<JsonNode, byte[]> inAvro(String topic, Schema schema) {
        int schemaId;
        try {
            schemaId = schemaIds.idFor(topic, schema);
        } catch (SchemaSourceException e) {
            throw HttpRefusal.unavailable("the schema registry does not give an id for the schema", 5);
        }
        return json -> EventEncoder.encode(schemaId, records.record(schema, json));
    }

    private byte[] exampleInJson(JsonNode json) {
        return OutputJson.write(records.record(Example.getClassSchema(), json));
    }

    private static byte[] asItIs(JsonNode json) {
        return json.toString().getBytes(StandardCharsets.UTF_8);
    }

    private void send(Context request, String topic, Mapping mapping, Function<JsonNode, byte[]> encoder) {
        ObjectNode body = HttpServer.object(request);
        JsonNode many = body.get("records");
        if (many != null && (!many.isArray() || many.isEmpty() || many.size() > MOST_RECORDS)) {
            throw new HttpRefusal(422, "\"records\" must be a list of 1 to %d records".formatted(MOST_RECORDS));
        }
        // clients that try again must not take the threads that the probes of health need
        boolean isAttempt = !isAnswered;
        if (isAttempt && !attempts.tryAcquire()) {
            throw HttpRefusal.unavailable("the brokers do not answer, and other requests wait for them already", 1);
        }
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        try {
            List<ProducerRecord<byte[], byte[]>> checked = checked(body, many, topic, mapping, encoder);
            List<CompletableFuture<RecordMetadata>> sent = send(checked, deadline);
            request.future(() -> CompletableFuture.allOf(sent.toArray(CompletableFuture[]::new))
                    .orTimeout(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS)
                    .handleAsync((done, failure) -> {
                        if (failure != null || sent.size() < checked.size()) {
                            throw refusal(sent, checked.size(), failure);
                        }
                        HttpServer.write(
                                request, many == null ? where(sent.get(0).join()) : all(sent));
                        return null;
                    }));
        } catch (TimeoutException e) {
            isAnswered = false;
            throw HttpRefusal.unavailable("the brokers do not answer; nothing was sent", 1);
        } catch (KafkaException e) {
            LOG.warn("nothing can be sent to topic {}: {}", topic, e.getMessage());
            throw HttpRefusal.unavailable("the brokers do not take the records; the log of the server says why", 1);
        } finally {
            if (isAttempt) {
                attempts.release();
            }
        }
    }

    /** Returns the records of a request. All are checked before the first is sent. */
    private List<ProducerRecord<byte[], byte[]>> checked(
            ObjectNode body, JsonNode many, String topic, Mapping mapping, Function<JsonNode, byte[]> encoder) {
        List<ProducerRecord<byte[], byte[]>> checked = new ArrayList<>();
        for (JsonNode each : many == null ? List.of(body) : many) {
            try {
                checked.add(record(each, topic, mapping, encoder));
            } catch (HttpRefusal e) {
                throw many == null
                        ? e
                        : new HttpRefusal(e.status(), "record %d: %s".formatted(checked.size(), e.getMessage()));
            }
        }
        return checked;
    }

    /**
     * Sends records until one fails, or the time is over: the producer waits for brokers with each of them.
     *
     * @return the answers for those that were sent, which may be fewer
     */
    private List<CompletableFuture<RecordMetadata>> send(List<ProducerRecord<byte[], byte[]>> records, long deadline) {
        Producer<byte[], byte[]> open = producer();
        List<CompletableFuture<RecordMetadata>> sent = new ArrayList<>();
        AtomicReference<Exception> failed = new AtomicReference<>();
        for (ProducerRecord<byte[], byte[]> record : records) {
            if (failed.get() != null || System.nanoTime() - deadline >= 0) {
                break;
            }
            CompletableFuture<RecordMetadata> future = new CompletableFuture<>();
            sent.add(future);
            open.send(record, (metadata, problem) -> {
                if (problem == null) {
                    future.complete(metadata);
                } else {
                    failed.set(problem);
                    future.completeExceptionally(problem);
                }
            });
        }
        isAnswered = !(failed.get() instanceof TimeoutException) && sent.size() == records.size();
        return sent;
    }

    private ProducerRecord<byte[], byte[]> record(
            JsonNode json, String topic, Mapping mapping, Function<JsonNode, byte[]> encoder) {
        Set<String> allowed = Set.of("model", "event", "timestamp");
        json.fieldNames().forEachRemaining(name -> {
            if (!allowed.contains(name)) {
                throw new HttpRefusal(422, "a record has model, event and timestamp, but no field " + name);
            }
        });
        if (!json.path("event").isObject()) {
            throw new HttpRefusal(422, "a record needs an \"event\"");
        }
        JsonNode model = json.path("model");
        if (!model.isMissingNode() && (!model.isTextual() || model.textValue().isEmpty())) {
            throw new HttpRefusal(422, "\"model\" is not text");
        }
        if (model.isMissingNode() && mapping.isModelFromKey() && needsKey()) {
            throw new HttpRefusal(422, "a record needs a \"model\"");
        }
        JsonNode timestamp = json.path("timestamp");
        if (!timestamp.isMissingNode() && (!timestamp.canConvertToLong() || timestamp.longValue() < 0)) {
            throw new HttpRefusal(422, "\"timestamp\" is not a number of milliseconds since 1970");
        }
        byte[] value = encoder.apply(json.get("event"));
        byte[] key = model.isMissingNode() ? null : key(topic, mapping, model.textValue());
        int most = config.getInt(ThalwegConfig.EXAMPLE_MAX_BYTES);
        if (value.length + (key == null ? 0 : key.length) > most) {
            throw new HttpRefusal(422, "the record has more than example.max.bytes = %d bytes".formatted(most));
        }
        if ((mapping.isOfLabels() ? config.labelsFormat() : config.examplesFormat()) == ValueFormat.JSON) {
            checkReadable(topic, mapping, key, value);
        }
        return new ProducerRecord<>(
                topic, null, timestamp.isMissingNode() ? null : (Long) timestamp.longValue(), key, value);
    }

    /** Refuses what the learner could not read. No schema has said so yet, as it does of Avro. */
    private void checkReadable(String topic, Mapping mapping, byte[] key, byte[] value) {
        InputRecord record = InputRecord.produced(new TopicPartition(topic, 0), 0, 0, key, value, new RecordHeaders());
        try {
            readers.get().read(mapping.isOfLabels() ? record.asLabel() : record, new io.thalweg.math.Example());
        } catch (Rejection e) {
            throw new HttpRefusal(422, "%s: %s".formatted(e.reason(), e.getMessage()));
        }
    }

    private byte[] key(String topic, Mapping mapping, String model) {
        KeyEncoder keys = new KeyEncoder(config, mapping);
        if (!keys.canEncode(() -> producer().partitionsFor(topic).size())) {
            throw new HttpRefusal(
                    409,
                    "key.format is %s, and only the producers of topic %s know how its keys are written"
                            .formatted(config.keyFormat(), topic));
        }
        try {
            return keys.encode(model);
        } catch (IllegalArgumentException e) {
            throw new HttpRefusal(422, e.getMessage());
        }
    }

    /** Whether records without a key would become dead letters. */
    private boolean needsKey() {
        return producer()
                        .partitionsFor(config.getString(ThalwegConfig.EXAMPLES_TOPIC))
                        .size()
                > 1;
    }

    /** @param failure null if none has failed, but not all were sent */
    private static HttpRefusal refusal(
            List<CompletableFuture<RecordMetadata>> sent, int records, @Nullable Throwable failure) {
        Throwable cause = failure == null || failure.getCause() == null ? failure : failure.getCause();
        if (cause instanceof RecordTooLargeException) {
            return new HttpRefusal(422, "a record is larger than the topic allows");
        }
        long done = sent.stream()
                .filter(each -> each.isDone() && !each.isCompletedExceptionally())
                .count();
        int unsent = records - sent.size();
        return HttpRefusal.unavailable(
                "the brokers have acknowledged %d of %d records%s; whether they have the others is not known"
                        .formatted(done, records, unsent == 0 ? "" : ", and %d were not sent".formatted(unsent)),
                1);
    }

    private static ObjectNode all(List<CompletableFuture<RecordMetadata>> sent) {
        ObjectNode answer = JsonNodeFactory.instance.objectNode();
        ArrayNode list = answer.putArray("records");
        sent.forEach(each -> list.add(where(each.join())));
        return answer;
    }

    private static ObjectNode where(RecordMetadata metadata) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("topic", metadata.topic())
                .put("partition", metadata.partition())
                .put("offset", metadata.offset())
                .put("timestamp", metadata.timestamp());
    }

    private synchronized Producer<byte[], byte[]> producer() {
        if (closed) {
            throw HttpRefusal.unavailable("the server is stopping", 1);
        }
        if (producer == null) {
            Map<String, Object> settings = new KafkaSettings(config).writer();
            int timeout = (int) timeoutMs;
            settings.put(ProducerConfig.CLIENT_ID_CONFIG, config.getString(ThalwegConfig.APPLICATION_ID) + "-http");
            settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, (long) timeout);
            // somebody waits for each answer
            settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
            settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, Math.max(1000, timeout / 2));
            settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, Math.max(2000, timeout));
            producer = new KafkaProducer<>(settings);
        }
        return producer;
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (producer != null) {
            producer.close();
        }
    }
}
