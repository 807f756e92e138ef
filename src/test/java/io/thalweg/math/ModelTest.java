package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.testing.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Seeded
class ModelTest {
    private static Model stepped(int... indices) {
        Model model = Examples.plain("m");
        model.fix(FeatureForm.SPARSE, 0);
        step(model, 1, indices);
        return model;
    }

    private static void step(Model model, double by, int... indices) {
        model.advance(0.5);
        for (int i : indices) {
            Examples.moveWeight(model, i, by);
        }
        Examples.moveBias(model, by / 2);
    }

    private static int[] ints(TreeSet<Integer> set) {
        return set.stream().mapToInt(Integer::intValue).toArray();
    }

    private static int[] changes(ChangedBlocks changes) {
        return IntStream.range(0, changes.size()).map(changes::get).toArray();
    }

    @Test
    void takesMemoryOnlyForTheBlocksThatAStepHasTouched() {
        Model model = stepped(5, (1 << 24) - 1);
        assertThat(model.blockCount()).isEqualTo(2);
        assertThat(model.blockEnd()).isEqualTo((1 << 24) / Model.BLOCK);
        assertThat(model.block(0)).as("no further than it was touched").hasSize(8);
        assertThat(model.block((1 << 24) / Model.BLOCK - 1)).hasSize(Model.BLOCK);
        assertThat(model.block(1)).isNull();
        assertThat(model.extent()).isEqualTo(1 << 24);
        assertThat(model.weight(5)).isEqualTo(1);
        assertThat(model.weight((1 << 24) - 1)).isEqualTo(1);
        assertThat(model.weight(6)).isZero();
        assertThat(model.weight(200)).isZero();
        assertThat(stepped(0).weight(1 << 23)).isZero();
    }

    /** Against sets that are kept by hand. */
    @Test
    void knowsWhichBlocksHaveChangedSinceEachOfTwoWasSettled(Random random) {
        Model model = Examples.plain("m");
        model.fix(FeatureForm.SPARSE, 0);
        List<TreeSet<Integer>> expected = List.of(new TreeSet<>(), new TreeSet<>());
        List<TreeSet<Integer>> told = List.of(new TreeSet<>(), new TreeSet<>());
        List<ChangedBlocks> trackers = new ArrayList<>();
        for (TreeSet<Integer> blocks : told) {
            trackers.add(model.track(0, (slot, block, isNew) -> {
                assertThat(slot).isEqualTo(model.slot(block)).isPositive();
                assertThat(isNew).isEqualTo(model.changedAt(block) == 0);
                assertThat(blocks.add(block)).as("told once").isTrue();
            }));
        }
        Map<Integer, Long> changedAt = new HashMap<>();
        for (int i = 0; i < 2000; i++) {
            int[] indices = random.ints(1 + random.nextInt(4), 0, 40 * Model.BLOCK)
                    .distinct()
                    .toArray();
            step(model, 1, indices);
            for (int index : indices) {
                expected.forEach(blocks -> blocks.add(index / Model.BLOCK));
                changedAt.put(index / Model.BLOCK, model.version());
            }
            for (int k = 0; k < 2; k++) {
                if (random.nextInt(5 + 2 * k) == 0) {
                    model.settle(trackers.get(k));
                    expected.get(k).clear();
                    told.get(k).clear();
                }
                assertThat(changes(trackers.get(k)))
                        .doesNotHaveDuplicates()
                        .containsExactlyInAnyOrder(ints(expected.get(k)));
                assertThat(told.get(k)).isEqualTo(expected.get(k));
            }
            changedAt.forEach((block, at) -> assertThat(model.changedAt(block)).isEqualTo(at));
            assertThat(model.blockCount()).isEqualTo(changedAt.size());
        }
    }

    @Test
    void theChangeSinceASnapshotIsTheNormOfWhatHasMoved() {
        Model model = stepped(0, 1, 300);
        assertThat(WeightsSnapshot.ZERO.changeTo(model)).isCloseTo(Math.sqrt(3 + 0.25), within(1e-15));
        WeightsSnapshot before = model.snapshot();
        assertThat(before.changeTo(model)).isZero();
        step(model, -2, 7);
        step(model, 3, 1000);
        assertThat(before.changeTo(model)).isCloseTo(Math.sqrt(4 + 9 + 0.25), within(1e-15));
    }

