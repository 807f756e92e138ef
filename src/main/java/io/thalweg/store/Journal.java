package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.math.StepTarget;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The steps that models have taken since their blocks were last written; a part of the changelog.
 *
 * <p><b>Why.</b> Between two commits, a model of a million weights may change in thousands of blocks, and ten thousand
 * small models in a head and a block each. The steps that changed them are much smaller. Because steps are
 * deterministic, writing them is as good as writing the result: a restoration reads the blocks and takes the steps
 * again.
 *
 * <p><b>Layout.</b> All models of a task share one journal, which is written in the order of the steps while they are
 * taken. So a commit has nothing to do for each model, which would be in no cache. The journal consists of numbered
 * parts, each of them one record. An entry names its model by a number that is in the model's head. The head also says
 * which is the first part that can have entries later than the model's blocks.
 *
 * <p><b>Size.</b> When all models in the oldest part have written blocks since, the part is deleted. When the journal
 * has grown as long as the models, or its steps would take too long to replay, the next commit writes the models in its
 * oldest parts as blocks. So each model is written at most once while the journal grows that long anew.
 */
final class Journal {
    /**
     * The size that the journal may have however small the models are. A restoration holds the journals of all its
     * tasks at once.
     */
    private static final long LEAST_BYTES =
            Math.min(1L << 27, Runtime.getRuntime().maxMemory() / 16);
    /** The number of steps that the journal may have. It takes seconds to replay them. */
    private static final long MOST_STEPS = 2_000_000;
    /**
     * The size at which a part is closed. Even if its last entry is as long as possible, the part fits into a record.
     */
    private static final int PART = 1 << 18;

    private final long leastBytes;
    private final long mostSteps;

    private final TreeMap<Long, Part> parts = new TreeMap<>();
    private long bytes;
    private long steps;

    /** Parts that are closed since the last commit. The entries of the open part are in {@link #log}. */
    private final List<Part> closed = new ArrayList<>();

    private Part open = new Part(0);
    private final StepLogWriter log = new StepLogWriter();
    /** Whether some of these entries may be useless by now. */
    private boolean outdated;

    /** A part of the journal. */
    private static final class Part {
        private static final byte[] NO_CONTENT = {};
        private static final int[] NO_RUNS = {};

        final long number;
        /** The models that the part has entries of: one element for each run of entries of the same model. */
        final List<ModelEntry> models = new ArrayList<>();
        /** The record, while it is not written yet, or restored and not replayed yet; otherwise empty. */
        byte[] content = NO_CONTENT;

        // while the part is not written, for each run: where it ends in the log, and how many steps it has
        private int[] ends = NO_RUNS;
        private int[] stepsOf = NO_RUNS;

        long bytes;
        long steps;

        Part(long number) {
            this.number = number;
        }

        /** Returns whether the part can have entries that are later than the blocks of a model. */
        boolean isLaterThanBlocksOf(ModelEntry entry) {
            return !entry.gone && entry.from <= number;
        }

        /** Returns whether a restoration needs the part. */
        boolean isOfUse() {
            for (ModelEntry entry : models) {
                if (isLaterThanBlocksOf(entry)) {
                    return true;
                }
            }
            return false;
        }

        /**
         * Notes that an entry of a model was added.
         *
         * @param end where it ends in the log
         * @param step 1 if it is a step, 0 if not
         */
        void add(ModelEntry entry, int end, int step) {
            int last = models.size() - 1;
            if (last < 0 || models.get(last) != entry) {
                models.add(entry);
                last++;
                if (last == ends.length) {
                    ends = Arrays.copyOf(ends, Math.max(64, 2 * last));
                    stepsOf = Arrays.copyOf(stepsOf, ends.length);
                }
                stepsOf[last] = 0;
            }
            ends[last] = end;
            stepsOf[last] += step;
            steps += step;
        }

        /** Removes entries that blocks have made useless. */
        void leaveOutUseless() {
            int from = 0;
            int left = 0;
            int size = ChangelogFormat.PART_HEADER;
            for (int i = 0; i < models.size(); i++) {
                ModelEntry entry = models.get(i);
                if (isLaterThanBlocksOf(entry)) {
                    if (left < i) {
                        System.arraycopy(content, ChangelogFormat.PART_HEADER + from, content, size, ends[i] - from);
                        models.set(left, entry);
                    }
                    size += ends[i] - from;
                    left++;
                } else {
                    steps -= stepsOf[i];
                }
                from = ends[i];
            }
            if (left < models.size()) {
                models.subList(left, models.size()).clear();
                content = Arrays.copyOf(content, size);
            }
        }
    }

