package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.testing.Seeded;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class LogisticTest {
    private static final MathContext DIGITS = new MathContext(60);

    /** e^x by its series, to sixty digits. */
    private static BigDecimal exp(double x) {
        BigDecimal half = new BigDecimal(x).divide(BigDecimal.valueOf(1024), DIGITS);
        BigDecimal term = BigDecimal.ONE;
        BigDecimal sum = BigDecimal.ONE;
        for (int n = 1; n < 60; n++) {
            term = term.multiply(half, DIGITS).divide(BigDecimal.valueOf(n), DIGITS);
            sum = sum.add(term, DIGITS);
        }
        return sum.pow(1024, DIGITS);
    }

    /** ln x by Newton's iteration on {@link #exp}, from the double next to it. */
    private static BigDecimal log(BigDecimal x) {
        double guess = Math.log(x.doubleValue());
        BigDecimal e = exp(guess);
        BigDecimal ratio = x.divide(e, DIGITS).subtract(BigDecimal.ONE);
        // ln(1 + r) = r − r²/2 + r³/3 where r is about 1e-16
        return new BigDecimal(guess)
                .add(ratio)
                .subtract(ratio.pow(2).divide(BigDecimal.valueOf(2), DIGITS))
                .add(ratio.pow(3).divide(BigDecimal.valueOf(3), DIGITS));
    }

    private static BigDecimal sigma(double z) {
        return BigDecimal.ONE.divide(BigDecimal.ONE.add(exp(-z)), DIGITS);
    }

    @ParameterizedTest
    @ValueSource(doubles = {-30, -5.25, -1, -1e-9, 0, 1e-9, 0.5, 1, 2, 17.5, 36})
    void theProbabilityIsTheClosedForm(double z) {
        double exact = sigma(z).doubleValue();
        assertThat(Logistic.probability(z)).isCloseTo(exact, within(4 * Math.ulp(exact)));
    }

    @ParameterizedTest
    @ValueSource(doubles = {-30, -5.25, -1, -1e-9, 0, 1e-9, 0.5, 1, 2, 17.5, 36})
    void theLogLossIsTheClosedForm(double z) {
        BigDecimal a = sigma(z);
        BigDecimal lossOfYes = log(a).negate();
        BigDecimal lossOfNo = log(BigDecimal.ONE.subtract(a)).negate();
        for (double y : new double[] {0, 0.125, 0.5, 0.75, 1}) {
            double exact = lossOfYes
                    .multiply(new BigDecimal(y))
                    .add(lossOfNo.multiply(new BigDecimal(1 - y)))
                    .doubleValue();
            assertThat(Logistic.logLoss(z, y)).as("y = " + y).isCloseTo(exact, within(1e-15 * Math.max(1, exact)));
            // a loss that is almost nothing keeps its digits too
            assertThat(Logistic.logLoss(z, y)).isCloseTo(exact, within(1e-14 * exact));
        }
    }

    @Test
    void knowsValuesThatEverybodyKnows() {
        assertThat(Logistic.probability(0)).isEqualTo(0.5);
        assertThat(Logistic.probability(Math.log(3))).isCloseTo(0.75, within(1e-15));
        assertThat(Logistic.probability(-Math.log(9))).isCloseTo(0.1, within(1e-16));
        assertThat(Logistic.logLoss(0, 1)).isCloseTo(0.6931471805599453, within(1e-16));
        assertThat(Logistic.logLoss(Math.log(3), 0)).isCloseTo(Math.log(4), within(1e-15));
    }

    @Test
    void survivesLogitsOfAThousand() {
        assertThat(Logistic.probability(1000)).isEqualTo(1);
        assertThat(Logistic.probability(-1000)).isEqualTo(0);
        assertThat(Logistic.probability(-700)).isCloseTo(9.8596765437597708e-305, within(1e-318));
        assertThat(Logistic.logLoss(1000, 1)).isEqualTo(0);
        assertThat(Logistic.logLoss(1000, 0)).isEqualTo(1000);
        assertThat(Logistic.logLoss(-1000, 1)).isEqualTo(1000);
        assertThat(Logistic.logLoss(-1000, 0)).isEqualTo(0);
        assertThat(Logistic.logLoss(-1000, 0.25)).isEqualTo(250);
        assertThat(Logistic.logLoss(Double.MAX_VALUE, 0)).isEqualTo(Double.MAX_VALUE);
        assertThat(Logistic.logLoss(-Double.MAX_VALUE, 0.5)).isEqualTo(Double.MAX_VALUE / 2);
    }

    @Test
    void theDerivativeOfTheLossIsProbabilityMinusLabel() {
        double h = 1e-5;
        for (double z = -12; z <= 12; z += 0.37) {
            for (double y : new double[] {0, 0.3, 1}) {
                double difference = (Logistic.logLoss(z + h, y) - Logistic.logLoss(z - h, y)) / (2 * h);
                assertThat(difference).as("z = %s, y = %s", z, y).isCloseTo(Logistic.probability(z) - y, within(1e-9));
            }
        }
    }

    @Test
    void yesAndNoAreSymmetric(Random random) {
        for (int i = 0; i < 1000; i++) {
            double z = random.nextGaussian() * 20;
            assertThat(Logistic.logLoss(z, 1)).isEqualTo(Logistic.logLoss(-z, 0));
            double y = random.nextInt(1025) / 1024.0;
            assertThat(Logistic.logLoss(z, y)).isCloseTo(Logistic.logLoss(-z, 1 - y), within(1e-13));
            assertThat(Logistic.probability(z) + Logistic.probability(-z)).isCloseTo(1, within(1e-15));
            assertThat(Logistic.logLoss(z, y)).isNotNegative();
        }
    }

    @Test
    void aFractionalLabelWeighsBothLosses() {
        assertThat(Logistic.logLoss(1.5, 0.25))
                .isCloseTo(0.25 * Logistic.logLoss(1.5, 1) + 0.75 * Logistic.logLoss(1.5, 0), within(1e-15));
        // no prediction does better than the label itself, and that costs its entropy
        double z = Math.log(0.25 / 0.75);
        assertThat(Logistic.logLoss(z, 0.25)).isCloseTo(Logistic.entropy(0.25), within(1e-15));
    }

    @Test
    void theEntropyIsThatOfACoin() {
        assertThat(Logistic.entropy(0)).isZero();
        assertThat(Logistic.entropy(1)).isZero();
        assertThat(Logistic.entropy(0.5)).isCloseTo(0.6931471805599453, within(1e-16));
        assertThat(Logistic.entropy(0.1)).isCloseTo(0.3250829733914482, within(1e-15));
        assertThat(Logistic.entropy(0.9)).isCloseTo(0.3250829733914482, within(1e-15));
    }
}