    /**
     * Against a history of all weights at every version, asked for after every step, or when halves of the window have
     * come and gone.
     */
    @ParameterizedTest
    @CsvSource({"SGD,false", "SGD,true", "AUTO,false", "AUTO,true"})
    void knowsWhatEachWeightHasMovedByInTheRecentWindow(Algorithm algorithm, boolean dense, Random random)
            throws Rejection {
        for (int window : new int[] {2, 3, 10, 64, 1000}) {
            Learner learner = new Learner(Examples.settings(algorithm), window);
            Examples.ModelMap models = new Examples.ModelMap();
            PredictionResult result = new PredictionResult();
            List<float[]> history = new ArrayList<>();
            history.add(new float[1000]);
            long restoredAt = -1;
            int known = 0;
            int every = dense || random.nextBoolean() ? window : 1;
            for (int i = 0; i < 400; i++) {
                if (i == 200) {
                    Model back = copy(models.get("m"));
                    models.add(back);
                    restoredAt = back.version();
                }
                int space = 200 + random.nextInt(2) * 600;
                models.process(
                        learner,
                        "m",
                        dense
                                ? Examples.dense(
                                        (double) random.nextInt(2),
                                        random.doubles(12).toArray())
                                : Examples.randomSparse(random, 3, space),
                        result);
                if (!dense && random.nextInt(20) == 0) {
                    // one that cannot be learned from changes nothing
                    Example bad = Examples.sparse(0.3, new int[] {3}, new double[] {1e300});
                    bad.importance(1e300);
                    assertThatThrownBy(() -> models.process(learner, "m", bad, result))
                            .isInstanceOf(Rejection.class);
                }
                Model model = models.get("m");
                float[] now = new float[1000];
                for (int k = 0; k < now.length; k++) {
                    now[k] = (float) model.weight(k);
                }
                history.add(now);
                long half = window / 2;
                long begin = Math.max(0, ((model.version() - 1) / half - 1) * half);
                if (begin < restoredAt) {
                    assertThat(model.windowBegin()).isEqualTo(-1);
                    continue;
                }
                known++;
                assertThat(model.windowBegin()).isEqualTo(begin);
                for (int k = 0; i % every == 0 && k < model.extent(); k++) {
                    if (model.block(k / Model.BLOCK) != null) {
                        assertThat(moved(model, k)).isEqualTo((double) now[k] - history.get((int) begin)[k]);
                    }
                }
            }
            assertThat(known).isGreaterThanOrEqualTo(window == 1000 ? 200 : 399 - 2 * window);
        }
    }

    @Test
    void goesOnUnderAnotherAlgorithmFromTheSameWeights() throws Rejection {
        Random random = new Random(7);
        for (List<Algorithm> way : List.of(
                List.of(Algorithm.SGD, Algorithm.AUTO),
                List.of(Algorithm.AUTO, Algorithm.SGD),
                List.of(Algorithm.AUTO, Algorithm.AUTO))) {
            Learner before = new Learner(Examples.settings(way.get(0)));
            Learner after = new Learner(Examples.settings(way.get(1)));
            Examples.ModelMap models = new Examples.ModelMap();
            PredictionResult result = new PredictionResult();
            for (int i = 0; i < 100; i++) {
                models.process(before, "m", Examples.randomSparse(random, 5, 1000), result);
            }
            Model old = models.get("m");
            String oldBits = Examples.bits(old);
            ChangedBlocks oldChanges = old.track(old.version(), ChangedBlocks.Listener.NONE);
            Model model = old.under(after.optimizer());
            assertThat(Examples.bits(old)).isEqualTo(oldBits);
            assertThat(model.bias()).isEqualTo(old.bias());
            for (int i = 0; i < old.extent(); i++) {
                assertThat(model.weight(i)).isEqualTo(old.weight(i));
            }
            assertThat(model.version()).isEqualTo(100);
            assertThat(model.block(0)).hasSize(old.used(0) * after.optimizer().width());
            ChangedBlocks changes = model.track(0, ChangedBlocks.Listener.NONE);
            assertThat(changes(changes)).hasSize(model.blockCount());

            // numbers far from 0 to 1, which the new one has no scale of yet
            models.add(model);
            Example x = Examples.sparse(null, new int[] {3, 500, 900}, new double[] {-70, 0.5, 900});
            models.process(after, "m", x, result);
            double z = old.bias() - 70 * old.weight(3) + 0.5 * old.weight(500) + 900 * old.weight(900);
            assertThat(result.logit()).isCloseTo(z, within(1e-12));

            x.label(1);
            models.process(after, "m", x, result);
            assertThat(changes(changes)).doesNotHaveDuplicates().hasSize(model.blockCount());
            assertThat(changes(oldChanges)).isEmpty();
            models.process(after, "m", x, result);
            assertThat(result.logit()).isGreaterThan(z);
        }
    }

