package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.audit.PredictionAudit.Later;
import io.thalweg.audit.VerificationReport.Counts;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Example;
import io.thalweg.math.Model;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.WeightsRecords;
import io.thalweg.store.SettingsSpan;
import io.thalweg.store.StateException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** The audit of one partition of the input, and of the partitions of the output topics with the same number. */
final class PartitionAudit {
    private static final int PROGRESS_EVERY = 10_000;

    private final ClusterView cluster;
    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final FindingLog findings;
    private final TopicPartition source;
    private final Map<TopicPartition, Long> beginnings;
    private final Map<TopicPartition, Long> ends;
    private final long committed;

    private long records;
    private long examples;
    private long deletions;
    private long steps;

    /**
     * Creates an audit.
     *
     * @param beginnings the first offsets of the partitions of all topics
     * @param ends the ends of the partitions of the output topics, read after {@code committed}
     * @param committed the offset at which the replay ends
     */
    PartitionAudit(
            ClusterView cluster,
            ThalwegConfig config,
            SchemaSource schemas,
            FindingLog findings,
            TopicPartition source,
            Map<TopicPartition, Long> beginnings,
            Map<TopicPartition, Long> ends,
            long committed) {
        this.cluster = cluster;
        this.config = config;
        this.schemas = schemas;
        this.findings = findings;
        this.source = source;
        this.beginnings = beginnings;
        this.ends = ends;
        this.committed = committed;
    }

    /**
     * Runs the audit.
     *
     * @param committedNow returns the committed offset at the moment of the call
     * @param progress called with the number of further records that were replayed
     */
    Counts run(LongSupplier committedNow, LongConsumer progress) {
        LetterAudit letters;
        WeightsAudit weights;
        MetricsAudit metrics;
        TopicPartition letterPartition = output(OutputTopic.DEAD_LETTERS);
        TopicPartition weightsPartition = output(OutputTopic.WEIGHTS);
        TopicPartition metricsPartition = output(OutputTopic.METRICS);
        TopicPartition predictionPartition = output(OutputTopic.PREDICTIONS);
        Replay replay = new Replay(config, schemas, source, committed > 0 ? spans() : List.of());
        try (Records in = read(letterPartition)) {
            letters = new LetterAudit(
                    source,
                    letterPartition,
                    source.topic().equals(config.routedTopic()),
                    committed,
                    in,
                    new OutputDecoder<DeadLetter>(DeadLetter.getClassSchema(), schemas),
                    findings);
        }
        try (Records in = read(weightsPartition)) {
            weights = new WeightsAudit(
                    source,
                    weightsPartition,
                    in,
                    new OutputDecoder<Weights>(Weights.getClassSchema(), schemas),
                    findings);
        }
        try (Records in = read(metricsPartition)) {
            metrics = new MetricsAudit(
                    source,
                    metricsPartition,
                    beginnings.get(metricsPartition) > 0,
                    in,
                    new OutputDecoder<Metrics>(Metrics.getClassSchema(), schemas),
                    findings);
        }
        PredictionAudit predictions;
        try (Records in = read(predictionPartition);
                Records inputs = cluster.read(source, 0, committed)) {
            predictions = new PredictionAudit(
                    source,
                    predictionPartition,
                    committed,
                    in,
                    new OutputDecoder<Prediction>(Prediction.getClassSchema(), schemas),
                    findings);
            while (inputs.hasNext()) {
                take(inputs.next(), replay, letters, predictions, weights, metrics);
                if (++records % PROGRESS_EVERY == 0) {
                    progress.accept(PROGRESS_EVERY);
                }
            }
            predictions.finish();
            letters.finish();
        }
        progress.accept(records % PROGRESS_EVERY);

        long now = committedNow.getAsLong();
        Map<String, Boolean> since = since(now);
        weights.finish(replay, since);
        metrics.finish(replay, since);
        tooLate("prediction", predictionPartition, predictions.later(), now);
        tooLate("dead letter", letterPartition, letters.later(), now);
        return new Counts(
                1,
                records,
                examples,
                predictions.count(),
                letters.count(),
                letters.unknownSchemas(),
                deletions,
                replay.size(),
                steps,
                weights.behind(),
                predictions.later().size() + letters.later().size() + weights.later() + metrics.later());
    }

