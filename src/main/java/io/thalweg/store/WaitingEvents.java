package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.PredictionResult;
import io.thalweg.store.StateMove.WaitingPlace;
import io.thalweg.store.WaitingEntry.Kind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The events of a task that wait for their labels, the labels that wait for their events, and what is remembered of
 * those that met. Each is a {@link WaitingEntry}, with the id of its model and of the event as its key.
 *
 * <p>An index on the heap, with about 16 bytes for each entry, says where the entries are; these are in
 * {@link EventParts}, most of them in a file. The changelog has the same parts. So a commit writes what is new, in
 * large records, and a restoration reads what waits. A store of RocksDB would write two records for each event and two
 * tombstones.
 *
 * <p>If a model is deleted, its events are outdated at once and stay until they are due, so that a deletion does not
 * have to find them. Labels that wait for their events are not of the model that was deleted, but of the next one.
 *
 * <p>Not thread-safe.
 */
public final class WaitingEvents {
    /** How many entries are put before the log is compacted, if there is no changelog. */
    private static final int COMPACTED_EVERY = 1 << 14;

    /** The largest size of the features of an event. With the rest of its part, it fits into a record. */
    private static final int LARGEST = 1 << 19;

    private final boolean logged;
    private final EventIndex index = new EventIndex();
    private final EventParts parts;

    /** The models that were deleted, and the order from which on entries of the same id are of a later model. */
    private final Map<String, Deletion> deletions = new HashMap<>();

    private final Map<String, Deletion> newDeletions = new HashMap<>();
    private final WaitingEntry key = new WaitingEntry();
    /** The time until which the last entry is kept. */
    private long latestDue = Long.MIN_VALUE;

    private long puts;

    // the last lookup
    private boolean isFound;
    private byte[] foundModel = {};
    private byte[] foundId = {};
    private long foundAt = EventIndex.NONE;
    private long hash;

    // the last model
    private String lastModel = "";
    private byte[] lastModelBytes = {};

    /**
     * A deletion of a model.
     *
     * @param order entries before it are outdated
     * @param due when none of them is left
     */
    private record Deletion(long order, long due) {}

    /**
     * Creates a store without entries.
     *
     * @param logged whether it is written to a changelog
     * @param directory where a file is created for what is beyond the budget
     */
    WaitingEvents(boolean logged, Path directory, HeapBudget budget) {
        this.logged = logged;
        parts = new EventParts(logged, directory, budget);
    }

    /** Returns whether an event is too large to wait: what waits is written to the changelog in records. */
    public static boolean isTooLarge(Example x) {
        long most = FeatureCodec.mostBytes(x.size());
        for (int k = 0; x.form() == FeatureForm.NAMED && k < x.size(); k++) {
            most += x.nameLength(k);
        }
        return most > LARGEST;
    }

    // ---- entries

    /**
     * Finds the entry of an event.
     *
     * @param model the id of its model
     * @param id the id of the event as UTF-8
     * @param found is set to the entry
     * @return whether there is one
     */
    public boolean find(String model, byte[] id, WaitingEntry found) {
        long place = place(bytes(model), id);
        if (place == EventIndex.NONE) {
            return false;
        }
        PackedReader in = parts.read(place);
        found.read(in, parts.begins(place));
        return found.kind() != Kind.GONE && !isOutdated(found);
    }

    private boolean isOutdated(WaitingEntry entry) {
        if (deletions.isEmpty() || entry.kind() == Kind.LABEL) {
            return false;
        }
        Deletion deletion = deletions.get(entry.model());
        return deletion != null && entry.order() < deletion.order;
    }

    private byte[] bytes(String model) {
        if (!model.equals(lastModel)) {
            lastModel = model;
            lastModelBytes = model.getBytes(StandardCharsets.UTF_8);
        }
        return lastModelBytes;
    }

    /** Returns the place of the entry with a key, and sets {@link #hash}. */
    private long place(byte[] model, byte[] id) {
        // the same event is looked for before it is predicted and after, and a label before the step and after
        if (isFound && Arrays.equals(id, foundId) && Arrays.equals(model, foundModel)) {
            return foundAt;
        }
        hash = WaitingEntry.hash(model, id);
        foundAt = index.find(hash, place -> {
            PackedReader in = parts.read(place);
            return WaitingEntry.isOf(in, parts.begins(place), model, id);
        });
        foundModel = model;
        foundId = id;
        isFound = true;
        return foundAt;
    }

    /**
     * Puts an event that waits for its label, in place of the entry with the same key.
     *
     * @param x the event, with its features as they were before they were resolved
     * @param served the prediction that was published
     * @param isProvisional whether the model has learned from it as a negative
     * @param due the last moment at which its label is in time
     */
    public void putEvent(
            String model,
            byte[] id,
            Example x,
            PredictionResult served,
            boolean isProvisional,
            long timestamp,
            long offset,
            long due) {
        byte[] modelBytes = bytes(model);
        long before = place(modelBytes, id);
        long hidesUntil = hidesUntil(before, due);
        PackedWriter out = parts.begin(true, before);
        long place = parts.next();
        WaitingEntry.write(out, modelBytes, id, x, served, isProvisional, timestamp, offset, due, hidesUntil);
        put(hash, before, place, due);
    }

    /** Puts an entry in place of the one with the same key. */
    public void put(WaitingEntry entry) {
        long before = place(entry.modelBytes(), entry.id());
        putInPlaceOf(before, hash, entry, hidesUntil(before, entry.due()));
    }

