package io.thalweg.store;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A growing array of bytes that numbers are written to. {@link PackedReader} reads them. {@link #makeRoom} must come
 * before what is written.
 */
final class PackedWriter {
    /** The most bytes that {@link #putNumber} writes. */
    static final int LONGEST_NUMBER = 10;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes = new byte[1 << 10];
    private int size;

    /** Returns the size in bytes. */
    int size() {
        return size;
    }

    /** Returns the array, of which the first {@link #size()} bytes count. It is replaced when it grows. */
    byte[] bytes() {
        return bytes;
    }

    /** Removes everything. */
    void clear() {
        size = 0;
    }

    /** Makes room for so many bytes. */
    void makeRoom(int more) {
        if (bytes.length - size < more) {
            bytes = Arrays.copyOf(bytes, Math.max(Math.addExact(size, more), 2 * bytes.length));
        }
    }

    void putByte(int b) {
        bytes[size++] = (byte) b;
    }

    /** Writes a number with seven bits per byte, the lowest first. Numbers below 0 take {@value #LONGEST_NUMBER}. */
    void putNumber(long number) {
        long rest = number;
        while ((rest & ~0x7f) != 0) {
            bytes[size++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        bytes[size++] = (byte) rest;
    }

    void putInt(int number) {
        INT.set(bytes, size, number);
        size += Integer.BYTES;
    }

    void putLong(long number) {
        LONG.set(bytes, size, number);
        size += Long.BYTES;
    }

    void putDouble(double number) {
        putLong(Double.doubleToRawLongBits(number));
    }

    void putFloat(float number) {
        putInt(Float.floatToRawIntBits(number));
    }

    /** Writes bytes, without their number. */
    void putBytes(byte[] from, int at, int length) {
        System.arraycopy(from, at, bytes, size, length);
        size += length;
    }

    /** Writes bytes, after their number. */
    void putCounted(byte[] from) {
        putNumber(from.length);
        putBytes(from, 0, from.length);
    }

    /** Overwrites a number that {@link #putInt} has written. @param at where it begins */
    void setInt(int at, int number) {
        INT.set(bytes, at, number);
    }
}
