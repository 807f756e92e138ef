package io.thalweg.math;

import java.util.Arrays;

/**
 * What the weights of a model were when a recent window of its steps began, to the precision of a float.
 *
 * <p>The window is two halves of as many steps. A weight is taken down when a step first touches its feature in a half; what was not
 * taken down was then what it is now, or, where weights follow what is kept for the whole, what it is now under what was kept then.
 * Weights are taken down one after the other and get to their places only when they are asked for: a large model is touched all over
 * many times before it is published.
 */
final class RecentWindow {
    private static final int WORDS = Model.BLOCK / Long.SIZE;
    private static final float[][] NOTHING = {};

    /** Steps in half of the window; 0 if none is kept. */
    private final int half;

    private Optimizer optimizer;
    private boolean movesUntouched;
    private Half older = Half.UNKNOWN;
    private Half newer = Half.UNKNOWN;

    // of most steps that is all that is looked at: with thousands of models each object is one more to fetch from
    // memory
    /** No half begins before this version. */
    private long turn;
    /** Weights in the newer half; -1 if it is not known what they were. */
    private int taken = -1;

    /** By slot and place, what was {@link #gather}ed last. */
    private float[][] gathered = NOTHING;

    /** The beginning of the newer half at that time, and how much there was of both. */
    private long gatheredIn = -1;

    private int olderGathered;
    private int newerGathered;

    /** Half of the window. */
    private static final class Half {
        private static final long[] NO_BITS = {};
        private static final int[] NO_PLACES = {};
        private static final float[] NO_WEIGHTS = {};

        static final Half UNKNOWN = new Half(-1, null);

        /** The version that it begins with; -1 if what was then is not known. */
        long from;
        /** What the algorithm kept for the whole then. */
        double[] shared;

        // weights as they were then
        int size;
        /** Slot times {@link Model#BLOCK} and place in the block. */
        int[] places = NO_PLACES;

        float[] weights = NO_WEIGHTS;
        /** Which are there, a bit for each place. */
        private long[] there = NO_BITS;

        Half(long from, double[] shared) {
            this.from = from;
            this.shared = shared;
        }

        boolean isKnown() {
            return from >= 0;
        }

        /** Begins anew. */
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

        boolean has(int place) {
            return (word(place / Long.SIZE) & 1L << place) != 0;
        }

        /** Which are there of {@value Long#SIZE} places. */
        long word(int word) {
            return word < there.length ? there[word] : 0;
        }

        /** Takes a weight down unless it has been. There must be room for it. */
        void add(int place, float weight) {
            int word = place >> 6;
            // no branch: which features are new to a half cannot be foreseen
            places[size] = place;
            weights[size] = weight;
            size += (int) (~there[word] >>> place) & 1;
            there[word] |= 1L << place;
        }
    }

    /** One in which nothing is known yet. @param steps 2 or more; 0 for no window */
    RecentWindow(int steps) {
        half = steps / 2;
        turn = half > 0 ? 0 : Long.MAX_VALUE;
    }

    /** Says which algorithm makes the weights, one of the same kind as before. */
    void learnsBy(Optimizer kind) {
        optimizer = kind;
        movesUntouched = kind.movesUntouched();
    }

    boolean isOf(int steps) {
        return half == steps / 2;
    }

    // ---- as steps are taken

    /** Called before each step. @param shared what is kept for the whole, as it still is */
    void advance(long version, double[] shared) {
        if (version < turn) {
            return;
        }
        if (version % half == 0) {
            Half next = older == Half.UNKNOWN ? new Half(-1, null) : older;
            older = newer;
            newer = next;
            newer.begin(version, movesUntouched ? shared.clone() : shared);
            taken = 0;
        }
        turn = (version / half + 1) * half;
    }

    /** Whether weights are to be taken down before they move. */
    boolean isKept() {
        return taken >= 0;
    }

    /**
     * Takes down the weights that a step is about to move and that have not been in the newer half.
     *
     * @param slots of its features
     * @param blocks what is kept, by slot
     * @param features how many features there are at most
     */
    void keep(Example x, int[] slots, double[][] blocks, int features) {
        if (taken == features) {
            return;
        }
        newer.makeRoom(blocks.length, x.size());
        int[] indices = x.indices();
        int width = optimizer.width();
        int size = newer.size;
        for (int k = 0; k < x.size(); k++) {
            int i = Model.inBlock(indices[k]);
            newer.add(slots[k] * Model.BLOCK + i, (float) optimizer.weight(newer.shared, blocks[slots[k]], i * width));
        }
        taken = newer.size;
        // where only steps move weights, it was then what it is now
        if (movesUntouched && older.isKnown()) {
            older.makeRoom(blocks.length, newer.size - size);
            for (int k = size; k < newer.size; k++) {
                int place = newer.places[k];
                if (!older.has(place)) {
                    double[] block = blocks[place / Model.BLOCK];
                    older.add(place, (float) optimizer.weight(older.shared, block, Model.inBlock(place) * width));
                }
            }
        }
    }

    // ---- what was then

    /** The half that the window begins with. */
    private Half first() {
        return older.isKnown() || newer.from != 0 ? older : newer;
    }

    /** The version at which it begins; -1 if that is not known. */
    long begin() {
        return first().from;
    }

    /**
     * The weights of a block when the window began.
     *
     * @param now what they are now
     * @return as many; null where none has moved since
     */
    float[] then(int slot, double[] block, double[] now) {
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
        // nothing is gathered where nothing was taken down
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

    /** Puts what was taken down in its places: of what no step has touched in the older half, what it was when the newer began. */
    private void gather() {
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
