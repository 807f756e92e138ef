package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.math.Examples.Learning;
import io.thalweg.math.StepOptions.Scaling;
import io.thalweg.testing.Seeded;
import java.util.Arrays;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code auto} makes of importances. */
@Seeded
class ImportanceTest {
    private static final LearnerSettings AUTO =
            Examples.settings(Algorithm.AUTO, LearningRate.constant(1), StepOptions.NONE);
    private static final double[] RATES = {0.001, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1};

    /** How importances are spread. */
    enum Spread {
        /** As amounts of money are: lognormal, with σ = 2. */
        AMOUNTS(1.02),
        /** As the inverse of the probability with which an example was taken, from 1 to 1,000. */
        INVERSE_PROPENSITIES(1.01),
        /** 1,000 for a positive, which one in forty examples is. */
        RARE_POSITIVES(1.15);

        /** How many times the log loss of the best AdaGrad is too much. */
        final double bound;

        Spread(double bound) {
            this.bound = bound;
        }

        double of(Random random, double label) {
            return switch (this) {
                case AMOUNTS -> Math.exp(2 * random.nextGaussian());
                case INVERSE_PROPENSITIES -> Math.pow(1000, random.nextDouble());
                case RARE_POSITIVES -> label == 1 ? 1000 : 1;
            };
        }
    }

    /** Three features for each row, the labels, and the importances. */
    private static final class Rows {
        final double[][] values;
        final double[] labels;
        final double[] importances;

        Rows(Random random, int size, double bias) {
            values = new double[size][];
            labels = new double[size];
            importances = new double[size];
            Arrays.fill(importances, 1);
            for (int row = 0; row < size; row++) {
                values[row] = random.doubles(3, -2, 2).toArray();
                double z = 2 * values[row][0] - values[row][1] + bias;
                labels[row] = random.nextDouble() < Logistic.probability(z) ? 1 : 0;
            }
        }

        double[] logits(LearnerSettings settings, DoubleUnaryOperator importance) {
            Learning learning = new Learning(settings);
            double[] logits = new double[labels.length];
            for (int row = 0; row < logits.length; row++) {
                Example x = Examples.dense(labels[row], values[row]);
                x.importance(importance.applyAsDouble(importances[row]));
                logits[row] = learning.logit(x);
            }
            return logits;
        }

        double logLoss(LearnerSettings settings) {
            double[] logits = logits(settings, c -> c);
            double loss = 0;
            for (int row = 0; row < logits.length; row++) {
                loss += importances[row] * Logistic.logLoss(logits[row], labels[row]);
            }
            return loss / Arrays.stream(importances).sum();
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-300, 1e-6, 0.1, 3, 10, 1e6, 1e100})
    void theSameForAllChangesNothing(double importance, Random random) {
        Rows rows = new Rows(random, 1000, 0);
        assertThat(rows.logits(AUTO, c -> importance)).isEqualTo(rows.logits(AUTO, c -> 1));
    }

    @ParameterizedTest
    @EnumSource(Spread.class)
    void aCommonFactorChangesNothing(Spread spread, Random random) {
        Rows rows = new Rows(random, 1000, 0);
        Arrays.setAll(rows.importances, row -> spread.of(random, rows.labels[row]));
        double[] expected = rows.logits(AUTO, c -> c);
        // a power of two does not even change how numbers are rounded
        assertThat(rows.logits(AUTO, c -> c * 0x1p-20)).isEqualTo(expected);
        assertThat(rows.logits(AUTO, c -> c * 0x1p20)).isEqualTo(expected);
    }

    /** The median of several streams, because the log loss of one depends on luck with its most important examples. */
    @ParameterizedTest
    @EnumSource(Spread.class)
    void learnsAsTheBestAdaGradDoes(Spread spread, Random random) {
        double[] toBest = new double[9];
        for (int stream = 0; stream < toBest.length; stream++) {
            Rows rows = new Rows(random, 8000, spread == Spread.RARE_POSITIVES ? -6.4 : 0);
            Arrays.setAll(rows.importances, row -> spread.of(random, rows.labels[row]));
            StepOptions standard = new StepOptions(Scaling.STANDARD, 0, 0, 0, false, 1);
            double best = Arrays.stream(RATES)
                    .map(rate ->
                            rows.logLoss(Examples.settings(Algorithm.ADAGRAD, LearningRate.constant(rate), standard)))
                    .min()
                    .orElseThrow();
            toBest[stream] = rows.logLoss(AUTO) / best;
        }
        Arrays.sort(toBest);
        assertThat(toBest[toBest.length / 2]).isLessThan(spread.bound);
    }

    /** For a while it is taken for what it may be: as much as a thousand others. */
    @ParameterizedTest
    @ValueSource(ints = {0, 50, 1000})
    void oneAbsurdImportanceIsForgotten(int place, Random random) {
        Rows rows = new Rows(random, 8000, 0);
        double[] clean = rows.logits(AUTO, c -> c);
        rows.importances[place] = 1e12;
        double[] logits = rows.logits(AUTO, c -> c);
        double loss = 0;
        double cleanLoss = 0;
        for (int row = 4000; row < logits.length; row++) {
            loss += Logistic.logLoss(logits[row], rows.labels[row]);
            cleanLoss += Logistic.logLoss(clean[row], rows.labels[row]);
        }
        assertThat(loss).isLessThan(1.01 * cleanLoss);
    }
}
