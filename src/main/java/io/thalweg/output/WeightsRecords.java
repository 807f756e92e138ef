package io.thalweg.output;

import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.math.Form;
import io.thalweg.math.Model;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.apache.avro.util.Utf8;

/**
 * What is published of a model's weights, and when: a model of up to {@code recordMax} weights as one record, after every
 * {@code every} steps; a larger one as the blocks that have changed, when asked. Whatever is left over is published when asked.
 *
 * <p>Where an algorithm mixes several, all weights move with the shares of these, and penalties move all of them too. A block that no
 * step has touched stays as it was published until a share has moved, or penalties have taken, more than {@value #DRIFT}; then all
 * blocks are published.
 */
public final class WeightsRecords {
    private static final double DRIFT = 0.01;
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

    private void publishWhole(Model model, Sink sink) {
        double change = square(model.biasChange());
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                change += model.changeOf(block);
            }
        }
        if (model.publishedVersion() > 0 && !model.publishedWhole()) {
            // weights.record.max has been raised since: blocks and record must not stand side by side
            retractBlocks(model, sink);
        }
        sink.accept(key(model.id()), whole(model, root(change)));
        model.published(true, true);
    }

    private static void publishBlocks(Model model, Sink sink) {
        if (model.publishedWhole()) {
            sink.accept(key(model.id()), null);
        }
        // the blocks that have not changed since were in the record that has just gone, or they have drifted
        boolean all = model.publishedWhole() || model.drift() > DRIFT;
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
        double change = model.changeOf(block) + square(model.biasChange());
        sink.accept(key(model.id(), block), block(model, block, root(change)));
    }

    /** The record of a whole model as it is. @param change since it was last published; null if that is not known */
    public static Weights whole(Model model, Double change) {
        List<Weight> weights = new ArrayList<>(model.extent());
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                addWeights(model, block, model.form() != Form.SPARSE, weights);
            }
        }
        return record(model, null, 1, weights, change);
    }

    /** The record of a block as it is. @param change since it was last published; null if that is not known */
    public static Weights block(Model model, int block, Double change) {
        List<Weight> weights = new ArrayList<>(Model.BLOCK);
        addWeights(model, block, false, weights);
        return record(model, block, model.blockCount(), weights, change);
    }

    private static Weights record(Model model, Integer block, int blocks, List<Weight> weights, Double change) {
        double squares = 0;
        for (Weight weight : weights) {
            squares += square(weight.getWeight());
        }
        return new Weights(
                model.id(),
                model.version(),
                block,
                blocks,
                model.bias(),
                weights,
                Math.sqrt(squares),
                change,
                model.learningRate(),
                model.windowBegin() < 0 ? null : (Long) (model.version() - model.windowBegin()));
    }

    private static void addWeights(Model model, int block, boolean zerosToo, List<Weight> records) {
        int first = block * Model.BLOCK;
        double[] weights = model.weights(block);
        boolean windowIsKnown = model.windowBegin() >= 0;
        int end = zerosToo ? Math.min(Model.BLOCK, model.extent() - first) : weights.length;
        for (int i = 0; i < end; i++) {
            double weight = i < weights.length ? weights[i] : 0;
            if (weight != 0 || zerosToo) {
                int feature = first + i;
                Utf8 name =
                        feature < model.names().size() ? new Utf8(model.names().get(feature)) : null;
                records.add(new Weight(feature, name, weight, windowIsKnown ? moved(model, feature, weight) : null));
            }
        }
    }

    private static Double moved(Model model, int feature, double weight) {
        double moved = model.moved(feature, weight);
        // weights beyond the range of a float
        return Double.isFinite(moved) ? (Double) moved : null;
    }

    private static double square(double x) {
        return x * x;
    }

    private static Double root(double square) {
        return Double.isNaN(square) ? null : (Double) Math.sqrt(square);
    }
}
