package io.thalweg.runtime;

import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.input.KeyEncoder;
import io.thalweg.output.OutputJson;
import io.thalweg.output.SchemaIds;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DatumWriter;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.jspecify.annotations.Nullable;

/**
 * A producer of examples, or of labels that come later. Those of one model are sent in the order in which they are
 * given. For use by one thread.
 */
public final class ExampleSender implements AutoCloseable {
    private static final byte MAGIC = 0;

    private final ThalwegConfig config;
    private final String topic;
    private final int partitions;
    /** What precedes Avro; null for JSON. */
    private final byte @Nullable [] header;

    private final KeyEncoder keys;
    private final Producer<byte[], byte[]> producer;
    private final DatumWriter<IndexedRecord> writer;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
    private BinaryEncoder encoder;

    private long given;
    private final AtomicLong taken = new AtomicLong();
    private final AtomicReference<Failure> failure = new AtomicReference<>();

    /** The first failure that is worth reporting. */
    private record Failure(long number, Exception reason) {
        /** Returns the first of two failures that is about the record itself. @param before null if there is none */
        static Failure worthReporting(Failure before, Failure next) {
            return before == null || before.isOfBatch() && !next.isOfBatch() ? next : before;
        }

        /** Whether the record was only refused because another one of its batch was. */
        private boolean isOfBatch() {
            return reason.getClass() == KafkaException.class;
        }

        private String text() {
            String text = reason.getClass().getSimpleName() + ": " + reason.getMessage();
            return reason instanceof InvalidTimestampException
                    ? text + "; it is further in the future than the topic's message.timestamp.after.max.ms allows"
                    : text;
        }
    }

    private ExampleSender(
            ThalwegConfig config,
            String topic,
            int partitions,
            byte @Nullable [] header,
            KeyEncoder keys,
            DatumWriter<IndexedRecord> writer,
            Producer<byte[], byte[]> producer) {
        this.keys = keys;
        this.config = config;
        this.writer = writer;
        this.topic = topic;
        this.partitions = partitions;
        this.producer = producer;
        this.header = header;
    }

    /**
     * Opens a sender: looks for the topic, and registers the schema of examples.
     *
     * @throws StopException if the brokers or the topic cannot be found
     */
    public static ExampleSender open(ThalwegConfig config, SchemaIds schemaIds) {
        Schema schema = Example.getClassSchema();
        return open(
                config,
                config.examplesFormat(),
                schemaIds,
                ThalwegConfig.EXAMPLES_TOPIC,
                schema,
                new SpecificDatumWriter<>(schema));
    }

    /**
     * Opens a sender of labels that come later: looks for the topic, and registers their schema.
     *
     * @throws StopException if the brokers or the topic cannot be found
     */
    public static ExampleSender openForLabels(ThalwegConfig config, SchemaIds schemaIds, Schema schema) {
        return open(
                config,
                config.labelsFormat(),
                schemaIds,
                ThalwegConfig.LABELS_TOPIC,
                schema,
                new GenericDatumWriter<>(schema));
    }

