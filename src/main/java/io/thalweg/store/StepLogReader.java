package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Reads the entries that {@link StepLogWriter} has written, one after the other. If they are damaged, it throws an
 * IndexOutOfBoundsException or reads something else.
 */
final class StepLogReader {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] bytes;
    private int at;
    private int model;
    private long version;
    private int flags;
    private final Example x = new Example();

    /**
     * Creates a reader.
     *
     * @param bytes an array that ends with the last entry
     * @param from where the first entry begins
     */
    StepLogReader(byte[] bytes, int from) {
        this.bytes = bytes;
        at = from;
    }

    /**
     * Moves to the next entry.
     *
     * @return whether there is one
     */
    boolean next() {
        if (at == bytes.length) {
            return false;
        }
        model = (int) getNumber();
        version = getNumber();
        flags = bytes[at++];
        if (!isPublished()) {
            readStep();
        }
        return true;
    }

    /** Returns the number of the model that the entry is about. */
    int model() {
        return model;
    }

    /** Returns the version of the model: the one before the step, or the one that was published. */
    long version() {
        return version;
    }

    /** Returns whether the entry says that a version was published. If not, it is a step. */
    boolean isPublished() {
        return (flags & StepLogWriter.PUBLISHED) != 0;
    }

    /** Returns whether the version was published as one record. */
    boolean whole() {
        return (flags & StepLogWriter.WHOLE) != 0;
    }

    /** Returns the example of the step, its features resolved. The object is reused for the next entry. */
    Example example() {
        return x;
    }

    private void readStep() {
        x.clear();
        x.form(FeatureForm.SPARSE);
        int features = (int) getNumber();
        x.label(
                (flags & StepLogWriter.OTHER_LABEL) != 0
                        ? Double.longBitsToDouble(getLong())
                        : flags & StepLogWriter.POSITIVE);
        if ((flags & StepLogWriter.OTHER_IMPORTANCE) != 0) {
            x.importance(Double.longBitsToDouble(getLong()));
        }
        int index = 0;
        for (int k = 0; k < features; k++) {
            if ((flags & StepLogWriter.IN_A_ROW) != 0) {
                x.addIndex(k);
            } else {
                int folded = (int) getNumber();
                index += folded >>> 1 ^ -(folded & 1);
                x.addIndex(index);
            }
        }
        for (int k = 0; k < features; k++) {
            x.addValue(
                    (flags & StepLogWriter.ONES) != 0
                            ? 1
                            : (flags & StepLogWriter.FLOATS) != 0
                                    ? Float.intBitsToFloat(getInt())
                                    : Double.longBitsToDouble(getLong()));
        }
    }

    private long getNumber() {
        long number = 0;
        for (int shift = 0; ; shift += 7) {
            byte b = bytes[at++];
            number |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return number;
            }
        }
    }

    private int getInt() {
        int number = (int) INT.get(bytes, at);
        at += Integer.BYTES;
        return number;
    }

    private long getLong() {
        long number = (long) LONG.get(bytes, at);
        at += Long.BYTES;
        return number;
    }
}
