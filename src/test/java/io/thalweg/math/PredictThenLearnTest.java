package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.math.StepOptions.Scaling;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Predicting and learning as two operations, with any amount of time between them. */
class PredictThenLearnTest {
    private final PredictionResult prediction = new PredictionResult();

    static Stream<LearnerSettings> settings() {
        LearningRate rate = LearningRate.constant(0.1);
        return Stream.of(
                Examples.settings(Algorithm.SGD),
                Examples.settings(Algorithm.SGD, rate, new StepOptions(Scaling.MAX_ABS, 0.01, 0.01, 1, false, 1)),
                Examples.settings(Algorithm.SGD, rate, new StepOptions(Scaling.STANDARD, 0, 0, 0, true, 1)),
                Examples.settings(Algorithm.ADAGRAD, rate, new StepOptions(Scaling.STANDARD, 0.01, 0, 0, false, 1)),
                Examples.settings(Algorithm.FTRL, rate, new StepOptions(Scaling.STANDARD, 0.01, 0.01, 0, false, 1)),
                Examples.settings(Algorithm.AUTO));
    }

    /** A model that has learned from the same examples whenever it is asked for. */
    private static Model learned(Learner learner, Random random) throws Rejection {
        Examples.ModelMap models = new Examples.ModelMap();
        PredictionResult result = new PredictionResult();
        for (int i = 0; i < 50; i++) {
            models.process(learner, "m", example(random, (double) random.nextInt(2)), result);
        }
        return models.get("m");
    }

    private static Example example(Random random, Double label) {
        return Examples.named(
                label, "name " + random.nextInt(20), 1, "a", random.nextGaussian(), "b", 100 * random.nextGaussian());
    }

    private void predict(Learner learner, Model model, Example x, PredictionResult into) throws Rejection {
        learner.validate(x, model, 1);
        learner.resolve(x, model);
        learner.predict(model, x, into);
    }

    @ParameterizedTest
    @MethodSource("settings")
    void predictingChangesNothing(LearnerSettings settings) throws Rejection {
        Learner learner = new Learner(settings, 10);
        Model model = learned(learner, new Random(1));
        String before = Examples.bits(model);
        Random random = new Random(2);
        for (int i = 0; i < 20; i++) {
            predict(learner, model, example(random, i % 2 == 0 ? null : 1.0), prediction);
            predict(learner, model, Examples.named(1.0, "never met " + i, 1), prediction);
        }
        assertThat(Examples.bits(model)).isEqualTo(before);
    }

    /** What is predicted between the two operations does not matter. */
    @ParameterizedTest
    @MethodSource("settings")
    void otherPredictionsMayComeBetween(LearnerSettings settings) throws Rejection {
        Learner learner = new Learner(settings);
        Model atOnce = learned(learner, new Random(3));
        Model later = learned(learner, new Random(3));
        Example x = example(new Random(4), 1.0);
        predict(learner, atOnce, x, prediction);
        learner.learn(atOnce, x, prediction);

        Example same = example(new Random(4), 1.0);
        predict(learner, later, same, prediction);
        Example reused = example(new Random(5), null);
        predict(learner, later, reused, new PredictionResult());
        predict(learner, atOnce, example(new Random(6), null), new PredictionResult());
        learner.learn(later, same, prediction);
        assertThat(Examples.bits(later)).isEqualTo(Examples.bits(atOnce));
    }

    /** One example object that is emptied and filled again is another example. */
    @Test
    void anExampleThatWasFilledAgainIsAnother() throws Rejection {
        Learner learner = new Learner(Examples.settings(0.5));
        Model model = new Model("m", learner.optimizer());
        Example x = Examples.dense(null, 5, 7);
        predict(learner, model, x, new PredictionResult());
        x.clear();
        x.form(FeatureForm.DENSE);
        x.addValue(1);
        x.addValue(2);
        x.label(1);
        prediction.restore(0, 0, new double[0]);
        learner.learn(model, x, prediction);
        assertThat(model.weight(0)).isEqualTo(0.25);
        assertThat(model.weight(1)).isEqualTo(0.5);
    }

