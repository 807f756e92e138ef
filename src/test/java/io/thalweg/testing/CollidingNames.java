package io.thalweg.testing;

/** Names that all have the same MurmurHash3, as somebody could write them who wants to make a learner slow. */
public final class CollidingNames {
    private static final int C1 = 0xcc9e2d51;
    private static final int C2 = 0x1b873593;
    private static final int ADDED = 0xe6546b64;
    /** What both blocks together make of the hash. */
    private static final int TARGET = 0x12345678;

    /** The length of each name, in bytes: two blocks. */
    public static final int LENGTH = 8;

    private CollidingNames() {}

    /** Returns names one after the other. The first block of each is any; the second one makes up for it. */
    public static byte[] of(int count) {
        byte[] names = new byte[LENGTH * count];
        for (int i = 0; i < count; i++) {
            int first = i * 0x9e3779b9;
            int hash = Integer.rotateLeft(Integer.rotateLeft(first * C1, 15) * C2, 13) * 5 + ADDED;
            int scrambled = Integer.rotateRight((TARGET - ADDED) * inverse(5), 13) ^ hash;
            int second = Integer.rotateRight(scrambled * inverse(C2), 15) * inverse(C1);
            for (int b = 0; b < Integer.BYTES; b++) {
                names[LENGTH * i + b] = (byte) (first >>> Byte.SIZE * b);
                names[LENGTH * i + Integer.BYTES + b] = (byte) (second >>> Byte.SIZE * b);
            }
        }
        return names;
    }

    /** The number that makes 1 of an odd one, modulo 2 to the power of 32, by Newton's method. */
    private static int inverse(int odd) {
        int inverse = odd;
        for (int i = 0; i < 5; i++) {
            inverse *= 2 - odd * inverse;
        }
        return inverse;
    }
}
