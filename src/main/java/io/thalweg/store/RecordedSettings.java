package io.thalweg.store;

import io.thalweg.math.FeatureForm;
import io.thalweg.math.Optimizer;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The settings that the changelog of a task has, found without restoring its models. With them, an instance whose
 * settings do not fit can tell before it takes part.
 */
public final class RecordedSettings {
    private final SettingsHistory history = new SettingsHistory();
    /** The forms of the features of models, by id. */
    private final Map<String, FeatureForm> models = new HashMap<>();

    /**
     * Takes a record of the changelog. All are given, in order.
     *
     * @param value null for a tombstone
     */
    public void take(byte[] key, byte @Nullable [] value) {
        switch (key[0]) {
            case ChangelogFormat.SETTINGS -> {
                if (value != null) {
                    history.restore(ChangelogFormat.readSettings(value));
                }
            }
            case ChangelogFormat.HEAD -> {
                String id = ChangelogFormat.text(ByteBuffer.wrap(key, 1, key.length - 1));
                if (value == null) {
                    models.remove(id);
                } else {
                    models.put(id, ChangelogFormat.readHead(value).model().form());
                }
            }
            default -> {
                // of no interest here
            }
        }
    }

    /**
     * Checks that a task with these settings could go on with the state, as far as settings tell.
     *
     * @param settings what {@link io.thalweg.config.ThalwegConfig#replayedSettings} returns
     * @param optimizer the optimizer that would take the next steps
     * @param migrate whether it may start from the weights of another algorithm
     * @param transactional whether a commit is written completely or not at all
     * @throws StateException if it could not
     */
    public void check(Map<String, String> settings, Optimizer optimizer, boolean migrate, boolean transactional) {
        if (models.isEmpty()) {
            return;
        }
        history.check(settings);
        history.checkLabel(settings, migrate);
        models.forEach((id, form) -> TaskState.checkForm(id, form, settings));
        if (history.changesKind(settings)) {
            history.checkMigration(settings, optimizer, migrate, transactional);
        }
    }
}
