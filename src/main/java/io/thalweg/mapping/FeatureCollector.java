package io.thalweg.mapping;

import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.FeatureHash;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Collects the features of one event at a time: those that its fields add, and at the end the crosses of them, in the
 * order of the settings. Its arrays are reused for the next event. Not thread-safe.
 */
public final class FeatureCollector {
    /**
     * The most features, and the most values that are crossed, that an event may have. There must be a limit, because
     * sets that are crossed with each other multiply.
     */
    static final int MOST = 65_536;

    /**
     * The most bytes that the names of an event may have together: of features, of values that are crossed, and of
     * crosses.
     */
    static final int MOST_BYTES = 1 << 24;

    private static final int NO_SLOT = -1;

    private final Mapping mapping;
    private final List<String> operands;
    private final int[][] crosses;

    private final Map<String, CategorySample> categories = new LinkedHashMap<>();

    private Example x;

    // the values that are crossed: their names one after the other, where each name ends, and their numbers; and for
    // each operand the first of its values, and one past the last
    private byte[] names = new byte[256];
    private int[] ends = new int[16];
    private double[] values = new double[16];
    private int count;
    private final int[] firsts;
    private final int[] lasts;

    private byte[] cross = new byte[256];
    private long bytes;

    // the items of a set that have been seen, as a hash table over their bytes
    private int[] seen = new int[16];
    private int[] seenFrom = new int[8];
    private int[] seenLength = new int[8];
    private int seenCount;
    /** Those that are not within {@link FeatureHash#MOST_PROBES} of their slot. */
    private final Set<ByteBuffer> crowded = new TreeSet<>();

    public FeatureCollector(Mapping mapping) {
        this.mapping = mapping;
        operands = mapping.operands();
        crosses = mapping.crosses().stream()
                .map(names -> names.stream().mapToInt(operands::indexOf).toArray())
                .toArray(int[][]::new);
        firsts = new int[operands.size()];
        lasts = new int[operands.size()];
    }

    /**
     * Creates the encoder of a field.
     *
     * @param field its name, with dots for records in records
     * @return null if the field is neither a feature nor part of a cross
     */
    public FieldEncoder feature(String field) {
        return feature(field, true);
    }

    /** @param isSampled whether to look at what its categories are like */
    private FieldEncoder feature(String field, boolean isSampled) {
        boolean emitted = !mapping.isSpecial(field) && !mapping.isExcluded(field);
        int operand = operands.indexOf(field);
        return emitted || operand >= 0
                ? new FieldEncoder(
                        this, field, emitted, operand, mapping.buckets(field), isSampled ? sample(field) : null)
                : null;
    }

    private CategorySample sample(String field) {
        return categories.computeIfAbsent(field, name -> new CategorySample(mapping.isCategorical(name)));
    }

    /** Returns what the first categories of each field are like, in the order of the fields. */
    public Map<String, CategorySample> categories() {
        return Collections.unmodifiableMap(categories);
    }

    /** Forgets all categories. Encoders that were created before add none to {@link #categories} any more. */
    public void forgetCategories() {
        categories.clear();
    }

    /**
     * Creates the encoder of a field that is a time.
     *
     * @param times what {@link Mapping#times} returns for it
     */
    public TimeEncoder times(TimeParts times) {
        return new TimeEncoder(
                times,
                times.names().stream()
                        .map(name -> {
                            // an hour is meant to be a category, although it looks like a number
                            FieldEncoder part = feature(name, false);
                            return part == null ? new FieldEncoder(this, name, false, -1, null, null) : part;
                        })
                        .toList());
    }

    /**
     * Begins an event.
     *
     * @param example receives the features
     */
    public void begin(Example example) {
        x = example;
        x.form(FeatureForm.NAMED);
        count = 0;
        bytes = 0;
        Arrays.fill(firsts, 0);
        Arrays.fill(lasts, 0);
    }

    void add(byte[] prefix, int prefixLength, byte[] rest, int from, int length, double value) throws Rejection {
        bytes += prefixLength + length;
        if (x.size() == MOST || bytes > MOST_BYTES) {
            throw tooMany();
        }
        x.addNamed(prefix, prefixLength, rest, from, length, value);
    }

    private static Rejection tooMany() {
        return new Rejection(
                Reason.TOO_LARGE,
                "the event has more than " + MOST + " features or values that are crossed, or more than " + MOST_BYTES
                        + " bytes of names");
    }

