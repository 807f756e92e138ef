package io.thalweg.store;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A reader of what {@link PackedWriter} has written. If the bytes are damaged, it throws an IndexOutOfBoundsException
 * or reads something else.
 */
final class PackedReader {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes;
    private int at;

    /**
     * Creates a reader.
     *
     * @param from where the first number begins
     */
    PackedReader(byte[] bytes, int from) {
        reset(bytes, from);
    }

    /** Starts to read other bytes. */
    void reset(byte[] from, int begin) {
        bytes = from;
        at = begin;
    }

    /** Returns where the next number begins. */
    int position() {
        return at;
    }

    /** Goes to a place. */
    void position(int place) {
        at = place;
    }

    /** Returns the bytes that are read. */
    byte[] bytes() {
        return bytes;
    }

    /** Passes over bytes. */
    void skip(int count) {
        at += count;
    }

    /** Returns whether the end of the array is reached. */
    boolean isAtEnd() {
        return at == bytes.length;
    }

    int getByte() {
        return bytes[at++];
    }

    /** Reads a number with seven bits per byte. */
    long getNumber() {
        long number = 0;
        for (int shift = 0; ; shift += 7) {
            byte b = bytes[at++];
            number |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return number;
            }
        }
    }

    int getInt() {
        int number = (int) INT.get(bytes, at);
        at += Integer.BYTES;
        return number;
    }

    long getLong() {
        long number = (long) LONG.get(bytes, at);
        at += Long.BYTES;
        return number;
    }

    double getDouble() {
        return Double.longBitsToDouble(getLong());
    }

    float getFloat() {
        return Float.intBitsToFloat(getInt());
    }

    /** Reads bytes that {@link PackedWriter#putCounted} has written. */
    byte[] getCounted() {
        int length = (int) getNumber();
        byte[] counted = Arrays.copyOfRange(bytes, at, at + length);
        at += length;
        return counted;
    }
}