    private static ExampleSender open(
            ThalwegConfig config,
            ValueFormat format,
            SchemaIds schemaIds,
            String setting,
            Schema schema,
            DatumWriter<IndexedRecord> writer) {
        if (format == ValueFormat.PROTOBUF) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "topic %s holds Protobuf, which is not written here; send records with a Protobuf serializer"
                            .formatted(config.getString(setting)));
        }
        boolean isOfLabels = setting.equals(ThalwegConfig.LABELS_TOPIC);
        KeyEncoder keys = new KeyEncoder(config, isOfLabels ? config.labelsMapping() : config.mapping());
        int partitions = partitions(config, setting);
        if (!keys.canEncode(() -> partitions)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s is %s, and only the producers of topic %s know how its keys are written; send records with them"
                            .formatted(ThalwegConfig.KEY_FORMAT, config.keyFormat(), config.getString(setting)));
        }
        String topic = config.getString(setting);
        byte[] header = format == ValueFormat.JSON
                ? null
                : ByteBuffer.allocate(5)
                        .put(MAGIC)
                        .putInt(schemaIds.idFor(topic, schema))
                        .array();
        return new ExampleSender(
                config,
                topic,
                partitions,
                header,
                keys,
                writer,
                new KafkaProducer<>(new KafkaSettings(config).writer()));
    }

    private static int partitions(ThalwegConfig config, String setting) {
        try (Admin admin = KafkaSettings.admin(config)) {
            return new Topics(config, admin).partitions(setting, AclOperation.WRITE);
        }
    }

    /** The name of the topic. */
    public String topic() {
        return topic;
    }

    /** How many partitions the topic has. */
    public int partitions() {
        return partitions;
    }

    /** How many records the brokers have accepted so far, including deletions. */
    public long taken() {
        return taken.get();
    }

    /**
     * Sends an example. Features that are a map are sent in the order of the map.
     *
     * @param model the model that the example is for; null for a record without a key
     * @throws StopException if this example or an earlier one could not be sent
     */
    public void send(String model, Example example) {
        send(model, null, example);
    }

    /**
     * Sends an example or a label record.
     *
     * @param model the model that it is for; null for a record without a key
     * @param timestamp in milliseconds since 1970; null for now
     * @throws StopException if this record or an earlier one could not be sent
     */
    public void send(String model, Long timestamp, IndexedRecord record) {
        sendValue(model, timestamp, encode(record));
    }

    /**
     * Sends a record that deletes a model.
     *
     * @throws StopException if it or an earlier record could not be sent
     */
    public void delete(String model) {
        delete(model, null);
    }

    /**
     * Sends a record that deletes a model.
     *
     * @param timestamp in milliseconds since 1970; null for now
     * @throws StopException if it or an earlier record could not be sent
     */
    public void delete(String model, Long timestamp) {
        sendValue(model, timestamp, null);
    }

    private void sendValue(String model, Long timestamp, byte[] value) {
        check();
        byte[] key;
        try {
            key = model == null ? null : keys.encode(model);
        } catch (IllegalArgumentException e) {
            throw new StopException(ExitCode.BAD_SETTINGS, e.getMessage());
        }
        long number = ++given;
        try {
            producer.send(new ProducerRecord<>(topic, null, timestamp, key, value), (metadata, problem) -> {
                if (problem == null) {
                    taken.incrementAndGet();
                } else {
                    failure.accumulateAndGet(new Failure(number, problem), Failure::worthReporting);
                }
            });
        } catch (KafkaException e) {
            failure.accumulateAndGet(new Failure(number, e), Failure::worthReporting);
            throw failed();
        }
    }

    private byte[] encode(IndexedRecord record) {
        if (header == null) {
            return OutputJson.write(record);
        }
        bytes.reset();
        try {
            bytes.write(header);
            encoder = EncoderFactory.get().binaryEncoder(bytes, encoder);
            writer.write(record, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        return bytes.toByteArray();
    }

    /**
     * Waits until the brokers have accepted all records.
     *
     * @throws StopException if they have not
     */
    public void flush() {
        producer.flush();
        check();
    }

    private void check() {
        if (failure.get() != null) {
            producer.flush();
            throw failed();
        }
    }

    private StopException failed() {
        Failure first = failure.get();
        Optional<StopException> denied = AccessDenied.explain(first.reason, config, AccessRole.PRODUCER);
        if (denied.isPresent()) {
            return new StopException(
                    denied.get().exitCode(),
                    "%s; topic %s accepted %d of %d records"
                            .formatted(denied.get().getMessage(), topic, taken.get(), given));
        }
        return new StopException(
                ExitCode.NOT_READY,
                "topic %s did not accept record %d of this run (%s); it accepted %d of %d"
                        .formatted(topic, first.number, first.text(), taken.get(), given));
    }

    /** Sends what is left, and closes the producer. May be called by another thread. */
    @Override
    public void close() {
        producer.close();
    }
}
