package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.math.Examples.Learning;
import io.thalweg.math.StepOptions.Scaling;
import io.thalweg.testing.Seeded;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The importance-invariant step: against its differential equation, its closed form, and by way of a learner. */
@Seeded
class ImportanceInvariantStepTest {
    private static LearnerSettings invariant(double rate) {
        return Examples.settings(
                Algorithm.SGD, LearningRate.constant(rate), new StepOptions(Scaling.NONE, 0, 0, 0, true, 1));
    }

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
            assertThat(ImportanceInvariantStep.logitMove(z, y, 1e-9))
                    .isCloseTo(plain, within(1e-8 * Math.abs(plain) + 1e-24));
        }
    }

    /** Against many steps of the Runge–Kutta method. */
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
            assertThat(ImportanceInvariantStep.logitMove(z, y, tau)).isCloseTo(zeta - z, within(1e-9));
        }
    }

    /** For a label of 1 the solution is δ + e^z·(e^δ − 1) = τ. */
    @ParameterizedTest
    @ValueSource(doubles = {-1000, -700, -40, -1, 0, 1, 10, 30})
    void theClosedFormHolds(double z) {
        for (double tau = 1e-6; tau < 1e6; tau *= 7) {
            double move = ImportanceInvariantStep.logitMove(z, 1, tau);
            double u = z + move;
            double left = move < 1 ? Math.exp(z) * Math.expm1(move) : Math.exp(u) - Math.exp(z);
            assertThat(move + left).isCloseTo(tau, within(1e-9 * tau));
            assertThat(ImportanceInvariantStep.logitMove(-z, 0, tau)).isEqualTo(-move);
        }
    }

    @Test
    void noImportanceLeadsBeyondTheLabel() {
        for (double z : new double[] {-1e300, -1e5, -800, -30, -1e-9, 0, 2, 36, 37, 700, 1e4, 1e300}) {
            for (double y : new double[] {0, 1e-300, 1e-17, 0.25, 0.5, 1 - 1e-16, 1}) {
                double goal = StrictMath.log(y) - StrictMath.log1p(-y);
                double before = 0;
                for (double tau : new double[] {0, 1e-300, 1e-9, 0.1, 1, 50, 1e5, 1e100}) {
                    double move = ImportanceInvariantStep.logitMove(z, y, tau);
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