    void addOperand(int operand, byte[] prefix, int prefixLength, byte[] rest, int from, int length, double value)
            throws Rejection {
        bytes += prefixLength + length;
        if (count == MOST || bytes > MOST_BYTES) {
            throw tooMany();
        }
        int start = count == 0 ? 0 : ends[count - 1];
        int end = start + prefixLength + length;
        if (end > names.length) {
            names = Arrays.copyOf(names, Math.max(2 * names.length, end));
        }
        if (count == ends.length) {
            ends = Arrays.copyOf(ends, 2 * count);
            values = Arrays.copyOf(values, 2 * count);
        }
        System.arraycopy(prefix, 0, names, start, prefixLength);
        System.arraycopy(rest, from, names, start + prefixLength, length);
        ends[count] = end;
        values[count] = value;
        if (lasts[operand] == 0) {
            firsts[operand] = count;
        }
        lasts[operand] = ++count;
    }

    /**
     * Ends an event by adding the crosses.
     *
     * @throws Rejection if there are too many
     */
    public void end() throws Rejection {
        for (int[] of : crosses) {
            long size = size(of);
            if (x.size() + size > MOST) {
                throw tooMany();
            }
            if (size > 0) {
                cross(of, 0, 0, 1);
            }
        }
    }

    /** How many features a cross makes; any number above {@link #MOST} if there are too many. */
    private long size(int[] of) {
        long size = 1;
        for (int operand : of) {
            int those = lasts[operand] - firsts[operand];
            if (those == 0) {
                return 0;
            }
            size = Math.min(size * those, MOST + 1L);
        }
        return size;
    }

    private void cross(int[] of, int depth, int length, double value) throws Rejection {
        if (depth == of.length) {
            bytes += length;
            if (bytes > MOST_BYTES) {
                throw tooMany();
            }
            x.addNamed(cross, length, cross, 0, 0, value);
            return;
        }
        int operand = of[depth];
        for (int i = firsts[operand]; i < lasts[operand]; i++) {
            int start = i == 0 ? 0 : ends[i - 1];
            int end = length + (depth == 0 ? 0 : 1) + ends[i] - start;
            if (end > cross.length) {
                cross = Arrays.copyOf(cross, Math.max(2 * cross.length, end));
            }
            int at = length;
            if (depth > 0) {
                cross[at++] = '*';
            }
            System.arraycopy(names, start, cross, at, ends[i] - start);
            cross(of, depth + 1, end, value * values[i]);
        }
    }

    /** Begins a set, in which each item counts once. */
    public void beginSet() {
        if (seen.length > 1024) {
            seen = new int[16];
        } else {
            Arrays.fill(seen, 0);
        }
        seenCount = 0;
        crowded.clear();
    }

    /**
     * Adds an item to the set.
     *
     * @param bytes must contain all items of the set until its end
     * @return whether the item is new
     */
    public boolean isNew(byte[] bytes, int from, int length) {
        if (!enter(seenCount + 1, bytes, from, length)) {
            return false;
        }
        if (seenCount == seenFrom.length) {
            seenFrom = Arrays.copyOf(seenFrom, 2 * seenCount);
            seenLength = Arrays.copyOf(seenLength, 2 * seenCount);
        }
        seenFrom[seenCount] = from;
        seenLength[seenCount] = length;
        seenCount++;
        if (2 * seenCount > seen.length) {
            seen = new int[2 * seen.length];
            crowded.clear();
            for (int i = 0; i < seenCount; i++) {
                enter(i + 1, bytes, seenFrom[i], seenLength[i]);
            }
        }
        return true;
    }

    /** Enters an item into the table, by its number from 1 on. Returns false if it is there. */
    private boolean enter(int number, byte[] bytes, int from, int length) {
        int slot = slot(bytes, from, length);
        if (slot == NO_SLOT) {
            return crowded.add(ByteBuffer.wrap(bytes, from, length));
        } else if (seen[slot] != 0) {
            return false;
        }
        seen[slot] = number;
        return true;
    }

    /** Returns the place of an item in the table, or the free place where it would go; {@link #NO_SLOT} if crowded. */
    private int slot(byte[] bytes, int from, int length) {
        int mask = seen.length - 1;
        int slot = FeatureHash.of(bytes, from, length) & mask;
        for (int probes = 0; probes < FeatureHash.MOST_PROBES; probes++) {
            if (seen[slot] == 0) {
                return slot;
            }
            int other = seen[slot] - 1;
            if (Arrays.equals(
                    bytes, from, from + length, bytes, seenFrom[other], seenFrom[other] + seenLength[other])) {
                return slot;
            }
            slot = slot + 1 & mask;
        }
        return NO_SLOT;
    }
}
