package io.thalweg.input;

import io.thalweg.math.Rejection;
import java.io.IOException;

/** Reads one value of a record and passes it on, or skips it. */
@FunctionalInterface
interface ValueReader {
    void read(BoundedDecoder in) throws IOException, Rejection;
}
