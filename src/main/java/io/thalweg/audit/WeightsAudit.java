package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.audit.CompactedView.WeightsKey;
import io.thalweg.audit.OutputDecoder.Unreadable;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Model;
import io.thalweg.math.WeightsSnapshot;
import io.thalweg.output.WeightsRecords;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Compares the weights that a partition of the weights topic gives to a consumer with the models of the replay. Each
 * record is compared when the replay comes to its version. When the replay comes to the newest version of a model, the
 * records together must be the whole model.
 *
 * <p>When a large model is published depends on the clock. So the content of a record is checked, and not when it was
 * written, except that nothing may be older than the last record that a step published at once. The change since the
 * previous record is compared if both were published at once, and the recent window if the record has one.
 */
final class WeightsAudit {
    private final TopicPartition source;
    private final InputPosition nowhere;
    private final TopicPartition output;
    private final OutputDecoder<Weights> reader;
    private final FindingLog findings;
    private final Map<String, Published> published = new HashMap<>();
    private final Map<String, DueWeights> due = new HashMap<>();
    private long behind;
    private long later;

    /** A record of the topic. */
    private static final class PublishedRecord {
        final ConsumerRecord<byte[], byte[]> record;
        final WeightsKey key;
        final long version;
        /** The record whose step made this version, since the model was last deleted. */
        InputPosition madeBy;

        String difference = "";

        PublishedRecord(ConsumerRecord<byte[], byte[]> record, WeightsKey key, long version, InputPosition madeBy) {
            this.madeBy = madeBy;
            this.record = record;
            this.key = key;
            this.version = version;
        }
    }

    /** The records of a model. */
    private static final class Published {
        PublishedRecord whole;
        final Map<Integer, PublishedRecord> blocks = new TreeMap<>();
        final Map<Long, List<PublishedRecord>> byVersion = new HashMap<>();
        long version;
        /** The model at the publication before {@code whole}; null if that was not at the step before. */
        WeightsSnapshot before;
        /** What is missing in its blocks at that version: sentences by block. */
        final Map<Integer, String> gaps = new TreeMap<>();

        void add(PublishedRecord entry) {
            if (entry.key.block().isEmpty()) {
                whole = entry;
            } else {
                blocks.put(entry.key.block().getAsInt(), entry);
            }
            byVersion.computeIfAbsent(entry.version, v -> new ArrayList<>()).add(entry);
            version = Math.max(version, entry.version);
        }

        List<PublishedRecord> all() {
            List<PublishedRecord> all = new ArrayList<>(blocks.values());
            if (whole != null) {
                all.add(whole);
            }
            return all;
        }
    }

    /** The last step of a model that published all of it at once. */
    private record DueWeights(long version, InputPosition madeBy) {}

    WeightsAudit(
            TopicPartition source,
            TopicPartition output,
            Records records,
            OutputDecoder<Weights> reader,
            FindingLog findings) {
        this.source = source;
        nowhere = new InputPosition(source, Finding.NONE);
        this.output = output;
        this.reader = reader;
        this.findings = findings;
        for (ConsumerRecord<byte[], byte[]> record : CompactedView.of(records)) {
            WeightsKey key = WeightsKey.of(record.key());
            try {
                // the rest is read again when the replay comes to it, so that memory holds bytes and not objects
                long version = reader.read(record.value()).getVersion();
                published
                        .computeIfAbsent(key.model(), m -> new Published())
                        .add(new PublishedRecord(record, key, version, nowhere));
            } catch (Unreadable e) {
                add(FindingKind.UNREADABLE, nowhere, record.offset(), key, "cannot be read: " + e.getMessage());
            }
        }
    }

    /** Returns how many steps are not in the topic yet. */
    long behind() {
        return behind;
    }

    /** Returns how many records are about examples after the replay's last one. */
    long later() {
        return later;
    }

    /**
     * Called when a model has taken a step.
     *
     * @param madeBy the record that called for the step
     */
    void stepped(Model model, InputPosition madeBy, ThalwegConfig settings) {
        DueWeights last = due.get(model.id());
        boolean atOnce = model.extent() <= settings.getInt(ThalwegConfig.WEIGHTS_RECORD_MAX)
                && model.version() % settings.getInt(ThalwegConfig.WEIGHTS_EVERY) == 0;
        boolean afterOther = last != null && last.version == model.version() - 1;
        if (atOnce) {
            due.put(model.id(), new DueWeights(model.version(), madeBy));
        }
        Published those = published.get(model.id());
        if (those == null) {
            return;
        }
        WeightsSnapshot before =
                !atOnce ? null : model.version() == 1 ? WeightsSnapshot.ZERO : afterOther ? those.before : null;
        for (PublishedRecord entry : those.byVersion.getOrDefault(model.version(), List.of())) {
            entry.madeBy = madeBy;
            entry.difference = difference(model, entry, before);
        }
        if (those.version == model.version()) {
            findGaps(model, those);
        }
        those.before =
                atOnce && those.whole != null && those.whole.version == model.version() + 1 ? model.snapshot() : null;
    }

