package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.testing.Seeded;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class SgdTest {
    private static Example indexed(double label, double importance, double... values) {
        Example x = Examples.sparse(label, IntStream.range(0, values.length).toArray(), values);
        x.importance(importance);
        return x;
    }

    private static Model model(double bias, double... weights) {
        Model model = Examples.plain("m");
        model.advance(1);
        for (int i = 0; i < weights.length; i++) {
            Examples.moveWeight(model, i, weights[i]);
        }
        Examples.moveBias(model, bias);
        return model;
    }

    /** A step as if the probability had been a. */
    private static boolean step(Model model, Example x, double alpha, double a) {
        Sgd sgd = new Sgd(LearningRate.constant(alpha));
        return sgd.step(model, x, sgd.logit(model, x), a);
    }

    @Test
    void aPositiveMovesTheWeightsAlongTheFeaturesAndTheBiasUp() {
        Model model = Examples.plain("m");
        // α·c·(a − y) = 0.5·1·(0.5 − 1) = −0.25
        assertThat(step(model, indexed(1, 1, 2, -1), 0.5, 0.5)).isTrue();
        assertThat(model.weight(0)).isEqualTo(0.5);
        assertThat(model.weight(1)).isEqualTo(-0.25);
        assertThat(model.bias()).isEqualTo(0.25);
        assertThat(model.version()).isEqualTo(1);
        assertThat(model.learningRate()).isEqualTo(0.5);
    }

    @Test
    void aNegativeMovesThemTheOtherWay() {
        Model model = Examples.plain("m");
        assertThat(step(model, indexed(0, 1, 2, -1), 0.5, 0.5)).isTrue();
        assertThat(model.weight(0)).isEqualTo(-0.5);
        assertThat(model.weight(1)).isEqualTo(0.25);
        assertThat(model.bias()).isEqualTo(-0.25);
    }

    /** w − α·c·(a − y)·x and b − α·c·(a − y), written out, bit for bit. */
    @Test
    void theStepIsTheFormula(Random random) {
        for (int run = 0; run < 2000; run++) {
            int n = 1 + random.nextInt(6);
            double[] w = random.doubles(n, -3, 3).toArray();
            double[] x = random.doubles(n, -3, 3).toArray();
            double b = random.nextGaussian();
            double alpha = random.nextDouble();
            double c = random.nextInt(4) * 0.5;
            double y = random.nextInt(5) / 4.0;
            double a = random.nextDouble();
            Model model = model(b, w);
            assertThat(step(model, indexed(y, c, x), alpha, a)).isTrue();
            for (int i = 0; i < n; i++) {
                assertThat(model.weight(i)).isEqualTo(w[i] - alpha * c * (a - y) * x[i]);
            }
            assertThat(model.bias()).isEqualTo(b - alpha * c * (a - y));
        }
    }

    /** The move of every weight and of the bias is −α·c times the slope of the log loss there. */
    @Test
    void theStepGoesDownTheGradientOfTheLogLoss(Random random) throws Rejection {
        double h = 1e-5;
        for (int run = 0; run < 200; run++) {
            int n = 1 + random.nextInt(5);
            double[] w = random.doubles(n, -1, 1).toArray();
            double[] x = random.doubles(n, -2, 2).toArray();
            double b = random.nextGaussian();
            double y = random.nextInt(5) / 4.0;
            double c = 0.5 + random.nextDouble();
            double alpha = 0.3;
            Example example = indexed(y, c, x);
            Model model = model(b, w);
            step(model, example, alpha, Logistic.probability(model.optimizer().logit(model, example)));
            for (int i = 0; i < n; i++) {
                double[] up = w.clone();
                double[] down = w.clone();
                up[i] += h;
                down[i] -= h;
                double slope = (loss(up, b, x, y) - loss(down, b, x, y)) / (2 * h);
                assertThat(model.weight(i) - w[i]).isCloseTo(-alpha * c * slope, within(1e-8));
            }
            double slope = (loss(w, b + h, x, y) - loss(w, b - h, x, y)) / (2 * h);
            assertThat(model.bias() - b).isCloseTo(-alpha * c * slope, within(1e-8));
        }
    }

    /** −y ln a − (1−y) ln(1−a), from the logit: 1 − a has lost its digits where a is close to 1. */
    private static double loss(double[] w, double b, double[] x, double y) {
        double z =
                b + IntStream.range(0, w.length).mapToDouble(i -> w[i] * x[i]).sum();
        return y * Math.log1p(Math.exp(-z)) + (1 - y) * Math.log1p(Math.exp(z));
    }

    @Test
    void importanceZeroIsAStepThatMovesNothing() {
        Model model = model(0.75, 1, -2, 0);
        long[] before = raw(model, 3);
        assertThat(step(model, indexed(1, 0, 5, -5, 5), 0.5, 0.25)).isTrue();
        assertThat(raw(model, 3)).isEqualTo(before);
        assertThat(model.version()).isEqualTo(2);
    }

    @Test
    void importanceScalesTheStep() {
        Model once = Examples.plain("m");
        Model thrice = Examples.plain("m");
        step(once, indexed(0.25, 1, 0.5, 4), 0.125, 0.5);
        step(thrice, indexed(0.25, 3, 0.5, 4), 0.125, 0.5);
        for (int i = 0; i < 2; i++) {
            assertThat(thrice.weight(i)).isEqualTo(3 * once.weight(i)).isNotZero();
        }
        assertThat(thrice.bias()).isEqualTo(3 * once.bias()).isNotZero();
    }

    @Test
    void aPredictionThatIsTheLabelMovesNothing() {
        Model model = model(0.75, 1, -2);
        long[] before = raw(model, 2);
        step(model, indexed(0.25, 1, 3, 4), 0.5, 0.25);
        assertThat(raw(model, 2)).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e308, Double.MAX_VALUE})
    void aStepThatAWeightWouldNotSurviveIsNotTaken(double large) {
        Model model = model(0.75, 1, -large);
        String before = Examples.bits(model);
        assertThat(step(model, indexed(0, 1, 1, large), 4, 0.5)).isFalse();
        assertThat(Examples.bits(model)).isEqualTo(before);
        // the last feature alone is at fault: nothing before it may have moved
        assertThat(step(model, indexed(0, 1, 1, 1, large), 1e10, 0.5)).isFalse();
        assertThat(Examples.bits(model)).isEqualTo(before);
        assertThat(model.blockCount()).isEqualTo(1);
    }

    @Test
    void aStepThatTheBiasWouldNotSurviveIsNotTaken() {
        Model model = model(Double.MAX_VALUE, 1);
        String before = Examples.bits(model);
        assertThat(step(model, indexed(1, Double.MAX_VALUE, 0), 1, 0.5)).isFalse();
        assertThat(step(model, indexed(1, Double.MAX_VALUE, 0), Double.MAX_VALUE, 0.5))
                .isFalse();
        assertThat(Examples.bits(model)).isEqualTo(before);
    }

    @Test
    void anIndexThatIsThereTwiceMovesTwiceAndCannotOverflowInTwoHalves() {
        Model model = Examples.plain("m");
        Example x = Examples.sparse(1.0, new int[] {3, 3}, new double[] {1, 2});
        step(model, x, 1, 0.5);
        assertThat(model.weight(3)).isEqualTo(1.5);

        String before = Examples.bits(model);
        Example halves = Examples.sparse(1.0, new int[] {3, 3}, new double[] {1.2e308, 1.2e308});
        assertThat(step(model, halves, 2, 0)).isFalse();
        assertThat(step(model, halves, 1, 0)).isFalse();
        assertThat(Examples.bits(model)).isEqualTo(before);
    }

    private static long[] raw(Model model, int n) {
        double[] all = IntStream.rangeClosed(0, n)
                .mapToDouble(i -> i == n ? model.bias() : model.weight(i))
                .toArray();
        return Arrays.stream(all).mapToLong(Double::doubleToRawLongBits).toArray();
    }
}
