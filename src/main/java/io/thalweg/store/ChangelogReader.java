package io.thalweg.store;

import io.thalweg.math.FeatureNames;
import io.thalweg.math.Model;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A reader of the changelog, which restores the state of a task from its records. */
final class ChangelogReader {
    private final String store;
    private final TaskModels models;
    private final InputOffsets offsets;
    private final SettingsHistory history;
    private final Journal journal;
    private final LateLabels lateLabels;
    private final LayoutHistory layouts;

    /** Whether the state is that of a whole commit. */
    private boolean isAtCommit;

    /** The restored names by model and chunk. A chunk that was deleted is empty. */
    private final Map<String, Map<Integer, List<byte[]>>> restoredNames = new HashMap<>();

    /**
     * Creates a reader.
     *
     * @param store the name of the store, for messages
     */
    ChangelogReader(
            String store,
            TaskModels models,
            InputOffsets offsets,
            SettingsHistory history,
            Journal journal,
            LateLabels lateLabels,
            LayoutHistory layouts) {
        this.store = store;
        this.models = models;
        this.offsets = offsets;
        this.history = history;
        this.journal = journal;
        this.lateLabels = lateLabels;
        this.layouts = layouts;
    }

    /**
     * Restores a record of the changelog.
     *
     * @param key the key
     * @param value the value; null for a tombstone
     * @throws StateException if this version of Thalweg does not read it
     */
    void restore(byte[] key, byte @Nullable [] value) {
        ByteBuffer rest = ByteBuffer.wrap(key);
        byte kind = rest.get();
        isAtCommit = kind == ChangelogFormat.OFFSET;
        switch (kind) {
            case ChangelogFormat.HEAD -> restoreHead(ChangelogFormat.text(rest), value);
            case ChangelogFormat.BLOCK -> restoreBlock(rest.getInt(), ChangelogFormat.text(rest), value);
            case ChangelogFormat.NAMES -> restoreNames(rest.getInt(), ChangelogFormat.text(rest), value);
            case ChangelogFormat.JOURNAL ->
                journal.restore(rest.getLong(), value == null ? null : ChangelogFormat.checkPart(value));
            case ChangelogFormat.STEPS_OF_MODEL, ChangelogFormat.PUBLISHED_OF_MODEL -> {
                if (value != null) {
                    throw new StateException("the changelog of store " + store
                            + " has steps in a format of an earlier version of Thalweg, which this one does not read;"
                            + " delete this learner's state with `thalweg reset` and learn again from the input");
                }
            }
            case ChangelogFormat.WAITING -> lateLabels.waiting().restorePart(rest.getLong(), value);
            case ChangelogFormat.DELETION -> lateLabels.waiting().restoreDeletion(ChangelogFormat.text(rest), value);
            case ChangelogFormat.COUNTS -> lateLabels.restoreCounts(ChangelogFormat.text(rest), value);
            case ChangelogFormat.CLOCK -> lateLabels.restoreClock(undeleted(value));
            case ChangelogFormat.OFFSET ->
                offsets.restore(InputOffsets.partition(rest), ChangelogFormat.readOffset(undeleted(value)));
            case ChangelogFormat.GAPS ->
                offsets.restoreGaps(InputOffsets.partition(rest), ChangelogFormat.readGaps(undeleted(value)));
            case ChangelogFormat.SETTINGS -> history.restore(ChangelogFormat.readSettings(undeleted(value)));
            case ChangelogFormat.LAYOUT -> layouts.restore(ChangelogFormat.readLayout(undeleted(value)));
            case ChangelogFormat.PAST -> layouts.restorePast(ChangelogFormat.readPast(undeleted(value)));
            default ->
                throw new StateException("the changelog of store " + store + " has a record of unknown kind " + kind
                        + "; it was written by a later version of Thalweg, which you should run, or by another"
                        + " program");
        }
    }

    /**
     * Returns whether the state is that of a whole commit: the last record is one of those that are written last, or
     * was written by this task itself while it was active.
     */
    boolean isAtCommit() {
        return isAtCommit;
    }

