package io.thalweg.math;

import java.util.Arrays;

/**
 * Gives each feature of an example its number in a model. Numbers stay what they are; a name has the number that the model has given
 * it, and a new one gets the next, which the model remembers only once it learns from the example. Names beyond the limit are hashed
 * (Weinberger et al. 2009). Not thread-safe.
 */
final class FeatureResolver {
    private final int namesMax;
    private final int space;

    // new names of the example that was resolved last
    private int count;
    private int[] places = new int[16];
    private Example example;

    FeatureResolver(LearnerSettings settings) {
        namesMax = settings.namesMax();
        space = settings.space();
    }

    /**
     * Gives every feature its number.
     *
     * @param x its indices are set; {@link Example#UNMET} for a name that is new to the model where the example has no label
     */
    void resolve(Example x, Model model) {
        count = 0;
        switch (x.form()) {
            case DENSE -> {
                x.resolveAll();
                for (int k = 0; k < x.size(); k++) {
                    x.resolve(k, k);
                }
            }
            case SPARSE -> {
                // they are numbers already
            }
            case NAMED -> resolveNames(x, model);
        }
    }

    private void resolveNames(Example x, Model model) {
        x.resolveAll();
        example = x;
        FeatureNames names = model.names();
        for (int k = 0; k < x.size(); k++) {
            int hash = FeatureHash.of(x.names(), x.nameStart(k), x.nameLength(k));
            int index = names.indexOf(x.names(), x.nameStart(k), x.nameLength(k), hash);
            if (index == Example.UNMET) {
                if (x.nameLength(k) > FeatureNames.LONGEST || names.size() + count >= namesMax) {
                    index = FeatureHash.index(hash, namesMax, space);
                } else if (x.labelled()) {
                    index = names.size() + count;
                    if (count == places.length) {
                        places = Arrays.copyOf(places, count * 2);
                    }
                    places[count++] = k;
                }
            }
            x.resolve(k, index);
        }
    }

    /** Adds the new names of the example that was resolved last to its model. */
    void addNewNames(Model model) {
        for (int i = 0; i < count; i++) {
            int k = places[i];
            model.names().add(example.names(), example.nameStart(k), example.nameLength(k));
        }
    }
}
