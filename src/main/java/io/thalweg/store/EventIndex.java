package io.thalweg.store;

import java.util.Arrays;

/**
 * A hash table from the hashes of keys to the places of their entries: one long for each entry, on the heap. Keys whose
 * hashes agree in the bits that are kept are told apart by whoever looks them up. It consists of many small tables,
 * each of which grows and shrinks by itself, so that this needs little memory and no long pause.
 *
 * <p>A slot has the place of an entry in its lower {@value #PLACE_BITS} bits, and above them the lower bits of the
 * hash, which say where in its table the entry belongs. The upper bits of the hash say which table. So a lookup touches
 * one cache line, and a table can be rebuilt without looking at the entries.
 *
 * <p>Linear probing with backward shift deletion (Knuth, <i>The Art of Computer Programming</i>, volume 3, section 6.4,
 * algorithms L and R).
 */
final class EventIndex {
    /** The number of bits of a place. A place with all bits set must not be used. */
    static final int PLACE_BITS = 40;

    private static final int TABLE_BITS = 8;
    private static final int FIRST_CAPACITY = 16;
    private static final int LARGEST_CAPACITY = 1 << Long.SIZE - PLACE_BITS;
    private static final long PLACE_MASK = (1L << PLACE_BITS) - 1;
    /** Stands for an empty slot. */
    private static final long EMPTY = -1;
    /** What {@link #find} returns if there is no entry. */
    static final long NONE = EMPTY;

    private final Bucket[] tables = new Bucket[1 << TABLE_BITS];
    private long size;

    EventIndex() {
        clear();
    }

    private static final class Bucket {
        private long[] slots = empty(FIRST_CAPACITY);
        private int size;

        private static long[] empty(int capacity) {
            long[] slots = new long[capacity];
            Arrays.fill(slots, EMPTY);
            return slots;
        }

        private int home(long slot) {
            return (int) (slot >>> PLACE_BITS) & slots.length - 1;
        }

        private int next(int i) {
            return i + 1 & slots.length - 1;
        }

        private void rebuild(int capacity) {
            long[] old = slots;
            slots = empty(capacity);
            for (long slot : old) {
                if (slot != EMPTY) {
                    insert(slot);
                }
            }
        }

        private void insert(long slot) {
            int i = home(slot);
            while (slots[i] != EMPTY) {
                i = next(i);
            }
            slots[i] = slot;
        }

        void add(long slot) {
            // three quarters
            if (4L * (size + 1) > 3L * slots.length) {
                if (slots.length == LARGEST_CAPACITY) {
                    throw new StateException("more waits for labels than there is room for; use more partitions");
                }
                rebuild(slots.length * 2);
            }
            size++;
            insert(slot);
        }

        /** Returns where a slot is; −1 if it is not there. */
        int indexOf(long slot) {
            for (int i = home(slot); slots[i] != EMPTY; i = next(i)) {
                if (slots[i] == slot) {
                    return i;
                }
            }
            return -1;
        }

        void remove(int index) {
            int hole = index;
            for (int i = next(hole); slots[i] != EMPTY; i = next(i)) {
                int mask = slots.length - 1;
                // an entry may move to the hole unless its home lies cyclically after the hole
                if ((i - home(slots[i]) & mask) >= (i - hole & mask)) {
                    slots[hole] = slots[i];
                    hole = i;
                }
            }
            slots[hole] = EMPTY;
            size--;
            if (slots.length > FIRST_CAPACITY && 8L * size < slots.length) {
                rebuild(slots.length / 2);
            }
        }
    }

    /** Says whether the entry at a place has the key that is looked for. */
    @FunctionalInterface
    interface Match {
        boolean isAt(long place);
    }

    private Bucket table(long hash) {
        return tables[(int) (hash >>> Long.SIZE - TABLE_BITS)];
    }

    private static long slot(long hash, long place) {
        return hash << PLACE_BITS | place;
    }

    /** Returns the number of entries. */
    long size() {
        return size;
    }

    /** Returns the place of the entry with a key; {@link #NONE} if there is none. */
    long find(long hash, Match match) {
        Bucket table = table(hash);
        long[] slots = table.slots;
        long wanted = slot(hash, 0);
        for (int i = table.home(wanted); slots[i] != EMPTY; i = i + 1 & slots.length - 1) {
            if ((slots[i] & ~PLACE_MASK) == wanted && match.isAt(slots[i] & PLACE_MASK)) {
                return slots[i] & PLACE_MASK;
            }
        }
        return NONE;
    }

    /** Returns whether there is an entry at a place. */
    boolean contains(long hash, long place) {
        return table(hash).indexOf(slot(hash, place)) >= 0;
    }

    /**
     * Adds an entry.
     *
     * @param place 0 or more, of at most {@value #PLACE_BITS} bits
     */
    void add(long hash, long place) {
        table(hash).add(slot(hash, place));
        size++;
    }

    /** Moves an entry that is there to another place. */
    void move(long hash, long from, long to) {
        Bucket table = table(hash);
        table.slots[table.indexOf(slot(hash, from))] = slot(hash, to);
    }

    /** Removes an entry that is there. */
    void remove(long hash, long place) {
        Bucket table = table(hash);
        table.remove(table.indexOf(slot(hash, place)));
        size--;
    }

    /** Removes all entries. */
    void clear() {
        Arrays.setAll(tables, i -> new Bucket());
        size = 0;
    }
}