    /** The step is from the weights of now, and the metrics count what was predicted then. */
    @Test
    void aPredictionOfAnOlderVersionIsJudgedAndTheStepIsOfTheWeightsOfNow() throws Rejection {
        Learner learner = new Learner(Examples.settings(0.5));
        Model model = new Model("m", learner.optimizer());
        Example first = Examples.dense(1.0, 2, -1);
        predict(learner, model, first, prediction);
        PredictionResult second = new PredictionResult();
        Example other = Examples.dense(0.0, 1, 1);
        predict(learner, model, other, second);
        learner.learn(model, other, second);
        // w = (−0.25, −0.25), b = −0.25, so that the logit of the first is now −0.5
        double a = 1 / (1 + Math.exp(0.5));
        double logLoss = learner.learn(model, first, prediction);
        assertThat(logLoss).isEqualTo(Math.log(2));
        assertThat(model.weight(0)).isCloseTo(-0.25 - 0.5 * (a - 1) * 2, within(1e-15));
        assertThat(model.weight(1)).isCloseTo(-0.25 + 0.5 * (a - 1), within(1e-15));
        assertThat(model.bias()).isCloseTo(-0.25 - 0.5 * (a - 1), within(1e-15));
        assertThat(model.version()).isEqualTo(2);
        assertThat(model.validation().overall().logLoss()).isEqualTo(Math.log(2));
        assertThat(model.validation().overall().meanProbability()).isEqualTo(0.5);
    }

    /**
     * Each event is a negative until its label comes. Only positives have labels, and half of them come first. To
     * follow these alone would teach the temperature that nothing is ever certain.
     */
    @Test
    void theTemperatureIsNotMisledByLabelsThatComeBeforeTheirEvents() throws Rejection {
        Learner learner = new Learner(Examples.settings(Algorithm.AUTO));
        Model model = new Model("m", learner.optimizer());
        Random random = new Random(5);
        double sum = 0;
        for (int i = 0; i < 30_000; i++) {
            boolean isPositive = random.nextInt(100) == 0;
            boolean isEarly = random.nextBoolean();
            Example x = example(random, isPositive && isEarly ? 1.0 : 0.0);
            predict(learner, model, x, prediction);
            sum += i < 20_000 ? 0 : prediction.probability();
            if (isPositive && isEarly) {
                learner.learn(model, x, prediction);
                continue;
            }
            learner.learn(model, x, prediction, StepTarget.PROVISIONAL_NEGATIVE, 0);
            if (isPositive) {
                x.label(1);
                learner.learn(model, x, prediction, StepTarget.LABEL_AFTER_PROVISIONAL, 0);
            }
        }
        assertThat(sum / 10_000).isBetween(0.005, 0.02);
    }

    /** In a mixture the shares follow the logits that the experts served; their steps are from where they are now. */
    @Test
    void theSharesOfAMixtureFollowWhatItsExpertsServed() throws Rejection {
        Learner learner = new Learner(Examples.settings(Algorithm.AUTO));
        Model now = learned(learner, new Random(7));
        Model then = learned(learner, new Random(7));
        double[] shares = shares(then);
        double[] served = {-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2};
        Example x = Examples.named(1.0, "a", 0.3);
        Example same = Examples.named(1.0, "a", 0.3);
        predict(learner, now, x, prediction);
        learner.learn(now, x, prediction);
        prediction.restore(0.7, then.version() - 20, served);
        learner.learn(then, same, prediction);

        // the later it comes, the less a label counts
        double weight = 1 / (1 + 10 * Math.sqrt(20));
        double sum = 0;
        for (int k = 0; k < shares.length; k++) {
            shares[k] *= Math.pow(1 + Math.exp(-served[k]), -weight / 2);
            sum += shares[k];
        }
        double spread = 1e-3 * weight;
        for (int k = 0; k < shares.length; k++) {
            assertThat(shares(then)[k]).isCloseTo((1 - spread) * shares[k] / sum + spread / 8, within(1e-12));
        }
        for (int block = 0; block < now.blockEnd(); block++) {
            assertThat(then.block(block)).isEqualTo(now.block(block));
        }
    }

    private static double[] shares(Model model) {
        return model.optimizer().mixture(model).stream()
                .mapToDouble(Optimizer.Share::weight)
                .toArray();
    }
}
