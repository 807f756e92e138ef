package io.thalweg.topology;

import io.thalweg.config.KeyFormat;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.fold.LearningTask;
import io.thalweg.mapping.CategorySample;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Algorithm;
import io.thalweg.math.MetricSums;
import io.thalweg.math.Model;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A watch over the input of a task. It warns when most of it is lost or learned in vain: when many records become dead
 * letters, when nearly every event begins a model of its own, when a model is worse than the base rate, and when the
 * categories of a field look like numbers or are all different. Each warning is one line with the setting that helps,
 * and comes again only when something has changed. Nothing of a record is logged but its place, and no text of a field.
 */
final class InputHealth {
    private static final Logger LOG = LoggerFactory.getLogger(InputHealth.class);

    /** How many records are looked back at. */
    private static final int WINDOW = 1000;
    /** So many dead letters in the window are worth a warning. */
    private static final int SOME = WINDOW / 10;
    /** With so few in the window, it is over. */
    private static final int FEW = WINDOW / 20;
    /** So many records are enough to judge if most are dead letters. */
    private static final int SOON = 20;
    /** More new models than this in the window are hardly meant. */
    private static final int MOST = WINDOW * 98 / 100;
    /** So many steps are enough to compare a model with the base rate if its labels come later. */
    private static final long JUDGED_AT_IF_LATE = 10L * MetricSums.JUDGED_AT;
    /** The most fields that are warned of. With more, their names must be data, and there could be ever new ones. */
    private static final int MOST_FIELDS = 100;
    /** Numbers of this size are too large for steps without scaling. */
    private static final double LARGE = 100;

    private final ThalwegConfig config;

    // the last records: the reason of a dead letter, and whether a model began
    private final @Nullable Reason[] reasons = new Reason[WINDOW];
    private final boolean[] begun = new boolean[WINDOW];
    private final Map<Reason, Integer> counts = new EnumMap<>(Reason.class);
    /** What the first dead letter of each reason says. */
    private final Map<Reason, String> details = new EnumMap<>(Reason.class);

    private long records;
    private int dead;
    private int newModels;

    private Level level = Level.NONE;
    private @Nullable Reason warnedOf;
    private boolean warnedOfModels;
    private boolean hasLargeNumbers;
    private final Set<String> warnedOfFields = new HashSet<>();

    private enum Level {
        NONE,
        SOME,
        MOST
    }

    InputHealth(ThalwegConfig config) {
        this.config = config;
    }

    /** Returns the share of dead letters in the last thousand records, from 0 to 1. */
    double deadLettersShare() {
        return records == 0 ? 0 : (double) dead / Math.min(records, WINDOW);
    }

    /** Called for a record that became a dead letter. */
    void rejected(TopicPartition partition, long offset, Rejection rejection) {
        next(rejection.reason(), false);
        details.putIfAbsent(rejection.reason(), rejection.getMessage());
        judge(partition, offset);
    }

    /** Called for any other record. @param begins whether it has begun a model */
    void taken(TopicPartition partition, long offset, boolean begins) {
        next(null, begins);
        if (level != Level.NONE) {
            judge(partition, offset);
        }
        if (newModels > MOST && !warnedOfModels) {
            warnedOfModels = true;
            LOG.warn(
                    "in {}, {} of the last {} events have begun a model of their own, because {}; a model that is met"
                            + " once learns nothing that helps. If these are not ids of models, set {}=fixed:NAME for"
                            + " one model, or {}=field:NAME",
                    partition,
                    newModels,
                    WINDOW,
                    config.mapping().isModelFromKey() ? "their keys all differ" : "the field of their model does",
                    ThalwegConfig.MODEL_FROM,
                    ThalwegConfig.MODEL_FROM);
        }
    }

    private void next(@Nullable Reason reason, boolean begins) {
        int at = (int) (records % WINDOW);
        if (records >= WINDOW) {
            Reason before = reasons[at];
            if (before != null) {
                dead--;
                counts.merge(before, -1, Integer::sum);
            }
            newModels -= begun[at] ? 1 : 0;
        }
        reasons[at] = reason;
        begun[at] = begins;
        records++;
        if (reason != null) {
            dead++;
            counts.merge(reason, 1, Integer::sum);
        }
        newModels += begins ? 1 : 0;
    }