    /** Blocks that begin, grow and go in any order, next to each other and far apart, against a map. */
    @Test
    void everyFeatureHasItsOwnWeight(Random random) {
        Model model = Examples.plain("m");
        Map<Integer, Double> weights = new HashMap<>();
        for (int step = 0; step < 3000; step++) {
            model.advance(1);
            for (int k = 0; k < 5; k++) {
                int i = random.nextInt(1 << (7 + random.nextInt(18)));
                double by = random.nextGaussian();
                Examples.moveWeight(model, i, by);
                weights.merge(i, by, Double::sum);
                assertThat(model.changedAt(i / Model.BLOCK)).isEqualTo(model.version());
            }
            if (random.nextInt(20) == 0) {
                int block = weights.keySet().iterator().next() / Model.BLOCK;
                model.dropBlock(block);
                weights.keySet().removeIf(i -> i / Model.BLOCK == block);
                assertThat(model.block(block)).isNull();
                assertThat(model.changedAt(block)).isZero();
            }
        }
        weights.forEach((i, weight) -> assertThat(model.weight(i)).isEqualTo(weight));
        assertThat(model.blockCount()).isEqualTo((int)
                weights.keySet().stream().map(i -> i / Model.BLOCK).distinct().count());
        double sum = 0;
        for (int block = 0; block < model.blockEnd(); block++) {
            sum += model.block(block) == null
                    ? 0
                    : Arrays.stream(model.block(block)).filter(w -> w != 0).count();
        }
        assertThat(sum).as("no weight anywhere else").isEqualTo(weights.size());
    }

    @Test
    void isRestoredBitForBit() {
        Model model = Examples.plain("m");
        model.fix(FeatureForm.DENSE, 3);
        ChangedBlocks changes = model.track(0, ChangedBlocks.Listener.NONE);
        Random random = new Random(4);
        for (int i = 0; i < 50; i++) {
            model.advance(0.1 / (i + 1));
            Examples.moveWeight(model, random.nextInt(1000), random.nextGaussian());
            Examples.moveBias(model, random.nextGaussian());
            model.validation().add(random.nextGaussian(), 0.5, 1, 1, 10);
            if (i == 30) {
                model.settle(changes);
            }
        }
        Model back = copy(model);
        assertThat(Examples.bits(back)).isEqualTo(Examples.bits(model));
        ChangedBlocks changesOfBack = back.track(31, ChangedBlocks.Listener.NONE);
        assertThat(changes(changesOfBack)).containsExactlyInAnyOrder(changes(changes));
        for (Model each : new Model[] {model, back}) {
            step(each, 0.3, 1, 900);
        }
        assertThat(Examples.bits(back)).isEqualTo(Examples.bits(model));
        assertThat(changes(changesOfBack)).containsExactlyInAnyOrder(changes(changes));
    }

    @Test
    void dropsABlock() {
        Model model = stepped(3, 200);
        model.dropBlock(1);
        model.dropBlock(1);
        model.dropBlock(77);
        assertThat(model.blockCount()).isEqualTo(1);
        assertThat(model.weight(200)).isZero();
        assertThat(model.weight(3)).isEqualTo(1);
    }

    private static Model copy(Model model) {
        Model back = new Model(model.id());
        back.learnsBy(model.optimizer());
        for (int block = model.blockEnd() - 1; block >= 0; block--) {
            if (model.block(block) != null) {
                back.restoreBlock(
                        block, model.changedAt(block), model.block(block).clone());
            }
        }
        back.restore(model.head());
        back.restored();
        return back;
    }

    private static double moved(Model model, int feature) {
        float[] then = model.weightsThen(feature / Model.BLOCK, model.weights(feature / Model.BLOCK));
        int at = feature % Model.BLOCK;
        return then == null ? 0 : (double) (float) model.weight(feature) - (at < then.length ? then[at] : 0);
    }
}
