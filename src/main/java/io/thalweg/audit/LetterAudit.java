package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.audit.OutputDecoder.Unreadable;
import io.thalweg.audit.SequenceAudit.Later;
import io.thalweg.avro.DeadLetter;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.output.DeadLetters;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;

/**
 * Compares a partition of the dead letters with the rejections of the replay. The dead letters are read first, because
 * the replay must know which of them say that a schema id was unknown. For the bytes that they repeat, a hash is kept.
 *
 * <p>Everything is compared except the detail, which is prose that another version may word differently.
 */
final class LetterAudit {
    private final TopicPartition source;
    private final TopicPartition output;
    private final FindingLog findings;
    private final Map<Long, FoundLetter> letters = new TreeMap<>();
    private final List<Later> later = new ArrayList<>();
    private long count;
    private long unknownSchemas;

    private final boolean sentOn;

    /**
     * A dead letter.
     *
     * @param at its offset
     * @param where the coordinates that it gives for its record
     * @param fault what is wrong with it in any case; empty if nothing
     */
    private record FoundLetter(long at, String reason, long timestamp, byte[] hash, String where, String fault) {}

    /**
     * Reads the dead letters of a partition.
     *
     * @param sentOn whether to look at dead letters of routed records or at the others; the same topic contains both
     * @param isOfSource whether a dead letter can be one of this source
     * @param committed the offset at which the replay ends
     */
    LetterAudit(
            TopicPartition source,
            TopicPartition output,
            boolean sentOn,
            Predicate<DeadLetter> isOfSource,
            long committed,
            Records records,
            OutputDecoder<DeadLetter> reader,
            FindingLog findings) {
        this.source = source;
        this.output = output;
        this.sentOn = sentOn;
        this.findings = findings;
        long previous = Finding.NONE;
        while (records.hasNext()) {
            ConsumerRecord<byte[], byte[]> record = records.next();
            try {
                DeadLetter letter = reader.read(record.value());
                long routed = DeadLetters.routedOffset(record.headers());
                if (sentOn != routed >= 0 || !isOfSource.test(letter)) {
                    continue;
                }
                long offset = sentOn ? routed : letter.getOffset();
                if (offset >= committed) {
                    later.add(new Later(offset, record.offset()));
                    continue;
                }
                enter(record, letter, offset, previous);
                previous = offset;
            } catch (Unreadable e) {
                findings.add(
                        FindingKind.UNREADABLE,
                        source,
                        Finding.NONE,
                        output,
                        record.offset(),
                        null,
                        "%s@%d, which must be a dead letter of %s, cannot be read: %s"
                                .formatted(output, record.offset(), source, e.getMessage()));
            }
            count++;
        }
    }

    private void enter(ConsumerRecord<byte[], byte[]> record, DeadLetter letter, long offset, long previous) {
        FoundLetter entry = new FoundLetter(
                record.offset(),
                letter.getReason().toString(),
                letter.getTimestamp(),
                hash(record.key(), letter),
                where(letter.getTopic().toString(), letter.getPartition(), letter.getOffset()),
                fault(record, letter));
        if (letters.putIfAbsent(offset, entry) != null) {
            add(FindingKind.DOUBLED, offset, record.offset(), "is not the only one");
        } else if (offset < previous) {
            add(
                    FindingKind.OUT_OF_PLACE,
                    offset,
                    record.offset(),
                    "is out of place: it comes after that of %s@%d".formatted(source, previous));
        }
    }

    private static String where(String topic, int partition, long offset) {
        return RecordDiff.text(topic) + "-" + partition + "@" + offset;
    }

    private String fault(ConsumerRecord<byte[], byte[]> record, DeadLetter letter) {
        if (!sentOn && letter.getPartition() != source.partition()
                || !sentOn && !letter.getTopic().toString().equals(source.topic())) {
            return "it says that its record is in "
                    + RecordDiff.text(letter.getTopic().toString()) + "-" + letter.getPartition();
        }
        for (Map.Entry<String, Object> header : Map.of(
                        "reason",
                        letter.getReason(),
                        "detail",
                        letter.getDetail(),
                        "topic",
                        letter.getTopic(),
                        "partition",
                        (Object) letter.getPartition(),
                        "offset",
                        letter.getOffset())
                .entrySet()) {
            Header found = record.headers().lastHeader("thalweg." + header.getKey());
            byte[] expected = header.getValue().toString().getBytes(StandardCharsets.UTF_8);
            if (found == null || !Arrays.equals(found.value(), expected)) {
                return "its header thalweg." + header.getKey() + " does not say the same as its field "
                        + header.getKey();
            }
        }
        return "";
    }