    /** Creates a journal with the usual limits. */
    Journal() {
        this(LEAST_BYTES, MOST_STEPS);
    }

    /**
     * Creates a journal with its own limits.
     *
     * @param leastBytes the size that it may have; it may also be as long as the models
     * @param mostSteps how many steps it may have
     */
    Journal(long leastBytes, long mostSteps) {
        this.leastBytes = leastBytes;
        this.mostSteps = mostSteps;
    }

    /** Returns the first part that can have entries later than blocks that are written now. */
    long next() {
        return open.number;
    }

    // ---- writing

    /**
     * Adds a step, to be written with the next commit.
     *
     * @param version the version of the model before the step
     * @return the size of the entry in bytes; 0 if the example is too large for the journal
     */
    int add(ModelEntry entry, long version, Example x) {
        int before = log.size();
        return log.add(entry.number, version, x) ? addedStep(entry, before) : 0;
    }

    /**
     * Adds a step for an event whose label came later, to be written with the next commit.
     *
     * @param version the version of the model before the step
     * @param served the prediction that the step is for
     * @param earlierLabel the label that the target revises, if it does
     * @return the size of the entry in bytes; 0 if the example is too large for the journal
     */
    int addLate(
            ModelEntry entry,
            long version,
            Example x,
            PredictionResult served,
            StepTarget target,
            double earlierLabel) {
        int before = log.size();
        return log.addLate(entry.number, version, x, served, target, earlierLabel) ? addedStep(entry, before) : 0;
    }

    private int addedStep(ModelEntry entry, int before) {
        int size = log.size() - before;
        added(entry, 1);
        return size;
    }

    /** Adds that the weights topic has the present version of a model. */
    void addPublished(ModelEntry entry) {
        log.addPublished(
                entry.number, entry.published().version(), entry.published().isWhole());
        added(entry, 0);
    }

    private void added(ModelEntry entry, int step) {
        open.add(entry, log.size(), step);
        if (log.size() >= PART) {
            close();
        }
    }

    /** Closes the open part, unless it is empty. What is added afterwards is later than {@link #next}. */
    void close() {
        if (log.size() > 0) {
            open.content = ChangelogFormat.part(log);
            log.clear();
            closed.add(open);
            open = new Part(open.number + 1);
        }
    }

    /** Writes the closed parts, without the entries that are not later than the blocks of their models. */
    void write(Changelog changelog) {
        for (Part part : closed) {
            // only if needed: to look at each model costs a cache miss
            if (outdated) {
                part.leaveOutUseless();
            }
            if (!part.models.isEmpty()) {
                changelog.write(ChangelogFormat.journalKey(part.number), part.content);
                part.bytes = part.content.length;
                part.content = Part.NO_CONTENT;
                part.ends = Part.NO_RUNS;
                part.stepsOf = Part.NO_RUNS;
                parts.put(part.number, part);
                bytes += part.bytes;
                steps += part.steps;
            }
        }
        closed.clear();
        outdated = false;
    }

    /** Notes that blocks of a model were written, or that a model was removed. */
    void outdated() {
        outdated = true;
    }

    /**
     * Names the models whose blocks must be written to keep the journal within its limits.
     *
     * @param modelBytes the size of all models
     * @param mustBeWritten called for each of them
     */
    void makeRoom(long modelBytes, Consumer<ModelEntry> mustBeWritten) {
        long bytesTooMany = bytes - Math.max(leastBytes, modelBytes);
        long stepsTooMany = steps - mostSteps;
        for (Part part : parts.values()) {
            if (bytesTooMany <= 0 && stepsTooMany <= 0) {
                return;
            }
            part.models.stream().filter(part::isLaterThanBlocksOf).forEach(mustBeWritten);
            bytesTooMany -= part.bytes;
            stepsTooMany -= part.steps;
        }
    }

    /** Names the models whose blocks must be written to make the whole journal useless. */
    void end(Consumer<ModelEntry> mustBeWritten) {
        for (Part part : parts.values()) {
            part.models.stream().filter(part::isLaterThanBlocksOf).forEach(mustBeWritten);
        }
    }

