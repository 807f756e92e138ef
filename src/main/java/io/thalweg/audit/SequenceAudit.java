package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.audit.OutputDecoder.Unreadable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Compares a partition of an output topic with what the replay gives, while it runs: predictions, or outcomes.
 *
 * <p>Both are in order, so they are read side by side. When they differ, a few outputs are read ahead to see which side
 * is out of step: an output that came early, or one that comes late or never. So one misplaced output is one finding
 * and not many, and memory is only needed for what is wrong.
 *
 * @param <T> the class of the outputs
 */
final class SequenceAudit<T extends SpecificRecordBase> {
    private static final int AHEAD = 64;

    private final TopicPartition source;
    private final TopicPartition output;
    private final Sequence<T> outputs;
    private final Records records;
    private final OutputDecoder<T> reader;
    private final FindingLog findings;

    private final Deque<Found<T>> ahead = new ArrayDeque<>();
    private final Map<Long, List<Found<T>>> early = new TreeMap<>();
    private final Map<Long, Expected<T>> late = new TreeMap<>();
    private final OffsetSet met = new OffsetSet();
    private final Set<Long> unreplayable = new HashSet<>();
    private final List<Later> later = new ArrayList<>();
    private Found<T> lastInPlace;
    private long count;

    private record Expected<T>(byte[] key, T value) {}

    private record Found<T>(byte[] key, T value, long order, long at) {}

    /** What the outputs of a topic are, and in which order. */
    interface Sequence<T> {
        /** Returns the word for an output. */
        String name();

        /** Returns the place of an output in the order: the offset of its example, or its own number. */
        long order(T value);

        /** Returns whether an output belongs to the input up to which the replay goes. */
        boolean isCommitted(T value);

        /** Returns the words for a place in the order. */
        String place(long order);

        /** Returns the record of the input that an output is about. */
        InputPosition position(T value);

        /** Returns the sentence that an output is missing. */
        String missing(T expected);
    }

    /**
     * An output of a record that was not committed when the verification began.
     *
     * @param order its place in the order
     * @param at its offset
     */
    record Later(long order, long at) {}

    /** A set of offsets, with one bit for each. */
    private static final class OffsetSet {
        private static final int BITS = 16;
        private final Map<Long, BitSet> pages = new HashMap<>();

        void add(long offset) {
            pages.computeIfAbsent(offset >> BITS, page -> new BitSet()).set((int) (offset & (1 << BITS) - 1));
        }

        boolean contains(long offset) {
            BitSet page = pages.get(offset >> BITS);
            return page != null && page.get((int) (offset & (1 << BITS) - 1));
        }
    }

    /**
     * Creates an audit.
     *
     * @param source the partition of the input
     * @param output the partition of the output topic
     */
    SequenceAudit(
            TopicPartition source,
            TopicPartition output,
            Sequence<T> outputs,
            Records records,
            OutputDecoder<T> reader,
            FindingLog findings) {
        this.source = source;
        this.output = output;
        this.outputs = outputs;
        this.records = records;
        this.reader = reader;
        this.findings = findings;
    }

    /** Returns how many outputs of committed records there are. */
    long count() {
        return count;
    }

    /** Returns the outputs of records that were not committed yet. */
    List<Later> later() {
        return later;
    }

    /** Notes an example whose prediction, if it has one, the replay cannot compute. */
    void cannotReplay(long offset) {
        unreplayable.add(offset);
    }

    /**
     * Called with the next output of the replay.
     *
     * @param key the key of the output
     */
    void expect(byte[] key, T value) {
        long offset = outputs.order(value);
        Expected<T> expected = new Expected<>(key, value);
        boolean inPlace = false;
        while (!inPlace) {
            Found<T> next = peek();
            if (next == null) {
                break;
            } else if (next.order() < offset) {
                stray(ahead.remove());
            } else if (next.order() == offset) {
                match(expected, ahead.remove());
                lastInPlace = next;
                inPlace = true;
            } else if (!early.containsKey(offset) && isEarly(next, offset)) {
                early.computeIfAbsent(next.order(), o -> new ArrayList<>()).add(ahead.remove());
            } else {
                break;
            }
        }
        List<Found<T>> before = early.remove(offset);
        if (before != null) {
            for (Found<T> found : before) {
                if (met.contains(offset)) {
                    doubled(found);
                } else {
                    outOfPlace(found, "before");
                    match(expected, found);
                }
            }
        } else if (!inPlace) {
            late.put(offset, expected);
        }
    }

