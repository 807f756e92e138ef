package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.math.Examples.Learning;
import io.thalweg.math.Optimizer.Share;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.testing.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class FixedShareMixtureTest {
    private static final LearnerSettings SETTINGS =
            Examples.settings(Algorithm.AUTO, LearningRate.constant(1), StepOptions.NONE);

    private final Learning learning = new Learning(SETTINGS);

    private static double value(Random random, int i) {
        return switch (i % 4) {
            case 0 -> 500 + 100 * random.nextGaussian();
            case 1 -> random.nextInt(2);
            case 2 -> random.nextGaussian() / 1000;
            default -> random.nextInt(3) - 1;
        };
    }

    private static Example example(Random random, FeatureForm form, int features) {
        int[] indices = IntStream.range(0, features)
                .filter(i -> form == FeatureForm.DENSE || random.nextInt(3) == 0)
                .toArray();
        indices = indices.length == 0 ? new int[] {random.nextInt(features)} : indices;
        double[] values =
                Arrays.stream(indices).mapToDouble(i -> value(random, i)).toArray();
        double label = values[0] > (indices[0] % 4 == 0 ? 480 : 0) == random.nextInt(6) > 0 ? 1 : 0;
        return switch (form) {
            case DENSE -> Examples.dense(label, values);
            case SPARSE -> Examples.sparse(label, indices, values);
            case NAMED -> {
                int[] names = indices;
                yield Examples.named(
                        label,
                        IntStream.range(0, names.length * 2)
                                .mapToObj(k -> k % 2 == 0 ? "f" + names[k / 2] : (Object) values[k / 2])
                                .toArray());
            }
        };
    }

    @Test
    void theFirstPredictionIsAHalf() {
        assertThat(learning.logit(Examples.dense(1.0, 5, -7e10, 0))).isZero();
        for (Share share : learning.model().optimizer().mixture(learning.model())) {
            assertThat(share.weight()).isCloseTo(1.0 / 8, within(1e-4));
        }
    }

    @ParameterizedTest
    @EnumSource(FeatureForm.class)
    void theWeightsOfABlockAreThoseOfItsFeaturesToTheBit(FeatureForm form, Random random) {
        for (int step = 0; step < 500; step++) {
            learning.logit(example(random, form, 200));
        }
        Model model = learning.model();
        assertThat(model.blockCount()).isEqualTo(2);
        for (int block = 0; block < 2; block++) {
            double[] weights = model.weights(block);
            for (int i = 0; i < weights.length; i++) {
                assertThat(Double.doubleToRawLongBits(weights[i]))
                        .as("feature %d of block %d", i, block)
                        .isEqualTo(Double.doubleToRawLongBits(model.weight(block * Model.BLOCK + i)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(FeatureForm.class)
    void whatIsPublishedIsWhatPredicts(FeatureForm form, Random random) {
        List<Example> seen = new ArrayList<>();
        int beyond = 0;
        for (int step = 0; step < 1000; step++) {
            Example x = example(random, form, 8);
            x.importance(random.nextInt(3));
            learning.logit(x);
            if (x.importance() > 0) {
                seen.add(x);
            }
            if (!seen.isEmpty()) {
                Example again = seen.get(random.nextInt(seen.size()));
                Model model = learning.model();
                if (isBeyondRange(model, again)) {
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
        }
        assertThat(beyond).isLessThan(300);
    }

    private static boolean isBeyondRange(Model model, Example x) {
        return IntStream.range(0, x.size())
                .anyMatch(k ->
                        x.values()[k] != FeatureScale.inRange(model.block(0), model.at(x.indices()[k]), x.values()[k]));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void unitsDoNotMatter(boolean dense, Random random) {
        Learning inOtherUnits = new Learning(SETTINGS);
        double[] factors = {1e-4, -3e5, 60, 1e9};
        for (int step = 0; step < 500; step++) {
            double[] values = new double[4];
            double[] others = new double[4];
            for (int i = 0; i < 4; i++) {
                // never 0 or 1, which would be a switch until another comes
                values[i] = i + random.nextGaussian();
                others[i] = values[i] * factors[i];
            }
            double label = values[0] > random.nextGaussian() ? 1 : 0;
            int[] indices = dense
                    ? new int[] {0, 1, 2, 3}
                    : random.ints(0, 4).distinct().limit(2).toArray();
            double[] mine = Arrays.stream(indices).mapToDouble(i -> values[i]).toArray();
            double[] other = Arrays.stream(indices).mapToDouble(i -> others[i]).toArray();
            assertThat(inOtherUnits.logit(Examples.sparse(label, indices, other)))
                    .isCloseTo(learning.logit(Examples.sparse(label, indices, mine)), within(1e-8));
        }
    }

    // ---- the written rule

    /** The experts as they are described, each with its own weights in x′, over all features at every step. */
    private static final class Mixture {
        private final List<Share> experts;
        private final Reference.Scales[] scales;
        private final double[][] v;
        private final double[] biases;
        private final double[] q;
        private final double[] squares;
        private double biasSquares;
        private double maxScaledNorms;
        private double standardNorms;
        private double typicalImportance;
        private double meanSquaredImportance;
        private double logarithmOfFactor;
        private double temperatureSquares = 1;
        private int examples;

        Mixture(List<Share> experts, int features) {
            this.experts = experts;
            scales = new Reference.Scales[features];
            Arrays.setAll(scales, i -> new Reference.Scales(1));
            v = new double[experts.size()][features];
            biases = new double[experts.size()];
            q = new double[experts.size()];
            Arrays.fill(q, 1.0 / experts.size());
            squares = new double[features];
        }

        private double input(int expert, int i, double raw) {
            return experts.get(expert).kind().equals("sgd")
                    ? raw * scales[i].inverseLargest
                    : (raw - scales[i].center) * scales[i].inverse;
        }

        double logit(Example x) {
            boolean[] there = new boolean[scales.length];
            double[] raw = new double[scales.length];
            for (int k = 0; k < x.size(); k++) {
                there[x.indices()[k]] = true;
                raw[x.indices()[k]] = x.values()[k];
            }
            double[] z = biases.clone();
            double mixed = 0;
            for (int expert = 0; expert < z.length; expert++) {
                for (int i = 0; i < raw.length; i++) {
                    z[expert] += v[expert][i] * input(expert, i, there[i] ? scales[i].inRange(raw[i]) : 0);
                }
                mixed += q[expert] * z[expert];
            }
            mixed *= Math.exp(logarithmOfFactor);
            double c = x.importance();
            if (c == 0) {
                return mixed;
            }
            examples++;
            if (examples == 1 || examples == 2 && c * 1000 < Math.sqrt(meanSquaredImportance)) {
                typicalImportance = c;
                meanSquaredImportance = c * c;
            }
            c = Math.min(c, 1000 * Math.sqrt(meanSquaredImportance));
            int memory = Math.min(examples, 4096);
            meanSquaredImportance += (c * c - meanSquaredImportance) / memory;
            double root = Math.pow(typicalImportance, 0.25);
            typicalImportance = Math.pow(root + (Math.pow(c, 0.25) - root) / memory, 4);
            double rootMeanSquare = Math.sqrt(meanSquaredImportance);
            double adaGradC = Math.min(c, 2 * rootMeanSquare) / typicalImportance;
            c /= rootMeanSquare;
            double sum = 0;
            for (int expert = 0; expert < z.length; expert++) {
                q[expert] *= Math.exp(-Math.min(3, c) / 2 * Logistic.logLoss(z[expert], x.label()));
                sum += q[expert];
            }
            for (int expert = 0; expert < z.length; expert++) {
                q[expert] = (1 - 3e-4) * q[expert] / sum + 3e-4 / z.length;
            }
            double slope = Math.min(3, c) * (Logistic.probability(mixed) - x.label()) * mixed;
            slope = Math.max(-5, Math.min(5, slope));
            temperatureSquares += slope * slope;
            logarithmOfFactor += Math.log1p(-0.02 * slope / Math.sqrt(temperatureSquares));
            logarithmOfFactor = Math.max(Math.log(0.25), Math.min(Math.log(4), logarithmOfFactor));
            int maxScaled = 0;
            int standard =
                    (int) experts.stream().filter(p -> p.kind().equals("sgd")).count();
            maxScaledNorms++;
            standardNorms++;
            double gradient = adaGradC * (Logistic.probability(mixed) - x.label());
            biasSquares += gradient * gradient;
            for (int i = 0; i < raw.length; i++) {
                if (there[i]) {
                    scales[i].take(raw[i], examples);
                    raw[i] = scales[i].inRange(raw[i]);
                    maxScaledNorms += Math.pow(input(maxScaled, i, raw[i]), 2);
                    standardNorms += Math.pow(input(standard, i, raw[i]), 2);
                    squares[i] += Math.pow(gradient * input(standard, i, raw[i]), 2);
                }
            }
            for (int expert = 0; expert < z.length; expert++) {
                String kind = experts.get(expert).kind();
                double mean = (kind.equals("sgd") ? maxScaledNorms : standardNorms) / examples;
                double n = Math.max(1, mean / 14);
                double alpha = experts.get(expert).learningRate() / (kind.equals("adagrad") ? Math.pow(n, 0.25) : n);
                double own =
                        alpha * (kind.equals("adagrad") ? adaGradC : c) * (Logistic.probability(z[expert]) - x.label());
                if (!kind.equals("adagrad") && c > 3) {
                    double norm = 1;
                    for (int i = 0; i < raw.length; i++) {
                        norm += there[i] ? Math.pow(input(expert, i, raw[i]), 2) : 0;
                    }
                    own = -ImportanceInvariantStep.logitMove(z[expert], x.label(), alpha * c * norm) / norm;
                }
                biases[expert] -= kind.equals("adagrad") ? own / (0.1 + Math.sqrt(biasSquares)) : own;
                for (int i = 0; i < raw.length; i++) {
                    if (there[i]) {
                        double move = own * input(expert, i, raw[i]);
                        v[expert][i] -= kind.equals("adagrad") ? move / (0.25 + Math.sqrt(squares[i])) : move;
                    }
                }
            }
            return mixed;
        }
    }

    @ParameterizedTest
    @EnumSource(FeatureForm.class)
    void isTheMixtureThatIsWritten(FeatureForm form, Random random) {
        List<Share> experts = new FixedShareMixture().mixture(new Model("m", new FixedShareMixture()));
        assertThat(experts.stream().map(Share::kind).distinct()).containsExactly("sgd", "sgd-standard", "adagrad");
        Mixture mixture = new Mixture(experts, 8);
        for (int step = 0; step < 400; step++) {
            Example x = example(random, form, 8);
            if (random.nextInt(4) == 0) {
                x.importance(random.nextInt(4) * 0.5);
                x.label(random.nextDouble());
            }
            if (random.nextInt(40) == 0) {
                x.importance(Math.exp(12 * random.nextGaussian()));
            }
            if (random.nextInt(40) == 0) {
                x.values()[random.nextInt(x.size())] *= 1e7;
            }
            double z = learning.logit(x);
            assertThat(z).as("step " + step).isCloseTo(mixture.logit(x), within(1e-7 * (1 + Math.abs(z))));
            List<Share> shares = learning.model().optimizer().mixture(learning.model());
            double sum = 0;
            for (int expert = 0; expert < experts.size(); expert++) {
                assertThat(shares.get(expert).weight()).isCloseTo(mixture.q[expert], within(1e-7));
                sum += shares.get(expert).weight();
            }
            assertThat(sum).isCloseTo(1, within(1e-12));
        }
    }

    // ---- what is out of the ordinary

    @Test
    void importanceZeroChangesNothingButTheVersion(Random random) {
        for (int step = 0; step < 20; step++) {
            learning.logit(example(random, FeatureForm.DENSE, 8));
        }
        Model model = learning.model();
        double[] shared = model.shared().clone();
        double[] block = model.block(0).clone();
        Example x = example(random, FeatureForm.DENSE, 8);
        x.importance(0);
        learning.logit(x);
        assertThat(model.shared()).isEqualTo(shared);
        assertThat(model.block(0)).isEqualTo(block);
        assertThat(model.version()).isEqualTo(21);
    }

    @Test
    void whatCannotBeSquaredIsRefusedAndChangesNothing(Random random) {
        learning.logit(example(random, FeatureForm.DENSE, 3));
        String before = Examples.bits(learning.model());
        assertThat(learning.reason(Examples.dense(1.0, 1, 1e300, 1))).isEqualTo(Reason.OVERFLOW);
        Example important = Examples.dense(1.0, 1, 1, 1);
        important.importance(1e300);
        assertThat(learning.reason(important)).isEqualTo(Reason.OVERFLOW);
        assertThat(Examples.bits(learning.model())).isEqualTo(before);
    }

    @Test
    void hugeAndTinyValuesLeaveEverythingFinite(Random random) {
        double[] extremes = {1e100, -1e100, Double.MIN_VALUE, -1e-310, 1e-160, 1e-200, 0, 1, 1e50};
        for (int step = 0; step < 1000; step++) {
            Example x = Examples.dense(
                    (double) random.nextInt(2),
                    extremes[random.nextInt(9)],
                    extremes[random.nextInt(9)],
                    step % 2 == 0 ? 1e-320 : -1e-310,
                    random.nextGaussian());
            x.importance(random.nextInt(20) == 0 ? 1e10 : 1);
            learning.logit(x);
            for (int i = 0; i < 4; i++) {
                assertThat(learning.model().weight(i)).isFinite();
            }
            assertThat(learning.model().bias()).isFinite();
            assertThat(Arrays.stream(learning.model().shared())).allMatch(Double::isFinite);
        }
    }

    /** As where two names share a hash. */
    @Test
    void anIndexThatIsThereTwiceIsHarmless(Random random) {
        learning.logit(Examples.sparse(1.0, new int[] {3}, new double[] {2}));
        Model model = learning.model();
        int compared = 0;
        for (int step = 0; step < 2000; step++) {
            double first = 2 + random.nextGaussian();
            double second = random.nextGaussian();
            Example x =
                    Examples.sparse(first + second > 2 ? 1.0 : 0, new int[] {3, 3, 4}, new double[] {first, second, 3});
            double z = model.optimizer().logit(model, x);
            assertThat(model.optimizer().step(model, x, z, Logistic.probability(z)))
                    .isTrue();
            double published = model.bias() + model.weight(3) * (first + second) + model.weight(4) * 3;
            // a value outside the range so far counts as its end
            if (!isBeyondRange(model, x)) {
                compared++;
                assertThat(model.optimizer().logit(model, x)).isCloseTo(published, within(1e-9 * (1 + Math.abs(z))));
            }
        }
        assertThat(compared).isGreaterThan(1900);
        assertThat(model.weight(3)).isPositive();
    }

    @Test
    void followsASuddenChange(Random random) {
        double loss = 0;
        for (int step = 0; step < 6000; step++) {
            double[] x = random.doubles(3, -1, 1).toArray();
            boolean up = x[0] + x[1] / 2 > 0;
            double label = up == step < 3000 ? 1 : 0;
            double z = learning.logit(Examples.dense(label, x));
            loss += step < 5000 ? 0 : Logistic.logLoss(z, label) / 1000;
        }
        // that of one that had stayed as it was would be above 1
        assertThat(loss).isLessThan(0.35);
    }
}
