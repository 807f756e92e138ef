package io.thalweg.math;

import static io.thalweg.math.Examples.named;
import static io.thalweg.math.Examples.randomSparse;
import static io.thalweg.math.Examples.settings;
import static io.thalweg.math.Examples.sparse;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.math.StepOptions.Scaling;
import io.thalweg.testing.Seed;
import io.thalweg.testing.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Copies of a model, which other threads predict with while the model goes on learning. */
@Seeded
class ModelCopyTest {
    private static final int SPACE = 2_000;

    static Stream<LearnerSettings> settingsOfEveryOptimizer() {
        LearningRate rate = LearningRate.constant(0.1);
        return Stream.of(
                settings(0.1),
                settings(Algorithm.AUTO),
                settings(Algorithm.ADAGRAD, rate, new StepOptions(Scaling.STANDARD, 1e-4, 1e-3, 0, false, 1)),
                settings(Algorithm.SGD, rate, new StepOptions(Scaling.MAX_ABS, 1e-4, 0, 1, false, 1)),
                settings(Algorithm.FTRL, rate, new StepOptions(Scaling.NONE, 1e-3, 1e-3, 0, false, 1)));
    }

    /** A copy, with the logits that the model itself gave when the copy was made. */
    private record Kept(Model copy, List<Long> logits) {}

    @ParameterizedTest
    @MethodSource("settingsOfEveryOptimizer")
    void aCopyKeepsGivingTheSameBits(LearnerSettings settings, Seed seed) throws Rejection {
        Random random = seed.random();
        Learner learner = new Learner(settings);
        Model model = new Model("m", learner.optimizer());
        boolean isNamed = random.nextBoolean();
        List<Example> probes = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            probes.add(example(random, isNamed));
        }
        List<Kept> kept = new ArrayList<>();
        Model before = null;
        for (int step = 0; step < 600; step++) {
            learn(learner, model, example(random, isNamed));
            if (random.nextInt(20) == 0) {
                before = model.copyToPredict(before);
                kept.add(new Kept(before, logits(learner, model, probes)));
            }
        }
        Learner reader = new Learner(settings);
        assertThat(kept).hasSizeGreaterThan(10);
        for (Kept each : kept) {
            assertThat(logits(reader, each.copy, probes)).isEqualTo(each.logits);
        }
    }

    @ParameterizedTest
    @MethodSource("settingsOfEveryOptimizer")
    void aCopyToListKeepsTheRecentWindow(LearnerSettings settings, Seed seed) throws Rejection {
        Random random = seed.random();
        Learner learner = new Learner(settings, 100);
        Model model = new Model("m", learner.optimizer());
        Model copy = null;
        List<Model> copies = new ArrayList<>();
        List<List<Object>> expected = new ArrayList<>();
        for (int step = 0; step < 600; step++) {
            learn(learner, model, example(random, true));
            if (random.nextInt(20) == 0) {
                copy = model.copyToList(copy);
                copies.add(copy);
                expected.add(window(model));
            }
        }
        assertThat(expected).hasSizeGreaterThan(10);
        assertThat(copies.stream().map(ModelCopyTest::window).toList()).isEqualTo(expected);
    }

    private static List<Object> window(Model model) {
        List<Object> window = new ArrayList<>(List.of(model.windowBegin()));
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) == null) {
                continue;
            }
            double[] weights = model.weights(block);
            window.add(Arrays.toString(weights));
            window.add(Arrays.toString(model.weightsThen(block, weights)));
        }
        return window;
    }

    @ParameterizedTest
    @MethodSource("settingsOfEveryOptimizer")
    void contributionsSumToTheLogit(LearnerSettings settings, Seed seed) throws Rejection {
        Random random = seed.random();
        Learner learner = new Learner(settings);
        Model model = new Model("m", learner.optimizer());
        boolean isNamed = random.nextBoolean();
        for (int step = 0; step < 600; step++) {
            learn(learner, model, example(random, isNamed));
        }
        PredictionResult prediction = new PredictionResult();
        for (int i = 0; i < 50; i++) {
            Example x = example(random, isNamed);
            learner.resolve(x, model);
            learner.predict(model, x, prediction);
            double[] contributions = new double[x.size()];
            learner.contributions(model, x, contributions);
            double sum = model.bias();
            double size = Math.abs(sum);
            for (int k = 0; k < x.size(); k++) {
                sum += contributions[k];
                size += Math.abs(contributions[k]);
            }
            assertThat(sum).isCloseTo(prediction.logit(), within(1e-12 * (1 + size)));
        }
    }

    @Test
    void aCopySharesWhatHasNotChanged() throws Rejection {
        Learner learner = new Learner(settings(0.1));
        Model model = new Model("m", learner.optimizer());
        learn(learner, model, sparse(1.0, new int[] {1, 1000}, new double[] {1, 1}));
        Model first = model.copyToPredict(null);
        learn(learner, model, sparse(0.0, new int[] {2}, new double[] {1}));
        Model second = model.copyToPredict(first);
        assertThat(second.block(BlockArray.blockOf(1000))).isSameAs(first.block(BlockArray.blockOf(1000)));
        assertThat(second.block(0)).isNotSameAs(first.block(0)).isNotSameAs(model.block(0));
        assertThat(first.version()).isEqualTo(1);
        assertThat(first.weight(2)).isZero();
        assertThat(second.weight(2)).isNotZero();
    }

    private static Example example(Random random, boolean isNamed) {
        if (!isNamed) {
            return randomSparse(random, 10, SPACE);
        }
        List<Object> features = new ArrayList<>();
        for (int i = random.nextInt(5); i < SPACE; i += 1 + random.nextInt(500)) {
            features.add("f" + i);
            features.add(random.nextGaussian() * 3);
        }
        return named((double) random.nextInt(2), features.toArray());
    }

    private static void learn(Learner learner, Model model, Example x) throws Rejection {
        PredictionResult prediction = new PredictionResult();
        learner.validate(x, model.form() == null ? null : model, 0);
        learner.resolve(x, model);
        learner.predict(model, x, prediction);
        learner.learn(model, x, prediction);
    }

    private static List<Long> logits(Learner learner, Model model, List<Example> probes) throws Rejection {
        PredictionResult prediction = new PredictionResult();
        List<Long> logits = new ArrayList<>();
        for (Example probe : probes) {
            learner.resolve(probe, model);
            learner.predict(model, probe, prediction);
            logits.add(Double.doubleToLongBits(prediction.logit()));
        }
        return logits;
    }
}