    private static byte[] hash(byte[] recordKey, DeadLetter letter) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (ByteBuffer part : new ByteBuffer[] {
                recordKey == null ? null : ByteBuffer.wrap(recordKey), letter.getKey(), letter.getValue()
            }) {
                digest.update(ByteBuffer.allocate(4)
                        .putInt(0, part == null ? -1 : part.remaining())
                        .array());
                if (part != null) {
                    digest.update(part.duplicate());
                }
            }
            return digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Returns how many dead letters of committed records there are. */
    long count() {
        return count;
    }

    /** Returns how many dead letters could not be checked, because they say that a schema id was unknown. */
    long unknownSchemas() {
        return unknownSchemas;
    }

    /** Returns the dead letters of records that were not committed yet. */
    List<Later> later() {
        return later;
    }

    /** Returns whether there is a dead letter for a record that the replay has not come to. */
    boolean has(long offset) {
        return letters.containsKey(offset);
    }

    /** Returns whether a dead letter says that the registry does not know the schema id of a record. */
    boolean saysSchemaUnknown(long offset) {
        FoundLetter letter = letters.get(offset);
        return letter != null && letter.reason.equals(Reason.UNKNOWN_SCHEMA.name());
    }

    /** Called when the replay rejects a record. */
    void expect(InputRecord record, Rejection rejection, ThalwegConfig settings) {
        FoundLetter letter = letters.remove(record.offset());
        if (letter == null) {
            findings.add(
                    FindingKind.MISSING,
                    source,
                    record.offset(),
                    output,
                    Finding.NONE,
                    null,
                    "%s@%d has no dead letter; the replay rejects it: %s: %s"
                            .formatted(source, record.offset(), rejection.reason(), rejection.getMessage()));
            return;
        }
        if (rejection.reason() == Reason.UNKNOWN_SCHEMA) {
            unknownSchemas++;
        }
        DeadLetters deadLetters = new DeadLetters(settings);
        DeadLetter expected = deadLetters.of(record, rejection);
        String where =
                where(record.sourcePartition().topic(), record.sourcePartition().partition(), record.sourceOffset());
        String fault = letter.fault;
        if (!letter.reason.equals(rejection.reason().name())) {
            fault = "its reason is " + RecordDiff.text(letter.reason) + " and should be " + rejection.reason();
        } else if (record.timestamp() >= 0 && letter.timestamp != record.timestamp()) {
            // a record without a timestamp gets that of another record
            fault = "its timestamp is " + letter.timestamp + " and should be " + record.timestamp();
        } else if (!letter.where.equals(where)) {
            fault = "it says that its record is " + letter.where + " and should say " + where;
        } else if (!Arrays.equals(letter.hash, hash(deadLetters.key(record), expected))) {
            fault = "its key and value are not those of the record";
        }
        if (!fault.isEmpty()) {
            add(FindingKind.DEAD_LETTER_DIFFERS, record.offset(), letter.at, "is not what the replay gives: " + fault);
        }
    }

    /**
     * Called when the replay does not reject a record.
     *
     * @param instead what it does, for the finding
     */
    void expectNone(long offset, String instead) {
        FoundLetter letter = letters.remove(offset);
        if (letter != null) {
            add(
                    FindingKind.UNEXPECTED,
                    offset,
                    letter.at,
                    "says %s, and %s".formatted(RecordDiff.text(letter.reason), instead));
        }
    }

    /** Called at the end of the replay. */
    void finish() {
        letters.forEach((offset, letter) -> add(
                FindingKind.UNEXPECTED, offset, letter.at, "is one too many: the input has no record at that offset"));
    }

    private void add(FindingKind kind, long offset, long at, String what) {
        findings.add(
                kind,
                source,
                offset,
                output,
                at,
                null,
                "the dead letter of %s@%d (%s@%d) %s".formatted(source, offset, output, at, what));
    }
}
