package io.thalweg.audit;

import java.util.Map;

/**
 * What records may have changed that were committed while a verification ran.
 *
 * @param models the models that they are for, and whether any of them deletes the model
 * @param changesOthers whether they may also have changed other models: a label or an event can move the time on, so
 *     that
 *     the events of any model are given up
 */
record ChangesSince(Map<String, Boolean> models, boolean changesOthers) {
    boolean mayHaveChanged(String model) {
        return changesOthers || models.containsKey(model);
    }

    boolean mayHaveDeleted(String model) {
        return models.getOrDefault(model, false);
    }
}
