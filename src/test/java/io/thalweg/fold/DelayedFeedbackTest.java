package io.thalweg.fold;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.fold.DelayedFeedback.Cost;
import io.thalweg.fold.DelayedFeedback.Policy;
import io.thalweg.math.Rejection;
import io.thalweg.testing.Seeded;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The guide says which policy costs what; its figures are those that {@link DelayedFeedback} prints. */
@Seeded
class DelayedFeedbackTest {
    private static final int RUNS = 4;

    private static Cost mean(Policy policy, long seed) throws Rejection {
        double[] sums = new double[4];
        for (int i = 0; i < RUNS; i++) {
            Cost cost = DelayedFeedback.run(policy, seed + i);
            sums[0] += cost.start() / RUNS;
            sums[1] += cost.rest() / RUNS;
            sums[2] += cost.restRatio() / RUNS;
            sums[3] += cost.change() / RUNS;
        }
        return new Cost(sums[0], sums[1], sums[2], sums[3]);
    }

    @Test
    void waitingIsMoreExactAndProvisionalIsFaster(Random random) throws Rejection {
        long seed = random.nextLong();
        Cost atOnce = mean(Policy.AT_ONCE, seed);
        Cost wait = mean(Policy.WAIT, seed);
        Cost provisional = mean(Policy.PROVISIONAL, seed);

        // all of them have their fixed point where the prediction is the probability
        assertThat(atOnce.restRatio()).isCloseTo(1, within(0.04));
        assertThat(wait.restRatio()).isCloseTo(1, within(0.04));
        assertThat(provisional.restRatio()).isCloseTo(1, within(0.04));

        // at rest a provisional negative and its correction are noise
        assertThat(wait.rest()).isBetween(0.7 * atOnce.rest(), 1.3 * atOnce.rest());
        assertThat(provisional.rest()).isBetween(1.2 * atOnce.rest(), 2 * atOnce.rest());

        // after a change the old negatives of a long wait contradict the new positives
        assertThat(provisional.change()).isBetween(2 * atOnce.change(), 0.9 * wait.change());

        // at the start positives come before negatives, unless these are learned at once
        assertThat(atOnce.start()).isCloseTo(1, within(0.15));
        assertThat(wait.start()).isGreaterThan(2.5);
        assertThat(provisional.start()).isBetween(0.75, 1.0);
    }
}