    private void judge(TopicPartition partition, long offset) {
        int seen = (int) Math.min(records, WINDOW);
        Level now = level(seen);
        Reason main = now == Level.NONE ? null : mainReason();
        if (now.ordinal() > level.ordinal() || main != null && main != warnedOf) {
            warnedOf = main;
            LOG.warn(
                    "in {}, {} of the last {} records up to offset {} became dead letters, most with the reason {}{};"
                            + " topic {} has them with all details",
                    partition,
                    dead,
                    seen,
                    offset,
                    main,
                    hint(main, partition.topic()),
                    config.getString(ThalwegConfig.DEAD_LETTERS_TOPIC));
        } else if (now == Level.NONE && level != Level.NONE) {
            warnedOf = null;
            LOG.info("in {}, only {} of the last {} records became dead letters", partition, dead, seen);
        }
        level = now;
    }

    /** The level of the last records. A level that was reached is left only when it is clearly over. */
    private Level level(int seen) {
        if (seen >= SOON && (2 * dead >= seen || level == Level.MOST && 4 * dead >= seen)) {
            return Level.MOST;
        }
        if (dead >= SOME) {
            return Level.SOME;
        }
        return dead < FEW && seen >= SOON ? Level.NONE : level;
    }

    /** The most frequent reason. Another one must be clearly more frequent than the one that was warned of. */
    private Reason mainReason() {
        Reason main = counts.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .orElseThrow()
                .getKey();
        return warnedOf != null && counts.get(main) < 2 * counts.getOrDefault(warnedOf, 0) ? warnedOf : main;
    }

    /** Returns which setting helps, after a colon; or what is wrong, if that depends on more than the reason. */
    private String hint(@Nullable Reason reason, String topic) {
        if (reason == null) {
            return "";
        }
        return switch (reason) {
            case LABEL_OUT_OF_RANGE ->
                ": labels are 0, 1, or between; for −1 and 1, or 1 and 2, set %s to a comparison, such as \"%s > 0\" or"
                                .formatted(labelSetting(topic), labelField(topic))
                        + " \"%s > 1\"".formatted(labelField(topic));
            case BAD_KEY, NO_KEY ->
                ": the key is the model id unless you set %s=fixed:NAME, for one model, or %1$s=field:NAME"
                                .formatted(ThalwegConfig.MODEL_FROM)
                        + (reason == Reason.BAD_KEY
                                ? "; %s says what the keys are, such as long or avro, and is %s"
                                        .formatted(ThalwegConfig.KEY_FORMAT, config.getString(ThalwegConfig.KEY_FORMAT))
                                : "");
            case UNREADABLE -> unreadable(topic);
            case UNKNOWN_SCHEMA ->
                ": is schema.registry.url that of the producers, and are the schemas of the type that %s says?"
                        .formatted(
                                config.keyFormat() == KeyFormat.AVRO
                                        ? formatSetting(topic) + ", or of keys " + ThalwegConfig.KEY_FORMAT + ","
                                        : formatSetting(topic));
            case NO_LABEL_FIELD ->
                ": is %s the name of the field?".formatted(labelSetting(topic))
                        + (isOfLabels(topic)
                                ? ""
                                : " If there are events of other types, %s says which to learn from"
                                        .formatted(ThalwegConfig.EVENTS_TYPES));
            case NO_ID ->
                ": is %s the name of the field?"
                        .formatted(isOfLabels(topic) ? ThalwegConfig.LABELS_ID_FIELD : ThalwegConfig.ID_FIELD);
            case TOO_MANY_MODELS -> ": raise %s, or are these ids of models?".formatted(ThalwegConfig.MODELS_MAX);
            case NO_FEATURES ->
                ": for events of a schema of their own, set %s to the field of the label"
                        .formatted(ThalwegConfig.LABEL);
            case FORM_DIFFERS, LENGTH_DIFFERS -> ": events of different kinds need models of their own";
            case WRONG_PARTITION -> ": restart producers that do not know the present number of partitions";
            default -> ": " + details.getOrDefault(reason, "");
        };
    }

