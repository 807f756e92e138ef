package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.audit.SequenceAudit.Later;
import io.thalweg.audit.VerificationReport.Counts;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
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
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.LongConsumer;
import java.util.function.ToLongFunction;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** The audit of one partition of the input, and of the partitions of the output topics with the same number. */
final class PartitionAudit {
    private static final int PROGRESS_EVERY = 10_000;

    private static final Records NO_RECORDS = new Records() {
        @Override
        public boolean hasNext() {
            return false;
        }

        @Override
        public ConsumerRecord<byte[], byte[]> next() {
            throw new NoSuchElementException();
        }

        @Override
        public void close() {
            // nothing is open
        }
    };

    private final ClusterView cluster;
    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final FindingLog findings;
    private final StartFiles startFiles;
    private final AuditedStretch stretch;
    private final PublishedAudits published;
    private final TopicPartition source;
    private final Map<TopicPartition, Long> beginnings;
    private final Map<TopicPartition, Long> ends;
    private final long committed;
    private final TopicPartition labelSource;
    private final long committedLabels;

    private long records;
    private long examples;
    private long labels;
    private long deletions;
    private long steps;
    private InputPosition current;
    private Replay replay;

    private final TopicPartition predictionPartition;
    private LetterAudit letters;
    private LetterAudit labelLetters;
    private SequenceAudit<Prediction> predictions;
    private SequenceAudit<Outcome> outcomes;

    /**
     * Creates an audit.
     *
     * @param startFiles the files that models may have begun with
     * @param published the audits of what was published of the models
     * @param beginnings the first offsets of the partitions of the output topics
     * @param ends the ends of the partitions of the output topics, read after the ends of the stretch
     */
    PartitionAudit(
            ClusterView cluster,
            SchemaSource schemas,
            FindingLog findings,
            StartFiles startFiles,
            PublishedAudits published,
            Map<TopicPartition, Long> beginnings,
            Map<TopicPartition, Long> ends,
            AuditedStretch stretch) {
        this.cluster = cluster;
        config = stretch.config();
        this.schemas = schemas;
        this.findings = findings;
        this.startFiles = startFiles;
        this.published = published;
        this.stretch = stretch;
        source = stretch.source();
        this.beginnings = beginnings;
        this.ends = ends;
        committed = stretch.to();
        labelSource = stretch.labels();
        committedLabels = stretch.labelsTo();
        predictionPartition = output(OutputTopic.PREDICTIONS);
    }

    /**
     * Runs the audit.
     *
     * @param committedNow returns the committed offset of a partition at the moment of the call
     * @param progress called with the number of further records that were replayed
     */
    Counts run(ToLongFunction<TopicPartition> committedNow, LongConsumer progress) {
        replay = new Replay(
                config, schemas, stretch, stretch.isEmpty() ? List.of() : spans(), startFiles, this::stepped);
        TopicPartition letterPartition = output(OutputTopic.DEAD_LETTERS);
        letters = letters(letterPartition, source, committed);
        labelLetters = labelSource == null ? letters : letters(letterPartition, labelSource, committedLabels);
        try (Records in = read(predictionPartition);
                Records outcomesIn = labelSource == null ? NO_RECORDS : read(output(OutputTopic.OUTCOMES))) {
            predictions = new SequenceAudit<>(
                    source,
                    predictionPartition,
                    new PredictionOutputs(source, committed),
                    in,
                    predictionDecoder(),
                    findings);
            outcomes = labelSource == null
                    ? null
                    : new SequenceAudit<>(
                            labelSource,
                            output(OutputTopic.OUTCOMES),
                            new OutcomeOutputs(source, labelSource, committed, committedLabels),
                            outcomesIn,
                            outcomeDecoder(),
                            findings);
            replay(progress);
            predictions.finish();
            letters.finish();
            if (labelSource != null) {
                outcomes.finish();
                labelLetters.finish();
            }
        }
        progress.accept(records % PROGRESS_EVERY);
        return finish(committedNow, letterPartition);
    }

    private LetterAudit letters(TopicPartition letterPartition, TopicPartition of, long end) {
        try (Records in = read(letterPartition)) {
            return new LetterAudit(
                    of,
                    letterPartition,
                    config.isSentOn(of.topic()),
                    letter -> isOf(of.topic(), letter.getTopic().toString()),
                    end,
                    in,
                    new OutputDecoder<DeadLetter>(DeadLetter.getClassSchema(), schemas),
                    findings);
        }
    }

    /** Returns whether the dead letters of a topic are those of a source: labels have their own. */
    private boolean isOf(String sourceTopic, String letterTopic) {
        return labelSource == null || config.isOfLabels(sourceTopic) == config.isOfLabels(letterTopic);
    }

    private OutputDecoder<Prediction> predictionDecoder() {
        return new OutputDecoder<>(Prediction.getClassSchema(), schemas);
    }

    private OutputDecoder<Outcome> outcomeDecoder() {
        return new OutputDecoder<>(Outcome.getClassSchema(), schemas);
    }

    private void replay(LongConsumer progress) {
        try (Records events = cluster.read(source, stretch.from(), committed)) {
            if (labelSource == null) {
                replay(events, progress);
                return;
            }
            // the same outputs once more, for the order that they record
            try (Records labelRecords = cluster.read(labelSource, stretch.labelsFrom(), committedLabels);
                    Records orderOfEvents = read(predictionPartition);
                    Records orderOfLabels = read(output(OutputTopic.OUTCOMES))) {
                replay(
                        new InputOrder(
                                events,
                                labelRecords,
                                orderOfEvents,
                                predictionDecoder(),
                                orderOfLabels,
                                outcomeDecoder(),
                                replay.barriers(source.topic(), labelSource.topic())),
                        progress);
            }
        }
    }

