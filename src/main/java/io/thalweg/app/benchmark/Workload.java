package io.thalweg.app.benchmark;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.math.Logistic;
import io.thalweg.output.SchemaIds;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.StopException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.SchemaBuilder.FieldAssembler;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** The workloads: examples generated from a seed, which are the same in every run. */
enum Workload {
    /** 20 dense features from -1 to 1, with labels drawn from a logistic regression on them, for one model. */
    DENSE("dense-20", 1, 4_000_000),
    /** The same examples, in turn for 10,000 models. */
    MODELS("dense-20 10000-models", 10_000, 4_000_000),
    /**
     * 40 of 2<sup>20</sup> numbered features, each with the value 1, in ascending order. The frequency of a feature is
     * inversely proportional to its rank (Zipf).
     */
    HASHED("hashed-40", 1, 1_500_000),
    /**
     * Events of a schema of their own, mapped by the settings: 5 numbers from -1 to 1, and 5 strings of 2, 10, 100,
     * 1,000 and 10,000 values, Zipf-distributed.
     */
    MAPPED("mapped", 1, 800_000),
    /** The same events in JSON. */
    MAPPED_JSON("mapped-json", 1, 800_000),
    /** The same events in Protobuf. */
    MAPPED_PROTOBUF("mapped-protobuf", 1, 800_000),
    /** The events of {@link #DENSE}, with labels on a topic of their own, after 100,000 events on average. */
    DENSE_LATE("dense-20 late-labels", 1, 2_000_000),
    /** The events of {@link #HASHED}, with labels as late. */
    HASHED_LATE("hashed-40 late-labels", 1, 800_000);

    /** How many events come before a label, on average. There is one each millisecond. */
    private static final int MEAN_DELAY = 100_000;

    private static final Duration WAIT = Duration.ofMillis(20L * MEAN_DELAY);

    private static final int NUMBERS = 5;
    private static final int[] TEXTS = {2, 10, 100, 1000, 10_000};
    private static final Schema EVENT = event();

    /** The number of the first field with a number, in Protobuf. */
    private static final int FIRST_NUMBER = 2;

    private static final byte MAGIC = 0;
    private static final int DENSE_FEATURES = 20;
    private static final int SPARSE_FEATURES = 40;
    private static final int SPACE_BITS = 20;
    private static final long SEED = 20_260_101;
    /** The time of the first event, if labels come later. */
    private static final long START = 1_750_000_000_000L;

    private final String title;
    private final int models;
    private final int records;

    Workload(String title, int models, int records) {
        this.title = title;
        this.models = models;
        this.records = records;
    }

    private static Schema event() {
        FieldAssembler<Schema> fields = SchemaBuilder.record("Event")
                .namespace("io.thalweg.benchmark")
                .fields()
                .requiredBoolean("clicked");
        for (int i = 0; i < NUMBERS; i++) {
            fields = fields.requiredDouble("number" + i);
        }
        for (int i = 0; i < TEXTS.length; i++) {
            fields = fields.requiredString("text" + i);
        }
        return fields.endRecord();
    }

    /** Whether all examples have all features, as an array. */
    boolean isDense() {
        return atOnce() == DENSE || this == MODELS;
    }

    /** Whether labels are on a topic of their own. */
    boolean isLate() {
        return atOnce() != this;
    }

    /** The same workload with labels in the events. */
    Workload atOnce() {
        return switch (this) {
            case DENSE_LATE -> DENSE;
            case HASHED_LATE -> HASHED;
            case DENSE, MODELS, HASHED, MAPPED, MAPPED_JSON, MAPPED_PROTOBUF -> this;
        };
    }

    /** How many records there are for each example: the event, and its label if that is a record of its own. */
    int recordsPerExample() {
        return isLate() ? 2 : 1;
    }

    /** The name of its examples topic. */
    String topic() {
        return "examples-" + name().toLowerCase(Locale.ROOT);
    }

    private String labelsTopic() {
        return topic() + "-labels";
    }

