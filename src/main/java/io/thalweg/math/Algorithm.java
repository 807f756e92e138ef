package io.thalweg.math;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** The algorithms that a model can be learned with. {@link Optimizer#of} makes the optimizer of each. */
public enum Algorithm {
    /** Stochastic gradient descent. */
    SGD,
    /** Gradient descent with a rate for each weight: {@link AdaGrad}. */
    ADAGRAD,
    /** FTRL-Proximal: {@link Ftrl}. */
    FTRL,
    /** Several learners side by side, weighted by how well they predict: {@link FixedShareMixture}. */
    AUTO;

    /** The one that a setting names; empty if it names none. */
    public static Optional<Algorithm> of(String setting) {
        return Stream.of(values())
                .filter(algorithm -> algorithm.toString().equals(setting))
                .findFirst();
    }

    /** Its name in settings, in what is recorded of them and in what is shown. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