    /** Deletes the parts that blocks have made useless. */
    void dropUseless(Changelog changelog) {
        while (!parts.isEmpty() && !parts.firstEntry().getValue().isOfUse()) {
            Part part = parts.pollFirstEntry().getValue();
            bytes -= part.bytes;
            steps -= part.steps;
            changelog.write(ChangelogFormat.journalKey(part.number), null);
        }
    }

    // ---- restoring

    /**
     * Restores a part.
     *
     * @param content the record; null if it was deleted
     */
    void restore(long number, byte @Nullable [] content) {
        Part before = parts.remove(number);
        if (before != null) {
            bytes -= before.bytes;
            steps -= before.steps;
        }
        if (content != null) {
            Part part = new Part(number);
            part.content = content;
            part.bytes = content.length;
            parts.put(number, part);
            bytes += part.bytes;
            beginAt(number + 1);
        }
    }

    /** Makes numbering continue at a part. Parts before it were written, even if they have been deleted since. */
    void beginAt(long next) {
        if (open.number < next) {
            dropUnwritten();
            open = new Part(next);
        }
    }

    private void dropUnwritten() {
        closed.clear();
        log.clear();
    }

    /**
     * Replays the restored steps on the models that do not have them yet.
     *
     * @param models the models by their numbers
     * @param learner a learner under the settings of that time
     * @throws IllegalArgumentException if that is not possible
     */
    void replay(Map<Integer, ModelEntry> models, Learner learner) {
        for (Part part : parts.values()) {
            if (part.content.length > 0) {
                try {
                    replay(part, models, learner);
                } catch (IndexOutOfBoundsException e) {
                    throw new IllegalArgumentException("part " + part.number + " is damaged: " + e.getMessage(), e);
                }
                part.content = Part.NO_CONTENT;
                steps += part.steps;
            }
        }
    }

    private static void replay(Part part, Map<Integer, ModelEntry> models, Learner learner) {
        StepLogReader in = new StepLogReader(part.content, ChangelogFormat.PART_HEADER);
        PredictionResult prediction = new PredictionResult();
        ModelEntry last = null;
        while (in.next()) {
            ModelEntry entry = models.get(in.model());
            // the model was removed, or its blocks are later
            if (entry == null || !part.isLaterThanBlocksOf(entry)) {
                continue;
            }
            if (entry != last) {
                part.models.add(entry);
                last = entry;
            }
            if (in.isPublished()) {
                entry.published().restoreLater(in.version(), in.whole());
            } else if (in.version() >= entry.model().version()) {
                // a task that was active before it became a standby has taken some of the steps itself
                take(in, entry.model(), learner, prediction);
                part.steps++;
            }
        }
    }

    /**
     * Takes the restored steps of one model on a copy of it. The journal and the model stay as they are.
     *
     * @param learner a learner under the settings of that time
     * @throws IllegalArgumentException if that is not possible
     */
    void replay(ModelEntry entry, Model copy, Learner learner) {
        PredictionResult prediction = new PredictionResult();
        for (Part part : parts.values()) {
            if (part.content.length == 0 || !part.isLaterThanBlocksOf(entry)) {
                continue;
            }
            StepLogReader in = new StepLogReader(part.content, ChangelogFormat.PART_HEADER);
            while (in.next()) {
                if (in.model() == entry.number && !in.isPublished() && in.version() >= copy.version()) {
                    take(in, copy, learner, prediction);
                }
            }
        }
    }

    private static void take(StepLogReader step, Model model, Learner learner, PredictionResult prediction) {
        if (step.version() != model.version()) {
            throw new IllegalArgumentException(
                    "steps from version " + step.version() + " on, for a model at version " + model.version());
        }
        try {
            Example x = step.example();
            if (!step.isLate()) {
                learner.predict(model, x, prediction);
                learner.learn(model, x, prediction);
            } else {
                learner.learn(model, x, step.served(), step.target(), step.earlierLabel());
            }
        } catch (Rejection e) {
            throw new IllegalArgumentException("a step that could not be taken: " + e.getMessage(), e);
        }
    }

    /** Removes everything. */
    void clear() {
        parts.clear();
        bytes = 0;
        steps = 0;
        dropUnwritten();
        open = new Part(0);
    }
}
