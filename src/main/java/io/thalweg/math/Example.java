package io.thalweg.math;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * One event, read into arrays that are used again for the next one: nothing is allocated per feature.
 *
 * <p>An example is filled by a decoder and then seen by a {@link Learner}. Its features keep the order in which they were added.
 */
public final class Example {
    /** An index that stands for a feature that the model has not met and, without a label, need not. */
    static final int UNMET = -1;

    /** How often it has been emptied: whoever remembers something of an example can tell whether it still is that example. */
    private long revision;

    private byte[] id;
    private boolean labelled;
    private double label;
    private double importance;
    private FeatureForm form;

    private int size;
    private int indexCount;
    private int[] indices = new int[64];
    private double[] values = new double[64];

    private byte[] names = new byte[1024];
    private int[] nameEnds = new int[64];
    private int namesEnd;

    /** Empties it: no id, no label, importance 1, no features. */
    public void clear() {
        revision++;
        id = null;
        labelled = false;
        label = Double.NaN;
        importance = 1;
        form = null;
        size = 0;
        namesEnd = 0;
        indexCount = 0;
    }

    /** Names the example. @param utf8 the name as UTF-8, or null for none; kept, not copied */
    public void id(byte[] utf8) {
        id = utf8;
    }

    /** Gives it a label. @param y checked when it is learned, not here */
    public void label(double y) {
        labelled = true;
        label = y;
    }

    /** Sets its importance. @param c checked when it is learned, not here */
    public void importance(double c) {
        importance = c;
    }

    /** Says in which form the features follow. */
    public void form(FeatureForm featureForm) {
        form = featureForm;
    }

    /** Adds the value of the next feature: dense, or sparse beside the index at the same position. */
    public void addValue(double value) {
        if (size == values.length) {
            values = Arrays.copyOf(values, size * 2);
        }
        values[size++] = value;
    }

    /** Adds the index of the next sparse feature. */
    public void addIndex(int index) {
        if (indexCount == indices.length) {
            indices = Arrays.copyOf(indices, indexCount * 2);
        }
        indices[indexCount++] = index;
    }

    /** Adds a named feature. @param utf8 holds the name, which is copied */
    public void addNamed(byte[] utf8, int from, int length, double value) {
        addNamed(utf8, 0, utf8, from, length, value);
    }

    /** Adds a named feature whose name is the first bytes of one array and then some of another. Both are copied. */
    public void addNamed(byte[] prefix, int prefixLength, byte[] utf8, int from, int length, double value) {
        int middle = namesEnd + prefixLength;
        int end = middle + length;
        if (end > names.length) {
            names = Arrays.copyOf(names, Math.max(names.length * 2, end));
        }
        System.arraycopy(prefix, 0, names, namesEnd, prefixLength);
        if (length > 0) {
            System.arraycopy(utf8, from, names, middle, length);
        }
        if (size == nameEnds.length) {
            nameEnds = Arrays.copyOf(nameEnds, size * 2);
        }
        nameEnds[size] = end;
        namesEnd = end;
        addValue(value);
    }

    /** The name of the example as UTF-8, or null. */
    public byte[] id() {
        return id;
    }

    public boolean labelled() {
        return labelled;
    }

    /** Another number once it has been emptied and filled again. */
    long revision() {
        return revision;
    }

    /** The label y; NaN without one. */
    public double label() {
        return label;
    }

    public double importance() {
        return importance;
    }

    /** The form of the features; null if there are none. */
    public FeatureForm form() {
        return form;
    }

    /** How many features it has. */
    public int size() {
        return size;
    }

    /** The number of a feature. @param k its place, below {@link #size()}; sparse, or seen by a {@link Learner} */
    public int index(int k) {
        return indices[k];
    }

    /** How many indices it has; of a sparse example as many as features, or it is not valid. */
    int indexCount() {
        return indexCount;
    }

    /**
     * The numbers of the features, in order: the first {@link #size()} count, once a {@link Learner} has resolved them. Not to be
     * changed.
     */
    public int[] indices() {
        return indices;
    }

    /** The values of the features, in order: the first {@link #size()} count. Not to be changed. */
    public double[] values() {
        return values;
    }

    /** The name of a named feature. @param k its place, from 0 up to and without {@link #size()} */
    public String name(int k) {
        return new String(names, nameStart(k), nameLength(k), StandardCharsets.UTF_8);
    }

    /** The value of a feature. @param k its place, from 0 up to and without {@link #size()} */
    public double value(int k) {
        return values[k];
    }

    byte[] names() {
        return names;
    }

    int nameStart(int k) {
        return k == 0 ? 0 : nameEnds[k - 1];
    }

    int nameLength(int k) {
        return nameEnds[k] - nameStart(k);
    }

    /** Makes room for an index for every feature, to be set by {@link #resolve}. */
    void resolveAll() {
        if (indices.length < size) {
            indices = new int[values.length];
        }
        indexCount = size;
    }

    void resolve(int k, int index) {
        indices[k] = index;
    }
}