    private void putInPlaceOf(long before, long hashOfKey, WaitingEntry entry, long hidesUntil) {
        PackedWriter out = parts.begin(entry.kind().isWaiting(), before);
        long place = parts.next();
        entry.write(out, hidesUntil);
        put(hashOfKey, before, place, entry.due());
    }

    /**
     * Returns until when an entry that is put must be kept so that no entry before it comes back: one of them may stay
     * in the log when the new one is gone, and a restoration would find it.
     */
    private long hidesUntil(long before, long due) {
        if (before == EventIndex.NONE) {
            return due;
        }
        PackedReader in = parts.read(before);
        return Math.max(due, WaitingEntry.until(in, parts.begins(before)));
    }

    private void put(long hashOfKey, long before, long place, long due) {
        latestDue = Math.max(latestDue, due);
        parts.end(place);
        replace(hashOfKey, before, place);
        if (!logged && ++puts % COMPACTED_EVERY == 0) {
            parts.compact(index::contains, this::moved);
        }
    }

    private void replace(long hashOfKey, long before, long place) {
        isFound = false;
        if (before == EventIndex.NONE) {
            index.add(hashOfKey, place);
        } else {
            index.move(hashOfKey, before, place);
            parts.dead(before);
        }
    }

    /**
     * Removes the first entry that was to be kept until before a time. Entries come in the order of these times, and of
     * their events.
     *
     * @param removed is set to the entry
     * @return whether there is one
     */
    public boolean removeDue(long time, WaitingEntry removed) {
        while (true) {
            long place = parts.nextDue(time, index::contains);
            if (place == EventIndex.NONE) {
                return false;
            }
            PackedReader in = parts.read(place);
            int at = parts.begins(place);
            long hashOfKey = WaitingEntry.hash(in, at);
            removed.read(in, at);
            if (removed.until() > removed.due() && removed.until() >= time) {
                key.read(in, at);
                key.gone();
                putInPlaceOf(place, hashOfKey, key, key.due());
            } else {
                moved(hashOfKey, place, EventIndex.NONE);
            }
            if (removed.kind() != Kind.GONE && !isOutdated(removed)) {
                return true;
            }
        }
    }

    /**
     * Deletes the events of a model.
     *
     * @param order the order of entries that are put next
     */
    public void deleteModel(String model, long order) {
        if (index.size() > 0) {
            Deletion deletion = new Deletion(order, latestDue);
            deletions.put(model, deletion);
            newDeletions.put(model, deletion);
        }
    }

    /** Adds the places of all entries to a list. @param task a number for this store */
    void addLive(List<WaitingPlace> places, int task) {
        parts.forEach(index::contains, (place, in, at) -> {
            key.read(in, at);
            if (key.kind() != Kind.GONE && !isOutdated(key)) {
                places.add(new WaitingPlace(key.due(), key.order(), WaitingEntry.tie(in, at), task, place));
            }
        });
    }

    /** Reads the entry at a place. */
    void read(long place, WaitingEntry found) {
        PackedReader in = parts.read(place);
        found.read(in, parts.begins(place));
    }

    /** Returns the number of entries, with the outdated ones. */
    public long size() {
        return index.size();
    }

    /** Returns the size of all entries in bytes. */
    public long bytes() {
        return parts.bytes();
    }

    // ---- the changelog

    /**
     * Writes what has changed since the last call.
     *
     * @param time the time up to which entries that were due have been removed
     */
    void writeChanges(long time, Changelog changelog) {
        parts.compact(index::contains, this::moved);
        parts.writeChanges(changelog);
        newDeletions.forEach((model, deletion) -> changelog.write(
                ChangelogFormat.deletionKey(model), ChangelogFormat.deletion(deletion.order, deletion.due)));
        newDeletions.clear();
        deletions.entrySet().removeIf(entry -> {
            boolean isOver = entry.getValue().due < time;
            if (isOver) {
                changelog.write(ChangelogFormat.deletionKey(entry.getKey()), null);
            }
            return isOver;
        });
    }

    private void moved(long hashOfKey, long from, long to) {
        if (to == EventIndex.NONE) {
            isFound = false;
            index.remove(hashOfKey, from);
            parts.removed(from);
        } else {
            replace(hashOfKey, from, to);
        }
    }

    /**
     * Restores a part.
     *
     * @param value null if it was dropped
     */
    void restorePart(long number, byte @Nullable [] value) {
        if (value == null) {
            parts.restoreDropped(number, index::contains, this::moved);
            return;
        }
        parts.restore(number, ChangelogFormat.checkWaiting(value), (place, in, at) -> {
            key.read(in, at);
            latestDue = Math.max(latestDue, key.due());
            long before = place(key.modelBytes(), key.id());
            replace(hash, before, place);
        });
    }

    /**
     * Restores a deletion of a model.
     *
     * @param value null if no entry from before it is left
     */
    void restoreDeletion(String model, byte @Nullable [] value) {
        if (value == null) {
            deletions.remove(model);
        } else {
            long[] orderAndDue = ChangelogFormat.readDeletion(value);
            deletions.put(model, new Deletion(orderAndDue[0], orderAndDue[1]));
        }
    }

    /**
     * Ends a restoration.
     *
     * @param time the time up to which entries that were due had been removed
     */
    void restored(long time) {
        parts.restored();
        WaitingEntry gone = new WaitingEntry();
        while (removeDue(time, gone)) {
            // its successor is not kept either, or was removed as well
        }
    }

    /** Removes everything. */
    void clear() {
        isFound = false;
        index.clear();
        parts.clear();
        deletions.clear();
        newDeletions.clear();
        latestDue = Long.MIN_VALUE;
    }
}
