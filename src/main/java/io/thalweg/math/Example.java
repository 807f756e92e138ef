package io.thalweg.math;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One event: features, and perhaps an id, a label and an importance. The arrays are reused for the next event, so that
 * nothing is allocated for each feature.
 *
 * <p>A decoder fills an example, and a {@link Learner} then uses it. Features keep the order in which they were added.
 */
public final class Example {
    /** The number of a feature that the model does not have and, because the example has no label, does not get. */
    static final int UNMET = -1;

    /**
     * How often the example was cleared or labeled. Whoever caches results for an example can tell by this whether it
     * still is the same.
     */
    private long revision;

    private byte @Nullable [] id;
    private boolean labelled;
    private double label;
    private double importance;
    private @Nullable FeatureForm form;

    private int size;
    private int indexCount;
    private int[] indices = new int[64];
    private double[] values = new double[64];

    private byte[] names = new byte[1024];
    private int[] nameEnds = new int[64];
    private int namesEnd;

    /** Removes everything: no id, no label, importance 1, no features. */
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

    /**
     * Sets the id of the event.
     *
     * @param utf8 the id as UTF-8, or null for none; kept, not copied
     */
    public void id(byte @Nullable [] utf8) {
        id = utf8;
    }

    /**
     * Sets the label.
     *
     * @param y checked by {@link Learner#validate}, not here
     */
    public void label(double y) {
        // features that the model does not have get a number only if there is a label
        revision++;
        labelled = true;
        label = y;
    }

    /**
     * Sets the importance.
     *
     * @param c checked by {@link Learner#validate}, not here
     */
    public void importance(double c) {
        importance = c;
    }

    /** Sets the form of the features, which are added next. */
    public void form(FeatureForm featureForm) {
        form = featureForm;
    }

    /** Adds the value of the next feature: a dense one, or a sparse one whose index has the same position. */
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

    /**
     * Adds a named feature.
     *
     * @param utf8 an array that contains the name, which is copied
     */
    public void addNamed(byte[] utf8, int from, int length, double value) {
        addNamed(utf8, 0, utf8, from, length, value);
    }

    /** Adds a named feature whose name is the beginning of one array followed by a part of another. Both are copied. */
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

    /** Returns the id as UTF-8, or null if there is none. */
    public byte @Nullable [] id() {
        return id;
    }

    /** Returns whether there is a label. */
    public boolean labelled() {
        return labelled;
    }

    /** Returns a number that changes whenever the example is cleared or labeled. */
    long revision() {
        return revision;
    }

    /** Returns the label y; NaN if there is none. */
    public double label() {
        return label;
    }

    /** Returns the importance. */
    public double importance() {
        return importance;
    }

    /** Returns the form of the features; null if there are no features. */
    public @Nullable FeatureForm form() {
        return form;
    }

    /** Returns the form of the features of a valid example, which has some. */
    FeatureForm validForm() {
        if (form == null) {
            throw new IllegalStateException("the example has no features");
        }
        return form;
    }

    /** Returns how many features there are. */
    public int size() {
        return size;
    }

    /**
     * Returns the number of a feature. Only sparse features have one before a {@link Learner} has resolved the example.
     *
     * @param k the place of the feature, from 0 up to and without {@link #size()}
     */
    public int index(int k) {
        return indices[k];
    }

    /** Returns how many indices there are. A valid sparse example has as many as features. */
    int indexCount() {
        return indexCount;
    }

    /**
     * Returns the numbers of the features, in order. The first {@link #size()} are valid once a {@link Learner} has
     * resolved the example. Not to be changed.
     */
    public int[] indices() {
        return indices;
    }

    /** Returns the values of the features, in order. The first {@link #size()} are valid. Not to be changed. */
    public double[] values() {
        return values;
    }

    /**
     * Returns the name of a named feature.
     *
     * @param k the place of the feature, from 0 up to and without {@link #size()}
     */
    public String name(int k) {
        return new String(names, nameStart(k), nameLength(k), StandardCharsets.UTF_8);
    }

    /**
     * Returns the value of a feature.
     *
     * @param k the place of the feature, from 0 up to and without {@link #size()}
     */
    public double value(int k) {
        return values[k];
    }

    /** Returns an array with the names of all features as UTF-8. Not to be changed. */
    public byte[] names() {
        return names;
    }

    /** Returns where in {@link #names} the name of a feature begins. */
    public int nameStart(int k) {
        return k == 0 ? 0 : nameEnds[k - 1];
    }

    /** Returns the length of the name of a feature, in bytes. */
    public int nameLength(int k) {
        return nameEnds[k] - nameStart(k);
    }

    /** Makes room for an index of every feature, to be set by {@link #resolve}. */
    void resolveAll() {
        if (indices.length < size) {
            indices = new int[values.length];
        }
        indexCount = size;
    }

    /** Sets the number of a feature. */
    void resolve(int k, int index) {
        indices[k] = index;
    }
}
