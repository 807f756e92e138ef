package io.thalweg.store;

import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.Model;
import io.thalweg.math.StepLog;
import java.util.List;
import java.util.TreeMap;

/**
 * The steps that a large model has taken since its blocks were last written, in the changelog beside them.
 *
 * <p>Between two commits a model of a million weights changes in thousands of blocks, by steps that are a hundredth of their size.
 * Steps are deterministic, so writing them is as good as writing what they changed: who restores the model reads the blocks, and
 * takes the steps again. At each commit whichever is smaller is written. When the steps have outgrown the blocks they changed, or
 * would take long to take again, the blocks are written and the steps dropped, in one transaction.
 */
final class Journal {
    /** Models whose blocks come to less at a commit are left at that. */
    private static final long WORTH_IT = 1 << 11;
    /** The steps of a model whose changed blocks come to this may outgrow them … */
    private static final long LARGE = 1 << 16;

    /** Taken since the last commit. */
    private final StepLog pending = new StepLog();

    private boolean recording;
    private boolean ended;
    /** Whether there have been more steps since the last commit than could be worth writing. */
    private boolean overflowed;

    private static final long NONE = -1;

    /** What the changelog says was last published, beside the steps. */
    private long published = NONE;

    /** The version of the model that the blocks in the changelog are. */
    private long since;
    /** The version that blocks and steps in the changelog make together; {@link #NONE} without steps. */
    private long written = NONE;

    private int parts;
    private long bytes;

    /** Restored, and not taken again yet. */
    private final TreeMap<Integer, byte[]> restored = new TreeMap<>();

    /** Says that the changelog holds the model, as blocks, at this version, and no step after it. */
    void begin(long version) {
        since = version;
        written = NONE;
        parts = 0;
        bytes = 0;
        restored.clear();
    }

    /** The version of the model that the blocks in the changelog are. */
    long since() {
        return since;
    }

    /** How many parts are in the changelog, numbered from 0. */
    int parts() {
        return parts;
    }

    /** Takes a step down, if steps are what the next commit may write. */
    void add(Model model, long version, Example x) {
        if (recording && !overflowed) {
            if (!pending.add(version, x) || 2 * pending.bytes() > StateRecords.mostBlockBytes(model)) {
                overflowed = true;
                pending.clear();
            }
        }
    }

    /**
     * Whether the steps are to be written now, rather than the blocks.
     *
     * @param blockBytes what those come to
     * @param budget of all models of the store
     */
    boolean isSmaller(Model model, long blockBytes, Budget budget) {
        if (!recording || ended || overflowed) {
            return false;
        }
        if (pending.bytes() == 0) {
            return true;
        }
        long most = blockBytes < LARGE ? blockBytes : Math.max(blockBytes, bytes + budget.bytesLeft());
        return 2 * pending.bytes() < blockBytes
                && bytes + pending.bytes() < most
                && model.version() - last() < budget.stepsLeft();
    }

    private long last() {
        return written == NONE ? since : written;
    }

    /**
     * How much of journals a store may have, so that whoever restores it is through in seconds: what is beyond is written as blocks,
     * but for the steps of models that they have not outgrown.
     */
    static final class Budget {
        private static final long BYTES = 1 << 25;
        private static final long STEPS = 2_000_000;

        private long bytes;
        private long steps;

        long bytesLeft() {
            return Math.max(0, BYTES - bytes);
        }

        long stepsLeft() {
            return STEPS - steps;
        }

        void clear() {
            bytes = 0;
            steps = 0;
        }

        private void add(long moreBytes, long moreSteps) {
            bytes += moreBytes;
            steps += moreSteps;
        }
    }

    /** The steps to be written, the first of them with number {@link #parts}. */
    List<byte[]> pending() {
        return pending.parts();
    }

    /** Says that they have been written. */
    void written(Model model, Budget budget) {
        budget.add(pending.bytes(), model.version() - last());
        parts += pending.parts().size();
        bytes += pending.bytes();
        written = model.version();
        pending.clear();
    }

    /** Counts what is in the changelog already. */
    void count(Model model, Budget budget) {
        written = parts > 0 ? model.version() : NONE;
        budget.add(bytes, model.version() - since);
    }

    /** Says that the blocks have been written, and that they came to this much. */
    void replaced(Model model, long blockBytes, Budget budget) {
        budget.add(-bytes, since - last());
        begin(model.version());
        pending.clear();
        recording = isWorthIt(blockBytes);
        ended = false;
        overflowed = false;
        published = NONE;
    }

    /** Whether so many bytes of blocks at a commit are worth looking for something smaller. */
    static boolean isWorthIt(long blockBytes) {
        return blockBytes >= WORTH_IT;
    }

    /** Says that the next commit must write blocks. */
    void end() {
        ended = true;
    }

    /** Whether the changelog has yet to be told what was last published. */
    boolean isNewlyPublished(Model model) {
        return model.publishedVersion() != published;
    }

    /** Says that the changelog says so. */
    void published(Model model) {
        published = model.publishedVersion();
    }

    /** Whether the changelog says something of what was last published. */
    boolean saysPublished() {
        return published != NONE;
    }

    /** Takes back a part. @param steps null if it is gone */
    void restore(int part, byte[] steps) {
        if (steps == null) {
            restored.remove(part);
        } else {
            restored.put(part, steps);
            parts = Math.max(parts, part + 1);
            bytes += steps.length;
        }
    }

    /** Has the model take the restored steps that it has not taken. @param algorithm as when they were taken first */
    void replay(Model model, Algorithm algorithm, int metricsWindow) {
        for (byte[] part : restored.values()) {
            // a task that was active before it was a standby has taken its own
            if (StepLog.firstVersion(part) >= model.version()) {
                StepLog.replay(part, model, algorithm, metricsWindow);
            }
        }
        restored.clear();
        recording = parts > 0;
    }
}
