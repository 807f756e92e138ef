package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressiveValidationTest {
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 10, 11, 1000})
    void theRecentWindowCoversHalfOfItAtLeastAndAllOfItAtMost(int window) {
        ProgressiveValidation validation = new ProgressiveValidation();
        for (int i = 1; i <= 5 * window; i++) {
            validation.add(0, 0.5, 0, 1, window);
            assertThat(validation.overall().examples()).isEqualTo(i);
            double least = Math.min(i, window / 2.0);
            assertThat((double) validation.recent().examples()).isBetween(least, (double) window);
        }
    }

    @Test
    void theRecentWindowHoldsTheLastOnes() {
        ProgressiveValidation validation = new ProgressiveValidation();
        for (int i = 0; i < 95; i++) {
            validation.add(0, i / 100.0, i < 80 ? 0 : 1, 1, 20);
        }
        // halves of ten begin at 0, 10, …: the last two are 80 to 89 and 90 to 94
        assertThat(validation.recent().examples()).isEqualTo(15);
        assertThat(validation.recent().meanLabel()).isEqualTo(1);
        assertThat(validation.recent().meanProbability()).isCloseTo(0.87, within(1e-15));
        assertThat(validation.overall().meanLabel()).isCloseTo(15 / 95.0, within(1e-15));
    }

    @Test
    void isReadBackAndGoesOnTheSame() throws IOException {
        ProgressiveValidation validation = new ProgressiveValidation();
        for (int i = 0; i < 33; i++) {
            validation.add(i - 16, i / 33.0, i % 2, 1 + i % 3, 20);
        }
        ProgressiveValidation back =
                ProgressiveValidation.read(new DataInputStream(new ByteArrayInputStream(bytes(validation))));
        for (int i = 0; i < 33; i++) {
            assertThat(bytes(back)).isEqualTo(bytes(validation));
            back.add(1, 0.7, 1, 1, 20);
            validation.add(1, 0.7, 1, 1, 20);
        }
        assertThat(back.recent().logLoss()).isEqualTo(validation.recent().logLoss());
    }

    private static byte[] bytes(ProgressiveValidation validation) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        validation.write(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }

    /**
     * Until the first half of the window is full the recent sums are all sums, and are one object; after that
     * they are not.
     */
    @Test
    void goesOnAfterItWasReadBackWhereverThatWas() throws IOException {
        for (int before = 0; before < 12; before++) {
            ProgressiveValidation one = new ProgressiveValidation();
            ProgressiveValidation other = new ProgressiveValidation();
            for (int i = 0; i < 15; i++) {
                if (i == before) {
                    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                    other.write(new DataOutputStream(bytes));
                    other = ProgressiveValidation.read(
                            new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
                }
                for (ProgressiveValidation validation : List.of(one, other)) {
                    validation.add(i / 3.0 - 2, Logistic.probability(i / 3.0 - 2), i % 2, 1, 8);
                }
            }
            assertThat(one.overall().examples()).isEqualTo(15);
            assertThat(one.recent().examples()).isEqualTo(7);
            for (ProgressiveValidation validation : List.of(one, other)) {
                assertThat(validation.recent().logLoss()).isEqualTo(one.recent().logLoss());
                assertThat(validation.recent().auc()).isEqualTo(one.recent().auc());
                assertThat(validation.overall().logLoss())
                        .isEqualTo(one.overall().logLoss());
            }
        }
    }
}
