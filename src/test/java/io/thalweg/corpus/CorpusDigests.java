package io.thalweg.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.kafka.common.header.Header;

/**
 * What was recorded of each output topic of each scenario: how many records, a digest of all of them, and digests of
 * the first so many, which tell about where another run parts from the record.
 *
 * <p>Key, value, headers and timestamp count, to the bit. Two things do not: the detail of a dead letter, which is
 * prose, and fields that were added to a schema since. After a change that is meant,
 * {@code -Dthalweg.corpus.write=true} writes the files anew; the changelog must say why.
 */
final class CorpusDigests {
    private static final int EVERY = 200;
    /** The schemas that the corpus was recorded with. */
    private static final Path RECORDED = Path.of("src/test/resources/schemas-on-record/v2");

    private static final int HEADER = 5;
    private static final Path DIRECTORY = Path.of("src/test/resources/io/thalweg/corpus");

    private final Path file;
    private final Map<String, String> recorded = new TreeMap<>();
    private final boolean writes = Boolean.getBoolean("thalweg.corpus.write");

    CorpusDigests(String name) {
        file = DIRECTORY.resolve(name + ".txt");
        try {
            if (Files.exists(file)) {
                recorded.putAll(Files.readAllLines(file).stream()
                        .map(line -> line.split(": ", 2))
                        .collect(Collectors.toMap(parts -> parts[0], parts -> parts[1])));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Compares what is on a topic with the record, or writes it down where that is asked for. */
    void check(String scenario, String topic, List<CorpusRecord> records) {
        String name = scenario + " " + topic;
        String digest = digest(topic, records);
        if (writes) {
            write(name, digest);
        }
        assertThat(digest).as("digests of " + name + " in " + file).isEqualTo(recorded.get(name));
    }

    private void write(String name, String digest) {
        recorded.put(name, digest);
        try {
            Files.write(
                    file,
                    recorded.entrySet().stream()
                            .map(entry -> entry.getKey() + ": " + entry.getValue())
                            .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String digest(String topic, List<CorpusRecord> records) {
        MessageDigest digest = sha256();
        List<String> parts = new ArrayList<>();
        for (int i = 0; i < records.size(); i++) {
            add(digest, topic, records.get(i));
            if ((i + 1) % EVERY == 0) {
                parts.add(soFar(digest).substring(0, 8));
            }
        }
        return records.size() + " " + soFar(digest) + " " + String.join(",", parts);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static String soFar(MessageDigest digest) {
        try {
            return HexFormat.of().formatHex(((MessageDigest) digest.clone()).digest());
        } catch (CloneNotSupportedException e) {
            throw new IllegalStateException("the platform's SHA-256 can be cloned", e);
        }
    }

    private static void add(MessageDigest digest, String topic, CorpusRecord record) {
        boolean isDeadLetter = topic.startsWith("dead-letters");
        add(digest, record.key());
        if (isDeadLetter) {
            DeadLetter letter = deadLetter(record.value());
            add(digest, letter.getReason().toString().getBytes(StandardCharsets.UTF_8));
            add(digest, letter.getTopic().toString().getBytes(StandardCharsets.UTF_8));
            add(digest, letter.getPartition());
            add(digest, letter.getOffset());
            add(digest, letter.getTimestamp());
            add(digest, bytes(letter.getKey()));
            add(digest, bytes(letter.getValue()));
        } else {
            add(digest, record.value());
        }
        for (Header header : record.headers()) {
            if (!header.key().equals("thalweg.detail")) {
                add(digest, header.key().getBytes(StandardCharsets.UTF_8));
                add(digest, header.value());
            }
        }
        add(digest, record.timestamp());
    }

    /** Returns a value as the schema writes it that the corpus was recorded with: fields added since are left out. */
    static byte[] asRecorded(String topic, byte[] value) {
        Schema now = topic.startsWith("predictions")
                ? Prediction.getClassSchema()
                : topic.startsWith("metrics") ? Metrics.getClassSchema() : null;
        if (value == null || now == null) {
            return value;
        }
        try {
            Schema recorded =
                    new Schema.Parser().parse(RECORDED.resolve(file(now)).toFile());
            Object datum = new GenericDatumReader<>(now, recorded)
                    .read(null, DecoderFactory.get().binaryDecoder(value, HEADER, value.length - HEADER, null));
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.write(value, 0, HEADER);
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            new GenericDatumWriter<>(recorded).write(datum, encoder);
            return out.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String file(Schema schema) {
        return schema.getName().toLowerCase(Locale.ROOT) + ".avsc";
    }

    private static DeadLetter deadLetter(byte[] value) {
        try {
            return new SpecificDatumReader<>(DeadLetter.class)
                    .read(null, DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] bytes(ByteBuffer buffer) {
        if (buffer == null) {
            return null;
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static void add(MessageDigest digest, long number) {
        digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
    }

    private static void add(MessageDigest digest, byte[] bytes) {
        add(digest, bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            digest.update(bytes);
        }
    }
}
