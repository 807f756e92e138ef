package io.thalweg.math;

import io.thalweg.math.Rejection.Reason;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Checks examples before anything is done with them, so that a model never sees one that it cannot use. Not
 * thread-safe.
 */
final class ExampleValidator {
    private static final int LONGEST_NAME = 100;
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{C}\\p{Zl}\\p{Zp}]");

    private final LearnerSettings settings;
    private final Distinct distinct = new Distinct();

    ExampleValidator(LearnerSettings settings) {
        this.settings = settings;
    }

    /**
     * Checks what can be checked without the model.
     *
     * @throws Rejection if the example cannot be used
     */
    void check(Example x) throws Rejection {
        if (x.form() == null) {
            throw new Rejection(
                    Reason.NO_FEATURES,
                    "field features is null or not there; give an array, a SparseFeatures record or a map, or set label"
                            + " if each field of the event is a feature");
        }
        if (settings.requiredForm() != null && settings.requiredForm() != x.form()) {
            throw new Rejection(
                    Reason.FORM_DIFFERS,
                    "features are " + word(x.form()) + "; features.form allows only " + word(settings.requiredForm()));
        }
        if (x.labelled()) {
            if (!Double.isFinite(x.label())) {
                throw new Rejection(
                        Reason.NOT_FINITE, "field label is " + x.label() + "; it must be a number from 0 to 1");
            }
            if (x.label() < 0 || x.label() > 1) {
                throw new Rejection(
                        Reason.LABEL_OUT_OF_RANGE, "field label is " + x.label() + "; it must be from 0 to 1");
            }
        }
        if (!Double.isFinite(x.importance())) {
            throw new Rejection(
                    Reason.NOT_FINITE, "field importance is " + x.importance() + "; it must be a number, 0 or more");
        }
        if (x.importance() < 0) {
            throw new Rejection(
                    Reason.NEGATIVE_IMPORTANCE, "field importance is " + x.importance() + "; it must be 0 or more");
        }
        if (x.form() == FeatureForm.SPARSE && x.indexCount() != x.size()) {
            throw new Rejection(
                    Reason.LENGTHS_DIFFER,
                    "features have " + x.indexCount() + " indices and " + x.size()
                            + " values; give one value for each index");
        }
        if (x.size() == 0) {
            throw new Rejection(Reason.EMPTY, "field features is empty; an example needs at least one feature");
        }
        for (int k = 0; k < x.size(); k++) {
            if (!Double.isFinite(x.values()[k])) {
                throw new Rejection(
                        Reason.NOT_FINITE,
                        "the value of feature " + position(x, k) + " is " + x.values()[k] + "; it must be finite");
            }
        }
        switch (x.form()) {
            case DENSE -> checkIndex(x.size() - 1, x.size() - 1);
            case SPARSE -> {
                boolean rising = true;
                for (int k = 0; k < x.size(); k++) {
                    checkIndex(x.indices()[k], k);
                    rising &= k == 0 || x.indices()[k] > x.indices()[k - 1];
                }
                if (!rising) {
                    distinct.check(x);
                }
            }
            case NAMED -> distinct.check(x);
        }
    }

    private void checkIndex(int index, int k) throws Rejection {
        if (index < 0 || index >= settings.space()) {
            throw new Rejection(
                    Reason.INDEX_OUT_OF_RANGE,
                    "feature number " + index + ", in place " + k + ", is not from 0 to " + (settings.space() - 1)
                            + "; features.space.bits sets the size of the feature space");
        }
    }

    /**
     * Checks that an example has the form of features that its model has fixed and, if dense, the same number of them.
     *
     * @throws Rejection if it has not
     */
    static void checkFits(Model model, Example x) throws Rejection {
        if (model.form() == null) {
            // the first step fixes the form
            return;
        }
        if (x.form() != model.form()) {
            throw new Rejection(
                    Reason.FORM_DIFFERS,
                    "features are " + word(x.validForm()) + "; the first labeled example of this model had them "
                            + word(model.form()));
        }
        if (x.form() == FeatureForm.DENSE && x.size() != model.length()) {
            throw new Rejection(
                    Reason.LENGTH_DIFFERS,
                    "there are " + x.size() + " features; the first labeled example of this model had "
                            + model.length());
        }
    }

    private static String word(FeatureForm form) {
        return switch (form) {
            case DENSE -> "dense (an array)";
            case SPARSE -> "sparse (indices and values)";
            case NAMED -> "named (a map)";
        };
    }

    /** Returns words for a feature: its name or number if it has one, or else its place. */
    private static String position(Example x, int k) {
        if (x.form() == FeatureForm.NAMED) {
            return shown(x.name(k));
        }
        return x.form() == FeatureForm.SPARSE && k < x.indexCount() ? "number " + x.indices()[k] : "in place " + k;
    }

    /** A name that is short and can be printed, without the value of a category. */
    private static String shown(String named) {
        int value = named.indexOf('=') + 1;
        String name = value > 0 && value < named.length() ? named.substring(0, value) + "…" : named;
        String printed = UNPRINTABLE.matcher(name).replaceAll("\uFFFD");
        return printed.length() <= LONGEST_NAME ? printed : printed.substring(0, LONGEST_NAME) + "…";
    }

    /** A check for an index or a name that is there twice, by a hash table that is reused. */
    private static final class Distinct {
        private int[] table = new int[64];
        private int[] epochs = new int[64];
        private int epoch;
        /** What is not within {@link FeatureHash#MOST_PROBES} of its slot: names or indices, with their places. */
        private final Map<Object, Integer> crowded = new TreeMap<>();

        void check(Example x) throws Rejection {
            if (x.size() * 2 > table.length) {
                int length = Integer.highestOneBit(x.size()) * 4;
                table = new int[length];
                epochs = new int[length];
                epoch = 0;
            }
            if (++epoch == 0) {
                Arrays.fill(epochs, 0);
                epoch = 1;
            }
            crowded.clear();
            int mask = table.length - 1;
            for (int k = 0; k < x.size(); k++) {
                int hash = x.form() == FeatureForm.NAMED
                        ? FeatureHash.of(x.names(), x.nameStart(k), x.nameLength(k))
                        : x.indices()[k] * 0x9e3779b9;
                int slot = (hash ^ hash >>> 16) & mask;
                int probes = 0;
                while (epochs[slot] == epoch && probes < FeatureHash.MOST_PROBES) {
                    if (same(x, table[slot], k)) {
                        throw twice(x, table[slot], k);
                    }
                    slot = slot + 1 & mask;
                    probes++;
                }
                if (probes < FeatureHash.MOST_PROBES) {
                    epochs[slot] = epoch;
                    table[slot] = k;
                } else {
                    addCrowded(x, k);
                }
            }
        }

        private void addCrowded(Example x, int k) throws Rejection {
            Object key = x.form() == FeatureForm.NAMED
                    ? ByteBuffer.wrap(x.names(), x.nameStart(k), x.nameLength(k))
                    : (Object) x.indices()[k];
            Integer first = crowded.putIfAbsent(key, k);
            if (first != null) {
                throw twice(x, first, k);
            }
        }

        private static Rejection twice(Example x, int first, int k) {
            return new Rejection(
                    Reason.DUPLICATE_FEATURE,
                    "feature " + position(x, k) + " is there twice"
                            + (x.form() == FeatureForm.NAMED ? "" : ", the first time in place " + first));
        }

        private static boolean same(Example x, int j, int k) {
            if (x.form() == FeatureForm.SPARSE) {
                return x.indices()[j] == x.indices()[k];
            }
            return Arrays.equals(
                    x.names(),
                    x.nameStart(j),
                    x.nameStart(j) + x.nameLength(j),
                    x.names(),
                    x.nameStart(k),
                    x.nameStart(k) + x.nameLength(k));
        }
    }
}
