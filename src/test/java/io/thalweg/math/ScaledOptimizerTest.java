package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.math.Examples.Learning;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.math.StepOptions.Scaling;
import io.thalweg.testing.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code sgd}, {@code adagrad} and {@code ftrl} with options, against {@link Reference}. */
@Seeded
class ScaledOptimizerTest {
    private static final int FEATURES = 6;

    static Stream<Arguments> kinds() {
        List<Arguments> kinds = new ArrayList<>();
        for (Algorithm algorithm : List.of(Algorithm.SGD, Algorithm.ADAGRAD, Algorithm.FTRL)) {
            for (Scaling scaling : Scaling.values()) {
                kinds.add(Arguments.of(algorithm, scaling));
            }
        }
        return kinds.stream();
    }

    static Stream<Arguments> scaledKinds() {
        return kinds().filter(kind -> kind.get()[1] != Scaling.NONE);
    }

    private static LearnerSettings settings(Algorithm algorithm, StepOptions options) {
        LearningRate rate = algorithm == Algorithm.FTRL
                ? LearningRate.constant(0.3)
                : new LearningRate(LearningRate.Schedule.INVERSE_SCALING, 0.3, 0.3);
        return Examples.settings(algorithm, rate, options);
    }

    private static StepOptions options(Scaling scaling, double l1, double l2, double clip) {
        return new StepOptions(scaling, l1, l2, clip, false, 0.5);
    }

    /** One of a kind for each place: numbers off their mean, switches, numbers below 0 and above, three values. */
    private static double value(Random random, int i) {
        return switch (i % FEATURES) {
            case 0 -> 3 + random.nextGaussian();
            case 1 -> random.nextInt(2);
            case 2 -> random.nextGaussian() / 4;
            case 3 -> random.nextInt(3) - 1;
            case 4 -> -random.nextDouble();
            default -> random.nextInt(4) == 0 ? 1.5 : random.nextInt(2);
        };
    }

    private static Example example(Random random, boolean dense, double importance) {
        int[] indices = IntStream.range(0, FEATURES)
                .filter(i -> dense || random.nextInt(3) == 0)
                .toArray();
        indices = indices.length == 0 ? new int[] {random.nextInt(FEATURES)} : indices;
        double[] values =
                Arrays.stream(indices).mapToDouble(i -> value(random, i)).toArray();
        double sum = Arrays.stream(values).sum();
        double label = random.nextInt(8) == 0 ? random.nextDouble() : random.nextGaussian() < sum - 2 ? 1 : 0;
        Example x = Examples.sparse(label, indices, values);
        x.importance(importance);
        return x;
    }

    private static double[] published(Model model, int features) {
        return IntStream.rangeClosed(0, features)
                .mapToDouble(i -> i == features ? model.bias() : model.weight(i))
                .toArray();
    }

