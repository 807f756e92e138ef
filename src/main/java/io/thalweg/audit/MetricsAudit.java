package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.audit.OutputDecoder.Unreadable;
import io.thalweg.avro.Metrics;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Model;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** Compares the last metrics of each model with those of the replay at the same version. */
final class MetricsAudit {
    private final TopicPartition source;
    private final InputPosition nowhere;
    private final TopicPartition output;
    private final boolean trimmed;
    private final FindingLog findings;
    private final Map<String, PublishedMetrics> published = new HashMap<>();
    private final Map<String, DueMetrics> due = new HashMap<>();
    private long later;

    private static final class PublishedMetrics {
        final Metrics metrics;
        final long at;
        InputPosition madeBy;
        String difference = "";

        PublishedMetrics(Metrics metrics, long at, InputPosition madeBy) {
            this.madeBy = madeBy;
            this.metrics = metrics;
            this.at = at;
        }
    }

    /** The last step of a model that published its metrics. */
    private record DueMetrics(long version, InputPosition madeBy) {}

    /**
     * Reads the metrics of a partition.
     *
     * @param trimmed whether retention has deleted records, so that the last one of a model may be missing
     */
    MetricsAudit(
            TopicPartition source,
            TopicPartition output,
            boolean trimmed,
            Records records,
            OutputDecoder<Metrics> reader,
            FindingLog findings) {
        this.source = source;
        nowhere = new InputPosition(source, Finding.NONE);
        this.output = output;
        this.trimmed = trimmed;
        this.findings = findings;
        for (ConsumerRecord<byte[], byte[]> record : CompactedView.of(records)) {
            String key = record.key() == null ? "" : new String(record.key(), StandardCharsets.UTF_8);
            try {
                published.put(key, new PublishedMetrics(reader.read(record.value()), record.offset(), nowhere));
            } catch (Unreadable e) {
                add(FindingKind.UNREADABLE, nowhere, record.offset(), key, "cannot be read: " + e.getMessage());
            }
        }
    }

    /** Returns how many records are about examples after the replay's last one. */
    long later() {
        return later;
    }

    /**
     * Called when a model has taken a step.
     *
     * @param expected gives its metrics
     * @param madeBy the record that called for the step
     */
    void stepped(Model model, Supplier<Metrics> expected, InputPosition madeBy, ThalwegConfig settings) {
        if (model.version() % settings.getInt(ThalwegConfig.METRICS_EVERY) == 0) {
            due.put(model.id(), new DueMetrics(model.version(), madeBy));
        }
        PublishedMetrics entry = published.get(model.id());
        if (entry != null && entry.metrics.getVersion() == model.version()) {
            entry.madeBy = madeBy;
            entry.difference = RecordDiff.between(expected.get(), entry.metrics);
        }
    }

    /** Called when a model was deleted. */
    void deleted(String model) {
        due.remove(model);
        PublishedMetrics entry = published.get(model);
        if (entry != null) {
            entry.madeBy = nowhere;
            entry.difference = "";
        }
    }

    /**
     * Called at the end of the replay.
     *
     * @param models the replay
     * @param since what later records may have changed
     */
    void finish(Replay models, ChangesSince since) {
        published.forEach((id, entry) -> {
            Model model = models.get(id);
            long version = entry.metrics.getVersion();
            boolean hasLater = since.mayHaveChanged(id);
            if (since.mayHaveDeleted(id) || hasLater && (model == null || version > model.version())) {
                later++;
            } else if (model == null) {
                add(
                        FindingKind.METRICS_LEFT_OVER,
                        nowhere,
                        entry.at,
                        id,
                        "is there, of version %d, and the replay has no such model".formatted(version));
            } else if (!entry.difference.isEmpty()) {
                add(
                        FindingKind.METRICS_DIFFER,
                        entry.madeBy,
                        entry.at,
                        id,
                        "is not what the replay gives at version %d, made by %s: %s"
                                .formatted(version, entry.madeBy, entry.difference));
            } else if (!due.containsKey(id) || version > due.get(id).version || version < 1) {
                add(
                        FindingKind.METRICS_DIFFER,
                        entry.madeBy,
                        entry.at,
                        id,
                        "is of version %d; the last that was due is of version %d"
                                .formatted(version, due.containsKey(id) ? due.get(id).version : 0));
            }
        });
        due.forEach((id, last) -> {
            PublishedMetrics entry = published.get(id);
            boolean missing = entry == null ? !trimmed : entry.metrics.getVersion() < last.version;
            if (missing && !since.mayHaveDeleted(id)) {
                add(
                        FindingKind.METRICS_MISSING,
                        last.madeBy,
                        Finding.NONE,
                        id,
                        (entry == null
                                        ? "is not there"
                                        : "is not there; the newest is of version " + entry.metrics.getVersion())
                                + "; metrics were due at version %d, made by %s".formatted(last.version, last.madeBy));
            }
        });
    }

    private void add(FindingKind kind, InputPosition madeBy, long at, String key, String what) {
        findings.add(
                kind,
                madeBy.partition(),
                madeBy.offset(),
                output,
                at,
                key,
                "the metrics record %s of examples in %s (%s) %s"
                        .formatted(
                                RecordDiff.text(key), source, at == Finding.NONE ? output : output + "@" + at, what));
    }
}