    private void replay(Iterator<ConsumerRecord<byte[], byte[]>> inputs, LongConsumer progress) {
        while (inputs.hasNext()) {
            take(inputs.next());
            if (++records % PROGRESS_EVERY == 0) {
                progress.accept(PROGRESS_EVERY);
            }
        }
    }

    private void stepped(Model model) {
        steps++;
        int at = source.partition();
        published.weights(model.id(), at).stepped(model, current, replay.settings());
        published.metrics(model.id(), at).stepped(model, () -> replay.metrics(model), current, replay.settings());
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        long offset = record.offset();
        boolean isLabel = labelSource != null && record.topic().equals(labelSource.topic());
        LetterAudit own = isLabel ? labelLetters : letters;
        current = new InputPosition(isLabel ? labelSource : source, offset);
        Replay.ReplayedRecord result = replay.take(record, own.saysSchemaUnknown(offset));
        if (result instanceof Replay.Predicted predicted) {
            examples++;
            own.expectNone(offset, "the replay predicts that example");
            predictions.expect(WeightsRecords.key(predicted.model()), predicted.prediction());
        } else if (result instanceof Replay.Labeled) {
            labels++;
            own.expectNone(offset, "the replay uses that label");
        } else if (result instanceof Replay.Deleted deleted) {
            deletions++;
            own.expectNone(offset, "that record deletes its model");
            published.weights(deleted.model(), source.partition()).deleted(deleted.model());
            published.metrics(deleted.model(), source.partition()).deleted(deleted.model());
        } else if (result instanceof Replay.Repeated) {
            own.expectNone(offset, "that record was sent on a second time");
        } else if (result instanceof Replay.PassedOver) {
            own.expectNone(offset, "that event is of a type that is passed over");
        } else if (result instanceof Replay.Rejected rejected) {
            if (!isLabel && rejected.rejection().reason() == Reason.UNKNOWN_SCHEMA && !own.has(offset)) {
                predictions.cannotReplay(offset);
            }
            own.expect(rejected.record(), rejected.rejection(), replay.settings());
        }
        for (Replay.ReplayedOutcome outcome : replay.outcomes()) {
            outcomes.expect(outcome.key(), outcome.outcome());
        }
    }

    private Counts finish(ToLongFunction<TopicPartition> committedNow, TopicPartition letterPartition) {
        // what follows a stretch that is not the last is of the next layout
        long now = stretch.isLast() ? committedNow.applyAsLong(source) : committed;
        long labelsNow =
                labelSource == null ? 0 : stretch.isLast() ? committedNow.applyAsLong(labelSource) : committedLabels;
        long weightsBehind = 0;
        long publishedLater = 0;
        if (stretch.isLast()) {
            WeightsAudit weights = published.weights(source.partition());
            MetricsAudit metrics = published.metrics(source.partition());
            ChangesSince since =
                    new ChangesSince(since(now), labelSource != null && now + labelsNow > committed + committedLabels);
            weights.finish(replay, since);
            metrics.finish(replay, since);
            weightsBehind = weights.behind();
            publishedLater = weights.later() + metrics.later();
        }
        tooLate("prediction", source, predictionPartition, predictions.later(), now);
        tooLate("dead letter", source, letterPartition, letters.later(), now);
        if (labelSource != null) {
            tooLate("dead letter", labelSource, letterPartition, labelLetters.later(), labelsNow);
        }
        return new Counts(
                stretch.isLast() ? 1 : 0,
                records,
                examples,
                predictions.count(),
                labels,
                outcomes == null ? 0 : outcomes.count(),
                letters.count() + (labelSource == null ? 0 : labelLetters.count()),
                letters.unknownSchemas() + (labelSource == null ? 0 : labelLetters.unknownSchemas()),
                deletions,
                stretch.isLast() ? replay.size() : 0,
                steps,
                weightsBehind,
                predictions.later().size()
                        + letters.later().size()
                        + (labelSource == null
                                ? 0
                                : outcomes.later().size() + labelLetters.later().size())
                        + publishedLater);
    }

    private List<SettingsSpan> spans() {
        if (stretch.spans() != null) {
            return stretch.spans();
        }
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
        boolean modelIsKey = config.areKeysModelIds() || source.topic().equals(config.routedTopic());
        boolean canDelete = config.mapping().isModelFromKey();
        RecordReader reader = modelIsKey ? null : RecordReader.ofModels(schemas, config);
        Example nothing = new Example();
        if (now > committed) {
            try (Records in = cluster.read(source, committed, now)) {
                while (in.hasNext()) {
                    ConsumerRecord<byte[], byte[]> record = in.next();
                    if (!modelIsKey) {
                        try {
                            String named = reader.model(record.key(), record.value(), record.headers(), nothing);
                            if (named != null) {
                                since.merge(named, canDelete && record.value() == null, Boolean::logicalOr);
                            }
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
    private void tooLate(String what, TopicPartition of, TopicPartition output, List<Later> later, long now) {
        for (Later one : later) {
            if (one.order() >= now) {
                findings.add(
                        FindingKind.UNEXPECTED,
                        of,
                        one.order(),
                        output,
                        one.at(),
                        null,
                        "the %s of %s@%d (%s@%d) is one too many: the input is committed only up to offset %d"
                                .formatted(what, of, one.order(), output, one.at(), now));
            }
        }
    }

    private TopicPartition output(OutputTopic topic) {
        return new TopicPartition(topic.nameIn(config), source.partition());
    }

    private Records read(TopicPartition partition) {
        return cluster.read(partition, beginnings.getOrDefault(partition, 0L), ends.get(partition));
    }
}
