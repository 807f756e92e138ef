package io.thalweg.store;

import io.thalweg.math.LabelCounts;
import io.thalweg.store.StateMove.WaitingPlace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
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
    /** The model whose counts were changed last, which most records in a row have in common. */
    private String lastModel = "";
    /** Its counts; null if they are not among those that have changed. */
    private @Nullable LabelCounts lastCounts;

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
        LabelCounts last = lastCounts;
        if (last != null && lastModel.equals(model)) {
            return last;
        }
        changedCounts.add(model);
        last = counts.computeIfAbsent(model, m -> new LabelCounts());
        lastModel = model;
        lastCounts = last;
        return last;
    }

    /** Returns the counts of a model; null if there are none. */
    public @Nullable LabelCounts counts(String model) {
        return counts.get(model);
    }

    /** Forgets the counts of a model. */
    public void forgetCounts(String model) {
        lastCounts = null;
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

    // ---- moving to another layout

    /**
     * Moves what is kept to the tasks of another layout.
     *
     * @param from what the tasks of the old layout keep, in the order of their partitions
     * @param to what those of the new layout will keep
     */
    static void move(List<LateLabels> from, List<LateLabels> to, Layout layout) {
        List<WaitingPlace> places = new ArrayList<>();
        // the earliest time of all: a later one would give up events before their time
        long earliest = Long.MAX_VALUE;
        for (int task = 0; task < from.size(); task++) {
            LateLabels late = from.get(task);
            late.waiting.addLive(places, task);
            if (late.time != Long.MIN_VALUE) {
                earliest = Math.min(earliest, late.time);
            }
            for (Map.Entry<String, LabelCounts> of : late.counts.entrySet()) {
                LateLabels target = to.get(layout.home(of.getKey(), task));
                target.counts.put(of.getKey(), of.getValue());
                target.changedCounts.add(of.getKey());
            }
        }
        if (earliest == Long.MAX_VALUE) {
            return;
        }
        for (int task = 0; task < to.size(); task++) {
            to.get(task).time = earliest;
            to.get(task).outcomes = task < from.size() ? from.get(task).outcomes : 0;
            to.get(task).clockChanged = true;
        }
        places.sort(WaitingPlace.IN_ORDER);
        WaitingEntry entry = new WaitingEntry();
        // below 0: before everything that comes after the move
        long order = -places.size();
        for (WaitingPlace place : places) {
            from.get(place.task()).waiting.read(place.place(), entry);
            entry.setOrder(order++);
            to.get(layout.home(entry.model(), place.task())).waiting.put(entry);
        }
    }

    // ---- the changelog

    void writeChanges(Changelog changelog) {
        waiting.writeChanges(time, changelog);
        for (String model : changedCounts) {
            LabelCounts of = counts.get(model);
            changelog.write(ChangelogFormat.countsKey(model), of == null ? null : ChangelogFormat.counts(of));
        }
        changedCounts.clear();
        lastCounts = null;
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
        lastCounts = null;
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
        lastCounts = null;
        time = Long.MIN_VALUE;
        outcomes = 0;
        clockChanged = false;
    }
}
