package io.thalweg.math;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The weights that a model had when a recent window of its steps began, as floats.
 *
 * <p>The window consists of two halves of equally many steps. When a step first touches a feature in a half, the weight
 * before the step is saved. A weight that was not saved has not been stepped on since: its old value is what it is now
 * or, if weights depend on the shared state, what it is now under the shared state of that time.
 *
 * <p>Saved weights are only appended to a list; they are sorted into blocks when somebody asks for them. A large model
 * is touched all over many times before it is published.
 */
final class RecentWindow {
    private static final int WORDS = Model.BLOCK / Long.SIZE;
    private static final float[][] NOTHING = {};

    /** Steps in half of the window; 0 for no window. */
    private final int half;

    // set by learnsBy, before the first step
    @SuppressWarnings("NullAway.Init")
    private Optimizer optimizer;

    private boolean movesUntouched;
    private Half older = Half.UNKNOWN;
    private Half newer = Half.UNKNOWN;

    // most steps look at these two fields alone: with thousands of models, each further object is one more cache miss
    /** No half begins before this version. */
    private long turn;
    /** How many weights are saved in the newer half; −1 if it is not known what they were. */
    private int taken = -1;

    /** The saved weights by slot and place, as of the last {@link #gather()}. */
    private float[] @Nullable [] gathered = NOTHING;

    /**
     * The state of the two halves at the last {@link #gather()}: the first version of the newer one, and their sizes.
     */
    private long gatheredIn = -1;

    private int olderGathered;
    private int newerGathered;

    /** Half of the window: the weights at its beginning that later steps have moved. */
    private static final class Half {
        private static final long[] NO_BITS = {};
        private static final int[] NO_PLACES = {};
        private static final float[] NO_WEIGHTS = {};
        private static final double[] NOT_KNOWN = {};

        static final Half UNKNOWN = new Half();

        /** The version at which the half begins; −1 if the weights of that time are not known. */
        long from = -1;
        /** The shared state at that time. */
        double[] shared = NOT_KNOWN;

        // the saved weights
        int size;
        /** The place of each saved weight: slot times {@link Model#BLOCK} plus place in the block. */
        int[] places = NO_PLACES;

        float[] weights = NO_WEIGHTS;
        /** Whether a weight is saved, one bit for each place. */
        private long[] there = NO_BITS;

        Half copy() {
            Half copy = new Half();
            copy.from = from;
            // if readers need it, it is a copy that nobody changes
            copy.shared = shared;
            copy.size = size;
            copy.places = Arrays.copyOf(places, size);
            copy.weights = Arrays.copyOf(weights, size);
            copy.there = there.clone();
            return copy;
        }

        boolean isKnown() {
            return from >= 0;
        }

        /** Starts the half anew. */
        void begin(long version, double[] sharedThen) {
            from = version;
            shared = sharedThen;
            size = 0;
            Arrays.fill(there, 0);
        }

        void makeRoom(int slots, int more) {
            if (there.length < slots * WORDS) {
                there = Arrays.copyOf(there, slots * WORDS);
            }
            if (places.length < size + more) {
                int room = size + Math.max(more, size / 2);
                places = Arrays.copyOf(places, room);
                weights = Arrays.copyOf(weights, room);
            }
        }

        /** Returns the bits of {@value Long#SIZE} places. */
        long word(int word) {
            return word < there.length ? there[word] : 0;
        }

        /** Adds a place, unless it is there. There must be room for it. */
        void add(int place) {
            int word = place >> 6;
            // without a branch, which the processor could not predict
            places[size] = place;
            size += (int) (~there[word] >>> place) & 1;
            there[word] |= 1L << place;
        }

        /** Saves the weights of the places that were added last. @param from how many were there before */
        void save(Optimizer optimizer, double[][] blocks, int from) {
            optimizer.weights(shared, blocks, places, from, size, weights);
        }
    }

    /**
     * Creates a window in which nothing is known yet.
     *
     * @param steps 2 or more; 0 for no window
     */
    RecentWindow(int steps) {
        half = steps / 2;
        turn = half > 0 ? 0 : Long.MAX_VALUE;
    }

    /** Sets the optimizer of the model. It must be of the same kind as before. */
    void learnsBy(Optimizer kind) {
        optimizer = kind;
        movesUntouched = kind.movesUntouched();
    }

