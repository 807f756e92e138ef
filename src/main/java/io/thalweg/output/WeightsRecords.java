package io.thalweg.output;

import io.thalweg.avro.Weights;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Model;
import java.nio.charset.StandardCharsets;
import java.util.function.BiConsumer;

/**
 * What is published of a model's weights, and when: a model of up to {@code recordMax} weights as one record, after every
 * {@code every} steps; a larger one as the blocks that have changed, when asked. Whatever is left over is published when asked.
 *
 * <p>Where an algorithm mixes several, all weights move with the shares of these, and penalties move all of them too. A block that no
 * step has touched stays as it was published until a share has moved, or penalties have taken, more than {@value
 * #UNTOUCHED_CHANGE_MAX}; then all blocks are published.
 */
public final class WeightsRecords {
    private static final double UNTOUCHED_CHANGE_MAX = 0.01;
    private static final char BLOCK_SEPARATOR = '\0';

    private final int recordMax;
    private final int every;

    public WeightsRecords(int recordMax, int every) {
        this.recordMax = recordMax;
        this.every = every;
    }

    /** Where records go: their key, and the record or null for a tombstone. */
    public interface Sink extends BiConsumer<byte[], Weights> {}

    /** The key of a model that is one record. */
    public static byte[] key(String model) {
        return model.getBytes(StandardCharsets.UTF_8);
    }

    /** The key of a block: model id, NUL, number. No model id holds a NUL, so no two keys are the same. */
    public static byte[] key(String model, int block) {
        return (model + BLOCK_SEPARATOR + block).getBytes(StandardCharsets.UTF_8);
    }

    /** Publishes what a step calls for. @return whether all is published now */
    public boolean afterStep(Model model, Sink sink) {
        if (model.extent() > recordMax || model.version() % every != 0) {
            return false;
        }
        publishWhole(model, sink);
        return true;
    }

    /** Publishes all of a model that has not been published. */
    public void publish(Model model, Sink sink) {
        if (model.publishedVersion() == model.version()) {
            return;
        }
        if (model.extent() > recordMax) {
            publishBlocks(model, sink);
        } else {
            publishWhole(model, sink);
        }
    }

    /** Takes back all that may have been published of a model that is no more. */
    public static void retract(Model model, Sink sink) {
        sink.accept(key(model.id()), null);
        retractBlocks(model, sink);
    }

    private static void retractBlocks(Model model, Sink sink) {
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                sink.accept(key(model.id(), block), null);
            }
        }
    }

    private static void publishWhole(Model model, Sink sink) {
        if (model.publishedVersion() > 0 && !model.publishedWhole()) {
            // weights.record.max has been raised since: blocks and record must not stand side by side
            retractBlocks(model, sink);
        }
        WeightList list = listOfAll(model);
        double change = square(model.biasChange());
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                double[] weights = model.weights(block);
                change += model.changeOf(block, weights);
                list.add(model, block, weights);
                model.published(block, weights, true);
            }
        }
        sink.accept(key(model.id()), record(model, null, 1, list, root(change)));
        model.published(true, true);
    }

    private static void publishBlocks(Model model, Sink sink) {
        if (model.publishedWhole()) {
            sink.accept(key(model.id()), null);
        }
        // the blocks that have not changed since were in the record that has just gone, or they have moved without a
        // step
        boolean all = model.publishedWhole() || model.untouchedChange() > UNTOUCHED_CHANGE_MAX;
        if (all) {
            for (int block = 0; block < model.blockEnd(); block++) {
                if (model.block(block) != null) {
                    publishBlock(model, block, sink);
                }
            }
        } else {
            Model.Changes changed = model.unpublished();
            for (int i = 0; i < changed.size(); i++) {
                publishBlock(model, changed.get(i), sink);
            }
        }
        model.published(false, all);
    }

    private static void publishBlock(Model model, int block, Sink sink) {
        double[] weights = model.weights(block);
        double change = model.changeOf(block, weights) + square(model.biasChange());
        sink.accept(key(model.id(), block), block(model, block, weights, root(change)));
        model.published(block, weights, false);
    }

    /** The record of a whole model as it is. @param change since it was last published; null if that is not known */
    public static Weights whole(Model model, Double change) {
        WeightList list = listOfAll(model);
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                list.add(model, block, model.weights(block));
            }
        }
        return record(model, null, 1, list, change);
    }

    /** The record of a block as it is. @param change since it was last published; null if that is not known */
    public static Weights block(Model model, int block, Double change) {
        return block(model, block, model.weights(block), change);
    }

    private static Weights block(Model model, int block, double[] weights, Double change) {
        WeightList list = new WeightList(model, block, block + 1, weights.length, false);
        list.add(model, block, weights);
        return record(model, block, model.blockCount(), list, change);
    }

    private static WeightList listOfAll(Model model) {
        int blocks = (model.extent() + Model.BLOCK - 1) / Model.BLOCK;
        return new WeightList(model, 0, blocks, model.extent(), model.form() != FeatureForm.SPARSE);
    }

    private static Weights record(Model model, Integer block, int blocks, WeightList weights, Double change) {
        return new Weights(
                model.id(),
                model.version(),
                block,
                blocks,
                model.bias(),
                weights,
                weights.norm(),
                change,
                model.learningRate(),
                model.windowBegin() < 0 ? null : (Long) (model.version() - model.windowBegin()));
    }

    private static double square(double x) {
        return x * x;
    }

    private static Double root(double square) {
        return Double.isNaN(square) ? null : (Double) Math.sqrt(square);
    }
}
