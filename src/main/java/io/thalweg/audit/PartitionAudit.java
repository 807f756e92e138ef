package io.thalweg.audit;

import io.thalweg.audit.Finding.Kind;
import io.thalweg.audit.PredictionAudit.Later;
import io.thalweg.audit.Report.Counts;
import io.thalweg.audit.Topics.Records;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.Intake;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Example;
import io.thalweg.math.Model;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.output.WeightsRecords;
import io.thalweg.store.Epoch;
import io.thalweg.store.StateException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** The audit of one partition of the input, and of the partitions of the outputs with the same number. */
final class PartitionAudit {
    private static final int PROGRESS_EVERY = 10_000;

    private final Topics topics;
    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final Findings findings;
    private final TopicPartition source;
    private final Map<TopicPartition, Long> beginnings;
    private final Map<TopicPartition, Long> ends;
    private final long committed;

    private long records;
    private long examples;
    private long deletions;
    private long steps;

    /**
     * @param beginnings of the partitions of all topics
     * @param ends of the partitions of the output topics, taken after {@code committed}
     * @param committed where the replay ends
     */
    PartitionAudit(
            Topics topics,
            ThalwegConfig config,
            SchemaSource schemas,
            Findings findings,
            TopicPartition source,
            Map<TopicPartition, Long> beginnings,
            Map<TopicPartition, Long> ends,
            long committed) {
        this.topics = topics;
        this.config = config;
        this.schemas = schemas;
        this.findings = findings;
        this.source = source;
        this.beginnings = beginnings;
        this.ends = ends;
        this.committed = committed;
    }

    /**
     * Runs it.
     *
     * @param committedNow gives the committed offset at the moment
     * @param progress is told how many more records have been replayed
     */
    Counts run(LongSupplier committedNow, LongConsumer progress) {
        LetterAudit letters;
        WeightsAudit weights;
        MetricsAudit metrics;
        TopicPartition letterPartition = output(ThalwegConfig.DEAD_LETTERS_TOPIC);
        TopicPartition weightsPartition = output(ThalwegConfig.WEIGHTS_TOPIC);
        TopicPartition metricsPartition = output(ThalwegConfig.METRICS_TOPIC);
        TopicPartition predictionPartition = output(ThalwegConfig.PREDICTIONS_TOPIC);
        Replay replay = new Replay(config, schemas, source, committed > 0 ? epochs() : List.of());
        try (Records in = read(letterPartition)) {
            letters = new LetterAudit(
                    source,
                    letterPartition,
                    source.topic().equals(config.routedTopic()),
                    committed,
                    in,
                    new Values<DeadLetter>(DeadLetter.getClassSchema(), schemas),
                    findings);
        }
        try (Records in = read(weightsPartition)) {
            weights = new WeightsAudit(
                    source, weightsPartition, in, new Values<Weights>(Weights.getClassSchema(), schemas), findings);
        }
        try (Records in = read(metricsPartition)) {
            metrics = new MetricsAudit(
                    source,
                    metricsPartition,
                    beginnings.get(metricsPartition) > 0,
                    in,
                    new Values<Metrics>(Metrics.getClassSchema(), schemas),
                    findings);
        }
        PredictionAudit predictions;
        try (Records in = read(predictionPartition);
                Records inputs = topics.read(source, 0, committed)) {
            predictions = new PredictionAudit(
                    source,
                    predictionPartition,
                    committed,
                    in,
                    new Values<Prediction>(Prediction.getClassSchema(), schemas),
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
        Replay.Result result = replay.take(record, letters.saysSchemaUnknown(offset));
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
            letters.expect(record, rejected.rejection(), replay.settings());
        }
    }

    private List<Epoch> epochs() {
        TopicPartition changelog = new TopicPartition(Verification.changelog(config), source.partition());
        List<Epoch> epochs = List.of();
        try (Records in = read(changelog)) {
            while (in.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = in.next();
                if (record.key() != null && record.value() != null) {
                    epochs = Epoch.inChangelog(record.key(), record.value()).orElse(epochs);
                }
            }
        } catch (StateException e) {
            throw new CannotVerify(e.getMessage(), e);
        }
        if (epochs.isEmpty()) {
            throw new CannotVerify(
                    "%s does not say under which settings %s was learned, although offsets up to %d are committed; it has been emptied or made anew since"
                            .formatted(changelog, source, committed));
        }
        return epochs;
    }

    /**
     * The models that records are for which were committed since the beginning, and whether any of those deletes it. Records that
     * were sent on have their model as key.
     */
    private Map<String, Boolean> since(long now) {
        Map<String, Boolean> since = new HashMap<>();
        boolean modelIsKey = !config.isMapped()
                || config.mapping().isModelFromKey()
                || source.topic().equals(config.routedTopic());
        Intake intake = modelIsKey ? null : Intake.ofModels(schemas, config);
        Example nothing = new Example();
        if (now > committed) {
            try (Records in = topics.read(source, committed, now)) {
                while (in.hasNext()) {
                    ConsumerRecord<byte[], byte[]> record = in.next();
                    if (!modelIsKey) {
                        try {
                            since.putIfAbsent(
                                    intake.model(record.key(), record.value(), record.headers(), nothing), false);
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

    /** An output comes with the offset of its example, so there can be none beyond what is committed after it was read. */
    private void tooLate(String what, TopicPartition output, List<Later> later, long now) {
        for (Later one : later) {
            if (one.offset() >= now) {
                findings.add(
                        Kind.UNEXPECTED,
                        source,
                        one.offset(),
                        output,
                        one.at(),
                        null,
                        "the %s of %s@%d (%s@%d) is one too many: the input is committed up to offset %d only"
                                .formatted(what, source, one.offset(), output, one.at(), now));
            }
        }
    }

    private TopicPartition output(String setting) {
        return new TopicPartition(config.getString(setting), source.partition());
    }

    private Records read(TopicPartition partition) {
        return topics.read(partition, beginnings.get(partition), ends.get(partition));
    }
}
