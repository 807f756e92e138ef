package io.thalweg.testing;

import java.util.Random;

/** The seed of a test's random numbers. */
public record Seed(long value) {
    /** The random numbers, from the first one on. */
    public Random random() {
        return new Random(value);
    }
}
