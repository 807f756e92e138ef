package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.testing.Seeded;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class FeatureScaleTest {
    /** Against mean and deviation of all values there have been. */
    @ParameterizedTest
    @ValueSource(doubles = {0, 1})
    void isThatOfAllValues(double prior, Random random) {
        for (int run = 0; run < 300; run++) {
            double[] block = new double[FeatureScale.WIDTH + 3];
            Reference.Scales expected = new Reference.Scales(prior);
            double moved = 0;
            int kind = random.nextInt(8);
            for (int example = 1; example < (run % 10 == 0 ? 700 : 40); example++) {
                if (random.nextInt(4) == 0) {
                    // it is not in this one
                    continue;
                }
                double value = switch (kind) {
                    case 0 -> random.nextInt(2);
                    case 1 -> random.nextInt(3) - 1;
                    case 2 -> 100 + random.nextGaussian();
                    case 3 -> random.nextInt(200) == 0 ? 0.5 : random.nextInt(2);
                    case 4 -> random.nextInt(20) == 0 ? 1e5 : random.nextGaussian();
                    case 5 -> random.nextInt(3) == 0 ? 0 : Math.exp(3 * random.nextGaussian());
                    case 6 ->
                        random.nextInt(20) == 0 ? -1e6 : example > 20 ? 1e5 * random.nextGaussian() : random.nextInt(2);
                    default -> random.nextInt(10) == 0 ? 0.5 : random.nextInt(2);
                };
                assertThat(
                                example == 1 || block[3 + FeatureScale.COUNT] == 0
                                        ? value
                                        : FeatureScale.inRange(block, 3, value * 1.01))
                        .isEqualTo(expected.met() ? expected.inRange(value * 1.01) : value);
                moved += FeatureScale.take(block, 3, value, example, prior);
                expected.take(value, example);
                assertThat(block[3 + FeatureScale.CENTER])
                        .isCloseTo(expected.center, within(1e-10 * (1 + Math.abs(expected.center))));
                assertThat(block[3 + FeatureScale.INVERSE])
                        .isCloseTo(expected.inverse, within(1e-9 * (1 + expected.inverse)));
                assertThat(block[3 + FeatureScale.INVERSE_LARGEST]).isEqualTo(expected.inverseLargest);
                assertThat(moved).isCloseTo(expected.center * expected.inverse, within(1e-9 * (1 + Math.abs(moved))));
            }
        }
    }

    @Test
    void theLargestAloneIsThatOfAllValues(Random random) {
        for (int run = 0; run < 300; run++) {
            double[] block = new double[3 + FeatureScale.WIDTH_ALONE];
            Reference.Largest expected = new Reference.Largest();
            int kind = random.nextInt(4);
            for (int example = 1; example < 60; example++) {
                double value = switch (kind) {
                    case 0 -> random.nextInt(2);
                    case 1 -> random.nextInt(10) == 0 ? -1e6 : random.nextGaussian();
                    case 2 -> random.nextInt(3) == 0 ? 0 : Math.exp(3 * random.nextGaussian());
                    default -> (example > 20 ? 1e5 : 1) * random.nextGaussian();
                };
                FeatureScale.takeLargest(block, 3, value);
                expected.take(value);
                assertThat(block[3 + FeatureScale.LARGEST_ALONE]).isEqualTo(expected.get());
                assertThat(FeatureScale.inRangeAlone(block, 3, 2 * value)).isEqualTo(expected.inRange(2 * value));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 1})
    void oneOutlierDoesNotMoveTheScale(double prior, Random random) {
        for (int place = 0; place < 60; place++) {
            double outlier = (random.nextBoolean() ? 1 : -1) * Math.pow(10, 3 + random.nextInt(97));
            double[] clean = new double[FeatureScale.WIDTH];
            double[] block = new double[FeatureScale.WIDTH];
            for (int example = 1; example <= 2000; example++) {
                double value = random.nextGaussian();
                FeatureScale.take(clean, 0, value, example, prior);
                FeatureScale.take(block, 0, example == place + 1 ? outlier : value, example, prior);
            }
            // one value is missing, and those before it may be
            assertThat(block[FeatureScale.INVERSE]).isCloseTo(clean[FeatureScale.INVERSE], within(0.1));
            assertThat(block[FeatureScale.CENTER]).isCloseTo(clean[FeatureScale.CENTER], within(0.1));
            assertThat(block[FeatureScale.INVERSE_LARGEST]).isGreaterThan(0.1);
        }
    }

    /** A mean of 0 and a deviation of 1 do not make 1 and −1 what only 0 and 1 are. */
    @Test
    void aFeatureThatHasBeenBelowZeroIsANumber() {
        double[] block = new double[FeatureScale.WIDTH];
        Reference.Scales expected = new Reference.Scales(1);
        int example = 0;
        for (double value : new double[] {1, -1, 1, 0, 1, -1}) {
            example++;
            FeatureScale.take(block, 0, value, example, 1);
            expected.take(value, example);
            assertThat(block[FeatureScale.CENTER]).isCloseTo(expected.center, within(1e-15));
            assertThat(block[FeatureScale.INVERSE]).isCloseTo(expected.inverse, within(1e-15));
        }
    }

    @Test
    void whatIsAlwaysTheSameHasNoDeviation() {
        double[] block = new double[FeatureScale.WIDTH];
        for (int example = 1; example < 10_000; example++) {
            FeatureScale.take(block, 0, 0.1, example, 0);
            assertThat(block[FeatureScale.INVERSE]).isZero();
        }
    }
}