    private String difference(Model model, PublishedRecord entry, WeightsSnapshot before) {
        Weights found;
        try {
            found = reader.read(entry.record.value());
        } catch (Unreadable e) {
            throw new IllegalStateException("the record could be read before", e);
        }
        if (entry.key.block().isEmpty()) {
            Double change = before == null ? found.getChange() : (Double) before.changeTo(model);
            return difference(WeightsRecords.whole(model, change), found);
        }
        int block = entry.key.block().getAsInt();
        if (block < 0 || block >= model.blockEnd() || model.block(block) == null) {
            return "the model has no such block";
        }
        return difference(WeightsRecords.block(model, block, found.getChange()), found);
    }

    private static String difference(Weights expected, Weights found) {
        if (found.getMovedSteps() == null) {
            // after a restart, the learner does not know it
            expected.setMovedSteps(null);
            List<Weight> weights = new ArrayList<>(expected.getWeights());
            weights.forEach(weight -> weight.setMoved(null));
            expected.setWeights(weights);
        }
        return RecordDiff.between(expected, found);
    }

    /** Looks for missing blocks, when the model is at the version of its newest record. */
    private static void findGaps(Model model, Published those) {
        those.gaps.clear();
        if (those.whole != null && those.whole.version == those.version) {
            return;
        }
        for (int block = 0; block < model.blockEnd(); block++) {
            PublishedRecord entry = those.blocks.get(block);
            if (model.block(block) != null && (entry == null || entry.version < model.changedAt(block))) {
                those.gaps.put(
                        block,
                        (entry == null ? "is not there" : "is of version " + entry.version)
                                + "; other blocks are of version " + model.version()
                                + ", and this one changed at version " + model.changedAt(block));
            }
        }
    }

    /** Called when a model was deleted. */
    void deleted(String model) {
        due.remove(model);
        Published those = published.get(model);
        if (those != null) {
            // its versions start again, and the records may be those of its next life
            those.gaps.clear();
            those.before = null;
            those.all().forEach(entry -> {
                entry.madeBy = nowhere;
                entry.difference = "";
            });
        }
    }

    /**
     * Called at the end of the replay.
     *
     * @param models the replay
     * @param since what later records may have changed
     */
    void finish(Replay models, ChangesSince since) {
        published.forEach((id, those) -> {
            Model model = models.get(id);
            if (since.mayHaveDeleted(id) || model == null && since.mayHaveChanged(id)) {
                later += those.all().size();
            } else if (model == null) {
                for (PublishedRecord entry : those.all()) {
                    add(
                            FindingKind.WEIGHTS_LEFT_OVER,
                            nowhere,
                            entry.record.offset(),
                            entry.key,
                            "is there, of version %d, and the replay has no such model".formatted(entry.version));
                }
            } else {
                finish(model, those, since.mayHaveChanged(id));
            }
        });
        for (Model model : models.all()) {
            if (!since.mayHaveDeleted(model.id())) {
                Published those = published.get(model.id());
                long version = those == null ? 0 : those.version;
                behind += Math.max(0, model.version() - version);
                DueWeights last = due.get(model.id());
                if (last != null && version < last.version) {
                    add(
                            FindingKind.WEIGHTS_MISSING,
                            last.madeBy,
                            Finding.NONE,
                            WeightsKey.of(WeightsRecords.key(model.id())),
                            (those == null ? "is not there" : "is not there; the newest is of version " + version)
                                    + "; version %d, made by %s, was to be published at once"
                                            .formatted(last.version, last.madeBy));
                }
            }
        }
    }

    private void finish(Model model, Published those, boolean hasLater) {
        for (PublishedRecord entry : those.all()) {
            if (entry.version > model.version() && hasLater) {
                later++;
            } else if (entry.version > model.version() || entry.version < 1) {
                add(
                        FindingKind.WEIGHTS_DIFFER,
                        nowhere,
                        entry.record.offset(),
                        entry.key,
                        "is of version %d, and the model has taken %d steps".formatted(entry.version, model.version()));
            } else if (!entry.difference.isEmpty()) {
                add(
                        FindingKind.WEIGHTS_DIFFER,
                        entry.madeBy,
                        entry.record.offset(),
                        entry.key,
                        "is not what the replay gives at version %d, made by %s: %s"
                                .formatted(entry.version, entry.madeBy, entry.difference));
            }
        }
        those.gaps.forEach((block, gap) -> add(
                FindingKind.WEIGHTS_MISSING,
                nowhere,
                Finding.NONE,
                WeightsKey.of(WeightsRecords.key(model.id(), block)),
                gap));
        if (those.whole != null && !those.blocks.isEmpty()) {
            boolean blocksAreOlder = those.whole.version == those.version;
            for (PublishedRecord entry : blocksAreOlder ? those.blocks.values() : List.of(those.whole)) {
                add(
                        FindingKind.WEIGHTS_LEFT_OVER,
                        nowhere,
                        entry.record.offset(),
                        entry.key,
                        "is there, of version %d, beside the model as %s of version %d"
                                .formatted(entry.version, blocksAreOlder ? "one record" : "blocks", those.version));
            }
        }
    }

    private void add(FindingKind kind, InputPosition madeBy, long at, WeightsKey key, String what) {
        findings.add(
                kind,
                madeBy.partition(),
                madeBy.offset(),
                output,
                at,
                key.toString(),
                "the weights record %s of examples in %s (%s) %s"
                        .formatted(
                                RecordDiff.text(key.toString()),
                                source,
                                at == Finding.NONE ? output : output + "@" + at,
                                what));
    }
}
