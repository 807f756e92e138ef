package io.thalweg.input;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The ids of models by the bytes that stand for them in records, so that an id is decoded and checked once and not for
 * each record. It remembers up to {@value #MOST}; of more, it forgets some. Not thread-safe.
 */
final class ModelIds {
    private static final int MOST = 1 << 15;
    private static final int FEW = 1 << 6;
    /** Among how many neighboring places an id looks for a free one. A power of two. */
    private static final int PLACES = 4;

    private byte[] @Nullable [] keys = new byte[FEW][];
    private @Nullable String[] ids = new String[FEW];
    private int size;

    /** Returns the id that stands for some bytes; null if it is not remembered. */
    @Nullable
    String get(byte[] utf8, int length) {
        int first = first(hash(utf8, length));
        for (int place = first; place < first + PLACES; place++) {
            byte[] key = keys[place];
            if (key != null && Arrays.equals(key, 0, key.length, utf8, 0, length)) {
                return ids[place];
            }
        }
        return null;
    }

    /**
     * Remembers an id.
     *
     * @param utf8 the bytes that stand for it, for which {@link #get} returned null; kept, not copied
     */
    void put(byte[] utf8, String id) {
        if (size > keys.length / 2 && keys.length < MOST) {
            grow();
        }
        int hash = hash(utf8, utf8.length);
        int first = first(hash);
        int place = first;
        while (place < first + PLACES && keys[place] != null) {
            place++;
        }
        if (place == first + PLACES) {
            // another part of the hash, so that it is not always the same one that is forgotten
            place = first + (hash >>> 16 & PLACES - 1);
            size--;
        }
        keys[place] = utf8;
        ids[place] = id;
        size++;
    }

    private void grow() {
        byte[] @Nullable [] keysBefore = keys;
        @Nullable String[] idsBefore = ids;
        keys = new byte[keysBefore.length * 2][];
        ids = new String[keysBefore.length * 2];
        size = 0;
        for (int i = 0; i < keysBefore.length; i++) {
            if (keysBefore[i] != null) {
                put(keysBefore[i], idsBefore[i]);
            }
        }
    }

    /** The first of the places of an id. */
    private int first(int hash) {
        return hash & keys.length - PLACES;
    }

    private static int hash(byte[] bytes, int length) {
        int hash = 0;
        for (int i = 0; i < length; i++) {
            hash = 31 * hash + bytes[i];
        }
        // spread, as neighboring ids differ in the last bits only
        hash *= 0x9e3779b9;
        return hash ^ hash >>> 15;
    }
}
