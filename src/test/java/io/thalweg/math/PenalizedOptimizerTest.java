package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.math.Examples.Learning;
import io.thalweg.math.StepOptions.Scaling;
import io.thalweg.testing.Seeded;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Penalties where {@link ScaledOptimizerTest} does not compare with the reference: the slope of the objective, and
 * long absences.
 */
@Seeded
class PenalizedOptimizerTest {
    private static LearnerSettings penalized(Algorithm algorithm, double rate, double l1, double l2) {
        return Examples.settings(
                algorithm, LearningRate.constant(rate), new StepOptions(Scaling.NONE, l1, l2, 0, false, 1));
    }

    /** A weight that keeps its sign moves by −α·c times the slope of log loss and penalty together. */
    @Test
    void theStepGoesDownTheSlopeOfTheObjective(Random random) {
        double h = 1e-5;
        for (int run = 0; run < 200; run++) {
            double l1 = random.nextDouble() / 10;
            double l2 = random.nextDouble();
            Learning learning = new Learning(penalized(Algorithm.SGD, 0.05, l1, l2));
            for (int step = 0; step < 20; step++) {
                learning.logit(Examples.dense(1.0, 2 + random.nextGaussian(), -2 + random.nextGaussian()));
            }
            Model model = learning.model();
            double[] w = {model.weight(0), model.weight(1), model.bias()};
            double[] x = {random.nextGaussian(), random.nextGaussian(), 1};
            double y = random.nextInt(5) / 4.0;
            Example example = Examples.dense(y, x[0], x[1]);
            example.importance(0.5 + random.nextDouble());
            learning.logit(example);
            double[] after = {model.weight(0), model.weight(1), model.bias()};
            for (int i = 0; i < 3; i++) {
                double[] up = w.clone();
                double[] down = w.clone();
                up[i] += h;
                down[i] -= h;
                double slope = (objective(up, x, y, l1, l2) - objective(down, x, y, l1, l2)) / (2 * h);
                if (i == 2 || w[i] * after[i] > 0) {
                    assertThat(after[i] - w[i]).isCloseTo(-0.05 * example.importance() * slope, within(1e-8));
                }
            }
        }
    }

    private static double objective(double[] w, double[] x, double y, double l1, double l2) {
        double a = 1 / (1 + Math.exp(-w[0] * x[0] - w[1] * x[1] - w[2]));
        return -y * Math.log(a)
                - (1 - y) * Math.log(1 - a)
                + l1 * (Math.abs(w[0]) + Math.abs(w[1]))
                + l2 / 2 * (w[0] * w[0] + w[1] * w[1]);
    }

    /** A weight that no step touches for a hundred thousand steps is charged as if each of them had touched it. */
    @ParameterizedTest
    @CsvSource({"1e-7, 0", "0, 1e-5", "1e-7, 1e-5", "1e-4, 1e-6", "1e-9, 1e-12"})
    void aLongAbsenceIsChargedStepByStep(double l1, double l2) {
        LearningRate falling = new LearningRate(LearningRate.Schedule.INVERSE_SCALING, 0.5, 0.2);
        Learning learning = new Learning(
                Examples.settings(Algorithm.SGD, falling, new StepOptions(Scaling.NONE, l1, l2, 0, false, 1)));
        learning.logit(Examples.sparse(1.0, new int[] {0}, new double[] {-2}));
        double w = learning.model().weight(0);
        for (int step = 1; step < 100_000; step++) {
            Example x = Examples.sparse((double) (step & 1), new int[] {1}, new double[] {1});
            x.importance(1 + step % 3);
            learning.logit(x);
            double reach = falling.at(step) * x.importance();
            w = -Math.max(0, Math.abs(w) * (1 - reach * l2) - reach * l1);
        }
        assertThat(learning.model().weight(0)).isCloseTo(w, within(1e-11));
        // a charge of 1e-4 makes it 0 before
        assertThat(w == 0).isEqualTo(l1 == 1e-4);
    }

    /** The clock loses no digits that count, however far it has come: here a billion steps at a rate of 0.05. */
    @ParameterizedTest
    @CsvSource({"SGD, 1e-4, 0", "SGD, 0, 1e-3", "SGD, 1e-4, 1e-3", "ADAGRAD, 1e-4, 1e-3"})
    void aBillionStepsAreNotTooMany(Algorithm algorithm, double l1, double l2, Random random) {
        Learning fresh = new Learning(penalized(algorithm, 0.05, l1, l2));
        Learning old = new Learning(penalized(algorithm, 0.05, l1, l2));
        for (int step = 0; step < 20_000; step++) {
            int[] indices = step % 100 == 0 ? new int[] {0, 1, 2} : new int[] {step % 2};
            double[] values = random.doubles(indices.length, -1, 2).toArray();
            double label = values[0] > random.nextDouble() ? 1 : 0;
            double z = fresh.logit(Examples.sparse(label, indices, values));
            assertThat(old.logit(Examples.sparse(label, indices, values))).isCloseTo(z, within(1e-8));
            if (step == 0) {
                Model model = old.model();
                for (int i = 0; i < 3; i++) {
                    model.block(0)[model.at(i) + 1] += 5e7;
                }
                model.shared()[1] += 5e7;
            }
        }
    }

    @Test
    void aChargeThatIsMoreThanThereIsTakesAllAndNoMore() {
        Learning learning = new Learning(penalized(Algorithm.SGD, 1, 0, 10));
        learning.logit(Examples.sparse(1.0, new int[] {0}, new double[] {1}));
        assertThat(learning.model().weight(0)).isEqualTo(0.5);
        Example other = Examples.sparse(1.0, new int[] {1}, new double[] {1});
        other.importance(1e9);
        learning.logit(other);
        assertThat(Math.abs(learning.model().weight(0))).isLessThan(1e-15);
        assertThat(learning.model().weight(1)).isFinite();
    }
}
