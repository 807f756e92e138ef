package io.thalweg.input;

import io.thalweg.math.Rejection;
import java.io.IOException;

/** Reads one value of a record and hands it on, or passes over it. */
@FunctionalInterface
interface ValueReader {
    void read(BoundedDecoder in) throws IOException, Rejection;
}
