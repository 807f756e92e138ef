package io.thalweg.math;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The steps that a model has taken, written down so that they can be taken again: of each, the example with its features resolved.
 * Steps are deterministic, so a model that takes them from the same beginning ends the same, bit for bit. For a large model that is
 * far less to write than what the steps have changed.
 *
 * <p>A part begins with the version of the model before its first step, as eight bytes. A step is: the number of features; a byte
 * of flags; label and importance, where they are not 0, 1 and 1; the feature numbers, each as the difference from the one before,
 * where they are not 0, 1, 2, …; the values, where they are not all 1, as floats where all are. Whole numbers have seven bits to the
 * byte, the lowest first; differences are folded so that small negative ones stay short.
 */
public final class StepLog {
    /** A part has at most this many bytes. */
    private static final int PART = 1 << 18;

    private static final int POSITIVE = 1;
    private static final int OTHER_LABEL = 2;
    private static final int OTHER_IMPORTANCE = 4;
    private static final int IN_A_ROW = 8;
    private static final int ONES = 16;
    private static final int FLOATS = 32;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] part = new byte[1 << 8];
    private int size;
    private final List<byte[]> parts = new ArrayList<>();
    private long bytes;

    /** How many bytes it has. */
    public long bytes() {
        return bytes + size;
    }

    /** Empties it. */
    public void clear() {
        size = 0;
        bytes = 0;
        parts.clear();
    }

    /** Its parts, in order, each for one record. */
    public List<byte[]> parts() {
        close();
        return parts;
    }

    private void close() {
        if (size > 0) {
            parts.add(Arrays.copyOf(part, size));
            bytes += size;
            size = 0;
        }
    }

    /**
     * Writes a step down.
     *
     * @param version of the model before it
     * @param x its features resolved
     * @return whether that was possible: an example that might not fit into a part is not written
     */
    public boolean add(long version, Example x) {
        int features = x.size();
        // a number of 32 bits has up to five bytes
        long most = 30 + features * (5L + Double.BYTES);
        if (most > PART) {
            return false;
        }
        if (size + most > PART) {
            close();
        }
        if (size + most > part.length) {
            part = Arrays.copyOf(part, (int) Math.max(size + most, part.length * 2L));
        }
        if (size == 0) {
            putLong(version);
        }
        putNumber(features);
        int[] indices = x.indices();
        double[] values = x.values();
        int flags = flags(x);
        part[size++] = (byte) flags;
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
                putNumber(difference << 1 ^ difference >> 31);
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

    private void putNumber(int number) {
        int rest = number;
        while ((rest & ~0x7f) != 0) {
            part[size++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        part[size++] = (byte) rest;
    }

    private void putInt(int number) {
        INT.set(part, size, number);
        size += Integer.BYTES;
    }

    private void putLong(long number) {
        LONG.set(part, size, number);
        size += Long.BYTES;
    }

    /** The version of a model before the first step of a part. @throws IndexOutOfBoundsException if it is damaged */
    public static long firstVersion(byte[] part) {
        return new Reader(part).getLong();
    }

    /**
     * Takes the steps of a part again.
     *
     * @param model at the version before the first of them
     * @param algorithm as when they were taken first
     * @param metricsWindow as when they were taken first
     * @throws IllegalArgumentException or IndexOutOfBoundsException if the part is damaged or not the next
     */
    public static void replay(byte[] part, Model model, Algorithm algorithm, int metricsWindow) {
        Reader in = new Reader(part);
        long first = in.getLong();
        if (first != model.version()) {
            throw new IllegalArgumentException(
                    "steps from version " + first + " on, for a model at version " + model.version());
        }
        Example x = new Example();
        while (in.at < part.length) {
            in.read(x);
            double z = algorithm.logit(model, x);
            double tail = Logistic.tail(z);
            double a = Logistic.probability(z, tail);
            if (!algorithm.step(model, x, z, a)) {
                throw new IllegalArgumentException("a step that could not be taken");
            }
            double logLoss = Logistic.logLoss(z, x.label(), tail);
            model.validation().add(z, a, x.label(), logLoss, x.importance(), metricsWindow);
        }
    }

    private static final class Reader {
        private final byte[] part;
        private int at;

        Reader(byte[] part) {
            this.part = part;
        }

        void read(Example x) {
            x.clear();
            x.form(Form.SPARSE);
            int features = getNumber();
            int flags = part[at++];
            x.label((flags & OTHER_LABEL) != 0 ? Double.longBitsToDouble(getLong()) : flags & POSITIVE);
            if ((flags & OTHER_IMPORTANCE) != 0) {
                x.importance(Double.longBitsToDouble(getLong()));
            }
            int index = 0;
            for (int k = 0; k < features; k++) {
                if ((flags & IN_A_ROW) != 0) {
                    x.addIndex(k);
                } else {
                    int folded = getNumber();
                    index += folded >>> 1 ^ -(folded & 1);
                    x.addIndex(index);
                }
            }
            for (int k = 0; k < features; k++) {
                x.addValue(
                        (flags & ONES) != 0
                                ? 1
                                : (flags & FLOATS) != 0
                                        ? Float.intBitsToFloat(getInt())
                                        : Double.longBitsToDouble(getLong()));
            }
        }

        private int getNumber() {
            int number = 0;
            for (int shift = 0; ; shift += 7) {
                byte b = part[at++];
                number |= (b & 0x7f) << shift;
                if (b >= 0) {
                    return number;
                }
            }
        }

        private int getInt() {
            int number = (int) INT.get(part, at);
            at += Integer.BYTES;
            return number;
        }

        private long getLong() {
            long number = (long) LONG.get(part, at);
            at += Long.BYTES;
            return number;
        }
    }
}
