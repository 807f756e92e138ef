package io.thalweg.store;

import java.util.Arrays;

/**
 * A hash table from the hashes of keys to the places of their entries: two longs for each entry, on the heap. Keys with
 * the same hash are told apart by whoever looks them up. It consists of many small tables, each of which grows by
 * itself, so that growing needs little memory and no long pause.
 *
 * <p>Linear probing with backward shift deletion (Knuth, <i>The Art of Computer Programming</i>, volume 3, section 6.4,
 * algorithms L and R).
 */
final class EventIndex {
    private static final int TABLE_BITS = 8;
    private static final int FIRST_CAPACITY = 16;
    /** Stands for an empty slot. */
    private static final long EMPTY = -1;
    /** What {@link #find} returns if there is no entry. */
    static final long NONE = EMPTY;

    private final Bucket[] tables = new Bucket[1 << TABLE_BITS];
    private long size;

    private static final class Bucket {
        long[] hashes = new long[FIRST_CAPACITY];
        long[] places = filled(FIRST_CAPACITY);
        int size;

        static long[] filled(int length) {
            long[] places = new long[length];
            Arrays.fill(places, EMPTY);
            return places;
        }

        int home(long hash) {
            return (int) hash & places.length - 1;
        }

        void grow() {
            long[] oldHashes = hashes;
            long[] oldPlaces = places;
            hashes = new long[oldHashes.length * 2];
            places = filled(oldPlaces.length * 2);
            for (int i = 0; i < oldPlaces.length; i++) {
                if (oldPlaces[i] != EMPTY) {
                    insert(oldHashes[i], oldPlaces[i]);
                }
            }
        }

        void insert(long hash, long place) {
            int i = home(hash);
            while (places[i] != EMPTY) {
                i = i + 1 & places.length - 1;
            }
            hashes[i] = hash;
            places[i] = place;
        }

        int slot(long hash, long place) {
            int i = home(hash);
            while (places[i] != EMPTY) {
                if (places[i] == place && hashes[i] == hash) {
                    return i;
                }
                i = i + 1 & places.length - 1;
            }
            return -1;
        }

        void remove(int slot) {
            int mask = places.length - 1;
            int hole = slot;
            int i = slot;
            while (true) {
                i = i + 1 & mask;
                if (places[i] == EMPTY) {
                    break;
                }
                // an entry may move to the hole unless its home lies cyclically after the hole
                if ((i - home(hashes[i]) & mask) >= (i - hole & mask)) {
                    hashes[hole] = hashes[i];
                    places[hole] = places[i];
                    hole = i;
                }
            }
            places[hole] = EMPTY;
        }
    }

    /** Says whether the entry at a place has the key that is looked for. */
    @FunctionalInterface
    interface Match {
        boolean isAt(long place);
    }

    private Bucket table(long hash) {
        int i = (int) (hash >>> Long.SIZE - TABLE_BITS);
        if (tables[i] == null) {
            tables[i] = new Bucket();
        }
        return tables[i];
    }

    /** Returns the number of entries. */
    long size() {
        return size;
    }

    /** Returns the place of the entry with a key; {@link #NONE} if there is none. */
    long find(long hash, Match match) {
        Bucket table = table(hash);
        int i = table.home(hash);
        while (table.places[i] != EMPTY) {
            if (table.hashes[i] == hash && match.isAt(table.places[i])) {
                return table.places[i];
            }
            i = i + 1 & table.places.length - 1;
        }
        return NONE;
    }

    /** Returns whether there is an entry at a place. */
    boolean contains(long hash, long place) {
        return table(hash).slot(hash, place) >= 0;
    }

    /**
     * Adds an entry.
     *
     * @param place 0 or more
     */
    void add(long hash, long place) {
        Bucket table = table(hash);
        // three quarters
        if (4 * ++table.size > 3 * table.places.length) {
            table.grow();
        }
        table.insert(hash, place);
        size++;
    }

    /** Moves an entry that is there to another place. */
    void move(long hash, long from, long to) {
        Bucket table = table(hash);
        table.places[table.slot(hash, from)] = to;
    }

    /** Removes an entry that is there. */
    void remove(long hash, long place) {
        Bucket table = table(hash);
        table.remove(table.slot(hash, place));
        table.size--;
        size--;
    }

    /** Removes all entries. */
    void clear() {
        Arrays.fill(tables, null);
        size = 0;
    }
}
