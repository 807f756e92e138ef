package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.registry.ProtobufParser;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Values that were damaged, or made to do harm. Each of them must end as a prediction or as a dead letter, once. With
 * {@code mvn verify -Pfuzz} there are a million.
 */
@Seeded
@Timeout(3600)
class FuzzIT {
    private static final Logger LOG = LoggerFactory.getLogger(FuzzIT.class);

    private static final int RECORDS = Integer.getInteger("thalweg.fuzz", 5000);
    private static final Duration PATIENCE = Duration.ofMinutes(RECORDS < 100_000 ? 2 : 40);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> WORDS =
            List.of("", "a", "Zürich", "日本", "\uD83D\uDE00", "x=y", "\\\\n", "12", "no");

    private static final int PROTOBUF_ID = 1000;
    private static final String PROTOBUF = """
            syntax = "proto3";
            message Event {
              string id = 1;
              optional bool y = 2;
              double amount = 3;
              string city = 4;
              message User { optional int32 age = 1; string tier = 2; User friend = 3; }
              User user = 5;
              repeated string tags = 6;
              map<string, double> counts = 7;
              repeated int64 numbers = 8;
            }
            """;

    private static EmbeddedBroker broker;

    @BeforeAll
    static void start(@TempDir Path directory) {
        broker = EmbeddedBroker.start(directory, 0);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @Test
    void noValueOfATopicOfJsonIsLost(Random random) throws Exception {
        nothingIsLost("json", new LearnerTrial(broker, 1), i -> value(random, i));
    }

    @Test
    void noValueOfATopicOfProtobufIsLost(Random random) throws Exception {
        LearnerTrial trial = new LearnerTrial(broker, 1);
        trial.protobuf.put(PROTOBUF_ID, ProtobufParser.parse(PROTOBUF, Map.of()));
        nothingIsLost("protobuf", trial, i -> protobuf(random, i));
    }

    private static void nothingIsLost(String format, LearnerTrial trial, IntFunction<byte[]> values) throws Exception {
        trial.settings.put("examples.format", format);
        trial.settings.put("output.format", "json");
        trial.settings.put("label", "y");
        trial.settings.put("id.field", "id");
        trial.settings.put("features.cross", "city*tags");
        trial.settings.put("features.numeric", "amount");
        trial.createTopics();
        try (Producer<byte[], byte[]> producer = trial.producer()) {
            for (int i = 0; i < RECORDS; i++) {
                producer.send(new ProducerRecord<>(trial.name + "-examples", values.apply(i)));
            }
        }

        try (LearnerRuntime learner = trial.start();
                Admin admin = KafkaSettings.admin(trial.config())) {
            await().atMost(PATIENCE).dontCatchUncaughtExceptions().until(() -> {
                assertThat(learner.hasEnded()).as(learner::reasonOfEnd).isFalse();
                return committed(admin, trial) == RECORDS;
            });
        }

        BitSet predicted = offsets(trial, "predictions");
        BitSet rejected = offsets(trial, "dead-letters");
        LOG.info(
                "{} records of {} became {} predictions and {} dead letters",
                RECORDS,
                format,
                predicted.cardinality(),
                rejected.cardinality());
        assertThat(predicted.intersects(rejected)).isFalse();
        assertThat(predicted.cardinality() + rejected.cardinality()).isEqualTo(RECORDS);
        assertThat(predicted.cardinality()).isGreaterThan(RECORDS / 4);
        assertThat(rejected.cardinality()).isGreaterThan(RECORDS / 4);
        trial.assertVerified();
    }

    private static long committed(Admin admin, LearnerTrial trial) throws Exception {
        OffsetAndMetadata offset = admin.listConsumerGroupOffsets(trial.name)
                .partitionsToOffsetAndMetadata()
                .get()
                .get(new TopicPartition(trial.name + "-examples", 0));
        return offset == null ? 0 : offset.offset();
    }

    /** The offsets that the records of an output are about, each of which it has once. */
    private static BitSet offsets(LearnerTrial trial, String topic) throws Exception {
        BitSet offsets = new BitSet();
        TopicPartition from = new TopicPartition(trial.name + "-" + topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(trial.config()).reader())) {
            long end = consumer.endOffsets(List.of(from)).get(from);
            CommittedRecords records = new CommittedRecords(consumer, from, 0, end);
            while (records.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = records.next();
                JsonNode value = JSON.readTree(record.value());
                int offset = value.get("offset").asInt();
                assertThat(offsets.get(offset)).as("a second one of %d", offset).isFalse();
                offsets.set(offset);
            }
        }
        return offsets;
    }

    // ---- values

    private static byte[] value(Random random, int i) {
        byte[] whole = event(random, i).getBytes(StandardCharsets.UTF_8);
        return switch (random.nextInt(10)) {
            case 0 -> Arrays.copyOf(whole, random.nextInt(whole.length));
            case 1 -> {
                byte[] damaged = whole.clone();
                for (int k = 0; k <= random.nextInt(4); k++) {
                    damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
                }
                yield damaged;
            }
            case 2 -> {
                String signs = "{}[]\",:0eE-+.\\u\0\u007f";
                byte[] damaged = whole.clone();
                damaged[random.nextInt(damaged.length)] = (byte) signs.charAt(random.nextInt(signs.length()));
                yield damaged;
            }
            case 3 -> {
                byte[] noise = new byte[random.nextInt(40)];
                random.nextBytes(noise);
                yield noise;
            }
            case 4 ->
                ByteBuffer.allocate(5 + whole.length)
                        .put((byte) 0)
                        .putInt(random.nextInt())
                        .put(whole)
                        .array();
            case 5, 6 -> hostile(random, i).getBytes(StandardCharsets.UTF_8);
            default -> whole;
        };
    }

