package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.testing.Seeded;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

@Seeded
class MetricSumsTest {
    private record Seen(double logit, double label, double importance) {
        double probability() {
            return 1 / (1 + Math.exp(-logit));
        }
    }

    private static MetricSums sums(List<Seen> all) {
        MetricSums sums = new MetricSums();
        all.forEach(s -> sums.add(s.logit, s.probability(), s.label, s.importance));
        return sums;
    }

    /** Every pair of a positive and a negative, one by one: in order 1, a tie 1/2. */
    private static double exactAuc(List<Seen> all) {
        double pairs = 0;
        double inOrder = 0;
        for (Seen positive : all) {
            for (Seen negative : all) {
                double weight = positive.importance * positive.label * negative.importance * (1 - negative.label);
                pairs += weight;
                inOrder += weight * (Math.signum(positive.logit - negative.logit) + 1) / 2;
            }
        }
        return inOrder / pairs;
    }

    private static List<Seen> random(Random random, int n, double spread, boolean fractions) {
        List<Seen> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            double logit = random.nextGaussian() * spread;
            double rate = 1 / (1 + Math.exp(-logit / 2));
            double label = fractions ? random.nextInt(5) / 4.0 : random.nextDouble() < rate ? 1 : 0;
            all.add(new Seen(logit, label, fractions ? random.nextInt(8) / 2.0 : 1));
        }
        return all;
    }

    @Test
    void theAucIsThatOfAllPairsWithinItsError(Random random) {
        for (double spread : new double[] {0.01, 0.5, 3, 20, 1000}) {
            for (boolean fractions : new boolean[] {false, true}) {
                List<Seen> all = random(random, 400, spread, fractions);
                MetricSums sums = sums(all);
                assertThat(sums.aucError()).isBetween(0.0, 0.5);
                assertThat(sums.auc())
                        .as("spread %s", spread)
                        .isCloseTo(exactAuc(all), within(sums.aucError() + 1e-12));
            }
        }
    }

    @Test
    void theErrorIsSmallWhereLogitsSpread() {
        Random random = new Random(1);
        assertThat(sums(random(random, 2000, 3, false)).aucError()).isLessThan(0.005);
    }

    @Test
    void theErrorIsReachedWhereABucketHidesTheOrder() {
        MetricSums sums = sums(List.of(new Seen(0.001, 0, 1), new Seen(0.002, 1, 1)));
        assertThat(sums.auc()).isEqualTo(0.5);
        assertThat(sums.aucError()).isEqualTo(0.5);
    }

    @Test
    void aBucketIsAThirtySecondWideAndTheOutermostTakeTheRest() {
        assertThat(sums(List.of(new Seen(-0.001, 0, 1), new Seen(0, 1, 1))).auc())
                .isEqualTo(1);
        assertThat(sums(List.of(new Seen(0, 0, 1), new Seen(0.0312, 1, 1))).auc())
                .isEqualTo(0.5);
        assertThat(sums(List.of(new Seen(0, 0, 1), new Seen(0.03125, 1, 1))).auc())
                .isEqualTo(1);
        assertThat(sums(List.of(new Seen(16, 0, 1), new Seen(1000, 1, 1))).auc())
                .isEqualTo(0.5);
        assertThat(sums(List.of(new Seen(-1e300, 0, 1), new Seen(-16, 1, 1))).auc())
                .isEqualTo(0.5);
        assertThat(sums(List.of(new Seen(-1e300, 1, 1), new Seen(1e300, 0, 1))).auc())
                .isEqualTo(0);
    }

    @Test
    void countsWithImportances() {
        List<Seen> all = List.of(new Seen(1, 1, 3), new Seen(-1, 1, 1), new Seen(2, 0, 0.5), new Seen(-3, 0, 0));
        MetricSums sums = sums(all);
        assertThat(sums.examples()).isEqualTo(4);
        assertThat(sums.importance()).isEqualTo(4.5);
        double loss = 3 * Math.log1p(Math.exp(-1)) + Math.log1p(Math.exp(1)) + 0.5 * Math.log1p(Math.exp(2));
        assertThat(sums.logLoss()).isCloseTo(loss / 4.5, within(1e-15));
        assertThat(sums.accuracy()).isCloseTo(3 / 4.5, within(1e-15));
        assertThat(sums.meanLabel()).isCloseTo(4 / 4.5, within(1e-15));
        double probabilities = 3 * all.get(0).probability()
                + all.get(1).probability()
                + 0.5 * all.get(2).probability();
        assertThat(sums.meanProbability()).isCloseTo(probabilities / 4.5, within(1e-15));
        assertThat(sums.calibration()).isCloseTo(probabilities / 4, within(1e-15));
        double rate = 4 / 4.5;
        assertThat(sums.baseRateLogLoss())
                .isCloseTo(-rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate), within(1e-15));
    }

    @Test
    void positiveMeansAProbabilityAboveAHalf() {
        assertThat(sums(List.of(new Seen(0, 0, 1))).accuracy()).isEqualTo(1);
        assertThat(sums(List.of(new Seen(0, 1, 1))).accuracy()).isEqualTo(0);
        assertThat(sums(List.of(new Seen(1e-9, 1, 1))).accuracy()).isEqualTo(1);
        assertThat(sums(List.of(new Seen(0, 0.5, 1))).accuracy()).isEqualTo(1);
        assertThat(sums(List.of(new Seen(1, 0.75, 1), new Seen(1, 0.25, 1))).accuracy())
                .isEqualTo(0.5);
    }

    @Test
    void saysNaNWhereThereIsNothingToSay() {
        MetricSums none = new MetricSums();
        for (double figure : new double[] {
            none.logLoss(),
            none.baseRateLogLoss(),
            none.accuracy(),
            none.auc(),
            none.aucError(),
            none.meanLabel(),
            none.meanProbability(),
            none.calibration()
        }) {
            assertThat(figure).isNaN();
        }
        MetricSums negativesOnly = sums(List.of(new Seen(1, 0, 1)));
        assertThat(negativesOnly.auc()).isNaN();
        assertThat(negativesOnly.aucError()).isNaN();
        assertThat(negativesOnly.calibration()).isNaN();
        assertThat(negativesOnly.baseRateLogLoss()).isZero();
        assertThat(sums(List.of(new Seen(1, 1, 1))).auc()).isNaN();
        assertThat(sums(List.of(new Seen(1, 1, 0))).logLoss()).isNaN();
    }

    @Test
    void twoTalliesAddUp() {
        Random random = new Random(2);
        List<Seen> all = random(random, 300, 5, true);
        MetricSums sum = sums(all.subList(0, 100)).plus(sums(all.subList(100, 300)));
        MetricSums whole = sums(all);
        assertThat(sum.examples()).isEqualTo(300);
        assertThat(sum.logLoss()).isCloseTo(whole.logLoss(), within(1e-13));
        assertThat(sum.auc()).isCloseTo(whole.auc(), within(1e-13));
        assertThat(sum.aucError()).isCloseTo(whole.aucError(), within(1e-13));
        assertThat(sum.calibration()).isCloseTo(whole.calibration(), within(1e-13));
        assertThat(new MetricSums().plus(new MetricSums()).examples()).isZero();
    }

    @Test
    void isReadBackAsItWasWrittenAndGoesOnTheSame() throws IOException {
        Random random = new Random(3);
        List<List<Seen>> runs = List.of(
                List.of(),
                List.of(new Seen(0, 1, 1e300)),
                // more in one bucket than a short holds
                java.util.Collections.nCopies(40_000, new Seen(-40, 0, 1)),
                random(random, 500, 3, true),
                random(random, 500, 500, false));
        for (List<Seen> run : runs) {
            MetricSums sums = sums(run);
            MetricSums back = MetricSums.read(new DataInputStream(new ByteArrayInputStream(bytes(sums))));
            assertThat(bytes(back)).isEqualTo(bytes(sums));
            for (MetricSums each : List.of(sums, back)) {
                each.add(-20, 1e-9, 1, 0.3);
                each.add(20, 1 - 1e-9, 0, 7);
            }
            assertThat(bytes(back)).isEqualTo(bytes(sums));
            assertThat(back.auc()).isEqualTo(sums.auc());
            assertThat(back.examples()).isEqualTo(run.size() + 2);
        }
    }

    static byte[] bytes(MetricSums sums) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        sums.write(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }
}
