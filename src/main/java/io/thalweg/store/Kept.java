package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.Model;
import io.thalweg.math.StepLog;

/** A model of a {@link WeightStore}, and how far the changelog and the weights topic have been told of it. */
final class Kept {
    final String id;
    Model model;

    /** Whether there is something to write since the last commit. */
    boolean changed;
    /** Whether the weights topic may not hold it as it is. */
    boolean unpublished;
    /** Whether it was forgotten; whoever still refers to it is to pass it over. */
    boolean gone;

    /** How many names are in the changelog. */
    int loggedNames;
    /** The version that its blocks in the changelog are. */
    long since;
    /** The version that blocks and journal in the changelog make together. */
    long logged;
    /** The first part of the journal that may say something of it which is later than its blocks. */
    long from;
    /** What the changelog says was last published. */
    long published;
    /** What its head and its blocks in the changelog come to, about. */
    long bytes;

    private int headBytes;

    /** Whether the next commit must write blocks: there are none in the changelog, or the journal is to be rid of its steps. */
    private boolean due;

    /** The steps since the last commit, and whether there have been more than could be worth writing. */
    private StepLog pending;

    private boolean overflowed;

    Kept(String id, Model model) {
        this.id = id;
        this.model = model;
    }

    /** Says that the next commit must write blocks. */
    void mustBeWritten() {
        due = true;
        dropSteps();
    }

    /** Takes a step down. @param version of the model before it */
    void add(long version, Example x) {
        if (due || overflowed) {
            return;
        }
        if (pending == null) {
            pending = new StepLog();
        }
        if (!pending.add(version, x) || 2 * pending.bytes() > StateRecords.mostBlockBytes(model) + headBytes) {
            dropSteps();
            overflowed = true;
        }
    }

    private void dropSteps() {
        if (pending != null) {
            pending.clear();
        }
    }

    /** The steps to be written. */
    StepLog pending() {
        return pending;
    }

    /** How many bytes the steps since the last commit have. */
    long pendingBytes() {
        return pending == null ? 0 : pending.bytes();
    }

    /**
     * Whether to write steps, rather than blocks: if they are half as much, because numbers in blocks are the easier to compress.
     *
     * @param blockBytes what the blocks that have changed come to
     */
    boolean isSmallerAsSteps(long blockBytes) {
        return !due && !overflowed && 2 * pendingBytes() <= blockBytes + headBytes;
    }

    /** Says that blocks and head are in the changelog. @param part the first part of the journal that can say more */
    void wroteBlocks(int head, long part) {
        restoredHead(head, model.version(), part);
        model.logged();
        published = model.publishedVersion();
        due = false;
        overflowed = false;
        dropSteps();
    }

    /** Says that this head is in the changelog. @param version of the model, and of its blocks */
    void restoredHead(int head, long version, long part) {
        headBytes = head;
        since = version;
        logged = version;
        from = part;
    }

    /** Says that all steps since the last commit are in the journal. */
    void wroteSteps() {
        logged = model.version();
        dropSteps();
    }

    /** Counts what it comes to again. @return how much more that is */
    long recount() {
        long before = bytes;
        bytes = StateRecords.mostBlockBytes(model) + headBytes;
        return bytes - before;
    }
}
