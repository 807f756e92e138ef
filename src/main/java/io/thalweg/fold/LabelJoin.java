package io.thalweg.fold;

import io.thalweg.avro.Outcome;
import io.thalweg.avro.Result;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.math.Example;
import io.thalweg.math.LabelCounts;
import io.thalweg.math.LabelCounts.Count;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.math.StepTarget;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.WeightsRecords;
import io.thalweg.store.LateLabels;
import io.thalweg.store.WaitingEntry;
import io.thalweg.store.WaitingEntry.Kind;
import io.thalweg.store.WaitingEvents;
import org.apache.avro.util.Utf8;
import org.jspecify.annotations.Nullable;

/**
 * The join of events and labels that come on a topic of their own. It remembers each event with its prediction until
 * its label comes or the time is over, lets the model learn from it, and publishes an {@link Outcome}.
 *
 * <p>Time is that of the stream: the largest timestamp of an event or a label so far. An event is given up when a
 * record moves the time beyond its wait, before that record is applied. So what is decided depends on the records and
 * their order, and not on clocks.
 *
 * <p>Deciding and learning are one: the steps that a label or a time-out calls for are taken by {@link Steps}, in the
 * same call.
 */
final class LabelJoin {
    private final LateLabels late;
    private final WaitingEvents waiting;
    private final Steps steps;

    // from the settings
    private final long waitMs;
    private final long earlyMs;
    private final boolean countsMissingAsNegative;
    private final boolean isProvisional;
    private final boolean revises;

    private final WaitingEntry entry = new WaitingEntry();

    // of the record that is applied
    private @Nullable InputRecord current;
    private OutputSink sink = OutputSink.NONE;
    private long nextEvent;
    private long nextLabel;

    /** Takes the steps of a task. */
    interface Steps {
        /**
         * Takes a step and publishes it.
         *
         * @param x the event with its label, its features as they were
         * @param served the prediction that was published for it
         * @return the version of the model after the step
         * @throws Rejection if the model cannot take the step; nothing has changed then
         */
        long step(
                String model,
                Example x,
                PredictionResult served,
                StepTarget target,
                double earlierLabel,
                long timestamp,
                OutputSink sink)
                throws Rejection;

        /** Returns whether there is a model with an id. */
        boolean hasModel(String id);
    }

    LabelJoin(ThalwegConfig config, LateLabels late, Steps steps) {
        this.late = late;
        this.steps = steps;
        waiting = late.waiting();
        waitMs = config.getLong(ThalwegConfig.LABELS_WAIT_MS);
        earlyMs = config.getLong(ThalwegConfig.LABELS_EARLY_MS);
        isProvisional = config.getString(ThalwegConfig.LABELS_POLICY).equals("provisional");
        countsMissingAsNegative =
                isProvisional || config.getString(ThalwegConfig.LABELS_MISSING).equals("negative");
        revises = config.getBoolean(ThalwegConfig.LABELS_REVISE);
    }

    /**
     * Begins a record: moves the time on, and gives up what did not come in time.
     *
     * @param eventsEnd the offset after that of the last event, this record included
     * @param labelsEnd the offset after that of the last label, this record included
     */
    void begin(InputRecord input, long eventsEnd, long labelsEnd, OutputSink output) {
        current = input;
        nextEvent = eventsEnd;
        nextLabel = labelsEnd;
        sink = output;
        late.advanceTo(input.timestamp());
        while (waiting.removeDue(late.time(), entry)) {
            switch (entry.kind()) {
                case EVENT -> giveUp(false);
                case LABEL -> {
                    countIfKnown(entry.model(), Count.UNKNOWN);
                    publish(Result.UNKNOWN, entry.label(), null, null);
                }
                case LABELED, GIVEN_UP, GONE -> {
                    // nothing more can come of it
                }
            }
        }
    }

    private InputRecord record() {
        if (current == null) {
            throw new IllegalStateException("no record was begun");
        }
        return current;
    }

    /** Returns the id of an event or a label, which must have one. */
    private static byte[] idOf(Example x) {
        byte[] id = x.id();
        if (id == null) {
            throw new IllegalArgumentException("there is no id");
        }
        return id;
    }

    private static long plus(long time, long millis) {
        return time > Long.MAX_VALUE - millis ? Long.MAX_VALUE : time + millis;
    }

    /** Gives the event in {@link #entry} up. @param isStored whether it is still stored */
    private void giveUp(boolean isStored) {
        String model = entry.model();
        @Nullable Long version = null;
        @Nullable Double label = null;
        count(model, Count.GIVEN_UP);
        if (countsMissingAsNegative || entry.isProvisional()) {
            Example x = entry.example();
            x.label(0);
            try {
                version = step(model, x, finalTarget(), 0);
                label = 0.0;
            } catch (Rejection e) {
                // the model has another form by now, or its numbers are too large: the event is given up without a step
            }
        }
        publish(version == null ? Result.GIVEN_UP : Result.LEARNED_NEGATIVE, label, version, late.time());
        remember(Kind.GIVEN_UP, false, isStored);
        forgetCounts(model);
    }

