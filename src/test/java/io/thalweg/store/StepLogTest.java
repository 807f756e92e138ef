package io.thalweg.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.Learner;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.LearningRate;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.testing.Seeded;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Seeded
class StepLogTest {
    private static final int WINDOW = 50;

    private static Learner learner(Algorithm algorithm) {
        return new Learner(new LearnerSettings(algorithm, LearningRate.constant(0.1), 20, 1000, 10, null, WINDOW));
    }

    private static Example random(Random random) {
        int size = 1 + random.nextInt(8);
        int[] indices = random.nextInt(4) == 0
                ? java.util.stream.IntStream.range(0, size).toArray()
                : random.ints(0, 1 << 20).distinct().limit(size).toArray();
        double[] values = new double[size];
        int kind = random.nextInt(4);
        for (int k = 0; k < size; k++) {
            values[k] = switch (kind) {
                case 0 -> 1;
                case 1 -> random.nextInt(9) / 4.0 - 1;
                case 2 -> k == 0 ? -0.0 : random.nextGaussian();
                default -> random.nextGaussian() * 1e9;
            };
        }
        Example x = Examples.sparse(random.nextInt(5) == 0 ? random.nextDouble() : random.nextInt(2), indices, values);
        if (random.nextInt(4) == 0) {
            x.importance(random.nextInt(3) * 1.5);
        }
        return x;
    }

    private static byte[] bytes(StepLogWriter log) {
        byte[] bytes = new byte[log.size()];
        log.copyTo(bytes, 0);
        return bytes;
    }

    /** The models that take the written steps are the models that took them, down to the last bit. */
    @ParameterizedTest
    @EnumSource(names = {"SGD", "AUTO"})
    void theStepsTakenAgainGiveTheSameModels(Algorithm algorithm, Random random) throws Rejection {
        Examples.ModelMap first = new Examples.ModelMap();
        Learner learner = learner(algorithm);
        PredictionResult result = new PredictionResult();
        StepLogWriter log = new StepLogWriter();
        for (int t = 0; t < 3000; t++) {
            Example x = random(random);
            int model = random.nextInt(3);
            first.process(learner, "m" + model, x, result);
            log.add(1000 * model, result.version(), x);
            if (random.nextInt(10) == 0) {
                log.addPublished(1000 * model, result.version() + 1, random.nextBoolean());
            }
        }
        Learner anew = learner(algorithm);
        Model[] again = new Model[3];
        for (int i = 0; i < again.length; i++) {
            again[i] = new Model("m" + i, anew.optimizer());
        }
        StepLogReader in = new StepLogReader(bytes(log), 0);
        while (in.next()) {
            Model model = again[in.model() / 1000];
            assertThat(in.version()).isEqualTo(model.version());
            if (!in.isPublished()) {
                anew.predict(model, in.example(), result);
                anew.learn(model, in.example(), result);
            }
        }
        for (Model model : again) {
            assertThat(Examples.bits(model)).isEqualTo(Examples.bits(first.get(model.id())));
        }
        log.clear();
        assertThat(log.size()).isZero();
        assertThat(new StepLogReader(bytes(log), 0).next()).isFalse();
    }

    @Test
    void isWrittenAsItsDocumentationSays() {
        StepLogWriter log = new StepLogWriter();
        log.add(1, 258, Examples.sparse(1.0, new int[] {5, 300, 2}, new double[] {1, 1, 1}));
        log.add(130, 259, Examples.sparse(0.0, new int[] {0, 1}, new double[] {0.5, -2}));
        Example third = Examples.sparse(0.25, new int[] {0}, new double[] {0.1});
        third.importance(2);
        log.add(1, 260, third);
        log.addPublished(1, 261, true);
        log.addPublished(0, Long.MAX_VALUE, false);
        assertThat(HexFormat.of().formatHex(bytes(log)))
                // model, version; positive and ones, three features; 5, +295 as 590, −298 as 595
                .isEqualTo("01" + "8202" + "11" + "03" + "0a" + "ce04" + "d304"
                        // as floats in a row, two
                        + "8201" + "8302" + "28" + "02" + "0000003f" + "000000c0"
                        // another label, another importance, in a row, one
                        + "01" + "8402" + "0e" + "01" + "000000000000d03f" + "0000000000000040" + "9a9999999999b93f"
                        // published whole, and not whole
                        + "01" + "8502" + "41" + "00" + "ff".repeat(8) + "7f" + "40");
        StepLogReader in = new StepLogReader(bytes(log), 0);
        for (int i = 0; i < 4; i++) {
            assertThat(in.next()).isTrue();
        }
        assertThat(in.whole()).isTrue();
        assertThat(in.next()).isTrue();
        assertThat(in.isPublished()).isTrue();
        assertThat(in.whole()).isFalse();
        assertThat(in.version()).isEqualTo(Long.MAX_VALUE);
        assertThat(in.next()).isFalse();
    }

    /**
     * Differences between feature numbers that are negative and large are as long as a number can be, and no longer.
     */
    @Test
    void featureNumbersMayLieAnyhow() throws Rejection {
        int[] indices = {(1 << 24) - 1, 0, 1 << 23, 3};
        StepLogWriter log = new StepLogWriter();
        log.add(0, 0, Examples.sparse(1.0, indices, new double[] {1, 1, 1, 1}));
        Model model = new Model("m", Examples.SGD);
        StepLogReader in = new StepLogReader(bytes(log), 0);
        assertThat(in.next()).isTrue();
        Learner learner = learner(Algorithm.SGD);
        PredictionResult result = new PredictionResult();
        learner.predict(model, in.example(), result);
        learner.learn(model, in.example(), result);
        for (int index : indices) {
            assertThat(model.weight(index)).isNotZero();
        }
    }

    @Test
    void refusesWhatIsDamaged() {
        StepLogWriter log = new StepLogWriter();
        log.add(0, 3, Examples.sparse(1.0, new int[] {5}, new double[] {2.5}));
        byte[] cut = Arrays.copyOf(bytes(log), log.size() - 1);
        assertThatThrownBy(() -> new StepLogReader(cut, 0).next()).isInstanceOf(IndexOutOfBoundsException.class);
    }

    /** One that is as large as an example may be has no place in it. */
    @Test
    void aHugeStepIsNotWritten() {
        StepLogWriter log = new StepLogWriter();
        Example huge = Examples.dense(1.0, new Random(7).doubles(100_000).toArray());
        assertThat(log.add(0, 0, huge)).isFalse();
        assertThat(log.size()).isZero();
    }
}
