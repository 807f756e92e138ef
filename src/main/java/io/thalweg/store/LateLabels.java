package io.thalweg.store;

import io.thalweg.math.LabelCounts;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a task keeps because labels come later than their events: the entries that wait, the time of the stream, how
 * many outcomes were published, and counts for each model.
 */
public final class LateLabels {
    private final WaitingEvents waiting;
    private final Map<String, LabelCounts> counts = new HashMap<>();
    private final Set<String> changedCounts = new LinkedHashSet<>();

    /** The largest timestamp so far. */
    private long time = Long.MIN_VALUE;
    /** How many outcomes were published. */
    private long outcomes;

    private boolean clockChanged;

    LateLabels(boolean logged, Path directory, HeapBudget budget) {
        waiting = new WaitingEvents(logged, directory, budget);
    }

    /** Returns what waits. */
    public WaitingEvents waiting() {
        return waiting;
    }

    /** Returns the time of the stream: the largest timestamp of an event or a label so far, in milliseconds. */
    public long time() {
        return time;
    }

    /** Moves the time of the stream on. It never goes back. */
    public void advanceTo(long timestamp) {
        if (timestamp > time) {
            time = timestamp;
            clockChanged = true;
        }
    }

    /** Returns the number of the next outcome, and counts it. */
    public long nextOutcome() {
        clockChanged = true;
        return outcomes++;
    }

    /** Returns the counts of a model, to be changed. */
    public LabelCounts changeCounts(String model) {
        changedCounts.add(model);
        return counts.computeIfAbsent(model, m -> new LabelCounts());
    }

    /** Returns the counts of a model; null if there are none. */
    public @Nullable LabelCounts counts(String model) {
        return counts.get(model);
    }

    /** Forgets the counts of a model. */
    public void forgetCounts(String model) {
        if (counts.remove(model) != null) {
            changedCounts.add(model);
        }
    }

    /**
     * Deletes what is kept of a model.
     *
     * @param order the order of entries that are put next
     */
    public void deleteModel(String model, long order) {
        waiting.deleteModel(model, order);
        forgetCounts(model);
    }

    // ---- the changelog

    void writeChanges(Changelog changelog) {
        waiting.writeChanges(time, changelog);
        for (String model : changedCounts) {
            LabelCounts of = counts.get(model);
            changelog.write(ChangelogFormat.countsKey(model), of == null ? null : ChangelogFormat.counts(of));
        }
        changedCounts.clear();
        if (clockChanged) {
            changelog.write(ChangelogFormat.clockKey(), ChangelogFormat.clock(time, outcomes));
            clockChanged = false;
        }
    }

    void restoreClock(byte[] value) {
        long[] clock = ChangelogFormat.readClock(value);
        time = clock[0];
        outcomes = clock[1];
    }

    void restoreCounts(String model, byte @Nullable [] value) {
        if (value == null) {
            counts.remove(model);
        } else {
            counts.put(model, ChangelogFormat.readCounts(value));
        }
    }

    /** Ends a restoration. */
    void restored() {
        waiting.restored(time);
    }

    /** Removes everything. */
    void clear() {
        waiting.clear();
        counts.clear();
        changedCounts.clear();
        time = Long.MIN_VALUE;
        outcomes = 0;
        clockChanged = false;
    }
}
