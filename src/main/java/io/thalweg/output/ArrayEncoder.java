package io.thalweg.output;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.avro.io.BinaryData;
import org.apache.avro.io.BinaryEncoder;

/**
 * An encoder of Avro's binary format that writes into an array and reuses it. Avro's own encoder copies everything
 * twice more, by way of a buffer and a stream.
 */
final class ArrayEncoder extends BinaryEncoder {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    /** The longest encoding of a whole number, in bytes. */
    private static final int LONGEST = 10;

    private byte[] bytes = new byte[1024];
    private int size;

    /** Discards what was written. */
    void reset() {
        size = 0;
    }

    /** Returns what was written, in a new array. */
    byte[] toByteArray() {
        return Arrays.copyOf(bytes, size);
    }

    private void makeRoom(int more) {
        if (bytes.length - size < more) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + more));
        }
    }

    @Override
    public void writeBoolean(boolean b) {
        makeRoom(1);
        bytes[size++] = (byte) (b ? 1 : 0);
    }

    @Override
    public void writeInt(int n) {
        makeRoom(LONGEST);
        if (n >= 0 && n < 64) {
            // one byte, which most union branches and counts take
            bytes[size++] = (byte) (n << 1);
        } else {
            size += BinaryData.encodeInt(n, bytes, size);
        }
    }

    @Override
    public void writeLong(long n) {
        makeRoom(LONGEST);
        size += BinaryData.encodeLong(n, bytes, size);
    }

    @Override
    public void writeFloat(float f) {
        makeRoom(Float.BYTES);
        INT.set(bytes, size, Float.floatToRawIntBits(f));
        size += Float.BYTES;
    }

    @Override
    public void writeDouble(double d) {
        makeRoom(Double.BYTES);
        LONG.set(bytes, size, Double.doubleToRawLongBits(d));
        size += Double.BYTES;
    }

    @Override
    public void writeFixed(byte[] from, int start, int length) {
        makeRoom(length);
        System.arraycopy(from, start, bytes, size, length);
        size += length;
    }

    @Override
    protected void writeZero() {
        makeRoom(1);
        bytes[size++] = 0;
    }

    @Override
    public int bytesBuffered() {
        return 0;
    }

    @Override
    public void flush() {
        // nothing is buffered elsewhere
    }
}