    private String unreadable(String topic) {
        String setting = formatSetting(topic);
        ValueFormat format = isOfLabels(topic) ? config.labelsFormat() : config.examplesFormat();
        return switch (format) {
            case JSON -> ": values must be JSON objects, as %s is %s".formatted(setting, format);
            case AVRO ->
                ": values must be Avro, written with a Schema Registry serializer; for JSON, set %s=%s"
                        .formatted(setting, ValueFormat.JSON);
            case PROTOBUF ->
                ": values must be Protobuf, written with a Schema Registry serializer, as %s is %s"
                        .formatted(setting, format);
        };
    }

    private String formatSetting(String topic) {
        return isOfLabels(topic) ? ThalwegConfig.LABELS_FORMAT : ThalwegConfig.EXAMPLES_FORMAT;
    }

    private boolean isOfLabels(String topic) {
        return topic.equals(config.getString(ThalwegConfig.LABELS_TOPIC));
    }

    private String labelSetting(String topic) {
        return isOfLabels(topic) ? ThalwegConfig.LABELS_LABEL : ThalwegConfig.LABEL;
    }

    private String labelField(String topic) {
        String label = config.getString(labelSetting(topic));
        return label.matches("[\\w.]+") ? label : "label";
    }

    /**
     * Called from time to time. Warns of fields whose categories are hardly meant, once for each.
     *
     * @param categories what the categories of fields are like
     */
    void look(Map<String, CategorySample> categories, TopicPartition partition) {
        categories.forEach((field, sample) -> {
            if (warnedOfFields.size() == MOST_FIELDS) {
                return;
            }
            String quoted = Mapping.quoted(field);
            if (sample.isLikeNumbers() && warnedOfFields.add(field)) {
                LOG.warn(
                        "in {}, field {} has text that looks like numbers, and each is a category of its own; write"
                                + " numbers like 1234.5, or leave the field out with {}={}",
                        partition,
                        quoted,
                        ThalwegConfig.FEATURES_EXCLUDE,
                        quoted);
            } else if (sample.isAllDifferent() && warnedOfFields.add(field)) {
                LOG.warn(
                        "in {}, field {} is different in nearly every event, so nothing can be learned from it; leave"
                                + " it out with {}={}, or use {} if it is a time",
                        partition,
                        quoted,
                        ThalwegConfig.FEATURES_EXCLUDE,
                        quoted,
                        ThalwegConfig.FEATURES_TIME);
            }
        });
    }

    /** Returns whether it is time to look at the categories of fields. */
    boolean isTimeToLook() {
        return records % WINDOW == 0;
    }

    /** Called after a prediction. Looks at the features of the first examples. */
    void predicted(LearningTask task) {
        hasLargeNumbers |= task.model().version() <= MetricSums.JUDGED_AT && task.largestValue() > LARGE;
    }

    /** Called after a step. Compares a model with the base rate, once. @param partition of the task */
    void stepped(Model model, int partition) {
        boolean isLate = config.hasLateLabels();
        long judgedAt = isLate ? JUDGED_AT_IF_LATE : MetricSums.JUDGED_AT;
        if (model.version() != judgedAt) {
            return;
        }
        // with late labels, the first predictions were served before anything could be learned
        MetricSums judged =
                isLate ? model.validation().recent() : model.validation().overall();
        double logLoss = judged.logLoss();
        double baseRate = judged.baseRateLogLoss();
        if (!MetricSums.isClearlyWorse(logLoss, baseRate)) {
            return;
        }
        boolean namesAreMetOnce = model.names().size() > judgedAt;
        LOG.warn(
                "in {}-{}, a model has a {}log loss of {} after {} examples, worse than {} for always predicting the"
                        + " base rate{}{}",
                config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                partition,
                isLate ? "recent " : "",
                "%.4f".formatted(logLoss),
                judgedAt,
                "%.4f".formatted(baseRate),
                namesAreMetOnce
                        ? "; it has %,d features, most of which were met once: leave ids out with %s"
                                .formatted(model.names().size(), ThalwegConfig.FEATURES_EXCLUDE)
                        : "",
                config.algorithm() == Algorithm.AUTO
                        ? ""
                        : hasLargeNumbers
                                ? "; features are in the hundreds or more: set %s=auto, or %s=standard"
                                        .formatted(ThalwegConfig.ALGORITHM, ThalwegConfig.SCALING)
                                : "; set %s=auto, or a lower %s"
                                        .formatted(ThalwegConfig.ALGORITHM, ThalwegConfig.LEARNING_RATE));
    }
}
