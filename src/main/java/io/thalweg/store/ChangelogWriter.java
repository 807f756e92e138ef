package io.thalweg.store;

import io.thalweg.math.Model;

/** A writer of the changelog. At each commit it writes what has changed since the one before. */
final class ChangelogWriter {
    private final TaskModels models;
    private final InputOffsets offsets;
    private final SettingsHistory history;
    private final Journal journal;
    private final LateLabels lateLabels;
    private final LayoutHistory layouts;

    /** The number of the next commit. */
    private long commit = 1;

    ChangelogWriter(
            TaskModels models,
            InputOffsets offsets,
            SettingsHistory history,
            Journal journal,
            LateLabels lateLabels,
            LayoutHistory layouts) {
        this.models = models;
        this.offsets = offsets;
        this.history = history;
        this.journal = journal;
        this.lateLabels = lateLabels;
        this.layouts = layouts;
    }

    /** Returns the number of the next commit. */
    long commit() {
        return commit;
    }

    /**
     * Writes what has changed since the last call.
     *
     * @param transactional whether all of it will be in the changelog, or nothing
     */
    void writeChanges(Changelog changelog, boolean transactional) {
        // before the new values: a model may have been removed and started again since the last commit
        for (Model model : models.removed()) {
            writeRemoval(model, changelog);
        }
        journal.makeRoom(models.bytes(), models::mustBeWritten);
        journal.close();
        for (ModelEntry entry : models.changed()) {
            if (!entry.gone) {
                write(entry, changelog, transactional);
            }
        }
        models.nothingChanged();
        journal.write(changelog);
        commit++;
        journal.dropUseless(changelog);
        if (history.spanBegan()) {
            history.writeChanges(changelog);
        }
        lateLabels.writeChanges(changelog);
        layouts.writeChanges(changelog);
        // last: without transactions, a crash may leave a part, and then steps are repeated rather than lost
        offsets.writeChanges(changelog);
    }

    /** Writes the blocks that have changed, unless the steps that changed them are smaller and in the journal. */
    private void write(ModelEntry entry, Changelog changelog, boolean transactional) {
        Model model = entry.model();
        writeNewNames(entry, changelog);
        // steps and blocks together need all or nothing to be written
        if (transactional
                && (entry.isSmallerAsSteps(0, commit) || entry.isSmallerAsSteps(bytesOfBlocks(entry), commit))) {
            return;
        }
        for (int i = 0; i < entry.unlogged().size(); i++) {
            int block = entry.unlogged().get(i);
            changelog.write(
                    ChangelogFormat.key(ChangelogFormat.BLOCK, block, entry.id), ChangelogFormat.block(model, block));
        }
        byte[] head = ChangelogFormat.head(entry, journal.next());
        changelog.write(ChangelogFormat.headKey(entry.id), head);
        entry.wroteBlocks(head.length, journal.next());
        journal.outdated();
        models.recount(entry);
    }

    private static long bytesOfBlocks(ModelEntry entry) {
        long bytes = 0;
        for (int i = 0; i < entry.unlogged().size(); i++) {
            bytes += ChangelogFormat.blockBytes(entry.model(), entry.unlogged().get(i));
        }
        return bytes;
    }

    private static void writeNewNames(ModelEntry entry, Changelog changelog) {
        Model model = entry.model();
        int names = model.names().size();
        if (names > entry.loggedNames) {
            for (int chunk = entry.loggedNames / ChangelogFormat.NAMES_IN_CHUNK;
                    chunk * ChangelogFormat.NAMES_IN_CHUNK < names;
                    chunk++) {
                changelog.write(
                        ChangelogFormat.key(ChangelogFormat.NAMES, chunk, entry.id),
                        ChangelogFormat.names(model, chunk));
            }
            entry.loggedNames = names;
        }
    }

    private static void writeRemoval(Model model, Changelog changelog) {
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                changelog.write(ChangelogFormat.key(ChangelogFormat.BLOCK, block, model.id()), null);
            }
        }
        for (int chunk = 0;
                chunk * ChangelogFormat.NAMES_IN_CHUNK < model.names().size();
                chunk++) {
            changelog.write(ChangelogFormat.key(ChangelogFormat.NAMES, chunk, model.id()), null);
        }
        changelog.write(ChangelogFormat.headKey(model.id()), null);
    }
}