    /** Returns whether this output came too early, rather than the next ones too late. */
    private boolean isEarly(Found<T> next, long offset) {
        while (ahead.size() < AHEAD) {
            Found<T> found = read();
            if (found == null) {
                break;
            }
            ahead.add(found);
        }
        return ahead.stream()
                        .filter(found -> found.order() >= offset && found.order() < next.order())
                        .limit(2)
                        .count()
                > 1;
    }

    /** Called at the end of the replay. */
    void finish() {
        while (peek() != null) {
            stray(ahead.remove());
        }
        early.values().forEach(all -> all.forEach(this::stray));
        late.values().forEach(expected -> {
            InputPosition position = outputs.position(expected.value);
            findings.add(
                    FindingKind.MISSING,
                    position.partition(),
                    position.offset(),
                    output,
                    Finding.NONE,
                    null,
                    outputs.missing(expected.value));
        });
    }

    private Found<T> peek() {
        if (ahead.isEmpty()) {
            Found<T> found = read();
            if (found != null) {
                ahead.add(found);
            }
        }
        return ahead.peek();
    }

    private Found<T> read() {
        while (records.hasNext()) {
            ConsumerRecord<byte[], byte[]> record = records.next();
            try {
                T value = reader.read(record.value());
                if (outputs.isCommitted(value)) {
                    count++;
                    return new Found<>(record.key(), value, outputs.order(value), record.offset());
                }
                later.add(new Later(outputs.order(value), record.offset()));
            } catch (Unreadable e) {
                count++;
                findings.add(
                        FindingKind.UNREADABLE,
                        source,
                        Finding.NONE,
                        output,
                        record.offset(),
                        null,
                        "%s@%d, which must be %s %s of %s%s, cannot be read: %s"
                                .formatted(
                                        output,
                                        record.offset(),
                                        outputs.name().startsWith("o") ? "an" : "a",
                                        outputs.name(),
                                        source,
                                        lastInPlace == null ? "" : " after offset " + lastInPlace.order(),
                                        e.getMessage()));
            }
        }
        return null;
    }

    private void match(Expected<T> expected, Found<T> found) {
        met.add(found.order());
        List<String> differences = new ArrayList<>();
        if (!Arrays.equals(expected.key, found.key)) {
            differences.add("its key is not the model id");
        }
        String fields = RecordDiff.between(expected.value, found.value);
        if (!fields.isEmpty()) {
            differences.add(fields);
        }
        if (!differences.isEmpty()) {
            add(FindingKind.ALTERED, found, "is not what the replay gives: " + String.join(", ", differences));
        }
    }

    /** Handles an output that is not the next one. */
    private void stray(Found<T> found) {
        Expected<T> expected = late.remove(found.order());
        if (expected != null) {
            outOfPlace(found, "after");
            match(expected, found);
        } else if (met.contains(found.order())) {
            doubled(found);
        } else if (unreplayable.contains(found.order())) {
            throw new UnverifiableException(
                    ("%s@%d was predicted, but the schema registry no longer knows the schema that it was written with;"
                                    + " register it again under its id")
                            .formatted(source, found.order()));
        } else {
            add(FindingKind.UNEXPECTED, found, "is one too many: no " + outputs.name() + " is due there");
        }
    }

    private void doubled(Found<T> found) {
        add(FindingKind.DOUBLED, found, "is not the only one");
    }

    private void outOfPlace(Found<T> found, String where) {
        String than = lastInPlace == null
                ? "the others"
                : "that of %s (%s@%d)".formatted(outputs.place(lastInPlace.order), output, lastInPlace.at);
        add(FindingKind.OUT_OF_PLACE, found, "is out of place: it comes " + where + " " + than);
    }

    private void add(FindingKind kind, Found<T> found, String what) {
        InputPosition position = outputs.position(found.value);
        findings.add(
                kind,
                position.partition(),
                position.offset(),
                output,
                found.at,
                null,
                "the %s of %s (%s@%d) %s"
                        .formatted(outputs.name(), outputs.place(found.order), output, found.at, what));
    }
}
