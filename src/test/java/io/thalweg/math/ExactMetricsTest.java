package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.testing.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

@Seeded
class ExactMetricsTest {
    private record Seen(double logit, double label, double importance) {}

    private static ExactMetrics figures(List<Seen> all) {
        ExactMetrics metrics = new ExactMetrics();
        all.forEach(s -> metrics.add(s.logit, s.label, s.importance));
        return metrics;
    }

    /** Few logits, so that there are ties. */
    private static List<Seen> random(Random random, int n, boolean fractions) {
        List<Seen> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            double logit = random.nextInt(-20, 21) / 4.0;
            double label = fractions ? random.nextInt(5) / 4.0 : random.nextInt(2);
            all.add(new Seen(logit, label, fractions ? random.nextInt(8) / 2.0 : 1));
        }
        return all;
    }

    @Test
    void theyAreThoseOfTheDefinitions(Random random) {
        for (boolean fractions : new boolean[] {false, true}) {
            // more than there is room for at the beginning
            List<Seen> all = random(random, 1500, fractions);
            double weight = 0;
            double loss = 0;
            double correct = 0;
            double labels = 0;
            double probabilities = 0;
            double pairs = 0;
            double inOrder = 0;
            for (Seen s : all) {
                double p = 1 / (1 + Math.exp(-s.logit));
                weight += s.importance;
                loss -= s.importance * (s.label * Math.log(p) + (1 - s.label) * Math.log(1 - p));
                correct += p > 0.5 == s.label > 0.5 ? s.importance : 0;
                labels += s.importance * s.label;
                probabilities += s.importance * p;
                for (Seen other : all) {
                    double pair = s.importance * s.label * other.importance * (1 - other.label);
                    pairs += pair;
                    inOrder += pair * (Math.signum(s.logit - other.logit) + 1) / 2;
                }
            }
            double rate = labels / weight;

            ExactMetrics metrics = figures(all);
            assertThat(metrics.size()).isEqualTo(1500);
            assertThat(metrics.logLoss()).isCloseTo(loss / weight, within(1e-12));
            assertThat(metrics.accuracy()).isCloseTo(correct / weight, within(1e-12));
            assertThat(metrics.baseRate()).isCloseTo(rate, within(1e-12));
            assertThat(metrics.baseRateLogLoss())
                    .isCloseTo(-rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate), within(1e-12));
            assertThat(metrics.calibration()).isCloseTo(probabilities / labels, within(1e-12));
            assertThat(metrics.auc()).isCloseTo(inOrder / pairs, within(1e-12));
        }
    }

    @Test
    void zeroHasNoSign() {
        assertThat(figures(List.of(new Seen(0.0, 1, 1), new Seen(-0.0, 0, 1))).auc())
                .isEqualTo(0.5);
        assertThat(figures(List.of(new Seen(-0.0, 1, 1), new Seen(0.0, 0, 1))).auc())
                .isEqualTo(0.5);
    }

    @Test
    void whatIsNotKnownIsNaN() {
        assertThat(figures(List.of()).logLoss()).isNaN();
        assertThat(figures(List.of()).baseRateLogLoss()).isNaN();
        assertThat(figures(List.of(new Seen(1, 1, 1))).auc()).isNaN();
        assertThat(figures(List.of(new Seen(1, 0, 1))).auc()).isNaN();
        assertThat(figures(List.of(new Seen(1, 0, 1))).calibration()).isNaN();
    }
}
