package io.thalweg.store;

import io.thalweg.math.Example;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Writes the entries of the {@link Journal}: the steps that models have taken, in the order in which they were taken, so that
 * {@link StepLogReader} can read them and they can be taken again. Of each step it holds the example with its features resolved. For a
 * large model that is far less to write than what the steps have changed; and because all models share one log, writing a step touches
 * nothing of its model, which with thousands of models would be in no cache.
 *
 * <p>An entry begins with the number of the model, its version and a byte of flags. A step, whose version is that before it, goes on
 * with the number of features; label and importance, where they are not 0, 1 and 1; the feature numbers, each as the difference from
 * the one before, where they are not 0, 1, 2, …; the values, where they are not all 1, as floats where all are. An entry that says that
 * a version was published is its flags alone. Whole numbers have seven bits to the byte, the lowest first; differences are folded so
 * that small negative ones stay short.
 */
final class StepLogWriter {
    /** A step that might take more bytes is not written. */
    private static final int LONGEST = 1 << 18;

    static final int POSITIVE = 1;
    static final int OTHER_LABEL = 2;
    static final int OTHER_IMPORTANCE = 4;
    static final int IN_A_ROW = 8;
    static final int ONES = 16;
    static final int FLOATS = 32;
    static final int PUBLISHED = 64;
    /** With {@link #PUBLISHED}: as one record. */
    static final int WHOLE = 1;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes = new byte[1 << 10];
    private int size;

    /** How many bytes it has. */
    int size() {
        return size;
    }

    /** Empties it. */
    void clear() {
        size = 0;
    }

    /** Copies all that is in it. @param from where it is to begin */
    void copyTo(byte[] to, int from) {
        System.arraycopy(bytes, 0, to, from, size);
    }

    /**
     * Writes a step down.
     *
     * @param model the number of the model
     * @param version of the model before it
     * @param x its features resolved
     * @return whether that was possible: an example that might take too many bytes is not written
     */
    boolean add(int model, long version, Example x) {
        int features = x.size();
        // a number of 32 bits has up to five bytes, one of 64 up to ten
        long most = 40 + features * (5L + Double.BYTES);
        if (most > LONGEST) {
            return false;
        }
        makeRoom((int) most);
        putNumber(model);
        putNumber(version);
        int[] indices = x.indices();
        double[] values = x.values();
        int flags = flags(x);
        bytes[size++] = (byte) flags;
        putNumber(features);
        if ((flags & OTHER_LABEL) != 0) {
            putLong(Double.doubleToRawLongBits(x.label()));
        }
        if ((flags & OTHER_IMPORTANCE) != 0) {
            putLong(Double.doubleToRawLongBits(x.importance()));
        }
        if ((flags & IN_A_ROW) == 0) {
            int before = 0;
            for (int k = 0; k < features; k++) {
                int difference = indices[k] - before;
                putNumber((difference << 1 ^ difference >> 31) & 0xffffffffL);
                before = indices[k];
            }
        }
        if ((flags & FLOATS) != 0) {
            for (int k = 0; k < features; k++) {
                putInt(Float.floatToRawIntBits((float) values[k]));
            }
        } else if ((flags & ONES) == 0) {
            for (int k = 0; k < features; k++) {
                putLong(Double.doubleToRawLongBits(values[k]));
            }
        }
        return true;
    }

    /** Writes down that a version of a model was published. @param whole whether as one record */
    void addPublished(int model, long version, boolean whole) {
        makeRoom(40);
        putNumber(model);
        putNumber(version);
        bytes[size++] = (byte) (whole ? PUBLISHED | WHOLE : PUBLISHED);
    }

    private static int flags(Example x) {
        int flags = ONES | FLOATS | IN_A_ROW;
        for (int k = 0; k < x.size(); k++) {
            double value = x.values()[k];
            if (value != 1) {
                flags &= ~ONES;
            }
            // by its bits, because −0 is not 0
            if (Double.doubleToRawLongBits((float) value) != Double.doubleToRawLongBits(value)) {
                flags &= ~FLOATS;
            }
            if (x.indices()[k] != k) {
                flags &= ~IN_A_ROW;
            }
        }
        if ((flags & ONES) != 0) {
            flags &= ~FLOATS;
        }
        if (x.label() == 1) {
            flags |= POSITIVE;
        } else if (Double.doubleToRawLongBits(x.label()) != 0) {
            flags |= OTHER_LABEL;
        }
        return x.importance() == 1 ? flags : flags | OTHER_IMPORTANCE;
    }

    private void makeRoom(int more) {
        if (bytes.length - size < more) {
            bytes = Arrays.copyOf(bytes, Math.max(size + more, 2 * bytes.length));
        }
    }

    private void putNumber(long number) {
        long rest = number;
        while ((rest & ~0x7f) != 0) {
            bytes[size++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        bytes[size++] = (byte) rest;
    }

    private void putInt(int number) {
        INT.set(bytes, size, number);
        size += Integer.BYTES;
    }

    private void putLong(long number) {
        LONG.set(bytes, size, number);
        size += Long.BYTES;
    }
}
