package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.math.LearningRate.Schedule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class LearningRateTest {
    @Test
    void constantStays() {
        LearningRate rate = LearningRate.constant(0.05);
        assertThat(rate.at(0)).isEqualTo(0.05);
        assertThat(rate.at(Long.MAX_VALUE)).isEqualTo(0.05);
    }

    @Test
    void inverseScalingFallsWithAPowerOfTheSteps() {
        LearningRate root = new LearningRate(Schedule.INVERSE_SCALING, 2, 0.5);
        assertThat(root.at(0)).isEqualTo(2);
        assertThat(root.at(3)).isEqualTo(1);
        assertThat(root.at(99)).isEqualTo(0.2);
        assertThat(new LearningRate(Schedule.INVERSE_SCALING, 3, 2).at(2)).isCloseTo(1.0 / 3, within(1e-16));
    }

    @Test
    void inverseTimeFallsWithTheSteps() {
        LearningRate rate = new LearningRate(Schedule.INVERSE_TIME, 0.5, 0.01);
        assertThat(rate.at(0)).isEqualTo(0.5);
        assertThat(rate.at(100)).isEqualTo(0.25);
        assertThat(rate.at(900)).isCloseTo(0.05, within(1e-17));
    }

    @Test
    void exponentialHalvesAtItsHalfLife() {
        LearningRate rate = new LearningRate(Schedule.EXPONENTIAL, 1, Math.log(2) / 10);
        assertThat(rate.at(0)).isEqualTo(1);
        assertThat(rate.at(10)).isCloseTo(0.5, within(1e-15));
        assertThat(rate.at(100)).isCloseTo(1.0 / 1024, within(1e-17));
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void everyScheduleBeginsAtItsInitialRateAndNeverRisesNorStopsBeingANumber(Schedule schedule) {
        for (double decay : new double[] {0, 1e-9, 0.5, 100, Double.MAX_VALUE}) {
            LearningRate rate = new LearningRate(schedule, 0.1, decay);
            assertThat(rate.at(0)).isEqualTo(0.1);
            double before = 0.1;
            for (long t : new long[] {1, 2, 10, 1_000_000, 1L << 53, Long.MAX_VALUE}) {
                double now = rate.at(t);
                assertThat(now).as("%s at %s", rate, t).isBetween(0.0, before);
                before = now;
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -0.1, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void refusesARateThatIsNotANumberAboveZero(double initial) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> LearningRate.constant(initial))
                .withMessageContaining(String.valueOf(initial));
    }

    @ParameterizedTest
    @ValueSource(doubles = {-1e-9, Double.NaN, Double.POSITIVE_INFINITY})
    void refusesADecayThatIsNotANumberFromZero(double decay) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new LearningRate(Schedule.INVERSE_TIME, 0.1, decay))
                .withMessageContaining(String.valueOf(decay));
    }
}
