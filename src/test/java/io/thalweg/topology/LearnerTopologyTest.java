package io.thalweg.topology;

import static io.thalweg.topology.LearnerDriver.dense;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LearnerTopologyTest {
    @Test
    void predictsFirstAndLearnsSecond() {
        try (LearnerDriver learner = new LearnerDriver(Map.of("learning.rate", "0.5"))) {
            Prediction first = learner.predict("m", dense(1.0, 2.0, -1.0));
            assertThat(first.getProbability()).isEqualTo(0.5);
            assertThat(first.getVersion()).isZero();
            assertThat(first.getLogLoss()).isCloseTo(Math.log(2), within(1e-15));

            // the step: α·(a − y) = 0.5·(0.5 − 1) = −0.25, so w = (0.5, −0.25) and b = 0.25
            Weights weights = learner.lastWeights();
            assertThat(weights.getVersion()).isEqualTo(1);
            assertThat(weights.getBias()).isEqualTo(0.25);
            assertThat(weights.getWeights()).extracting(w -> w.getWeight()).containsExactly(0.5, -0.25);

            Prediction second = learner.predict("m", dense(null, 1.0, 1.0));
            assertThat(second.getLogit()).isEqualTo(0.5);
            assertThat(second.getVersion()).isEqualTo(1);
            assertThat(second.getLabel()).isNull();
            assertThat(learner.weights.isEmpty()).isTrue();
        }
    }
}