    private static void follow(LearnerSettings settings, boolean dense, Random random) {
        Learning learning = new Learning(settings);
        Reference reference = new Reference(settings, FEATURES);
        for (int step = 0; step < 250; step++) {
            Example x = example(random, dense, random.nextInt(4) * 0.5);
            assertThat(learning.logit(x)).as("logit of step " + step).isCloseTo(reference.logit(x), within(1e-9));
            double[] published = published(learning.model(), FEATURES);
            double[] expected = reference.published();
            for (int i = 0; i <= FEATURES; i++) {
                assertThat(published[i]).as(step + ": " + i).isCloseTo(expected[i], within(1e-9));
                // a zero is one, and not something small
                assertThat(published[i] == 0).isEqualTo(Math.abs(expected[i]) < 1e-15);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void learnsAsTheReferenceDoes(Algorithm algorithm, Scaling scaling, Random random) {
        follow(settings(algorithm, options(scaling, 0, 0, 0)), true, random);
        follow(settings(algorithm, options(scaling, 0, 0, 0)), false, random);
    }

    /** Every weight is charged at every step, although only those of the example are touched. */
    @ParameterizedTest
    @MethodSource("kinds")
    void penaltiesAreThoseOfStepsThatTouchAllWeights(Algorithm algorithm, Scaling scaling, Random random) {
        for (double[] penalty : new double[][] {{0.01, 0}, {0, 0.03}, {0.02, 0.05}, {1e-4, 1e-9}, {0.1, 4}}) {
            double more = algorithm == Algorithm.FTRL ? 30 : 1;
            StepOptions options = options(scaling, penalty[0] * more, penalty[1] * more, 0);
            follow(settings(algorithm, options), true, random);
            // of sparse ones, the weights of features that are centered are charged when they are next there
            if (scaling != Scaling.STANDARD || algorithm == Algorithm.FTRL) {
                follow(settings(algorithm, options), false, random);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void gradientsAreCutToTheirLargestNorm(Algorithm algorithm, Scaling scaling, Random random) {
        follow(settings(algorithm, options(scaling, 0, 0, 0.3)), true, random);
        follow(settings(algorithm, options(scaling, 0.003, 0.01, 1)), true, random);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void whatIsPublishedIsWhatPredicts(Algorithm algorithm, Scaling scaling, Random random) {
        for (boolean dense : new boolean[] {true, false}) {
            Learning learning = new Learning(settings(algorithm, options(scaling, 0.001, 0.01, 0)));
            List<Example> seen = new ArrayList<>();
            int beyond = 0;
            for (int step = 0; step < 300; step++) {
                Example x = example(random, dense, 1 + random.nextInt(2));
                learning.logit(x);
                seen.add(x);
                Example again = seen.get(random.nextInt(seen.size()));
                Model model = learning.model();
                if (isBeyondRange(model, again, scaling)) {
                    // a scale has begun anew
                    beyond++;
                    continue;
                }
                double z = model.bias();
                for (int k = 0; k < again.size(); k++) {
                    z += model.weight(again.indices()[k]) * again.values()[k];
                }
                assertThat(model.optimizer().logit(model, again)).isCloseTo(z, within(1e-9 * (1 + Math.abs(z))));
            }
            assertThat(beyond).isLessThan(100);
        }
    }

    private static boolean isBeyondRange(Model model, Example x, Scaling scaling) {
        int scale = model.width() - (scaling == Scaling.STANDARD ? FeatureScale.WIDTH : FeatureScale.WIDTH_ALONE);
        return scaling != Scaling.NONE
                && IntStream.range(0, x.size()).anyMatch(k -> {
                    int at = model.at(x.indices()[k]) + scale;
                    double value = x.values()[k];
                    return value
                            != (scaling == Scaling.STANDARD
                                    ? FeatureScale.inRange(model.block(0), at, value)
                                    : FeatureScale.inRangeAlone(model.block(0), at, value));
                });
    }

    @ParameterizedTest
    @MethodSource("scaledKinds")
    void unitsDoNotMatter(Algorithm algorithm, Scaling scaling, Random random) {
        for (boolean dense : new boolean[] {true, false}) {
            StepOptions options = options(scaling, 0.001, 0.01, 5);
            Learning learning = new Learning(settings(algorithm, options));
            Learning inOtherUnits = new Learning(settings(algorithm, options));
            double[] factors = {1e3, 1, -1e-5, 7, 1e8, -0.3};
            double[] shift = {5e3, 0, 2e-5, 0, -1e9, 0};
            boolean shifts = dense && scaling == Scaling.STANDARD;
            for (int step = 0; step < 300; step++) {
                Example x = example(random, dense, 1);
                Example other = Examples.sparse(x.label(), new int[] {}, new double[] {});
                for (int k = 0; k < x.size(); k++) {
                    int i = x.indices()[k];
                    // whether something is a number shows only when it is neither 0 nor 1
                    boolean number = scaling == Scaling.MAX_ABS || i != 1 && i != 3 && i != 5;
                    other.addIndex(i);
                    other.addValue(x.values()[k] * (number ? factors[i] : 1) + (number && shifts ? shift[i] : 0));
                }
                assertThat(inOtherUnits.logit(other)).isCloseTo(learning.logit(x), within(1e-7));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void importanceZeroChangesNothingButTheVersion(Algorithm algorithm, Scaling scaling, Random random) {
        Learning learning = new Learning(settings(algorithm, options(scaling, 0.01, 0.1, 0)));
        for (int step = 0; step < 30; step++) {
            learning.logit(example(random, false, 1));
        }
        double[] before = published(learning.model(), FEATURES);
        learning.logit(example(random, false, 0));
        assertThat(published(learning.model(), FEATURES)).isEqualTo(before);
        assertThat(learning.model().version()).isEqualTo(31);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void hugeAndTinyValuesAreRefusedOrHarmless(Algorithm algorithm, Scaling scaling, Random random) {
        Learning learning = new Learning(settings(algorithm, options(scaling, 1e-3, 1e-3, 0)));
        learning.logit(example(random, true, 1));
        String before = Examples.bits(learning.model());
        Example huge = Examples.sparse(1.0, new int[] {1, 7}, new double[] {1, 1e300});
        assertThat(learning.reason(huge)).isEqualTo(Reason.OVERFLOW);
        Example important = example(random, true, 1e300);
        assertThat(learning.reason(important)).isEqualTo(Reason.OVERFLOW);
        assertThat(Examples.bits(learning.model())).isEqualTo(before);
        double[] extremes = {1e100, -1e100, Double.MIN_VALUE, -1e-310, 1e-160, 1e-200, 0};
        for (int step = 0; step < 500; step++) {
            Example x = Examples.sparse((double) random.nextInt(2), new int[] {0, 20, 21}, new double[] {
                extremes[random.nextInt(7)], extremes[random.nextInt(7)], step % 2 == 0 ? 1e-320 : -1e-310
            });
            learning.reason(x);
            for (double number : published(learning.model(), 22)) {
                assertThat(number).isFinite();
            }
        }
        assertThat(learning.model().version()).isGreaterThan(1);
    }

    /**
     * As where two names share a hash: for the logit, and where no rate is its own for the step, they are one
     * with the sum.
     */
    @ParameterizedTest
    @MethodSource("kinds")
    void anIndexThatIsThereTwiceIsChargedOnce(Algorithm algorithm, Scaling scaling, Random random) {
        Learning twice = new Learning(settings(algorithm, options(scaling, 0.01, 0.1, 0)));
        Learning sum = new Learning(settings(algorithm, options(scaling, 0.01, 0.1, 0)));
        int compared = 0;
        for (int step = 0; step < 200; step++) {
            double first = random.nextGaussian();
            double second = random.nextGaussian();
            double label = random.nextInt(2);
            // not by the learner, which does not let such a sparse example in
            double z = step(twice, Examples.sparse(label, new int[] {3, 3, 4}, new double[] {first, second, 1}));
            double expected = step(sum, Examples.sparse(label, new int[] {3, 4}, new double[] {first + second, 1}));
            assertThat(z).isFinite();
            if (algorithm == Algorithm.SGD && scaling == Scaling.NONE) {
                assertThat(z).isCloseTo(expected, within(1e-9));
            }
            Model model = twice.model();
            double published = model.bias() + model.weight(3) * (first + second) + model.weight(4);
            Example served = Examples.sparse(null, new int[] {3, 3, 4}, new double[] {first, second, 1});
            // a value outside the range so far counts as its end
            if (isInRange(model, 3, first) && isInRange(model, 3, second)) {
                compared++;
                assertThat(model.optimizer().logit(model, served)).isCloseTo(published, within(1e-9));
            }
        }
        assertThat(compared).isGreaterThan(100);
    }

    private static boolean isInRange(Model model, int i, double value) {
        int at = model.at(i);
        return ((ScaledOptimizer) model.optimizer()).inRange(model.block(i / Model.BLOCK), at, value) == value;
    }

    private static double step(Learning learning, Example x) {
        if (learning.model() == null) {
            Example begin = Examples.sparse(1.0, new int[] {9}, new double[] {1});
            learning.logit(begin);
        }
        Model model = learning.model();
        double z = model.optimizer().logit(model, x);
        assertThat(model.optimizer().step(model, x, z, Logistic.probability(z))).isTrue();
        return z;
    }

    /**
     * What a feature that has a mean taken off is charged, it is charged when it is next there: then it is as if
     * it had been.
     */
    @Test
    void aCenteredFeatureIsChargedWhenItIsNextThere() {
        LearnerSettings settings =
                Examples.settings(Algorithm.SGD, LearningRate.constant(0.1), options(Scaling.STANDARD, 0.01, 0, 0));
        Learning learning = new Learning(settings);
        for (double x : new double[] {3, 5, 4, 6, 3, 5}) {
            learning.logit(Examples.sparse(x > 4 ? 1.0 : 0, new int[] {0, 1}, new double[] {x, 1}));
        }
        double weight = learning.model().weight(0);
        for (int step = 0; step < 1000; step++) {
            learning.logit(Examples.sparse(1.0, new int[] {1}, new double[] {1}));
        }
        assertThat(learning.model().weight(0)).isEqualTo(weight).isNotZero();
        // 1000 · 0.1 · 0.01 is more than there was; what remains is of the step itself
        learning.logit(Examples.sparse(1.0, new int[] {0, 1}, new double[] {4, 1}));
        assertThat(Math.abs(learning.model().weight(0))).isLessThan(Math.abs(weight) / 10);
    }

    @Test
    void noOptionsAreNoCost() {
        Learning learning = new Learning(Examples.settings(0.5));
        learning.logit(Examples.dense(1.0, 1, 2));
        assertThat(learning.model().optimizer()).isInstanceOf(Sgd.class);
        assertThat(learning.model().width()).isEqualTo(1);
        // what may be changed between runs does not change what is kept
        StepOptions clipped = options(Scaling.NONE, 0, 0, 1);
        Optimizer descent = Optimizer.of(settings(Algorithm.SGD, clipped));
        assertThat(descent.width()).isEqualTo(1);
        assertThat(descent.initialState()).hasSize(1);
    }
}
