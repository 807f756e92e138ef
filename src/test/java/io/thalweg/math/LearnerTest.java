package io.thalweg.math;

import static io.thalweg.math.Examples.begin;
import static io.thalweg.math.Examples.bits;
import static io.thalweg.math.Examples.dense;
import static io.thalweg.math.Examples.named;
import static io.thalweg.math.Examples.settings;
import static io.thalweg.math.Examples.sparse;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.thalweg.math.Examples.ModelMap;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.testing.Seed;
import io.thalweg.testing.Seeded;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
class LearnerTest {
    private final ModelMap models = new ModelMap();
    private final PredictionResult result = new PredictionResult();
    private Learner learner = new Learner(settings(0.5));

    private PredictionResult process(String model, Example x) {
        try {
            models.process(learner, model, x, result);
            return result;
        } catch (Rejection e) {
            throw new AssertionError(e);
        }
    }

    private Rejection rejected(String model, Example x) {
        Map<String, String> before = state();
        Rejection rejection = catchThrowableOfType(Rejection.class, () -> models.process(learner, model, x, result));
        assertThat(rejection).as("should be rejected").isNotNull();
        assertThat(state()).isEqualTo(before);
        assertThat(rejection.getMessage()).isNotBlank().doesNotContain("\n");
        return rejection;
    }

    private Map<String, String> state() {
        Map<String, String> state = new TreeMap<>();
        models.models.forEach((id, model) -> state.put(id, bits(model)));
        return state;
    }

    // ---- predict first, learn second

    @Test
    void aNewModelPredictsAHalf() {
        process("m", dense(1.0, 3, -4));
        assertThat(result.probability()).isEqualTo(0.5);
        assertThat(result.logit()).isZero();
        assertThat(result.version()).isZero();
        assertThat(result.logLoss(1)).isEqualTo(Math.log(2));
        assertThat(models.logLoss).isEqualTo(Math.log(2));
        assertThat(models.get("m").version()).isEqualTo(1);
    }

    @Test
    void theLabelOfAnExampleChangesNoProbabilityUpToItsOwn(Seed seed) {
        int n = 200;
        for (int flipped = 0; flipped < n; flipped += 7) {
            List<Double> as = probabilities(seed, n, -1);
            List<Double> otherwise = probabilities(seed, n, flipped);
            assertThat(otherwise.subList(0, flipped + 1)).isEqualTo(as.subList(0, flipped + 1));
            assertThat(otherwise.subList(flipped + 1, n)).isNotEqualTo(as.subList(flipped + 1, n));
        }
    }

