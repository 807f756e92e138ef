package io.thalweg.runtime;

import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.SchemaIds;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;

/** A producer of examples. Those of one model are sent in the order in which they are given. For use by one thread. */
public final class ExampleSender implements AutoCloseable {
    private static final byte MAGIC = 0;

    private final String topic;
    private final int partitions;
    private final byte[] header;
    private final Producer<byte[], byte[]> producer;
    private final SpecificDatumWriter<Example> writer = new SpecificDatumWriter<>(Example.class);
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
    private BinaryEncoder encoder;

    private long given;
    private final AtomicLong taken = new AtomicLong();
    private final AtomicReference<Failure> failure = new AtomicReference<>();

    private record Failure(long number, Exception reason) {}

    private ExampleSender(String topic, int partitions, int schemaId, Producer<byte[], byte[]> producer) {
        this.topic = topic;
        this.partitions = partitions;
        this.producer = producer;
        header = ByteBuffer.allocate(5).put(MAGIC).putInt(schemaId).array();
    }

    /**
     * Opens a sender: looks for the topic, and registers the schema of examples.
     *
     * @throws StopException if the brokers or the topic cannot be found
     */
    public static ExampleSender open(ThalwegConfig config, SchemaIds schemaIds) {
        int partitions;
        try (Admin admin = KafkaSettings.admin(config)) {
            partitions = new Topics(config, admin).partitions(ThalwegConfig.EXAMPLES_TOPIC);
        }
        String topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        int schemaId = schemaIds.idFor(topic, Example.getClassSchema());
        return new ExampleSender(topic, partitions, schemaId, new KafkaProducer<>(new KafkaSettings(config).writer()));
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
        sendValue(model, encode(example));
    }

    /**
     * Sends a record that deletes a model.
     *
     * @throws StopException if it or an earlier record could not be sent
     */
    public void delete(String model) {
        sendValue(model, null);
    }

    private void sendValue(String model, byte[] value) {
        check();
        long number = ++given;
        byte[] key = model == null ? null : model.getBytes(StandardCharsets.UTF_8);
        try {
            producer.send(new ProducerRecord<>(topic, key, value), (metadata, problem) -> {
                if (problem == null) {
                    taken.incrementAndGet();
                } else {
                    failure.compareAndSet(null, new Failure(number, problem));
                }
            });
        } catch (KafkaException e) {
            failure.compareAndSet(null, new Failure(number, e));
            throw failed();
        }
    }

    private byte[] encode(Example example) {
        bytes.reset();
        try {
            bytes.write(header);
            encoder = EncoderFactory.get().binaryEncoder(bytes, encoder);
            writer.write(example, encoder);
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
        return new StopException(
                ExitCode.NOT_READY,
                "topic %s did not accept record %d of this run (%s: %s); it accepted %d of %d"
                        .formatted(
                                topic,
                                first.number,
                                first.reason.getClass().getSimpleName(),
                                first.reason.getMessage(),
                                taken.get(),
                                given));
    }

    /** Sends what is left, and closes the producer. May be called by another thread. */
    @Override
    public void close() {
        producer.close();
    }
}