    private void take(
            ConsumerRecord<byte[], byte[]> record,
            Replay replay,
            LetterAudit letters,
            PredictionAudit predictions,
            WeightsAudit weights,
            MetricsAudit metrics) {
        long offset = record.offset();
        Replay.ReplayedRecord result = replay.take(record, letters.saysSchemaUnknown(offset));
        if (result instanceof Replay.Predicted predicted) {
            examples++;
            letters.expectNone(offset, "the replay predicts that example");
            predictions.expect(WeightsRecords.key(predicted.model()), predicted.prediction());
            Model model = predicted.learned();
            if (model != null) {
                steps++;
                weights.stepped(model, offset, replay.settings());
                metrics.stepped(model, offset, replay.settings());
            }
        } else if (result instanceof Replay.Deleted deleted) {
            deletions++;
            letters.expectNone(offset, "that record deletes its model");
            weights.deleted(deleted.model());
            metrics.deleted(deleted.model());
        } else if (result instanceof Replay.Repeated) {
            letters.expectNone(offset, "that record was sent on a second time");
        } else if (result instanceof Replay.Rejected rejected) {
            if (rejected.rejection().reason() == Reason.UNKNOWN_SCHEMA && !letters.has(offset)) {
                predictions.cannotReplay(offset);
            }
            letters.expect(rejected.record(), rejected.rejection(), replay.settings());
        }
    }

    private List<SettingsSpan> spans() {
        TopicPartition changelog = new TopicPartition(Verification.changelog(config), source.partition());
        List<SettingsSpan> spans = List.of();
        try (Records in = read(changelog)) {
            while (in.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = in.next();
                if (record.key() != null && record.value() != null) {
                    spans = SettingsSpan.inChangelog(record.key(), record.value())
                            .orElse(spans);
                }
            }
        } catch (StateException e) {
            throw new UnverifiableException(e.getMessage(), e);
        }
        if (spans.isEmpty()) {
            throw new UnverifiableException(
                    ("%s does not say under which settings %s was learned, although offsets up to %d are committed; it"
                                    + " was emptied or created again since; reset the learner and learn again")
                            .formatted(changelog, source, committed));
        }
        return spans;
    }

    /**
     * Returns the models of records that were committed since the verification began, and whether any of these records
     * deletes the model. The key of a routed record is its model.
     */
    private Map<String, Boolean> since(long now) {
        Map<String, Boolean> since = new HashMap<>();
        boolean modelIsKey = !config.isMapped()
                || config.mapping().isModelFromKey()
                || source.topic().equals(config.routedTopic());
        RecordReader reader = modelIsKey ? null : RecordReader.ofModels(schemas, config);
        Example nothing = new Example();
        if (now > committed) {
            try (Records in = cluster.read(source, committed, now)) {
                while (in.hasNext()) {
                    ConsumerRecord<byte[], byte[]> record = in.next();
                    if (!modelIsKey) {
                        try {
                            since.putIfAbsent(
                                    reader.model(record.key(), record.value(), record.headers(), nothing), false);
                        } catch (Rejection rejection) {
                            // a dead letter, which changes no model
                            continue;
                        }
                    } else {
                        String model = record.key() == null
                                ? config.getString(ThalwegConfig.MODEL_DEFAULT)
                                : new String(record.key(), StandardCharsets.UTF_8);
                        since.merge(model, record.value() == null, Boolean::logicalOr);
                    }
                }
            }
        }
        return since;
    }

    /**
     * Reports outputs beyond the offset that is committed now. An output becomes visible together with the offset of
     * its example, so there can be none.
     */
    private void tooLate(String what, TopicPartition output, List<Later> later, long now) {
        for (Later one : later) {
            if (one.offset() >= now) {
                findings.add(
                        FindingKind.UNEXPECTED,
                        source,
                        one.offset(),
                        output,
                        one.at(),
                        null,
                        "the %s of %s@%d (%s@%d) is one too many: the input is committed only up to offset %d"
                                .formatted(what, source, one.offset(), output, one.at(), now));
            }
        }
    }

    private TopicPartition output(OutputTopic topic) {
        return new TopicPartition(topic.nameIn(config), source.partition());
    }

    private Records read(TopicPartition partition) {
        return cluster.read(partition, beginnings.get(partition), ends.get(partition));
    }
}
