package io.thalweg.math;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.TreeMap;

/**
 * The feature names that a model has numbered: 0, 1, 2, … in the order in which they first came. An open-addressed hash
 * table over UTF-8 bytes, so that a name is looked up where it lies in the example, without making a String.
 */
public final class FeatureNames {
    /**
     * The longest name that is numbered, in bytes. A longer name is always hashed, so that a record of weights stays
     * small.
     */
    public static final int LONGEST = 256;

    private static final int FREE = -1;
    private static final int NO_SLOT = -1;

    private byte[][] names = new byte[8][];
    private int size;
    private int[] table = freeTable(16);
    /** The names that are not within {@link FeatureHash#MOST_PROBES} of their slot. */
    private final TreeMap<ByteBuffer, Integer> crowded = new TreeMap<>();

    /** Returns how many names are numbered. */
    public int size() {
        return size;
    }

    /**
     * Returns the name with a number, as UTF-8. The array must not be changed.
     *
     * @param index from 0 up to and without {@link #size()}
     */
    public byte[] get(int index) {
        return names[index];
    }

    /**
     * Returns the number of a name, or {@link Example#UNMET} if it has none.
     *
     * @param hash the {@link FeatureHash#of} these bytes
     */
    int indexOf(byte[] bytes, int from, int length, int hash) {
        int slot = slot(bytes, from, length, hash);
        if (slot == NO_SLOT) {
            return crowded.getOrDefault(ByteBuffer.wrap(bytes, from, length), Example.UNMET);
        }
        int index = table[slot];
        return index == FREE ? Example.UNMET : index;
    }

    /** Gives the next number to a name, which must not have one yet. */
    void add(byte[] bytes, int from, int length) {
        add(Arrays.copyOfRange(bytes, from, from + length));
    }

    /** Gives the next number to a name, which must not have one yet. Also used when state is restored. */
    public void add(byte[] name) {
        if (size == names.length) {
            names = Arrays.copyOf(names, size * 2);
        }
        names[size++] = name;
        if (size * 2 > table.length) {
            table = freeTable(table.length * 2);
            crowded.clear();
            for (int i = 0; i < size; i++) {
                enter(i);
            }
        } else {
            enter(size - 1);
        }
    }

    /** Returns a copy. The two share the names themselves, which nobody changes. */
    FeatureNames copy() {
        FeatureNames copy = new FeatureNames();
        copy.names = names.clone();
        copy.size = size;
        copy.table = table.clone();
        copy.crowded.putAll(crowded);
        return copy;
    }

    private void enter(int index) {
        byte[] name = names[index];
        int slot = slot(name, 0, name.length, FeatureHash.of(name, 0, name.length));
        if (slot == NO_SLOT) {
            crowded.put(ByteBuffer.wrap(name), index);
        } else {
            table[slot] = index;
        }
    }

    /** Returns the place of a name in the table, or the free place where it would go; {@link #NO_SLOT} if crowded. */
    private int slot(byte[] bytes, int from, int length, int hash) {
        int mask = table.length - 1;
        int slot = hash & mask;
        for (int probes = 0; probes < FeatureHash.MOST_PROBES; probes++) {
            if (table[slot] == FREE) {
                return slot;
            }
            byte[] name = names[table[slot]];
            if (Arrays.equals(name, 0, name.length, bytes, from, from + length)) {
                return slot;
            }
            slot = slot + 1 & mask;
        }
        return NO_SLOT;
    }

    private static int[] freeTable(int length) {
        int[] table = new int[length];
        Arrays.fill(table, FREE);
        return table;
    }
}
