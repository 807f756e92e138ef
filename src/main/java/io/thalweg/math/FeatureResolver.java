package io.thalweg.math;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Gives each feature of an example its number in a model. A dense feature has its position, a sparse one its index. A
 * named feature has the number that the model gave to its name when it first learned from it. Names beyond the limit
 * are hashed (Weinberger et al. 2009).
 *
 * <p>A new name gets the next number, but the model remembers it only once it learns from the example. Not thread-safe.
 */
final class FeatureResolver {
    private final int namesMax;
    private final int space;

    // the new names of the last resolved example, by their places in it
    private int count;
    private int[] places = new int[16];
    private @Nullable Example example;

    FeatureResolver(LearnerSettings settings) {
        namesMax = settings.namesMax();
        space = settings.space();
    }

    /**
     * Sets the number of every feature of an example. It is {@link Example#UNMET} for a name that is new to the model
     * if the example has no label.
     */
    void resolve(Example x, Model model) {
        count = 0;
        switch (x.validForm()) {
            case DENSE -> {
                x.resolveAll();
                for (int k = 0; k < x.size(); k++) {
                    x.resolve(k, k);
                }
            }
            case SPARSE -> {
                // sparse features are numbers already
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

    /** Adds the new names of the last resolved example to its model. */
    void addNewNames(Model model) {
        if (example == null) {
            // no example had names
            return;
        }
        for (int i = 0; i < count; i++) {
            int k = places[i];
            model.names().add(example.names(), example.nameStart(k), example.nameLength(k));
        }
    }
}
