package io.thalweg.math;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The steps that models have taken, written down in the order in which they were taken so that they can be taken again: of each, the
 * example with its features resolved. Steps are deterministic, so a model that takes them from the same beginning ends the same, bit
 * for bit. For a large model that is far less to write than what the steps have changed; and because all models share one log, writing
 * a step down touches nothing of its model, which with thousands of models would be in no cache.
 *
 * <p>An entry begins with the number of the model, its version and a byte of flags. A step, whose version is that before it, goes on
 * with the number of features; label and importance, where they are not 0, 1 and 1; the feature numbers, each as the difference from
 * the one before, where they are not 0, 1, 2, …; the values, where they are not all 1, as floats where all are. An entry that says that
 * a version was published is its flags alone. Whole numbers have seven bits to the byte, the lowest first; differences are folded so
 * that small negative ones stay short.
 */
public final class StepLog {
    /** A step that might take more bytes is not written down. */
    private static final int LONGEST = 1 << 18;

    private static final int POSITIVE = 1;
    private static final int OTHER_LABEL = 2;
    private static final int OTHER_IMPORTANCE = 4;
    private static final int IN_A_ROW = 8;
    private static final int ONES = 16;
    private static final int FLOATS = 32;
    private static final int PUBLISHED = 64;
    /** With {@link #PUBLISHED}: as one record. */
    private static final int WHOLE = 1;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes = new byte[1 << 10];
    private int size;

    /** How many bytes it has. */
    public int size() {
        return size;
    }

    /** Empties it. */
    public void clear() {
        size = 0;
    }

    /** Copies all that is in it. @param from where it is to begin */
    public void copyTo(byte[] to, int from) {
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
    public boolean add(int model, long version, Example x) {
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
    public void addPublished(int model, long version, boolean whole) {
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

    /** Reads entries one after the other. Where they are damaged it throws an IndexOutOfBoundsException, or reads something else. */
    public static final class Reader {
        private final byte[] bytes;
        private int at;
        private int model;
        private long version;
        private int flags;
        private final Example x = new Example();

        /** @param from where the first entry begins; the last ends with the array */
        public Reader(byte[] bytes, int from) {
            this.bytes = bytes;
            at = from;
        }

        /** Goes on to the next entry. @return whether there is one */
        public boolean next() {
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

        /** The number of the model that the entry is of. */
        public int model() {
            return model;
        }

        /** The version of the model: the one before the step, or the one that was published. */
        public long version() {
            return version;
        }

        /** Whether the entry says that a version was published; otherwise it is a step. */
        public boolean isPublished() {
            return (flags & PUBLISHED) != 0;
        }

        /** Whether it was published as one record. */
        public boolean whole() {
            return (flags & WHOLE) != 0;
        }

        /**
         * Takes the step again.
         *
         * @param of the model that took it, at the version before it
         * @param optimizer as when it was taken first
         * @param metricsWindow as when it was taken first
         * @throws IllegalArgumentException if it is not the next, or cannot be taken
         */
        public void take(Model of, Optimizer optimizer, int metricsWindow) {
            if (version != of.version()) {
                throw new IllegalArgumentException(
                        "steps from version " + version + " on, for a model at version " + of.version());
            }
            double z = optimizer.logit(of, x);
            double tail = Logistic.tail(z);
            double a = Logistic.probability(z, tail);
            if (!optimizer.step(of, x, z, a)) {
                throw new IllegalArgumentException("a step that could not be taken");
            }
            double logLoss = Logistic.logLoss(z, x.label(), tail);
            of.validation().add(z, a, x.label(), logLoss, x.importance(), metricsWindow);
        }

        private void readStep() {
            x.clear();
            x.form(FeatureForm.SPARSE);
            int features = (int) getNumber();
            x.label((flags & OTHER_LABEL) != 0 ? Double.longBitsToDouble(getLong()) : flags & POSITIVE);
            if ((flags & OTHER_IMPORTANCE) != 0) {
                x.importance(Double.longBitsToDouble(getLong()));
            }
            int index = 0;
            for (int k = 0; k < features; k++) {
                if ((flags & IN_A_ROW) != 0) {
                    x.addIndex(k);
                } else {
                    int folded = (int) getNumber();
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
}
