package io.thalweg.store;

import io.thalweg.math.Algorithm;
import io.thalweg.math.StepLog;
import io.thalweg.store.ChangelogAtCommit.Changelog;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
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
 * <p>It is one journal for all models of a task, in numbered parts, each of them a record, because a record for each model would cost
 * more than what is in it. A part says which models its steps are of. The head of a model says which parts are later than its
 * blocks; so once blocks of all models in the oldest part have been written after it, it is dropped. When the journal has grown as
 * long as the models, or its steps would take long to take again, the models in its oldest parts are written as blocks in the next
 * commit, each of them at most once while the journal grows that long anew.
 */
final class Journal {
    /** It may be as long as this, however small the models are. */
    private static final long LEAST_BYTES = 1 << 26;
    /** It may have so many steps, so that whoever takes them again is through in seconds. */
    private static final long MOST_STEPS = 2_000_000;
    /** A part is closed at this many bytes. The last entry in it is as long at most, so it fits into a record. */
    private static final int PART = 1 << 18;

    private static final int TAKEN = 1;
    private static final int PUBLISHED = 2;

    private final long leastBytes;
    private final long mostSteps;

    private final TreeMap<Long, Part> parts = new TreeMap<>();
    private long bytes;
    private long steps;

    /** The part that is being written, or will be. */
    private Part open = new Part(0);

    private final ByteArrayOutputStream buffer = new ByteArrayOutputStream();
    private final DataOutputStream out = new DataOutputStream(buffer);

    private static final class Part {
        final long number;
        /** Those that it says something of. */
        final List<Kept> models = new ArrayList<>();
        /** What is in it, where it was restored and not read yet. */
        byte[] content;

        long bytes;
        long steps;

        Part(long number) {
            this.number = number;
        }

        boolean isLaterThanBlocksOf(Kept kept) {
            return !kept.gone && kept.from <= number;
        }

        boolean isOfUse() {
            return models.stream().anyMatch(this::isLaterThanBlocksOf);
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

    /** Takes down what is new of a model since the last commit: its steps, and what was last published of it. */
    void take(Kept kept, Changelog changelog) {
        if (kept.pendingBytes() > 0) {
            open.steps += kept.model.version() - kept.logged;
            for (byte[] taken : kept.pending().parts()) {
                add(kept, changelog, to -> {
                    to.writeByte(TAKEN);
                    to.writeUTF(kept.id);
                    to.writeInt(taken.length);
                    to.write(taken);
                });
            }
            kept.wroteSteps();
        }
        if (kept.published != kept.model.publishedVersion()) {
            kept.published = kept.model.publishedVersion();
            add(kept, changelog, to -> {
                to.writeByte(PUBLISHED);
                to.writeUTF(kept.id);
                to.writeLong(kept.model.publishedVersion());
                to.writeBoolean(kept.model.publishedWhole());
            });
        }
    }

    private interface Writer {
        void write(DataOutputStream to) throws IOException;
    }

    private void add(Kept kept, Changelog changelog, Writer writer) {
        try {
            writer.write(out);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        open.models.add(kept);
        if (buffer.size() >= PART) {
            close(changelog);
        }
    }

    /** Writes the part that is open, if there is anything in it. */
    void close(Changelog changelog) {
        if (open.models.isEmpty()) {
            return;
        }
        changelog.write(StateRecords.journalKey(open.number), StateRecords.part(buffer.toByteArray()));
        open.bytes = buffer.size();
        buffer.reset();
        parts.put(open.number, open);
        bytes += open.bytes;
        steps += open.steps;
        open = new Part(open.number + 1);
    }

    /**
     * Names the models whose blocks must be written so that the journal does not grow too long.
     *
     * @param modelBytes what all models come to
     */
    void makeRoom(long modelBytes, Consumer<Kept> mustBeWritten) {
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
    void end(Consumer<Kept> mustBeWritten) {
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
            changelog.write(StateRecords.journalKey(part.number), null);
        }
    }

    // ---- reading back

    /** Takes back a part. @param content null if it is gone */
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
            open = new Part(next);
        }
    }

    /**
     * Has the models take the restored steps that they have not taken.
     *
     * @param algorithm as when they were taken first
     * @param metricsWindow as when they were taken first
     * @throws IllegalArgumentException if that cannot be done
     */
    void replay(Map<String, Kept> models, Algorithm algorithm, int metricsWindow) {
        for (Part part : parts.values()) {
            if (part.content != null) {
                try {
                    replay(part, models, algorithm, metricsWindow);
                } catch (IOException | IndexOutOfBoundsException e) {
                    throw new IllegalArgumentException("part " + part.number + " is damaged: " + e.getMessage(), e);
                }
                part.content = null;
                steps += part.steps;
            }
        }
    }

    private static void replay(Part part, Map<String, Kept> models, Algorithm algorithm, int metricsWindow)
            throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(part.content));
        while (in.available() > 0) {
            int what = in.readByte();
            Kept kept = models.get(in.readUTF());
            boolean counts = kept != null && part.isLaterThanBlocksOf(kept);
            if (counts) {
                part.models.add(kept);
            }
            if (what == PUBLISHED) {
                long version = in.readLong();
                boolean whole = in.readBoolean();
                if (counts) {
                    kept.model.restorePublished(version, whole);
                }
            } else if (what == TAKEN) {
                byte[] taken = new byte[in.readInt()];
                in.readFully(taken);
                // a task that was active before it was a standby has taken its own
                if (counts && StepLog.firstVersion(taken) >= kept.model.version()) {
                    long before = kept.model.version();
                    StepLog.replay(taken, kept.model, algorithm, metricsWindow);
                    part.steps += kept.model.version() - before;
                }
            } else {
                throw new IOException("it has an entry of unknown kind " + what);
            }
        }
    }

    void clear() {
        parts.clear();
        bytes = 0;
        steps = 0;
        open = new Part(0);
        buffer.reset();
    }
}
