package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.math.Examples.Learning;
import io.thalweg.math.StepOptions.Scaling;
import io.thalweg.testing.Seeded;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What wrong values and a change of unit cost, beside the same stream without them. */
@Seeded
class OutlierTest {
    private static final int ROWS = 4000;
    /** Rows after which a wrong value must be forgotten. */
    private static final int SOON = 1000;
    /** By how much the log loss may be larger then. */
    private static final double MOST = 1.01;

    static Stream<Arguments> learners() {
        StepOptions standard = new StepOptions(Scaling.STANDARD, 0, 0, 0, false, 1);
        StepOptions maxAbs = new StepOptions(Scaling.MAX_ABS, 0, 0, 0, false, 1);
        return Stream.of(
                Arguments.of(Algorithm.AUTO, 1, StepOptions.NONE),
                Arguments.of(Algorithm.SGD, 0.1, standard),
                Arguments.of(Algorithm.SGD, 0.3, maxAbs),
                Arguments.of(Algorithm.ADAGRAD, 0.3, standard),
                Arguments.of(Algorithm.ADAGRAD, 0.3, maxAbs),
                Arguments.of(Algorithm.FTRL, 0.3, standard),
                Arguments.of(Algorithm.FTRL, 0.3, maxAbs));
    }

    /** Two numbers and one of three categories for each row, and the labels. */
    private static final class Rows {
        final double[][] values = new double[ROWS][2];
        final int[] categories = new int[ROWS];
        /** The value of the feature of the category, which is always the same. */
        final double[] ones = new double[ROWS];

        final double[] labels = new double[ROWS];

        Rows(Random random) {
            for (int row = 0; row < ROWS; row++) {
                values[row] = new double[] {random.nextGaussian(), random.nextGaussian()};
                categories[row] = random.nextInt(3);
                ones[row] = 1;
                double z = 2 * values[row][0] - values[row][1] + categories[row] - 1;
                labels[row] = random.nextDouble() < Logistic.probability(z) ? 1 : 0;
            }
        }

        /** The log loss of each row. */
        double[] losses(LearnerSettings settings) {
            Learning learning = new Learning(settings);
            return IntStream.range(0, ROWS)
                    .mapToDouble(row -> {
                        int[] indices = {0, 1, 2 + categories[row]};
                        double[] all = {values[row][0], values[row][1], ones[row]};
                        Example x = Examples.sparse(labels[row], indices, all);
                        // a value that cannot be squared is refused while nothing is known of its feature
                        return learning.reason(x) == null ? learning.logLoss() : 0;
                    })
                    .toArray();
        }
    }

    private static double mean(double[] losses, int from) {
        return Arrays.stream(losses, from, ROWS).average().orElseThrow();
    }

    @ParameterizedTest
    @MethodSource("learners")
    void oneOutlierIsSoonForgotten(Algorithm algorithm, double rate, StepOptions options, Random random) {
        LearnerSettings settings = Examples.settings(algorithm, LearningRate.constant(rate), options);
        Rows rows = new Rows(random);
        double[] clean = rows.losses(settings);
        for (int row : new int[] {0, 1, 2, 3, 10, 50, 2500}) {
            for (double value : new double[] {1e3, -1e3, 1e6, -1e12, 1e100, 1e300}) {
                double[] before = rows.values[row].clone();
                rows.values[row][0] = value;
                if (random.nextBoolean()) {
                    rows.values[row][1] = -value;
                }
                double[] losses = rows.losses(settings);
                rows.values[row] = before;
                assertThat(mean(losses, row + SOON))
                        .as("%s in row %d", value, row)
                        .isLessThan(MOST * mean(clean, row + SOON));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("learners")
    void oneOutlierOfAFeatureThatIsAlwaysTheSameIsSoonForgotten(
            Algorithm algorithm, double rate, StepOptions options, Random random) {
        LearnerSettings settings = Examples.settings(algorithm, LearningRate.constant(rate), options);
        Rows rows = new Rows(random);
        double[] clean = rows.losses(settings);
        for (int row : new int[] {0, 1, 2, 3, 10, 50, 2500}) {
            for (double value : new double[] {1e3, -1e3, 1e6, -1e12, 1e100, 1e300}) {
                rows.ones[row] = value;
                double[] losses = rows.losses(settings);
                rows.ones[row] = 1;
                assertThat(mean(losses, row + SOON))
                        .as("%s in row %d", value, row)
                        .isLessThan(MOST * mean(clean, row + SOON));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("learners")
    void anOutlierNowAndThenDoesNoHarm(Algorithm algorithm, double rate, StepOptions options, Random random) {
        LearnerSettings settings = Examples.settings(algorithm, LearningRate.constant(rate), options);
        Rows rows = new Rows(random);
        double[] clean = rows.losses(settings);
        for (double value : new double[] {1e3, -1e6, 1e300}) {
            boolean[] wrong = new boolean[ROWS];
            double[][] before = rows.values.clone();
            for (int row = 50; row < ROWS; row += 1000) {
                wrong[row] = true;
                rows.values[row] = new double[] {value, before[row][1]};
            }
            double[] losses = rows.losses(settings);
            System.arraycopy(before, 0, rows.values, 0, ROWS);
            assertThat(meanOfRight(losses, wrong)).as("%s", value).isLessThan(MOST * meanOfRight(clean, wrong));
        }
    }

    private static double meanOfRight(double[] losses, boolean[] wrong) {
        return IntStream.range(SOON, ROWS)
                .filter(row -> !wrong[row])
                .mapToDouble(row -> losses[row])
                .average()
                .orElseThrow();
    }

    @ParameterizedTest
    @MethodSource("learners")
    void anotherUnitIsFollowed(Algorithm algorithm, double rate, StepOptions options, Random random) {
        LearnerSettings settings = Examples.settings(algorithm, LearningRate.constant(rate), options);
        Rows rows = new Rows(random);
        double[] clean = rows.losses(settings);
        for (int row = 2500; row < ROWS; row++) {
            rows.values[row][0] *= 1000;
            rows.values[row][1] *= 1000;
        }
        double[] losses = rows.losses(settings);
        // the largest of 500 values is not yet that of 2500
        assertThat(mean(losses, 3000)).isLessThan(1.03 * mean(clean, 3000));
    }
}
