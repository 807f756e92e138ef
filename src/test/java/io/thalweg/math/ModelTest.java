package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ModelTest {
    private static Model stepped(int... indices) {
        Model model = Examples.plain("m");
        model.fix(Form.SPARSE, 0);
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

    private static int[] changes(Model.Changes changes) {
        return IntStream.range(0, changes.size()).map(changes::get).toArray();
    }

    @Test
    void takesMemoryOnlyForTheBlocksThatAStepHasTouched() {
        Model model = stepped(5, (1 << 24) - 1);
        assertThat(model.blockCount()).isEqualTo(2);
        assertThat(model.blockEnd()).isEqualTo((1 << 24) / Model.BLOCK);
        assertThat(model.block(0)).hasSize(Model.BLOCK);
        assertThat(model.block(1)).isNull();
        assertThat(model.extent()).isEqualTo(1 << 24);
        assertThat(model.weight(5)).isEqualTo(1);
        assertThat(model.weight((1 << 24) - 1)).isEqualTo(1);
        assertThat(model.weight(6)).isZero();
        assertThat(model.weight(200)).isZero();
        assertThat(stepped(0).weight(1 << 23)).isZero();
    }

    /** Against a set that is kept by hand. */
    @Test
    void knowsWhichBlocksHaveChangedSinceEachOfTheTwoWasWritten() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        Model model = Examples.plain("m");
        model.fix(Form.SPARSE, 0);
        TreeSet<Integer> unlogged = new TreeSet<>();
        TreeSet<Integer> unpublished = new TreeSet<>();
        Map<Integer, Long> changedAt = new HashMap<>();
        for (int i = 0; i < 2000; i++) {
            int[] indices = random.ints(1 + random.nextInt(4), 0, 40 * Model.BLOCK)
                    .distinct()
                    .toArray();
            step(model, 1, indices);
            for (int index : indices) {
                unlogged.add(index / Model.BLOCK);
                unpublished.add(index / Model.BLOCK);
                changedAt.put(index / Model.BLOCK, model.version());
            }
            if (random.nextInt(5) == 0) {
                model.logged();
                unlogged.clear();
            }
            if (random.nextInt(7) == 0) {
                model.published(false);
                unpublished.clear();
            }
            assertThat(changes(model.unlogged())).doesNotHaveDuplicates().containsExactlyInAnyOrder(ints(unlogged));
            assertThat(changes(model.unpublished()))
                    .doesNotHaveDuplicates()
                    .containsExactlyInAnyOrder(ints(unpublished));
            changedAt.forEach((block, at) -> assertThat(model.changedAt(block)).isEqualTo(at));
            assertThat(model.blockCount()).isEqualTo(changedAt.size());
        }
    }

    @Test
    void theLastChangeIsTheNormOfTheStep() {
        Model model = stepped(0, 1, 300);
        assertThat(model.lastChange()).isCloseTo(Math.sqrt(3 + 0.25), within(1e-15));
        step(model, -2, 7);
        assertThat(model.lastChange()).isCloseTo(Math.sqrt(4 + 1), within(1e-15));
        step(model, 0, 7);
        assertThat(model.lastChange()).isZero();
    }

    @Test
    void remembersWhatABlockWasWhenItWasPublished() {
        Model model = stepped(0, 1);
        assertThat(model.changeOf(0)).as("before it remembers").isNaN();
        model.remember();
        assertThat(model.changeOf(0)).as("changed before it remembered").isNaN();
        model.published(false);
        assertThat(model.changeOf(0)).isZero();
        assertThat(model.biasChange()).isZero();
        step(model, 3, 0);
        step(model, 4, 1);
        step(model, 1, 1000);
        assertThat(model.changeOf(0)).isEqualTo(9 + 16);
        assertThat(model.changeOf(1000 / Model.BLOCK)).isEqualTo(1);
        assertThat(model.biasChange()).isEqualTo(4);
        step(model, -3, 0);
        assertThat(model.changeOf(0)).isEqualTo(16);
        model.published(false);
        assertThat(model.changeOf(0)).isZero();
    }

    @Test
    void isRestoredBitForBit() {
        Model model = Examples.plain("m");
        model.fix(Form.DENSE, 3);
        Random random = new Random(4);
        for (int i = 0; i < 50; i++) {
            model.advance(0.1 / (i + 1));
            Examples.moveWeight(model, random.nextInt(1000), random.nextGaussian());
            Examples.moveBias(model, random.nextGaussian());
            model.validation().add(random.nextGaussian(), 0.5, 1, 1, 10);
            if (i == 30) {
                model.published(false);
            }
        }
        Model back = copy(model);
        assertThat(Examples.bits(back)).isEqualTo(Examples.bits(model));
        assertThat(changes(back.unlogged())).isEmpty();
        assertThat(changes(back.unpublished())).containsExactlyInAnyOrder(changes(model.unpublished()));
        // what it was when it was published is not known any more
        for (int block : changes(back.unpublished())) {
            assertThat(back.changeOf(block)).isNaN();
        }
        assertThat(back.biasChange()).isNaN();
        assertThat(back.lastChange()).as("the last step was another process's").isNaN();

        model.logged();
        for (Model each : new Model[] {model, back}) {
            step(each, 0.3, 1, 900);
        }
        assertThat(Examples.bits(back)).isEqualTo(Examples.bits(model));
        assertThat(changes(back.unlogged())).containsExactlyInAnyOrder(changes(model.unlogged()));
        assertThat(changes(back.unpublished())).containsExactlyInAnyOrder(changes(model.unpublished()));
        assertThat(back.lastChange()).isEqualTo(model.lastChange());
    }

    @Test
    void knowsItsChangeAgainOnceAllWasPublishedBeforeItWasRestored() {
        Model model = stepped(3);
        model.published(true);
        Model back = copy(model);
        assertThat(back.biasChange()).isZero();
        assertThat(back.changeOf(0)).isZero();
        step(back, 1, 3);
        assertThat(back.biasChange()).isEqualTo(0.5);
        assertThat(back.lastChange()).isEqualTo(Math.sqrt(1.25));
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
        back.learnsBy(model.algorithm());
        for (int block = model.blockEnd() - 1; block >= 0; block--) {
            if (model.block(block) != null) {
                back.restoreBlock(
                        block, model.changedAt(block), model.block(block).clone());
            }
        }
        back.restore(model.head());
        back.restored(back.version());
        return back;
    }
}
