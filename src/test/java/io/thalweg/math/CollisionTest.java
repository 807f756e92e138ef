package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.thalweg.math.Rejection.Reason;
import io.thalweg.testing.CollidingNames;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.commons.codec.digest.MurmurHash3;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;

/**
 * Names and numbers whose hashes collide are distinguished in bounded time. With as many as here, tables that look at
 * all of them would need minutes, and those that do not, less than a second.
 */
@Timeout(value = 20, unit = TimeUnit.SECONDS, threadMode = ThreadMode.SEPARATE_THREAD)
class CollisionTest {
    private static final int COUNT = 300_000;
    private static final int SPACE_BITS = 24;

    private final byte[] names = CollidingNames.of(COUNT);
    private final ExampleValidator validator = new ExampleValidator(
            new LearnerSettings(Algorithm.SGD, LearningRate.constant(0.1), SPACE_BITS, 1 << 16, 1, null, 100));

    @Test
    void theNamesCollide() {
        int hash = MurmurHash3.hash32x86(names, 0, CollidingNames.LENGTH, 0);
        for (int from = 0; from < 100 * CollidingNames.LENGTH; from += CollidingNames.LENGTH) {
            assertThat(MurmurHash3.hash32x86(names, from, CollidingNames.LENGTH, 0))
                    .isEqualTo(hash);
        }
    }

    @Test
    void namesOfAnExample() throws Rejection {
        Example x = Examples.begin(1.0, FeatureForm.NAMED);
        for (int i = 0; i < COUNT; i++) {
            x.addNamed(names, CollidingNames.LENGTH * i, CollidingNames.LENGTH, 1);
        }
        validator.check(x);

        x.addNamed(names, CollidingNames.LENGTH * (COUNT - 1), CollidingNames.LENGTH, 1);
        assertDuplicate(x);
        x.clear();
        x.form(FeatureForm.NAMED);
        x.addNamed(names, CollidingNames.LENGTH * (COUNT - 1), CollidingNames.LENGTH, 1);
        // what another example had counts no longer
        validator.check(x);
    }

    private void assertDuplicate(Example x) {
        assertThat(catchThrowableOfType(Rejection.class, () -> validator.check(x)))
                .extracting(Rejection::reason)
                .isEqualTo(Reason.DUPLICATE_FEATURE);
    }

    @Test
    void numbersOfAnExample() throws Rejection {
        // those that belong into the first slots of the table, in falling order, as rising ones need no table
        int mask = Integer.highestOneBit(COUNT) * 4 - 1;
        int slots = (int) ((long) COUNT * (mask + 1) >>> SPACE_BITS);
        int[] indices = IntStream.range(0, 1 << SPACE_BITS)
                .map(i -> (1 << SPACE_BITS) - 1 - i)
                .filter(i -> ((i * 0x9e3779b9 ^ i * 0x9e3779b9 >>> 16) & mask) < slots)
                .toArray();
        assertThat(indices).hasSizeBetween(COUNT / 2, 2 * COUNT);
        double[] values = new double[indices.length];
        Arrays.fill(values, 1);
        validator.check(Examples.sparse(1.0, indices, values));

        int[] twice = Arrays.copyOf(indices, indices.length + 1);
        twice[indices.length] = indices[indices.length - 1];
        assertDuplicate(Examples.sparse(1.0, twice, Arrays.copyOf(values, twice.length)));
    }

    @Test
    void namesOfAModel() {
        FeatureNames model = new FeatureNames();
        for (int i = 0; i < COUNT; i++) {
            model.add(names, CollidingNames.LENGTH * i, CollidingNames.LENGTH);
        }
        FeatureNames copy = model.copy();
        int hash = FeatureHash.of(names, 0, CollidingNames.LENGTH);
        for (int i = 0; i < COUNT; i++) {
            assertThat(copy.indexOf(names, CollidingNames.LENGTH * i, CollidingNames.LENGTH, hash))
                    .isEqualTo(i);
        }
        byte[] other = CollidingNames.of(COUNT + 1);
        assertThat(model.indexOf(other, CollidingNames.LENGTH * COUNT, CollidingNames.LENGTH, hash))
                .isEqualTo(Example.UNMET);
    }
}