    /** Returns whether the window has this many steps. */
    boolean isOf(int steps) {
        return half == steps / 2;
    }

    // ---- as steps are taken

    /**
     * Called before each step.
     *
     * @param shared the shared state before the step
     */
    void advance(long version, double[] shared) {
        if (version < turn) {
            return;
        }
        if (version % half == 0) {
            Half next = older == Half.UNKNOWN ? new Half() : older;
            older = newer;
            newer = next;
            newer.begin(version, movesUntouched ? shared.clone() : shared);
            taken = 0;
        }
        turn = (version / half + 1) * half;
    }

    /** Returns whether steps must save weights before they move them. */
    boolean isKept() {
        return taken >= 0;
    }

    /**
     * Saves the weights that a step is about to move and that the newer half does not have.
     *
     * @param slots the slots of the example's features
     * @param blocks all blocks of the model, by slot
     * @param features an upper limit for how many features the model has
     */
    void keep(Example x, int[] slots, double[][] blocks, int features) {
        if (taken == features) {
            return;
        }
        newer.makeRoom(blocks.length, x.size());
        int[] indices = x.indices();
        int size = newer.size;
        for (int k = 0; k < x.size(); k++) {
            newer.add(slots[k] * Model.BLOCK + Model.inBlock(indices[k]));
        }
        taken = newer.size;
        newer.save(optimizer, blocks, size);
        // if only steps move weights, the older half needs nothing that the newer half has
        if (movesUntouched && older.isKnown()) {
            older.makeRoom(blocks.length, taken - size);
            int olderSize = older.size;
            for (int k = size; k < taken; k++) {
                older.add(newer.places[k]);
            }
            older.save(optimizer, blocks, olderSize);
        }
    }

    // ---- what was then

    /** Returns a copy that any number of threads may read at once. It takes no steps. */
    RecentWindow copyToRead() {
        RecentWindow copy = new RecentWindow(0);
        copy.learnsBy(optimizer);
        copy.older = older.copy();
        copy.newer = newer.copy();
        return copy;
    }

    /** Returns the half that the window begins with. */
    private Half first() {
        return older.isKnown() || newer.from != 0 ? older : newer;
    }

    /** Returns the version at which the window begins; −1 if that is not known. */
    long begin() {
        return first().from;
    }

    /**
     * Returns the weights of a block at the beginning of the window.
     *
     * @param now the weights as they are now
     * @return as many weights as now; null if none has moved since
     */
    float @Nullable [] then(int slot, double[] block, double[] now) {
        gather();
        boolean moved = movesUntouched;
        double[] before = now;
        if (movesUntouched) {
            before = new double[now.length];
            optimizer.weights(first().shared, block, before, before.length);
        }
        float[] then = new float[now.length];
        for (int i = 0; i < then.length; i++) {
            then[i] = (float) before[i];
        }
        // no bits are set in a block without saved weights
        for (int word = slot * WORDS; word < (slot + 1) * WORDS && slot < gathered.length; word++) {
            long there = older.word(word) | newer.word(word);
            moved |= there != 0;
            for (; there != 0; there &= there - 1) {
                int i = Model.inBlock(word * Long.SIZE + Long.numberOfTrailingZeros(there));
                then[i] = gathered[slot][i];
            }
        }
        return moved ? then : null;
    }

    /**
     * Sorts the saved weights into their places. Those of the older half overwrite those of the newer one. A weight
     * that no step of the older half touched was then what it was when the newer half began. Readers of a copy may come
     * at once.
     */
    private synchronized void gather() {
        if (gatheredIn == newer.from && olderGathered == older.size && newerGathered == newer.size) {
            return;
        }
        gather(newer);
        gather(older);
        gatheredIn = newer.from;
        olderGathered = older.size;
        newerGathered = newer.size;
    }

    private void gather(Half from) {
        for (int k = 0; k < from.size; k++) {
            int slot = from.places[k] / Model.BLOCK;
            if (slot >= gathered.length) {
                gathered = Arrays.copyOf(gathered, Math.max(slot + 1, newer.there.length / WORDS));
            }
            if (gathered[slot] == null) {
                gathered[slot] = new float[Model.BLOCK];
            }
            gathered[slot][Model.inBlock(from.places[k])] = from.weights[k];
        }
    }
}
