package io.thalweg.store;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Optimizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The settings that a task has learned under, each with the offsets from which they applied. It decides whether state
 * can be used under other settings. The changelog has it, so that an audit can replay every stretch of the input under
 * its own settings.
 */
final class SettingsHistory {
    private final List<SettingsSpan> spans = new ArrayList<>();
    /** The spans that the changelog has, while a new one is not written yet. */
    private final List<SettingsSpan> written = new ArrayList<>();

    private boolean spanBegan;

    /** Returns all spans, oldest first. */
    List<SettingsSpan> spans() {
        return List.copyOf(spans);
    }

    /** Returns the settings of the last span; empty if there is none. */
    Map<String, String> last() {
        return spans.isEmpty() ? Map.of() : spans.get(spans.size() - 1).settings();
    }

    /**
     * Begins a span.
     *
     * @param from the next offset of each partition of the input
     * @param changedState whether the state has changed with the settings. Then the span before stays even if nothing
     *     was learned under it
     */
    void begin(Map<TopicPartition, Long> from, Map<String, String> settings, boolean changedState) {
        written.clear();
        written.addAll(spans);
        int last = spans.size() - 1;
        if (!changedState && last >= 0 && spans.get(last).from().equals(from)) {
            spans.remove(last);
        }
        spans.add(new SettingsSpan(from, Map.copyOf(settings)));
        spanBegan = true;
    }

    /** Returns whether there is a span that the changelog does not have. */
    boolean spanBegan() {
        return spanBegan;
    }

    /**
     * Drops the span that the changelog does not have. Nothing was learned under it, and another instance may now learn
     * under other settings.
     */
    void dropUnwritten() {
        spans.clear();
        spans.addAll(written);
        spanBegan = false;
    }

    /** Sets the spans, as the changelog has them. */
    void restore(List<SettingsSpan> restored) {
        spans.clear();
        spans.addAll(restored);
    }

    /** Writes all spans. */
    void writeChanges(Changelog changelog) {
        changelog.write(ChangelogFormat.settingsKey(), ChangelogFormat.settings(spans));
        spanBegan = false;
    }

    /** Removes all spans. */
    void clear() {
        spans.clear();
        spanBegan = false;
    }

    // ---- use of state under other settings

    /** Returns whether models have other state under the present settings. */
    boolean changesKind(Map<String, String> now) {
        return ThalwegConfig.KIND.stream().anyMatch(name -> differs(name, now));
    }

    /**
     * Checks that the state means the same under the present settings.
     *
     * @throws StateException if it does not
     */
    void check(Map<String, String> now) {
        for (String name : ThalwegConfig.FINGERPRINT) {
            if (differs(name, now)) {
                throw new StateException(
                        learnedWith(name, now) + "; set it back, or delete the weights with `thalweg reset`");
            }
        }
    }

    /**
     * Checks that models can continue under another optimizer.
     *
     * @param migrate whether the settings allow it
     * @param transactional whether a commit is written completely or not at all
     * @throws StateException if they cannot
     */
    void checkMigration(Map<String, String> now, Optimizer next, boolean migrate, boolean transactional) {
        String learned = ThalwegConfig.KIND.stream()
                .filter(name -> differs(name, now))
                .map(name -> learnedWith(name, now))
                .findFirst()
                .orElseThrow();
        if (!next.canStartFromWeights()) {
            throw new StateException(learned
                    + ", which cannot start from given weights; set it back, or delete them with `thalweg reset`");
        }
        if (!migrate) {
            throw new StateException(learned + "; set it back, set " + ThalwegConfig.STATE_MIGRATE
                    + " = true to continue from those weights, or delete them with `thalweg reset`");
        }
        if (!transactional) {
            throw new StateException(learned + "; " + ThalwegConfig.STATE_MIGRATE
                    + " needs processing.guarantee = exactly_once_v2, because without it a crash can leave a part of"
                    + " each");
        }
    }

    /**
     * Checks that the models go on with the same label, and that no field that was the label has become a feature. That
     * would give the old label away to a model that learns what often goes with it.
     *
     * @param migrate whether the settings allow another label
     * @throws StateException if the settings do not say that this is wanted
     */
    void checkLabel(Map<String, String> now, boolean migrate) {
        for (String name : List.of(ThalwegConfig.LABEL, ThalwegConfig.LABELS_LABEL)) {
            String before = label(last().get(name));
            String after = label(now.get(name));
            if (!migrate && !before.isEmpty() && !after.isEmpty() && !before.equals(after)) {
                throw new StateException("the weights were learned with " + name + " = " + before + " and it is now "
                        + after + "; set it back, set " + ThalwegConfig.STATE_MIGRATE
                        + " = true to learn this from those weights, or delete them with `thalweg reset`");
            }
        }
        ThalwegConfig config = ThalwegConfig.ofReplayed(now);
        if (!config.isMapped()) {
            return;
        }
        Mapping mapping = config.mapping();
        for (SettingsSpan span : spans) {
            String words = span.settings().getOrDefault(ThalwegConfig.LABEL, "");
            String field = words.isBlank() ? null : Label.of(words).field();
            if (field != null
                    && !mapping.fields().containsKey(field)
                    && !mapping.isSpecial(field)
                    && mapping.isWanted(field)) {
                throw new StateException("the weights were learned with " + ThalwegConfig.LABEL + " = " + label(words)
                        + ", and field " + field + " would now be a feature; add it to "
                        + ThalwegConfig.FEATURES_EXCLUDE + ", or, to use it as one, to "
                        + ThalwegConfig.FEATURES_NUMERIC + " or " + ThalwegConfig.FEATURES_CATEGORICAL);
            }
        }
    }

    /** A label as it is always written; empty if there is none. */
    private static String label(@Nullable String words) {
        return words == null || words.isBlank() ? "" : Label.of(words).toString();
    }

    private boolean differs(String name, Map<String, String> now) {
        return !last().isEmpty() && !setting(name, last()).equals(setting(name, now));
    }

    /**
     * Returns the value of a setting. One that is missing, because it did not exist or the algorithm has no use for it,
     * has its default.
     */
    static String setting(String name, Map<String, String> settings) {
        return settings.getOrDefault(
                name, String.valueOf(ThalwegConfig.DEFINITION.defaultValues().get(name)));
    }

    private String learnedWith(String name, Map<String, String> now) {
        return "the weights were learned with " + name + " = " + setting(name, last()) + " and it is now "
                + setting(name, now);
    }
}