    /** Whether its records are events of a schema of their own, and are mapped. */
    private boolean isMapped() {
        return this == MAPPED || this == MAPPED_JSON || this == MAPPED_PROTOBUF;
    }

    /** The format of the values of its records. */
    private ValueFormat format() {
        return switch (this) {
            case MAPPED_JSON -> ValueFormat.JSON;
            case MAPPED_PROTOBUF -> ValueFormat.PROTOBUF;
            default -> ValueFormat.AVRO;
        };
    }

    /** The schema of its records. */
    Schema schema() {
        return isMapped() ? EVENT : Example.getClassSchema();
    }

    /** The schema of events in Protobuf. */
    static String protobufSchema() {
        StringBuilder schema = new StringBuilder("syntax = \"proto3\"; message Event { bool clicked = 1;");
        for (int i = 0; i < NUMBERS; i++) {
            schema.append(" double number%d = %d;".formatted(i, FIRST_NUMBER + i));
        }
        for (int i = 0; i < TEXTS.length; i++) {
            schema.append(" string text%d = %d;".formatted(i, FIRST_NUMBER + NUMBERS + i));
        }
        return schema.append(" }").toString();
    }

    /** The settings for the workload. */
    Map<String, String> settings() {
        if (isLate()) {
            return Map.of(
                    ThalwegConfig.LABELS_TOPIC,
                    labelsTopic(),
                    ThalwegConfig.LABELS_WAIT_MS,
                    String.valueOf(WAIT.toMillis()));
        }
        return isMapped()
                // and no weights, which would contain names
                ? Map.of(
                        ThalwegConfig.EXAMPLES_FORMAT,
                        format().toString(),
                        ThalwegConfig.LABEL,
                        "clicked",
                        ThalwegConfig.WEIGHTS_INTERVAL_MS,
                        "3600000")
                : Map.of();
    }

    /** The name in rows. */
    String title() {
        return title;
    }

    /** How many models there are. */
    int models() {
        return models;
    }

    /** How many records a full run has. */
    int records() {
        return records;
    }

    /** The key of the record with this number. */
    byte[] key(long number) {
        return ("model-" + number % models).getBytes(StandardCharsets.UTF_8);
    }

    /** Creates a generator of the values of records. */
    RecordValues values(int schemaId) {
        return new RecordValues(schemaId);
    }