    /** Forgets the counts of a model that does not exist, if nothing waits for it. */
    private void forgetCounts(String model) {
        if (late.changeCounts(model).waiting() == 0 && !steps.hasModel(model)) {
            late.forgetCounts(model);
        }
    }

    private StepTarget finalTarget() {
        return entry.isProvisional() ? StepTarget.LABEL_AFTER_PROVISIONAL : StepTarget.LABEL;
    }

    /**
     * Remembers what came of an event as long again as it may wait, to know another label of it.
     *
     * @param isStored whether the event is still stored, and must be replaced in any case
     */
    private void remember(Kind kind, boolean keepsFeatures, boolean isStored) {
        entry.settle(kind, remembered(entry), keepsFeatures);
        if (isStored || entry.due() >= late.time()) {
            waiting.put(entry);
        }
    }

    /** Returns until when it is remembered what came of an event. */
    private long remembered(WaitingEntry event) {
        return plus(event.eventTimestamp(), 2 * Math.min(waitMs, Long.MAX_VALUE / 2));
    }

    // ---- events

    /**
     * Checks that an event without a label can be remembered.
     *
     * @throws Rejection if it has no id, is too large, or another one has the same id
     */
    void check(String model, Example x, InputRecord event) throws Rejection {
        byte[] id = x.id();
        if (id == null) {
            throw new Rejection(
                    Reason.NO_ID,
                    "the event has neither a label nor an id; its label comes on a topic of its own and needs the id,"
                            + " so set " + ThalwegConfig.ID_FIELD + ", or the field id of an Example");
        }
        if (WaitingEvents.isTooLarge(x)) {
            throw new Rejection(Reason.TOO_LARGE, "the features are too large to be remembered until the label comes");
        }
        if (waiting.find(model, id, entry)
                && entry.kind() != Kind.LABEL
                && entry.eventOffset() != event.offset()
                // what is still there only because the time has not moved on yet does not count
                && remembered(entry) >= Math.max(late.time(), event.timestamp())) {
            throw new Rejection(
                    Reason.DUPLICATE_ID,
                    "the event at offset " + entry.eventOffset() + " of this model has the same id");
        }
    }

    /** Remembers an event that was checked and predicted, or learns from it if its label is there already. */
    void predicted(String model, Example x, PredictionResult prediction) {
        InputRecord record = record();
        byte[] id = idOf(x);
        long due = plus(record.timestamp(), waitMs);
        count(model, Count.REMEMBERED);
        boolean hasLabel = waiting.find(model, id, entry) && entry.kind() == Kind.LABEL;
        boolean isOver = due < late.time();
        boolean learnsNow = isProvisional && !isOver && !hasLabel && learnProvisionally(model, x, prediction);
        waiting.putEvent(model, id, x, prediction, learnsNow, record.timestamp(), record.offset(), due);
        if (hasLabel) {
            takeEarlyLabel(model, id);
        } else if (isOver && waiting.find(model, id, entry)) {
            // now, and not with the next record: a restoration drops what is over without a word
            giveUp(true);
        }
    }

    private boolean learnProvisionally(String model, Example x, PredictionResult prediction) {
        x.label(0);
        try {
            steps.step(model, x, prediction, StepTarget.PROVISIONAL_NEGATIVE, 0, record().timestamp(), sink);
            return true;
        } catch (Rejection e) {
            // such as one model too many: the event waits for its label
            return false;
        }
    }

    private void takeEarlyLabel(String model, byte[] id) {
        long timestamp = entry.labelTimestamp();
        long offset = entry.labelOffset();
        double label = entry.label();
        double importance = entry.labelImportance();
        waiting.find(model, id, entry);
        try {
            learn(timestamp, offset, label, importance);
        } catch (Rejection e) {
            // the label is lost with the reason in its outcome: its record was read long ago
            entry.setLabel(timestamp, offset, label, importance);
            count(model, Count.GIVEN_UP);
            publish(Result.GIVEN_UP, label, null, timestamp);
            remember(Kind.GIVEN_UP, false, true);
            forgetCounts(model);
        }
    }

    // ---- labels

    /**
     * Applies a label.
     *
     * @param model the model that it is for
     * @param label the label with the id of its event; its importance is NaN if it has none
     * @throws Rejection if it contradicts another one, or the model cannot learn from it
     */
    void label(String model, Example label) throws Rejection {
        try {
            apply(model, label);
        } catch (Rejection e) {
            publishLabel(Result.REJECTED, label.label());
            throw e;
        }
    }

    private void apply(String model, Example label) throws Rejection {
        InputRecord record = record();
        double y = label.label();
        if (!waiting.find(model, idOf(label), entry)) {
            hold(model, label, y);
            return;
        }
        switch (entry.kind()) {
            case EVENT -> learn(record.timestamp(), record.offset(), y, label.importance());
            case GIVEN_UP -> {
                countIfKnown(model, Count.TOO_LATE);
                publishLabel(Result.TOO_LATE, y);
            }
            case LABELED, LABEL -> {
                if (y == entry.label()) {
                    countIfKnown(model, Count.REPEATED);
                    publishLabel(Result.REPEATED, y);
                } else {
                    revise(model, y);
                }
            }
        }
    }

