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
import org.junit.jupiter.params.provider.ValueSource;

/** What {@link ScaledOptimizerTest} does not hold to the reference: slopes, long absences, importance. */
@Seeded
class DescentTest {
    private static LearnerSettings penalised(String algorithm, double rate, double l1, double l2) {
        return Examples.settings(
                algorithm, LearningRate.constant(rate), new StepOptions(Scaling.NONE, l1, l2, 0, false, 1));
    }

    private static LearnerSettings invariant(double rate) {
        return Examples.settings("sgd", LearningRate.constant(rate), new StepOptions(Scaling.NONE, 0, 0, 0, true, 1));
    }

    // ---- penalties

    /** The move of a weight that stays on its side of 0 is −α·c times the slope of log loss and penalty together. */
    @Test
    void theStepGoesDownTheSlopeOfTheObjective(Random random) {
        double h = 1e-5;
        for (int run = 0; run < 200; run++) {
            double l1 = random.nextDouble() / 10;
            double l2 = random.nextDouble();
            Learning learning = new Learning(penalised("sgd", 0.05, l1, l2));
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

    /** A weight that is left alone for a hundred thousand steps is what it would be had it been charged at each of them. */
    @ParameterizedTest
    @CsvSource({"1e-7, 0", "0, 1e-5", "1e-7, 1e-5", "1e-4, 1e-6", "1e-9, 1e-12"})
    void aLongAbsenceIsChargedStepByStep(double l1, double l2) {
        LearningRate falling = new LearningRate(LearningRate.Schedule.INVERSE_SCALING, 0.5, 0.2);
        Learning learning =
                new Learning(Examples.settings("sgd", falling, new StepOptions(Scaling.NONE, l1, l2, 0, false, 1)));
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

    /** The clock loses nothing that counts however far it has come: here a billion steps at a rate of 0.05. */
    @ParameterizedTest
    @CsvSource({"sgd, 1e-4, 0", "sgd, 0, 1e-3", "sgd, 1e-4, 1e-3", "adagrad, 1e-4, 1e-3"})
    void aBillionStepsAreNotTooMany(String algorithm, double l1, double l2, Random random) {
        Learning fresh = new Learning(penalised(algorithm, 0.05, l1, l2));
        Learning old = new Learning(penalised(algorithm, 0.05, l1, l2));
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
        Learning learning = new Learning(penalised("sgd", 1, 0, 10));
        learning.logit(Examples.sparse(1.0, new int[] {0}, new double[] {1}));
        assertThat(learning.model().weight(0)).isEqualTo(0.5);
        Example other = Examples.sparse(1.0, new int[] {1}, new double[] {1});
        other.importance(1e9);
        learning.logit(other);
        assertThat(Math.abs(learning.model().weight(0))).isLessThan(1e-15);
        assertThat(learning.model().weight(1)).isFinite();
    }

    // ---- importance

    @Test
    void anImportanceIsThatManyExamplesInARow(Random random) {
        for (int run = 0; run < 300; run++) {
            double rate = 0.01 + random.nextDouble();
            Learning once = new Learning(invariant(rate));
            Learning twice = new Learning(invariant(rate));
            for (int step = 0; step < 5; step++) {
                double[] x = random.doubles(3, -3, 3).toArray();
                double label = random.nextInt(5) / 4.0;
                double h = 10 * random.nextDouble();
                double k = 10 * random.nextDouble();
                Example both = Examples.dense(label, x);
                both.importance(h + k);
                once.logit(both);
                for (double part : new double[] {h, k}) {
                    Example example = Examples.dense(label, x);
                    example.importance(part);
                    twice.logit(example);
                }
                for (int i = 0; i < 3; i++) {
                    assertThat(once.model().weight(i)).isCloseTo(twice.model().weight(i), within(1e-10));
                }
                assertThat(once.model().bias()).isCloseTo(twice.model().bias(), within(1e-10));
            }
        }
    }

    @Test
    void aSmallImportanceIsThePlainStep(Random random) {
        for (int run = 0; run < 1000; run++) {
            double z = 3 * random.nextGaussian();
            double y = run % 3 == 0 ? 1 : run % 3 == 1 ? 0 : random.nextDouble();
            double plain = 1e-9 * (y - Logistic.probability(z));
            assertThat(Descent.invariantMove(z, y, 1e-9)).isCloseTo(plain, within(1e-8 * Math.abs(plain) + 1e-24));
        }
    }

    /** Against Runge and Kutta in many steps. */
    @Test
    void theLogitFollowsItsDifferentialEquation(Random random) {
        for (int run = 0; run < 200; run++) {
            double z = 5 * random.nextGaussian();
            double y = run % 3 == 0 ? 1 : run % 3 == 1 ? 0 : random.nextDouble();
            double tau = Math.exp(4 * random.nextDouble() - 1);
            double zeta = z;
            int steps = 4000;
            double h = tau / steps;
            for (int i = 0; i < steps; i++) {
                double k1 = y - Logistic.probability(zeta);
                double k2 = y - Logistic.probability(zeta + h / 2 * k1);
                double k3 = y - Logistic.probability(zeta + h / 2 * k2);
                double k4 = y - Logistic.probability(zeta + h * k3);
                zeta += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
            }
            assertThat(Descent.invariantMove(z, y, tau)).isCloseTo(zeta - z, within(1e-9));
        }
    }

    /** For a label of 1 the solution is δ + e^z·(e^δ − 1) = τ. */
    @ParameterizedTest
    @ValueSource(doubles = {-1000, -700, -40, -1, 0, 1, 10, 30})
    void theClosedFormHolds(double z) {
        for (double tau = 1e-6; tau < 1e6; tau *= 7) {
            double move = Descent.invariantMove(z, 1, tau);
            double u = z + move;
            double left = move < 1 ? Math.exp(z) * Math.expm1(move) : Math.exp(u) - Math.exp(z);
            assertThat(move + left).isCloseTo(tau, within(1e-9 * tau));
            assertThat(Descent.invariantMove(-z, 0, tau)).isEqualTo(-move);
        }
    }

    @Test
    void noImportanceLeadsBeyondTheLabel() {
        for (double z : new double[] {-1e300, -1e5, -800, -30, -1e-9, 0, 2, 36, 37, 700, 1e4, 1e300}) {
            for (double y : new double[] {0, 1e-300, 1e-17, 0.25, 0.5, 1 - 1e-16, 1}) {
                double goal = StrictMath.log(y) - StrictMath.log1p(-y);
                double before = 0;
                for (double tau : new double[] {0, 1e-300, 1e-9, 0.1, 1, 50, 1e5, 1e100}) {
                    double move = Descent.invariantMove(z, y, tau);
                    assertThat(move).as("z %s y %s τ %s", z, y, tau).isFinite();
                    assertThat(Math.abs(move)).isGreaterThanOrEqualTo(Math.abs(before) * (1 - 1e-12));
                    assertThat(move * (y - Logistic.probability(z)) >= 0).isTrue();
                    assertThat(Math.abs(move)).isLessThanOrEqualTo(Math.abs(goal - z) * (1 + 1e-12) + 1e-12);
                    before = move;
                }
            }
        }
    }

    @Test
    void aLargeImportanceDoesNotOvershootWhereThePlainStepDoes() {
        Learning learning = new Learning(invariant(0.5));
        Example x = Examples.dense(1.0, 3, 4);
        x.importance(100);
        learning.logit(x);
        double z = learning.logit(Examples.dense(1.0, 3, 4));
        // δ + e^δ − 1 = 0.5 · 100 · 26
        assertThat(z + Math.exp(z) - 1).isCloseTo(1300, within(1e-9));
    }
}
