package io.thalweg.store;

import io.thalweg.math.Model;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The models of a task by id, and those among them that the next commit has to look at. */
final class TaskModels {
    /** In the order in which they were started. */
    private final Map<String, ModelEntry> models = new LinkedHashMap<>();

    /** The last lookup: most records are of the same model as the one before. */
    private @Nullable ModelEntry last;

    /** The number that the next model gets in the journal. */
    private int nextNumber;
    /** The approximate size of all models in the changelog. */
    private long bytes;

    private final List<ModelEntry> changed = new ArrayList<>();
    private final List<Model> removed = new ArrayList<>();

    /** Returns the model with an id; null if there is none. */
    @Nullable
    ModelEntry get(String id) {
        if (last == null || !last.id.equals(id)) {
            ModelEntry found = models.get(id);
            if (found == null) {
                return null;
            }
            last = found;
        }
        return last;
    }

    /** Returns all models, in the order in which they were started. */
    Collection<ModelEntry> all() {
        return models.values();
    }

    /** Returns the approximate size of all models in the changelog, in bytes. */
    long bytes() {
        return bytes;
    }

    /** Adds a model. */
    void add(ModelEntry entry) {
        models.put(entry.id, entry);
    }

    /**
     * Removes a model.
     *
     * @return the model; null if there was none
     */
    @Nullable
    ModelEntry remove(String id) {
        ModelEntry entry = models.remove(id);
        if (entry != null) {
            entry.gone = true;
            bytes -= entry.bytes;
            last = null;
        }
        return entry;
    }

    /** Removes the models of which a changelog has parts but no head. */
    void removeHeadless() {
        models.values().removeIf(entry -> entry.model().form() == null);
        last = null;
    }

    // ---- what the next commit writes

    /** Gives a number to a model that has none. */
    void number(ModelEntry entry) {
        entry.number = nextNumber++;
    }

    /** Makes the next commit look at a model. */
    void changed(ModelEntry entry) {
        if (!entry.changed) {
            entry.changed = true;
            changed.add(entry);
        }
    }

    /** Makes the next commit write all blocks of a model that have changed. */
    void mustBeWritten(ModelEntry entry) {
        entry.mustBeWritten();
        changed(entry);
    }

    /** Makes the next commit delete what the changelog has of a model. */
    void mustBeDeleted(ModelEntry entry) {
        removed.add(entry.model());
    }

    /** Returns the models that the next commit has to look at. Some may be gone. */
    List<ModelEntry> changed() {
        return changed;
    }

    /** Returns the models that the next commit has to delete from the changelog. */
    List<Model> removed() {
        return removed;
    }

    /** Forgets which models have changed: they were written, or the changes were undone. */
    void nothingChanged() {
        changed.forEach(entry -> entry.changed = false);
        changed.clear();
        removed.clear();
    }

    /** Updates the approximate size of a model in the changelog. */
    void recount(ModelEntry entry) {
        bytes += entry.recount();
    }

    /** Ends a restoration: counts what was restored. Numbers the models whose heads were written without a number. */
    void restored() {
        nextNumber =
                models.values().stream().mapToInt(entry -> entry.number).max().orElse(ChangelogFormat.NO_NUMBER) + 1;
        for (ModelEntry entry : models.values()) {
            entry.loggedNames = entry.model().names().size();
            recount(entry);
            if (entry.number == ChangelogFormat.NO_NUMBER) {
                number(entry);
                mustBeWritten(entry);
            }
        }
    }

    /** Removes everything. */
    void clear() {
        models.clear();
        last = null;
        bytes = 0;
        nextNumber = 0;
        changed.clear();
        removed.clear();
    }
}
