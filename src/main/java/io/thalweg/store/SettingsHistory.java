package io.thalweg.store;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Optimizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/**
 * The settings that a task has learned under, and from which offsets on each counted. It decides whether state goes on under other
 * settings, and is written to the changelog, so that an audit can replay every stretch of the input under its own.
 */
final class SettingsHistory {
    private final List<SettingsSpan> spans = new ArrayList<>();
    /** Those in the changelog, where one has begun that is not. */
    private final List<SettingsSpan> written = new ArrayList<>();

    private boolean spanBegan;

    /** The settings that were learned under last; empty if nothing was learned. */
    Map<String, String> last() {
        return spans.isEmpty() ? Map.of() : spans.get(spans.size() - 1).settings();
    }

    /**
     * Begins a span.
     *
     * @param from the next offset of each partition of the input
     * @param changedState whether the state is another because of it, so that the one before must stay even if nothing was learned
     *     under it
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

    /** Whether a span has begun that is not in the changelog. */
    boolean spanBegan() {
        return spanBegan;
    }

    /** Forgets the span that has begun: nothing was learned under it, and meanwhile another may learn under other settings. */
    void dropUnwritten() {
        spans.clear();
        spans.addAll(written);
        spanBegan = false;
    }

    void restore(List<SettingsSpan> restored) {
        spans.clear();
        spans.addAll(restored);
    }

    void writeChanges(Changelog changelog) {
        changelog.write(ChangelogFormat.settingsKey(), ChangelogFormat.settings(spans));
        spanBegan = false;
    }

    void clear() {
        spans.clear();
        spanBegan = false;
    }

    // ---- whether state goes on under other settings

    /** Whether other numbers are kept of a model under the settings that are now. */
    boolean changesKind(Map<String, String> now) {
        return ThalwegConfig.KIND.stream().anyMatch(name -> differs(name, now));
    }

    /** @throws StateException if the state would mean something else under the settings that are now */
    void check(Map<String, String> now) {
        for (String name : ThalwegConfig.FINGERPRINT) {
            if (differs(name, now)) {
                throw new StateException(
                        learnedWith(name, now) + "; set it back, or forget the weights with `thalweg reset`");
            }
        }
    }

    /**
     * Checks that models can go on under another optimizer.
     *
     * @param migrate whether that is allowed
     * @param transactional whether what is written at a commit comes back whole or not at all
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
                    + ", which cannot go on from given weights; set it back, or forget them with `thalweg reset`");
        }
        if (!migrate) {
            throw new StateException(learned + "; set it back, set " + ThalwegConfig.STATE_MIGRATE
                    + " = true to go on from those weights, or forget them with `thalweg reset`");
        }
        if (!transactional) {
            throw new StateException(learned + "; " + ThalwegConfig.STATE_MIGRATE
                    + " needs exactly_once_v2, because a crash would leave a part of each");
        }
    }

    private boolean differs(String name, Map<String, String> now) {
        return !last().isEmpty() && !setting(name, last()).equals(setting(name, now));
    }

    /** A setting that there was not, or that the algorithm has no use for, is as if it were at its default. */
    private static String setting(String name, Map<String, String> settings) {
        return settings.getOrDefault(
                name, String.valueOf(ThalwegConfig.DEFINITION.defaultValues().get(name)));
    }

    private String learnedWith(String name, Map<String, String> now) {
        return "the weights were learned with " + name + " = " + setting(name, last()) + " and it is now "
                + setting(name, now);
    }
}
