package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.avro.Example;
import io.thalweg.config.ChangeEvents;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.mapping.Mapping;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;

/**
 * Events as they are on the examples topic, from JSON. If the topic holds JSON, they stay as they are. Otherwise they
 * become Avro: the schema is that of Examples; of other events, the one that was last registered for the topic, where
 * Protobuf is taken as the Avro that it is read as. Safe for use by several threads.
 */
final class EventEncoder {
    private static final byte MAGIC = 0;
    /** How long a schema is used before the registry is asked for a later one. */
    static final long LATEST_FOR = TimeUnit.SECONDS.toNanos(30);

    private final SchemaSource registry;
    private final String topic;
    private final boolean isMapped;
    private final ValueFormat formatOfTopic;
    private final Mapping mapping;
    private final ChangeEvents changes;
    /** For events to predict, which have no label yet. */
    private final JsonRecords unlabelled;

    private volatile Latest latest;
    /** The schemas that have been used. */
    private final Map<Integer, Schema> byId = new ConcurrentHashMap<>();

    /** A schema, under an id that is only used here. */
    private record Latest(int id, Schema schema, long since) {}

    EventEncoder(ThalwegConfig config, SchemaSource registry) {
        this.registry = registry;
        topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        isMapped = config.isMapped();
        formatOfTopic = config.examplesFormat();
        mapping = config.mapping();
        changes = config.changeEvents();
        unlabelled = new JsonRecords(
                mapping.label() == null ? Set.of() : Set.of(mapping.label().field()));
    }

    /** The format of the events that {@link #event} returns. */
    ValueFormat format() {
        return formatOfTopic == ValueFormat.JSON ? ValueFormat.JSON : ValueFormat.AVRO;
    }

    /** Returns the source of the schemas that events in the topic were written with. */
    SchemaSource registry() {
        return registry;
    }

    /** Returns the source of the schemas that {@link #event} writes with. */
    SchemaSource schemas() {
        return byId::get;
    }

    /**
     * Returns the schema of events.
     *
     * @throws HttpRefusal if there is none yet, or the registry does not answer
     */
    Schema schema() {
        return latest().schema();
    }

    /**
     * Returns an event as the value of a record. The label may be missing.
     *
     * @throws HttpRefusal if the JSON does not fit the schema
     */
    byte[] event(JsonNode json) {
        if (format() == ValueFormat.JSON) {
            return json.toString().getBytes(StandardCharsets.UTF_8);
        }
        Latest now = latest();
        return encode(now.id, unlabelled.record(now.schema, json));
    }

    /** Returns a record as a value in Confluent's wire format. */
    static byte[] encode(int schemaId, GenericRecord record) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        try {
            bytes.write(ByteBuffer.allocate(5).put(MAGIC).putInt(schemaId).array());
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
            new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        } catch (AvroRuntimeException | ClassCastException e) {
            throw new HttpRefusal(422, "the event cannot be written with its schema: " + e.getMessage());
        }
        return bytes.toByteArray();
    }

    private Latest latest() {
        Latest now = latest;
        if (now != null && (!isMapped || System.nanoTime() - now.since < LATEST_FOR)) {
            return now;
        }
        synchronized (this) {
            now = latest;
            if (now == null || isMapped && System.nanoTime() - now.since >= LATEST_FOR) {
                Latest next = look(now);
                byId.put(next.id, next.schema);
                latest = next;
            }
            return latest;
        }
    }

    private Latest look(Latest before) {
        if (!isMapped) {
            return new Latest(0, Example.getClassSchema(), System.nanoTime());
        }
        Schema schema;
        try {
            schema = RecordReader.latestSchema(formatOfTopic, topic, registry, mapping, changes)
                    .orElseThrow(() -> new HttpRefusal(
                            409,
                            "no schema is registered for topic %s, so JSON cannot become an event".formatted(topic)));
        } catch (SchemaSourceException e) {
            if (before != null) {
                return new Latest(before.id, before.schema, System.nanoTime());
            }
            throw HttpRefusal.unavailable("the schema registry does not answer", 5);
        }
        if (schema.getType() != Schema.Type.RECORD) {
            throw new HttpRefusal(409, "the schema of topic %s is not a record".formatted(topic));
        }
        // another schema needs another id, under which readers keep their own plan for it
        boolean same = before != null && before.schema.equals(schema);
        return new Latest(before == null ? 0 : same ? before.id : before.id + 1, schema, System.nanoTime());
    }
}
