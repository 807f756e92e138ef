package io.thalweg.store;

import java.util.ArrayList;
import java.util.List;

/** The layout of a learner as its state knows it, and those that it had before. */
final class LayoutHistory {
    private Layout layout = Layout.UNKNOWN;
    private final List<PastLayout> past = new ArrayList<>();
    private boolean changed;

    /** Returns the layout; {@link Layout#UNKNOWN} if the state does not know it. */
    Layout layout() {
        return layout;
    }

    /** Returns the layouts before it, oldest first. Only the state of the first partition has them. */
    List<PastLayout> past() {
        return past;
    }

    /**
     * Begins to learn from an input.
     *
     * @param topic the name of the input, for messages
     * @param partitions how many it has; 0 if that is not known
     * @throws StateException if the models were learned with another number
     */
    void begin(String topic, int partitions) {
        if (partitions == 0 || layout.partitions() == partitions) {
            return;
        }
        if (layout.partitions() != 0) {
            throw new StateException(Layout.differs(topic, layout.partitions(), partitions));
        }
        layout = new Layout(partitions, null);
        changed = true;
    }

    /** Sets the layout and those before it, after a move. */
    void move(Layout to, List<PastLayout> before) {
        layout = to;
        past.clear();
        past.addAll(before);
        changed = true;
    }

    /** Sets the layout, as the changelog has it. */
    void restore(Layout restored) {
        layout = restored;
    }

    /** Sets the past layouts, as the changelog has them. */
    void restorePast(List<PastLayout> restored) {
        past.clear();
        past.addAll(restored);
    }

    /** Writes what has changed since the last call. */
    void writeChanges(Changelog changelog) {
        if (changed) {
            changed = false;
            changelog.write(ChangelogFormat.layoutKey(), ChangelogFormat.layout(layout));
            if (!past.isEmpty()) {
                changelog.write(ChangelogFormat.pastKey(), ChangelogFormat.past(past));
            }
        }
    }

    /** Removes everything. */
    void clear() {
        layout = Layout.UNKNOWN;
        past.clear();
        changed = false;
    }
}
