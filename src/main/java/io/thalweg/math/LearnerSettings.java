package io.thalweg.math;

import org.jspecify.annotations.Nullable;

/**
 * All that the course of learning depends on besides the examples. Two learners with the same settings that see the
 * same examples in the same order are the same, bit for bit.
 *
 * @param algorithm what it learns with
 * @param learningRate α; {@code auto} does not use it
 * @param options what a step may do besides; {@code auto} does not use it
 * @param spaceBits the size of the feature space as a power of two: feature numbers are below 2 to this power; 1 to 24
 * @param namesMax how many names a model numbers before it hashes further ones; 0 up to and without the size of the
 *     space
 * @param modelsMax how many models a task may have; 1 or more
 * @param requiredForm the form that features must have, or null for any
 * @param metricsWindow the length of the recent window of the metrics, in examples; 2 or more
 */
public record LearnerSettings(
        Algorithm algorithm,
        LearningRate learningRate,
        StepOptions options,
        int spaceBits,
        int namesMax,
        int modelsMax,
        @Nullable FeatureForm requiredForm,
        int metricsWindow) {
    /**
     * Checks the size of the feature space and the number of names.
     *
     * @throws IllegalArgumentException if one of them is out of range
     */
    public LearnerSettings {
        if (spaceBits < 1 || spaceBits > 24) {
            throw new IllegalArgumentException("the feature space must have 1 to 24 bits, not " + spaceBits);
        }
        if (namesMax < 0 || namesMax >= 1 << spaceBits) {
            throw new IllegalArgumentException("the number of names must be from 0 to " + ((1 << spaceBits) - 1)
                    + ", below the size of the feature space, not " + namesMax);
        }
    }

    /** Creates settings without {@link StepOptions}. */
    public LearnerSettings(
            Algorithm algorithm,
            LearningRate learningRate,
            int spaceBits,
            int namesMax,
            int modelsMax,
            @Nullable FeatureForm requiredForm,
            int metricsWindow) {
        this(algorithm, learningRate, StepOptions.NONE, spaceBits, namesMax, modelsMax, requiredForm, metricsWindow);
    }

    /** Returns the size of the feature space. */
    public int space() {
        return 1 << spaceBits;
    }
}