    /** Returns the names of a model, with those that were restored and not taken yet. */
    FeatureNames namesOf(Model model) {
        return names(model, restoredNames.getOrDefault(model.id(), Map.of()));
    }

    /** Returns the value of a record of a kind that is never deleted. */
    private byte[] undeleted(byte @Nullable [] value) {
        if (value == null) {
            throw unusable("has lost its offsets, settings or time");
        }
        return value;
    }

    private void restoreHead(String id, byte @Nullable [] value) {
        if (value == null) {
            models.remove(id);
            journal.outdated();
            restoredNames.remove(id);
        } else {
            ChangelogFormat.EntryHead head = ChangelogFormat.readHead(value);
            ModelEntry entry = restored(id);
            entry.model().restore(head.model());
            entry.published().restore(head.publishedVersion(), head.publishedWhole());
            entry.number = head.number();
            entry.format = head.format();
            entry.restoredHead(value.length, head.model().version(), head.part());
            journal.beginAt(head.part());
        }
    }

    private void restoreBlock(int block, String id, byte @Nullable [] value) {
        if (value != null) {
            ChangelogFormat.restoreBlock(restored(id).model(), block, value);
            return;
        }
        ModelEntry entry = models.get(id);
        if (entry != null) {
            entry.model().dropBlock(block);
        }
    }

    private void restoreNames(int chunk, String id, byte @Nullable [] value) {
        if (value != null || models.get(id) != null) {
            restored(id);
            restoredNames
                    .computeIfAbsent(id, i -> new HashMap<>())
                    .put(chunk, value == null ? List.of() : ChangelogFormat.readNames(value));
        }
    }

    private ModelEntry restored(String id) {
        ModelEntry entry = models.get(id);
        if (entry == null) {
            entry = new ModelEntry(id);
            models.add(entry);
        }
        return entry;
    }

    /**
     * Ends the restoration.
     *
     * @param complete whether a commit is written completely or not at all; if not, a model whose first write is
     *     incomplete is left out: its examples will be read again
     * @throws StateException if parts of a model are missing
     */
    void end(boolean complete) {
        isAtCommit = true;
        takeRestoredNames();
        lateLabels.restored();
        if (!complete) {
            models.removeHeadless();
        }
        for (ModelEntry entry : models.all()) {
            if (entry.model().form() == null) {
                throw unusable("has parts of model " + entry.id + " but not its head");
            }
        }
    }

    private void takeRestoredNames() {
        restoredNames.forEach((id, chunks) -> {
            Model model = restored(id).model();
            model.restoreNames(names(model, chunks));
        });
        restoredNames.clear();
    }

    /**
     * Returns the names of a model: those that it has, in a task that was active before it became a standby, replaced
     * by those that were restored.
     */
    private FeatureNames names(Model model, Map<Integer, List<byte[]>> restored) {
        TreeMap<Integer, List<byte[]>> chunks = new TreeMap<>();
        for (int i = 0; i < model.names().size(); i++) {
            chunks.computeIfAbsent(i / ChangelogFormat.NAMES_IN_CHUNK, chunk -> new ArrayList<>())
                    .add(model.names().get(i));
        }
        chunks.putAll(restored);
        FeatureNames names = new FeatureNames();
        chunks.forEach((chunk, part) -> {
            if (!part.isEmpty() && names.size() != chunk * ChangelogFormat.NAMES_IN_CHUNK) {
                throw unusable("has lost names of model " + model.id());
            }
            part.forEach(names::add);
        });
        return names;
    }

    /** Returns the error that the changelog cannot be used, and why. */
    StateException unusable(String why) {
        return new StateException("the changelog of store " + store + " " + why
                + "; delete this learner's state with `thalweg reset` and learn again from the input");
    }

    /** Forgets what was restored and not taken yet. */
    void clear() {
        isAtCommit = false;
        restoredNames.clear();
    }
}
