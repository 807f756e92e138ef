package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;

/**
 * The format of the features of an example: their numbers, each as the difference from the one before, unless they are
 * 0, 1, 2, …; or their names; and their values, unless all are 1, as floats if no value loses digits. Differences are
 * zigzag encoded, so that small negative ones stay short.
 */
final class FeatureCodec {
    // flags, which the caller writes
    static final int IN_A_ROW = 8;
    static final int ONES = 16;
    static final int FLOATS = 32;

    private FeatureCodec() {}

    /** Returns an upper bound of the size of numbers and values, in bytes. */
    static long mostBytes(int features) {
        // a 32-bit number takes up to five bytes
        return features * (5L + Double.BYTES);
    }

    /** Returns the flags that fit an example with numbered features. */
    static int flags(Example x) {
        int flags = flagsOfValues(x) | IN_A_ROW;
        for (int k = 0; k < x.size(); k++) {
            if (x.indices()[k] != k) {
                return flags & ~IN_A_ROW;
            }
        }
        return flags;
    }

    /** Returns the flags that fit the values of an example. */
    static int flagsOfValues(Example x) {
        int flags = ONES | FLOATS;
        for (int k = 0; k < x.size(); k++) {
            double value = x.values()[k];
            if (value != 1) {
                flags &= ~ONES;
            }
            // compares bits, because −0 is not 0
            if (Double.doubleToRawLongBits((float) value) != Double.doubleToRawLongBits(value)) {
                flags &= ~FLOATS;
            }
        }
        return (flags & ONES) != 0 ? flags & ~FLOATS : flags;
    }

    static void putIndices(PackedWriter out, Example x, int flags) {
        if ((flags & IN_A_ROW) == 0) {
            int[] indices = x.indices();
            int before = 0;
            for (int k = 0; k < x.size(); k++) {
                int difference = indices[k] - before;
                out.putNumber((difference << 1 ^ difference >> 31) & 0xffffffffL);
                before = indices[k];
            }
        }
    }

    static void readIndices(PackedReader in, Example x, int features, int flags) {
        int index = 0;
        for (int k = 0; k < features; k++) {
            if ((flags & IN_A_ROW) != 0) {
                x.addIndex(k);
            } else {
                int folded = (int) in.getNumber();
                index += folded >>> 1 ^ -(folded & 1);
                x.addIndex(index);
            }
        }
    }

    static void putValues(PackedWriter out, Example x, int flags) {
        double[] values = x.values();
        if ((flags & FLOATS) != 0) {
            for (int k = 0; k < x.size(); k++) {
                out.putFloat((float) values[k]);
            }
        } else if ((flags & ONES) == 0) {
            for (int k = 0; k < x.size(); k++) {
                out.putDouble(values[k]);
            }
        }
    }

    static void readValues(PackedReader in, Example x, int features, int flags) {
        for (int k = 0; k < features; k++) {
            x.addValue(readValue(in, flags));
        }
    }

    private static double readValue(PackedReader in, int flags) {
        return (flags & ONES) != 0 ? 1 : (flags & FLOATS) != 0 ? in.getFloat() : in.getDouble();
    }

    /** Writes the features of an example of any form, as they were before they were resolved. */
    static void putUnresolved(PackedWriter out, Example x) {
        int size = x.size();
        FeatureForm form = x.form();
        if (form == null) {
            throw new IllegalArgumentException("an example without features");
        }
        boolean named = form == FeatureForm.NAMED;
        int flags = form == FeatureForm.SPARSE ? flags(x) : flagsOfValues(x);
        long most = 2 + PackedWriter.LONGEST_NUMBER + mostBytes(size);
        for (int k = 0; named && k < size; k++) {
            most += x.nameLength(k);
        }
        out.makeRoom(Math.toIntExact(most));
        out.putByte(form.ordinal());
        out.putByte(flags);
        out.putNumber(size);
        if (form == FeatureForm.SPARSE) {
            putIndices(out, x, flags);
        }
        for (int k = 0; named && k < size; k++) {
            out.putNumber(x.nameLength(k));
            out.putBytes(x.names(), x.nameStart(k), x.nameLength(k));
        }
        putValues(out, x, flags);
    }

    /** Reads what {@link #putUnresolved} has written into a cleared example. */
    static void readUnresolved(PackedReader in, Example x) {
        FeatureForm form = FeatureForm.values()[in.getByte()];
        int flags = in.getByte();
        int size = (int) in.getNumber();
        x.form(form);
        if (form == FeatureForm.SPARSE) {
            readIndices(in, x, size, flags);
        }
        if (form != FeatureForm.NAMED) {
            readValues(in, x, size, flags);
            return;
        }
        // values come after names, and a named feature is added with both
        int names = in.position();
        for (int k = 0; k < size; k++) {
            in.skip((int) in.getNumber());
        }
        PackedReader values = new PackedReader(in.bytes(), in.position());
        in.reset(in.bytes(), names);
        for (int k = 0; k < size; k++) {
            int length = (int) in.getNumber();
            x.addNamed(in.bytes(), in.position(), length, readValue(values, flags));
            in.skip(length);
        }
        in.reset(in.bytes(), values.position());
    }
}
