package io.thalweg.math;

/**
 * The hash function for feature names: MurmurHash3, 32 bits, x86 variant, seed 0 (Austin Appleby, public domain), over
 * UTF-8 bytes. Other implementations of feature hashing use it too (Weinberger et al. 2009).
 *
 * <p>It is not taken from a library because its results are part of the stored state, so it must never change.
 */
public final class FeatureHash {
    /**
     * The most slots of a hash table by this hash that are looked at for a name. Anyone can write many names with the
     * same hash, so a table keeps those that find no room there in another way, without which it would take quadratic
     * time. Any other names hardly ever need as many in a table that is at most half full.
     */
    public static final int MOST_PROBES = 64;

    private FeatureHash() {}

    /** Returns the hash of {@code length} bytes from {@code from} on. */
    public static int of(byte[] bytes, int from, int length) {
        int h = 0;
        int end = from + (length & ~3);
        for (int i = from; i < end; i += 4) {
            int k = (bytes[i] & 0xff)
                    | (bytes[i + 1] & 0xff) << 8
                    | (bytes[i + 2] & 0xff) << 16
                    | (bytes[i + 3] & 0xff) << 24;
            h = Integer.rotateLeft(h ^ scramble(k), 13) * 5 + 0xe6546b64;
        }
        int tail = 0;
        for (int i = length & 3; i > 0; i--) {
            tail = tail << 8 | bytes[end + i - 1] & 0xff;
        }
        h ^= scramble(tail);
        h ^= length;
        h = (h ^ h >>> 16) * 0x85ebca6b;
        h = (h ^ h >>> 13) * 0xc2b2ae35;
        return h ^ h >>> 16;
    }

    private static int scramble(int k) {
        return Integer.rotateLeft(k * 0xcc9e2d51, 15) * 0x1b873593;
    }

    /**
     * Returns the feature number of a name that is hashed: a number in the part of the feature space above those of
     * numbered names.
     *
     * @param hash the hash of the name; see {@link #of}
     * @param numbered how many numbers at the start of the space are kept for numbered names
     * @param space the size of the space; above {@code numbered}
     * @return from {@code numbered} up to and without {@code space}
     */
    public static int index(int hash, int numbered, int space) {
        return numbered + Integer.remainderUnsigned(hash, space - numbered);
    }
}
