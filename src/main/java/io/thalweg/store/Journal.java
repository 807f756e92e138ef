package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * The steps that models have taken since their blocks were last written, in the changelog beside them.
 *
 * <p>Between two commits a model of a million weights changes in thousands of blocks, and ten thousand small models change in a head
 * and a block each, by steps that are a hundredth of that. Steps are deterministic, so writing them is as good as writing what they
 * changed: who restores the models reads the blocks, and takes the steps again.
 *
 * <p>It is one journal for all models of a task, written in the order of the steps while they are taken, so that a commit has nothing
 * to do for each model: it would find none of ten thousand in a cache. It comes in numbered parts, each of them a record. An entry names
 * its model by the number that the model's head says. The head says too which parts are later than its blocks; so once blocks of all
 * models in the oldest part have been written after it, it is dropped. When the journal has grown as long as the models, or its steps
 * would take long to take again, the models in its oldest parts are written as blocks in the next commit, each of them at most once
 * while the journal grows that long anew.
 */
final class Journal {
    /** It may be as long as this, however small the models are; whoever restores holds the journals of all its tasks at once. */
    private static final long LEAST_BYTES =
            Math.min(1L << 27, Runtime.getRuntime().maxMemory() / 16);
    /** It may have so many steps, so that whoever takes them again is through in seconds. */
    private static final long MOST_STEPS = 2_000_000;
    /** A part is closed at this many bytes. The last entry in it is as long as a step can be at most, so it fits into a record. */
    private static final int PART = 1 << 18;

    private final long leastBytes;
    private final long mostSteps;

    private final TreeMap<Long, Part> parts = new TreeMap<>();
    private long bytes;
    private long steps;

    /** What was written since the last commit: parts that are closed, and the one that is open, whose entries are in the log. */
    private final List<Part> closed = new ArrayList<>();

    private Part open = new Part(0);
    private final StepLogWriter log = new StepLogWriter();
    /** Whether some of these entries may be of no use any more. */
    private boolean outdated;

    private static final class Part {
        final long number;
        /** Those that it says something of: of each run of entries of one model, the model. */
        final List<ModelEntry> models = new ArrayList<>();
        /** The record, where it has not been written yet, or was restored and not read yet. */
        byte[] content;

        // as long as it has not been written, of each run: where it ends in the log, and its steps
        private int[] ends = {};
        private int[] stepsOf = {};

        long bytes;
        long steps;

        Part(long number) {
            this.number = number;
        }

        boolean isLaterThanBlocksOf(ModelEntry entry) {
            return !entry.gone && entry.from <= number;
        }

        boolean isOfUse() {
            for (ModelEntry entry : models) {
                if (isLaterThanBlocksOf(entry)) {
                    return true;
                }
            }
            return false;
        }

        /** Says that an entry of a model was added. @param end where it ends in the log */
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

        /** Leaves out what blocks have made useless. */
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

    Journal() {
        this(LEAST_BYTES, MOST_STEPS);
    }

    /**
     * One with limits of its own.
     *
     * @param leastBytes it may be as long as this, and as long as the models
     */
    Journal(long leastBytes, long mostSteps) {
        this.leastBytes = leastBytes;
        this.mostSteps = mostSteps;
    }

    /** The first part that can say something which is later than blocks that are written now. */
    long next() {
        return open.number;
    }

    // ---- writing

    /**
     * Takes a step down, to be written with the next commit.
     *
     * @param version of the model before it
     * @return how many bytes that took; 0 if the example is too large for it
     */
    int add(ModelEntry entry, long version, Example x) {
        int before = log.size();
        if (!log.add(entry.number, version, x)) {
            return 0;
        }
        int size = log.size() - before;
        added(entry, 1);
        return size;
    }

    /** Takes down that the weights topic holds a model as it is. */
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

    /** Closes the part that is open, if there is anything in it: what is added from now on is later than {@link #next}. */
    void close() {
        if (log.size() > 0) {
            open.content = ChangelogFormat.part(log);
            log.clear();
            closed.add(open);
            open = new Part(open.number + 1);
        }
    }

    /** Writes the parts that are closed, but for the entries that are not later than the blocks of their models. */
    void write(Changelog changelog) {
        for (Part part : closed) {
            // to look at each model would find none of ten thousand in a cache
            if (outdated) {
                part.leaveOutUseless();
            }
            if (!part.models.isEmpty()) {
                changelog.write(ChangelogFormat.journalKey(part.number), part.content);
                part.bytes = part.content.length;
                part.content = null;
                part.ends = null;
                part.stepsOf = null;
                parts.put(part.number, part);
                bytes += part.bytes;
                steps += part.steps;
            }
        }
        closed.clear();
        outdated = false;
    }

    /** Says that blocks of a model have been written, or that it has been forgotten. */
    void outdated() {
        outdated = true;
    }

    /**
     * Names the models whose blocks must be written so that the journal does not grow too long.
     *
     * @param modelBytes what all models come to
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

    /** Names the models whose blocks must be written so that nothing of the journal is of use. */
    void end(Consumer<ModelEntry> mustBeWritten) {
        for (Part part : parts.values()) {
            part.models.stream().filter(part::isLaterThanBlocksOf).forEach(mustBeWritten);
        }
    }

    /** Drops what blocks have made useless. */
    void dropUseless(Changelog changelog) {
        while (!parts.isEmpty() && !parts.firstEntry().getValue().isOfUse()) {
            Part part = parts.pollFirstEntry().getValue();
            bytes -= part.bytes;
            steps -= part.steps;
            changelog.write(ChangelogFormat.journalKey(part.number), null);
        }
    }

    // ---- reading back

    /** Takes back a part. @param content the record; null if it is gone */
    void restore(long number, byte[] content) {
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

    /** Says that parts before this have been written, also where they have been dropped again and nothing is left of them. */
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
     * Has the models take the restored steps that they have not taken, as they took them first.
     *
     * @param models by their numbers
     * @param learner under the settings of that time
     * @throws IllegalArgumentException if that cannot be done
     */
    void replay(Map<Integer, ModelEntry> models, Learner learner) {
        for (Part part : parts.values()) {
            if (part.content != null) {
                try {
                    replay(part, models, learner);
                } catch (IndexOutOfBoundsException e) {
                    throw new IllegalArgumentException("part " + part.number + " is damaged: " + e.getMessage(), e);
                }
                part.content = null;
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
            // what has been forgotten, or has gone into blocks since
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
                // a task that was active before it was a standby has taken its own
                take(in.example(), in.version(), entry.model(), learner, prediction);
                part.steps++;
            }
        }
    }

    private static void take(Example x, long version, Model model, Learner learner, PredictionResult prediction) {
        if (version != model.version()) {
            throw new IllegalArgumentException(
                    "steps from version " + version + " on, for a model at version " + model.version());
        }
        try {
            learner.predict(model, x, prediction);
            learner.learn(model, x, prediction);
        } catch (Rejection e) {
            throw new IllegalArgumentException("a step that could not be taken: " + e.getMessage(), e);
        }
    }

    void clear() {
        parts.clear();
        bytes = 0;
        steps = 0;
        dropUnwritten();
        open = new Part(0);
    }
}
