package io.thalweg.crash;

import io.thalweg.testing.Seed;
import io.thalweg.testing.Seeded;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** What every crash test has: a cluster of its own, and a seed. */
@Seeded
abstract class CrashTestBase {
    @TempDir
    Path directory;

    @AutoClose
    Cluster cluster;

    Seed seed;

    /** For the test's own decisions. */
    Random random;

    @BeforeEach
    void start(Seed seed) {
        this.seed = seed;
        random = seed.random();
        cluster = new Cluster(directory.resolve(getClass().getSimpleName()));
    }

    /** A trial over {@link RandomInputs}. @param name distinguishes it from others on the same cluster */
    Trial trial(String name, int partitions) {
        return new Trial(cluster, name, partitions, () -> new RandomInputs(seed, partitions));
    }
}
