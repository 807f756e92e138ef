package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.audit.OutputDecoder.Unreadable;
import io.thalweg.avro.Prediction;
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
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Compares a partition of the predictions with those of the replay, while it runs.
 *
 * <p>Both are in the order of the input, so they are read side by side. When they differ, a few predictions are read
 * ahead to see which side is out of step: a prediction that came early, or an example whose prediction comes late or
 * never. So one misplaced prediction is one finding and not many, and memory is only needed for what is wrong.
 */
final class PredictionAudit {
    private static final int AHEAD = 64;

    private final TopicPartition source;
    private final TopicPartition output;
    private final long committed;
    private final Records records;
    private final OutputDecoder<Prediction> reader;
    private final FindingLog findings;

    private final Deque<FoundPrediction> ahead = new ArrayDeque<>();
    private final Map<Long, List<FoundPrediction>> early = new TreeMap<>();
    private final Map<Long, Expected> late = new TreeMap<>();
    private final OffsetSet met = new OffsetSet();
    private final Set<Long> unreplayable = new HashSet<>();
    private final List<Later> later = new ArrayList<>();
    private FoundPrediction lastInPlace;
    private long count;

    private record Expected(byte[] key, Prediction prediction) {}

    private record FoundPrediction(byte[] key, Prediction prediction, long at) {
        long offset() {
            return prediction.getOffset();
        }
    }

    /** An output of an example that was not committed when the verification began. */
    record Later(long offset, long at) {}

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
     * @param committed the offset at which the replay ends
     */
    PredictionAudit(
            TopicPartition source,
            TopicPartition output,
            long committed,
            Records records,
            OutputDecoder<Prediction> reader,
            FindingLog findings) {
        this.source = source;
        this.output = output;
        this.committed = committed;
        this.records = records;
        this.reader = reader;
        this.findings = findings;
    }

    /** Returns how many predictions of committed examples there are. */
    long count() {
        return count;
    }

    /** Returns the predictions of examples that were not committed yet. */
    List<Later> later() {
        return later;
    }

    /** Notes a record whose prediction, if it has one, the replay cannot compute. */
    void cannotReplay(long offset) {
        unreplayable.add(offset);
    }

    /**
     * Called with the next prediction of the replay.
     *
     * @param key the key of the example
     */
    void expect(byte[] key, Prediction prediction) {
        long offset = prediction.getOffset();
        Expected expected = new Expected(key, prediction);
        boolean inPlace = false;
        while (!inPlace) {
            FoundPrediction next = peek();
            if (next == null) {
                break;
            } else if (next.offset() < offset) {
                stray(ahead.remove());
            } else if (next.offset() == offset) {
                match(expected, ahead.remove());
                lastInPlace = next;
                inPlace = true;
            } else if (!early.containsKey(offset) && isEarly(next, offset)) {
                early.computeIfAbsent(next.offset(), o -> new ArrayList<>()).add(ahead.remove());
            } else {
                break;
            }
        }
        List<FoundPrediction> before = early.remove(offset);
        if (before != null) {
            for (FoundPrediction found : before) {
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

    /** Returns whether this prediction came too early, rather than the next ones too late. */
    private boolean isEarly(FoundPrediction next, long offset) {
        while (ahead.size() < AHEAD) {
            FoundPrediction found = read();
            if (found == null) {
                break;
            }
            ahead.add(found);
        }
        return ahead.stream()
                        .filter(found -> found.offset() >= offset && found.offset() < next.offset())
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
        late.forEach((offset, expected) -> findings.add(
                FindingKind.MISSING,
                source,
                offset,
                output,
                Finding.NONE,
                null,
                "%s@%d has no prediction; the replay gives probability %s at version %d"
                        .formatted(
                                source,
                                offset,
                                expected.prediction.getProbability(),
                                expected.prediction.getVersion())));
    }

    private FoundPrediction peek() {
        if (ahead.isEmpty()) {
            FoundPrediction found = read();
            if (found != null) {
                ahead.add(found);
            }
        }
        return ahead.peek();
    }

    private FoundPrediction read() {
        while (records.hasNext()) {
            ConsumerRecord<byte[], byte[]> record = records.next();
            try {
                Prediction prediction = reader.read(record.value());
                if (prediction.getOffset() < committed) {
                    count++;
                    return new FoundPrediction(record.key(), prediction, record.offset());
                }
                later.add(new Later(prediction.getOffset(), record.offset()));
            } catch (Unreadable e) {
                count++;
                findings.add(
                        FindingKind.UNREADABLE,
                        source,
                        Finding.NONE,
                        output,
                        record.offset(),
                        null,
                        "%s@%d, which must be a prediction of %s%s, cannot be read: %s"
                                .formatted(
                                        output,
                                        record.offset(),
                                        source,
                                        lastInPlace == null ? "" : " after offset " + lastInPlace.offset(),
                                        e.getMessage()));
            }
        }
        return null;
    }

    private void match(Expected expected, FoundPrediction found) {
        met.add(found.offset());
        List<String> differences = new ArrayList<>();
        if (!Arrays.equals(expected.key, found.key)) {
            differences.add("its key is not the model id");
        }
        String fields = RecordDiff.between(expected.prediction, found.prediction);
        if (!fields.isEmpty()) {
            differences.add(fields);
        }
        if (!differences.isEmpty()) {
            add(FindingKind.ALTERED, found, "is not what the replay gives: " + String.join(", ", differences));
        }
    }

    /** Handles a prediction that is not the next one. */
    private void stray(FoundPrediction found) {
        Expected expected = late.remove(found.offset());
        if (expected != null) {
            outOfPlace(found, "after");
            match(expected, found);
        } else if (met.contains(found.offset())) {
            doubled(found);
        } else if (unreplayable.contains(found.offset())) {
            throw new UnverifiableException(
                    ("%s@%d was predicted, but the schema registry no longer knows the schema that it was written with;"
                                    + " register it again under its id")
                            .formatted(source, found.offset()));
        } else {
            add(
                    FindingKind.UNEXPECTED,
                    found,
                    "is one too many: no prediction is due for that record of the input, if there is one");
        }
    }

    private void doubled(FoundPrediction found) {
        add(FindingKind.DOUBLED, found, "is not the only one");
    }

    private void outOfPlace(FoundPrediction found, String where) {
        String than = lastInPlace == null
                ? "those of other examples"
                : "that of %s@%d (%s@%d)".formatted(source, lastInPlace.offset(), output, lastInPlace.at);
        add(FindingKind.OUT_OF_PLACE, found, "is out of place: it comes " + where + " " + than);
    }

    private void add(FindingKind kind, FoundPrediction found, String what) {
        findings.add(
                kind,
                source,
                found.offset(),
                output,
                found.at,
                null,
                "the prediction of %s@%d (%s@%d) %s".formatted(source, found.offset(), output, found.at, what));
    }
}
