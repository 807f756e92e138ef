package io.thalweg.math;

import java.util.Arrays;

/**
 * The names that a model has numbered, 0, 1, 2, … in the order in which they came: an open-addressed hash table over UTF-8
 * bytes, so that a name is looked up where it lies in the example and no String is made.
 */
public final class FeatureNames {
    /** Names longer than this many bytes are never numbered, always hashed, so that a record of weights stays small. */
    public static final int LONGEST = 256;

    private static final int FREE = -1;

    private byte[][] names = new byte[8][];
    private int size;
    private int[] table = freeTable(16);

    /** How many names are numbered. */
    public int size() {
        return size;
    }

    /** The name with this number, as UTF-8; not to be changed. @param index from 0 up to and without {@link #size()} */
    public byte[] get(int index) {
        return names[index];
    }

    /** The number of a name, or {@link Example#UNMET}. @param hash {@link FeatureHash#of} those bytes */
    int indexOf(byte[] bytes, int from, int length, int hash) {
        int index = table[slot(bytes, from, length, hash)];
        return index == FREE ? Example.UNMET : index;
    }

    /** Gives a name the next number. It must not have one. */
    void add(byte[] bytes, int from, int length) {
        add(Arrays.copyOfRange(bytes, from, from + length));
    }

    /** Gives a name the next number, as when state is read back. It must not have one. */
    public void add(byte[] name) {
        if (size == names.length) {
            names = Arrays.copyOf(names, size * 2);
        }
        names[size++] = name;
        if (size * 2 > table.length) {
            table = freeTable(table.length * 2);
            for (int i = 0; i < size; i++) {
                enter(i);
            }
        } else {
            enter(size - 1);
        }
    }

    private void enter(int index) {
        byte[] name = names[index];
        table[slot(name, 0, name.length, FeatureHash.of(name, 0, name.length))] = index;
    }

    /** Where a name is, or would go. */
    private int slot(byte[] bytes, int from, int length, int hash) {
        int mask = table.length - 1;
        int slot = hash & mask;
        while (table[slot] != FREE) {
            byte[] name = names[table[slot]];
            if (Arrays.equals(name, 0, name.length, bytes, from, from + length)) {
                return slot;
            }
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private static int[] freeTable(int length) {
        int[] table = new int[length];
        Arrays.fill(table, FREE);
        return table;
    }
}