    private void hold(String model, Example label, double y) {
        InputRecord record = record();
        entry.label(
                model,
                idOf(label),
                plus(record.timestamp(), earlyMs),
                nextEvent,
                record.timestamp(),
                record.offset(),
                y,
                label.importance());
        if (entry.due() >= late.time()) {
            waiting.put(entry);
        } else {
            countIfKnown(model, Count.UNKNOWN);
            publish(Result.UNKNOWN, y, null, null);
        }
    }

    /** Learns from the event in {@link #entry}. @param importance NaN if the label has none */
    private void learn(long timestamp, long offset, double y, double importance) throws Rejection {
        String model = entry.model();
        Example x = entry.example();
        x.label(y);
        if (!Double.isNaN(importance)) {
            x.importance(importance);
        }
        // counted first, because the step may publish the metrics
        LabelCounts counts = late.changeCounts(model);
        long delay = timestamp - entry.eventTimestamp();
        counts.addInTime(delay);
        long version;
        try {
            version = step(model, x, finalTarget(), 0);
        } catch (Rejection e) {
            counts.takeBackInTime(delay);
            throw e;
        }
        entry.setLabel(timestamp, offset, y, importance);
        publish(Result.LEARNED, y, version, timestamp);
        remember(Kind.LABELED, revises, true);
    }

    private void revise(String model, double y) throws Rejection {
        if (!revises || entry.kind() == Kind.LABEL || !entry.hasFeatures()) {
            throw new Rejection(
                    Reason.CONFLICTING_LABEL,
                    "the label is %s, and the one at offset %d for the same event is %s%s"
                            .formatted(
                                    y,
                                    entry.labelOffset(),
                                    entry.label(),
                                    revises
                                            ? "; the features of the event are not there to correct it"
                                            : "; " + ThalwegConfig.LABELS_REVISE
                                                    + " = true lets it correct the first"));
        }
        Example x = entry.example();
        x.label(y);
        if (!Double.isNaN(entry.labelImportance())) {
            x.importance(entry.labelImportance());
        }
        StepTarget target = entry.isProvisional() ? StepTarget.REVISED_AFTER_PROVISIONAL : StepTarget.REVISED_LABEL;
        count(model, Count.CORRECTED);
        long version;
        try {
            version = step(model, x, target, entry.label());
        } catch (Rejection e) {
            late.changeCounts(model).takeBack(Count.CORRECTED);
            throw e;
        }
        entry.setLabel(record().timestamp(), record().offset(), y, entry.labelImportance());
        publish(Result.CORRECTED, y, version, record().timestamp());
        waiting.put(entry);
    }

    private long step(String model, Example x, StepTarget target, double earlierLabel) throws Rejection {
        return steps.step(model, x, entry.prediction(), target, earlierLabel, record().timestamp(), sink);
    }

    // ---- outcomes

    private void count(String model, Count what) {
        late.changeCounts(model).add(what);
    }

    /** Counts a label, unless nothing is known of its model: then the id of the model may be anything. */
    private void countIfKnown(String model, Count what) {
        if (late.counts(model) != null) {
            count(model, what);
        }
    }

    /** Publishes an outcome of the label that is applied. */
    private void publishLabel(Result result, double y) {
        entry.setLabel(record().timestamp(), record().offset(), y, Double.NaN);
        publish(result, y, null, entry.kind() == Kind.LABEL ? null : record().timestamp());
    }

    /**
     * Publishes an outcome of {@link #entry}.
     *
     * @param until the time to which the delay of its event is counted; null if there is no event
     */
    private void publish(Result result, @Nullable Double label, @Nullable Long version, @Nullable Long until) {
        long sequence = late.nextOutcome();
        if (!sink.wants(OutputTopic.OUTCOMES)) {
            return;
        }
        boolean hasEvent = entry.kind() != Kind.LABEL;
        PredictionResult served = hasEvent && entry.hasPrediction() ? entry.prediction() : null;
        Outcome outcome = new Outcome(
                new Utf8(entry.id()),
                result,
                label,
                served == null ? null : (Double) served.probability(),
                served == null || label == null ? null : (Double) served.logLoss(label),
                served == null ? null : (Long) served.version(),
                version,
                hasEvent && until != null ? (Long) (until - entry.eventTimestamp()) : null,
                hasEvent ? (Long) entry.eventOffset() : null,
                entry.hasLabel() ? (Long) entry.labelOffset() : null,
                record().partition().partition(),
                late.time(),
                nextEvent,
                nextLabel,
                record().isLabel(),
                sequence);
        sink.publish(OutputTopic.OUTCOMES, WeightsRecords.key(entry.model()), outcome, record().timestamp(), null);
    }
}