    private static String word(Random random) {
        return WORDS.get(random.nextInt(WORDS.size()));
    }

    private static String event(Random random, int i) {
        return ("{\"id\":\"e%d\",\"y\":%s,\"amount\":%s,\"city\":\"%s\",\"user\":{\"age\":%d,\"tier\":\"%s\"},"
                        + "\"tags\":[\"%s\",\"%s\"]}")
                .formatted(
                        i,
                        random.nextInt(9) == 0 ? "null" : random.nextBoolean(),
                        random.nextInt(3) == 0 ? random.nextInt(100) : random.nextGaussian(),
                        word(random),
                        random.nextInt(90),
                        word(random),
                        word(random),
                        word(random));
    }

    /** An event with a field that is made to do harm. */
    private static String hostile(Random random, int i) {
        int size = random.nextInt(random.nextInt(50) == 0 ? 20_000 : 700);
        String field = switch (random.nextInt(9)) {
            case 0 -> "\"deep\":" + "[".repeat(size) + "]".repeat(size);
            case 1 -> "\"deep\":" + "{\"d\":".repeat(size) + "1" + "}".repeat(size);
            case 2 -> "\"amount\":" + (random.nextBoolean() ? "" : "0.") + "9".repeat(size + 1);
            case 3 -> "\"large\":1e" + "9".repeat(size % 400 + 1);
            case 4 -> "\"id\":\"twice\"";
            case 5 -> "\"user\":{\"age\":1,\"age\":2}";
            case 6 -> "\"unknown-%d\":\"%s\"".formatted(random.nextInt(1000), "x".repeat(size));
            case 7 -> "\"%s\":null".formatted("n".repeat(size));
            default -> "\"tags\":[1,{},[],null,\"%s\"]".formatted(word(random));
        };
        String event = event(random, i);
        return "{" + field + "," + event.substring(1);
    }

    // ---- values in Protobuf

    private static byte[] protobuf(Random random, int i) {
        byte[] whole = message(random, i);
        return switch (random.nextInt(10)) {
            case 0 -> Arrays.copyOf(whole, random.nextInt(whole.length));
            case 1, 2 -> {
                byte[] damaged = whole.clone();
                for (int k = 0; k <= random.nextInt(4); k++) {
                    damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
                }
                yield damaged;
            }
            case 3 -> {
                byte[] noise = new byte[random.nextInt(40)];
                random.nextBytes(noise);
                yield noise;
            }
            case 4, 5 ->
                framed(out -> {
                    writeEvent(out, random, i);
                    writeHostile(out, random);
                });
            default -> whole;
        };
    }

    private static byte[] message(Random random, int i) {
        return framed(out -> writeEvent(out, random, i));
    }

    /** Writes a message, or a part of one. */
    private interface MessageWriter {
        void write(CodedOutputStream out) throws IOException;
    }

    private static byte[] framed(MessageWriter message) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(
                ByteBuffer.allocate(6).put((byte) 0).putInt(PROTOBUF_ID).array());
        bytes.writeBytes(written(message));
        return bytes.toByteArray();
    }

    private static byte[] written(MessageWriter message) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        try {
            message.write(out);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static void writeEvent(CodedOutputStream out, Random random, int i) throws IOException {
        out.writeString(1, "e" + i);
        if (random.nextInt(9) > 0) {
            out.writeBool(2, random.nextBoolean());
        }
        out.writeDouble(3, random.nextInt(3) == 0 ? random.nextInt(100) : random.nextGaussian());
        out.writeString(4, word(random));
        out.writeByteArray(5, written(user -> {
            user.writeInt32(1, random.nextInt(90));
            user.writeString(2, word(random));
        }));
        out.writeString(6, word(random));
        out.writeString(6, word(random));
    }

    /** Writes fields that are made to do harm. */
    private static void writeHostile(CodedOutputStream out, Random random) throws IOException {
        int size = random.nextInt(random.nextInt(50) == 0 ? 20_000 : 700);
        switch (random.nextInt(8)) {
            case 0 -> {
                byte[] user = {};
                for (int k = 0; k < size % 300; k++) {
                    byte[] friend = user;
                    user = written(each -> each.writeByteArray(3, friend));
                }
                out.writeByteArray(5, user);
            }
            case 1 -> {
                for (int k = 0; k < size; k++) {
                    out.writeTag(200, WireFormat.WIRETYPE_START_GROUP);
                }
            }
            case 2 -> {
                out.writeTag(6, WireFormat.WIRETYPE_LENGTH_DELIMITED);
                out.writeUInt32NoTag(random.nextInt());
            }
            case 3 -> {
                out.writeTag(3, WireFormat.WIRETYPE_VARINT);
                out.writeRawBytes(new byte[] {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1});
            }
            case 4 -> out.writeString(1, "twice");
            case 5 -> out.writeByteArray(8, new byte[size]);
            case 6 -> out.writeString(100 + random.nextInt(1000), "x".repeat(size));
            default -> out.writeByteArray(7, written(entry -> entry.writeString(1, "n".repeat(size))));
        }
    }
}