    /**
     * Writes the first records to the examples topic.
     *
     * @throws StopException if the broker does not accept them
     */
    void fill(ThalwegConfig config, SchemaIds schemaIds, int count) {
        String topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        RecordValues values = values(
                format() == ValueFormat.PROTOBUF
                        ? registeredProtobuf(config.getString(ThalwegConfig.REGISTRY_URL), topic)
                        : schemaIds.idFor(topic, schema()));
        Map<String, Object> settings = new KafkaSettings(config).writer();
        AtomicReference<Exception> problem = new AtomicReference<>();
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
            Callback callback = (metadata, failure) -> {
                if (failure != null) {
                    problem.compareAndSet(null, failure);
                }
            };
            int labelSchema = isLate() ? schemaIds.idFor(labelsTopic(), schema()) : 0;
            PriorityQueue<LateLabel> due = new PriorityQueue<>(Comparator.comparingLong(LateLabel::time));
            for (int i = 0; i < count && problem.get() == null; i++) {
                long now = START + i;
                sendLabels(due, now, labelSchema, producer, callback);
                producer.send(
                        new ProducerRecord<>(topic, null, isLate() ? now : null, key(i), values.next()), callback);
                if (isLate()) {
                    due.add(values.label(now));
                }
            }
            sendLabels(due, Long.MAX_VALUE, labelSchema, producer, callback);
        }
        if (problem.get() != null) {
            throw new StopException(
                    ExitCode.NOT_READY,
                    "topic %s did not accept the benchmark's examples: %s"
                            .formatted(topic, problem.get().getMessage()));
        }
    }

    /** Registers the schema in Protobuf, which the learner never does. Returns its id. */
    private static int registeredProtobuf(String registry, String topic) {
        ObjectMapper json = new ObjectMapper();
        try {
            HttpRequest request = HttpRequest.newBuilder(
                            URI.create("%s/subjects/%s-value/versions".formatted(registry, topic)))
                    .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                    .POST(HttpRequest.BodyPublishers.ofString(
                            json.writeValueAsString(Map.of("schemaType", "PROTOBUF", "schema", protobufSchema()))))
                    .build();
            String answer = HttpClient.newHttpClient()
                    .send(request, HttpResponse.BodyHandlers.ofString())
                    .body();
            return json.readTree(answer).required("id").intValue();
        } catch (IOException e) {
            throw new UncheckedIOException("the registry of the benchmark", e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A label on its way. @param time when it comes, in milliseconds since 1970 */
    private record LateLabel(long time, String id, double label) {}

    private void sendLabels(
            PriorityQueue<LateLabel> due,
            long now,
            int schemaId,
            Producer<byte[], byte[]> producer,
            Callback callback) {
        while (!due.isEmpty() && due.peek().time <= now) {
            LateLabel label = due.poll();
            byte[] value = encode(schemaId, new Example(label.id, label.label, 1.0, null));
            producer.send(new ProducerRecord<>(labelsTopic(), null, label.time, key(0), value), callback);
        }
    }

    private static byte[] encode(int schemaId, Example example) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).put(MAGIC).putInt(schemaId).array());
        try {
            new SpecificDatumWriter<>(Example.class)
                    .write(example, EncoderFactory.get().directBinaryEncoder(out, null));
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        return out.toByteArray();
    }

    /** A generator of the values of records: JSON, or Avro or Protobuf in Confluent's wire format. */
    final class RecordValues {
        private final SplittableRandom random = new SplittableRandom(SEED);
        private final byte[] header;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        private final BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        private final double[] truth = random.doubles(DENSE_FEATURES, -1, 1).toArray();
        private final double[] dense = new double[DENSE_FEATURES];
        private final int[] ranks = new int[TEXTS.length];
        private final int[] sparse = new int[SPARSE_FEATURES];

        // of the last event, if its label comes later
        private long count;
        private String id = "";
        private double label;

        private RecordValues(int schemaId) {
            header = ByteBuffer.allocate(5).put(MAGIC).putInt(schemaId).array();
        }

        /** The next value. */
        byte[] next() {
            bytes.reset();
            if (format() != ValueFormat.JSON) {
                bytes.writeBytes(header);
            }
            try {
                switch (atOnce()) {
                    case DENSE, MODELS -> writeDense();
                    case HASHED -> writeSparse();
                    case MAPPED -> writeEvent(drawEvent());
                    case MAPPED_JSON -> writeJson(drawEvent());
                    case MAPPED_PROTOBUF -> writeProtobuf(drawEvent());
                    case DENSE_LATE, HASHED_LATE -> throw new IllegalStateException("these are not at once");
                }
                encoder.flush();
            } catch (IOException e) {
                throw new UncheckedIOException("writing to memory", e);
            }
            return bytes.toByteArray();
        }

        private void writeDense() throws IOException {
            double logit = 0;
            for (int i = 0; i < dense.length; i++) {
                dense[i] = random.nextDouble(-1, 1);
                logit += truth[i] * dense[i];
            }
            writeLabel(logit);
            encoder.writeIndex(1);
            writeValues(dense);
        }

        private void writeSparse() throws IOException {
            int space = 1 << SPACE_BITS;
            double logit = 0;
            int count = 0;
            while (count < sparse.length) {
                // hashing spreads the frequent features
                int index = rank(space) * 0x9e3779b1 >>> Integer.SIZE - SPACE_BITS;
                if (Arrays.stream(sparse, 0, count).noneMatch(i -> i == index)) {
                    sparse[count++] = index;
                    logit += (index & 255) / 255.0 - 0.5;
                }
            }
            Arrays.sort(sparse);
            writeLabel(logit);
            encoder.writeIndex(2);
            encoder.writeArrayStart();
            encoder.setItemCount(sparse.length);
            for (int index : sparse) {
                encoder.startItem();
                encoder.writeInt(index);
            }
            encoder.writeArrayEnd();
            double[] ones = new double[sparse.length];
            Arrays.fill(ones, 1);
            writeValues(ones);
        }

        /** A random rank from 1 up to, but not including, the number; its frequency is inversely proportional to it. */
        private int rank(int below) {
            return (int) StrictMath.exp(random.nextDouble() * StrictMath.log(below));
        }

        /** Draws the numbers and the ranks of the texts of an event. Returns its label. */
        private boolean drawEvent() {
            double logit = 0;
            for (int i = 0; i < NUMBERS; i++) {
                dense[i] = random.nextDouble(-1, 1);
                logit += truth[i] * dense[i];
            }
            boolean isClicked = random.nextDouble() < Logistic.probability(logit);
            for (int i = 0; i < TEXTS.length; i++) {
                ranks[i] = rank(TEXTS[i] + 1);
            }
            return isClicked;
        }

        private void writeEvent(boolean isClicked) throws IOException {
            encoder.writeBoolean(isClicked);
            for (int i = 0; i < NUMBERS; i++) {
                encoder.writeDouble(dense[i]);
            }
            for (int rank : ranks) {
                encoder.writeString("value-" + rank);
            }
        }

        private void writeJson(boolean isClicked) {
            StringBuilder json = new StringBuilder("{\"clicked\":").append(isClicked);
            for (int i = 0; i < NUMBERS; i++) {
                json.append(",\"number").append(i).append("\":").append(dense[i]);
            }
            for (int i = 0; i < TEXTS.length; i++) {
                json.append(",\"text")
                        .append(i)
                        .append("\":\"value-")
                        .append(ranks[i])
                        .append('"');
            }
            bytes.writeBytes(json.append('}').toString().getBytes(StandardCharsets.UTF_8));
        }

        /** Writes the index of the message, and the message. As in proto3, what is false is left out. */
        private void writeProtobuf(boolean isClicked) {
            bytes.write(0);
            if (isClicked) {
                bytes.write(1 << 3);
                bytes.write(1);
            }
            for (int i = 0; i < NUMBERS; i++) {
                bytes.write(FIRST_NUMBER + i << 3 | 1);
                bytes.writeBytes(ByteBuffer.allocate(Double.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putDouble(dense[i])
                        .array());
            }
            for (int i = 0; i < TEXTS.length; i++) {
                byte[] text = ("value-" + ranks[i]).getBytes(StandardCharsets.UTF_8);
                bytes.write(FIRST_NUMBER + NUMBERS + i << 3 | 2);
                bytes.write(text.length);
                bytes.writeBytes(text);
            }
        }

        /** The label of the last event. @param now the time of the event */
        private LateLabel label(long now) {
            long delay = (long) (-StrictMath.log(1 - random.nextDouble()) * MEAN_DELAY);
            return new LateLabel(now + Math.min(delay, WAIT.toMillis()), id, label);
        }

        /** Writes no id, the label, and the importance 1; or an id and no label, if that comes later. */
        private void writeLabel(double logit) throws IOException {
            label = random.nextDouble() < Logistic.probability(logit) ? 1 : 0;
            if (isLate()) {
                id = "event-" + count++;
                encoder.writeIndex(1);
                encoder.writeString(id);
                encoder.writeIndex(0);
            } else {
                encoder.writeIndex(0);
                encoder.writeIndex(1);
                encoder.writeDouble(label);
            }
            encoder.writeDouble(1);
        }

        private void writeValues(double[] values) throws IOException {
            encoder.writeArrayStart();
            encoder.setItemCount(values.length);
            for (double value : values) {
                encoder.startItem();
                encoder.writeDouble(value);
            }
            encoder.writeArrayEnd();
        }
    }
}
