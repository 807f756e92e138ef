package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.audit.OutputDecoder.Unreadable;
import io.thalweg.avro.Metrics;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Model;
import io.thalweg.output.MetricsRecords;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** Compares the last metrics of each model with those of the replay at the same version. */
final class MetricsAudit {
    private final TopicPartition source;
    private final TopicPartition output;
    private final boolean trimmed;
    private final FindingLog findings;
    private final Map<String, PublishedMetrics> published = new HashMap<>();
    private final Map<String, DueMetrics> due = new HashMap<>();
    private long later;

    private static final class PublishedMetrics {
        final Metrics metrics;
        final long at;
        long offset = Finding.NONE;
        String difference = "";

        PublishedMetrics(Metrics metrics, long at) {
            this.metrics = metrics;
            this.at = at;
        }
    }

    /** The last step of a model that published its metrics. */
    private record DueMetrics(long version, long offset) {}

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
        this.output = output;
        this.trimmed = trimmed;
        this.findings = findings;
        for (ConsumerRecord<byte[], byte[]> record : CompactedView.of(records)) {
            String key = record.key() == null ? "" : new String(record.key(), StandardCharsets.UTF_8);
            try {
                published.put(key, new PublishedMetrics(reader.read(record.value()), record.offset()));
            } catch (Unreadable e) {
                add(FindingKind.UNREADABLE, Finding.NONE, record.offset(), key, "cannot be read: " + e.getMessage());
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
     * @param offset the offset of the example
     */
    void stepped(Model model, long offset, ThalwegConfig settings) {
        if (model.version() % settings.getInt(ThalwegConfig.METRICS_EVERY) == 0) {
            due.put(model.id(), new DueMetrics(model.version(), offset));
        }
        PublishedMetrics entry = published.get(model.id());
        if (entry != null && entry.metrics.getVersion() == model.version()) {
            entry.offset = offset;
            entry.difference = RecordDiff.between(MetricsRecords.of(model), entry.metrics);
        }
    }

    /** Called when a model was deleted. */
    void deleted(String model) {
        due.remove(model);
        PublishedMetrics entry = published.get(model);
        if (entry != null) {
            entry.offset = Finding.NONE;
            entry.difference = "";
        }
    }

    /**
     * Called at the end of the replay.
     *
     * @param models the replay
     * @param since the models that later records are for, and whether any of these records deletes the model
     */
    void finish(Replay models, Map<String, Boolean> since) {
        published.forEach((id, entry) -> {
            Model model = models.get(id);
            long version = entry.metrics.getVersion();
            boolean hasLater = since.containsKey(id);
            if (since.getOrDefault(id, false) || hasLater && (model == null || version > model.version())) {
                later++;
            } else if (model == null) {
                add(
                        FindingKind.METRICS_LEFT_OVER,
                        Finding.NONE,
                        entry.at,
                        id,
                        "is there, of version %d, and the replay has no such model".formatted(version));
            } else if (!entry.difference.isEmpty()) {
                add(
                        FindingKind.METRICS_DIFFER,
                        entry.offset,
                        entry.at,
                        id,
                        "is not what the replay gives at version %d, made by %s@%d: %s"
                                .formatted(version, source, entry.offset, entry.difference));
            } else if (!due.containsKey(id) || version > due.get(id).version || version < 1) {
                add(
                        FindingKind.METRICS_DIFFER,
                        entry.offset,
                        entry.at,
                        id,
                        "is of version %d; the last that was due is of version %d"
                                .formatted(version, due.containsKey(id) ? due.get(id).version : 0));
            }
        });
        due.forEach((id, last) -> {
            PublishedMetrics entry = published.get(id);
            boolean missing = entry == null ? !trimmed : entry.metrics.getVersion() < last.version;
            if (missing && !since.getOrDefault(id, false)) {
                add(
                        FindingKind.METRICS_MISSING,
                        last.offset,
                        Finding.NONE,
                        id,
                        (entry == null
                                        ? "is not there"
                                        : "is not there; the newest is of version " + entry.metrics.getVersion())
                                + "; metrics were due at version %3$d, made by %1$s@%2$d"
                                        .formatted(source, last.offset, last.version));
            }
        });
    }

    private void add(FindingKind kind, long offset, long at, String key, String what) {
        findings.add(
                kind,
                source,
                offset,
                output,
                at,
                key,
                "the metrics record %s of examples in %s (%s) %s"
                        .formatted(
                                RecordDiff.text(key), source, at == Finding.NONE ? output : output + "@" + at, what));
    }
}
