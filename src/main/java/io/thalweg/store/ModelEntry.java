package io.thalweg.store;

import io.thalweg.math.ChangedBlocks;
import io.thalweg.math.Model;
import io.thalweg.math.Optimizer;
import io.thalweg.output.PublishedWeights;

/** A model of a task, with what the weights topic and the changelog have of it. */
public final class ModelEntry {
    final String id;
    private Model model;
    private PublishedWeights published = new PublishedWeights();
    /** The blocks with changes that the changelog does not have yet. */
    // set by follow, which every model of a task with a changelog goes through
    @SuppressWarnings("NullAway.Init")
    private ChangedBlocks unlogged;

    /** The number that stands for the model in the journal. No other model of the task ever gets the same. */
    int number = ChangelogFormat.NO_NUMBER;

    /** The format in which the model was restored, which says what its optimizer kept. */
    byte format = ChangelogFormat.HEAD_FORMAT;

    /** Whether the next commit has to look at the model. */
    boolean changed;
    /** Whether the model was removed. Those that still refer to the entry must skip it. */
    boolean gone;

    /** How many names the changelog has. */
    int loggedNames;
    /** The version of the model's blocks in the changelog. */
    long since;
    /** The first part of the journal that may have entries later than these blocks. */
    long from;
    /** The approximate size of head and blocks in the changelog. */
    long bytes;

    private int headBytes;

    /** Whether the next commit must write blocks: the changelog has none yet, or steps must leave the journal. */
    private boolean due;

    /**
     * The size in the journal of the steps since the last commit, if they were taken since commit
     * {@link #pendingSince}.
     */
    private long pendingBytes;

    private long pendingSince;
    /**
     * Whether there have been so many steps since the last commit that blocks are smaller, so that not all steps are in
     * the journal.
     */
    private boolean overflowed;

    /** Creates an entry for a model that is to be restored. */
    ModelEntry(String id) {
        this.id = id;
        model = new Model(id);
    }

    /** Creates an entry for a model that has taken no step. */
    ModelEntry(String id, Optimizer optimizer) {
        this(new Model(id, optimizer));
    }

    /** Creates an entry for a model that goes on from where it is. */
    ModelEntry(Model model) {
        id = model.id();
        this.model = model;
    }

    /** Returns the model id. */
    public String id() {
        return id;
    }

    /** Returns the model. */
    public Model model() {
        return model;
    }

    /** Returns what the weights topic has of the model. */
    public PublishedWeights published() {
        return published;
    }

    /** Returns whether the model was removed. Those that still refer to the entry must skip it. */
    public boolean isGone() {
        return gone;
    }

    /** Starts to track the changes of the model, which is new or just restored. */
    void follow() {
        unlogged = model.track(since, ChangedBlocks.Listener.NONE);
        published.begin(model);
    }

    /** Moves the model to another optimizer. All of it must be written again. */
    void migrate(Optimizer next) {
        model = model.under(next);
        unlogged = model.track(0, ChangedBlocks.Listener.NONE);
        published = published.under(model);
    }

    /** Makes this a model that a changelog has nothing of, as after a move from another. */
    void unwritten() {
        since = 0;
        from = 0;
        bytes = 0;
        headBytes = 0;
        loggedNames = 0;
        pendingBytes = 0;
        overflowed = false;
        changed = false;
        model.restored();
        follow();
    }

    /** Undoes {@link #migrate}. */
    void goBackTo(Model before, PublishedWeights publishedBefore) {
        model = before;
        published = publishedBefore;
    }

    /** Returns the blocks with changes that the changelog does not have yet. */
    ChangedBlocks unlogged() {
        return unlogged;
    }

    /** Makes the next commit write blocks. */
    void mustBeWritten() {
        due = true;
    }

    /**
     * Returns whether steps of the model go into the journal. They do unless the next commit will write blocks anyway.
     */
    boolean isJournalled() {
        return !due && !overflowed;
    }

    /**
     * Notes that a step went into the journal.
     *
     * @param size the size of its entry in bytes; 0 if it was too large
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
        // a model with a single block changes as a whole
        return !overflowed && pendingBytes <= (model.extent() <= Model.BLOCK ? most : headBytes);
    }

    /**
     * Returns whether to write steps rather than blocks, because they are not larger. The steps are in the log already,
     * while blocks have to be fetched and written one by one.
     *
     * @param blockBytes the size of the records of the blocks that have changed
     * @param commit the number of the commit
     */
    boolean isSmallerAsSteps(long blockBytes, long commit) {
        return isJournalled() && (pendingSince != commit || pendingBytes <= blockBytes + headBytes);
    }

    /**
     * Notes that the changelog has head and blocks as they are.
     *
     * @param head the size of the head's record in bytes
     * @param part the first part of the journal that can have later entries
     */
    void wroteBlocks(int head, long part) {
        restoredHead(head, model.version(), part);
        model.settle(unlogged);
        due = false;
        overflowed = false;
        pendingBytes = 0;
    }

    /**
     * Notes that the changelog has a head.
     *
     * @param head the size of its record in bytes
     * @param version the version of the model and of its blocks
     * @param part the first part of the journal that can have later entries
     */
    void restoredHead(int head, long version, long part) {
        headBytes = head;
        since = version;
        from = part;
    }

    /**
     * Updates the approximate size in the changelog.
     *
     * @return by how much it has grown
     */
    long recount() {
        long before = bytes;
        bytes = ChangelogFormat.mostBlockBytes(model) + headBytes;
        return bytes - before;
    }
}
