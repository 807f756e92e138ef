package io.thalweg.store;

import io.thalweg.math.Example;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Writes the entries of the {@link Journal}: the steps of all models, in the order in which they were taken.
 * {@link StepLogReader} reads them, so that they can be taken again. A step is written as its example with resolved
 * features. For a large model that is much less than what the steps have changed. Because all models share one log,
 * writing a step does not touch any data of its model, which with thousands of models would be in no cache.
 *
 * <p>An entry begins with the number of the model, its version, and a byte of flags. The rest depends on what the entry
 * says:
 *
 * <ul>
 *   <li>A step, whose version is the one before it, has the number of features; the label, unless it is 0 or 1; the
 *       importance, unless it is 1; the feature numbers, each as the difference from the one before, unless they are 0,
 *       1, 2, …; and the values, unless all are 1, as floats if no value loses digits.
 *   <li>The publication of a version has nothing else.
 * </ul>
 *
 * <p>Whole numbers have seven bits per byte, the lowest first. Differences are zigzag encoded, so that small negative
 * ones stay short.
 */
final class StepLogWriter {
    /** The largest size of an entry, in bytes. A step that might be larger is not written. */
    private static final int LONGEST = 1 << 18;

    static final int POSITIVE = 1;
    static final int OTHER_LABEL = 2;
    static final int OTHER_IMPORTANCE = 4;
    static final int IN_A_ROW = 8;
    static final int ONES = 16;
    static final int FLOATS = 32;
    static final int PUBLISHED = 64;
    /** With {@link #PUBLISHED}: published as one record. */
    static final int WHOLE = 1;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes = new byte[1 << 10];
    private int size;

    /** Returns the size in bytes. */
    int size() {
        return size;
    }

    /** Removes all entries. */
    void clear() {
        size = 0;
    }

    /**
     * Copies all entries.
     *
     * @param to an array with enough room
     * @param from where in that array the first entry is to begin
     */
    void copyTo(byte[] to, int from) {
        System.arraycopy(bytes, 0, to, from, size);
    }

    /**
     * Writes a step.
     *
     * @param model the number of the model
     * @param version the version of the model before the step
     * @param x the example, its features resolved
     * @return whether it was written: a step that might be larger than {@value #LONGEST} bytes is not
     */
    boolean add(int model, long version, Example x) {
        int features = x.size();
        // a 32-bit number takes up to five bytes, a 64-bit number up to ten
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

    /**
     * Writes that a version of a model was published.
     *
     * @param whole whether as one record
     */
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
            // compares bits, because −0 is not 0
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
