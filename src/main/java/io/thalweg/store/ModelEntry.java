package io.thalweg.store;

import io.thalweg.math.ChangedBlocks;
import io.thalweg.math.Model;
import io.thalweg.math.Optimizer;
import io.thalweg.output.PublishedWeights;

/** A model of a task, with what the weights topic holds of it and what the changelog does. */
public final class ModelEntry {
    final String id;
    private Model model;
    private PublishedWeights published = new PublishedWeights();
    /** The blocks whose changes the changelog does not hold yet. */
    private ChangedBlocks unlogged;
    /** What it is called in the journal, where no other model of the task ever has the same. */
    int number = ChangelogFormat.NO_NUMBER;

    /** Whether there is something to write since the last commit. */
    boolean changed;
    /** Whether it was forgotten; whoever still refers to it is to pass it over. */
    boolean gone;

    /** How many names are in the changelog. */
    int loggedNames;
    /** The version that its blocks in the changelog are. */
    long since;
    /** The first part of the journal that may say something of it which is later than its blocks. */
    long from;
    /** What its head and its blocks in the changelog come to, about. */
    long bytes;

    private int headBytes;

    /** Whether the next commit must write blocks: there are none in the changelog, or the journal is to be rid of its steps. */
    private boolean due;

    /** What the steps since the last commit come to in the journal, where they were taken since the commit with this number. */
    private long pendingBytes;

    private long pendingSince;
    /** Whether there have been more steps since the last commit than could be worth writing, so that not all are in the journal. */
    private boolean overflowed;

    /** A model that is to be restored. */
    ModelEntry(String id) {
        this.id = id;
        model = new Model(id);
    }

    /** A model that has taken no step. */
    ModelEntry(String id, Optimizer optimizer) {
        this.id = id;
        model = new Model(id, optimizer);
    }

    /** The model id. */
    public String id() {
        return id;
    }

    /** The model. */
    public Model model() {
        return model;
    }

    /** What the weights topic holds of it. */
    public PublishedWeights published() {
        return published;
    }

    /** Whether the model was forgotten; whoever still refers to it is to pass it over. */
    public boolean isGone() {
        return gone;
    }

    /** Begins to follow what changes in the model, new or just restored. */
    void follow() {
        unlogged = model.track(since, ChangedBlocks.Listener.NONE);
        published.begin(model);
    }

    /** Goes on with the same model under another optimizer. All of it is to be written. */
    void migrate(Optimizer next) {
        model = model.under(next);
        unlogged = model.track(0, ChangedBlocks.Listener.NONE);
        published = published.under(model);
    }

    /** Goes back to the model as it was before {@link #migrate}. */
    void goBackTo(Model before, PublishedWeights publishedBefore) {
        model = before;
        published = publishedBefore;
    }

    /** The blocks whose changes the changelog does not hold yet. */
    ChangedBlocks unlogged() {
        return unlogged;
    }

    /** Says that the next commit must write blocks. */
    void mustBeWritten() {
        due = true;
    }

    /** Whether its steps go into the journal: as long as it is not clear that the next commit will write blocks. */
    boolean isJournalled() {
        return !due && !overflowed;
    }

    /**
     * Says that a step has gone into the journal.
     *
     * @param size how many bytes that took; 0 if it was too large
     * @param commit the number of the next commit
     * @return whether it is clear, without looking at blocks, that the next commit need not write them
     */
    boolean journalled(int size, long commit) {
        if (pendingSince != commit) {
            pendingSince = commit;
            pendingBytes = 0;
        }
        pendingBytes += size;
        long most = ChangelogFormat.mostBlockBytes(model) + headBytes;
        overflowed = size == 0 || pendingBytes > most;
        // what is all in the first block changes as a whole
        return !overflowed && pendingBytes <= (model.extent() <= Model.BLOCK ? most : headBytes);
    }

    /**
     * Whether to write steps, rather than blocks: if they are no more. They are in the log already, while blocks have to be fetched and
     * written one by one.
     *
     * @param blockBytes what the blocks that have changed come to
     * @param commit the number of the commit
     */
    boolean isSmallerAsSteps(long blockBytes, long commit) {
        return isJournalled() && (pendingSince != commit || pendingBytes <= blockBytes + headBytes);
    }

    /** Says that blocks and head are in the changelog. @param part the first part of the journal that can say more */
    void wroteBlocks(int head, long part) {
        restoredHead(head, model.version(), part);
        model.settle(unlogged);
        due = false;
        overflowed = false;
        pendingBytes = 0;
    }

    /** Says that this head is in the changelog. @param version of the model, and of its blocks */
    void restoredHead(int head, long version, long part) {
        headBytes = head;
        since = version;
        from = part;
    }

    /** Counts what it comes to again. @return how much more that is */
    long recount() {
        long before = bytes;
        bytes = ChangelogFormat.mostBlockBytes(model) + headBytes;
        return bytes - before;
    }
}