    private static List<Double> probabilities(Seed seed, int n, int flipped) {
        Random random = seed.random();
        Learner learner = new Learner(settings(0.1));
        ModelMap models = new ModelMap();
        PredictionResult result = new PredictionResult();
        List<Double> probabilities = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            double label = random.nextInt(2);
            double y = i == flipped ? 1 - label : label;
            Example x = dense(y, random.nextGaussian(), random.nextGaussian(), random.nextGaussian());
            try {
                models.process(learner, "m", x, result);
            } catch (Rejection e) {
                throw new AssertionError(e);
            }
            probabilities.add(result.probability());
        }
        return probabilities;
    }

    /** A fold written with nothing but a map and the formula. */
    @Test
    void theWeightsAreTheFoldOfTheFormula(Random random) {
        learner = new Learner(new LearnerSettings(
                Algorithm.SGD, new LearningRate(LearningRate.Schedule.INVERSE_SCALING, 0.5, 0.5), 14, 0, 1, null, 100));
        Map<Integer, Double> w = new TreeMap<>();
        double b = 0;
        for (int t = 0; t < 3000; t++) {
            Example x = Examples.randomSparse(random, 12, 1 << 14);
            x.importance(random.nextInt(4) / 2.0);
            double z = 0;
            for (int k = 0; k < x.size(); k++) {
                z += w.getOrDefault(x.indices()[k], 0.0) * x.values()[k];
            }
            z += b;
            process("m", x);
            assertThat(result.logit()).isEqualTo(z);
            assertThat(result.version()).isEqualTo(t);
            double alpha = 0.5 / StrictMath.pow(t + 1, 0.5);
            double a = z >= 0 ? 1 / (1 + StrictMath.exp(-z)) : StrictMath.exp(z) / (1 + StrictMath.exp(z));
            for (int k = 0; k < x.size(); k++) {
                double old = w.getOrDefault(x.indices()[k], 0.0);
                w.put(x.indices()[k], old - alpha * x.importance() * (a - x.label()) * x.values()[k]);
            }
            b -= alpha * x.importance() * (a - x.label());
        }
        Model model = models.get("m");
        w.forEach((i, weight) -> assertThat(model.weight(i)).isEqualTo(weight));
        assertThat(model.bias()).isEqualTo(b);
    }

    @Test
    void withoutALabelNothingChanges() {
        process("m", named(1.0, "a", 2, "b", 1));
        Map<String, String> before = state();
        process("m", named(null, "a", 1, "never met", 5));
        assertThat(result.version()).isEqualTo(1);
        assertThat(result.logit()).isEqualTo(0.5 + 0.25);
        process("other", named(null, "a", 1));
        assertThat(result.probability()).isEqualTo(0.5);
        assertThat(result.version()).isZero();
        assertThat(models.get("other")).isNull();
        assertThat(state()).isEqualTo(before);
    }

    @Test
    void importanceZeroMovesNothingButCounts() {
        process("m", dense(1.0, 2, 3));
        Example x = dense(0.0, 5, 6);
        x.importance(0);
        Model model = models.get("m");
        double[] before = {model.weight(0), model.weight(1), model.bias()};
        process("m", x);
        assertThat(new double[] {model.weight(0), model.weight(1), model.bias()})
                .isEqualTo(before);
        assertThat(model.version()).isEqualTo(2);
        assertThat(model.validation().overall().examples()).isEqualTo(2);
        assertThat(model.validation().overall().importance()).isEqualTo(1);
    }

    // ---- order

    /** 1e16 + 1 − 1e16 is 0 in this order, and 1 in another. */
    @Test
    void theLogitIsSummedInTheOrderOfTheExample() {
        learner = new Learner(settings(2));
        process("m", sparse(1.0, new int[] {0, 1, 2}, new double[] {1, 1, 1}));
        assertThat(models.get("m").weight(0)).isEqualTo(1);
        assertThat(models.get("m").bias()).isEqualTo(1);
        double big = 1e16;
        assertThat(process("m", sparse(null, new int[] {0, 1, 2}, new double[] {big, 1, -big}))
                        .logit())
                .isEqualTo(big + 1 - big + 1)
                .isEqualTo(1);
        assertThat(process("m", sparse(null, new int[] {0, 2, 1}, new double[] {big, -big, 1}))
                        .logit())
                .isEqualTo(big - big + 1 + 1)
                .isEqualTo(2);
    }

    @Test
    void permutedFeaturesGiveThePermutedSum(Random random) {
        double[] w = new double[10];
        learner = new Learner(settings(1));
        for (int t = 0; t < 20; t++) {
            process(
                    "m",
                    sparse((double) random.nextInt(2), new int[] {t % 10}, new double[] {random.nextGaussian() * 1e3}));
        }
        for (int i = 0; i < 10; i++) {
            w[i] = models.get("m").weight(i);
        }
        for (int run = 0; run < 200; run++) {
            int[] order = random.ints(0, 10).distinct().limit(10).toArray();
            double[] values = random.doubles(10, -1e3, 1e3).toArray();
            double z = 0;
            for (int k = 0; k < 10; k++) {
                z += w[order[k]] * values[k];
            }
            assertThat(process("m", sparse(null, order, values)).logit())
                    .isEqualTo(z + models.get("m").bias());
        }
    }

    // ---- names

    @Test
    void namesAreNumberedAsTheyCome() {
        process("m", named(1.0, "b", 1, "a", 2));
        process("m", named(1.0, "c", 1, "a", 1, "ä", 3, "", 1));
        assertThat(names("m")).containsExactly("b", "a", "c", "ä", "");
        // the first step moves by 0.25 for each unit
        assertThat(models.get("m").weight(0)).isEqualTo(0.25);
        assertThat(process("m", named(null, "ä", 1)).logit())
                .isEqualTo(models.get("m").weight(3) + models.get("m").bias());
    }

    @Test
    void namesBeyondTheBoundAreHashed() {
        learner = new Learner(settings(0.5, 10, 3, 10));
        process("m", named(1.0, "a", 1, "b", 1, "c", 1, "d", 1, "e", 2));
        process("m", named(1.0, "f", 1));
        assertThat(names("m")).containsExactly("a", "b", "c");
        for (String name : List.of("d", "e", "f")) {
            assertThat(models.get("m").weight(hashed(name, 3, 1024))).as(name).isGreaterThan(0);
        }
        // read without a label too
        assertThat(process("m", named(null, "e", 1)).logit())
                .isEqualTo(models.get("m").weight(hashed("e", 3, 1024))
                        + models.get("m").bias());
        assertThat(process("m", named(null, "z", 1)).logit())
                .isEqualTo(models.get("m").weight(hashed("z", 3, 1024))
                        + models.get("m").bias());
    }

    @Test
    void withoutRoomForNamesAllAreHashed() {
        learner = new Learner(settings(0.5, 10, 0, 10));
        process("m", named(1.0, "a", 1));
        assertThat(names("m")).isEmpty();
        assertThat(models.get("m").weight(hashed("a", 0, 1024))).isEqualTo(0.25);
    }

    @Test
    void twoNamesWithOneHashShareTheirWeight() {
        learner = new Learner(settings(0.5, 1, 1, 10));
        // one number for names, one for all others
        process("m", named(1.0, "a", 1, "b", 1, "c", 2));
        assertThat(models.get("m").weight(1)).isEqualTo(0.75);
        assertThat(process("m", named(null, "b", 1, "c", 1, "d", 1)).logit())
                .isEqualTo(3 * 0.75 + models.get("m").bias());
    }

    @Test
    void aNameOf256BytesIsNumberedAndALongerOneIsHashed() {
        String longest = "ä".repeat(128);
        String longer = longest + "x";
        process("m", named(1.0, longer, 1, longest, 1));
        assertThat(names("m")).containsExactly(longest);
        assertThat(models.get("m").weight(hashed(longer, 1000, 1 << 20))).isEqualTo(0.25);
    }

    @Test
    void manyNamesAreAllFound() {
        learner = new Learner(settings(0.5, 20, 5000, 10));
        for (int i = 0; i < 5000; i += 5) {
            process(
                    "m",
                    named(1.0, "n" + i, 1, "n" + (i + 1), 1, "n" + (i + 2), 1, "n" + (i + 3), 1, "n" + (i + 4), 1));
        }
        assertThat(names("m")).hasSize(5000).doesNotHaveDuplicates();
        for (int i = 0; i < 5000; i++) {
            byte[] name = ("n" + i).getBytes(StandardCharsets.UTF_8);
            assertThat(models.get("m").names().indexOf(name, 0, name.length, FeatureHash.of(name, 0, name.length)))
                    .isEqualTo(i);
        }
    }

    @Test
    void namesOfARejectedExampleAreNotKept() {
        process("m", named(1.0, "a", 1));
        Example x = named(1.0, "new", 1e308, "newer", 1e308);
        x.importance(10);
        assertThat(rejected("m", x).reason()).isEqualTo(Reason.OVERFLOW);
        process("m", named(1.0, "b", 1));
        assertThat(names("m")).containsExactly("a", "b");
    }

    private List<String> names(String model) {
        FeatureNames names = models.get(model).names();
        List<String> all = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            all.add(new String(names.get(i), StandardCharsets.UTF_8));
        }
        return all;
    }

    private static int hashed(String name, int numbered, int space) {
        byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
        return FeatureHash.index(FeatureHash.of(utf8, 0, utf8.length), numbered, space);
    }

    // ---- forms and bounds

    @Test
    void theFirstLabelledExampleFixesTheForm() {
        process("m", sparse(null, new int[] {3}, new double[] {1}));
        process("m", dense(null, 1, 2, 3));
        process("m", dense(1.0, 1, 2));
        assertThat(models.get("m").form()).isEqualTo(FeatureForm.DENSE);
        assertThat(models.get("m").length()).isEqualTo(2);
        assertThat(rejected("m", sparse(1.0, new int[] {0}, new double[] {1})).reason())
                .isEqualTo(Reason.FORM_DIFFERS);
        assertThat(rejected("m", named(null, "a", 1)).reason()).isEqualTo(Reason.FORM_DIFFERS);
        assertThat(rejected("m", dense(1.0, 1, 2, 3)).reason()).isEqualTo(Reason.LENGTH_DIFFERS);
        assertThat(rejected("m", dense(null, 1)).reason()).isEqualTo(Reason.LENGTH_DIFFERS);
        process("other", named(1.0, "a", 1));
        assertThat(models.get("other").form()).isEqualTo(FeatureForm.NAMED);
    }

    @Test
    void aRejectedFirstExampleFixesNothing() {
        rejected("m", dense(2.0, 1, 2));
        rejected("m", dense(1.0, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308));
        process("m", sparse(1.0, new int[] {1}, new double[] {1}));
        assertThat(models.get("m").form()).isEqualTo(FeatureForm.SPARSE);
        assertThat(models.get("m").version()).isEqualTo(1);
    }

    @Test
    void aRequiredFormIsRequiredOfEveryExample() {
        learner = new Learner(
                new LearnerSettings(Algorithm.SGD, LearningRate.constant(1), 10, 5, 10, FeatureForm.NAMED, 10));
        assertThat(rejected("m", dense(null, 1)).reason()).isEqualTo(Reason.FORM_DIFFERS);
        process("m", named(null, "a", 1));
    }

    @Test
    void noMoreModelsThanAllowed() {
        learner = new Learner(settings(0.5, 10, 5, 2));
        process("a", dense(1.0, 1));
        process("b", dense(1.0, 1));
        Rejection rejection = rejected("c", dense(1.0, 1));
        assertThat(rejection.reason()).isEqualTo(Reason.TOO_MANY_MODELS);
        assertThat(rejection).hasMessageContaining("models.max = 2");
        process("c", dense(null, 1));
        process("a", dense(0.0, 1));
        assertThat(models.size()).isEqualTo(2);
    }

    static Stream<Arguments> bad() {
        double nan = Double.NaN;
        double inf = Double.POSITIVE_INFINITY;
        return Stream.of(
                Arguments.of("no features", Reason.NO_FEATURES, begin(1.0, null)),
                Arguments.of("no features, no label", Reason.NO_FEATURES, begin(null, null)),
                Arguments.of("an empty array", Reason.EMPTY, dense(1.0)),
                Arguments.of("an empty sparse", Reason.EMPTY, sparse(1.0, new int[0], new double[0])),
                Arguments.of("an empty map", Reason.EMPTY, named(null)),
                Arguments.of("NaN", Reason.NOT_FINITE, dense(1.0, 1, nan)),
                Arguments.of("infinite", Reason.NOT_FINITE, sparse(null, new int[] {3}, new double[] {inf})),
                Arguments.of("minus infinite", Reason.NOT_FINITE, named(0.0, "a", -inf)),
                Arguments.of("label NaN", Reason.NOT_FINITE, dense(nan, 1)),
                Arguments.of("label infinite", Reason.NOT_FINITE, dense(inf, 1)),
                Arguments.of("label below 0", Reason.LABEL_OUT_OF_RANGE, dense(-1e-9, 1)),
                Arguments.of("label above 1", Reason.LABEL_OUT_OF_RANGE, dense(Math.nextUp(1.0), 1)),
                Arguments.of("importance NaN", Reason.NOT_FINITE, important(nan)),
                Arguments.of("importance infinite", Reason.NOT_FINITE, important(inf)),
                Arguments.of("importance negative", Reason.NEGATIVE_IMPORTANCE, important(-0.5)),
                Arguments.of("more indices", Reason.LENGTHS_DIFFER, sparse(1.0, new int[] {1, 2}, new double[] {1})),
                Arguments.of("more values", Reason.LENGTHS_DIFFER, sparse(1.0, new int[] {1}, new double[] {1, 2})),
                Arguments.of("no indices", Reason.LENGTHS_DIFFER, sparse(1.0, new int[] {}, new double[] {1})),
                Arguments.of("negative", Reason.INDEX_OUT_OF_RANGE, sparse(1.0, new int[] {-1}, new double[] {1})),
                Arguments.of(
                        "beyond", Reason.INDEX_OUT_OF_RANGE, sparse(null, new int[] {0, 1 << 20}, new double[] {1, 1})),
                Arguments.of("dense beyond", Reason.INDEX_OUT_OF_RANGE, dense(1.0, new double[(1 << 20) + 1])),
                Arguments.of(
                        "twice", Reason.DUPLICATE_FEATURE, sparse(1.0, new int[] {7, 3, 7}, new double[] {1, 1, 1})),
                Arguments.of(
                        "twice in a row", Reason.DUPLICATE_FEATURE, sparse(1.0, new int[] {7, 7}, new double[] {1, 2})),
                Arguments.of("name twice", Reason.DUPLICATE_FEATURE, named(1.0, "a", 1, "b", 1, "a", 1)),
                Arguments.of("logit overflows", Reason.OVERFLOW, dense(null, 1e308, 1e308)),
                Arguments.of("weight overflows", Reason.OVERFLOW, overflowing()));
    }

    private static Example important(double importance) {
        Example x = dense(1.0, 1);
        x.importance(importance);
        return x;
    }

    private static Example overflowing() {
        Example x = dense(0.0, 0, 1e300);
        x.importance(1e300);
        return x;
    }

    @ParameterizedTest
    @CsvSource({"amount, amount", "country=NZ, country=…", "'a\nb', a\uFFFDb"})
    void aFeatureThatIsBadIsNamedWithoutTheValueOfACategory(String name, String shown) {
        learner = new Learner(settings(16));

        assertThat(rejected("m", named(1.0, name, Double.NaN)))
                .hasMessage("the value of feature " + shown + " is NaN; it must be finite");
        assertThat(rejected("m", named(1.0, name, 1, "b", 2, name, 3)))
                .hasMessage("feature " + shown + " is there twice");
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("bad")
    void badInputIsRejectedAndNothingChanges(String what, Reason reason, Example x) {
        // a model that is there, with weights of 4 each, so that a logit can overflow
        learner = new Learner(settings(16));
        String model = "has " + x.form() + x.size();
        if (reason == Reason.OVERFLOW) {
            process(model, dense(1.0, 0.5, 0.5));
        }
        assertThat(rejected(model, x).reason()).isEqualTo(reason);
        // and to one that is not
        if (reason != Reason.OVERFLOW) {
            assertThat(rejected("new", x).reason()).isEqualTo(reason);
        }
    }

    @Test
    void findsAnyIndexThatIsThereTwice(Random random) {
        for (int run = 0; run < 500; run++) {
            int n = 2 + random.nextInt(300);
            int[] indices = random.ints(0, 1 << 20).distinct().limit(n).toArray();
            double[] values = new double[n];
            Arrays.fill(values, 1);
            process("m", sparse(null, indices, values));
            indices[random.nextInt(n)] = indices[random.nextInt(n)];
            boolean twice = Arrays.stream(indices).distinct().count() < n;
            if (twice) {
                assertThat(rejected("m", sparse(null, indices, values)).reason())
                        .isEqualTo(Reason.DUPLICATE_FEATURE);
            }
        }
    }

    @Test
    void settingsHaveRanges() {
        LearningRate rate = LearningRate.constant(1);
        for (int bits : new int[] {0, 25, -1}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new LearnerSettings(Algorithm.SGD, rate, bits, 0, 1, null, 2));
        }
        for (int names : new int[] {-1, 1024}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new LearnerSettings(Algorithm.SGD, rate, 10, names, 1, null, 2));
        }
        assertThat(new LearnerSettings(Algorithm.SGD, rate, 24, 0, 1, null, 2).space())
                .isEqualTo(16_777_216);
    }
}
