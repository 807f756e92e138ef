package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.math.Examples.Learning;
import io.thalweg.math.StepOptions.Scaling;
import io.thalweg.testing.Seeded;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * How much more is lost, predicting each example before learning from it, than by the weights that are the best for all
 * of them together: it may grow as the root of their number does, and no faster.
 */
@Seeded
class RegretTest {
    private static final int FEATURES = 4;

    static Stream<Arguments> settings() {
        LearningRate falling = new LearningRate(LearningRate.Schedule.INVERSE_SCALING, 1, 0.5);
        LearningRate constant = LearningRate.constant(0.3);
        StepOptions standard = new StepOptions(Scaling.STANDARD, 0, 0, 0, false, 1);
        StepOptions maxAbs = new StepOptions(Scaling.MAX_ABS, 0, 0, 0, false, 1);
        StepOptions invariant = new StepOptions(Scaling.NONE, 0, 0, 0, true, 1);
        StepOptions penalized = new StepOptions(Scaling.NONE, 1e-6, 1e-6, 0, false, 1);
        return Stream.of(
                Arguments.of(Examples.settings(Algorithm.SGD, falling, StepOptions.NONE)),
                Arguments.of(Examples.settings(Algorithm.SGD, falling, standard)),
                Arguments.of(Examples.settings(Algorithm.SGD, falling, maxAbs)),
                Arguments.of(Examples.settings(Algorithm.SGD, falling, invariant)),
                Arguments.of(Examples.settings(Algorithm.SGD, falling, penalized)),
                Arguments.of(Examples.settings(Algorithm.ADAGRAD, constant, StepOptions.NONE)),
                Arguments.of(Examples.settings(Algorithm.ADAGRAD, constant, standard)),
                Arguments.of(Examples.settings(Algorithm.ADAGRAD, constant, penalized)),
                Arguments.of(Examples.settings(Algorithm.FTRL, constant, StepOptions.NONE)),
                Arguments.of(Examples.settings(Algorithm.FTRL, constant, maxAbs)),
                Arguments.of(Examples.settings(Algorithm.AUTO, constant, StepOptions.NONE)));
    }

    @ParameterizedTest
    @MethodSource("settings")
    void growsAsTheRoot(LearnerSettings settings, Random random) {
        int most = 32_000;
        double[][] x = new double[most][];
        double[] y = new double[most];
        for (int t = 0; t < most; t++) {
            x[t] = random.doubles(FEATURES, -1, 1).toArray();
            double z = 2 * x[t][0] - x[t][1] + x[t][2] / 2 - 0.5;
            y[t] = random.nextDouble() < Logistic.probability(z) ? 1 : 0;
        }
        Learning learning = new Learning(settings);
        double loss = 0;
        for (int t = 0; t < most; t++) {
            loss += Logistic.logLoss(learning.logit(Examples.dense(y[t], x[t])), y[t]);
            int steps = t + 1;
            if (steps == 500 || steps == 2000 || steps == 8000 || steps == most) {
                double regret = loss - best(x, y, steps);
                assertThat(regret / Math.sqrt(steps)).as("after " + steps).isBetween(0.0, 1.5);
            }
        }
    }

    /** The least total log loss of any fixed weights, by Newton's method. */
    private static double best(double[][] x, double[] y, int steps) {
        int n = FEATURES + 1;
        double[] w = new double[n];
        double loss = 0;
        for (int iteration = 0; iteration < 12; iteration++) {
            double[][] system = new double[n][n + 1];
            loss = 0;
            for (int t = 0; t < steps; t++) {
                double z = w[FEATURES];
                for (int i = 0; i < FEATURES; i++) {
                    z += w[i] * x[t][i];
                }
                loss += Logistic.logLoss(z, y[t]);
                double a = Logistic.probability(z);
                for (int i = 0; i < n; i++) {
                    double xi = i == FEATURES ? 1 : x[t][i];
                    system[i][n] += (a - y[t]) * xi;
                    for (int j = 0; j < n; j++) {
                        system[i][j] += a * (1 - a) * xi * (j == FEATURES ? 1 : x[t][j]);
                    }
                }
            }
            double[] move = solve(system);
            for (int i = 0; i < n; i++) {
                w[i] -= move[i];
            }
        }
        return loss;
    }

    /** By Gauss; the matrix is positive definite. */
    private static double[] solve(double[][] system) {
        int n = system.length;
        for (int i = 0; i < n; i++) {
            for (int row = 0; row < n; row++) {
                double factor = row == i ? 0 : system[row][i] / system[i][i];
                for (int j = i; j <= n; j++) {
                    system[row][j] -= factor * system[i][j];
                }
            }
        }
        double[] solution = new double[n];
        for (int i = 0; i < n; i++) {
            solution[i] = system[i][n] / system[i][i];
        }
        return solution;
    }
}
