package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StepLogTest {
    private static final int WINDOW = 50;

    private static Learner learner(String algorithm) {
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

    /** The model that takes the written steps is the model that took them, down to the last bit. */
    @ParameterizedTest
    @ValueSource(strings = {"sgd", "auto"})
    void theStepsTakenAgainGiveTheSameModel(String algorithm) throws Rejection {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        Examples.ModelMap first = new Examples.ModelMap();
        Learner learner = learner(algorithm);
        Outcome outcome = new Outcome();
        StepLog log = new StepLog();
        for (int t = 0; t < 3000; t++) {
            Example x = random(random);
            learner.process(first, "m", x, outcome);
            log.add(outcome.version(), x);
        }
        Model again = new Model("m", learner(algorithm).algorithm());
        again.fix(Form.SPARSE, 0);
        long bytes = log.bytes();
        assertThat(log.parts()).isNotEmpty();
        for (byte[] part : log.parts()) {
            bytes -= part.length;
            assertThat(StepLog.firstVersion(part)).isEqualTo(again.version());
            StepLog.replay(part, again, learner(algorithm).algorithm(), WINDOW);
        }
        assertThat(bytes).isZero();
        assertThat(again.version()).isEqualTo(3000);
        assertThat(Examples.bits(again)).isEqualTo(Examples.bits(first.get("m")));
        log.clear();
        assertThat(log.bytes()).isZero();
        assertThat(log.parts()).isEmpty();
    }

    @Test
    void isWrittenAsItsDocumentationSays() {
        StepLog log = new StepLog();
        log.add(258, Examples.sparse(1.0, new int[] {5, 300, 2}, new double[] {1, 1, 1}));
        log.add(259, Examples.sparse(0.0, new int[] {0, 1}, new double[] {0.5, -2}));
        Example third = Examples.sparse(0.25, new int[] {0}, new double[] {0.1});
        third.importance(2);
        log.add(260, third);
        assertThat(log.parts()).hasSize(1);
        assertThat(HexFormat.of().formatHex(log.parts().get(0)))
                .isEqualTo("0201000000000000"
                        // three features, positive and ones; 5, +295 as 590, −298 as 595
                        + "03" + "11" + "0a" + "ce04" + "d304"
                        // two in a row, as floats
                        + "02" + "28" + "0000003f" + "000000c0"
                        // one in a row, another label, another importance
                        + "01" + "0e" + "000000000000d03f" + "0000000000000040" + "9a9999999999b93f");
    }

    @Test
    void refusesWhatIsNotTheNextOrDamaged() {
        StepLog log = new StepLog();
        log.add(3, Examples.sparse(1.0, new int[] {5}, new double[] {2.5}));
        byte[] part = log.parts().get(0);
        Model model = Examples.plain("m");
        assertThatThrownBy(() -> StepLog.replay(part, model, Examples.SGD, WINDOW))
                .hasMessageContaining("from version 3");
        byte[] cut = Arrays.copyOf(part, part.length - 1);
        cut[0] = 0;
        assertThatThrownBy(() -> StepLog.replay(cut, model, Examples.SGD, WINDOW))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    /** A part stays well below what a record may have. */
    @Test
    void manyStepsAreSeveralParts() {
        StepLog log = new StepLog();
        Random random = new Random(7);
        for (int t = 0; t < 20_000; t++) {
            log.add(t, random(random));
        }
        assertThat(log.parts()).hasSizeGreaterThan(1).allMatch(part -> part.length <= 1 << 18);
        int count = log.parts().size();
        // one that is as large as an example may be has no place in it
        Example huge = Examples.dense(1.0, random.doubles(100_000).toArray());
        assertThat(log.add(20_000, huge)).isFalse();
        assertThat(log.parts()).hasSize(count);
    }
}
